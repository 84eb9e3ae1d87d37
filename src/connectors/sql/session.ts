import { rm } from "node:fs/promises";
import { join } from "node:path";
import { DatabaseSync, backup } from "node:sqlite";
import { scratch, sweep } from "../scratch.ts";
import { Connection } from "./postgres-client.ts";
import { strangers } from "./postgres-catalog.ts";
import { PostgresEngine } from "./postgres-engine.ts";
import { parsePostgres } from "./postgres-parse.ts";
import { deriveSqlite, schemaCopy } from "./sqlite-derive.ts";
import { SqliteEngine } from "./sqlite-engine.ts";
import { sqlFault } from "./types.ts";
import type { Derived, Engine, SqlDatabase } from "./types.ts";
import type { Session } from "./perform.ts";

export interface SessionOptions {
  readonly database: SqlDatabase;
  readonly secretKey: Uint8Array;
  readonly vaultDir: string;
  readonly now: number;
  readonly signal: AbortSignal;
  readonly env: Readonly<Record<string, string | undefined>>;
}

export type OpenSession = Session & { strangers(names: readonly string[]): Promise<readonly string[]>; close(): Promise<void> };

export const openSession = (options: SessionOptions): OpenSession =>
  options.database.kind === "postgres" ? postgresSession(options) : sqliteSession(options);

function postgresSession(options: SessionOptions): OpenSession {
  const { database, signal, env } = options;
  const schema = database.schemas?.[0] ?? "public";
  const link = (name: string | undefined): { url: string; signal: AbortSignal; patienceMillis: number } => {
    const url = name === undefined ? undefined : env[name];
    if (url === undefined || url === "")
      throw sqlFault(
        "sql_url_missing",
        `the variable ${name ?? ""} that holds the URL of ${database.name} is not set`,
        "set it where this runs",
      );
    return { url, signal, patienceMillis: Math.min(15_000, (database.statementTimeoutSeconds + database.lockTimeoutSeconds) * 1000) };
  };
  const places = {
    read: database.readUrlEnv ?? database.urlEnv,
    try: database.rehearse === "copy" ? database.copyUrlEnv : database.urlEnv,
    write: database.urlEnv,
  };
  return {
    ...options,
    engine: async (place) => new PostgresEngine(link(places[place]), database),
    derive: (text) => parsePostgres(text, schema),
    alone: async (sql) => {
      const engine = new PostgresEngine(link(places.write), database);
      try {
        await engine.alone(sql);
      } finally {
        await engine.close();
      }
    },
    strangers: async (names) => {
      const connection = await Connection.open(link(places.read));
      try {
        return await strangers(connection, names, schema);
      } finally {
        await connection.close();
      }
    },
    close: async () => {},
  };
}

function sqliteSession(options: SessionOptions): OpenSession {
  const { database, vaultDir } = options;
  const folders: string[] = [];
  const path = database.path ?? "";
  const existing = (): SqliteEngine => {
    // A file that is not there would be made.
    opened(database, path, true).close();
    return new SqliteEngine(opened(database, path), database);
  };
  const copied = async (): Promise<SqliteEngine> => {
    const copies = join(vaultDir, "copies");
    await sweep(copies);
    const folder = await scratch(copies);
    folders.push(folder);
    const source = opened(database, path, true);
    await backup(source, join(folder, "copy.sqlite"));
    source.close();
    return new SqliteEngine(opened(database, join(folder, "copy.sqlite")), database);
  };
  const engine = async (place: "read" | "try" | "write"): Promise<Engine> =>
    place === "try" && database.rehearse === "copy" ? copied() : existing();
  return {
    ...options,
    engine,
    derive: async (text): Promise<readonly Derived[]> => {
      const source = existing();
      const copy = schemaCopy(source.definitions());
      await source.close();
      const derived = deriveSqlite(text, copy);
      copy.close();
      return derived;
    },
    alone: async (sql) => {
      const source = existing();
      source.alone(sql);
      await source.close();
    },
    strangers: async (names) => names.filter((name) => /^(load_extension|writefile|readfile|edit|fts3_tokenizer)$/.test(name)),
    close: async () => {
      for (const folder of folders) await rm(folder, { recursive: true, force: true });
    },
  };
}

function opened(database: SqlDatabase, path: string, readOnly = false): DatabaseSync {
  try {
    const db = new DatabaseSync(path, { readOnly, allowExtension: false });
    db.prepare("SELECT count(*) FROM sqlite_schema").get();
    return db;
  } catch {
    throw sqlFault(
      "sql_unreachable",
      `the database ${database.name} cannot be opened`,
      "see that the file is there and is an SQLite database",
    );
  }
}
