import type { Clock, PerformFault, Performed } from "../../control/ports.ts";
import { fail, ok } from "../../core/base/index.ts";
import type { Digest, JsonObject, Refusal, Result } from "../../core/base/index.ts";
import { rebuild } from "./carried.ts";
import { changesDigest, readChanges } from "./changes.ts";
import { baseRef, fetchBranch, localPath, otherEnd, resolveHead } from "./mirror.ts";
import type { Mirror } from "./mirror.ts";
import { isOid } from "./names.ts";
import { stateDigest } from "./payload.ts";
import type { GitPayload } from "./payload.ts";
import { readable, succeeded } from "./process.ts";
import type { GitLimits, Head, Identity } from "./types.ts";

export interface ExecuteContext {
  readonly mirror: Mirror;
  readonly payload: GitPayload;
  /** What the payload carries beside its document. */
  readonly carried?: Uint8Array;
  readonly secretKey: Uint8Array;
  readonly pin: string;
  readonly limits: GitLimits;
  readonly clock: Clock;
  readonly committer: Identity;
  readonly signal: AbortSignal;
}

const untouched = (error: Refusal): { readonly ok: false; readonly error: PerformFault } => fail({ ...error, effect: "none" });

/** The branch as it is now. */
export async function currentHead(mirror: Mirror, branch: string, signal: AbortSignal): Promise<Result<Head>> {
  const fetched = await fetchBranch(mirror, branch, undefined, signal);
  if (!fetched.ok) return fetched;
  const objects = mirror.objects({}, signal);
  const head = await resolveHead(objects, baseRef(branch));
  await objects.close();
  return head === undefined ? fail({ code: "git_failed", message: `cannot read the branch ${branch}`, remedy: "try again" }) : ok(head);
}

/** Commits the approved tree onto the branch, if the branch still has the tree that the plan was made from. */
export async function applyPayload(context: ExecuteContext, expected: Digest): Promise<Result<Performed, PerformFault>> {
  const { mirror, payload, signal } = context;
  const head = await currentHead(mirror, payload.branch, signal);
  if (!head.ok) return untouched(head.error);
  const observed = stateDigest(payload.repository, payload.branch, head.value.tree);
  if (observed !== expected || head.value.tree !== payload.base_tree) return stale(payload, expected, observed, head.value);
  const intact = await approvedContent(context);
  if (!intact.ok) return untouched(intact.error);
  const commit = await commitTree(context, payload.tree, head.value.commit, payload.message);
  if (!commit.ok) return untouched(commit.error);
  const pushed = await pushCommit(context, commit.value, head.value.commit);
  if (!pushed.ok) return pushed;
  await mirror.run({ args: ["update-ref", "-d", context.pin], signal });
  return ok({ facts: { commit: commit.value, parent: head.value.commit, tree: payload.tree, branch: payload.branch } });
}

function stale(payload: GitPayload, expected: Digest, observed: Digest, head: Head): Result<never, PerformFault> {
  return untouched({
    code: "stale_state",
    message: `the branch ${payload.branch} of ${payload.repository} is not as it was when this was approved`,
    remedy: "plan the change again on the branch as it is now",
    details: { expected, observed, commit: head.commit, tree: head.tree },
  });
}

/** What another node planned, or what this one lost, is made again from what the payload carries. */
async function approvedContent(context: ExecuteContext): Promise<Result<void>> {
  const here = await contentHere(context);
  if (here.ok || !(here.error.code === "git_tree_missing" || here.error.code === "git_object_missing")) return here;
  const rebuilt = await rebuild(context);
  return rebuilt.ok ? contentHere(context) : rebuilt;
}

/** The tree's objects as they are now, hashed again with SHA-256, must be what was approved. */
async function contentHere(context: ExecuteContext): Promise<Result<void>> {
  const { mirror, payload, signal, limits } = context;
  const objects = mirror.objects({}, signal);
  try {
    const tree = await objects.info(payload.tree);
    if (tree?.type !== "tree") return fail({ code: "git_tree_missing", message: "the approved tree is not in the mirror" });
    const changes = await readChanges(mirror, objects, {}, { before: payload.base_tree, after: payload.tree, show: false }, limits, signal);
    if (!changes.ok) return changes;
    if (changesDigest(changes.value) === payload.changes) return ok(undefined);
    return fail({
      code: "git_content_differs",
      message: "the content in the mirror is not the content that was approved",
      remedy: "plan the change again, and find out who wrote to the work directory",
    });
  } finally {
    await objects.close();
  }
}

async function commitTree(context: ExecuteContext, tree: string, parent: string, message: string): Promise<Result<string>> {
  const { payload, committer } = context;
  const date = `${Math.floor(context.clock.now() / 1000)} +0000`;
  const env = {
    GIT_AUTHOR_NAME: payload.author.name,
    GIT_AUTHOR_EMAIL: payload.author.email,
    GIT_AUTHOR_DATE: date,
    GIT_COMMITTER_NAME: committer.name,
    GIT_COMMITTER_EMAIL: committer.email,
    GIT_COMMITTER_DATE: date,
  };
  const made = await context.mirror.run({
    args: ["commit-tree", "--no-gpg-sign", "-p", parent, "-F", "-", tree],
    input: message,
    env,
    signal: context.signal,
  });
  const id = made.stdout.toString("latin1").trim();
  if (succeeded(made) && isOid(id)) return ok(id);
  return fail({ code: "git_failed", message: `cannot write the commit: ${made.stderr}`, remedy: "try again" });
}

