/** PostgreSQL: many nodes on one database. Nothing but the database coordinates them. */
import { setTimeout as wait } from "node:timers/promises";
import { Client, type Pool } from "pg";
import { ok, type Result } from "../../core/base/index.ts";
import type { Inspected } from "../fsck/fsck.ts";
import { logOf, openRefusal, type Identity, type OpenRefusal } from "../head.ts";
import { prepare, type Run } from "../sql/migrate.ts";
import type { Backend, Cell, Filling, Row, Snapshot, TableName } from "../model.ts";
import { CHANNEL, runStep, transact } from "./commit.ts";
import { all, config, connections, messageOf, NotPrimary, onPrimary, type Queryable } from "./connect.ts";
import { ERASE, HEAD, LEASE, RETRY, SETTLE, clearWith, inDueOrder, snapshotOver, sqlReads } from "../sql/reads.ts";
import { insertInto, numbered } from "../sql/statements.ts";
import { cellsOf } from "../sql/tables.ts";
import { createStore, type OpenStore } from "../store.ts";
import { POLL_MILLIS, telling, watching, type Watching } from "../watching.ts";

export interface PostgresOptions extends Identity {
  readonly url: string;
  /** Connections for reading; one more writes and one listens. */
  readonly poolSize?: number;
  /** How often to look for commits of which no notice came. */
  readonly pollMillis?: number;
}

const POOL_SIZE = 8;
const MIN_RETRY_MILLIS = 10;
/** Any number that nothing else on the database locks. */
const MIGRATION_LOCK = 0x7061_776c;

export async function openPostgres(options: PostgresOptions): Promise<Result<OpenStore, OpenRefusal>> {
  const { url, poolSize = POOL_SIZE, pollMillis = POLL_MILLIS } = options;
  const prepared = await inDatabase(url, (run) => prepare("postgres", run, options));
  if (!prepared.ok) return prepared;
  const readers = connections(url, poolSize, false);
  const writer = connections(url, 1, true);
  const reads = sqlReads((sql, params) => all(readers, sql, params));
  const watchers = watching(
    { size: async () => (await reads.head()).size, streamsFrom: reads.streamsFrom },
    prepared.value.size,
    pollMillis,
  );
  const stopListening = listen(url, () => watchers.look(), Math.max(pollMillis, MIN_RETRY_MILLIS));
  const backend: Backend = {
    ...reads,
    ...writes(readers, writer, watchers),
    gather: () => new Promise((resolve) => void setImmediate(resolve)),
    watch: watchers.watch,
    snapshot: () => snapshotPostgres(url),
    fill: (work) => inDatabase(url, async (run, client) => work(await postgresFilling(run, client))),
    close: async () => {
      watchers.close();
      await stopListening();
      await Promise.all([readers.end(), writer.end()]);
    },
  };
  return ok(createStore(backend, options, prepared.value.nodes));
}

/** Does something to the database as the only one that does such things, all or nothing. */
export async function inDatabase<T>(
  url: string,
  work: (run: Run, client: Client) => Promise<Result<T, OpenRefusal>>,
): Promise<Result<T, OpenRefusal>> {
  if (!URL.canParse(url))
    return openRefusal(
      "store_unavailable",
      "the database's address is none, or names several hosts",
      "give the one address of the primary",
    );
  const client = new Client(config(url, true));
  client.on("error", () => {});
  try {
    await client.connect();
    await onPrimary(client);
    await client.query("BEGIN");
    await client.query("SELECT pg_advisory_xact_lock($1)", [MIGRATION_LOCK]);
  } catch (error) {
    await client.end().catch(() => {});
    if (error instanceof NotPrimary) return openRefusal("not_primary", error.message, "give the address of the primary");
    return openRefusal("store_unavailable", `the database cannot be opened: ${messageOf(error)}`, "check the URL and that the server runs");
  }
  try {
    const done = await work((sql, params) => all(client, sql, params), client);
    await client.query(done.ok ? "COMMIT" : "ROLLBACK");
    return done;
  } catch (error) {
    return openRefusal("not_a_store", `the database cannot be prepared: ${messageOf(error)}`, "give Pawl a database of its own");
  } finally {
    await client.end().catch(() => {});
  }
}

function writes(readers: Pool, writer: Pool, watchers: Watching): Pick<Backend, "transact" | "erase" | "takeDue" | "settle" | "retryAt"> {
  const write = async (sql: string, params: readonly Cell[]): Promise<number> => {
    const done = await (readers as Queryable).query(numbered(sql), [...params]);
    return done.rowCount ?? 0;
  };
  return {
    transact: telling(watchers, (need, decide) => transact(writer, need, decide)),
    erase: async (digest) => (await write(ERASE, [digest])) > 0,
    takeDue: async (now, until, limit) => inDueOrder(await all(readers, LEASE.postgres, [until, now, now, limit])),
    settle: async (id) => void (await write(SETTLE, [id])),
    retryAt: async (id, dueAt) => void (await write(RETRY, [dueAt, id])),
  };
}

/** Notices carry nothing: they only say that it is worth looking. A lost connection is made anew; until then there is the poll. */
function listen(url: string, look: () => void, retryMillis: number): () => Promise<void> {
  const stop = new AbortController();
  const loop = async (): Promise<void> => {
    while (!stop.signal.aborted) {
      await listenOnce(url, look, stop.signal).catch(() => {});
      await wait(retryMillis, undefined, { ref: false, signal: stop.signal }).catch(() => {});
    }
  };
  const ended = loop();
  return () => {
    stop.abort();
    return ended;
  };
}

/** Until the connection ends, or until told to stop. */
async function listenOnce(url: string, look: () => void, stop: AbortSignal): Promise<void> {
  const client = new Client(config(url, false));
  const { promise: ended, resolve: end } = Promise.withResolvers<void>();
  client.on("notification", () => look());
  client.on("error", () => end());
  client.once("end", end);
  stop.addEventListener("abort", () => end(), { once: true });
  try {
    await client.connect();
    await client.query(`LISTEN ${CHANNEL}`);
    look();
    if (!stop.aborted) await ended;
  } finally {
    await client.end().catch(() => {});
  }
}

/** A database that may not open as a store; nothing in it is changed. */
export const inspectPostgres = (options: PostgresOptions): Inspected => ({
  log: logOf(options),
  snapshot: () => snapshotPostgres(options.url),
});

/** With the head's lock, so that other nodes wait. */
async function postgresFilling(run: Run, client: Client): Promise<Filling> {
  await run(`${HEAD} FOR UPDATE`, []);
  const insert = async (table: TableName, rows: readonly Row[]): Promise<void> => {
    await runStep(client, { statement: insertInto(table), rows: rows.map((row) => cellsOf(table, row)), apiece: table === "payloads" });
  };
  return { ...snapshotOver(run, async () => {}), clear: () => clearWith(run), insert };
}

/** A picture of the database as it is now; it asks nothing of the content. */
async function snapshotPostgres(url: string): Promise<Snapshot> {
  const client = new Client(config(url, false));
  client.on("error", () => {});
  await client.connect();
  await client.query("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
  return snapshotOver(
    (sql, params) => all(client, sql, params),
    () => client.end(),
  );
}
