/** The reads that both SQL databases answer alike. */
import { StoreUnreadable, type Claim, type LedgerEntry } from "../../control/ports.ts";
import { assert, concatBytes } from "../../core/base/index.ts";
import { TILE_WIDTH } from "../../core/ledger/index.ts";
import type { Backend, Cell, Head, OutboxRow, Page, PayloadRow, Row, Snapshot, StreamRow, TileRow } from "../model.ts";
import { listQuery, scanStatement, selectFrom } from "./statements.ts";

/** Runs one reading statement; `?` for parameters. */
export type Ask = (sql: string, params: readonly Cell[]) => Promise<readonly Row[]>;

export type SqlReads = Pick<
  Backend,
  "stream" | "list" | "history" | "entries" | "claim" | "payload" | "streamsFrom" | "head" | "checkpoints" | "tile"
>;

export const HEAD = selectFrom("head");
export const STREAM = `${selectFrom("streams")} WHERE stream = ?`;
const STREAMS_FROM = "SELECT stream FROM entries WHERE idx >= ? ORDER BY idx LIMIT ?";
const ENTRY = "SELECT idx, stream, bytes FROM entries";
export const CLAIM = "SELECT kind, key, value FROM claims WHERE kind = ? AND key = ?";
export const TILE = `${selectFrom("tiles")} WHERE level = ? AND idx = ?`;
export const LEAVES = "SELECT leaf FROM entries WHERE idx >= ? AND idx < ? ORDER BY idx";

export const OUTBOX_KEY = "SELECT key FROM outbox WHERE key = ?";
/** A batch with entries leaves a checkpoint; one without is still the head's unless another followed. */
export const WAS_COMMITTED = "SELECT batch FROM checkpoints WHERE size = ? AND batch = ? UNION ALL SELECT batch FROM head WHERE batch = ?";

export function sqlReads(asked: Ask): SqlReads {
  const ask: Ask = (sql, params) =>
    asked(sql, params).catch((cause: unknown) => {
      throw new StoreUnreadable(`the database cannot be read: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
    });
  return {
    stream: async (name) => typed<StreamRow>(await ask(STREAM, [name]))[0],
    list: async (query): Promise<Page> => {
      const { sql, params } = listQuery(query);
      const rows = typed<StreamRow>(await ask(sql, params));
      return { rows: rows.slice(0, query.limit), more: rows.length > query.limit };
    },
    history: async (stream, from, limit) =>
      (await ask(`${ENTRY} WHERE stream = ? AND ordinal >= ? ORDER BY ordinal LIMIT ?`, [stream, from, limit])).map(entryOf),
    entries: async (from, limit) => (await ask(`${ENTRY} WHERE idx >= ? ORDER BY idx LIMIT ?`, [from, limit])).map(entryOf),
    claim: async (kind, key) => typed<Claim>(await ask(CLAIM, [kind, key]))[0],
    payload: async (digest) => typed<PayloadRow>(await ask(`${selectFrom("payloads")} WHERE digest = ?`, [digest]))[0],
    streamsFrom: async (index, limit) => typed<{ stream: string }>(await ask(STREAMS_FROM, [index, limit])).map(({ stream }) => stream),
    head: async () => headOf(await ask(HEAD, [])),
    checkpoints: async (limit) => typed(await ask("SELECT size, note FROM checkpoints ORDER BY size DESC LIMIT ?", [limit])),
    tile: async (level, index) => {
      const [stored] = typed<TileRow>(await ask(TILE, [level, index]));
      return stored?.hashes ?? (level === 0 ? leavesOf(await ask(LEAVES, leafRange(index))) : new Uint8Array());
    },
  };
}

/** Which entries' hashes a tile of the lowest level is made of. */
export const leafRange = (index: number): [from: number, until: number] => [index * TILE_WIDTH, (index + 1) * TILE_WIDTH];
export const leavesOf = (rows: readonly Row[]): Uint8Array => concatBytes(...typed<{ leaf: Uint8Array }>(rows).map(({ leaf }) => leaf));

const DUE = "settled = 0 AND due_at <= ? AND lease_until <= ?";
/** Mostly nothing is, which is known without writing. */
export const ANY_DUE = `SELECT 1 AS due FROM outbox WHERE ${DUE} LIMIT 1`;
export const LEASE = {
  sqlite: lease(`id IN (SELECT id FROM outbox WHERE ${DUE} ORDER BY due_at, id LIMIT ?)`),
  // An array is computed once, whatever the planner does; others' locked items are passed over.
  postgres: lease(`id = ANY (ARRAY (SELECT id FROM outbox WHERE ${DUE}
    ORDER BY due_at, id LIMIT ? FOR UPDATE SKIP LOCKED))`),
};
function lease(which: string): string {
  return `UPDATE outbox SET lease_until = ?, attempts = attempts + 1 WHERE ${which}
    RETURNING id, key, kind, body, due_at, lease_until, attempts, settled`;
}
export const SETTLE = "UPDATE outbox SET settled = 1 WHERE id = ? AND settled = 0";
export const RETRY = "UPDATE outbox SET due_at = ?, lease_until = 0 WHERE id = ? AND settled = 0";
export const ERASE = "UPDATE payloads SET bytes = NULL WHERE digest = ? AND bytes IS NOT NULL";

export const inDueOrder = (rows: readonly Row[]): OutboxRow[] =>
  typed<OutboxRow>(rows).toSorted((a, b) => a.due_at - b.due_at || a.id - b.id);

export function snapshotOver(ask: Ask, close: () => Promise<void>): Snapshot {
  return {
    scan: (table, after, limit) => ask(scanStatement(table, after !== undefined), [...(after ?? []), limit]),
    history: sqlReads(ask).history,
    close,
  };
}

/** A new database begins with a head and the checkpoint of the empty tree. */
export async function clearWith(run: Ask): Promise<void> {
  await run("DELETE FROM head", []);
  await run("DELETE FROM checkpoints", []);
}

/** The columns' types are the schema's: STRICT tables in SQLite, declared columns in PostgreSQL. */
export const typed = <T>(rows: readonly Row[]): T[] => rows as unknown as T[];

export function headOf(rows: readonly Row[]): Head {
  const [head] = typed<Head>(rows);
  assert(head, "the database has a head");
  return head;
}

const entryOf = (row: Row): LedgerEntry => {
  const { idx, stream, bytes } = row as { idx: number; stream: string; bytes: Uint8Array };
  return { index: idx, stream, bytes };
};
