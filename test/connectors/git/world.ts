import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { TestContext } from "node:test";
import { gitConnector } from "../../../src/connectors/git/index.ts";
import type { GitLimits, GitRepository } from "../../../src/connectors/git/index.ts";
import type { Connector } from "../../../src/control/ports.ts";
import { assert, digestJson, millis } from "../../../src/core/base/index.ts";
import type { ChangeId, PrincipalId } from "../../../src/core/base/index.ts";
import { assemblePlan } from "../../../src/core/plan/index.ts";
import type { Plan, Proposal, StepAnalysis } from "../../../src/core/plan/index.ts";

export const NOW = millis(Date.UTC(2026, 0, 15, 12, 0, 0));
export const LIMITS = { timeoutMillis: 60_000 };
export const KEY = new Uint8Array(32).fill(7);

/** A file's content, or a link's target, or an executable's content. */
export type Files = Readonly<
  Record<string, string | Uint8Array | { readonly link: string } | { readonly run: string } | { readonly submodule: string }>
>;

const ENV = {
  PATH: process.env.PATH ?? "",
  HOME: "/nonexistent",
  GIT_CONFIG_NOSYSTEM: "1",
  GIT_CONFIG_GLOBAL: "/dev/null",
  GIT_AUTHOR_NAME: "Ada",
  GIT_AUTHOR_EMAIL: "ada@example.com",
  GIT_AUTHOR_DATE: "1767225600 +0000",
  GIT_COMMITTER_NAME: "Ada",
  GIT_COMMITTER_EMAIL: "ada@example.com",
  GIT_COMMITTER_DATE: "1767225600 +0000",
};

/** A bare repository with a `main` branch, and a connector that knows it as `shop`. */
export class World {
  readonly dir: string;
  readonly bare: string;
  readonly work: string;
  readonly mirrors: string;

  constructor(t: Pick<TestContext, "after">) {
    this.dir = mkdtempSync(join(tmpdir(), "pawl-git-"));
    this.bare = join(this.dir, "shop.git");
    this.work = join(this.dir, "work");
    this.mirrors = join(this.dir, "mirrors");
    t.after(() => rmSync(this.dir, { recursive: true, force: true }));
    this.git(this.dir, "init", "--quiet", "--bare", "--initial-branch=main", this.bare);
  }