/** Compare and swap: the other side moves the branch from `old` to `commit`, or says that it did not. */
async function pushCommit(context: ExecuteContext, commit: string, old: string): Promise<Result<void, PerformFault>> {
  const { mirror, payload, signal } = context;
  const ref = `refs/heads/${payload.branch}`;
  const args = [
    "push",
    "--porcelain",
    "--quiet",
    "--no-verify",
    "--atomic",
    "--no-follow-tags",
    "--no-signed",
    `--force-with-lease=${ref}:${old}`,
  ];
  const done = await mirror.run({
    args: [...args, ...otherEnd(mirror, "receive-pack"), "--", mirror.repository.url, `${commit}:${ref}`],
    signal,
    remote: localPath(mirror.repository.url) === undefined,
  });
  if (succeeded(done)) return ok(undefined);
  const line = done.stdout
    .toString("utf8")
    .split("\n")
    .find((text) => text.startsWith("!\t"));
  if (done.kind === "exit" && line !== undefined && !line.includes("[remote failure]")) return rejected(context, old, line);
  if (done.kind === "exit" && !done.stderr.includes("remote:") && NEVER_SENT.test(done.stderr)) {
    return untouched({
      code: "git_unreachable",
      message: `cannot push to ${payload.repository}: ${done.stderr}`,
      remedy: "check the operator's credentials",
    });
  }
  return outcomeUnknown(context, commit, old, done.stderr);
}

/** A certain refusal. Whether the branch moved in between, the branch itself says. */
async function rejected(context: ExecuteContext, old: string, line: string): Promise<Result<never, PerformFault>> {
  const { mirror, payload } = context;
  const head = await currentHead(mirror, payload.branch, AbortSignal.timeout(AFTERWARDS_MILLIS));
  if (head.ok && head.value.commit !== old) {
    const expected = stateDigest(payload.repository, payload.branch, payload.base_tree);
    return stale(payload, expected, stateDigest(payload.repository, payload.branch, head.value.tree), head.value);
  }
  const why = /\[([^\]]*)\](?: \((.*)\))?/.exec(readable(line));
  const reason = `${why?.[1] ?? "rejected"}${why?.[2] === undefined ? "" : `: ${why[2]}`}`;
  return untouched({
    code: "git_push_rejected",
    message: `${payload.repository} did not move the branch ${payload.branch} (${reason})`,
    remedy: "let the repository's rules permit this, or propose another branch",
  });
}

/** What git says when it never got to the point of sending anything. Where `remote:` stands, the other side spoke, and may have said this itself. */
const NEVER_SENT =
  /fatal: (Could not read from remote repository|Authentication failed|unable to access '[^']*': (Could not resolve|Failed to connect|The requested URL returned error: 40[134]))/;

/** A look at the branch after a push may take this long, whatever is left of the run's own time. */
const AFTERWARDS_MILLIS = 15_000;

/**
 * The push did not end with an answer. Only a branch that has the commit says what happened: on any other, the push may still
 * arrive, or did and was overwritten.
 */
async function outcomeUnknown(context: ExecuteContext, commit: string, old: string, said: string): Promise<Result<void, PerformFault>> {
  const { mirror, payload } = context;
  const head = await currentHead(mirror, payload.branch, AbortSignal.timeout(AFTERWARDS_MILLIS));
  if (head.ok && head.value.commit === commit) return ok(undefined);
  if (head.ok && (await contains(mirror, commit, head.value.commit, AbortSignal.timeout(AFTERWARDS_MILLIS)))) return ok(undefined);
  return fail({
    code: "git_push_unknown",
    message: `the push to ${payload.repository} did not end with an answer: ${said}`,
    remedy: `look whether the branch ${payload.branch} has, or had, the commit ${commit}`,
    details: { commit, old },
    effect: "possible",
  });
}

export async function contains(mirror: Mirror, ancestor: string, commit: string, signal: AbortSignal): Promise<boolean> {
  const asked = await mirror.run({ args: ["merge-base", "--is-ancestor", "--end-of-options", ancestor, commit], signal });
  return succeeded(asked);
}

/** Commits the earlier tree onto our commit, if the branch still stands there. */
export async function undoPayload(context: ExecuteContext, performed: Performed): Promise<Result<Performed, PerformFault>> {
  const { mirror, payload, signal } = context;
  const ours = factOf(performed.facts, "commit");
  const head = await currentHead(mirror, payload.branch, signal);
  if (!head.ok) return untouched(head.error);
  if (head.value.commit !== ours || head.value.tree !== payload.tree) {
    return untouched({
      code: "undo_moved",
      message: `the branch ${payload.branch} moved on after ${ours}, so taking it back would take back more`,
      remedy: "revert by a change of its own, made on the branch as it is now",
      details: { expected: ours, observed: head.value.commit },
    });
  }
  const subject = payload.message.split("\n", 1)[0] ?? "";
  const commit = await commitTree(context, payload.base_tree, ours, `Revert "${subject}"\n\nThis reverts commit ${ours}.\n`);
  if (!commit.ok) return untouched(commit.error);
  const pushed = await pushCommit(context, commit.value, ours);
  if (!pushed.ok) return pushed.error.code === "stale_state" ? fail({ ...pushed.error, code: "undo_moved" }) : pushed;
  return ok({ facts: { commit: commit.value, parent: ours, tree: payload.base_tree, branch: payload.branch } });
}

export function factOf(facts: JsonObject, name: string): string {
  const value = facts[name];
  return typeof value === "string" && isOid(value) ? value : "";
}
