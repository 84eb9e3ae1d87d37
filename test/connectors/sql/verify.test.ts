/** Looks that could not be carried out: they say nothing of what was done, and good work stays. */
import assert from "node:assert/strict";
import { rmSync, renameSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { Client } from "pg";
import { startProxy } from "../../../src/testing/proxy.ts";
import { applied, done, KINDS, LIMITS, openWorld, planned } from "./world.ts";
import type { World } from "./world.ts";

const SETUP = `CREATE TABLE users (id integer PRIMARY KEY, name text NOT NULL, age integer);
  INSERT INTO users VALUES (1, 'Ada', 36), (2, 'Grace', 45), (3, 'Edsger', 72)`;
const UPDATE = "UPDATE users SET age = age + 1 WHERE age > 40";

/** Somebody else keeps the table for himself, until he is told otherwise. */
async function locked(t: TestContext, world: World): Promise<() => Promise<void>> {
  if (world.kind === "sqlite") {
    const other = new DatabaseSync(world.url);
    t.after(() => other.close());
    other.exec("BEGIN EXCLUSIVE");
    return async () => other.exec("ROLLBACK");
  }
  const other = new Client({ connectionString: world.url });
  other.on("error", () => {});
  await other.connect();
  t.after(() => other.end());
  await other.query("BEGIN; LOCK TABLE users IN ACCESS EXCLUSIVE MODE");
  return async () => void (await other.query("ROLLBACK"));
}

const opened = async (t: TestContext, kind: "postgres" | "sqlite"): Promise<World> => {
  const world = await openWorld(t, kind, SETUP);
  // Beside a log of writes, SQLite's readers are never kept waiting.
  if (kind === "sqlite") await world.sql("PRAGMA journal_mode = DELETE");
  return world;
};

for (const kind of KINDS) {
  test(`${kind}: [SQ-36] [D30] a lock, a time-out, and rows that are kept elsewhere say nothing of what was done`, async (t) => {
    const world = await opened(t, kind);
    const connector = world.connect({ lockTimeoutSeconds: 1 });
    const plan = await planned(connector, { statements: UPDATE });
    const facts = await applied(connector, plan);
    const free = await locked(t, world);
    const waits = await connector.verify(plan.payload, facts, LIMITS);
    assert.ok(!waits.ok && waits.error.inconclusive === true, JSON.stringify(waits));
    const late = await connector.verify(plan.payload, facts, { timeoutMillis: 1 });
    assert.ok(!late.ok && late.error.inconclusive === true && late.error.code === "sql_timeout", JSON.stringify(late));
    await free();
    done(await connector.verify(plan.payload, facts, LIMITS));
    const away = join(world.workDir, "work", "shop");
    renameSync(away, `${away}.away`);
    const kept = await connector.verify(plan.payload, facts, LIMITS);
    assert.ok(!kept.ok && kept.error.inconclusive === true && kept.error.code === "undo_backup_missing", JSON.stringify(kept));
    rmSync(away, { recursive: true, force: true });
    renameSync(`${away}.away`, away);
    await world.sql("UPDATE users SET age = 1 WHERE id = 2");
    const moved = await connector.verify(plan.payload, facts, LIMITS);
    assert.ok(!moved.ok && moved.error.inconclusive === undefined && moved.error.code === "verify_rows_differ");
  });

  test(`${kind}: [SQ-36] [SQ-24] a check that the data make fail was looked at, and is a failure`, async (t) => {
    const world = await opened(t, kind);
    const failing =
      kind === "postgres" ? "SELECT 1 / (count(*) - 3) > 0 FROM users" : "SELECT abs(-9223372036854775807 - count(*) / 3) > 0 FROM users";
    const plan = await planned(world.connector, { statements: UPDATE, verify: [failing] });
    const answer = await world.connector.verify(plan.payload, await applied(world.connector, plan), LIMITS);
    assert.ok(!answer.ok && answer.error.code === "verify_query_failed" && answer.error.inconclusive === undefined, JSON.stringify(answer));
  });
}

test("postgres: [SQ-36] [D30] a lost connection says nothing of what was done", async (t) => {
  const world = await openWorld(t, "postgres", SETUP);
  const { hostname, port } = new URL(world.url);
  const proxy = await startProxy({ host: hostname, port: Number(port) });
  t.after(() => proxy.close());
  const connector = world.connect({}, { SHOP_URL: world.url.replace(port, String(proxy.port)) });
  const plan = await planned(connector, { statements: UPDATE });
  const facts = await applied(connector, plan);
  proxy.reset();
  const answer = await connector.verify(plan.payload, facts, LIMITS);
  assert.ok(!answer.ok && answer.error.inconclusive === true && answer.error.code === "sql_unreachable", JSON.stringify(answer));
  proxy.heal();
  done(await connector.verify(plan.payload, facts, LIMITS));
});
