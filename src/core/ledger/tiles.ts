import { assert, ok } from "../base/index.ts";
import type { Result } from "../base/index.ts";
import type { LedgerFault } from "./faults.ts";
import { refuse } from "./faults.ts";
import type { Frontier } from "./frontier.ts";
import { Growth, frontierRoot } from "./frontier.ts";
import type { Node } from "./tree.ts";
import { HASH_BYTES, MAX_SIZE, nodesOf, subtreeRoot } from "./tree.ts";

/** Hashes in a full tile, and entries in a full bundle. */
export const TILE_WIDTH = 256;
const TILE_HEIGHT = 8;

/** Up to 256 consecutive hashes, each the root of 256^level entries. */
export interface Tile {
  readonly level: number;
  readonly index: number;
  readonly bytes: Uint8Array;
}

/** Which tile, and how many of its hashes. */
export interface TileRef {
  readonly level: number;
  readonly index: number;
  readonly width: number;
}

/** The bytes that are stored of a tile, as many as there are; empty when there are none. */
export type ReadTile = (level: number, index: number) => Uint8Array;

export interface Integrated {
  readonly size: number;
  readonly root: Uint8Array;
  /** Every tile that is new or wider, whole: it replaces the one that is stored. */
  readonly tiles: readonly Tile[];
  /** Saves the next call from hashing the right edge again. */
  readonly frontier: Frontier;
}

/** How many hashes the tiles of one level hold for a tree of this size. */
const hashesAt = (level: number, size: number): number => Math.floor(size / TILE_WIDTH ** level);

/** The partial tiles of a tree, lowest level first: all that appending to it or computing its root has to read. */
export function rightEdge(size: number): TileRef[] {
  const spans: TileRef[] = [];
  for (let level = 0; hashesAt(level, size) > 0; level++) {
    const count = hashesAt(level, size);
    if (count % TILE_WIDTH > 0) spans.push({ level, index: Math.floor(count / TILE_WIDTH), width: count % TILE_WIDTH });
  }
  return spans;
}

/** The frontier of the tree of this size, from its right edge. */
export function frontierFromTiles(size: number, readTile: ReadTile): Result<Frontier, LedgerFault> {
  assert(Number.isSafeInteger(size) && size >= 0, "a size is a whole number");
  const hashes = readNodes(nodesOf({ from: 0, until: size }), readTile);
  return hashes.ok ? ok({ size, hashes: hashes.value }) : hashes;
}

/** The root of the tree of this size, from its right edge. */
export function rootFromTiles(size: number, readTile: ReadTile): Result<Uint8Array, LedgerFault> {
  const frontier = frontierFromTiles(size, readTile);
  return frontier.ok ? ok(frontierRoot(frontier.value)) : frontier;
}

/** The roots of perfect subtrees, one behind the other. */
export function readNodes(nodes: readonly Node[], readTile: ReadTile): Result<Uint8Array, LedgerFault> {
  const hashes = new Uint8Array(nodes.length * HASH_BYTES);
  for (const [i, node] of nodes.entries()) {
    const { level, index, width } = spanOf(node);
    const bytes = readTile(level, index);
    if (bytes.length < width * HASH_BYTES || bytes.length > TILE_WIDTH * HASH_BYTES || bytes.length % HASH_BYTES !== 0) {
      return refuse("tile_short", `tile ${index} of level ${level} has ${bytes.length} bytes; ${width} hashes are needed`);
    }
    const count = 2 ** (node.level % TILE_HEIGHT);
    hashes.set(subtreeRoot(bytes, (width - count) * HASH_BYTES, count), i * HASH_BYTES);
  }
  return ok(hashes);
}

/** The tile that holds the hashes under a node, and its width up to the last of them. */
export function spanOf(node: Node): TileRef {
  const count = 2 ** (node.level % TILE_HEIGHT);
  const first = node.index * count;
  const index = Math.floor(first / TILE_WIDTH);
  return { level: Math.floor(node.level / TILE_HEIGHT), index, width: first - index * TILE_WIDTH + count };
}

