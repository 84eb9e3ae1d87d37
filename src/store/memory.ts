/** The whole database in maps: for tests, simulation and the demo. Constraints refuse here exactly as they do in SQL. */
import type { Claim, LedgerEntry } from "../control/ports.ts";
import type { Digest } from "../core/base/index.ts";
import { rightEdge } from "../core/ledger/index.ts";
import { firstHead, openRefusal, type Identity } from "./head.ts";
import {
  claimId,
  isKept,
  type Backend,
  type Cell,
  type CheckpointRow,
  type ClaimRow,
  type EntryRow,
  type Facts,
  type Head,
  type ListFrom,
  type Need,
  type OutboxRow,
  type Outcome,
  type Page,
  type PayloadRow,
  type Row,
  type Snapshot,
  type StreamChange,
  type StreamRow,
  type TableName,
  type TileRow,
  type WriteSet,
} from "./model.ts";
import { createStore, type OpenStore } from "./store.ts";
import { keyOf } from "./sql/tables.ts";
import { watching } from "./watching.ts";

export const openMemory = (identity: Identity): OpenStore => createStore(memoryBackend(firstHead(identity)), identity, 1);

interface Tables {
  head: Head;
  readonly entries: EntryRow[];
  /** The same entries by stream. */
  readonly histories: Map<string, EntryRow[]>;
  readonly streams: Map<string, StreamRow>;
  readonly claims: Map<string, ClaimRow>;
  readonly outbox: Map<string, OutboxRow>;
  readonly payloads: Map<string, PayloadRow>;
  readonly tiles: Map<string, TileRow>;
  readonly checkpoints: CheckpointRow[];
}

export function memoryBackend(head: Head): Backend {
  const { size, root, checkpoint: note, batch } = head;
  const tables: Tables = {
    head,
    entries: [],
    histories: new Map(),
    streams: new Map(),
    claims: new Map(),
    outbox: new Map(),
    payloads: new Map(),
    tiles: new Map(),
    checkpoints: [{ size, root, note, batch }],
  };
  const read = reads(tables);
  const watchers = watching({ size: async () => tables.head.size, streamsFrom: read.streamsFrom }, head.size, 0);
  return {
    ...writes(tables, watchers.look),
    ...read,
    ...outbox(tables),
    watch: watchers.watch,
    fill: notMovable,
    close: async () => watchers.close(),
  };
}

const notMovable: Backend["fill"] = async () =>
  openRefusal("store_unavailable", "a store in memory is not moved into", "move into a file or a server");

function writes(tables: Tables, committed: () => void): Pick<Backend, "transact" | "erase"> {
  return {
    transact: async (need, decide) => {
      const set = decide(factsOf(tables, need));
      if (!set) return { kind: "nothing" };
      const outcome = commit(tables, set);
      if (outcome.kind === "committed") committed();
      return outcome;
    },
    erase: async (digest) => {
      const row = tables.payloads.get(digest);
      if (!row || row.bytes === null) return false;
      tables.payloads.set(digest, { ...row, bytes: null });
      return true;
    },
  };
}

function factsOf(tables: Tables, need: Need): Facts {
  const pick = <V>(map: ReadonlyMap<string, V>, ids: readonly string[]): Map<string, V> =>
    new Map(ids.flatMap((id) => (map.has(id) ? [[id, map.get(id) as V] as const] : [])));
  return {
    head: tables.head,
    edge: rightEdge(tables.head.size).flatMap(({ level, index }) => tables.tiles.get(`${level}/${index}`) ?? []),
    streams: pick(tables.streams, need.streams),
    claims: pick(tables.claims, need.claims.map(claimId)),
    outbox: new Set(need.outbox.filter((key) => tables.outbox.has(key))),
  };
}

function commit(tables: Tables, set: WriteSet): Outcome {
  if (tables.head.batch !== set.prior.batch) return { kind: "moved" };
  if (!holds(tables, set)) return { kind: "conflict" };
  for (const row of set.entries) addEntry(tables, row);
  for (const { prior: _, ...row } of set.streams) tables.streams.set(row.stream, row);
  for (const row of set.claims) tables.claims.set(claimId(row), row);
  for (const row of set.outbox) tables.outbox.set(row.key, row);
  for (const row of set.payloads) if ((tables.payloads.get(row.digest)?.bytes ?? null) === null) tables.payloads.set(row.digest, row);
  for (const row of set.tiles) tables.tiles.set(`${row.level}/${row.idx}`, row);
  if (set.checkpoint) tables.checkpoints.push(set.checkpoint);
  tables.head = set.head;
  return { kind: "committed" };
}

function addEntry({ entries, histories }: Tables, row: EntryRow): void {
  entries.push(row);
  const history = histories.get(row.stream);
  if (history) history.push(row);
  else histories.set(row.stream, [row]);
}

