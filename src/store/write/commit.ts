/** A decided batch becomes a write set: the tree grows and its new head is signed. Pure but for the signer. */
import type { Signer } from "../../control/ports.ts";
import { assert, digestOf, equalBytes, type Digest } from "../../core/base/index.ts";
import {
  GrowingTree,
  HASH_BYTES,
  TILE_WIDTH,
  frontierFromTiles,
  frontierRoot,
  leafHash,
  signCheckpoint,
  subtreeRoot,
} from "../../core/ledger/index.ts";
import type { Decided } from "./decide.ts";
import type { Facts, Head, TileRow, WriteSet } from "../model.ts";

/** The stored tree does not have the root that was signed: nothing may be built on it. */
export class CorruptTree extends Error {}

/** The tree as a commit left it, so that the next one need neither read its right edge nor hash it again. */
export interface Edge {
  readonly head: Head;
  readonly tree: GrowingTree;
  /** The digest of its frontier: a bit that flips in memory is noticed before anything is built on it. */
  readonly seal: Digest;
}

export interface Built {
  readonly set: WriteSet;
  /** What is known once the set was committed. */
  readonly edge: Edge | undefined;
}

/** The known edge grows with the set: when the set is not committed, it is of no more use. */
export function writeSet(facts: Facts, decided: Decided, signer: Signer, batch: string, known?: Edge): Built {
  const { head } = facts;
  const { entries, streams, claims, outbox, payloads } = decided;
  const parts = { prior: head, entries, streams, claims, outbox, payloads };
  const counted = { ...head, batch, outbox: head.outbox + outbox.length };
  const edge = known?.head.batch === head.batch ? known : undefined;
  if (entries.length === 0) return { set: { ...parts, head: counted, tiles: [] }, edge: edge && { ...edge, head: counted } };
  const tree = edge ? soundTree(edge) : storedTree(facts);
  const { size, root, tiles: grown, frontier } = tree.append(entries.map(({ leaf }) => leaf));
  const tiles = grown.map(({ level, index, bytes }) => ({ level, idx: index, hashes: bytes }));
  checkLeaves(entries, tiles);
  checkFull(tiles);
  const note = signCheckpoint({ origin: head.origin, size, root }, [signer]);
  const next = { ...counted, size, root, checkpoint: note };
  const set = { ...parts, head: next, tiles, checkpoint: { size, root, note, batch } };
  return { set, edge: { head: next, tree, seal: digestOf(frontier.hashes) } };
}

function soundTree({ tree, seal }: Edge): GrowingTree {
  assert(digestOf(tree.frontier().hashes) === seal, "the tree's right edge changed in memory: nothing is built on it");
  return tree;
}

function storedTree({ head: { size, root }, edge }: Facts): GrowingTree {
  const stored = (level: number, index: number): Uint8Array =>
    edge.find((tile) => tile.level === level && tile.idx === index)?.hashes ?? new Uint8Array();
  const frontier = frontierFromTiles(size, stored);
  if (!frontier.ok) throw new CorruptTree(frontier.error.message);
  if (!equalBytes(frontierRoot(frontier.value), root)) throw new CorruptTree("the stored tiles do not have the signed root");
  return new GrowingTree(frontier.value, stored);
}

const isFull = ({ hashes }: TileRow): boolean => hashes.length === TILE_WIDTH * HASH_BYTES;

/** The signature must cover the bytes that are stored, not a hash that was computed from them some time ago. */
function checkLeaves(entries: Decided["entries"], tiles: readonly TileRow[]): void {
  let tile: TileRow | undefined;
  for (const { idx, bytes, leaf } of entries) {
    const index = Math.floor(idx / TILE_WIDTH);
    if (tile?.idx !== index) tile = tiles.find((each) => each.level === 0 && each.idx === index);
    const hash = leafHash(bytes);
    const sound = tile && sameHash(hash, tile.hashes, (idx % TILE_WIDTH) * HASH_BYTES) && sameHash(hash, leaf, 0);
    assert(sound, `the bytes of entry ${idx} changed after they were hashed: nothing is signed`);
  }
}

function sameHash(hash: Uint8Array, other: Uint8Array, at: number): boolean {
  for (let i = 0; i < HASH_BYTES; i++) if (hash[i] !== other[at + i]) return false;
  return true;
}

/** A tile is written for good when it is full: it must have the root that the tree goes on with, whatever it was gathered from. */
function checkFull(tiles: readonly TileRow[]): void {
  for (const { level, idx, hashes } of tiles.filter(isFull)) {
    const above = tiles.find((tile) => tile.level === level + 1 && tile.idx === Math.floor(idx / TILE_WIDTH));
    const at = (idx % TILE_WIDTH) * HASH_BYTES;
    assert(above && sameHash(subtreeRoot(hashes, 0, TILE_WIDTH), above.hashes, at), `tile ${idx} of level ${level} changed in memory`);
  }
}
