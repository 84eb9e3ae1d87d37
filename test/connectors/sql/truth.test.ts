/** What became of a transaction whose answer nobody got, and what two at a time do to each other. */
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { execa } from "execa";
import { Client } from "pg";
import { doJob } from "../../../src/connectors/sql/job.ts";
import { decodePayload } from "../../../src/connectors/sql/payload.ts";
import { openSession } from "../../../src/connectors/sql/session.ts";
import { PerformError } from "../../../src/connectors/sql/perform.ts";
import { startPostgres } from "../../../src/testing/postgres-server.ts";
import { startProxy } from "../../../src/testing/proxy.ts";
import { applied, askPostgres, done, KINDS, LIMITS, openWorld, planned, rowsOf } from "./world.ts";
import type { World } from "./world.ts";

const SETUP = `CREATE TABLE users (id integer PRIMARY KEY, name text NOT NULL, age integer);
  INSERT INTO users VALUES (1, 'Ada', 36), (2, 'Grace', 45), (3, 'Edsger', 72)`;
const UPDATE = { statements: "UPDATE users SET age = age + 1 WHERE age > 40" };

/** Applies what was planned, with a test's hand on the moment right before COMMIT. */
async function applyWith(
  world: World,
  url: string,
  plan: Awaited<ReturnType<typeof planned>>,
  committing: () => Promise<void>,
): Promise<Record<string, unknown>> {
  const payload = decodePayload(plan.payload);
  assert.ok(payload.ok);
  const session = openSession({
    database: {
      name: "shop",
      kind: "postgres",
      environment: "test",
      rehearse: "here",
      urlEnv: "SHOP_URL",
      statementTimeoutSeconds: 1,
      lockTimeoutSeconds: 1,
      maxRows: 1_000,
      sampleRows: 5,
      backupDays: 30,
    },
    secretKey: Buffer.alloc(32, 7),
    vaultDir: join(world.workDir, "work", "shop"),
    now: 0,
    signal: new AbortController().signal,
    env: { SHOP_URL: url },
  });
  try {
    return (await doJob(session, { op: "apply", payload: payload.value, expected: plan.state }, committing)) as Record<string, unknown>;
  } catch (error) {
    assert.ok(error instanceof PerformError, String(error));
    return { code: error.refusal.code, effect: error.effect };
  }
}

test("[SQ-22] a COMMIT that never arrived is known not to have happened, because the database says so", async (t) => {
  const world = await openWorld(t, "postgres", SETUP);
  const { hostname, port } = new URL(world.url);
  const proxy = await startProxy({ host: hostname, port: Number(port) });
  t.after(() => proxy.close());
  const plan = await planned(world.connector, UPDATE);
  const before = await rowsOf(world, "users");
  const answer = await applyWith(world, world.url.replace(port, String(proxy.port)), plan, async () => {
    proxy.reset();
    proxy.heal();
  });
  assert.deepEqual(answer, { code: "sql_not_committed", effect: "none" });
  assert.deepEqual(await rowsOf(world, "users"), before);
});

/** A server of a test's own, to be killed. */
async function ownServer(t: TestContext): Promise<{ url: string; kill: () => void; world: World }> {
  const folder = mkdtempSync(join(tmpdir(), "pawl-sql-server-"));
  const server = await startPostgres(folder, true);
  let killed = false;
  t.after(async () => {
    // One that is gone cannot be waited for.
    if (!killed) await server.stop();
    rmSync(folder, { recursive: true, force: true });
  });
  await askPostgres(`${server.url}/postgres`, SETUP);
  const world = await openWorld(t, "postgres", "SELECT 1");
  const data = readdirSync(folder).find((name) => name.startsWith("data")) ?? "";
  const kill = (): void => {
    killed = true;
    process.kill(Number(readFileSync(join(folder, data, "postmaster.pid"), "utf8").split("\n")[0]), "SIGKILL");
  };
  const url = `${server.url}/postgres`;
  return {
    url,
    kill,
    world: {
      ...world,
      url,
      connector: world.connect({ statementTimeoutSeconds: 1, lockTimeoutSeconds: 1 }, { SHOP_URL: url }),
      sql: (text) => askPostgres(url, text),
    },
  };
}

