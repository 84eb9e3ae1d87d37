/** Connections to PostgreSQL, and what their errors mean. */
import { callbackify } from "node:util";
import { Pool, types, type PoolConfig } from "pg";
import { numbered } from "../sql/statements.ts";
import type { Cell, Row } from "../model.ts";

const CONNECT_MILLIS = 10_000;
/** How long a commit may wait for another node's; a node that stops in the middle of one loses its lock before that. */
const LOCK_MILLIS = 20_000;
const IDLE_MILLIS = 15_000;
const STATEMENT_MILLIS = 60_000;

const INT8 = 20;
const BYTEA = 17;
const parseBytes = types.getTypeParser(BYTEA) as (text: string) => Buffer;
const PARSERS: Readonly<Record<number, (text: string) => unknown>> = {
  [INT8]: Number,
  [BYTEA]: (text) => new Uint8Array(parseBytes(text)),
};

const parserOf = (oid: number, format?: "text" | "binary"): unknown => PARSERS[oid] ?? types.getTypeParser(oid, format);

/** Every session says for itself what safety rests on, whatever the server's defaults are. */
const SESSION = `-c synchronous_commit=on -c default_transaction_isolation=read\\ committed -c lock_timeout=${LOCK_MILLIS} -c statement_timeout=${STATEMENT_MILLIS}`;
const WRITING = `${SESSION} -c idle_in_transaction_session_timeout=${IDLE_MILLIS}`;

export function config(url: string, writing: boolean): PoolConfig {
  return {
    pipeline: writing,
    connectionString: url,
    options: writing ? WRITING : SESSION,
    connectionTimeoutMillis: CONNECT_MILLIS,
    keepAlive: true,
    query_timeout: STATEMENT_MILLIS + LOCK_MILLIS,
    types: { getTypeParser: parserOf },
  };
}

/** A pool of which a connection may break while nobody uses it: the next user gets another. */
export function connections(url: string, max: number, writing: boolean): Pool {
  const pool = new Pool({ ...config(url, writing), max, verify: callbackify(onPrimary) });
  pool.on("error", () => {});
  // While a new connection is verified nobody else listens to it: that it breaks just then would end the process.
  pool.on("connect", (client) => client.on("error", () => {}));
  return pool;
}

/** What a server says that may lag behind is no ground for any decision, not even for one that only reads. */
export class NotPrimary extends Error {}

/** Asked of each new connection: an address may lead to another server from one moment to the next. */
export async function onPrimary(client: Queryable): Promise<void> {
  const asked = "SELECT pg_is_in_recovery() AS standby, current_setting('transaction_read_only') = 'on' AS reading";
  const [answer] = (await client.query(asked)).rows as [{ readonly standby: boolean; readonly reading: boolean }];
  if (answer.standby) throw new NotPrimary("the server is a standby, which may lag behind");
  if (answer.reading) throw new NotPrimary("the server takes no writes");
}

export interface Queryable {
  query(sql: string, params?: unknown[]): Promise<{ readonly rows: unknown[]; readonly rowCount: number | null }>;
}

/** `?` for parameters. */
export async function all(on: Queryable, sql: string, params: readonly Cell[]): Promise<readonly Row[]> {
  return (await on.query(numbered(sql), [...params])).rows as Row[];
}

/** The server said no, and goes on: what ends the connection as well may come after anything. */
export const isRefused = (error: unknown): boolean => REFUSES.test(sqlState(error)) && !ENDS.test(sqlState(error));

/** By code: what the server calls the severity is in its own language. Classes that are not listed leave the outcome open. */
const REFUSES = /^(?:21|22|23|25|40|42|44|53|54|55|57014|P0)/;
const ENDS = /^(?:25P03|25P04|53300)/;

/** What is left of a transaction in which an error came before COMMIT was sent: nothing, in any case. */
export function isConflict(error: unknown): boolean {
  const code = sqlState(error);
  // Integrity constraints, a row that was not there to be moved (see `togetherOf`), and a transaction that gave way to another.
  return code.startsWith("23") || code === "22012" || code === "40001" || code === "40P01";
}

/** The server said no to COMMIT, and can say so only of a transaction that it has undone. */
export const isRolledBack = (error: unknown): boolean => sqlState(error).startsWith("40") || sqlState(error).startsWith("23");

function sqlState(error: unknown): string {
  const code = (error as { code?: unknown } | undefined)?.code;
  return typeof code === "string" && /^[0-9A-Z]{5}$/.test(code) ? code : "";
}

export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