/**
 * Appends leaf hashes to a tree: one pass, every node hashed once. Reads only the partial tiles at the right edge, which are the
 * caller's own; that they are as long as the size says is an invariant.
 */
export function integrate(size: number, readTile: ReadTile, newLeaves: readonly Uint8Array[], known?: Frontier): Integrated {
  assert(Number.isSafeInteger(size) && size >= 0, "a size is a whole number");
  assert(known === undefined || known.size === size, "the frontier is that of the size");
  return new GrowingTree(known ?? unwrap(frontierFromTiles(size, readTile)), readTile).append(newLeaves);
}

/** A tree that is kept in memory between appends, so that its right edge is neither read nor hashed again. */
export class GrowingTree {
  readonly #growth: Growth;
  readonly #writer: TileWriter;

  constructor(frontier: Frontier, readTile: ReadTile) {
    const writer = new TileWriter(frontier.size, readTile);
    this.#writer = writer;
    this.#growth = new Growth(frontier, (level, bytes, at) => writer.take(level, bytes, at));
  }

  frontier(): Frontier {
    return this.#growth.frontier();
  }

  append(leaves: readonly Uint8Array[]): Integrated {
    assert(this.#growth.size + leaves.length <= MAX_SIZE, "a size is a whole number");
    for (const leaf of leaves) this.#growth.addLeaf(leaf);
    const frontier = this.#growth.frontier();
    return { size: frontier.size, root: frontierRoot(frontier), tiles: this.#writer.grown(), frontier };
  }
}

function unwrap(frontier: Result<Frontier, LedgerFault>): Frontier {
  assert(frontier.ok, frontier.ok ? "" : frontier.error.message);
  return frontier.value;
}

interface OpenTile {
  readonly index: number;
  readonly bytes: Uint8Array;
  width: number;
  /** The width that was told last. */
  told: number;
}

/** Gathers hashes into tiles. The first hash of a level continues the partial tile that is stored. */
export class TileWriter {
  readonly #size: number;
  readonly #readTile: ReadTile;
  readonly #open: OpenTile[] = [];
  #full: Tile[] = [];

  constructor(size: number, readTile: ReadTile) {
    this.#size = size;
    this.#readTile = readTile;
  }

  take(level: number, hash: Uint8Array, at: number): void {
    const tile = (this.#open[level] ??= this.#start(level));
    const to = tile.width * HASH_BYTES;
    for (let i = 0; i < HASH_BYTES; i++) tile.bytes[to + i] = hash[at + i] as number;
    if (++tile.width < TILE_WIDTH) return;
    this.#full.push({ level, index: tile.index, bytes: tile.bytes });
    this.#open[level] = { index: tile.index + 1, width: 0, told: 0, bytes: new Uint8Array(TILE_WIDTH * HASH_BYTES) };
  }

  #start(level: number): OpenTile {
    const count = hashesAt(level, this.#size);
    const width = count % TILE_WIDTH;
    const tile = { index: Math.floor(count / TILE_WIDTH), width, told: width, bytes: new Uint8Array(TILE_WIDTH * HASH_BYTES) };
    if (tile.width === 0) return tile;
    const stored = this.#readTile(level, tile.index);
    assert(stored.length >= tile.width * HASH_BYTES, `tile ${tile.index} of level ${level} is ${tile.width} hashes wide`);
    tile.bytes.set(stored.subarray(0, tile.width * HASH_BYTES));
    return tile;
  }

  /**
   * What is new or wider since the last call: full tiles in the order of their completion, then what is open. The bytes are views,
   * in which nothing changes: hashes are only ever added behind them.
   */
  grown(): Tile[] {
    const tiles = this.#full;
    this.#full = [];
    for (const [level, tile] of this.#open.entries()) {
      if (tile === undefined || tile.width === tile.told) continue;
      tile.told = tile.width;
      tiles.push({ level, index: tile.index, bytes: tile.bytes.subarray(0, tile.width * HASH_BYTES) });
    }
    return tiles;
  }
}
