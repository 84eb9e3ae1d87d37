import { equalBytes, fail, ok } from "../base/index.ts";
import type { Result } from "../base/index.ts";
import { openCheckpoint } from "./checkpoint.ts";
import type { LogKey, OpenCheckpoint } from "./checkpoint.ts";
import { ledgerFault, refuse } from "./faults.ts";
import type { LedgerFault } from "./faults.ts";
import { Growth } from "./frontier.ts";
import { TILE_WIDTH, TileWriter } from "./tiles.ts";
import type { ReadTile, Tile } from "./tiles.ts";
import { HASH_BYTES, emptyRoot } from "./tree.ts";

/** What is claimed of a log, and whom the verifier trusts to claim it. */
export interface LogClaim {
  readonly origin: string;
  readonly keys: readonly LogKey[];
  /** The signed checkpoint of the whole log. */
  readonly head: string | Uint8Array;
  /** Every other signed checkpoint, in any order: each must be the root of the entries at its size. */
  readonly checkpoints?: Iterable<string | Uint8Array>;
}

export interface VerifiedLog {
  readonly size: number;
  readonly root: Uint8Array;
  readonly head: OpenCheckpoint;
  /** Different sizes at which a signed root was met, the head's among them. */
  readonly checkpoints: number;
}

const nothing: ReadTile = () => new Uint8Array(0);

/**
 * Recomputes a log from its entries' bytes, one entry at a time and in bounded memory, and names the first entry that is not
 * the signed one. After the first fault it takes no more and repeats it.
 */
export class LogVerifier {
  readonly #growth: Growth;
  readonly #leaf = new Uint8Array(HASH_BYTES);
  /** Tiles above the lowest level: one hash for 256 entries. */
  readonly #upper = new TileWriter(0, nothing);
  readonly #upperTiles: Tile[] = [];
  readonly #due: readonly OpenCheckpoint[];
  readonly #head: OpenCheckpoint;
  #next = 0;
  #signedSize = 0;
  /** Since the last signed size every entry agreed with a hash that is stored apart from it. */
  #vouched = true;
  #fault: LedgerFault | undefined;

