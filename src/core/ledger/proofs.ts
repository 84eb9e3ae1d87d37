import { assert, equalBytes, ok } from "../base/index.ts";
import type { Result } from "../base/index.ts";
import type { LedgerFault } from "./faults.ts";
import { refuse } from "./faults.ts";
import { TILE_WIDTH, readNodes, spanOf } from "./tiles.ts";
import type { ReadTile, TileRef } from "./tiles.ts";
import type { Range } from "./tree.ts";
import { HASH_BYTES, MAX_SIZE, emptyRoot, joinRoots, nodeHash, nodesOf, split } from "./tree.ts";

/** Node hashes from the leaf (or the old tree) upwards. */
export type Proof = readonly Uint8Array[];

/** No tree of a size that we accept is deeper, and a consistency proof has one hash more than that. */
const MAX_PROOF = 54;

const isSize = (n: number): boolean => Number.isSafeInteger(n) && n >= 0 && n <= MAX_SIZE;

/** RFC 6962, PATH(m, D[n]): the subtrees beside the way from the leaf to the root. */
function inclusionRanges(index: number, size: number): Range[] {
  assert(isSize(index) && isSize(size) && index < size, "the index is inside the log");
  const ranges: Range[] = [];
  let from = 0;
  let until = size;
  while (until - from > 1) {
    const middle = from + split(until - from);
    if (index < middle) {
      ranges.push({ from: middle, until });
      until = middle;
    } else {
      ranges.push({ from, until: middle });
      from = middle;
    }
  }
  return ranges.toReversed();
}

/** RFC 6962, PROOF(m, D[n]): the subtrees from which both roots can be computed. */
function consistencyRanges(old: number, size: number): Range[] {
  assert(isSize(old) && isSize(size) && old <= size, "the old log is inside the new one");
  if (old === 0) return [];
  const ranges: Range[] = [];
  let from = 0;
  let until = size;
  while (old !== until) {
    const middle = from + split(until - from);
    if (old <= middle) {
      ranges.push({ from: middle, until });
      until = middle;
    } else {
      ranges.push({ from, until: middle });
      from = middle;
    }
  }
  // The old tree itself is known to whoever checks; only a part of it has to be told.
  if (from > 0) ranges.push({ from, until });
  return ranges.toReversed();
}

/** Each tile once, at the width that the tree of this size has, so that it can be asked for by its path. */
function spansOf(ranges: readonly Range[], size: number): TileRef[] {
  const spans = new Map<string, TileRef>();
  for (const node of ranges.flatMap(nodesOf)) {
    const { level, index } = spanOf(node);
    const width = Math.min(TILE_WIDTH, Math.floor(size / TILE_WIDTH ** level) - index * TILE_WIDTH);
    spans.set(`${level}/${index}`, { level, index, width });
  }
  return [...spans.values()];
}

/** The tiles from which the proof is made, for stores that have to fetch them first. */
export const inclusionTiles = (index: number, size: number): TileRef[] => spansOf(inclusionRanges(index, size), size);
export const consistencyTiles = (from: number, to: number): TileRef[] => spansOf(consistencyRanges(from, to), to);

function prove(ranges: readonly Range[], readTile: ReadTile): Uint8Array[] {
  const nodes = ranges.map(nodesOf);
  const hashes = readNodes(nodes.flat(), readTile);
  assert(hashes.ok, hashes.ok ? "" : hashes.error.message);
  const all = hashes.value;
  let at = 0;
  const next = (): Uint8Array => all.slice(at, (at += HASH_BYTES));
  return nodes.map((parts) => joinRoots(parts.map(next)));
}

/** Proves that the entry at `index` is in the tree of `size`. The index is inside, and the tiles are the caller's own. */
export const inclusionProof = (index: number, size: number, readTile: ReadTile): Uint8Array[] =>
  prove(inclusionRanges(index, size), readTile);

/** Proves that the tree of `from` entries is the beginning of the tree of `to`. */
export const consistencyProof = (from: number, to: number, readTile: ReadTile): Uint8Array[] =>
  prove(consistencyRanges(from, to), readTile);

export interface Inclusion {
  readonly leafHash: Uint8Array;
  readonly index: number;
  readonly size: number;
  readonly root: Uint8Array;
  readonly proof: Proof;
}

