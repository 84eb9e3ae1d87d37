import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { execa } from "execa";
import type { Clock } from "../../control/ports.ts";
import { ok, refuse } from "../../core/base/index.ts";
import type { Digest, Result } from "../../core/base/index.ts";
import { isRepository } from "./declare.ts";
import { copyFolder, keepCopy, shortHash } from "./folders.ts";
import type { Configuration, TerraformWorkspace } from "./types.ts";

/** Where configurations come from: git mirrors, and copies of folders by digest. */
export interface Sources {
  readonly workDir: string;
  /** PATH, and what git needs to reach other machines. */
  readonly env: Readonly<Record<string, string>>;
  readonly clock: Clock;
}

/**
 * What a session begins with: what a proposer names, or what the source has now; a configuration that led to the one that is planned;
 * or one that was planned before, with what was fetched for it then, and nothing else.
 */
export type Start =
  | { readonly from: "proposal"; readonly pin?: string | undefined }
  | { readonly from: "history"; readonly configuration: Configuration }
  | { readonly from: "known"; readonly configuration: Configuration };

/** A clean copy of the configuration in `to`, and what it is. */
export async function cleanCopy(
  sources: Sources,
  workspace: TerraformWorkspace,
  start: Start,
  to: string,
  signal: AbortSignal,
): Promise<Result<Configuration>> {
  const pin = start.from === "proposal" ? start.pin : start.configuration.value;
  if (!isRepository(workspace)) return fromFolder(sources, workspace, pin, to);
  const at: Git = { dir: mirrorOf(sources, workspace), env: sources.env, signal };
  await mkdir(join(sources.workDir, "sources"), { recursive: true, mode: 0o700 });
  // What was planned was judged then, and is applied wherever its branch has gone since.
  const found = pin === undefined || start.from === "proposal" ? await onRef(at, workspace, pin) : await asPinned(at, workspace, pin);
  return found.ok ? checkOut(at, found.value, to) : found;
}

async function fromFolder(
  { workDir, clock }: Sources,
  workspace: TerraformWorkspace,
  pin: string | undefined,
  to: string,
): Promise<Result<Configuration>> {
  const home = join(workDir, "configurations");
  const copied = await copyFolder(workspace.source, to);
  if (copied.ok && (pin === undefined || copied.value === pin)) {
    await keepCopy(home, copied.value, to, clock.now());
    return ok({ kind: "digest", value: copied.value });
  }
  if (pin === undefined) return copied.ok ? ok({ kind: "digest", value: copied.value }) : copied;
  // The folder has moved on, or is gone: what was pinned may have been kept.
  await rm(to, { recursive: true, force: true });
  const kept = await copyFolder(join(home, pin.slice("sha256:".length)), to);
  if (kept.ok && kept.value === (pin as Digest)) {
    await keepCopy(home, kept.value, to, clock.now());
    return ok({ kind: "digest", value: pin });
  }
  return refuse("terraform_pin_missing", `the folder of ${workspace.name} does not hold the content ${pin}`, {
    remedy: "propose the content that the folder has now",
    ...(copied.ok && { details: { observed: copied.value } }),
  });
}

/** Hooks, filters, helpers and links of whoever wrote the repository do not come along. */
const SAFE = [
  "core.hooksPath=/dev/null",
  "core.fsmonitor=false",
  "core.attributesFile=/dev/null",
  "core.symlinks=false",
  "core.autocrlf=false",
  "core.pager=cat",
  "core.alternateRefsCommand=:",
  "protocol.allow=never",
  "protocol.file.allow=always",
  "protocol.https.allow=always",
  "protocol.ssh.allow=always",
  "safe.directory=*",
  "gc.auto=0",
  "maintenance.auto=false",
  "submodule.recurse=false",
].flatMap((setting) => ["-c", setting]);

interface Git {
  readonly dir: string;
  readonly env: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
}

async function git({ dir, env, signal }: Git, args: readonly string[], more: Record<string, string> = {}): Promise<Result<string>> {
  const done = await execa("git", [...SAFE, `--git-dir=${dir}`, ...args], {
    cwd: "/",
    env: {
      ...env,
      LC_ALL: "C",
      GIT_CONFIG_NOSYSTEM: "1",
      GIT_CONFIG_GLOBAL: "/dev/null",
      GIT_ATTR_NOSYSTEM: "1",
      GIT_TERMINAL_PROMPT: "0",
      GIT_ALLOW_PROTOCOL: "file:https:ssh",
      GIT_NO_REPLACE_OBJECTS: "1",
      ...more,
    },
    extendEnv: false,
    stdin: "ignore",
    reject: false,
    cancelSignal: signal,
    killDescendants: true,
    forceKillAfterDelay: 1_000,
    maxBuffer: 16 * 1024 * 1024,
  });
  if (done.exitCode === 0) return ok(done.stdout);
  if (done.isCanceled) return refuse("terraform_timeout", "git did not end in time", { remedy: "try again" });
  const said = done.stderr
    .replace(/[\p{Cc}\p{Cf}]+/gu, " ")
    .replace(/\/\/[^\s/]*@/g, "//")
    .slice(0, 600);
  return refuse("terraform_source_unreadable", `the configuration cannot be fetched: ${said.toWellFormed()}`, {
    remedy: "check the source of the workspace, its ref, and the operator's credentials",
  });
}

