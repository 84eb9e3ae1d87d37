import { createHash } from "node:crypto";
import { constants } from "node:fs";
import { chmod, lstat, mkdir, open, rm, type FileHandle } from "node:fs/promises";
import { join, normalize } from "node:path";
import { compileGlob, fail, ok } from "../../core/base/index.ts";
import type { Digest, Result } from "../../core/base/index.ts";
import { scratch, sweep } from "../scratch.ts";
import { COMMAND_LIMITS } from "./types.ts";

/** A program by what is in it, and the one that reads it where it is a script. */
export interface ProgramDigest {
  readonly path: string;
  readonly digest: Digest;
  readonly interpreter?: { readonly path: string; readonly argument?: string; readonly digest: Digest };
}

const CHUNK = 1024 * 1024;
const refusal = (code: string, message: string, remedy: string): Result<never> => fail({ code, message, remedy });

/** Whether the operator lets this machine run it; by its own path, whatever links to it, and by no way round. */
const mayRun = (programs: readonly string[], path: string): boolean =>
  normalize(path) === path &&
  programs.some((pattern) => {
    const glob = compileGlob(pattern);
    return glob.ok && glob.value.matches(path);
  });

/**
 * Reads a file once, through one descriptor: what is hashed is what is copied, whatever happens to the name meanwhile. Without a
 * target it is only hashed.
 */
export async function readOnce(
  path: string,
  most: number,
  target?: string,
): Promise<Result<{ readonly digest: Digest; readonly head: Buffer }>> {
  let source: FileHandle | undefined;
  let copy: FileHandle | undefined;
  try {
    source = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const { size } = await source.stat();
    if (!(await source.stat()).isFile()) return refusal("command_file", `${path} is no plain file`, "name a file");
    if (size > most) return refusal("command_file", `${path} has more than ${most} bytes`, "name a smaller one");
    if (target !== undefined) copy = await open(target, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, 0o600);
    return ok(await through(source, most, copy));
  } catch (error) {
    return refusal(
      "command_file",
      `${path} cannot be read: ${(error as NodeJS.ErrnoException).code ?? "it broke off"}`,
      "look whether it is there, and who may read it",
    );
  } finally {
    await source?.close();
    await copy?.close();
  }
}

/** A file that grows meanwhile ends at the bound all the same. */
async function through(
  source: FileHandle,
  most: number,
  copy: FileHandle | undefined,
): Promise<{ readonly digest: Digest; readonly head: Buffer }> {
  const hash = createHash("sha256");
  const buffer = Buffer.alloc(CHUNK);
  let head: Buffer | undefined;
  for (let bytes = 0; ;) {
    const { bytesRead } = await source.read(buffer, 0, CHUNK, null);
    const chunk = buffer.subarray(0, bytesRead);
    head ??= Buffer.from(chunk.subarray(0, 512));
    if (bytesRead === 0) return { digest: `sha256:${hash.digest("hex")}` as Digest, head };
    bytes += bytesRead;
    if (bytes > most) throw Object.assign(new Error("it grows"), { code: "EFBIG" });
    hash.update(chunk);
    await copy?.writeFile(chunk);
  }
}

/** What a script's first line says that reads it. */
function interpreterOf(head: Buffer): { readonly path: string; readonly argument?: string } | undefined {
  if (head[0] !== 0x23 || head[1] !== 0x21) return undefined;
  const line = head.toString("latin1").slice(2).split("\n", 1)[0] ?? "";
  const [, path = "", argument] = /^[ \t]*([^ \t]+)(?:[ \t]+(.*?))?[ \t\r]*$/.exec(line) ?? [];
  return { path, ...(argument === undefined || argument === "" ? {} : { argument }) };
}

/** ELF, and Mach-O in both orders and as a bundle of several. */
const NATIVE = ["7f454c46", "feedface", "feedfacf", "cefaedfe", "cffaedfe", "cafebabe"];

/** Whether the system itself runs it. What it does not know is handed to a shell by the C library, and nobody asked for one. */
const isNative = (head: Buffer): boolean => NATIVE.includes(head.subarray(0, 4).toString("hex"));

const DECLARE = "declare the interpreter as the program, and the script as a file";

/** A program as it is now; with a folder, a copy of it there as well, which only its owner can touch. */
export async function programAt(path: string, programs: readonly string[], folder?: string): Promise<Result<ProgramDigest>> {
  if (!mayRun(programs, path))
    return refusal("command_not_allowed", `${path} may not be run here`, "name it in command.programs, if it is meant");
  const read = await readOnce(path, COMMAND_LIMITS.program, folder && join(folder, "program"));
  if (!read.ok) return read;
  const by = interpreterOf(read.value.head);
  if (by === undefined)
    return isNative(read.value.head)
      ? ok({ path, digest: read.value.digest })
      : refusal("command_interpreter", `${path} is no program by itself, and does not say what reads it`, DECLARE);
  // What env finds depends on where it looks.
  if (!by.path.startsWith("/") || by.path.endsWith("/env"))
    return refusal("command_interpreter", `${path} leaves it open what reads it: ${by.path.slice(0, 100)}`, DECLARE);
  const interpreter = await readOnce(by.path, COMMAND_LIMITS.program, folder && join(folder, "interpreter"));
  if (!interpreter.ok) return interpreter;
  // What reads the reader would be bound by nothing.
  if (!isNative(interpreter.value.head))
    return refusal("command_interpreter", `${by.path.slice(0, 100)}, which reads ${path}, is a script itself`, DECLARE);
  return ok({ path, digest: read.value.digest, interpreter: { ...by, digest: interpreter.value.digest } });
}

/** A folder that nobody else can look into, for as long as one command runs. */
export async function privateFolder(workDir: string): Promise<string> {
  await mkdir(workDir, { recursive: true, mode: 0o700 });
  const { mode } = await lstat(workDir);
  if ((mode & 0o077) !== 0) await chmod(workDir, 0o700);
  const runs = join(workDir, "runs");
  await sweep(runs);
  const folder = await scratch(runs);
  await mkdir(join(folder, "files"), { mode: 0o700 });
  await mkdir(join(folder, "programs"), { mode: 0o700 });
  return folder;
}

export const discard = (folder: string): Promise<void> => rm(folder, { recursive: true, force: true });
export const executable = (path: string): Promise<void> => chmod(path, 0o500);
