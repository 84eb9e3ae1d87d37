/** A decided batch becomes a write set: the tree grows and its new head is signed. Pure but for the signer. */
import type { Signer } from "../../control/ports.ts";
import { assert, equalBytes } from "../../core/base/index.ts";
import {
  HASH_BYTES,
  TILE_WIDTH,
  frontierFromTiles,
  frontierRoot,
  integrate,
  leafHash,
  signCheckpoint,
  type Integrated,
} from "../../core/ledger/index.ts";
import type { Decided } from "./decide.ts";
import type { Facts, TileRow, WriteSet } from "../model.ts";

/** The stored tree does not have the root that was signed: nothing may be built on it. */
export class CorruptTree extends Error {}

export function writeSet(facts: Facts, decided: Decided, signer: Signer, batch: string): WriteSet {
  const { head } = facts;
  const { entries, streams, claims, outbox, payloads } = decided;
  const parts = { prior: head, entries, streams, claims, outbox, payloads };
  const counted = { ...head, batch, outbox: head.outbox + outbox.length };
  if (entries.length === 0) return { ...parts, head: counted, tiles: [] };
  const { size, root, tiles: grown } = grow(facts, decided.leaves);
  const tiles = grown.map(({ level, index, bytes }) => ({ level, idx: index, hashes: bytes }));
  checkLeaves(entries, tiles);
  const note = signCheckpoint({ origin: head.origin, size, root }, [signer]);
  return { ...parts, head: { ...counted, size, root, checkpoint: note }, tiles, checkpoint: { size, root, note, batch } };
}

function grow({ head, edge }: Facts, leaves: readonly Uint8Array[]): Integrated {
  const stored = new Map(edge.map(({ level, idx, hashes }) => [`${level}/${idx}`, hashes]));
  const readTile = (level: number, index: number): Uint8Array => stored.get(`${level}/${index}`) ?? new Uint8Array();
  const frontier = frontierFromTiles(head.size, readTile);
  if (!frontier.ok) throw new CorruptTree(frontier.error.message);
  if (!equalBytes(frontierRoot(frontier.value), head.root)) throw new CorruptTree("the stored tiles do not have the signed root");
  return integrate(head.size, readTile, leaves, frontier.value);
}

/** The signature must cover the bytes that are stored, not a hash that was computed from them some time ago. */
function checkLeaves(entries: Decided["entries"], tiles: readonly TileRow[]): void {
  const leaves = new Map(tiles.filter(({ level }) => level === 0).map(({ idx, hashes }) => [idx, hashes]));
  for (const { idx, bytes } of entries) {
    const at = (idx % TILE_WIDTH) * HASH_BYTES;
    const leaf = leaves.get(Math.floor(idx / TILE_WIDTH))?.subarray(at, at + HASH_BYTES);
    assert(leaf && equalBytes(leaf, leafHash(bytes)), `the bytes of entry ${idx} changed after they were hashed: nothing is signed`);
  }
}