const FETCH = ["fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--no-recurse-submodules", "--no-auto-maintenance"];

const mirrorOf = ({ workDir }: Pick<Sources, "workDir">, { name, source }: TerraformWorkspace): string =>
  join(workDir, "sources", `${shortHash(`${name}\n${source}`)}.git`);

async function fetch(at: Git, workspace: TerraformWorkspace, wanted: string): Promise<Result<string>> {
  const made = await git(at, ["init", "--quiet", "--bare", "--template="]);
  if (!made.ok) return made;
  const ref = `refs/pawl/${shortHash(wanted)}`;
  const fetched = await git(at, [...FETCH, "--", workspace.source, `+${wanted}:${ref}`]);
  return fetched.ok ? commitOf(at, ref) : fetched;
}

async function commitOf(at: Git, name: string): Promise<Result<string>> {
  const commit = await git(at, ["rev-parse", "--verify", "--end-of-options", `${name}^{commit}`]);
  return commit.ok ? ok(commit.value.trim()) : commit;
}

/** Whether one of the branches that the operator lets proposers take commits from has this one now. */
async function onFurther(at: Git, { source, refs = [] }: TerraformWorkspace, pin: string): Promise<Result<boolean>> {
  for (const pattern of refs) {
    const home = `refs/pawl/of-${shortHash(pattern)}`;
    const to = pattern.includes("*") ? `${home}/*` : `${home}/one`;
    const fetched = await git(at, [...FETCH, "--prune", "--", source, `+refs/heads/${pattern}:${to}`]);
    if (!fetched.ok) return fetched;
    const holding = await git(at, ["for-each-ref", "--count=1", "--format=%(refname)", `--contains=${pin}`, home]);
    if (holding.ok && holding.value !== "") return ok(true);
  }
  return ok(false);
}

/**
 * What the declared ref has now, or a commit that it has. A remote serves others as well, of forks and proposals that nobody agreed
 * with, and what a configuration says runs while it is planned.
 */
async function onRef(at: Git, workspace: TerraformWorkspace, pin: string | undefined): Promise<Result<string>> {
  const ref = workspace.ref ?? "HEAD";
  const newest = await fetch(at, workspace, ref);
  if (!newest.ok || pin === undefined) return newest;
  const within = await git(at, ["merge-base", "--is-ancestor", pin, newest.value]);
  if (within.ok) return commitOf(at, pin);
  if (within.error.code === "terraform_timeout") return within;
  const further = await onFurther(at, workspace, pin);
  if (!further.ok) return further;
  if (further.value) return commitOf(at, pin);
  const places = [ref, ...(workspace.refs ?? [])].join(", ");
  return refuse("terraform_pin_refused", `the commit ${pin} is not on ${places} of ${workspace.name}`, {
    where: "input.commit",
    remedy: `merge it into ${ref} first, or name a commit that is there: now it has ${newest.value}`,
    details: { expected: pin, observed: newest.value },
  });
}

async function asPinned(at: Git, workspace: TerraformWorkspace, pin: string): Promise<Result<string>> {
  const known = await commitOf(at, pin);
  if (known.ok) return known;
  const newest = await fetch(at, workspace, workspace.ref ?? "HEAD");
  const there = newest.ok ? await commitOf(at, pin) : newest;
  return there.ok ? there : fetch(at, workspace, pin);
}

async function checkOut(at: Git, commit: string, to: string): Promise<Result<Configuration>> {
  await mkdir(to, { recursive: true, mode: 0o700 });
  const more = { GIT_INDEX_FILE: `${to}.index`, GIT_WORK_TREE: to };
  for (const args of [
    ["read-tree", "--end-of-options", commit],
    ["checkout-index", "--all", "--force", "--quiet"],
  ]) {
    const done = await git(at, args, more);
    if (!done.ok) return done;
  }
  await rm(`${to}.index`, { force: true });
  return ok({ kind: "commit", value: commit });
}

/** The commit before, where there is one: a candidate for what described the state until now. */
export async function parentOf(
  sources: Sources,
  workspace: TerraformWorkspace,
  commit: string,
  signal: AbortSignal,
): Promise<string | undefined> {
  const parent = await commitOf({ dir: mirrorOf(sources, workspace), env: sources.env, signal }, `${commit}^1`);
  return parent.ok ? parent.value : undefined;
}
