import type { Analysed } from "../../control/ports.ts";
import { digestOf, fail, ok, refuse } from "../../core/base/index.ts";
import type { Result } from "../../core/base/index.ts";
import type { StepAnalysis } from "../../core/plan/index.ts";
import { carry } from "./carried.ts";
import { changesDigest, readChanges } from "./changes.ts";
import { effectsOf, systemOf } from "./effects.ts";
import { findingsOf, refusedPaths } from "./findings.ts";
import { baseRef, fetchBranch, gitFault, localPath, resolveHead, shortHash } from "./mirror.ts";
import type { Mirror } from "./mirror.ts";
import type { ObjectReader } from "./objects.ts";
import { CODEOWNERS_BYTES, CODEOWNERS_PATHS, readOwners, unreadOwners } from "./owners.ts";
import type { OwnerRules } from "./owners.ts";
import { encodePayload, stateDigest } from "./payload.ts";
import type { GitPayload } from "./payload.ts";
import { FOREIGN_CONFIG, runGit, succeeded } from "./process.ts";
import { noSecretNames, redactSecrets, scanChanges } from "./redact.ts";
import type { Redacted, Secrets } from "./redact.ts";
import { exactTree, noChange, openQuarantine, resultTree } from "./result-tree.ts";
import type { Quarantine } from "./result-tree.ts";
import { statementsOf } from "./statements.ts";
import type { GitInput, GitLimits, Head, Identity, TreeChange } from "./types.ts";

export interface AnalyseContext {
  readonly mirror: Mirror;
  readonly input: GitInput;
  readonly limits: GitLimits;
  readonly author: Identity;
  readonly secretKey: Uint8Array;
  readonly signal: AbortSignal;
}

/** An observation older than this is made again before a decision rests on it. */
const FRESH_MILLIS = 5 * 60_000;

export async function analyseInput(context: AnalyseContext): Promise<Result<Analysed>> {
  const { mirror, input, signal } = context;
  const open = await branchIsFree(mirror, input.branch, signal);
  if (!open.ok) return open;
  const quarantine = await openQuarantine(mirror.dir);
  const objects = mirror.objects(quarantine.env, signal);
  try {
    const heads = await mirror.locked(() => fetchHeads(context, objects));
    return heads.ok ? await analyseHeads(context, quarantine, objects, heads.value) : heads;
  } finally {
    await objects.close();
    await quarantine.discard();
  }
}

interface Heads {
  readonly head: Head;
  readonly proposed?: Head;
}

async function fetchHeads(context: AnalyseContext, objects: ObjectReader): Promise<Result<Heads>> {
  const { mirror, input, signal } = context;
  const wanted = input.from === "patch" ? undefined : input.from === "commit" ? input.commit : fullRef(input.ref);
  const fetched = await fetchBranch(mirror, input.branch, wanted, signal);
  if (!fetched.ok) return fetched;
  const head = await resolveHead(objects, baseRef(input.branch));
  if (head === undefined) return refuse("git_failed", `cannot read the branch ${input.branch}`, { remedy: "try again" });
  if (wanted === undefined) return ok({ head });
  const proposed = await resolveHead(objects, `refs/pawl/proposed/${shortHash(wanted)}`);
  return proposed === undefined
    ? refuse("git_ref_missing", `${wanted} is not a commit`, { remedy: "propose a branch, a tag or a commit" })
    : ok({ head, proposed });
}

const fullRef = (ref: string): string => (ref.startsWith("refs/") ? ref : `refs/heads/${ref}`);

async function analyseHeads(
  context: AnalyseContext,
  quarantine: Quarantine,
  objects: ObjectReader,
  heads: Heads,
): Promise<Result<Analysed>> {
  const { mirror, input, limits, signal } = context;
  const { head, proposed } = heads;
  const made = await resultTree(mirror, quarantine, input, head, proposed, signal);
  if (!made.ok) return made;
  const changes = await readChanges(mirror, objects, quarantine.env, { before: head.tree, after: made.value, show: true }, limits, signal);
  if (!changes.ok) return changes;
  if (changes.value.length === 0) return noChange();
  const paths = refusedPaths(changes.value);
  if (!paths.ok) return paths;
  const names = await noSecretNames(changes.value);
  if (!names.ok) return names;
  const trees = { base: head.tree, merged: made.value };
  // A patch was applied to the base tree's own list of paths already.
  const tree = input.from === "patch" ? made : await exactTree(mirror, quarantine, trees, changes.value, signal);
  if (!tree.ok) return tree;
  const payload: GitPayload = {
    schema: "pawl/git-payload/v1",
    repository: input.repository,
    branch: input.branch,
    base_tree: head.tree,
    tree: tree.value,
    changes: changesDigest(changes.value),
    message: input.message,
    author: context.author,
  };
  const owners = await readBaseOwners(objects, head.tree);
  const looked = await look(context, changes.value, owners);
  // What brings a secret never runs, and is stored nowhere.
  const kept = looked.shown.findings.every(({ severity }) => severity !== "refused");
  const carried = kept ? await carry(objects, changes.value, limits.carriedBytes, context.secretKey) : undefined;
  if (objects.ended()) return refuse("git_timeout", "git ended before everything was read", { remedy: "try again" });
  const bytes = encodePayload(payload, carried);
  const analysis = await describe(context, { payload, bytes, looked }, heads, quarantine);
  if (!analysis.ok) return analysis;
  await quarantine.admit();
  const pinned = await mirror.run({ args: ["update-ref", pinOf(bytes), tree.value], signal });
  if (!succeeded(pinned))
    return fail({ code: "git_failed", message: "cannot keep the resulting tree", remedy: "check the work directory" });
  return ok({ analysis: analysis.value, payload: bytes, freshForMillis: FRESH_MILLIS });
}

