/** SQLite: one file, WAL, every commit on the disk before it is acknowledged. */
import { closeSync, fsyncSync, openSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { ok, type Result } from "../../core/base/index.ts";
import type { Inspected } from "../fsck/fsck.ts";
import { logOf, openRefusal, type Identity, type OpenRefusal } from "../head.ts";
import { prepare, type Run } from "../sql/migrate.ts";
import type { Backend, Cell, Filling, Row, Snapshot, TableName } from "../model.ts";
import { ANY_DUE, ERASE, LEASE, RETRY, SETTLE, inDueOrder, snapshotOver, clearWith, sqlReads } from "../sql/reads.ts";
import { hybrid } from "./hybrid.ts";
import { connect, isNoDatabase, rowsOf, type Connection } from "./program.ts";
import { writerThread, type Writer } from "./writer.ts";
import { insertInto } from "../sql/statements.ts";
import { cellsOf } from "../sql/tables.ts";
import { createStore, type OpenStore } from "../store.ts";
import { POLL_MILLIS, telling, watching } from "../watching.ts";

export interface SqliteOptions extends Identity {
  readonly path: string;
  /** Where commits run: in a thread of its own unless told otherwise. */
  readonly writer?: (path: string) => Writer;
  /** A clock in milliseconds. With it, small appends that nobody waits behind are committed on the event loop, as long as the disk is fast. */
  readonly now?: () => number;
  /** How often to look for what other processes wrote. */
  readonly pollMillis?: number;
}

export async function openSqlite(options: SqliteOptions): Promise<Result<OpenStore, OpenRefusal>> {
  const path = resolve(options.path);
  const prepared = await inFile(path, (run) => prepare("sqlite", run, options));
  if (!prepared.ok) return prepared;
  const backend = sqliteBackend(path, prepared.value.size, options);
  return ok(createStore(backend, options, prepared.value.nodes));
}

/** Does something to the file under SQLite's write lock, all or nothing. */
export async function inFile<T>(path: string, work: (run: Run) => Promise<Result<T, OpenRefusal>>): Promise<Result<T, OpenRefusal>> {
  let connection: Connection;
  try {
    createFile(path);
    if (isForeign(path)) return openRefusal("not_a_store", `${path} is a database of something else`, "give Pawl a file of its own");
    connection = connect(path);
    connection.db.exec("BEGIN IMMEDIATE");
  } catch (error) {
    const remedy = "check the path, its owner and that it is a Pawl database";
    return openRefusal(isNoDatabase(error) ? "not_a_store" : "store_unavailable", `${path} cannot be opened: ${String(error)}`, remedy);
  }
  try {
    const done = await work(async (sql, params) => rowsOf(connection, sql, params));
    connection.db.exec(done.ok ? "COMMIT" : "ROLLBACK");
    return done;
  } catch (error) {
    return openRefusal("not_a_store", `${path} cannot be prepared: ${String(error)}`, "give Pawl a database of its own");
  } finally {
    connection.db.close();
  }
}

/** Nobody but its owner reads what is waiting for approval. The folder is synced so that the file's name survives too. */
function createFile(path: string): void {
  closeSync(openSync(path, "a", 0o600));
  const folder = openSync(dirname(path), "r");
  fsyncSync(folder);
  closeSync(folder);
}

/** Asked before anything is changed: even the log mode is a change. */
function isForeign(path: string): boolean {
  const { db } = connect(path, { readOnly: true });
  const tables = db.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'").all();
  db.close();
  return tables.length > 0 && !tables.some(({ name }) => name === "pawl_migrations");
}

function sqliteBackend(
  path: string,
  size: number,
  { writer = writerThread, now: clock, pollMillis = POLL_MILLIS }: SqliteOptions,
): Backend {
  const reader = connect(path, { readOnly: true });
  const writing = hybrid(path, reader, writer, clock);
  const reads = sqlReads(async (sql, params) => rowsOf(reader, sql, params));
  const watchers = watching({ size: async () => (await reads.head()).size, streamsFrom: reads.streamsFrom }, size, pollMillis);
  const write = async (sql: string, params: readonly Cell[]): Promise<{ readonly rows: readonly Row[]; readonly changes: number }> => {
    const reply = await writing.run([{ sql, rows: [params] }]);
    if (reply.kind !== "done") throw new Error(`the database refused a write: ${reply.kind === "conflict" ? "constraint" : reply.message}`);
    return reply;
  };
  return {
    ...reads,
    transact: telling(watchers, writing.transact),
    gather: () => new Promise((done) => void setImmediate(done)),
    erase: async (digest) => (await write(ERASE, [digest])).changes > 0,
    takeDue: async (now, until, limit) => {
      if (rowsOf(reader, ANY_DUE, [now, now]).length === 0) return [];
      return inDueOrder((await write(LEASE.sqlite, [until, now, now, limit])).rows);
    },
    settle: async (id) => void (await write(SETTLE, [id])),
    retryAt: async (id, dueAt) => void (await write(RETRY, [dueAt, id])),
    watch: watchers.watch,
    snapshot: async () => snapshotSqlite(path),
    fill: (work) => inFile(path, (run) => work(sqliteFilling(run))),
    close: async () => {
      watchers.close();
      // The last connection to close tidies the log into the file, which one that only reads cannot do.
      reader.db.close();
      await writing.close();
    },
  };
}

/** A file that may not open as a store; nothing in it is changed. */
export const inspectSqlite = (options: SqliteOptions): Inspected => ({
  log: logOf(options),
  snapshot: async () => snapshotSqlite(resolve(options.path)),
});

function sqliteFilling(run: Run): Filling {
  const insert = async (table: TableName, rows: readonly Row[]): Promise<void> => {
    for (const row of rows) await run(insertInto(table).one, cellsOf(table, row));
  };
  return { ...snapshotOver(run, async () => {}), clear: () => clearWith(run), insert };
}

/** A picture of the file as it is now, through a connection of its own; it asks nothing of the file's content. */
function snapshotSqlite(path: string): Snapshot {
  const connection = connect(path, { readOnly: true });
  connection.db.exec("BEGIN");
  return snapshotOver(
    async (sql, params) => rowsOf(connection, sql, params),
    async () => connection.db.close(),
  );
}
