/** A file that only grows: a line of JSON for each head. */
import { closeSync, existsSync, fstatSync, fsyncSync, openSync, readSync, writeSync } from "node:fs";
import { dirname } from "node:path";
import { ok, parseJson, refuse, type Result } from "../core/base/index.ts";
import type { Clock } from "../control/ports.ts";
import type { AnchorPlace } from "./anchors.ts";
import { syncFolder } from "./files.ts";

/** Of the end of the file: a head with all its signatures is shorter. */
const TAIL_BYTES = 256 * 1024;

export function fileAnchor(name: string, path: string, clock: Clock): AnchorPlace {
  const unavailable = (error: unknown) => refuse("anchor_away", `the anchor ${name} cannot be written: ${String(error)}`, { where: path });
  return {
    name,
    async last() {
      try {
        return existsSync(path) ? lastLine(name, path) : ok(undefined);
      } catch (error) {
        return unavailable(error);
      }
    },
    async put(checkpoint) {
      try {
        append(path, JSON.stringify({ at: new Date(clock.now()).toISOString(), checkpoint }));
        return ok(undefined);
      } catch (error) {
        return unavailable(error);
      }
    },
  };
}

/** A line that a loss of power cut off was never answered for, and is left where it is. */
function lastLine(name: string, path: string): Result<string | undefined> {
  const file = openSync(path, "r");
  try {
    const { size } = fstatSync(file);
    const bytes = Buffer.alloc(Math.min(size, TAIL_BYTES));
    readSync(file, bytes, 0, bytes.length, size - bytes.length);
    const lines = bytes.toString("utf8").split("\n");
    const whole = lines.slice(bytes.length < size ? 1 : 0, -1).filter((line) => line !== "");
    const read = whole.length === 0 ? undefined : parseJson(whole.at(-1) ?? "");
    if (read === undefined && size === 0) return ok(undefined);
    const note = read?.ok === true ? (read.value as { readonly checkpoint?: unknown } | null)?.checkpoint : undefined;
    if (typeof note === "string") return ok(note);
    // Only the cut-off line of a first write stands alone.
    if (read === undefined && bytes.length === size && size < TAIL_BYTES) return ok(undefined);
    return refuse("anchor_unreadable", `the last line of the anchor ${name} is no head`, { where: path, remedy: "find out who wrote it" });
  } finally {
    closeSync(file);
  }
}

function append(path: string, line: string): void {
  const isNew = !existsSync(path);
  const file = openSync(path, "a+", 0o644);
  try {
    const { size } = fstatSync(file);
    const end = Buffer.alloc(1);
    const cut = size > 0 && readSync(file, end, 0, 1, size - 1) === 1 && end[0] !== 0x0a;
    // A cut-off line is ended and made a comment by being no JSON; what follows stands on a line of its own.
    writeSync(file, `${cut ? "\n" : ""}${line}\n`);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  if (isNew) syncFolder(dirname(path));
}
