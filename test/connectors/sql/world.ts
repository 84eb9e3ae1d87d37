/** A real database of either kind, a connector for it, and a second hand that changes things behind its back. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import type { TestContext } from "node:test";
import { Client } from "pg";
import { findSecretsInWords } from "../../../src/connectors/git/index.ts";
import { sqlConnector } from "../../../src/connectors/sql/index.ts";
import type { SqlDatabase } from "../../../src/connectors/sql/index.ts";
import type { Analysed, Connector, PerformFault, Performed } from "../../../src/control/ports.ts";
import { millis } from "../../../src/core/base/index.ts";
import type { Digest, Json, Result } from "../../../src/core/base/index.ts";
import type { Effect } from "../../../src/core/plan/index.ts";
import { freshDatabase } from "../../../src/testing/postgres.ts";

export const LIMITS = { timeoutMillis: 60_000 };
export type Kind = "postgres" | "sqlite";
export const KINDS: readonly Kind[] = ["postgres", "sqlite"];

export interface World {
  readonly kind: Kind;
  readonly connector: Connector;
  readonly workDir: string;
  readonly schema: string;
  readonly url: string;
  connect(more?: Partial<SqlDatabase>, env?: Readonly<Record<string, string>>): Connector;
  sql(text: string): Promise<readonly (readonly unknown[])[]>;
}

/** The rows of a table, all of them, as the database prints them. */
export const rowsOf = (world: World, table: string, order = "1"): Promise<readonly (readonly unknown[])[]> =>
  world.sql(`SELECT * FROM ${table} ORDER BY ${order}`);

export async function openWorld(t: TestContext, kind: Kind, setup: string, more: Partial<SqlDatabase> = {}): Promise<World> {
  const workDir = mkdtempSync(join(tmpdir(), "pawl-sql-"));
  t.after(() => rmSync(workDir, { recursive: true, force: true }));
  const url = kind === "postgres" ? await freshDatabase(t) : join(workDir, "shop.sqlite");
  const base: SqlDatabase = {
    name: "shop",
    kind,
    environment: "test",
    rehearse: kind === "postgres" ? "here" : "copy",
    ...(kind === "postgres" ? { urlEnv: "SHOP_URL" } : { path: url }),
    statementTimeoutSeconds: 20,
    lockTimeoutSeconds: 5,
    maxRows: 1_000,
    sampleRows: 5,
    backupDays: 30,
    ...more,
  };
  const connect: World["connect"] = (extra = {}, env = {}) =>
    sqlConnector({
      databases: [{ ...base, ...extra }],
      workDir: join(workDir, "work"),
      secretKey: Buffer.alloc(32, 7),
      clock: { now: () => millis(Date.UTC(2026, 0, 15)) },
      env: { SHOP_URL: url, ...env },
      findSecrets: findSecretsInWords,
    });
  const sql = kind === "postgres" ? (text: string) => askPostgres(url, text) : async (text: string) => askSqlite(url, text);
  if (kind === "sqlite") new DatabaseSync(url).exec("PRAGMA journal_mode = WAL");
  await sql(setup);
  return { kind, connector: connect(), workDir, schema: kind === "postgres" ? "public" : "main", url, connect, sql };
}

export async function askPostgres(url: string, text: string): Promise<readonly (readonly unknown[])[]> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    const answer = await client.query({ text, rowMode: "array" });
    const last = Array.isArray(answer) ? (answer as unknown as (typeof answer)[]).at(-1) : answer;
    return last?.rows ?? [];
  } finally {
    await client.end();
  }
}

function askSqlite(path: string, text: string): readonly (readonly unknown[])[] {
  const db = new DatabaseSync(path);
  try {
    if (!/^\s*select/i.test(text)) {
      db.exec(text);
      return [];
    }
    return db
      .prepare(text)
      .all()
      .map((row) => Object.values(row));
  } finally {
    db.close();
  }
}

export interface Plan extends Analysed {
  readonly state: Digest;
  readonly effects: readonly Effect[];
}

export async function planned(connector: Connector, input: Record<string, Json>): Promise<Plan> {
  const answer = await connector.analyse({ database: "shop", ...input }, LIMITS);
  assert.ok(answer.ok, answer.ok ? "" : `${answer.error.code}: ${answer.error.message}`);
  const { step } = answer.value.analysis;
  return { ...answer.value, state: step.stateDigest, effects: step.effects };
}

export function done(answer: Result<Performed, PerformFault> | Result<Performed>): Performed {
  assert.ok(answer.ok, answer.ok ? "" : JSON.stringify(answer.error));
  return answer.value;
}

export const applied = async (connector: Connector, plan: Plan): Promise<Performed> =>
  done(await connector.apply(plan.payload, plan.state, LIMITS));

/** What an effect's field becomes. */
export function fieldOf(effect: Effect | undefined, path: string): Json | undefined {
  const value = effect?.fields.find((field) => field.path === path)?.after;
  return value?.kind === "json" ? value.value : undefined;
}

export const effectOn = ({ effects }: Plan, kind: Effect["kind"], object: string): Effect | undefined =>
  effects.find((effect) => effect.kind === kind && effect.resource === `sql:shop#${object}`);
