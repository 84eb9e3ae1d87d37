/** A replica that lagged behind takes over: what was acknowledged is gone, and whoever asks again must not be told that all is well. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { millis } from "../../src/core/base/index.ts";
import { parseVkey, parseWitnessKey, vkey } from "../../src/core/ledger/index.ts";
import { openPostgres, type OpenStore } from "../../src/store/index.ts";
import { testSigner } from "../../src/testing/ledger.ts";
import { ManualTime } from "../../src/testing/manual-time.ts";
import { administer, freshDatabase, postgresServer } from "../../src/testing/postgres.ts";
import { headGuard, startFeeder, startWitness } from "../../src/witness/index.ts";

const ORIGIN = "log.example/failover";
const signer = testSigner(ORIGIN, 21);
const key = parseVkey(vkey(ORIGIN, signer.publicKey));
assert.ok(key.ok);
const keys = [key.value];

async function open(t: TestContext, url: string): Promise<OpenStore> {
  const opened = await openPostgres({ url, origin: ORIGIN, signer, poolSize: 2 });
  assert.ok(opened.ok, opened.ok ? "" : opened.error.message);
  t.after(() => opened.value.close());
  return opened.value;
}

const one = (n: number) => ({ writes: [{ stream: "audit", expected: "any", events: [{ type: "noted", n }] }] }) as const;

async function append(to: OpenStore, count: number): Promise<void> {
  for (let n = 0; n < count; n++) assert.ok((await to.append(one(n))).ok);
}

/** From one moment on, the same address leads to a database that has lost the last commits. */
async function failOver(server: string, live: string, lagged: string): Promise<void> {
  await administer(server, `ALTER DATABASE ${live} WITH ALLOW_CONNECTIONS false`);
  await administer(server, `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '${live}'`);
  await administer(server, `ALTER DATABASE ${live} RENAME TO ${live}_lost`);
  await administer(server, `ALTER DATABASE ${lagged} RENAME TO ${live}`);
}

test("[I73] [LG-33] after a failover that lost commits nothing is written on what is left, and every memory raises the alarm", async (t) => {
  const data = mkdtempSync(join(tmpdir(), "pawl-failover-"));
  t.after(() => rmSync(data, { recursive: true, force: true }));
  const url = await freshDatabase(t);
  const server = await postgresServer();
  const live = url.slice(server.length + 1);
  t.after(() => administer(server, `DROP DATABASE IF EXISTS ${live}_lost WITH (FORCE)`));
  const first = await open(t, url);
  await append(first, 5);
  await first.close();
  await administer(server, `CREATE DATABASE ${live}_lagged TEMPLATE ${live}`);

  const store = await open(t, url);
  await append(store, 3);
  const acknowledged = await store.head();
  const clock = { now: () => millis(1_800_000_000_000) };
  const at = { folder: join(data, "witness"), listen: { host: "127.0.0.1", port: 0 } };
  const witness = await startWitness({ ...at, logs: keys, clock, report: () => undefined, signer: testSigner("witness.example/f", 22) });
  t.after(() => witness.close());
  const witnessed = parseWitnessKey(witness.key);
  assert.ok(witnessed.ok);
  const guard = headGuard(data, store, { origin: ORIGIN, keys });
  const feeder = startFeeder({
    store,
    guard,
    witnesses: [{ url: witness.url, key: witnessed.value }],
    folder: join(data, "witnessed"),
    log: store.log,
    everyMillis: 1_000,
    timers: new ManualTime(0),
    report: () => undefined,
  });
  t.after(() => feeder.stop());
  await feeder.feed();
  assert.deepEqual(feeder.alarms(), []);

  await failOver(server, live, `${live}_lagged`);
  for (let n = 0; n < 4; n++) {
    const again = await store.append(one(n));
    assert.ok(!again.ok, "whoever asks again is refused");
    assert.ok(["store_corrupt", "store_unavailable"].includes(again.error.code), again.error.code);
  }
  await feeder.feed();
  assert.deepEqual(
    feeder
      .alarms()
      .map(({ code }) => code)
      .toSorted(),
    ["log_set_back", "witness_ahead"],
  );
  const restarted = await open(t, url);
  assert.equal((await restarted.head()).size, 5, "nothing was written on what is left");
  const refused = await headGuard(data, restarted, { origin: ORIGIN, keys }).check();
  assert.ok(!refused.ok && refused.error.code === "log_set_back", "a new process does not serve it");
  assert.equal(acknowledged.size, 8);
});
