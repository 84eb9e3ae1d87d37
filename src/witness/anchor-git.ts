/** A git repository that gets a commit for each head: pushed, never forced, so that whoever can only add to it cannot take one back. */
import { mkdirSync } from "node:fs";
import { execa } from "execa";
import { ok, refuse, type Result } from "../core/base/index.ts";
import type { AnchorPlace } from "./anchors.ts";

export interface GitAnchor {
  readonly name: string;
  readonly repository: string;
  readonly branch: string;
  /** A bare repository of this machine's own. */
  readonly folder: string;
  readonly identity: { readonly name: string; readonly email: string };
  /** Of the process: where programs are, and how git reaches the repository. */
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** What git may know of the process's environment. */
const PASSED = [
  "PATH",
  "HOME",
  "SSH_AUTH_SOCK",
  "GIT_ASKPASS",
  "SSH_ASKPASS",
  "GIT_SSH_COMMAND",
  "HTTPS_PROXY",
  "https_proxy",
  "NO_PROXY",
  "no_proxy",
];
const TIMEOUT_MILLIS = 60_000;
const MAX_BYTES = 256 * 1024;
const FILE = "checkpoint";

export function gitAnchor(settings: GitAnchor): AnchorPlace {
  const { name, repository, branch, folder } = settings;
  const seen = `refs/anchored/${branch}`;
  const git = (args: readonly string[], stop: AbortSignal, input?: string): Promise<Result<string>> => runGit(settings, args, stop, input);
  const made = async (stop: AbortSignal): Promise<Result<unknown>> => {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    return git(["init", "--quiet", "--bare", "."], stop);
  };
  /** The branch's commit there now, fetched; none where it does not exist. */
  const tip = async (stop: AbortSignal): Promise<Result<string | undefined>> => {
    const there = await git(["ls-remote", "--heads", repository, `refs/heads/${branch}`], stop);
    if (!there.ok) return there;
    if (there.value === "") return ok(undefined);
    const fetched = await git(["fetch", "--quiet", "--no-tags", "--depth=1", repository, `+refs/heads/${branch}:${seen}`], stop);
    return fetched.ok ? git(["rev-parse", "--verify", `${seen}^{commit}`], stop) : fetched;
  };
  let parent: string | undefined;
  return {
    name,
    async last(stop) {
      const ready = await made(stop);
      if (!ready.ok) return ready;
      const commit = await tip(stop);
      if (!commit.ok) return commit;
      parent = commit.value;
      if (commit.value === undefined) return ok(undefined);
      const note = await git(["cat-file", "blob", `${commit.value}:${FILE}`], stop);
      if (note.ok) return ok(`${note.value}\n`);
      return refuse("anchor_unreadable", `the branch ${branch} of the anchor ${name} has no file ${FILE}`, {
        where: repository,
        remedy: "give the anchor a branch of its own",
      });
    },
    async put(note, stop) {
      const blob = await git(["hash-object", "-w", "--stdin"], stop, note);
      if (!blob.ok) return blob;
      const tree = await git(["mktree"], stop, `100644 blob ${blob.value}\t${FILE}\n`);
      if (!tree.ok) return tree;
      const [origin, size] = note.split("\n", 2);
      const from = parent === undefined ? [] : ["-p", parent];
      const commit = await git(["commit-tree", tree.value, ...from, "-m", `${origin}: ${size} entries`], stop);
      if (!commit.ok) return commit;
      // Somebody else's commit in between refuses it: that is looked at first.
      const pushed = await git(["push", "--quiet", repository, `${commit.value}:refs/heads/${branch}`], stop);
      return pushed.ok ? ok(undefined) : pushed;
    },
  };
}

async function runGit(
  { name, folder, identity, env }: GitAnchor,
  args: readonly string[],
  stop: AbortSignal,
  input?: string,
): Promise<Result<string>> {
  const passed = Object.fromEntries(PASSED.flatMap((key) => (env[key] === undefined ? [] : [[key, env[key]]])));
  const done = await execa("git", [`--git-dir=${folder}`, "-c", "core.hooksPath=/dev/null", "-c", "gc.auto=0", "--no-pager", ...args], {
    cwd: folder,
    extendEnv: false,
    env: {
      ...passed,
      LC_ALL: "C",
      TZ: "UTC",
      GIT_CONFIG_NOSYSTEM: "1",
      GIT_CONFIG_GLOBAL: "/dev/null",
      GIT_TERMINAL_PROMPT: "0",
      GIT_ALLOW_PROTOCOL: "file:https:ssh",
      GIT_AUTHOR_NAME: identity.name,
      GIT_AUTHOR_EMAIL: identity.email,
      GIT_COMMITTER_NAME: identity.name,
      GIT_COMMITTER_EMAIL: identity.email,
    },
    reject: false,
    timeout: TIMEOUT_MILLIS,
    cancelSignal: stop,
    maxBuffer: MAX_BYTES,
    forceKillAfterDelay: 1000,
    ...(input === undefined ? { stdin: "ignore" as const } : { input }),
  });
  if (done.exitCode === 0) return ok(done.stdout);
  const why = done.stderr
    .replaceAll(/[^\x20-\x7e]+/g, " ")
    .replaceAll(/\/\/[^\s/]*@/g, "//")
    .slice(0, 300);
  return refuse(
    "anchor_away",
    `git ${args[0]} for the anchor ${name} failed: ${why === "" ? (done.shortMessage ?? "") : why}`.slice(0, 500),
  );
}
