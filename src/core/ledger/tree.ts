import { assert, concatBytes, sha256, sha256Into } from "../base/index.ts";

/** Bytes of a hash. */
export const HASH_BYTES = 32;
/** Sizes are exact doubles. */
export const MAX_SIZE = Number.MAX_SAFE_INTEGER;

/** RFC 6962: a leaf is hashed behind a zero byte and a node behind a one, so that neither can pass for the other. */
const LEAF = 0;
const NODE = 1;

/** The root of the tree without entries: the hash of nothing. */
export const emptyRoot = (): Uint8Array => sha256(new Uint8Array(0));

/** Writes the leaf hash of an entry into `target` at `at`. */
export function leafHashInto(target: Uint8Array, at: number, entry: Uint8Array): void {
  const scratch = leafScratch(entry.length + 1);
  scratch.set(entry, 1);
  sha256Into(target, at, scratch);
}

export function leafHash(entry: Uint8Array): Uint8Array {
  const hash = new Uint8Array(HASH_BYTES);
  leafHashInto(hash, 0, entry);
  return hash;
}

/** Views of one buffer by their length: entries are short and of few lengths, and a view costs as much as a tenth of a hash. */
const leafBuffer = new Uint8Array(4096);
const leafViews: Uint8Array[] = [];

function leafScratch(length: number): Uint8Array {
  const scratch = length > leafBuffer.length ? new Uint8Array(length) : (leafViews[length] ??= leafBuffer.subarray(0, length));
  scratch[0] = LEAF;
  return scratch;
}

/** The one byte and two hashes that a node is the hash of; the result may replace the right one. */
const pair = new Uint8Array(1 + 2 * HASH_BYTES);
pair[0] = NODE;

/** Writes the hash of two children, each given as bytes and offset, into `target` at `at`. */
export function nodeHashInto(target: Uint8Array, at: number, left: Uint8Array, leftAt: number, right: Uint8Array, rightAt: number): void {
  for (let i = 0; i < HASH_BYTES; i++) {
    pair[1 + i] = left[leftAt + i] as number;
    pair[33 + i] = right[rightAt + i] as number;
  }
  sha256Into(target, at, pair);
}

export function nodeHash(left: Uint8Array, right: Uint8Array): Uint8Array {
  assert(left.length === HASH_BYTES && right.length === HASH_BYTES, "a node has two hashes");
  const hash = new Uint8Array(HASH_BYTES);
  nodeHashInto(hash, 0, left, 0, right, 0);
  return hash;
}

/** The root of a perfect subtree of `count` (a power of two) consecutive hashes that start at `at`. */
export function subtreeRoot(hashes: Uint8Array, at: number, count: number): Uint8Array {
  const work = hashes.slice(at, at + count * HASH_BYTES);
  for (let n = count; n > 1; n /= 2) {
    for (let i = 0; i < n / 2; i++) nodeHashInto(work, i * HASH_BYTES, work, i * 64, work, i * 64 + HASH_BYTES);
  }
  return work.slice(0, HASH_BYTES);
}

/** Entries `from` to `until` (exclusive) of a log; as a tree it is hashed by itself. */
export interface Range {
  readonly from: number;
  readonly until: number;
}

/** A perfect subtree: 2^level entries starting at index · 2^level. */
export interface Node {
  readonly level: number;
  readonly index: number;
}

/** The largest power of two that is less than n. */
export function split(n: number): number {
  let k = 1;
  while (k * 2 < n) k *= 2;
  return k;
}

/** The perfect subtrees, largest first, that a range starting at a multiple of its largest one is made of. */
export function nodesOf({ from, until }: Range): Node[] {
  const nodes: Node[] = [];
  let at = from;
  let rest = until - from;
  for (let span = split(rest + 1), level = Math.log2(span); rest > 0; span /= 2, level--) {
    if (rest < span) continue;
    nodes.push({ level, index: at / span });
    at += span;
    rest -= span;
  }
  return nodes;
}

/** The root of a range from the roots of its perfect subtrees, largest first: the small ones join first. */
export function joinRoots(roots: readonly Uint8Array[]): Uint8Array {
  return joinHashes(concatBytes(...roots));
}

/** The same for roots that stand one behind the other. */
export function joinHashes(roots: Uint8Array): Uint8Array {
  if (roots.length === 0) return emptyRoot();
  const root = roots.slice(-HASH_BYTES);
  for (let at = roots.length - 2 * HASH_BYTES; at >= 0; at -= HASH_BYTES) nodeHashInto(root, 0, roots, at, root, 0);
  return root;
}
