/** Reading what a command line names: ids, numbers, files. */
import { InvalidArgumentError } from "commander";
import { open } from "node:fs/promises";
import { resolve } from "node:path";
import { isDigest, isId, parseJson, type Digest, type Json } from "../core/base/index.ts";
import type { Context } from "./context.ts";
import { usage } from "./errors.ts";

export function changeId(text: string): string {
  if (isId(text) && text.startsWith("chg_")) return text;
  throw new InvalidArgumentError("a change is named chg_…; `pawl list` shows them.");
}

export function digest(text: string): Digest {
  if (isDigest(text)) return text;
  throw new InvalidArgumentError("a digest is sha256: and 64 lower-case hex digits.");
}

export function integer(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = /^\d{1,15}$/.test(text) ? Number(text) : NaN;
    if (value >= least && value <= most) return value;
    throw new InvalidArgumentError(`must be a whole number from ${least} to ${most}.`);
  };
}

export function oneOf<const V extends readonly string[]>(values: V): (text: string) => V[number] {
  return (text) => {
    if (values.includes(text)) return text;
    throw new InvalidArgumentError(`must be one of ${values.join(", ")}.`);
  };
}

/** For options that may be repeated. */
export const gather = (text: string, before: readonly string[] | undefined): readonly string[] => [...(before ?? []), text];

const MAX_FILE = 16 * 1024 * 1024;

/** A file, or standard input for `-`; bounded, and UTF-8 or refused. */
export async function readInput(context: Context, name: string, what: string): Promise<string> {
  const bytes = name === "-" ? await readStdin(context, what) : await readFile(resolve(context.io.cwd, name), name, what);
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw usage(`${what} is not UTF-8`, { where: name, remedy: "a patch with other bytes goes to a branch, and is proposed with --ref" });
  }
}

/** A file as it is, up to so many bytes. */
export async function readBytes(context: Context, name: string, most: number, what: string): Promise<Uint8Array> {
  const bytes = await readFile(resolve(context.io.cwd, name), name, what, { most, remedy: "name the part that matters" });
  if (bytes.length === 0) throw usage(`${what} is empty`, { where: name, remedy: "name a file that shows something" });
  return bytes;
}

const SPLIT = { most: MAX_FILE, remedy: "split the change, or propose a ref" };

async function readFile(path: string, name: string, what: string, { most, remedy } = SPLIT): Promise<Uint8Array> {
  try {
    await using file = await open(path, "r");
    const { size } = await file.stat();
    if (size > most) throw usage(`${what} has ${size} bytes; ${most} is the bound`, { where: name, remedy });
    return await file.readFile();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === undefined || !/^E[A-Z]+$/.test(code)) throw error;
    throw usage(`${what} cannot be read: ${code === "ENOENT" ? "there is no such file" : code}`, { where: path, remedy: "check the path" });
  }
}

async function readStdin({ io }: Context, what: string): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of io.stdin) {
    const bytes = typeof chunk === "string" ? Buffer.from(chunk) : (chunk as Uint8Array);
    size += bytes.length;
    if (size > MAX_FILE)
      throw usage(`${what} is larger than ${MAX_FILE} bytes`, { where: "standard input", remedy: "split the change, or propose a ref" });
    chunks.push(bytes);
  }
  return Buffer.concat(chunks);
}

/** JSON as strictly as the server reads it, so that a fault is told here, with its place. */
export async function readJsonInput(context: Context, name: string, what: string): Promise<Json> {
  const text = await readInput(context, name, what);
  const read = parseJson(new TextEncoder().encode(text));
  if (read.ok) return read.value;
  const { message, where, remedy } = read.error;
  throw usage(`${what} is not JSON that can be read: ${message}`, {
    where: where === undefined ? name : `${name}, ${where}`,
    ...(remedy === undefined ? {} : { remedy }),
  });
}
