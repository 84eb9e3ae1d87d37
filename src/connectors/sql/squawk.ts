import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { execa } from "execa";

/** What squawk, the linter of PostgreSQL migrations, says of a text. */
export interface SquawkFinding {
  readonly rule: string;
  readonly line: number;
  readonly message: string;
  readonly help?: string;
}

/** Pawl sets the time-outs itself, and a change that stops half way leaves nothing. */
const EXCLUDED = ["require-lock-timeout", "require-statement-timeout", "prefer-robust-stmts"];

/** Without its comments, in place: one can tell squawk to look away, and nobody who proposes may. */
async function withoutComments(text: string): Promise<string> {
  const { scan } = await import("libpg-query");
  const bytes = Buffer.from(text);
  for (const { start, end, tokenName } of (await scan(text)).tokens) {
    if (tokenName !== "SQL_COMMENT" && tokenName !== "C_COMMENT") continue;
    for (let at = start; at < end; at += 1) if (bytes[at] !== LINE_FEED) bytes[at] = SPACE;
  }
  return bytes.toString("utf8");
}

const LINE_FEED = 10;
const SPACE = 32;

/** Undefined where it is not installed or does not answer: then what it would find is unknown. */
export async function runSquawk(text: string, signal: AbortSignal, program = installed()): Promise<readonly SquawkFinding[] | undefined> {
  if (program === undefined) return undefined;
  const args = ["--reporter", "json", "--stdin-filepath", "change.sql", "--assume-in-transaction", `--exclude=${EXCLUDED.join(",")}`];
  const done = await execa(program, args, {
    input: await withoutComments(text),
    env: {},
    extendEnv: false,
    cwd: tmpdir(),
    reject: false,
    timeout: 10_000,
    cancelSignal: signal,
    maxBuffer: 4 * 1024 * 1024,
  });
  return done.exitCode === 0 || done.exitCode === 1 ? read(done.stdout) : undefined;
}

/** npm puts the program for this machine into a package of its own. */
function installed(): string | undefined {
  try {
    const require = createRequire(import.meta.url);
    const { getBinaryPath } = require("squawk-cli/js/index.js") as { readonly getBinaryPath: () => string };
    return getBinaryPath();
  } catch {
    return undefined;
  }
}

interface Raw {
  readonly rule_name?: unknown;
  readonly line?: unknown;
  readonly message?: unknown;
  readonly help?: unknown;
}

function read(output: string): readonly SquawkFinding[] | undefined {
  try {
    const list = JSON.parse(output) as readonly Raw[];
    return list.map(({ rule_name: rule, line, message, help }) => ({
      rule: String(rule).replaceAll(/[^a-z0-9-]/g, ""),
      line: Number(line) + 1,
      message: String(message).slice(0, 1_000),
      ...(typeof help === "string" && { help: help.slice(0, 1_000) }),
    }));
  } catch {
    return undefined;
  }
}
