/** What only PostgreSQL has: sessions, notices, and other nodes that hold the lock. */
import assert from "node:assert/strict";
import test from "node:test";
import { Client } from "pg";
import { openPostgres } from "../../src/store/index.ts";
import type { Outcome, WriteSet } from "../../src/store/model.ts";
import { transact } from "../../src/store/postgres/commit.ts";
import { connections } from "../../src/store/postgres/connect.ts";
import { administer, freshDatabase, postgresServer } from "../../src/testing/postgres.ts";
import type { Hooks } from "./databases.ts";
import { ORIGIN, accepted, counted, gathered, heard, signer } from "./world.ts";

async function open(t: Hooks, url: string) {
  const opened = await openPostgres({ url, origin: ORIGIN, signer, poolSize: 2, pollMillis: 20 });
  assert.ok(opened.ok, opened.ok ? "" : opened.error.message);
  t.after(() => opened.value.close());
  return opened.value;
}

async function connected(t: Hooks, url: string): Promise<Client> {
  const client = new Client({ connectionString: url });
  client.on("error", () => {});
  await client.connect();
  t.after(() => client.end());
  return client;
}

test("[ST-11] a session commits to the disk whatever the database's default is", async (t) => {
  const url = await freshDatabase(t);
  const name = new URL(url).pathname.slice(1);
  await administer(await postgresServer(), `ALTER DATABASE ${name} SET synchronous_commit = off`);
  await administer(await postgresServer(), `ALTER DATABASE ${name} SET default_transaction_isolation = 'serializable'`);
  for (const writing of [true, false]) {
    const pool = connections(url, 1, writing);
    const { rows } = await pool.query("SHOW synchronous_commit");
    assert.deepEqual(rows, [{ synchronous_commit: "on" }]);
    await pool.end();
  }
  const stores = [await open(t, url), await open(t, url)] as const;
  await Promise.all([0, 1, 2, 3, 4, 5].map((i) => accepted(stores[i % 2 ? 0 : 1], { writes: [counted(`change/${i}`, 0)] })));
});

test("[ST-3] an append waits while another node holds the head, and builds on what that one left", async (t) => {
  const url = await freshDatabase(t);
  const [here, there] = [await open(t, url), await open(t, url)];
  const [other, looking] = [await connected(t, url), await connected(t, url)];
  await other.query("BEGIN");
  await other.query("SELECT * FROM head FOR UPDATE");
  const waiting = Promise.all([accepted(here, { writes: [gathered("audit")] }), accepted(there, { writes: [gathered("audit")] })]);
  const blocked = "SELECT count(*)::int AS n FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()";
  while ((await looking.query<{ n: number }>(blocked)).rows[0]?.n !== 2);
  assert.equal((await here.head()).size, 0);
  await other.query("COMMIT");
  const indexes = (await waiting).flatMap((receipt) => receipt.indexes).toSorted((a, b) => a - b);
  assert.deepEqual(indexes, [0, 1]);
});

test("[ST-26] whoever watches goes on hearing after its connection was cut", async (t) => {
  const url = await freshDatabase(t);
  const [here, there] = [await open(t, url), await open(t, url)];
  const other = await connected(t, url);
  for (const round of ["one", "two", "three"]) {
    const hearing = heard(here, round);
    await other.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN%'");
    await accepted(there, { writes: [gathered(round)] });
    assert.deepEqual(await hearing, [round]);
  }
});

test("[ST-8] rows that are not as the batch was decided on refuse all of it, in the statement that writes it", async (t) => {
  const url = await freshDatabase(t);
  const store = await open(t, url);
  await accepted(store, { writes: [counted("change/a", 0)] });
  const before = await store.head();
  const pool = connections(url, 1, true);
  t.after(() => pool.end());
  const stale = (change: (set: WriteSet) => WriteSet): Promise<Outcome> =>
    transact(pool, { streams: ["change/a"], claims: [], outbox: [] }, ({ head, streams }) => {
      const [row] = streams.values();
      assert.ok(row);
      const none = { entries: [], claims: [], outbox: [], payloads: [], tiles: [] };
      return change({ ...none, prior: head, head: { ...head, batch: "9.9" }, streams: [{ ...row, status: "moved", prior: row.version }] });
    });
  const old = (set: WriteSet): WriteSet => ({ ...set, streams: set.streams.map((row) => ({ ...row, prior: 7 })) });
  const overtaken = (set: WriteSet): WriteSet => ({ ...set, prior: { ...set.prior, batch: "0.0" } });
  const twice = (set: WriteSet): WriteSet => ({ ...set, streams: set.streams.map((row) => ({ ...row, prior: undefined })) });
  for (const change of [old, overtaken, twice]) assert.deepEqual(await stale(change), { kind: "conflict" });
  assert.deepEqual(await store.head(), before);
  assert.equal((await store.load("change/a"))?.status, "open");
  assert.deepEqual(await stale((set) => set), { kind: "committed" });
  assert.equal((await store.load("change/a"))?.status, "quarantined");
});
