import { createHash } from "node:crypto";
import { closeSync, openSync, readFileSync, readSync, realpathSync, statSync } from "node:fs";
import { delimiter, isAbsolute, join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { stripVTControlCharacters } from "node:util";
import { execa, type Result as Ran } from "execa";
import { ok, refuse } from "../../core/base/index.ts";
import type { Digest, Refusal, Result } from "../../core/base/index.ts";
import { workedInBy } from "../scratch.ts";

/** The program as it was found when Pawl started: what runs later is the same bytes, or nothing runs. */
export interface Program {
  readonly path: string;
  readonly digest: Digest;
  /** Changes whenever the file is written or replaced. */
  readonly mark: string;
}

const MARK = (path: string): string => {
  const { ino, size, mtimeMs, ctimeMs } = statSync(path);
  return `${ino} ${size} ${mtimeMs} ${ctimeMs}`;
};

export function findProgram(name: string, path: string): Program | undefined {
  const places = isAbsolute(name) ? [name] : path.split(delimiter).flatMap((folder) => (isAbsolute(folder) ? [join(folder, name)] : []));
  for (const place of places) {
    try {
      const real = realpathSync(place);
      if (!statSync(real).isFile() || (statSync(real).mode & 0o111) === 0) continue;
      return { path: real, digest: digestOfFile(real), mark: MARK(real) };
    } catch {
      // Not there, or not ours to read: the next folder may have it.
    }
  }
  return undefined;
}

function digestOfFile(path: string): Digest {
  const sum = createHash("sha256");
  const chunk = Buffer.alloc(1024 * 1024);
  const file = openSync(path, "r");
  try {
    for (let read = readSync(file, chunk); read > 0; read = readSync(file, chunk)) sum.update(chunk.subarray(0, read));
  } finally {
    closeSync(file);
  }
  return `sha256:${sum.digest("hex")}` as Digest;
}

/** The file that is there now is the one that stands in the connector's digest. */
export function sameProgram(name: string, program: Program | undefined): Result<Program> {
  if (program === undefined)
    return refuse("terraform_missing", `there is no program ${name} on this machine`, {
      remedy: "install it where PATH leads, and start Pawl again",
    });
  try {
    if (MARK(program.path) === program.mark || digestOfFile(program.path) === program.digest) return ok(program);
  } catch {
    // Gone: told below.
  }
  return refuse("terraform_changed", `${program.path} is not the program that it was when Pawl started`, {
    remedy: "start Pawl again, and plan the change again",
  });
}

export interface Call {
  readonly program: Program;
  readonly args: readonly string[];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
  readonly maxBytes?: number;
}

/** `stopped`: it did not end by itself. */
export type Outcome =
  | { readonly kind: "exit"; readonly code: number; readonly stdout: Buffer; readonly stderr: string }
  | { readonly kind: "stopped"; readonly why: "time" | "output" | "signal" | "start"; readonly stdout: Buffer; readonly stderr: string };

const MIB = 1024 * 1024;

/** An argument vector, an environment of our own, no terminal. It is asked to stop before it is made to. */
const optionsOf = ({ cwd, env, signal }: Call, patience: number) =>
  ({
    cwd,
    env,
    extendEnv: false,
    stdin: "ignore",
    reject: false,
    stripFinalNewline: false,
    cancelSignal: signal,
    killSignal: "SIGINT",
    killDescendants: true,
    forceKillAfterDelay: patience,
  }) as const;

/** Runs it to its end. Output beyond `maxBytes` stops it. */
export async function run(call: Call): Promise<Outcome> {
  const maxBuffer = { stdout: call.maxBytes ?? 64 * MIB, stderr: MIB };
  const done = await execa(call.program.path, call.args, { ...optionsOf(call, 3_000), encoding: "buffer", maxBuffer });
  return outcomeOf(done, Buffer.from(done.stdout ?? []), Buffer.from(done.stderr ?? []).toString("utf8"));
}

/**
 * Runs it to its end and hands on each line as it comes. It has begun to change things, so nothing that it prints stops it; and it
 * prints to files of `folder`, not to a pipe, whose reader may be killed: writing to that would end it before its state is stored.
 */
export async function runTelling(call: Call, folder: string, onLine: (line: string) => void): Promise<Outcome> {
  const [said, complained] = [join(folder, "said"), join(folder, "complained")];
  const [out, err] = [openSync(said, "w", 0o600), openSync(complained, "w", 0o600)];
  // execa's types know the smallest descriptors alone.
  const files = { stdout: out as 3, stderr: err as 3 };
  const started = execa(call.program.path, call.args, { ...optionsOf(call, 10_000), ...files });
  workedInBy(folder, started.pid);
  for (const file of [out, err]) closeSync(file);
  const ended = started.then(() => true);
  const lines = new Tail(said, onLine);
  while (!(await Promise.race([ended, pause(TOLD_EVERY_MILLIS, false)]))) lines.read();
  lines.read();
  return outcomeOf(await started, Buffer.alloc(0), readFileSync(complained).subarray(0, MIB).toString("utf8"));
}

const TOLD_EVERY_MILLIS = 200;

/** What a file has gained since it was last read, line by line. */
class Tail {
  readonly #path: string;
  readonly #onLine: (line: string) => void;
  #at = 0;
  #rest = Buffer.alloc(0);

  constructor(path: string, onLine: (line: string) => void) {
    this.#path = path;
    this.#onLine = onLine;
  }

  read(): void {
    const file = openSync(this.#path, "r");
    const chunk = Buffer.alloc(256 * 1024);
    try {
      for (let read = readSync(file, chunk, 0, chunk.length, this.#at); read > 0; read = readSync(file, chunk, 0, chunk.length, this.#at)) {
        this.#at += read;
        this.#take(chunk.subarray(0, read));
      }
    } finally {
      closeSync(file);
    }
  }

  #take(chunk: Buffer): void {
    let all = Buffer.concat([this.#rest, chunk]);
    for (let end = all.indexOf(10); end >= 0; end = all.indexOf(10)) {
      this.#onLine(all.subarray(0, end).toString("utf8"));
      all = all.subarray(end + 1);
    }
    // A line without an end is none that is waited for.
    this.#rest = all.length > MIB ? Buffer.alloc(0) : Buffer.from(all);
  }
}

type Ended = Pick<Ran, "isCanceled" | "timedOut" | "isMaxBuffer" | "exitCode" | "isTerminated">;

function outcomeOf(done: Ended, stdout: Buffer, stderr: string): Outcome {
  if (done.isCanceled || done.timedOut) return { kind: "stopped", why: "time", stdout, stderr };
  if (done.isMaxBuffer) return { kind: "stopped", why: "output", stdout, stderr };
  if (done.exitCode !== undefined) return { kind: "exit", code: done.exitCode, stdout, stderr };
  return { kind: "stopped", why: done.isTerminated ? "signal" : "start", stdout, stderr };
}

/** What Terraform says goes into messages: bounded, on one line, without colours, frames and what must not be shown. */
export function readable(text: string, scrub: (text: string) => string): string {
  const plain = scrub(stripVTControlCharacters(text))
    .replace(/[\p{Cc}\p{Cf}╷│╵]+/gu, " ")
    .replace(/\/\/[^\s/]*@/g, "//")
    .replace(/ {2,}/g, " ")
    .trim();
  return plain.length > 1_500 ? `${plain.slice(0, 1_500).toWellFormed()}…` : plain;
}

export function faultOf(outcome: Outcome, what: string, scrub: (text: string) => string): { readonly ok: false; readonly error: Refusal } {
  if (outcome.kind === "exit") {
    const said = readable(outcome.stderr === "" ? outcome.stdout.toString("utf8") : outcome.stderr, scrub);
    if (/Error acquiring the state lock|state lock/i.test(said))
      return refuse("terraform_locked", `${what}: the state is locked: ${said}`, {
        remedy: "wait for whoever holds it; where nobody does, a person may unlock it",
      });
    return refuse("terraform_failed", `${what}: ${said === "" ? `it ended with ${outcome.code}` : said}`, {
      remedy: "mend what it complains about, and try again",
    });
  }
  const why = { time: "did not end in time", output: "printed too much", signal: "was ended from outside", start: "could not be started" };
  const code = outcome.why === "time" ? "terraform_timeout" : "terraform_failed";
  return refuse(code, `${what}: the program ${why[outcome.why]}`, { remedy: "try again; raise the limit if it stays so" });
}
