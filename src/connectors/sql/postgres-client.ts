import type { Client, QueryArrayResult } from "pg";
import { visible } from "../../core/base/index.ts";
import { SqlFault, sqlFault } from "./types.ts";
import type { Cell } from "./types.ts";

export interface Link {
  readonly url: string;
  readonly signal: AbortSignal;
  /** How long to wait for a connection, and for the answer to COMMIT. */
  readonly patienceMillis: number;
}

export interface Answer {
  readonly rows: readonly (readonly Cell[])[];
  readonly count: number;
  readonly fields: readonly { readonly name: string; readonly table: number; readonly column: number }[];
}

/** Everything is text: what PostgreSQL prints is what is compared, kept and put back. */
const AS_TEXT = { getTypeParser: () => (text: string) => text };

/** One connection. Statements travel one by one in the extended protocol, so that none can hide a second. */
export class Connection {
  readonly #client: Client;
  readonly #signal: AbortSignal;
  readonly #stop = (): void => void this.#client.connection.stream.destroy();
  #lost = false;

  private constructor(client: Client, signal: AbortSignal) {
    this.#client = client;
    this.#signal = signal;
    client.on("error", () => (this.#lost = true));
    signal.addEventListener("abort", this.#stop, { once: true });
  }

  static async open({ url, signal, patienceMillis }: Link): Promise<Connection> {
    if (signal.aborted) throw outOfTime();
    const { Client: Pg } = await import("pg");
    const client = new Pg({
      connectionString: url,
      connectionTimeoutMillis: patienceMillis,
      application_name: "pawl",
      keepAlive: true,
    });
    const connection = new Connection(client, signal);
    try {
      await client.connect();
    } catch (error) {
      await connection.close();
      throw faultOf(error, signal);
    }
    return connection;
  }

  async ask(text: string, values: readonly unknown[] = []): Promise<Answer> {
    try {
      const config = { text, values: [...values], rowMode: "array" as const, types: AS_TEXT, queryMode: "extended" };
      const answer = (await this.#client.query(config)) as unknown as QueryArrayResult<(string | null)[]>;
      const fields = answer.fields.map(({ name, tableID, columnID }) => ({ name, table: tableID, column: columnID }));
      return { rows: answer.rows, count: answer.rowCount ?? 0, fields };
    } catch (error) {
      throw faultOf(error, this.#signal);
    }
  }

  get lost(): boolean {
    return this.#lost;
  }

  async close(): Promise<void> {
    this.#signal.removeEventListener("abort", this.#stop);
    const gone = new Promise<void>((done) => void this.#client.once("end", done));
    // A connection whose other side is silent is not waited for.
    const limit = setTimeout(this.#stop, 1_000);
    await Promise.race([this.#client.end().catch(() => undefined), gone]);
    clearTimeout(limit);
  }
}

export const outOfTime = (): SqlFault =>
  sqlFault("sql_timeout", "the database did not answer in time", "try again, or ask for longer time-outs in the settings");

/** Classes of errors whose message names objects and no data. */
const TELLS = /^(42|23|0A|25|28|3D|3F|55)/;

/** What a database says may hold its data, so only messages that cannot are repeated. */
function faultOf(error: unknown, signal: AbortSignal): SqlFault {
  if (error instanceof SqlFault) return error;
  if (!(error instanceof Error)) throw error;
  const { code = "" } = error as { readonly code?: string };
  if (!/^[0-9A-Z]{5}$/.test(code) || /^(08|57P)/.test(code)) {
    if (signal.aborted) return outOfTime();
    return sqlFault("sql_unreachable", "the connection to the database failed", "see that it is up, and that its URL is right");
  }
  if (code === "57014") return outOfTime();
  if (code === "55P03") return sqlFault("sql_locked", "somebody else holds a lock that is needed", "try again when it is free");
  if (code === "40001" || code === "40P01")
    return sqlFault("sql_conflict", "somebody else changed the same rows at the same time", "plan the change again");
  const said = TELLS.test(code) ? `: ${visible(error.message).slice(0, 300)}` : "; what it said may hold data and is not repeated";
  return sqlFault("sql_statement_failed", `PostgreSQL refuses a statement (${code})${said}`, "mend the statement, and propose again", {
    sqlstate: code,
  });
}
