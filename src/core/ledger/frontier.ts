import { assert } from "../base/index.ts";
import { HASH_BYTES, joinHashes, leafHashInto, nodeHashInto } from "./tree.ts";

/**
 * What has to be remembered of a tree to append to it and to know its root: the roots of its perfect subtrees, largest first.
 * There are as many as `size` has ones in binary.
 */
export interface Frontier {
  readonly size: number;
  readonly hashes: Uint8Array;
}

/** Called with each hash that belongs into a tile, as soon as its subtree is complete. */
export type TakeHash = (tileLevel: number, bytes: Uint8Array, at: number) => void;

export const frontierRoot = ({ hashes }: Frontier): Uint8Array => joinHashes(hashes);

/** A tree that grows by one entry at a time; hashes every node once and allocates for none. */
export class Growth {
  #size: number;
  /** The root of the perfect subtree of 2^level entries at level · 32, where bit `level` of the size is set. */
  readonly #nodes = new Uint8Array(54 * HASH_BYTES);
  readonly #hash = new Uint8Array(HASH_BYTES);
  readonly #take: TakeHash;

  constructor(frontier: Frontier, take: TakeHash) {
    this.#size = frontier.size;
    this.#take = take;
    let at = frontier.hashes.length;
    for (let level = 0, n = frontier.size; n > 0; level++, n = Math.floor(n / 2)) {
      if (n % 2 === 0) continue;
      at -= HASH_BYTES;
      this.#nodes.set(frontier.hashes.subarray(at, at + HASH_BYTES), level * HASH_BYTES);
    }
    assert(at === 0, "a frontier has one hash for each one of its size in binary");
  }

  get size(): number {
    return this.#size;
  }

  addEntry(entry: Uint8Array): void {
    leafHashInto(this.#hash, 0, entry);
    this.#grow();
  }

  addLeaf(leaf: Uint8Array): void {
    assert(leaf.length === HASH_BYTES, "a leaf hash has 32 bytes");
    this.#hash.set(leaf);
    this.#grow();
  }

  /** The leaf hash is in #hash; each level that it completes replaces it. */
  #grow(): void {
    const hash = this.#hash;
    const nodes = this.#nodes;
    this.#take(0, hash, 0);
    let level = 0;
    for (let n = this.#size; n % 2 === 1; n = (n - 1) / 2) {
      nodeHashInto(hash, 0, nodes, level * HASH_BYTES, hash, 0);
      level++;
      if (level % 8 === 0) this.#take(level / 8, hash, 0);
    }
    nodes.set(hash, level * HASH_BYTES);
    this.#size++;
  }

  frontier(): Frontier {
    let ones = 0;
    for (let n = this.#size; n > 0; n = Math.floor(n / 2)) ones += n % 2;
    const hashes = new Uint8Array(ones * HASH_BYTES);
    for (let level = 0, n = this.#size, at = hashes.length; n > 0; level++, n = Math.floor(n / 2)) {
      if (n % 2 === 0) continue;
      at -= HASH_BYTES;
      for (let i = 0; i < HASH_BYTES; i++) hashes[at + i] = this.#nodes[level * HASH_BYTES + i] as number;
    }
    return { size: this.#size, hashes };
  }

  root(): Uint8Array {
    return frontierRoot(this.frontier());
  }
}
