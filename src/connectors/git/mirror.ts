import { createHash } from "node:crypto";
import { mkdir, mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { ok, refuse } from "../../core/base/index.ts";
import type { Refusal, Result } from "../../core/base/index.ts";
import { inTurn } from "./in-turn.ts";
import { openObjects } from "./objects.ts";
import type { ObjectReader } from "./objects.ts";
import { FOREIGN_CONFIG, runGit, succeeded } from "./process.ts";
import type { GitCall, GitOutcome, GitProgram } from "./process.ts";
import { sweepLocks } from "./locks.ts";
import { sweep } from "../scratch.ts";
import type { GitRepository, Head } from "./types.ts";

export type MirrorCode =
  | "git_unreachable"
  | "git_objects_refused"
  | "git_branch_missing"
  | "git_ref_missing"
  | "git_timeout"
  | "git_failed";

/**
 * A bare repository of our own beside each declared one: what is fetched, derived and approved is kept here, and nothing is
 * ever checked out into it. Hooks, filters and configuration of the declared repository do not come along.
 */
export interface Mirror {
  readonly repository: GitRepository;
  readonly dir: string;
  /** One at a time: fetches and pushes of this repository. */
  locked<T>(work: () => Promise<T>): Promise<T>;
  run(call: Omit<GitCall, "gitDir">): Promise<GitOutcome>;
  objects(env: Readonly<Record<string, string>>, signal: AbortSignal): ObjectReader;
  readonly program: GitProgram;
}

export const shortHash = (text: string): string => createHash("sha256").update(text).digest("hex").slice(0, 24);

/** The path of a repository on this machine, or nothing for a remote one. */
export function localPath(url: string): string | undefined {
  if (url.startsWith("file://")) return fileURLToPath(url);
  return url.startsWith("/") ? url : undefined;
}

const quoted = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;

/** For repositories on this machine: how git starts its other end there, with our settings above that repository's own. */
export function otherEnd(mirror: Mirror, service: "upload-pack" | "receive-pack"): readonly string[] {
  if (localPath(mirror.repository.url) === undefined) return [];
  const settings = FOREIGN_CONFIG.map(quoted).join(" ");
  return [`--${service}=${quoted(mirror.program.binary)} ${settings} ${service}`];
}

/** Opens mirrors on first use and keeps them. */
export function mirrors(program: GitProgram, workDir: string): (repository: GitRepository, signal: AbortSignal) => Promise<Result<Mirror>> {
  const open = new Map<string, Promise<Result<Mirror>>>();
  let prepared: Promise<void> | undefined;
  return async (repository, signal) => {
    prepared ??= writeConfig(program, workDir);
    await prepared;
    const opening = open.get(repository.name) ?? openMirror(program, workDir, repository, signal);
    open.set(repository.name, opening);
    const mirror = await opening;
    if (!mirror.ok) open.delete(repository.name);
    return mirror;
  };
}

/** Written aside and renamed: a git that another Pawl of this machine just started never reads half of it. */
async function writeConfig(program: GitProgram, workDir: string): Promise<void> {
  await mkdir(workDir, { recursive: true, mode: 0o700 });
  const aside = await mkdtemp(join(workDir, "config-"));
  await writeFile(join(aside, "gitconfig"), program.config, { mode: 0o600 });
  await rename(join(aside, "gitconfig"), program.configFile);
  await rm(aside, { recursive: true });
}

/** Ranks above every `.gitattributes`: no file is converted, hidden from a diff or merged by other rules because its repository says so. */
const ATTRIBUTES = "* -text -ident -filter !working-tree-encoding !diff !merge\n";

async function openMirror(program: GitProgram, workDir: string, repository: GitRepository, signal: AbortSignal): Promise<Result<Mirror>> {
  const dir = join(workDir, `${shortHash(`${repository.name}\n${repository.url}`)}.git`);
  const version = await runGit(program, { args: ["--version"], signal });
  const [major = 0, minor = 0] = (/(\d+)\.(\d+)/.exec(version.stdout.toString("latin1")) ?? []).slice(1).map(Number);
  if (version.kind === "exit" && (major < 2 || (major === 2 && minor < 38))) {
    return refuse("git_too_old", `git ${major}.${minor} is installed, and 2.38 is needed`, { remedy: "install a current git" });
  }
  await sweepLocks(dir);
  const format = repository.objectFormat ?? "sha1";
  const made = await runGit(program, {
    args: ["init", "--quiet", "--bare", "--template=", `--object-format=${format}`, "--", dir],
    signal,
  });
  await sweep(join(dir, "pawl"));
  await sweep(join(workDir, "checks"));
  if (succeeded(made)) {
    await mkdir(join(dir, "info"), { recursive: true });
    await writeFile(join(dir, "info", "attributes"), ATTRIBUTES);
    return ok(mirrorAt(program, repository, dir));
  }
  return gitFault(
    made,
    "git_failed",
    `cannot make a mirror of ${repository.name}`,
    "check that git is installed and the work directory is writable",
  );
}

function mirrorAt(program: GitProgram, repository: GitRepository, dir: string): Mirror {
  return {
    repository,
    dir,
    program,
    locked: inTurn(),
    run: (call) => runGit(program, { ...call, gitDir: dir }),
    objects: (env, signal) => openObjects(program, dir, env, signal),
  };
}

export function gitFault<C extends MirrorCode>(
  outcome: GitOutcome,
  code: C,
  message: string,
  remedy: string,
): { readonly ok: false; readonly error: Refusal<C | "git_timeout"> } {
  if (outcome.kind === "stopped" && outcome.why === "timeout")
    return refuse("git_timeout", `${message}: git did not end in time`, { remedy: "try again; raise the limit if it stays so" });
  const said = outcome.stderr === "" ? "" : `: ${outcome.stderr}`;
  return refuse(code, `${message}${said}`, { remedy });
}

export const baseRef = (branch: string): string => `refs/pawl/base/${shortHash(branch)}`;

/** Brings the branch (and a proposed ref) here. The caller holds the lock until the ids are resolved. */
export async function fetchBranch(
  mirror: Mirror,
  branch: string,
  proposed: string | undefined,
  signal: AbortSignal,
): Promise<Result<void, Refusal<MirrorCode>>> {
  const wanted = [`+refs/heads/${branch}:${baseRef(branch)}`];
  if (proposed !== undefined) wanted.push(`+${proposed}:refs/pawl/proposed/${shortHash(proposed)}`);
  const { name, url } = mirror.repository;
  const args = ["fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--no-recurse-submodules", "--no-auto-maintenance"];
  const done = await mirror.run({
    args: [...args, ...otherEnd(mirror, "upload-pack"), "--", url, ...wanted],
    signal,
    remote: localPath(url) === undefined,
  });
  if (succeeded(done)) return ok(undefined);
  const missing = /couldn't find remote ref (\S+)/.exec(done.stderr)?.[1];
  if (missing === `refs/heads/${branch}`) {
    return refuse("git_branch_missing", `the repository ${name} has no branch ${branch}`, {
      remedy: "name an existing branch; Pawl does not create branches",
    });
  }
  if (proposed !== undefined && (missing !== undefined || /not our ref|unadvertised object/.test(done.stderr))) {
    return refuse("git_ref_missing", `the repository ${name} has no ${proposed}`, { remedy: "push it there first, then propose again" });
  }
  if (/fsck error/.test(done.stderr)) {
    return gitFault(
      done,
      "git_objects_refused",
      `${name} sent content that git's own check refuses`,
      "take it out of the history of the branch and of the proposed ref",
    );
  }
  return gitFault(done, "git_unreachable", `cannot fetch from ${name}`, "check the address and the operator's credentials");
}

/** The commit and tree that a ref of the mirror points to. */
export async function resolveHead(objects: ObjectReader, ref: string): Promise<Head | undefined> {
  const commit = await objects.info(`${ref}^{commit}`);
  const tree = commit === undefined ? undefined : await objects.info(`${commit.oid}^{tree}`);
  return commit === undefined || tree === undefined ? undefined : { commit: commit.oid, tree: tree.oid };
}
