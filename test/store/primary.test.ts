/** Nothing is decided on what a server says that may lag behind. */
import assert from "node:assert/strict";
import test from "node:test";
import { openPostgres } from "../../src/store/index.ts";
import { connections, NotPrimary } from "../../src/store/postgres/connect.ts";
import { administer, freshDatabase, postgresServer } from "../../src/testing/postgres.ts";
import { accepted, gathered, ORIGIN, signer } from "./world.ts";

const identity = { origin: ORIGIN, signer };

/** To new sessions of this database, the server is what it would say as a standby. */
async function standby(url: string, is: boolean): Promise<void> {
  const database = new URL(url).pathname.slice(1);
  const server = await postgresServer();
  await administer(server, "CREATE SCHEMA IF NOT EXISTS shown", database);
  await administer(server, `CREATE OR REPLACE FUNCTION shown.pg_is_in_recovery() RETURNS boolean LANGUAGE sql AS 'SELECT ${is}'`, database);
  await administer(server, `ALTER DATABASE ${database} SET search_path = shown, pg_catalog, public`);
}

test("[ST-54] [I72] a standby is refused at the opening, whatever the address asks for", async (t) => {
  const url = await freshDatabase(t);
  await standby(url, true);
  for (const address of [url, `${url}?target_session_attrs=prefer-standby`]) {
    const opened = await openPostgres({ url: address, ...identity });
    assert.ok(!opened.ok);
    assert.deepEqual([opened.error.code, opened.error.remedy], ["not_primary", "give the address of the primary"]);
  }
});

test("[ST-54] [I72] an address of several hosts, of which one may be a standby, is refused", async () => {
  for (const hosts of ["127.0.0.1:1,127.0.0.1:2", "127.0.0.1,127.0.0.2"]) {
    const opened = await openPostgres({ url: `postgres://pawl:pawl@${hosts}/pawl?target_session_attrs=any`, ...identity });
    assert.equal(opened.ok ? "" : opened.error.code, "store_unavailable");
  }
});

test("[ST-54] [I72] a server that takes no writes is refused, too, and nothing is made in it", async (t) => {
  const url = await freshDatabase(t);
  const database = new URL(url).pathname.slice(1);
  await administer(await postgresServer(), `ALTER DATABASE ${database} SET default_transaction_read_only = on`);
  const opened = await openPostgres({ url, ...identity });
  assert.equal(opened.ok ? "" : opened.error.code, "not_primary");
});

test("[ST-54] [I72] an address that leads to a standby later gives no reading and no writing, until it leads back", async (t) => {
  const url = await freshDatabase(t);
  const opened = await openPostgres({ url, ...identity });
  assert.ok(opened.ok);
  const store = opened.value;
  t.after(() => store.close());
  await accepted(store, { writes: [gathered("audit")] });
  const database = new URL(url).pathname.slice(1);
  const others = `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '${database}' AND pid <> pg_backend_pid()`;
  await standby(url, true);
  await administer(await postgresServer(), others);
  await assert.rejects(store.load("config/directory"));
  await assert.rejects(store.claim("consume", "grt_1"));
  await assert.rejects(store.head());
  const answer = await store.append({ writes: [gathered("audit")] });
  assert.equal(answer.ok ? "" : answer.error.code, "store_unavailable");
  await standby(url, false);
  await administer(await postgresServer(), others);
  assert.equal((await store.head()).size, 1);
  await accepted(store, { writes: [gathered("audit")] });
});

test("[ST-54] [I72] both kinds of connection ask", async (t) => {
  const url = await freshDatabase(t);
  await standby(url, true);
  for (const writing of [true, false]) {
    const pool = connections(url, 1, writing);
    await assert.rejects(pool.query("SELECT 1"), NotPrimary);
    await pool.end();
  }
});