export interface Consistency {
  readonly from: number;
  readonly to: number;
  readonly fromRoot: Uint8Array;
  readonly toRoot: Uint8Array;
  readonly proof: Proof;
}

type Verdict = Result<null, LedgerFault>;

/** Says ok only when every part has its exact form and the proof leads from the leaf to the root (RFC 9162, 2.1.3.2). */
export function verifyInclusion({ leafHash, index, size, root, proof }: Inclusion): Verdict {
  if (!isSize(index) || !isSize(size) || index >= size) return refuse("out_of_range", `there is no entry ${index} in a log of ${size}`);
  const malformed = wrongForm(proof, [leafHash, root]);
  if (malformed !== undefined) return refuse("proof_malformed", malformed);
  let place = index;
  let last = size - 1;
  let hash = leafHash;
  for (const node of proof) {
    if (last === 0) return refuse("proof_malformed", "the proof is longer than the tree is deep");
    const onRight = place % 2 === 1 || place === last;
    hash = onRight ? nodeHash(node, hash) : nodeHash(hash, node);
    [place, last] = climb(place, last, onRight);
  }
  if (last !== 0) return refuse("proof_malformed", "the proof is shorter than the tree is deep");
  return equalBytes(hash, root)
    ? ok(null)
    : refuse("proof_mismatch", `the proof of entry ${index} does not lead to the root of size ${size}`);
}

/** Says ok only when the proof leads to both roots (RFC 9162, 2.1.4.2). The empty tree is the beginning of every tree. */
export function verifyConsistency({ from, to, fromRoot, toRoot, proof }: Consistency): Verdict {
  if (!isSize(from) || !isSize(to) || from > to) return refuse("out_of_range", `no log of ${from} can be inside a log of ${to}`);
  const malformed = wrongForm(proof, [fromRoot, toRoot]);
  if (malformed !== undefined) return refuse("proof_malformed", malformed);
  if ((from === 0 && !equalBytes(fromRoot, emptyRoot())) || (from === to && !equalBytes(fromRoot, toRoot))) {
    return refuse("proof_mismatch", `two roots are claimed for size ${from}`);
  }
  if (from === 0 || from === to) return proof.length === 0 ? ok(null) : refuse("proof_malformed", "nothing is to be proved here");
  return climbBoth(from, to, fromRoot, toRoot, proof);
}

function climbBoth(from: number, to: number, fromRoot: Uint8Array, toRoot: Uint8Array, proof: Proof): Verdict {
  // A perfect old tree is a node of the new one; its root is not repeated in the proof.
  const perfect = Number.isInteger(Math.log2(from));
  const [first, ...rest] = perfect ? [fromRoot, ...proof] : proof;
  if (first === undefined) return refuse("proof_malformed", "the proof is empty");
  let place = from - 1;
  let last = to - 1;
  while (place % 2 === 1) [place, last] = [half(place), half(last)];
  let oldRoot = first;
  let newRoot = first;
  for (const node of rest) {
    if (last === 0) return refuse("proof_malformed", "the proof is longer than the tree is deep");
    const onRight = place % 2 === 1 || place === last;
    if (onRight) oldRoot = nodeHash(node, oldRoot);
    newRoot = onRight ? nodeHash(node, newRoot) : nodeHash(newRoot, node);
    [place, last] = climb(place, last, onRight);
  }
  if (last !== 0) return refuse("proof_malformed", "the proof is shorter than the tree is deep");
  const leads = equalBytes(oldRoot, fromRoot) && equalBytes(newRoot, toRoot);
  return leads ? ok(null) : refuse("proof_mismatch", `the log of ${to} does not begin with the log of ${from}`);
}

const half = (n: number): number => Math.floor(n / 2);

/** One level up; past the levels at which a right edge has no sibling. */
function climb(place: number, last: number, onRight: boolean): [number, number] {
  let [p, l] = [place, last];
  if (onRight) while (p % 2 === 0 && p !== 0) [p, l] = [half(p), half(l)];
  return [half(p), half(l)];
}

function wrongForm(proof: Proof, hashes: readonly Uint8Array[]): string | undefined {
  if (proof.length > MAX_PROOF) return `a proof has at most ${MAX_PROOF} hashes`;
  return [...hashes, ...proof].every((hash) => hash.length === HASH_BYTES) ? undefined : `each hash has ${HASH_BYTES} bytes`;
}