test("[SQ-22] a COMMIT whose answer was lost is known to have happened, because the database says so", async (t) => {
  const { world, url } = await ownServer(t);
  const plan = await planned(world.connector, UPDATE);
  const answer = await applyWith(world, url, plan, async () => {
    // The commit is durable, and its answer waits for a standby that is not there.
    await askPostgres(url, "ALTER SYSTEM SET synchronous_standby_names = 'nobody'");
    await askPostgres(url, "SELECT pg_reload_conf()");
    while ((await askPostgres(url, "SHOW synchronous_standby_names"))[0]?.[0] !== "nobody");
  });
  assert.equal(answer["commit"], "pg_xact_status", JSON.stringify(answer));
  await askPostgres(url, "ALTER SYSTEM RESET synchronous_standby_names");
  await askPostgres(url, "SELECT pg_reload_conf()");
  assert.deepEqual(
    (await rowsOf(world, "users")).map((row) => row[2]),
    [36, 46, 73],
  );
  done(await world.connector.verify(plan.payload, { facts: answer as never }, LIMITS));
  done(await world.connector.undo(plan.payload, { facts: answer as never }, LIMITS));
  assert.deepEqual(
    (await rowsOf(world, "users")).map((row) => row[2]),
    [36, 45, 72],
  );
});

test("[SQ-22] [D30] [D36] a database that is killed at COMMIT leaves an outcome that nobody knows", async (t) => {
  const { world, url, kill } = await ownServer(t);
  const plan = await planned(world.connector, UPDATE);
  const answer = await applyWith(world, url, plan, async () => {
    const backends = await askPostgres(
      url,
      "SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()",
    );
    kill();
    for (const [backend] of backends) process.kill(Number(backend), "SIGKILL");
  });
  assert.deepEqual(answer, { code: "sql_commit_unknown", effect: "possible" });
});

test("[SQ-22] [D30] an SQLite process that is ended while it commits leaves an outcome that nobody knows, and a database that is whole", async (t) => {
  const world = await openWorld(t, "sqlite", SETUP, { lockTimeoutSeconds: 60 });
  await world.sql("PRAGMA journal_mode = DELETE");
  const plan = await planned(world.connector, UPDATE);
  const before = await rowsOf(world, "users");
  // A reader keeps the commit waiting; whoever comes after it is turned away, and so it is known that the commit waits.
  const reader = new DatabaseSync(world.url);
  t.after(() => reader.close());
  reader.exec("BEGIN");
  reader.prepare("SELECT count(*) FROM users").get();
  const ended = new AbortController();
  const answer = world.connector.apply(plan.payload, plan.state, { ...LIMITS, signal: ended.signal });
  while (!(await turnedAway(world.url)));
  ended.abort();
  const said = await answer;
  assert.ok(!said.ok);
  assert.deepEqual([said.error.code, said.error.effect], ["sql_commit_unknown", "possible"]);
  reader.exec("ROLLBACK");
  assert.deepEqual(await rowsOf(world, "users"), before);
});

/** Asked by another process: within one, readers share their lock. */
async function turnedAway(path: string): Promise<boolean> {
  const script = "new (require('node:sqlite').DatabaseSync)(process.argv[1], { timeout: 0 }).prepare('SELECT count(*) FROM users').get()";
  const { failed } = await execa(process.execPath, ["-e", script, path], { reject: false, stderr: "ignore" });
  return failed;
}

