import { join } from "node:path";
import { execa } from "execa";
import { digestOf, fail, keyedDigestOf, ok } from "../../core/base/index.ts";
import type { JsonObject, Refusal, Result } from "../../core/base/index.ts";
import type { Program } from "../../core/operation/index.ts";
import { workedInBy } from "../scratch.ts";
import { discard, executable, privateFolder, programAt, readOnce, type ProgramDigest } from "./files.ts";
import type { Around } from "./payload.ts";
import { COMMAND_LIMITS, type CommandOptions } from "./types.ts";

/** How a command ended. `started: false` is a promise that no instruction of it ran. */
export type Ended =
  | { readonly kind: "exit"; readonly code: number; readonly output: string; readonly facts: JsonObject }
  | { readonly kind: "unfinished"; readonly started: boolean; readonly error: Refusal; readonly facts: JsonObject };

export interface Command {
  readonly program: Program;
  readonly around: Around;
  /** As approved. */
  readonly programs: readonly ProgramDigest[];
  readonly signal: AbortSignal;
}

const unstarted = (error: Refusal): Ended => ({ kind: "unfinished", started: false, error, facts: {} });

/**
 * Runs one command to its end. Program, interpreter and files are copied into a private folder while they are hashed, and the copies are
 * run: what was hashed is what runs, whatever happens to the names meanwhile.
 */
export async function runCommand(options: CommandOptions, command: Command): Promise<Ended> {
  const given = passed(options, command.around.pass);
  if (!given.ok) return unstarted(given.error);
  const folder = await privateFolder(options.workDir);
  try {
    const ready = await prepare(options, command, folder);
    return ready.ok ? await execute(options, command, { ...ready.value, folder, given: given.value }) : unstarted(ready.error);
  } finally {
    await discard(folder);
  }
}

/** Variables that are handed on: each must be allowed here, and set. */
function passed({ pass, env = process.env }: CommandOptions, names: readonly string[]): Result<Readonly<Record<string, string>>> {
  const given: Record<string, string> = {};
  for (const name of names) {
    const value = env[name];
    if (!pass.includes(name) || value === undefined)
      return fail({
        code: "command_variable",
        message: `the variable ${name} may not be handed on here, or is not set`,
        remedy: "name it in command.pass, and set it",
      });
    given[name] = value;
  }
  return ok(given);
}

interface Ready {
  readonly file: string;
  readonly argv0: string;
  readonly args: readonly string[];
}

async function prepare(options: CommandOptions, { program, around, programs }: Command, folder: string): Promise<Result<Ready>> {
  const [path = "", ...args] = program.argv;
  const copies = join(folder, "programs");
  const now = await programAt(path, options.programs, copies);
  if (!now.ok) return now;
  const approved = programs.find((each) => each.path === path);
  if (approved === undefined || !isSame(approved, now.value))
    return fail({
      code: "command_program_differs",
      message: `${path} is not the program that was approved`,
      remedy: "plan the change again with the program as it is now",
    });
  for (const { from, as, digest } of around.files) {
    const copied = await readOnce(from, COMMAND_LIMITS.file, join(folder, "files", as));
    if (!copied.ok) return copied;
    if (copied.value.digest !== digest)
      return fail({
        code: "command_file_differs",
        message: `${from} is not the file that was approved`,
        remedy: "plan the change again with the file as it is now",
      });
  }
  const { interpreter } = now.value;
  const own = join(copies, "program");
  await executable(own);
  if (interpreter === undefined) return ok({ file: own, argv0: path, args });
  const reader = join(copies, "interpreter");
  await executable(reader);
  return ok({
    file: reader,
    argv0: interpreter.path,
    args: [...(interpreter.argument === undefined ? [] : [interpreter.argument]), own, ...args],
  });
}

const isSame = (a: ProgramDigest, b: ProgramDigest): boolean =>
  a.digest === b.digest &&
  a.interpreter?.path === b.interpreter?.path &&
  a.interpreter?.argument === b.interpreter?.argument &&
  a.interpreter?.digest === b.interpreter?.digest;

async function execute(
  { secretKey }: CommandOptions,
  { program, around, signal }: Command,
  { file, argv0, args, folder, given }: Ready & { readonly folder: string; readonly given: Readonly<Record<string, string>> },
): Promise<Ended> {
  if (signal.aborted) return unstarted({ code: "command_timeout", message: "the time had run out before it began", remedy: "try again" });
  const home = join(folder, "files");
  const running = execa(file, args, {
    argv0,
    cwd: around.directory ?? home,
    // What may be handed on comes last but for what decides where programs are looked for.
    env: { LANG: "C.UTF-8", TZ: "UTC", ...around.env, ...given, PATH: "/usr/local/bin:/usr/bin:/bin", HOME: home, TMPDIR: home },
    extendEnv: false,
    stdin: "ignore",
    encoding: "buffer",
    stripFinalNewline: false,
    reject: false,
    timeout: program.timeoutSeconds * 1000,
    cancelSignal: signal,
    killDescendants: true,
    forceKillAfterDelay: 500,
    maxBuffer: COMMAND_LIMITS.output,
  });
  workedInBy(folder, running.pid);
  const done = await running;
  // What it leaves behind would act on after everybody was told how it ended.
  endGroup(running.pid);
  const [stdout, stderr] = [Buffer.from(done.stdout ?? []), Buffer.from(done.stderr ?? [])];
  // Of what it printed only keyed digests are kept: it may hold anything.
  const facts: JsonObject = {
    argv_digest: digestOf(JSON.stringify(program.argv)),
    output: keyedDigestOf(secretKey, stdout),
    output_bytes: stdout.length,
    errors: keyedDigestOf(secretKey, stderr),
    errors_bytes: stderr.length,
    ...(done.exitCode === undefined ? {} : { exit: done.exitCode }),
  };
  const finished = !done.timedOut && !done.isCanceled && !done.isMaxBuffer && done.exitCode !== undefined;
  if (finished) return { kind: "exit", code: done.exitCode ?? -1, output: decoded(stdout), facts };
  // A process that could not be made has no number.
  const started = done.timedOut || done.isCanceled || done.isMaxBuffer || done.signal !== undefined;
  const why =
    done.timedOut || done.isCanceled
      ? "did not end in time"
      : done.isMaxBuffer
        ? "printed too much"
        : started
          ? `was ended by ${done.signal ?? "something"}`
          : "could not be started";
  return {
    kind: "unfinished",
    started,
    facts,
    error: {
      code: done.timedOut || done.isCanceled ? "command_timeout" : "command_unfinished",
      message: `the command ${why}`,
      remedy: started ? "look at what it did" : "look whether it can be run here",
    },
  };
}

/** What it started may take no hint, and hold no pipe that anybody waits for. The group's number is its own for as long as one of it lives. */
function endGroup(leader: number | undefined): void {
  try {
    if (leader !== undefined) process.kill(-leader, "SIGKILL");
  } catch {
    // Nobody of it is left.
  }
}

/** Bytes that are no text of UTF-8 are no state: the replacement makes two of them look alike, so they are told apart by failing. */
function decoded(bytes: Buffer): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return "\ud800";
  }
}
