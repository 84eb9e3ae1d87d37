import { canonical, fromUtf8, type Json } from "../../core/base/index.ts";
import { HASH_BYTES, TILE_WIDTH, type LogVerifier } from "../../core/ledger/index.ts";
import type { EntryRow, Snapshot, StreamMode, TileRow } from "../model.ts";
import { pagesOf, type Check } from "./types.ts";

export interface FoundEntries {
  readonly entries: number;
  /** The signed root, when the entries have it. */
  readonly root?: Uint8Array;
  /** How many entries each stream has. */
  readonly counts: ReadonlyMap<string, number>;
}

export async function checkEntries(
  check: Check,
  verifier: LogVerifier | undefined,
  modes: ReadonlyMap<string, StreamMode>,
): Promise<FoundEntries> {
  const counts = new Map<string, number>();
  const tiles = leafTiles(check.snapshot);
  let entries = 0;
  let bad = false;
  for await (const rows of pagesOf<EntryRow>(check.snapshot, "entries")) {
    for (const row of rows) {
      entries++;
      checkRow(check, row, modes.get(row.stream), counts);
      if (bad || !verifier) continue;
      const { bytes, at } = await tiles(row.idx);
      bad = told(check, verifier.add(row.bytes, row.idx, bytes, at));
    }
  }
  const end = verifier?.finish();
  if (end && !end.ok && !bad) told(check, end.error);
  return { entries, counts, ...(end?.ok && { root: end.value.root }) };
}

function told(check: Check, fault: ReturnType<LogVerifier["add"]>): boolean {
  if (!fault) return false;
  const { message, index, lastIndex } = fault;
  check.fault({ where: `entries/${index}`, message, index, ...(lastIndex !== undefined && { lastIndex }) });
  return true;
}

/** Where the hash of an entry stands; one tile is remembered, since entries come in order. */
function leafTiles(snapshot: Snapshot): (index: number) => Promise<{ readonly bytes: Uint8Array; readonly at: number }> {
  let tile = -1;
  let bytes = new Uint8Array();
  return async (index) => {
    const wanted = Math.floor(index / TILE_WIDTH);
    if (wanted !== tile) {
      tile = wanted;
      const [row] = (await snapshot.scan("tiles", [0, wanted - 1], 1)) as unknown as TileRow[];
      bytes = new Uint8Array(row?.level === 0 && row.idx === wanted ? row.hashes : []);
    }
    return { bytes, at: (index % TILE_WIDTH) * HASH_BYTES };
  };
}

/** What the row says beside its bytes, which the tree vouches for. */
function checkRow(
  check: Check,
  { idx, stream, ordinal, bytes }: EntryRow,
  mode: StreamMode | undefined,
  counts: Map<string, number>,
): void {
  const fault = (message: string): void => check.fault({ where: `entries/${idx}`, message, index: idx });
  const count = counts.get(stream) ?? 0;
  counts.set(stream, count + 1);
  if (ordinal !== count) fault(`it is number ${ordinal} of ${stream}, where number ${count} is missing or doubled`);
  const entry = entryOf(bytes);
  if (!entry) return fault("its bytes are not a ledger entry in canonical form");
  if (entry.stream !== stream) fault(`it is stored under ${stream}, but belongs to ${entry.stream}`);
  if (mode === undefined) fault(`its stream ${stream} has no row`);
  const n = mode === "gathered" ? 0 : count;
  if (mode !== undefined && entry.n !== n) fault(`it says that it is number ${entry.n} of ${stream}; it is number ${n}`);
}

export interface LedgerEvent {
  readonly event: Json;
  readonly n: number;
  readonly stream: string;
}

export function entryOf(bytes: Uint8Array): LedgerEvent | undefined {
  const text = fromUtf8(bytes);
  if (text === undefined) return undefined;
  try {
    const entry = JSON.parse(text) as Record<string, Json>;
    const { event, n, stream, v } = entry;
    if (v !== 1 || typeof n !== "number" || typeof stream !== "string" || event === undefined) return undefined;
    return canonical({ event, n, stream, v }) === text ? { event, n, stream } : undefined;
  } catch {
    return undefined;
  }
}
