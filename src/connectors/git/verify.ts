import { mkdir, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { stripVTControlCharacters } from "node:util";
import { execa, type Result as Ran } from "execa";
import type { Performed } from "../../control/ports.ts";
import { fail, ok } from "../../core/base/index.ts";
import type { JsonObject, Result } from "../../core/base/index.ts";
import { contains, currentHead, factOf } from "./execute.ts";
import type { ExecuteContext } from "./execute.ts";
import { readable, succeeded } from "./process.ts";
import { withoutSecretLines } from "./redact.ts";
import { scratch } from "../scratch.ts";
import type { GitRepository } from "./types.ts";

const TAIL = 4_000;
const SCANNED = 64 * 1024;

/** The branch holds our commit, the commit has the approved tree, and the operator's own check passes on it. */
export async function verifyPayload(context: ExecuteContext, performed: Performed): Promise<Result<Performed>> {
  const { mirror, payload, signal } = context;
  const ours = factOf(performed.facts, "commit");
  const head = await mirror.locked(() => currentHead(mirror, payload.branch, signal));
  if (!head.ok) return head;
  const there = head.value.commit === ours || (await contains(mirror, ours, head.value.commit, signal));
  if (!there)
    return fail({
      code: "verify_commit_gone",
      message: `the branch ${payload.branch} does not hold the commit ${ours}`,
      remedy: "find out who moved the branch",
      details: { head: head.value.commit },
    });
  const objects = mirror.objects({}, signal);
  const tree = await objects.info(`${ours}^{tree}`);
  await objects.close();
  if (tree?.oid !== payload.tree)
    return fail({
      code: "verify_tree_differs",
      message: `the commit ${ours} does not have the approved tree`,
      details: { expected: payload.tree, observed: tree?.oid ?? "" },
    });
  const facts: JsonObject = { commit: ours, tree: tree.oid, head: head.value.commit };
  return mirror.repository.verify === undefined ? ok({ facts }) : runCheck(context, mirror.repository.verify, facts);
}

/** Runs the operator's program in a fresh copy of the approved tree: symbolic links are written as plain files, nothing is filtered. */
async function runCheck(
  context: ExecuteContext,
  check: NonNullable<GitRepository["verify"]>,
  facts: JsonObject,
): Promise<Result<Performed>> {
  const { mirror, payload, signal } = context;
  const dir = await scratch(join(dirname(mirror.dir), "checks"));
  try {
    const env = { GIT_INDEX_FILE: join(dir, "index"), GIT_WORK_TREE: join(dir, "files") };
    await mkdir(env.GIT_WORK_TREE);
    for (const args of [
      ["read-tree", "--end-of-options", payload.tree],
      ["checkout-index", "--all", "--force", "--quiet"],
    ]) {
      const done = await mirror.run({ args, env, signal });
      if (!succeeded(done))
        return fail({
          code: "verify_checkout_failed",
          message: `cannot write the approved tree to disk: ${done.stderr}`,
          remedy: "check the work directory",
        });
    }
    return await runProgram(context, check, env.GIT_WORK_TREE, dir, facts);
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

async function runProgram(
  context: ExecuteContext,
  check: NonNullable<GitRepository["verify"]>,
  cwd: string,
  home: string,
  facts: JsonObject,
): Promise<Result<Performed>> {
  const [program = "", ...args] = check.argv;
  const done = await execa(program, args, {
    cwd,
    env: { PATH: context.mirror.program.path, HOME: home, TMPDIR: home, LANG: "C.UTF-8", CI: "1" },
    extendEnv: false,
    stdin: "ignore",
    all: true,
    reject: false,
    timeout: check.timeoutSeconds * 1000,
    cancelSignal: context.signal,
    killDescendants: true,
    forceKillAfterDelay: 1000,
    maxBuffer: 8 * 1024 * 1024,
  });
  const output = await tailOf(done.all ?? "");
  const argv = await Promise.all(check.argv.map(withoutSecretLines));
  const evidence: JsonObject = { argv, exit: done.exitCode ?? -1, output };
  if (done.exitCode === 0) return ok({ facts: { ...facts, check: evidence } });
  return fail({
    code: "verify_check_failed",
    message: `the check ${readable(argv.join(" "))} ${endOf(done)}`,
    remedy: "read its output; the change is taken back",
    details: evidence,
  });
}

type Ended = Pick<Ran, "timedOut" | "isCanceled" | "isMaxBuffer" | "signal" | "exitCode">;

function endOf({ timedOut, isCanceled, isMaxBuffer, signal, exitCode }: Ended): string {
  if (timedOut || isCanceled) return "did not end in time";
  if (isMaxBuffer) return "printed too much";
  if (signal !== undefined) return `was ended by ${signal}`;
  return exitCode === undefined ? "did not run" : `ended with ${exitCode}`;
}

/** The end of what a program printed, without lines in which something looks like a secret: it is kept, and shown to reviewers. */
async function tailOf(printed: string): Promise<string> {
  // Colours stand right before a word: no scanner knows a secret behind their letters.
  const output = stripVTControlCharacters(printed);
  const end = output.slice(-SCANNED);
  // A line that is cut may hold half a secret, which no scanner knows.
  const whole = end.length < output.length ? end.slice(end.indexOf("\n") + 1 || end.length) : end;
  // Half a character at the cut could not be recorded.
  return (await withoutSecretLines(whole)).slice(-TAIL).toWellFormed();
}
