/** Processes that are meant to be killed. Whatever is still alive when this process ends goes with it. */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { readFileSync, readdirSync } from "node:fs";
import { dirname, resolve } from "node:path";

const BIN = resolve(import.meta.dirname, "../../bin/pawl.js");
const PATH = [dirname(process.execPath), process.env["PATH"]].join(":");

/** Leaders of process groups of their own. */
const alive = new Set<number>();
process.once("exit", () => {
  for (const pid of alive) signalGroup(pid);
});
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.once(signal, () => process.exit(130));

function signalGroup(pid: number): void {
  try {
    process.kill(-pid, "SIGKILL");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

export interface Killable {
  readonly pid: number;
  /** What it wrote to standard error. */
  readonly said: () => string;
  /** `alone` leaves what it had started running, as the kernel's out-of-memory killer does; `group` is a power cut. */
  kill(how: "alone" | "group"): Promise<void>;
  /** Settles when the process has ended, with its code; null after a signal. */
  readonly ended: Promise<number | null>;
}

export interface Starting {
  readonly cwd: string;
  /** Goes before the program: strace and its arguments. */
  readonly under?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

export interface PawlProcess extends Killable {
  readonly url: string;
}

/** The real server on the settings of a folder, once it listens. */
export async function startServer({ cwd, under = [], env = {} }: Starting): Promise<PawlProcess> {
  const [program, ...args] = [...under, process.execPath, BIN, "up"];
  const child = spawn(program, args, {
    cwd,
    detached: true,
    env: { PATH, HOME: process.env["HOME"], NO_COLOR: "1", ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const killable = watched(child);
  const url = await untilSaid(child, killable, /^Pawl runs at (\S+)$/m);
  return { ...killable, url };
}

/** The real runner on the settings of a folder, once it waits for work. */
export async function startRunner({ cwd, env = {} }: Starting): Promise<Killable> {
  const child = spawn(process.execPath, [BIN, "runner", "run"], {
    cwd,
    detached: true,
    env: { PATH, HOME: process.env["HOME"], NO_COLOR: "1", ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const killable = watched(child);
  let told = "";
  child.stdout.setEncoding("utf8").on("data", (chunk: string) => (told += chunk));
  await untilSaid(child, killable, /^(Runner \S+ waits for work)/m);
  return { ...killable, said: () => killable.said() + told };
}

/** The command line of a deployment, to its end. */
export async function command(cwd: string, ...args: readonly string[]): Promise<{ readonly code: number | null; readonly text: string }> {
  const child = spawn(process.execPath, [BIN, ...args], { cwd, env: { PATH, NO_COLOR: "1" }, stdio: ["ignore", "pipe", "pipe"] });
  let text = "";
  for (const pipe of [child.stdout, child.stderr]) pipe.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
  const [code] = (await once(child, "close")) as [number | null];
  return { code, text };
}

export function watched(child: ChildProcess): Killable {
  const { pid } = child;
  if (pid === undefined) throw new Error("the process did not start");
  alive.add(pid);
  let said = "";
  child.stderr?.setEncoding("utf8").on("data", (chunk: string) => (said += chunk));
  const ended = once(child, "exit").then(([code]) => code as number | null);
  return {
    pid,
    said: () => said,
    ended,
    async kill(how) {
      if (how === "group") signalGroup(pid);
      else child.kill("SIGKILL");
      await ended;
      alive.delete(pid);
    },
  };
}

async function untilSaid(child: ChildProcess, { ended, said }: Killable, pattern: RegExp): Promise<string> {
  let text = "";
  const { promise, resolve: found, reject } = Promise.withResolvers<string>();
  child.stdout?.setEncoding("utf8").on("data", (chunk: string) => {
    text += chunk;
    const match = pattern.exec(text);
    if (match !== null) found(match[1] ?? "");
  });
  void ended.then((code) => reject(new ServerDidNotStart(code, said())));
  return promise;
}

/** It ended before it listened. */
export class ServerDidNotStart extends Error {
  constructor(code: number | null, said: string) {
    super(`the server ended with ${code} before it listened: ${said.slice(0, 2000)}`);
  }
}

/** A process and everything that it started, directly or not. */
export function familyOf(pid: number): number[] {
  const parents = new Map<number, number>();
  for (const name of readdirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const stat = readFileSync(`/proc/${name}/stat`, "utf8");
      parents.set(Number(name), Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]));
    } catch {
      // It ended meanwhile.
    }
  }
  const family = [pid];
  for (const member of family) for (const [child, parent] of parents) if (parent === member) family.push(child);
  return family;
}

export function isAlive(pid: number): boolean {
  try {
    // A zombie has ended; nobody has asked for its code yet.
    return !/^\d+ \(.*\) Z/.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch {
    return false;
  }
}
