import { assert, digestJson, digestOf, ok, refuse } from "../../core/base/index.ts";
import type { Digest, Refusal, Result } from "../../core/base/index.ts";
import { gitFault } from "./mirror.ts";
import type { Mirror, MirrorCode } from "./mirror.ts";
import type { ObjectReader } from "./objects.ts";
import { succeeded } from "./process.ts";
import type { FileMode, GitLimits, Side, TreeChange } from "./types.ts";

/** A line of `diff-tree --raw`: what git says of one path, before any content is read. */
interface RawChange {
  readonly path: string;
  readonly from?: string;
  readonly beforeMode: string;
  readonly afterMode: string;
  readonly beforeOid: string;
  readonly afterOid: string;
}

export type ChangesCode = MirrorCode | "git_too_many_files" | "git_object_missing" | "git_mode_unknown";

/** Options under which the same two trees always give the same text, whatever attributes and configuration say. */
const DIFF = ["diff-tree", "-r", "--no-ext-diff", "--no-textconv", "--ignore-submodules=none", "--submodule=short"];
const TEXT = [
  "-p",
  "--no-color",
  "--full-index",
  "--unified=3",
  "--diff-algorithm=myers",
  "--indent-heuristic",
  "--src-prefix=a/",
  "--dst-prefix=b/",
];

const MOVES = ["-M50%", "-l1000"];

/** Every changed path with both contents, in the order of paths. Renames are found only for showing them. */
export async function readChanges(
  mirror: Mirror,
  objects: ObjectReader,
  env: Readonly<Record<string, string>>,
  trees: { readonly before: string; readonly after: string; readonly show: boolean },
  limits: GitLimits,
  signal: AbortSignal,
): Promise<Result<readonly TreeChange[], Refusal<ChangesCode>>> {
  const pair = ["--end-of-options", trees.before, trees.after];
  const listed = await mirror.run({ args: [...DIFF, "--raw", "-z", ...MOVES, ...pair], env, signal, maxBytes: 16 * 1024 * 1024 });
  if (!succeeded(listed)) return gitFault(listed, "git_failed", "cannot compare the trees", "split the change");
  const raw = parseRaw(listed.stdout.toString("utf8"));
  if (raw.length > limits.files) {
    return refuse("git_too_many_files", `the change touches ${raw.length} files; ${limits.files} is the bound`, {
      remedy: "split the change",
    });
  }
  const diffs = trees.show ? await readDiffs(mirror, env, pair, raw, limits, signal) : new Map<string, string>();
  const changes: TreeChange[] = [];
  let left = limits.inspectPlanBytes;
  for (const one of raw) {
    const before = await readSide(objects, one.beforeMode, one.beforeOid, Math.min(left, limits.inspectBytes));
    const after = await readSide(objects, one.afterMode, one.afterOid, Math.min(left, limits.inspectBytes));
    if (!before.ok) return before;
    if (!after.ok) return after;
    left = Math.max(0, left - (before.value?.bytes?.length ?? 0) - (after.value?.bytes?.length ?? 0));
    // A diff would show what no scanner has seen: a plan's bound on what is looked at bounds what is shown, too.
    const seen = isInspected(before.value) && isInspected(after.value);
    changes.push(...split(one, before.value, after.value, seen ? diffs.get(one.path) : undefined));
  }
  return ok(changes.toSorted((a, b) => (a.path < b.path ? -1 : 1)));
}

const isInspected = (side: Side | undefined): boolean => side === undefined || side.mode === "160000" || side.bytes !== undefined;

/** A rename becomes a deletion and a creation: what an effect means must not hang on how alike two contents are. */
function split(raw: RawChange, before: Side | undefined, after: Side | undefined, diff: string | undefined): readonly TreeChange[] {
  const shown = diff === undefined ? {} : { diff };
  if (raw.from === undefined) return [{ path: raw.path, ...(before && { before }), ...(after && { after }), ...shown }];
  return [
    { path: raw.from, ...(before && { before }), movedTo: raw.path },
    { path: raw.path, ...(after && { after }), movedFrom: raw.from, ...shown },
  ];
}

