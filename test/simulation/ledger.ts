/** Invariant 13 from the stored bytes alone: RFC 6962 once more, one leaf at a time, without the code under test. */
import { createHash } from "node:crypto";
import type { EntryRow, WriteSet } from "../../src/store/model.ts";
import type { Disk } from "./disk.ts";
import { Broken } from "./scheduler.ts";

const LEAF = Uint8Array.of(0);
const NODE = Uint8Array.of(1);
const sha = (prefix: Uint8Array, ...parts: readonly Uint8Array[]): Buffer => {
  const hash = createHash("sha256").update(prefix);
  for (const part of parts) hash.update(part);
  return hash.digest();
};

/** Roots of the full subtrees that the log so far is made of, largest first. */
type Peaks = { readonly height: number; readonly hash: Buffer }[];

function add(peaks: Peaks, bytes: Uint8Array): void {
  let top = { height: 0, hash: sha(LEAF, bytes) };
  for (let last = peaks.at(-1); last?.height === top.height; last = peaks.at(-1)) {
    peaks.pop();
    top = { height: top.height + 1, hash: sha(NODE, last.hash, top.hash) };
  }
  peaks.push(top);
}

function rootOf(peaks: Peaks): Buffer {
  const last = peaks.at(-1);
  if (last === undefined) return createHash("sha256").digest();
  return peaks.slice(0, -1).reduceRight((right, { hash }) => sha(NODE, hash, right), last.hash);
}

export class Log {
  readonly #peaks: Peaks = [];
  size = 0;

  /** Each checkpoint covers exactly the entries before it, so all of them are prefixes of the last. */
  commit({ entries, checkpoint, head }: Pick<WriteSet, "entries" | "checkpoint" | "head">): void {
    for (const entry of entries) this.#entry(entry);
    const root = rootOf(this.#peaks);
    if (head.size !== this.size || !root.equals(head.root))
      throw new Broken(13, `the head of size ${head.size} has not the root of the ${this.size} stored entries`);
    if (entries.length === 0) return;
    const [, size, root64] = (checkpoint?.note ?? "").split("\n");
    const said = size === String(this.size) && root64 === root.toString("base64");
    if (!said || checkpoint?.size !== this.size || head.checkpoint !== checkpoint.note)
      throw new Broken(13, `the checkpoint of size ${size} is not one of the ${this.size} stored entries`);
  }

  #entry({ idx, bytes }: EntryRow): void {
    if (idx !== this.size) throw new Broken(13, `entry ${idx} follows entry ${this.size - 1}`);
    add(this.#peaks, bytes);
    this.size += 1;
  }
}

/** Everything once more, from what is stored at the end. */
export function checkStored(disk: Disk): void {
  const log = new Log();
  const notes = new Map(disk.checkpoints.map((checkpoint) => [checkpoint.size, checkpoint]));
  let since: EntryRow[] = [];
  for (const entry of disk.entries) {
    since.push(entry);
    const checkpoint = notes.get(entry.idx + 1);
    if (checkpoint === undefined) continue;
    const head = { ...disk.head, size: checkpoint.size, root: checkpoint.root, checkpoint: checkpoint.note };
    log.commit({ entries: since, checkpoint, head });
    since = [];
  }
  if (since.length > 0) throw new Broken(13, "the last entries are covered by no checkpoint");
}
