import { HASH_BYTES, TILE_WIDTH, firstDifference, type LogVerifier, type Tile } from "../../core/ledger/index.ts";
import type { TileRow } from "../model.ts";
import { pagesOf, type Check } from "./types.ts";

/** Tiles of the lowest level were compared with the entries; here what should not be there, and all that stands above them. */
export async function checkTiles(check: Check, verifier: LogVerifier | undefined, size: number): Promise<number> {
  const upper = new Map((verifier?.upperTiles() ?? []).map((tile) => [`${tile.level}/${tile.index}`, tile]));
  let count = 0;
  for await (const rows of pagesOf<TileRow>(check.snapshot, "tiles")) {
    for (const row of rows) {
      count++;
      if (!verifier) continue;
      if (row.level === 0) checkLowest(check, row, size);
      else checkUpper(check, row, upper.get(`${row.level}/${row.idx}`), size);
      upper.delete(`${row.level}/${row.idx}`);
    }
  }
  for (const tile of upper.values()) {
    check.fault({ where: `tiles/${tile.level}/${tile.index}`, message: "the tile is missing", index: firstEntry(tile, 0, size) });
  }
  return count;
}

function checkLowest(check: Check, { idx, hashes }: TileRow, size: number): void {
  const where = `tiles/0/${idx}`;
  if (idx >= Math.floor(size / TILE_WIDTH)) check.fault({ where, message: "a tree of this size has no such tile", index: size });
  else if (hashes.length !== TILE_WIDTH * HASH_BYTES) {
    check.fault({ where, message: `the tile has ${hashes.length} bytes`, index: idx * TILE_WIDTH });
  }
}

function checkUpper(check: Check, { level, idx, hashes }: TileRow, tile: Tile | undefined, size: number): void {
  const where = `tiles/${level}/${idx}`;
  if (!tile) return check.fault({ where, message: "a tree of this size has no such tile", index: size });
  const differs = firstDifference(tile, hashes);
  if (differs === undefined) return;
  check.fault({ where, message: `hash ${differs} is not that of the entries`, index: firstEntry(tile, differs, size) });
}

/** The first entry under one hash of a tile. */
const firstEntry = ({ level, index }: Tile, hash: number, size: number): number =>
  Math.min(size, (index * TILE_WIDTH + hash) * TILE_WIDTH ** level);
