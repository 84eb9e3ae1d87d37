/** What only PostgreSQL has: sessions, notices, and other nodes that hold the lock. */
import assert from "node:assert/strict";
import test from "node:test";
import { Client } from "pg";
import { openPostgres } from "../../src/store/index.ts";
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