/** What unique constraints and conditional updates hold in a database. */
function holds(tables: Tables, set: WriteSet): boolean {
  const unchanged = ({ stream, prior }: StreamChange): boolean => tables.streams.get(stream)?.version === prior;
  return (
    set.entries.every(({ idx }, i) => idx === tables.entries.length + i) &&
    set.streams.every(unchanged) &&
    !set.claims.some((row) => tables.claims.has(claimId(row))) &&
    !set.outbox.some(({ key }) => tables.outbox.has(key))
  );
}

type Reads = "stream" | "list" | "history" | "entries" | "claim" | "payload" | "streamsFrom" | "head" | "checkpoints" | "tile" | "snapshot";

function reads(tables: Tables): Pick<Backend, Reads> {
  const copied = ({ idx, stream, bytes }: EntryRow): LedgerEntry => ({ index: idx, stream, bytes: Uint8Array.from(bytes) });
  return {
    stream: async (name) => tables.streams.get(name),
    list: async (query) => list(tables, query),
    history: async (stream, from, limit) => (tables.histories.get(stream) ?? []).slice(from, from + limit).map(copied),
    entries: async (from, limit) => tables.entries.slice(from, from + limit).map(copied),
    streamsFrom: async (index, limit) => tables.entries.slice(index, index + limit).map(({ stream }) => stream),
    claim: async (kind, key) => claimOf(tables.claims.get(claimId({ kind, key }))),
    payload: async (digest: Digest) => {
      const row = tables.payloads.get(digest);
      return row?.bytes ? { ...row, bytes: Uint8Array.from(row.bytes) } : row;
    },
    head: async () => tables.head,
    checkpoints: async (limit) =>
      tables.checkpoints
        .slice(-limit)
        .toReversed()
        .map(({ size, note }) => ({ size, note })),
    tile: async (level, index) => Uint8Array.from(tables.tiles.get(`${level}/${index}`)?.hashes ?? []),
    snapshot: async () => snapshotOf(tables),
  };
}

const claimOf = (row: ClaimRow | undefined): Claim | undefined => row && { kind: row.kind, key: row.key, value: row.value };

function list(tables: Tables, query: ListFrom): Page {
  const { prefix, statuses, proposer, after, limit } = query;
  const wanted = (row: StreamRow): boolean =>
    row.body !== null &&
    row.stream.startsWith(prefix) &&
    (statuses?.includes(row.status) ?? true) &&
    (proposer === undefined || row.proposer === proposer) &&
    (!after || newer({ created_at: after.createdAt, stream: after.stream }, row));
  const rows = [...tables.streams.values()].filter(wanted).toSorted((a, b) => (newer(a, b) ? -1 : 1));
  return { rows: rows.slice(0, limit), more: rows.length > limit };
}

type Placed = Pick<StreamRow, "created_at" | "stream">;
const newer = (a: Placed, b: Placed): boolean => a.created_at > b.created_at || (a.created_at === b.created_at && a.stream > b.stream);

function outbox(tables: Tables): Pick<Backend, "takeDue" | "settle" | "retryAt"> {
  const change = (id: number, edit: Partial<OutboxRow>): void => {
    const row = [...tables.outbox.values()].find((each) => each.id === id);
    if (row && row.settled === 0) tables.outbox.set(row.key, { ...row, ...edit });
  };
  return {
    takeDue: async (now, until, limit) => {
      const due = [...tables.outbox.values()].filter((row) => row.settled === 0 && row.due_at <= now && row.lease_until <= now);
      const taken = due.toSorted((a, b) => a.due_at - b.due_at || a.id - b.id).slice(0, limit);
      const leased = taken.map((row) => ({ ...row, lease_until: until, attempts: row.attempts + 1 }));
      for (const row of leased) tables.outbox.set(row.key, row);
      return leased;
    },
    settle: async (id) => change(id, { settled: 1 }),
    retryAt: async (id, dueAt) => change(id, { due_at: dueAt, lease_until: 0 }),
  };
}

/** Copies the tables' rows now; each row is immutable, so it can be shared. */
function snapshotOf(tables: Tables): Snapshot {
  const rows: Record<TableName, readonly object[]> = {
    head: [{ id: 1, ...tables.head }],
    entries: [...tables.entries],
    streams: [...tables.streams.values()],
    claims: [...tables.claims.values()],
    outbox: [...tables.outbox.values()],
    payloads: [...tables.payloads.values()],
    tiles: [...tables.tiles.values()].filter(isKept),
    checkpoints: [...tables.checkpoints],
  };
  return {
    scan: async (table, after, limit) => {
      const all = (rows[table] as Row[]).toSorted((a, b) => compareKeys(keyOf(table, a), keyOf(table, b)));
      const rest = after ? all.filter((row) => compareKeys(keyOf(table, row), after) > 0) : all;
      return rest.slice(0, limit);
    },
    history: reads(tables).history,
    close: async () => {},
  };
}

function compareKeys(a: readonly Cell[], b: readonly Cell[]): number {
  for (const [i, x] of a.entries()) {
    const y = b[i];
    if (x === y || x === null || y === null || y === undefined) continue;
    return x < y ? -1 : 1;
  }
  return 0;
}
