/** The rows that every store keeps, and the little that a store's driver must do. */
import type { Claim, LedgerEntry, ListQuery } from "../control/ports.ts";
import type { Digest, Millis, Result } from "../core/base/index.ts";
import { HASH_BYTES, TILE_WIDTH } from "../core/ledger/index.ts";
import type { OpenRefusal } from "./head.ts";

export interface Head {
  readonly origin: string;
  readonly size: number;
  readonly root: Uint8Array;
  readonly checkpoint: string;
  /** Unique per attempt to commit: tells afterwards whether one whose answer was lost took place. */
  readonly batch: string;
  /** How often the database was opened: the number of the last node that did. */
  readonly nodes: number;
  /** How many outbox items there have been: the next id. */
  readonly outbox: number;
}

export interface EntryRow {
  readonly idx: number;
  readonly stream: string;
  /** Position among the entries of its stream. */
  readonly ordinal: number;
  readonly bytes: Uint8Array;
  /** The hash of the bytes as the tree has it. The last, partial tile of the lowest level is made of these. */
  readonly leaf: Uint8Array;
}

/** `counted` streams have versions that writers must match; `gathered` streams only collect entries. */
export type StreamMode = "counted" | "gathered";

export interface StreamRow {
  readonly stream: string;
  /** What stands before the first `/`. */
  readonly kind: string;
  readonly mode: StreamMode;
  readonly version: number;
  /** Canonical JSON; null for a stream without state. */
  readonly body: string | null;
  readonly status: string;
  readonly proposer: string;
  readonly created_at: number;
  readonly updated_at: number;
  /** Digest over the other columns: a row changed by accident is noticed when it is read. */
  readonly seal: string;
}

/** A stream row and the version it replaces; undefined for a stream that must not exist yet. */
export interface StreamChange extends StreamRow {
  readonly prior: number | undefined;
}

export interface ClaimRow extends Claim {
  /** Ledger index of the first entry of the request that made it; the tree's size when that request had none. */
  readonly idx: number;
}

export interface OutboxRow {
  readonly id: number;
  readonly key: string;
  readonly kind: string;
  readonly body: string;
  readonly due_at: number;
  readonly lease_until: number;
  readonly attempts: number;
  readonly settled: number;
}

export interface PayloadRow {
  readonly digest: string;
  readonly media_type: string;
  readonly size: number;
  /** Null once erased. */
  readonly bytes: Uint8Array | null;
}

export interface TileRow {
  readonly level: number;
  readonly idx: number;
  readonly hashes: Uint8Array;
}

/** Of the lowest level only full tiles are rows: what is not full yet is made of the hashes beside the entries. */
export const isKept = ({ level, hashes }: TileRow): boolean => level > 0 || hashes.length === TILE_WIDTH * HASH_BYTES;

export interface CheckpointRow {
  readonly size: number;
  readonly root: Uint8Array;
  readonly note: string;
  readonly batch: string;
}

/** Everything that one commit writes. */
export interface WriteSet {
  /** The head it builds on: the commit fails when another stands. */
  readonly prior: Head;
  readonly head: Head;
  readonly entries: readonly EntryRow[];
  readonly streams: readonly StreamChange[];
  readonly claims: readonly ClaimRow[];
  readonly outbox: readonly OutboxRow[];
  readonly payloads: readonly PayloadRow[];
  readonly tiles: readonly TileRow[];
  /** Absent when the batch has no entries. */
  readonly checkpoint?: CheckpointRow;
}

/** What a batch needs to know before it can be decided. */
export interface Need {
  readonly streams: readonly string[];
  readonly claims: readonly { readonly kind: string; readonly key: string }[];
  readonly outbox: readonly string[];
  /** The head of which the asker knows the right edge. Neither need be read: should another writer have moved it, the commit fails as `moved`. */
  readonly known?: Head;
  /** One small request, behind which no other waits. */
  readonly alone?: boolean;
}

