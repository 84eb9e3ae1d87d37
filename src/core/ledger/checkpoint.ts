import { assert, equalBytes, fail, fromBase64, ok, toBase64 } from "../base/index.ts";
import type { Result } from "../base/index.ts";
import type { LedgerFault } from "./faults.ts";
import { refuse } from "./faults.ts";
import { openNote, parseVkey, signNote, vkey } from "./note.ts";
import type { NoteSigner, Vkey } from "./note.ts";
import { HASH_BYTES, MAX_SIZE, emptyRoot } from "./tree.ts";

/** A log's name, size and root (C2SP tlog-checkpoint). */
export interface Checkpoint {
  readonly origin: string;
  readonly size: number;
  readonly root: Uint8Array;
  /** Further lines; nobody can audit them, so Pawl writes none. */
  readonly extensions?: readonly string[];
}

/**
 * A key with the sizes of the log that it may sign: from `fromSize` up to, but without, `untilSize`. A key that was replaced
 * keeps verifying what it signed in its time and nothing later.
 */
export interface LogKey extends Vkey {
  readonly fromSize?: number;
  readonly untilSize?: number;
}

export interface OpenCheckpoint extends Checkpoint {
  /** The trusted keys that signed it and may sign its size. */
  readonly signers: readonly LogKey[];
}

/** `name+id+key`, and behind it the sizes: ` from=7`, ` until=12`, or both. */
export function formatLogKey({ name, publicKey, fromSize, untilSize }: LogKey): string {
  const range = [fromSize === undefined ? "" : ` from=${fromSize}`, untilSize === undefined ? "" : ` until=${untilSize}`];
  return `${vkey(name, publicKey)}${range.join("")}`;
}

/** A log's keys as trust.json lists them: verifier keys, with the sizes that each may sign where it was not always the log's. */
export function parseVkeys(lines: readonly string[]): Result<LogKey[], LedgerFault> {
  const keys: LogKey[] = [];
  for (const [i, line] of lines.entries()) {
    const [, bare = line, from, until] = /^(\S+)(?: from=(0|[1-9]\d{0,14}))?(?: until=([1-9]\d{0,14}))?$/.exec(line) ?? [];
    const key = parseVkey(bare);
    if (!key.ok) return fail({ ...key.error, where: `key ${i + 1}` });
    keys.push({
      ...key.value,
      ...(from === undefined ? {} : { fromSize: Number(from) }),
      ...(until === undefined ? {} : { untilSize: Number(until) }),
    });
  }
  return ok(keys);
}

const isLine = (text: string): boolean => text !== "" && !text.includes("\n");

export function formatCheckpoint({ origin, size, root, extensions = [] }: Checkpoint): string {
  assert([origin, ...extensions].every(isLine), "origin and extensions are lines");
  assert(Number.isSafeInteger(size) && size >= 0 && root.length === HASH_BYTES, "a checkpoint has a size and a root");
  assert(size > 0 || equalBytes(root, emptyRoot()), "the empty log has the empty root");
  return [origin, String(size), toBase64(root), ...extensions, ""].join("\n");
}

/** Reads the text of a checkpoint, which is not yet worth anything: see openCheckpoint. */
export function parseCheckpoint(text: string): Result<Checkpoint, LedgerFault> {
  const malformed = (why: string) => refuse("checkpoint_malformed", why);
  if (!text.endsWith("\n")) return malformed("the last line does not end");
  const [origin = "", sizeText = "", root64 = "", ...extensions] = text.slice(0, -1).split("\n");
  if (origin === "" || extensions.includes("")) return malformed("a line is empty");
  const size = /^(0|[1-9]\d{0,15})$/.test(sizeText) ? Number(sizeText) : Number.NaN;
  if (!(size <= MAX_SIZE)) return malformed("the second line is not a size");
  const root = fromBase64(root64);
  if (root?.length !== HASH_BYTES) return malformed("the third line is not a hash in base64");
  if (size === 0 && !equalBytes(root, emptyRoot())) return malformed("the empty log has another root");
  return ok({ origin, size, root, extensions });
}

export const signCheckpoint = (checkpoint: Checkpoint, signers: readonly NoteSigner[]): string =>
  signNote(formatCheckpoint(checkpoint), signers);

/** Opens the signed checkpoint of one log: signed by a trusted key that may sign this size. */
export function openCheckpoint(note: string | Uint8Array, keys: readonly LogKey[], origin: string): Result<OpenCheckpoint, LedgerFault> {
  const opened = openNote(note, keys);
  if (!opened.ok) return opened;
  const checkpoint = parseCheckpoint(opened.value.text);
  if (!checkpoint.ok) return checkpoint;
  const { size } = checkpoint.value;
  if (checkpoint.value.origin !== origin) return refuse("checkpoint_foreign", "the checkpoint is of another log");
  const signers = opened.value.signers.filter((key) => size >= (key.fromSize ?? 0) && size < (key.untilSize ?? Number.POSITIVE_INFINITY));
  if (signers.length === 0) {
    const names = opened.value.signers.map((key) => `${key.name} (${range(key)})`).join(", ");
    return refuse("key_not_valid", `size ${size} is not for the key to sign: ${names}`);
  }
  return ok({ ...checkpoint.value, signers });
}

const range = ({ fromSize = 0, untilSize }: LogKey): string =>
  untilSize === undefined ? `from size ${fromSize}` : `sizes ${fromSize} to ${untilSize - 1}`;
