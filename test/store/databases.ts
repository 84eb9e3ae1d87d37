/** Databases whose rows a test can reach behind the store's back. */
import assert from "node:assert/strict";
import { copyFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { Client, types } from "pg";
import { inspectPostgres, inspectSqlite, openPostgres, openSqlite } from "../../src/store/index.ts";
import type { Inspected, OpenStore } from "../../src/store/index.ts";
import { administer, freshDatabase, postgresServer } from "../../src/testing/postgres.ts";
import { ORIGIN, signer, temporaryFolder } from "./world.ts";

export type Cell = string | number | Uint8Array | null;
export type Row = Record<string, Cell>;

export interface Database {
  /** `?` for parameters; bytes come back as Uint8Array and numbers as numbers. */
  sql(text: string, ...params: Cell[]): Promise<Row[]>;
  open(): Promise<OpenStore>;
  inspect(): Inspected;
  /** Another database with the same content; nobody may have this one open. */
  copy(): Promise<Database>;
}

export type Hooks = { after(fn: () => Promise<void> | void): void };
export type Kind = "sqlite" | "postgres";

export const makeDatabase = (kind: Kind, t: Hooks): Promise<Database> => (kind === "sqlite" ? sqliteDatabase(t) : postgresDatabase(t));

async function sqliteDatabase(t: Hooks, from?: string): Promise<Database> {
  const path = join(temporaryFolder(t), "pawl.db");
  if (from !== undefined) copyFileSync(from, path);
  const options = { path, origin: ORIGIN, signer, pollMillis: 10 };
  return {
    sql: async (text, ...params) => {
      const db = new DatabaseSync(path, { timeout: 5000 });
      try {
        return db.prepare(text).all(...params) as Row[];
      } finally {
        db.close();
      }
    },
    open: async () => opened(t, await openSqlite(options)),
    inspect: () => inspectSqlite(options),
    copy: () => sqliteDatabase(t, path),
  };
}

async function postgresDatabase(t: Hooks, from?: string): Promise<Database> {
  const url = from === undefined ? await freshDatabase(t) : await copyDatabase(t, from);
  const options = { url, origin: ORIGIN, signer, poolSize: 2, pollMillis: 10 };
  return {
    sql: async (text, ...params) => {
      const client = new Client({
        connectionString: url,
        types: { getTypeParser: (oid) => ((oid as number) === 20 ? Number : types.getTypeParser(oid)) },
      });
      await client.connect();
      try {
        let n = 0;
        return (
          await client.query(
            text.replaceAll("?", () => `$${++n}`),
            params,
          )
        ).rows as Row[];
      } finally {
        await client.end();
      }
    },
    open: async () => opened(t, await openPostgres(options)),
    inspect: () => inspectPostgres(options),
    copy: () => postgresDatabase(t, url),
  };
}

let copies = 0;

async function copyDatabase(t: Hooks, from: string): Promise<string> {
  const server = await postgresServer();
  const name = `pawl_copy_${process.pid}_${++copies}`;
  await administer(server, `CREATE DATABASE ${name} TEMPLATE ${from.slice(server.length + 1)}`);
  t.after(() => administer(server, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`));
  return `${server}/${name}`;
}

function opened(t: Hooks, result: Awaited<ReturnType<typeof openSqlite>>): OpenStore {
  assert.ok(result.ok, result.ok ? "" : result.error.message);
  t.after(() => result.value.close());
  return result.value;
}