  /** Takes checkpoints sorted by size, each size once; the last is the head. Made by startVerification. */
  constructor(due: readonly OpenCheckpoint[], head: OpenCheckpoint) {
    this.#due = due;
    this.#head = head;
    this.#growth = new Growth({ size: 0, hashes: new Uint8Array(0) }, (level, bytes, at) => {
      if (level === 0) this.#leaf.set(bytes);
      else this.#upper.take(level, bytes, at);
    });
    this.#meetCheckpoint();
  }

  /** Entries taken so far. */
  get size(): number {
    return this.#growth.size;
  }

  /** The leaf hash of the entry taken last; overwritten by the next. */
  get leaf(): Uint8Array {
    return this.#leaf;
  }

  /**
   * Takes the next entry. `index` is the one it is stored under; `stored` holds, at `at`, its hash in the stored tile of level 0.
   * Without tiles a bad entry is only known to lie between two signed sizes.
   */
  add(entry: Uint8Array, index: number = this.size, stored?: Uint8Array, at = 0): LedgerFault | undefined {
    return (this.#fault ??= this.#refusal(index) ?? this.#take(entry, stored, at));
  }

  #refusal(index: number): LedgerFault | undefined {
    const { size } = this;
    if (index !== size) {
      const what = index > size ? `entry ${size} is missing: entry ${index} follows` : `entry ${index} is stored twice or out of order`;
      return ledgerFault(index > size ? "log_entry_missing" : "log_entry_altered", what, { index: Math.min(index, size) });
    }
    if (size < this.#head.size) return undefined;
    return ledgerFault("log_entry_unsigned", `entry ${size} is beyond the signed head of size ${this.#head.size}`, { index: size });
  }

  #take(entry: Uint8Array, stored: Uint8Array | undefined, at: number): LedgerFault | undefined {
    this.#growth.addEntry(entry);
    if (stored === undefined) this.#vouched = false;
    else if (!sameHash(this.#leaf, stored, at)) return altered(this.size - 1);
    return this.#meetCheckpoint();
  }

  #meetCheckpoint(): LedgerFault | undefined {
    const checkpoint = this.#due[this.#next];
    if (checkpoint === undefined || checkpoint.size !== this.size) return undefined;
    const root = this.size === 0 ? emptyRoot() : this.#growth.root();
    if (!equalBytes(root, checkpoint.root)) return rootFault(this.#signedSize, this.size);
    this.#next++;
    this.#signedSize = this.size;
    this.#vouched = true;
    return undefined;
  }

  /** The entry taken last is not what is stored of it elsewhere: nothing more is taken. */
  altered(): LedgerFault {
    return (this.#fault ??= altered(this.size - 1));
  }

  /** Call it after the last entry. */
  finish(): Result<VerifiedLog, LedgerFault> {
    if (this.#fault !== undefined) return fail(this.#fault);
    const { size } = this;
    if (size < this.#head.size) {
      const place = this.#vouched ? { index: size } : { index: this.#signedSize, lastIndex: size };
      return refuse("log_entry_missing", `the log ends after ${size} entries; ${this.#head.size} were signed`, place);
    }
    return ok({ size, root: this.#head.root, head: this.#head, checkpoints: this.#due.length });
  }

  /** The recomputed tiles of level 1 and above, to be compared with the stored ones: see firstDifference. */
  upperTiles(): readonly Tile[] {
    this.#upperTiles.push(...this.#upper.grown());
    return this.#upperTiles;
  }
}

const altered = (index: number): LedgerFault =>
  ledgerFault("log_entry_altered", `entry ${index} and the hash that is stored for it disagree`, { index });

function rootFault(from: number, until: number): LedgerFault {
  const which = until - from === 1 ? `entry ${from} is` : `one of the entries ${from} to ${until - 1} is`;
  return ledgerFault("log_root_mismatch", `${which} not what was signed at size ${until}`, { index: from, lastIndex: until - 1 });
}

function sameHash(hash: Uint8Array, stored: Uint8Array, at: number): boolean {
  for (let i = 0; i < HASH_BYTES; i++) if (hash[i] !== stored[at + i]) return false;
  return true;
}

/** Opens all checkpoints; refuses two roots of one size, and any size beyond the head's. */
export function startVerification({ origin, keys, head, checkpoints = [] }: LogClaim): Result<LogVerifier, LedgerFault> {
  const opened = openCheckpoint(head, keys, origin);
  if (!opened.ok) return fail({ ...opened.error, where: "head" });
  const bySize = new Map([[opened.value.size, opened.value]]);
  let count = 0;
  for (const note of checkpoints) {
    const where = `checkpoint ${count++}`;
    const next = openCheckpoint(note, keys, origin);
    if (!next.ok) return fail({ ...next.error, where });
    const { size, root } = next.value;
    if (size > opened.value.size)
      return refuse("checkpoint_ahead", `size ${size} was signed, but the head has ${opened.value.size}`, { where });
    const same = bySize.get(size);
    if (same !== undefined && !equalBytes(same.root, root))
      return refuse("checkpoint_fork", `two roots were signed for size ${size}`, { where });
    bySize.set(size, next.value);
  }
  const due = [...bySize.values()].toSorted((a, b) => a.size - b.size);
  return ok(new LogVerifier(due, opened.value));
}

/** An entry as it is stored; the leaf hash too where the store keeps one beside it. */
export interface StoredEntry {
  readonly index: number;
  readonly bytes: Uint8Array;
  readonly leafHash?: Uint8Array;
}

export interface StoredLog extends LogClaim {
  readonly entries: Iterable<Uint8Array | StoredEntry>;
  /** The stored tiles; when given, all of them are compared with the recomputed ones. */
  readonly readTile?: ReadTile;
}

/** Verifies a whole log that can be read synchronously. */
export function verifyLog(log: StoredLog): Result<VerifiedLog, LedgerFault> {
  const started = startVerification(log);
  if (!started.ok) return started;
  const verifier = started.value;
  const tiles = new LeafTiles(log.readTile);
  for (const entry of log.entries) {
    const fault = addStored(verifier, entry, tiles);
    if (fault !== undefined) return fail(fault);
  }
  const finished = verifier.finish();
  if (!finished.ok || log.readTile === undefined) return finished;
  const fault = tiles.tooWide(verifier.size) ?? upperFault(verifier, log.readTile);
  return fault === undefined ? finished : fail(fault);
}

function addStored(verifier: LogVerifier, entry: Uint8Array | StoredEntry, tiles: LeafTiles): LedgerFault | undefined {
  const at = tiles.moveTo(verifier.size);
  if (entry instanceof Uint8Array) return verifier.add(entry, verifier.size, tiles.bytes, at);
  const { bytes, index, leafHash } = entry;
  const fault = verifier.add(bytes, index, tiles.bytes, at);
  return fault ?? (leafHash === undefined || sameHash(verifier.leaf, leafHash, 0) ? undefined : altered(index));
}

/** The stored tiles of level 0, one at a time. */
class LeafTiles {
  readonly #readTile: ReadTile | undefined;
  #index = -1;
  bytes: Uint8Array | undefined;

  constructor(readTile: ReadTile | undefined) {
    this.#readTile = readTile;
  }

  /** The offset of an entry's hash in `bytes`. */
  moveTo(index: number): number {
    const tile = Math.floor(index / TILE_WIDTH);
    if (tile !== this.#index && this.#readTile !== undefined) {
      this.#index = tile;
      this.bytes = this.#readTile(0, tile);
    }
    return (index % TILE_WIDTH) * HASH_BYTES;
  }

  /** Hashes of entries that the log does not have. */
  tooWide(size: number): LedgerFault | undefined {
    const width = size % TILE_WIDTH;
    const tile = Math.floor(size / TILE_WIDTH);
    const stored = this.#readTile?.(0, tile).length ?? 0;
    if (stored === width * HASH_BYTES) return undefined;
    return ledgerFault("log_tile_altered", `tile ${tile} of level 0 has ${stored} bytes instead of ${width * HASH_BYTES}`, { index: size });
  }
}

function upperFault(verifier: LogVerifier, readTile: ReadTile): LedgerFault | undefined {
  let first: LedgerFault | undefined;
  for (const tile of verifier.upperTiles()) {
    const differs = firstDifference(tile, readTile(tile.level, tile.index));
    if (differs === undefined) continue;
    const index = Math.min(verifier.size - 1, (tile.index * TILE_WIDTH + differs) * TILE_WIDTH ** tile.level);
    if (first?.index !== undefined && first.index <= index) continue;
    first = ledgerFault("log_tile_altered", `hash ${differs} of tile ${tile.index} of level ${tile.level} is not that of the entries`, {
      index,
    });
  }
  return first;
}

/** The number of the first hash in which a stored tile differs from the recomputed one, by value or by being there. */
export function firstDifference(tile: Tile, stored: Uint8Array): number | undefined {
  const width = tile.bytes.length / HASH_BYTES;
  for (let i = 0; i < width; i++) {
    if (!sameHash(tile.bytes.subarray(i * HASH_BYTES, (i + 1) * HASH_BYTES), stored, i * HASH_BYTES)) return i;
  }
  return stored.length === tile.bytes.length ? undefined : width;
}
