import { canonical, equalBytes, fromUtf8, type Json } from "../../core/base/index.ts";
import { HASH_BYTES, TILE_WIDTH, type LedgerFault, type LogVerifier } from "../../core/ledger/index.ts";
import { isKept, type EntryRow, type Snapshot, type TileRow } from "../model.ts";
import { before, scanValue } from "./quick-scan.ts";
import type { SeenStream } from "./streams.ts";
import { pagesOf, type Check } from "./types.ts";

export interface FoundEntries {
  readonly entries: number;
  /** The signed root, when the entries have it. */
  readonly root?: Uint8Array;
}

/** Counts the entries of each stream as well. */
export async function checkEntries(
  check: Check,
  verifier: LogVerifier | undefined,
  streams: Map<string, SeenStream>,
): Promise<FoundEntries> {
  const orphans = new Map<string, number>();
  let tile: Uint8Array | undefined;
  let entries = 0;
  let bad = false;
  for await (const rows of pagesOf<EntryRow>(check.snapshot, "entries")) {
    for (const row of rows) {
      entries++;
      checkRow(check, row, streams.get(row.stream), orphans);
      if (bad || !verifier) continue;
      const place = row.idx % TILE_WIDTH;
      if (place === 0) tile = await storedTile(check.snapshot, row.idx / TILE_WIDTH);
      bad = told(check, checkEntry(verifier, row, tile, place * HASH_BYTES));
      if (!bad && !tile && place === TILE_WIDTH - 1) missing(check, Math.floor(row.idx / TILE_WIDTH));
    }
  }
  const end = verifier?.finish();
  if (end && !end.ok && !bad) told(check, end.error);
  return { entries, ...(end?.ok && { root: end.value.root }) };
}

/** Against the tile that tells its place and against the hash beside it; until the tile is full there is only the latter. */
function checkEntry(
  verifier: LogVerifier,
  { idx, bytes, leaf }: EntryRow,
  tile: Uint8Array | undefined,
  at: number,
): LedgerFault | undefined {
  const beside = leaf ?? NO_HASH;
  const fault = tile ? verifier.add(bytes, idx, tile, at) : verifier.add(bytes, idx, beside);
  return fault ?? (tile && !equalBytes(verifier.leaf, beside) ? verifier.altered() : undefined);
}

const NO_HASH = new Uint8Array(0);

async function storedTile(snapshot: Snapshot, index: number): Promise<Uint8Array | undefined> {
  const [row] = (await snapshot.scan("tiles", [0, index - 1], 1)) as unknown as TileRow[];
  return row?.level === 0 && row.idx === index && isKept(row) ? row.hashes : undefined;
}

const missing = (check: Check, index: number): void =>
  check.fault({ where: `tiles/0/${index}`, message: "the tile is missing", index: index * TILE_WIDTH });

function told(check: Check, fault: LedgerFault | undefined): boolean {
  if (!fault) return false;
  const { message, index, lastIndex } = fault;
  check.fault({ where: `entries/${index}`, message, index, ...(lastIndex !== undefined && { lastIndex }) });
  return true;
}

/** What the row says beside its bytes, which the tree vouches for. */
function checkRow(check: Check, row: EntryRow, seen: SeenStream | undefined, orphans: Map<string, number>): void {
  const { idx, stream, ordinal, bytes } = row;
  const count = seen ? seen.entries++ : (orphans.get(stream) ?? 0);
  const n = seen?.mode === "gathered" ? 0 : count;
  if (seen?.isNamed && ordinal === count && isEntry(bytes, stream, n)) return;
  if (!seen) orphans.set(stream, count + 1);
  const fault = (message: string): void => check.fault({ where: `entries/${idx}`, message, index: idx });
  if (ordinal !== count) fault(`it is number ${ordinal} of ${stream}, where number ${count} is missing or doubled`);
  const entry = entryOf(bytes);
  if (!entry) return fault("its bytes are not a ledger entry in canonical form");
  if (entry.stream !== stream) fault(`it is stored under ${stream}, but belongs to ${entry.stream}`);
  if (!seen) fault(`its stream ${stream} has no row`);
  else if (entry.n !== n) fault(`it says that it is number ${entry.n} of ${stream}; it is number ${n}`);
}

const START = '{"event":';
const END = '","v":1}';
const STREAM = ',"stream":"';
const NUMBER = ',"n":';

/** Surely the entry of this number in this stream; what this does not vouch for is looked at again. */
function isEntry(bytes: Uint8Array, stream: string, n: number): boolean {
  let at = before(bytes, bytes.length, END);
  at = before(bytes, at, stream);
  at = before(bytes, at, STREAM);
  at = before(bytes, at, String(n));
  at = before(bytes, at, NUMBER);
  return at > 0 && before(bytes, START.length, START) === 0 && scanValue(bytes, START.length) === at;
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
