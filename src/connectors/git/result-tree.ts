import { mkdir, readdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { ok, refuse } from "../../core/base/index.ts";
import type { Refusal, Result } from "../../core/base/index.ts";
import { gitFault } from "./mirror.ts";
import type { Mirror, MirrorCode } from "./mirror.ts";
import { succeeded } from "./process.ts";
import { scratch } from "../scratch.ts";
import type { GitInput, Head, TreeChange } from "./types.ts";

/** A place for objects that are not approved of yet: it is thrown away unless the plan stands. */
export interface Quarantine {
  readonly dir: string;
  readonly env: Readonly<Record<string, string>>;
  /** Moves the objects into the mirror. */
  admit(): Promise<void>;
  discard(): Promise<void>;
}

export async function openQuarantine(mirrorDir: string): Promise<Quarantine> {
  const dir = await scratch(join(mirrorDir, "pawl"));
  const objects = join(mirrorDir, "objects");
  await mkdir(join(dir, "objects"));
  return {
    dir,
    env: { GIT_OBJECT_DIRECTORY: join(dir, "objects"), GIT_ALTERNATE_OBJECT_DIRECTORIES: objects, GIT_INDEX_FILE: join(dir, "index") },
    admit: async () => {
      for (const fan of await readdir(join(dir, "objects")).catch(() => [])) {
        if (!/^[0-9a-f]{2}$/.test(fan)) continue;
        await mkdir(join(objects, fan), { recursive: true });
        for (const name of await readdir(join(dir, "objects", fan)))
          await rename(join(dir, "objects", fan, name), join(objects, fan, name));
      }
    },
    discard: () => rm(dir, { recursive: true, force: true }),
  };
}

export type ResultCode = MirrorCode | "git_patch_does_not_apply" | "git_merge_conflict" | "git_no_change" | "git_unrelated";

/** The tree that the change leads to, derived without checking anything out. */
export async function resultTree(
  mirror: Mirror,
  quarantine: Quarantine,
  input: GitInput,
  head: Head,
  proposed: Head | undefined,
  signal: AbortSignal,
): Promise<Result<string, Refusal<ResultCode>>> {
  const made =
    input.from === "patch"
      ? await applyPatch(mirror, quarantine, input.patch, head, signal)
      : await mergeTree(mirror, quarantine, head, proposed, signal);
  return made.ok && made.value === head.tree ? noChange() : made;
}

export const noChange = (): { readonly ok: false; readonly error: Refusal<"git_no_change"> } =>
  refuse("git_no_change", "the branch already has exactly this content", { remedy: "nothing is left to do; withdraw the change" });

async function applyPatch(
  mirror: Mirror,
  quarantine: Quarantine,
  patch: string,
  head: Head,
  signal: AbortSignal,
): Promise<Result<string, Refusal<ResultCode>>> {
  const env = quarantine.env;
  const read = await mirror.run({ args: ["read-tree", "--end-of-options", head.tree], env, signal });
  if (!succeeded(read)) return gitFault(read, "git_failed", "cannot read the base tree", "look at the paths that the repository holds");
  const applied = await mirror.run({ args: ["apply", "--cached", "-p1", "--whitespace=nowarn", "-"], input: patch, env, signal });
  if (applied.kind !== "exit") return gitFault(applied, "git_failed", "git could not apply the patch", "try again");
  if (applied.code !== 0) {
    return refuse("git_patch_does_not_apply", `the patch does not apply to the branch as it is now: ${applied.stderr}`, {
      remedy: "make the patch against the current head of the branch, whole and unchanged",
    });
  }
  return treeId(await mirror.run({ args: ["write-tree"], env, signal }));
}

async function mergeTree(
  mirror: Mirror,
  quarantine: Quarantine,
  head: Head,
  proposed: Head | undefined,
  signal: AbortSignal,
): Promise<Result<string, Refusal<ResultCode>>> {
  if (proposed === undefined)
    return refuse("git_ref_missing", "the proposed ref is not a commit", { remedy: "propose a branch, a tag or a commit" });
  const args = ["merge-tree", "--write-tree", "-z", "--name-only", "--no-messages", "--end-of-options", head.commit, proposed.commit];
  const merged = await mirror.run({ args, env: quarantine.env, signal });
  if (merged.kind !== "exit") return gitFault(merged, "git_failed", "git could not merge", "try again");
  if (merged.code === 1) {
    const paths = merged.stdout
      .toString("utf8")
      .split("\0")
      .slice(1)
      .filter((path) => path !== "");
    const shown = paths
      .slice(0, 20)
      .map((path) => JSON.stringify(path))
      .join(", ");
    return refuse("git_merge_conflict", `the proposed content conflicts with the branch in ${paths.length} paths: ${shown}`, {
      remedy: "bring the branch into the proposed ref, resolve the conflicts there, push, and propose again",
      details: { paths: paths.slice(0, 200) },
    });
  }
  if (/unrelated histories/.test(merged.stderr)) {
    return refuse("git_unrelated", "the proposed ref has no commit in common with the branch", {
      remedy: "start the work from the branch",
    });
  }
  return treeId(merged);
}

/**
 * The base tree with exactly the changes that were read from the merged one, and nothing else: a merge takes folders over as they
 * are, with empty folders and odd modes that no list of changed paths shows.
 */
export async function exactTree(
  mirror: Mirror,
  quarantine: Quarantine,
  trees: { readonly base: string; readonly merged: string },
  changes: readonly TreeChange[],
  signal: AbortSignal,
): Promise<Result<string, Refusal<ResultCode>>> {
  const entries = changes.map(({ path, after }) => [path, after?.mode ?? "", after?.oid ?? ""] as const);
  const exact = await stagedTree(mirror, quarantine, trees.base, entries, signal);
  if (!exact.ok || exact.value === trees.merged) return exact;
  const args = [
    "diff-tree",
    "-r",
    "--raw",
    "-z",
    "--ignore-submodules=none",
    "--no-renames",
    "--end-of-options",
    trees.merged,
    exact.value,
  ];
  const rest = await mirror.run({ args, env: quarantine.env, signal });
  if (succeeded(rest) && rest.stdout.length === 0) return exact;
  return gitFault(rest, "git_failed", "the result holds what git does not take", "look at the paths that the change names");
}

/** The base tree with each path as its entry says: a mode and an id, both empty for one that goes. */
export async function stagedTree(
  mirror: Mirror,
  quarantine: Quarantine,
  base: string,
  entries: readonly (readonly [path: string, mode: string, oid: string])[],
  signal: AbortSignal,
): Promise<Result<string, Refusal<ResultCode>>> {
  const env = quarantine.env;
  const nothing = "0".repeat(base.length);
  const gone = entries.filter(([, mode]) => mode === "").map(([path]) => `0 ${nothing}\t${path}\0`);
  const come = entries.filter(([, mode]) => mode !== "").map(([path, mode, oid]) => `${mode} ${oid}\t${path}\0`);
  const read = await mirror.run({ args: ["read-tree", "--end-of-options", base], env, signal });
  if (!succeeded(read)) return gitFault(read, "git_failed", "cannot read the base tree", "look at the paths that the repository holds");
  const input = [...gone, ...come].join("");
  const staged = await mirror.run({ args: ["update-index", "-z", "--index-info"], input, env, signal });
  if (!succeeded(staged))
    return gitFault(staged, "git_failed", "cannot bring the changes together", "look at the paths that the change names");
  return treeId(await mirror.run({ args: ["write-tree"], env, signal }));
}

function treeId(outcome: Parameters<typeof gitFault>[0]): Result<string, Refusal<ResultCode>> {
  const id = /^[0-9a-f]{40,64}/.exec(outcome.stdout.toString("latin1"))?.[0];
  if (succeeded(outcome) && id !== undefined) return ok(id);
  return gitFault(outcome, "git_failed", "git could not write the resulting tree", "look at the paths that the change names");
}
