import type { Store } from "../control/ports.ts";
import { consistencyProof, consistencyTiles } from "../core/ledger/index.ts";

/** The hashes that prove that the log of `to` entries began with the first `from`. */
export async function proofOfGrowth(store: Pick<Store, "tile">, from: number, to: number): Promise<readonly Uint8Array[]> {
  const tiles = new Map<string, Uint8Array>();
  for (const { level, index } of consistencyTiles(from, to)) tiles.set(`${level}/${index}`, await store.tile(level, index));
  return consistencyProof(from, to, (level, index) => tiles.get(`${level}/${index}`) ?? new Uint8Array());
}