  git(cwd: string, ...args: string[]): string {
    return execFileSync("git", args, { cwd, env: ENV, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] }).trim();
  }

  /** What git prints in the bare repository, untrimmed. */
  raw(...args: string[]): string {
    return execFileSync("git", [`--git-dir=${this.bare}`, ...args], { env: ENV, encoding: "utf8", maxBuffer: 64 * 1024 * 1024 });
  }

  /** Commits these files onto the branch, without hooks, filters or a checkout; undefined removes a file. */
  commit(branch: string, files: Readonly<Record<string, Files[string] | undefined>>, message = "change"): string {
    const ref = `refs/heads/${branch}`;
    const parent = this.tip(branch);
    const person = "Ada <ada@example.com> 1767225600 +0000";
    const data = (bytes: Uint8Array): Buffer => Buffer.concat([Buffer.from(`data ${bytes.length}\n`), bytes, Buffer.from("\n")]);
    const parts = [Buffer.from(`commit ${ref}\nauthor ${person}\ncommitter ${person}\n`), data(Buffer.from(message))];
    if (parent !== undefined) parts.push(Buffer.from(`from ${parent}\n`));
    for (const [path, file] of Object.entries(files)) {
      const name = `"${path.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n")}"`;
      const [mode, content] = file === undefined ? ["", ""] : modeOf(file);
      if (file === undefined) parts.push(Buffer.from(`D ${name}\n`));
      else if (mode === "160000") parts.push(Buffer.from(`M ${mode} ${content as string} ${name}\n`));
      else parts.push(Buffer.from(`M ${mode} inline ${name}\n`), data(Buffer.from(content)));
    }
    execFileSync("git", [`--git-dir=${this.bare}`, "fast-import", "--quiet", "--force"], { env: ENV, input: Buffer.concat(parts) });
    const tip = this.tip(branch);
    assert(tip !== undefined, "the commit was made");
    return tip;
  }

  /** A commit whose tree holds a path that git itself would not write: trees nested by hand. */
  forge(branch: string, path: string, content: string): string {
    const run = (args: string[], input: string | Uint8Array): string =>
      execFileSync("git", [`--git-dir=${this.bare}`, ...args], { env: ENV, encoding: "utf8", input }).trim();
    const raw = (oid: string): Buffer => Buffer.from(oid, "hex");
    let entry = { mode: "100644", oid: run(["hash-object", "-w", "--stdin"], content) };
    const parts = path.split("/");
    for (const name of parts.slice(1).toReversed()) {
      const tree = Buffer.concat([Buffer.from(`${entry.mode} ${name}\0`), raw(entry.oid)]);
      entry = { mode: "40000", oid: run(["hash-object", "-w", "-t", "tree", "--literally", "--stdin"], tree) };
    }
    const kept = execFileSync("git", [`--git-dir=${this.bare}`, "cat-file", "tree", `${branch}^{tree}`], { env: ENV });
    const whole = Buffer.concat([Buffer.from(`${entry.mode} ${parts[0] ?? ""}\0`), raw(entry.oid), kept]);
    const tree = run(["hash-object", "-w", "-t", "tree", "--literally", "--stdin"], whole);
    const commit = run(["commit-tree", "-p", `refs/heads/${branch}`, "-m", "forged", tree], "");
    run(["update-ref", `refs/heads/${branch}`, commit], "");
    return commit;
  }

  tip(branch: string): string | undefined {
    try {
      return this.git(this.bare, "rev-parse", "--verify", "--quiet", `refs/heads/${branch}`);
    } catch {
      return undefined;
    }
  }

  show(spec: string): string {
    return this.git(this.bare, "show", spec);
  }

  /** A second branch that starts where the first stands. */
  branch(name: string, from = "main"): void {
    this.git(this.bare, "branch", name, from);
  }

  connector(
    repository: Partial<GitRepository> = {},
    more: {
      readonly limits?: Partial<GitLimits>;
      readonly env?: Record<string, string>;
      readonly gitBinary?: string;
      /** Another node: a work directory of its own. */
      readonly node?: string;
      readonly key?: Uint8Array;
    } = {},
  ): Connector {
    return gitConnector({
      repositories: [{ name: "shop", url: this.bare, environment: "production", ...repository }],
      workDir: more.node === undefined ? this.mirrors : join(this.dir, more.node),
      secretKey: more.key ?? KEY,
      clock: { now: () => NOW },
      submitterIdentity: { name: "Pawl", email: "pawl@example.com" },
      env: { PATH: process.env.PATH, ...more.env },
      ...(more.gitBinary !== undefined && { gitBinary: more.gitBinary }),
      ...(more.limits && { limits: more.limits }),
    });
  }

  write(path: string, content: string, mode = 0o644): string {
    const full = join(this.dir, path);
    mkdirSync(dirname(full), { recursive: true });
    writeFileSync(full, content, { mode });
    return full;
  }
}

/** The plan that a change of this one step would have; it throws when the connector leaves the plan's shape. */
export function planOf(analysis: StepAnalysis): Plan {
  const principal = "agent:coder" as PrincipalId;
  const step = { id: "s1", connector: "git", input: {} };
  const proposal: Proposal = {
    title: "t",
    summary: "s",
    author: principal,
    proposer: principal,
    onBehalfOf: principal,
    steps: [step],
    claims: [],
    start: "on-request",
    salt: "x",
  };
  const { environment = "" } = analysis.step.target;
  return assemblePlan({
    change: "chg_000000" as ChangeId,
    proposal,
    proposalDigest: digestJson(proposal),
    analyses: [{ id: "s1", connector: "git", analysis }],
    names: [{ system: "git:shop", environment, resources: ["git:shop#**"] }],
  });
}

function modeOf(file: Files[string]): [string, string | Uint8Array] {
  if (typeof file === "string" || file instanceof Uint8Array) return ["100644", file];
  if ("link" in file) return ["120000", file.link];
  return "run" in file ? ["100755", file.run] : ["160000", file.submodule];
}

/** The patch that turns the first text of a file into the second: every line replaced. */
export function patchOf(path: string, before: string, after: string): string {
  const lines = (text: string): string[] => text.split("\n").slice(0, -1);
  const [old, now] = [lines(before), lines(after)];
  const range = (count: number): string => `${count === 0 ? 0 : 1},${count}`;
  const head = [`diff --git a/${path} b/${path}`];
  if (old.length === 0) head.push("new file mode 100644", "--- /dev/null", `+++ b/${path}`);
  else if (now.length === 0) head.push("deleted file mode 100644", `--- a/${path}`, "+++ /dev/null");
  else head.push(`--- a/${path}`, `+++ b/${path}`);
  return [
    ...head,
    `@@ -${range(old.length)} +${range(now.length)} @@`,
    ...old.map((line) => `-${line}`),
    ...now.map((line) => `+${line}`),
    "",
  ].join("\n");
}
