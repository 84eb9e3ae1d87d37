/** The disk as a power cut leaves it, made up from the calls of a server: a write counts once a sync that covers it has succeeded. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Call } from "./strace.ts";

const FILES = ["pawl.db", "pawl.db-wal"] as const;
type File = (typeof FILES)[number];

export type Disk = ReadonlyMap<File, Buffer>;

interface Pending {
  readonly at: number;
  readonly bytes: Buffer;
}

/**
 * `folder` is where the server worked, `before` a copy of it from before. Of writes that a failed sync covered, none arrives, even
 * if a later sync succeeds: the kernel had called their pages clean.
 */
export function diskOf(calls: readonly Call[], folder: string, before: string): Disk {
  const disk = new Map<File, Buffer>(
    FILES.map((name) => [name, existsSync(join(before, name)) ? readFileSync(join(before, name)) : Buffer.alloc(0)]),
  );
  const pending = new Map<File, Pending[]>(FILES.map((name) => [name, []]));
  for (const { name, text } of calls) {
    const file = FILES.find((each) => text.includes(`<${hexed(join(folder, each))}>`));
    const waiting = file && pending.get(file);
    if (file === undefined || waiting === undefined) continue;
    if (name === "pwrite64") waiting.push(writeOf(text));
    else if (name === "ftruncate") disk.set(file, (disk.get(file) ?? Buffer.alloc(0)).subarray(0, Number(/>, (\d+) ?\)/.exec(text)?.[1])));
    else {
      const writes = waiting.splice(0);
      if (text.endsWith("= 0")) for (const write of writes) disk.set(file, written(disk.get(file) ?? Buffer.alloc(0), write));
    }
  }
  return disk;
}

/** As strace writes every text when it is told to write bytes. */
const hexed = (text: string): string => text.replaceAll(/./gs, (char) => `\\x${char.charCodeAt(0).toString(16).padStart(2, "0")}`);

function written(file: Buffer, { at, bytes }: Pending): Buffer {
  const grown = file.length >= at + bytes.length ? file : Buffer.concat([file, Buffer.alloc(at + bytes.length - file.length)]);
  bytes.copy(grown, at);
  return grown;
}

/** `34</path>, "\x00…", 4096, 8272) = 4096`, every byte in hexadecimal. */
function writeOf(text: string): Pending {
  const [, hex = "", length, at] = /, "((?:\\x[0-9a-f]{2})*)", (\d+), (\d+) ?\) += /.exec(text) ?? [];
  const bytes = Buffer.from(hex.replaceAll(String.raw`\x`, ""), "hex");
  if (bytes.length !== Number(length)) throw new Error(`a write was not traced whole: ${text.slice(-200)}`);
  return { at: Number(at), bytes };
}

export function put(folder: string, disk: Disk): void {
  for (const [name, bytes] of disk) writeFileSync(join(folder, name), bytes);
}