test("[SQ-21] somebody else's change to the same row, committed while ours waits for it: stale, nothing written", async (t) => {
  const world = await openWorld(t, "postgres", SETUP);
  const plan = await planned(world.connector, UPDATE);
  const other = new Client({ connectionString: world.url });
  other.on("error", () => {});
  await other.connect();
  t.after(() => other.end());
  await other.query("BEGIN");
  await other.query("UPDATE users SET age = 99 WHERE id = 2");
  const ours = world.connector.apply(plan.payload, plan.state, LIMITS);
  while (
    (await askPostgres(world.url, "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND application_name = 'pawl'")).length ===
    0
  );
  await other.query("COMMIT");
  const answer = await ours;
  assert.ok(!answer.ok);
  assert.deepEqual([answer.error.code, answer.error.effect], ["stale_state", "none"]);
  assert.notEqual(answer.error.details?.["observed"], answer.error.details?.["expected"]);
  assert.deepEqual(
    (await rowsOf(world, "users")).map((row) => row[2]),
    [36, 99, 72],
  );
});

test("[SQ-21] a row that somebody adds behind the approved ones is found inside the transaction", async (t) => {
  for (const kind of KINDS) {
    const world = await openWorld(t, kind, SETUP);
    const plan = await planned(world.connector, UPDATE);
    await world.sql("INSERT INTO users VALUES (4, 'Barbara', 84)");
    const answer = await world.connector.apply(plan.payload, plan.state, LIMITS);
    assert.ok(!answer.ok && answer.error.code === "stale_state" && answer.error.effect === "none");
    assert.deepEqual(
      (await rowsOf(world, "users")).map((row) => row[2]),
      [36, 45, 72, 84],
    );
  }
});

test("[SQ-21] a lock that somebody holds is waited for no longer than allowed", async (t) => {
  const world = await openWorld(t, "postgres", SETUP, { lockTimeoutSeconds: 1 });
  const plan = await planned(world.connector, UPDATE);
  const other = new Client({ connectionString: world.url });
  other.on("error", () => {});
  await other.connect();
  t.after(() => other.end());
  await other.query("BEGIN");
  await other.query("LOCK TABLE users IN ACCESS EXCLUSIVE MODE");
  const answer = await world.connector.apply(plan.payload, plan.state, LIMITS);
  assert.ok(!answer.ok);
  assert.deepEqual([answer.error.code, answer.error.effect], ["sql_locked", "none"]);
});

test("[SQ-21] [D31] ten at once with one approval: one of them finds the state that was approved", async (t) => {
  for (const kind of KINDS) {
    const world = await openWorld(t, kind, SETUP);
    const plan = await planned(world.connector, UPDATE);
    const all = await Promise.all(
      Array.from({ length: kind === "postgres" ? 10 : 3 }, () => world.connector.apply(plan.payload, plan.state, LIMITS)),
    );
    assert.equal(all.filter(({ ok }) => ok).length, 1);
    for (const one of all) assert.ok(one.ok || one.error.effect === "none");
    assert.deepEqual(
      (await rowsOf(world, "users")).map((row) => row[2]),
      [36, 46, 73],
    );
  }
});

test("[SQ-15] a statement without an end is ended, and leaves nothing", async (t) => {
  const endless = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) UPDATE users SET age = (SELECT count(*) FROM n)";
  for (const kind of KINDS) {
    const world = await openWorld(t, kind, SETUP);
    const before = await rowsOf(world, "users");
    const answer = await world.connector.analyse({ database: "shop", statements: endless }, { timeoutMillis: 1_500 });
    assert.ok(!answer.ok && answer.error.code === "sql_timeout", JSON.stringify(answer));
    assert.deepEqual(await rowsOf(world, "users"), before);
  }
});

test("[SQ-25] rows that somebody else changed since are not taken back", async (t) => {
  for (const kind of KINDS) {
    const world = await openWorld(t, kind, SETUP);
    const plan = await planned(world.connector, UPDATE);
    const facts = await applied(world.connector, plan);
    await world.sql("UPDATE users SET name = 'Hopper' WHERE id = 2");
    const before = await rowsOf(world, "users");
    const verified = await world.connector.verify(plan.payload, facts, LIMITS);
    assert.ok(!verified.ok && verified.error.code === "verify_rows_differ");
    const answer = await world.connector.undo(plan.payload, facts, LIMITS);
    assert.ok(!answer.ok);
    assert.deepEqual([answer.error.code, answer.error.effect], ["undo_moved", "none"]);
    assert.deepEqual(await rowsOf(world, "users"), before);
  }
});
