/** strace as a source of faults and as a witness, where it is installed and may trace. */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";

/** Why it cannot be used here; undefined when it can. */
export function straceFault(): string | undefined {
  const tried = spawnSync("strace", ["-f", "-qq", "--seccomp-bpf", "-e", "trace=fsync", "true"], { encoding: "utf8" });
  if (tried.error !== undefined) return "strace is not installed";
  return tried.status === 0 ? undefined : `strace cannot trace here: ${tried.stderr.split("\n", 1)[0]}`;
}

/** Every thread of the server, each with a count of its own; the programs that it starts are left alone. */
const THREADS = ["-f", "-qq", "--detach-on=execve"];
/** The programs too. */
const ALL = ["-f", "-qq", "--seccomp-bpf"];

/** SIGKILL when a thread is about to make its Nth such call. */
export const killAt = (call: string, n: number): readonly string[] => inject(call, `signal=KILL:when=${n}`);

/** A thread's Nth such call fails, and every one after it. */
export const failFrom = (call: string, error: string, n: number): readonly string[] => inject(call, `error=${error}:when=${n}+`);

const inject = (call: string, fault: string): readonly string[] => [
  "strace",
  ...THREADS,
  "-o",
  "/dev/null",
  "-e",
  `trace=${call}`,
  "-e",
  `inject=${call}:${fault}`,
];

const written = (log: string, calls: readonly string[]): readonly string[] => [
  "-y",
  "-s",
  "8192",
  "-e",
  `trace=${calls.join(",")}`,
  "-e",
  "signal=none",
  "-o",
  log,
];

/** Writes down the calls of the server and of the programs that it starts. */
export const writeDown = (log: string, calls: readonly string[]): readonly string[] => ["strace", ...ALL, ...written(log, calls)];

/** Writes down the server's calls with every byte, and lets a thread's Nth of one kind fail. */
export const writeDownAndFail = (log: string, calls: readonly string[], call: string, n: number): readonly string[] => [
  "strace",
  ...THREADS,
  "-xx",
  ...written(log, calls),
  "-e",
  `inject=${call}:error=EIO:when=${n}`,
];

/** Writes down the server's calls. */
export const writeDownOwn = (log: string, calls: readonly string[]): readonly string[] => ["strace", ...THREADS, ...written(log, calls)];

export interface Call {
  readonly thread: string;
  readonly name: string;
  /** Its arguments, and its result. */
  readonly text: string;
  /** Places in the order of the log: a call that took long began and ended at different ones. */
  readonly began: number;
  readonly ended: number;
}

/** The calls that ended, in the order in which they began. */
export function readCalls(log: string): Call[] {
  const calls: Call[] = [];
  const open = new Map<string, { readonly name: string; readonly text: string; readonly began: number }>();
  for (const [at, line] of readFileSync(log, "utf8").split("\n").entries()) {
    const [, thread = "", rest = ""] = /^(\d+) +(.*)$/.exec(line) ?? [];
    const resumed = /^<\.\.\. (\w+) resumed>(.*)$/.exec(rest);
    const begun = open.get(thread);
    if (resumed !== null && begun !== undefined) {
      open.delete(thread);
      calls.push({ thread, ...begun, text: begun.text + (resumed[2] ?? ""), ended: at });
      continue;
    }
    const [, name, text = ""] = /^(\w+)\((.*)$/.exec(rest) ?? [];
    if (name === undefined) continue;
    if (text.endsWith("<unfinished ...>")) open.set(thread, { name, text: text.slice(0, -"<unfinished ...>".length), began: at });
    else calls.push({ thread, name, text, began: at, ended: at });
  }
  return calls.toSorted((a, b) => a.began - b.began);
}
