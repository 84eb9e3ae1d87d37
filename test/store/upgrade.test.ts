/** A database that is upgraded, moved, or shared by two versions for a while: nothing is decided more weakly, and the root stays. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import test from "node:test";
import { fsck, openPostgres, openSqlite } from "../../src/store/index.ts";
import { ControlWorld, ordinary, refusal } from "../../src/testing/control-world.ts";
import { freshDatabase } from "../../src/testing/postgres.ts";
import { makeDatabase, type Kind } from "./databases.ts";
import { ORIGIN, accepted, counted, gathered, payload, refused, signer, temporaryFolder } from "./world.ts";

for (const kind of ["sqlite", "postgres"] satisfies Kind[]) {
  test(`${kind}: [I74] [ST-31] a Pawl that runs while a newer one upgrades keeps every promise, and does not start again`, async (t) => {
    const database = await makeDatabase(kind, t);
    const older = await database.open();
    await accepted(older, { writes: [counted("change/a", 0)], claims: [{ kind: "consume", key: "grt_1", value: "run_1" }] });
    for (const statement of [
      "ALTER TABLE streams ADD COLUMN labels TEXT",
      "ALTER TABLE entries ADD COLUMN shard BIGINT DEFAULT 0",
      "CREATE TABLE sessions (id TEXT PRIMARY KEY)",
      "INSERT INTO pawl_migrations (version, name) VALUES (99, 'from the future')",
    ])
      await database.sql(kind === "sqlite" ? statement.replace("BIGINT", "INTEGER") : statement);
    await accepted(older, { writes: [counted("change/a", 1), gathered("audit")], payloads: [payload("later")] });
    assert.equal((await refused(older, { writes: [counted("change/a", 1)] })).code, "version_conflict");
    const again = { writes: [counted("change/b", 0)], claims: [{ kind: "consume", key: "grt_1", value: "run_2" }] };
    assert.equal((await refused(older, again)).code, "claim_taken");
    assert.deepEqual((await fsck(older, {})).faults, []);
    await older.close();
    await assert.rejects(database.open(), /schema 99/);
  });
}

test("[I74] a status that only a newer Pawl knows is decided on by nobody here", async () => {
  const world = await ControlWorld.open();
  const change = await world.propose(ordinary());
  const row = await world.store.load(`change/${change.id}`);
  assert.ok(row !== undefined);
  const body = { ...(row.body as object), status: "authorised_remotely", version: row.version + 1 };
  const { proposer, createdAt, updatedAt } = row;
  const state = { body, status: "authorised_remotely", proposer, createdAt, updatedAt };
  await accepted(world.store, {
    writes: [{ stream: `change/${change.id}`, expected: row.version, events: [{ type: "from the future" }], state }],
  });
  for (const answer of [
    await world.control.run(world.as("hal"), change.id),
    await world.control.replan(world.as("hal"), change.id),
    await world.control.withdraw(world.as("agent:bot"), change.id),
  ])
    assert.equal(refusal(answer).reason, "quarantined");
  await world.close();
});

test("[I74] [ST-50] a move to PostgreSQL that is killed at any row leaves nothing, and the next one has the same root", async (t) => {
  const path = join(temporaryFolder(t), "pawl.db");
  const source = await openSqlite({ path, origin: ORIGIN, signer });
  assert.ok(source.ok);
  for (let n = 0; n < 12; n++)
    await accepted(source.value, { writes: [counted("change/a", n), gathered("audit", 40)], payloads: [payload(`${n}`)] });
  const { root, size } = await source.value.head();
  await source.value.close();
  const url = await freshDatabase(t);
  const run = (rows: number) =>
    spawnSync(process.execPath, [join(import.meta.dirname, "child-move.ts"), path, url, String(rows)], { encoding: "utf8" });
  for (const rows of [0, 5, 400, 500]) assert.equal(run(rows).signal, "SIGKILL", `after ${rows} rows`);
  const empty = await openPostgres({ url, origin: ORIGIN, signer });
  assert.ok(empty.ok);
  assert.equal((await empty.value.head()).size, 0);
  await empty.value.close();
  const done = run(1e9);
  assert.match(done.stdout, /"ok":true/, done.stdout + done.stderr);
  const moved = await openPostgres({ url, origin: ORIGIN, signer });
  assert.ok(moved.ok);
  t.after(() => moved.value.close());
  assert.deepEqual({ ...(await moved.value.head()), checkpoint: "" }, { size, root, checkpoint: "" });
  assert.equal((await fsck(moved.value, {})).ok, true);
});