/** The ref that keeps an approved tree's objects until it is executed. */
export const pinOf = (payload: Uint8Array): string => `refs/pawl/plan/${digestOf(payload).slice("sha256:".length)}`;

/** The changes as the plan shows them. */
interface Looked {
  readonly changes: readonly TreeChange[];
  readonly owners: OwnerRules;
  readonly secrets: Secrets;
  readonly shown: Redacted;
}

async function look({ mirror, limits, secretKey }: AnalyseContext, changes: readonly TreeChange[], owners: OwnerRules): Promise<Looked> {
  const { repository } = mirror;
  const secrets = await scanChanges(changes, secretKey);
  const effects = effectsOf(changes, { repository, owners, limits });
  return { changes, owners, secrets, shown: redactSecrets(repository.name, changes, effects, secrets, secretKey) };
}

interface Made {
  readonly payload: GitPayload;
  readonly bytes: Uint8Array;
  readonly looked: Looked;
}

async function describe(
  context: AnalyseContext,
  { payload, bytes, looked }: Made,
  heads: Heads,
  quarantine: Quarantine,
): Promise<Result<StepAnalysis>> {
  const { repository } = context.mirror;
  const { changes, owners, secrets, shown } = looked;
  const treePaths = await pathsOf(context, payload.tree, changes, quarantine);
  if (!treePaths.ok) return treePaths;
  const found = findingsOf({ repository: repository.name, changes, treePaths: treePaths.value, owners, secrets, message: payload.message });
  return ok({
    step: {
      operation: "commit",
      target: { repository: payload.repository, branch: payload.branch, environment: repository.environment },
      stateDigest: stateDigest(payload.repository, payload.branch, payload.base_tree),
      payloadDigest: digestOf(bytes),
      observations: [
        {
          subject: `${systemOf(payload.repository)}@${payload.branch}`,
          value: { kind: "json", value: { tree: payload.base_tree } },
          method: "git fetch",
          provenance: "derived",
        },
      ],
      effects: shown.effects,
      undo: {
        kind: "planned",
        text: `A commit on ${payload.branch} that brings back the tree ${payload.base_tree}. Once another commit follows, Pawl does not undo it by itself.`,
        provenance: "derived",
      },
    },
    findings: [...shown.findings, ...found],
    ...statementsOf({ input: context.input, payload, repository, changes, effects: shown.effects, secrets }),
    context: { commit: heads.head.commit, tree: payload.tree, ...(heads.proposed && { proposed: heads.proposed.commit }) },
  });
}

/** Every path of the resulting tree, when the change brings a new one that could clash with another. */
async function pathsOf(
  context: AnalyseContext,
  tree: string,
  changes: readonly TreeChange[],
  quarantine: Quarantine,
): Promise<Result<readonly string[]>> {
  if (!changes.some(({ before, after }) => before === undefined && after !== undefined)) return ok([]);
  const listed = await context.mirror.run({
    args: ["ls-tree", "-r", "-z", "--name-only", "--end-of-options", tree],
    env: quarantine.env,
    signal: context.signal,
    maxBytes: 256 * 1024 * 1024,
  });
  if (!succeeded(listed)) return gitFault(listed, "git_failed", "cannot list the resulting tree", "try again");
  return ok(listed.stdout.toString("utf8").split("\0").slice(0, -1));
}

async function readBaseOwners(objects: ObjectReader, tree: string): Promise<OwnerRules> {
  for (const path of CODEOWNERS_PATHS) {
    const file = await objects.content(`${tree}:${path}`, CODEOWNERS_BYTES);
    if (file?.type !== "blob") continue;
    if (file.bytes === undefined) return unreadOwners(`${path} is larger than ${CODEOWNERS_BYTES} bytes, so all of it is skipped`);
    return readOwners(file.bytes.toString("utf8"));
  }
  return readOwners("");
}

/** git refuses to push into a branch that is checked out; said at once, not after everybody signed. */
async function branchIsFree(mirror: Mirror, branch: string, signal: AbortSignal): Promise<Result<void>> {
  const path = localPath(mirror.repository.url);
  if (path === undefined) return ok(undefined);
  const asked = await runGit(mirror.program, { args: ["-C", path, ...FOREIGN_CONFIG, "worktree", "list", "--porcelain", "-z"], signal });
  const trees = succeeded(asked) ? asked.stdout.toString("utf8").split("\0\0") : [];
  const busy = trees.find((tree) => tree.split("\0").includes(`branch refs/heads/${branch}`));
  if (busy === undefined) return ok(undefined);
  const where = /^worktree ([^\0]*)/.exec(busy)?.[1] ?? path;
  return refuse(
    "git_branch_checked_out",
    `the branch ${branch} of ${mirror.repository.name} is checked out in ${where}, and git moves no branch that somebody works in`,
    {
      remedy: "declare a bare repository, or check out another branch there (git switch --detach)",
    },
  );
}
