import { execa } from "execa";
import type { Subprocess } from "execa";

/**
 * How git is started: argument vector only, an environment of our own, and no configuration but ours. The global
 * configuration file is read by every git process, also by those that git starts in a repository on this machine.
 */
export interface GitProgram {
  readonly binary: string;
  readonly configFile: string;
  readonly config: string;
  readonly path: string;
  /** Credentials and proxies of the operator; given to processes that talk to a remote machine, and to no other. */
  readonly remoteEnv: Readonly<Record<string, string>>;
}

export interface GitCall {
  readonly args: readonly string[];
  readonly gitDir?: string;
  readonly input?: string | Uint8Array;
  readonly env?: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
  readonly maxBytes?: number;
  readonly remote?: boolean;
}

/** `stopped`: it did not end by itself, so nothing is known about what it did. */
export type GitOutcome =
  | { readonly kind: "exit"; readonly code: number; readonly stdout: Buffer; readonly stderr: string }
  | {
      readonly kind: "stopped";
      readonly why: "timeout" | "overflow" | "start" | "signal";
      readonly stdout: Buffer;
      readonly stderr: string;
    };

const GIT_CONFIG = `[core]
	hooksPath = /dev/null
	fsmonitor = false
	attributesFile = /dev/null
	excludesFile = /dev/null
	symlinks = false
	protectHFS = true
	protectNTFS = true
	quotePath = false
	autocrlf = false
	logAllRefUpdates = false
	alternateRefsCommand = :
	pager = cat
[protocol]
	allow = never
[protocol "file"]
	allow = always
[protocol "https"]
	allow = always
[protocol "ssh"]
	allow = always
[gc]
	auto = 0
[maintenance]
	auto = false
[fetch]
	fsckObjects = true
	recurseSubmodules = false
[fetch "fsck"]
	zeroPaddedFilemode = ignore
	missingSpaceBeforeDate = ignore
	missingSpaceBeforeEmail = ignore
	badTimezone = ignore
	gitmodulesUrl = ignore
[push]
	recurseSubmodules = no
	gpgSign = false
[commit]
	gpgSign = false
[submodule]
	recurse = false
[diff]
	renameLimit = 1000
[advice]
	detachedHead = false
`;

/** Our configuration. A declared repository may belong to another user: the operator's word that it is meant stands for git's own question. */
export function gitConfig(localPaths: readonly string[]): string {
  const safe = localPaths.flatMap((path) => [path, `${path}/.git`]).map((path) => `\tdirectory = ${JSON.stringify(path)}\n`);
  return safe.length === 0 ? GIT_CONFIG : `${GIT_CONFIG}[safe]\n${safe.join("")}`;
}

/** Settings of the highest rank for git inside a repository on this machine, whose own configuration anybody may have written. */
export const FOREIGN_CONFIG: readonly string[] = [
  "core.hooksPath=/dev/null",
  "core.fsmonitor=false",
  "core.alternateRefsCommand=:",
  "core.attributesFile=/dev/null",
  "core.pager=cat",
  "core.sshCommand=false",
  "gc.auto=0",
  "maintenance.auto=false",
  "receive.autogc=false",
  "receive.denyCurrentBranch=refuse",
].flatMap((setting) => ["-c", setting]);

function environment(program: GitProgram, call: GitCall): Record<string, string> {
  return {
    ...(call.remote === true ? program.remoteEnv : {}),
    PATH: program.path,
    LC_ALL: "C",
    TZ: "UTC",
    GIT_CONFIG_NOSYSTEM: "1",
    GIT_CONFIG_GLOBAL: program.configFile,
    GIT_ATTR_NOSYSTEM: "1",
    GIT_TERMINAL_PROMPT: "0",
    GIT_ALLOW_PROTOCOL: "file:https:ssh",
    GIT_NO_LAZY_FETCH: "1",
    GIT_NO_REPLACE_OBJECTS: "1",
    GIT_OPTIONAL_LOCKS: "0",
    GIT_LITERAL_PATHSPECS: "1",
    GIT_EDITOR: ":",
    ...call.env,
  };
}

/** Of the highest rank also in the mirror: a check that runs a change's own code could have written to its configuration. */
const OWN_CONFIG: readonly string[] = ["core.hooksPath=/dev/null", "core.fsmonitor=false", "core.attributesFile=/dev/null"].flatMap(
  (setting) => ["-c", setting],
);

const argv = (call: GitCall): string[] => [
  ...(call.gitDir === undefined ? [] : [`--git-dir=${call.gitDir}`]),
  ...OWN_CONFIG,
  "--no-pager",
  ...call.args,
];

/** Runs git to its end. Output beyond `maxBytes` stops it. */
export async function runGit(program: GitProgram, call: GitCall): Promise<GitOutcome> {
  const done = await execa(program.binary, argv(call), {
    env: environment(program, call),
    extendEnv: false,
    cwd: "/",
    encoding: "buffer",
    reject: false,
    stripFinalNewline: false,
    maxBuffer: { stdout: call.maxBytes ?? 64 * 1024 * 1024, stderr: 256 * 1024 },
    cancelSignal: call.signal,
    killDescendants: true,
    forceKillAfterDelay: 1000,
    ...(call.input === undefined ? { stdin: "ignore" } : { input: call.input }),
  });
  const stdout = Buffer.from(done.stdout ?? []);
  const stderr = readable(Buffer.from(done.stderr ?? []).toString("utf8"));
  if (done.isCanceled || done.timedOut) return { kind: "stopped", why: "timeout", stdout, stderr };
  if (done.isMaxBuffer) return { kind: "stopped", why: "overflow", stdout, stderr };
  if (done.exitCode !== undefined) return { kind: "exit", code: done.exitCode, stdout, stderr };
  return { kind: "stopped", why: done.isTerminated ? "signal" : "start", stdout, stderr };
}

export const succeeded = (outcome: GitOutcome): boolean => outcome.kind === "exit" && outcome.code === 0;

/** Starts git with open pipes; the caller reads, writes and ends it. */
export function startGit(program: GitProgram, call: GitCall): Subprocess<{ buffer: false; encoding: "buffer"; reject: false }> {
  return execa(program.binary, argv(call), {
    env: environment(program, call),
    extendEnv: false,
    cwd: "/",
    encoding: "buffer",
    buffer: false,
    reject: false,
    cancelSignal: call.signal,
    forceKillAfterDelay: 1000,
  });
}

/** What git says goes into messages: bounded, without control characters and without credentials of an address. */
export function readable(text: string): string {
  const plain = text
    .replace(/[\p{Cc}\p{Cf}]+/gu, " ")
    .replace(/\/\/[^\s/]*@/g, "//")
    .trim();
  return plain.length > 600 ? `${plain.slice(0, 600).toWellFormed()}…` : plain;
}
