import { fail, ok, type Result } from "../core/base/index.ts";
import { consistencyProof, consistencyTiles, inclusionProof, inclusionTiles, leafHash, type TileRef } from "../core/ledger/index.ts";
import type { Deps } from "./deps.ts";
import type { ControlRefusal, LedgerReader, ProofView } from "./types.ts";

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

/** Reads the tiles first, so that the proof itself is computed purely. */
export async function readTiles(deps: Deps, wanted: readonly TileRef[]): Promise<(level: number, index: number) => Uint8Array> {
  const tiles = new Map<string, Uint8Array>();
  for (const { level, index } of wanted) tiles.set(`${level}/${index}`, await deps.store.tile(level, index));
  return (level, index) => tiles.get(`${level}/${index}`) ?? new Uint8Array();
}

function outside(what: string): Result<never, ControlRefusal> {
  return fail({ code: "invalid", reason: "outside_log", message: what, remedy: "GET /checkpoint tells the log's size" });
}

/** Proof that entry `index` is in the log of the current head, with the head that it proves against. */
export async function inclusionAt(deps: Deps, index: number, size?: number): Promise<Result<ProofView, ControlRefusal>> {
  const head = await deps.store.head();
  const at = size ?? head.size;
  if (!Number.isSafeInteger(index) || index < 0 || index >= at || at > head.size)
    return outside(`there is no entry ${index} in a log of size ${Math.min(at, head.size)}`);
  const [entry] = await deps.store.entries(index, 1);
  if (entry === undefined) return outside(`entry ${index} is not stored`);
  const read = await readTiles(deps, inclusionTiles(index, at));
  return ok({
    index,
    size: at,
    leaf_hash: hex(leafHash(entry.bytes)),
    proof: inclusionProof(index, at, read).map(hex),
    checkpoint: head.checkpoint,
  });
}

export function ledgerReader(deps: Deps): LedgerReader {
  return {
    checkpoint: async () => (await deps.store.head()).checkpoint,
    vkeys: () => deps.logKeys,
    tile: (level, index) => deps.store.tile(level, index),
    size: async () => (await deps.store.head()).size,
    entries: (from, limit) => deps.store.entries(from, limit),
    inclusion: (index, size) => inclusionAt(deps, index, size),
    async consistency(from, to) {
      const { size } = await deps.store.head();
      if (!Number.isSafeInteger(from) || !Number.isSafeInteger(to) || from < 0 || from > to || to > size)
        return outside(`sizes ${from} and ${to} are not in a log of size ${size}`);
      const read = await readTiles(deps, consistencyTiles(from, to));
      return ok({ from, to, proof: consistencyProof(from, to, read).map(hex) });
    },
  };
}
