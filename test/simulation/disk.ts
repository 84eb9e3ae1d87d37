/** What is left when every process has died: the committed rows, and nothing else. */
import { rightEdge } from "../../src/core/ledger/index.ts";
import {
  claimId,
  type CheckpointRow,
  type ClaimRow,
  type EntryRow,
  type Facts,
  type Head,
  type ListFrom,
  type Need,
  type Outcome,
  type OutboxRow,
  type Page,
  type PayloadRow,
  type StreamRow,
  type TileRow,
  type WriteSet,
} from "../../src/store/model.ts";

/** Looks at every commit, in order. */
export type Watch = (set: WriteSet) => void;

export class Disk {
  head: Head;
  readonly entries: EntryRow[] = [];
  readonly histories = new Map<string, EntryRow[]>();
  readonly streams = new Map<string, StreamRow>();
  readonly claims = new Map<string, ClaimRow>();
  readonly outboxKeys = new Set<string>();
  /** What is still to do, by id. */
  readonly outbox = new Map<number, OutboxRow>();
  readonly payloads = new Map<string, PayloadRow>();
  readonly tiles = new Map<string, TileRow>();
  readonly checkpoints: CheckpointRow[] = [];
  /** Every checkpoint that was ever the head's. */
  readonly notes = new Set<string>();
  watch: Watch = () => undefined;

  constructor(head: Head) {
    this.head = head;
    this.notes.add(head.checkpoint);
  }

  /** The same rows again: a row is never changed in place. */
  copy(): Disk {
    const disk = new Disk(this.head);
    disk.entries.push(...this.entries);
    for (const [stream, rows] of this.histories) disk.histories.set(stream, [...rows]);
    for (const [key, row] of this.streams) disk.streams.set(key, row);
    for (const [key, row] of this.claims) disk.claims.set(key, row);
    for (const key of this.outboxKeys) disk.outboxKeys.add(key);
    for (const [id, row] of this.outbox) disk.outbox.set(id, row);
    for (const [key, row] of this.payloads) disk.payloads.set(key, row);
    for (const [key, row] of this.tiles) disk.tiles.set(key, row);
    disk.checkpoints.push(...this.checkpoints);
    for (const note of this.notes) disk.notes.add(note);
    return disk;
  }

  facts(need: Need): Facts {
    return {
      head: this.head,
      edge: rightEdge(this.head.size).flatMap(({ level, index }) => this.tiles.get(`${level}/${index}`) ?? []),
      streams: picked(this.streams, need.streams),
      claims: picked(this.claims, need.claims.map(claimId)),
      outbox: new Set(need.outbox.filter((key) => this.outboxKeys.has(key))),
    };
  }

  commit(set: WriteSet): Outcome {
    if (this.head.batch !== set.prior.batch) return { kind: "moved" };
    if (!this.#holds(set)) return { kind: "conflict" };
    for (const row of set.entries) {
      this.entries.push(row);
      const history = this.histories.get(row.stream);
      if (history === undefined) this.histories.set(row.stream, [row]);
      else history.push(row);
    }
    for (const { prior: _, ...row } of set.streams) this.streams.set(row.stream, row);
    for (const row of set.claims) this.claims.set(claimId(row), row);
    for (const row of set.outbox) {
      this.outboxKeys.add(row.key);
      this.outbox.set(row.id, row);
    }
    for (const row of set.payloads) if ((this.payloads.get(row.digest)?.bytes ?? null) === null) this.payloads.set(row.digest, row);
    for (const row of set.tiles) this.tiles.set(`${row.level}/${row.idx}`, row);
    if (set.checkpoint !== undefined) this.checkpoints.push(set.checkpoint);
    this.head = set.head;
    this.notes.add(set.head.checkpoint);
    this.watch(set);
    return { kind: "committed" };
  }

  /** What unique constraints and conditional updates hold in a database. */
  #holds(set: WriteSet): boolean {
    return (
      set.entries.every(({ idx }, i) => idx === this.entries.length + i) &&
      set.streams.every(({ stream, prior }) => this.streams.get(stream)?.version === prior) &&
      !set.claims.some((row) => this.claims.has(claimId(row))) &&
      !set.outbox.some(({ key }) => this.outboxKeys.has(key))
    );
  }

  list({ prefix, statuses, proposer, after, limit }: ListFrom): Page {
    const wanted = (row: StreamRow): boolean =>
      row.body !== null &&
      row.stream.startsWith(prefix) &&
      (statuses?.includes(row.status) ?? true) &&
      (proposer === undefined || row.proposer === proposer) &&
      (after === undefined || newer({ created_at: after.createdAt, stream: after.stream }, row));
    const rows: StreamRow[] = [];
    for (const row of this.streams.values()) if (wanted(row)) rows.push(row);
    rows.sort((a, b) => (newer(a, b) ? -1 : 1));
    return { rows: rows.slice(0, limit), more: rows.length > limit };
  }

  takeDue(now: number, until: number, limit: number): readonly OutboxRow[] {
    const due: OutboxRow[] = [];
    for (const row of this.outbox.values()) if (row.due_at <= now && row.lease_until <= now) due.push(row);
    if (due.length > 1) due.sort((a, b) => a.due_at - b.due_at || a.id - b.id);
    const leased = due.slice(0, limit).map((row) => ({ ...row, lease_until: until, attempts: row.attempts + 1 }));
    for (const row of leased) this.outbox.set(row.id, row);
    return leased;
  }

  putOff(id: number, dueAt: number): void {
    const row = this.outbox.get(id);
    if (row !== undefined) this.outbox.set(id, { ...row, due_at: dueAt, lease_until: 0 });
  }
}

type Placed = Pick<StreamRow, "created_at" | "stream">;
const newer = (a: Placed, b: Placed): boolean => a.created_at > b.created_at || (a.created_at === b.created_at && a.stream > b.stream);

function picked<V>(rows: ReadonlyMap<string, V>, ids: readonly string[]): Map<string, V> {
  const found = new Map<string, V>();
  for (const id of ids) {
    const row = rows.get(id);
    if (row !== undefined) found.set(id, row);
  }
  return found;
}