function parseRaw(text: string): readonly RawChange[] {
  const fields = text.split("\0");
  const changes: RawChange[] = [];
  for (let at = 0; at < fields.length - 1;) {
    const match = /^:(\d{6}) (\d{6}) ([0-9a-f]+) ([0-9a-f]+) ([ADMTR])\d*$/.exec(fields[at] ?? "");
    assert(match !== null, "git names the changed paths in the form that was asked for");
    const [, beforeMode = "", afterMode = "", beforeOid = "", afterOid = "", status] = match;
    const moved = status === "R";
    const path = fields[at + (moved ? 2 : 1)] ?? "";
    changes.push({ path, beforeMode, afterMode, beforeOid, afterOid, ...(moved && { from: fields[at + 1] ?? "" }) });
    at += moved ? 3 : 2;
  }
  return changes;
}

async function readSide(
  objects: ObjectReader,
  mode: string,
  oid: string,
  keepBytes: number,
): Promise<Result<Side | undefined, Refusal<ChangesCode>>> {
  if (mode === NOTHING) return ok(undefined);
  if (mode === "160000") return ok({ mode, oid, size: 0, digest: digestOf(oid) });
  if (mode !== "100644" && mode !== "100755" && mode !== "120000" && mode !== "100664")
    return refuse("git_mode_unknown", `a file has the mode ${mode}`, { remedy: "use plain files, executables, links or submodules" });
  const content = await objects.content(oid, keepBytes);
  if (content === undefined || content.type !== "blob")
    return refuse("git_object_missing", `the content ${oid} is not in the repository`, { remedy: "push all objects, then propose again" });
  const { size, digest, bytes } = content;
  return ok({ mode: mode === "100664" ? "100644" : (mode satisfies FileMode), oid, size, digest, ...(bytes && { bytes }) });
}

/**
 * The diff of each path. git writes them in the order of its list, two for a path whose type changes, and no line of content can
 * look like the beginning of one. Past the bound of one read, the rest is left out and named uninspectable.
 */
async function readDiffs(
  mirror: Mirror,
  env: Readonly<Record<string, string>>,
  pair: readonly string[],
  raw: readonly RawChange[],
  limits: GitLimits,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, string>> {
  const bound = ["-c", `core.bigFileThreshold=${limits.inspectBytes}`];
  const done = await mirror.run({
    args: [...bound, ...DIFF, ...TEXT, ...MOVES, ...pair],
    env,
    signal,
    maxBytes: 8 * limits.detailPlanBytes,
  });
  const whole = succeeded(done);
  // Only a line feed ends a line here: to a regular expression's `^` a carriage return in the content would, too.
  const starts = `\n${done.stdout.toString("utf8")}`.split("\ndiff --git ");
  const parts = starts.slice(1).map((part, index) => `diff --git ${part}${index < starts.length - 2 ? "\n" : ""}`);
  if (!whole) parts.pop();
  const diffs = new Map<string, string>();
  let at = 0;
  for (const one of raw) {
    const count = isRetyped(one.beforeMode, one.afterMode) ? 2 : 1;
    const own = parts.slice(at, at + count).join("");
    // Each names the contents that it is about, so that no path is ever shown with another's.
    if (at + count <= parts.length && isOf(one, own)) diffs.set(one.path, own);
    at += count;
  }
  return whole && at !== parts.length ? new Map() : diffs;
}

function isOf({ beforeMode, afterMode, beforeOid, afterOid }: RawChange, diff: string): boolean {
  if (beforeOid === afterOid) return !diff.includes("\nindex ");
  const nothing = "0".repeat(beforeOid.length);
  const pairs = isRetyped(beforeMode, afterMode) ? [`${beforeOid}..${nothing}`, `${nothing}..${afterOid}`] : [`${beforeOid}..${afterOid}`];
  return pairs.every((ids) => diff.includes(`\nindex ${ids}`));
}

const NOTHING = "000000";
const typeBits = (mode: string): string => mode.slice(0, 3);
/** A file that becomes a link or a submodule, say: git shows it as one that goes and one that comes. */
const isRetyped = (before: string, after: string): boolean =>
  before !== NOTHING && after !== NOTHING && typeBits(before) !== typeBits(after);

/** What the payload says of content, beyond git's own ids: SHA-256 over every changed path, mode and content. */
export function changesDigest(changes: readonly TreeChange[]): Digest {
  return digestJson(changes.map((change) => [change.path, change.after?.mode ?? null, change.after?.digest ?? null]));
}