export interface Facts {
  readonly head: Head;
  /** The tiles on the tree's right edge; nothing where the asker knows them. */
  readonly edge: readonly TileRow[];
  readonly streams: ReadonlyMap<string, StreamRow>;
  readonly claims: ReadonlyMap<string, Claim>;
  /** Outbox keys that exist already. */
  readonly outbox: ReadonlySet<string>;
}

export const claimId = (claim: { readonly kind: string; readonly key: string }): string => `${claim.kind}\n${claim.key}`;

/**
 * How an attempt to commit ended. `moved`: another writer was faster and the facts are old; `conflict`: a constraint refused;
 * `failed`: trying again at once is pointless. In all three nothing was written. `unknown`: it may have been.
 */
export type Outcome =
  | { readonly kind: "committed" }
  | { readonly kind: "nothing" }
  | { readonly kind: "moved" }
  | { readonly kind: "conflict" }
  | { readonly kind: "failed"; readonly message: string }
  | { readonly kind: "unknown"; readonly message: string };

export type TableName = "head" | "entries" | "streams" | "claims" | "outbox" | "payloads" | "tiles" | "checkpoints";
export type Cell = string | number | Uint8Array | null;
export type Row = Readonly<Record<string, Cell>>;

/** One consistent picture of a whole database, for fsck and for moving it. */
export interface Snapshot {
  /** Rows in key order after the given key; fewer than asked only at the end. */
  scan(table: TableName, after: readonly Cell[] | undefined, limit: number): Promise<readonly Row[]>;
  readonly history: (stream: string, from: number, limit: number) => Promise<readonly LedgerEntry[]>;
  close(): Promise<void>;
}

/** A database in the middle of being filled. */
export interface Filling extends Snapshot {
  /** Removes what a new database begins with. */
  clear(): Promise<void>;
  insert(table: TableName, rows: readonly Row[]): Promise<void>;
}

export interface Page {
  readonly rows: readonly StreamRow[];
  readonly more: boolean;
}
export interface ListFrom extends ListQuery {
  readonly after?: { readonly createdAt: number; readonly stream: string };
}

/** What differs between memory, SQLite and PostgreSQL. */
export interface Backend {
  /** Lets requests that are about to come join the next batch. */
  readonly gather?: () => Promise<void>;
  /** One attempt: reads the facts, lets the batch be decided on them, and commits what was decided. */
  transact(need: Need, decide: (facts: Facts) => WriteSet | undefined): Promise<Outcome>;
  stream(name: string): Promise<StreamRow | undefined>;
  list(query: ListFrom): Promise<Page>;
  history(stream: string, from: number, limit: number): Promise<readonly LedgerEntry[]>;
  entries(from: number, limit: number): Promise<readonly LedgerEntry[]>;
  /** The stream of each entry from an index on. */
  readonly streamsFrom: (index: number, limit: number) => Promise<readonly string[]>;
  claim(kind: string, key: string): Promise<Claim | undefined>;
  payload(digest: Digest): Promise<PayloadRow | undefined>;
  erase(digest: Digest): Promise<boolean>;
  head(): Promise<Head>;
  checkpoints(limit: number): Promise<readonly { readonly size: number; readonly note: string }[]>;
  tile(level: number, index: number): Promise<Uint8Array>;
  takeDue(now: Millis, until: Millis, limit: number): Promise<readonly OutboxRow[]>;
  settle(id: number): Promise<void>;
  retryAt(id: number, dueAt: Millis): Promise<void>;
  watch(listener: (streams: readonly string[]) => void): () => void;
  snapshot(): Promise<Snapshot>;
  /** Does something to the whole database while nobody else writes to it, all or nothing. */
  fill<T>(work: (filling: Filling) => Promise<Result<T, OpenRefusal>>): Promise<Result<T, OpenRefusal>>;
  close(): Promise<void>;
}
