/** What would have been told wrongly: rows that nobody counts, values that are copied out of sight, keys that tell no rows apart. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { KINDS, LIMITS, applied, done, effectOn, fieldOf, openWorld, planned, rowsOf } from "./world.ts";

const PEOPLE = `CREATE TABLE users(id INTEGER PRIMARY KEY, email TEXT); INSERT INTO users VALUES (1, 'canary@example.com');
  CREATE TABLE notes(id INTEGER PRIMARY KEY, body TEXT); INSERT INTO notes VALUES (1, 'n');
  CREATE VIEW contacts AS SELECT id, email AS contact FROM users;`;

for (const kind of KINDS) {
  test(`${kind}: [SQ-14] [K78] a sensitive value that is copied to another column is not shown there`, async (t) => {
    const world = await openWorld(t, kind, PEOPLE, { sensitive: ["*.*.email"] });
    for (const statements of [
      "INSERT INTO notes SELECT 2, email FROM users",
      "INSERT INTO notes SELECT 2, contact FROM contacts",
      "UPDATE notes SET body = (SELECT upper(email) FROM users)",
    ])
      assert.doesNotMatch(JSON.stringify((await planned(world.connector, { statements })).effects), /canary/i, statements);
    const plain = await planned(world.connector, { statements: "UPDATE notes SET body = 'shown'" });
    assert.match(JSON.stringify(plain.effects), /"shown"/);
  });

  test(`${kind}: [SQ-24] a check with a semicolon is refused while planning, and does not fail a good change`, async (t) => {
    const world = await openWorld(t, kind, PEOPLE);
    const input = { database: "shop", statements: "UPDATE notes SET body = 'x'", verify: ["SELECT true;"] };
    const answer = await world.connector.analyse(input, LIMITS);
    assert.ok(!answer.ok && answer.error.code === "sql_verify_invalid");
  });
}

test("postgres: [SQ-12] where PostgreSQL does not count what is written, nothing is said to be untouched", async (t) => {
  const world = await openWorld(t, "postgres", PEOPLE);
  await world.sql("DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET track_counts = off', current_database()); END $$");
  const answer = await world.connector.analyse({ database: "shop", statements: "DELETE FROM notes WHERE id = 1" }, LIMITS);
  assert.ok(!answer.ok && answer.error.code === "sql_not_counted");
});

test("postgres: [SQ-19] a comment is no change that is put back", async (t) => {
  const world = await openWorld(t, "postgres", PEOPLE);
  const plan = await planned(world.connector, { statements: "COMMENT ON TABLE notes IS 'x'" });
  assert.equal(plan.analysis.step.undo.kind, "manual");
});

test("sqlite: [SQ-12] [SQ-19] rows whose key is NULL are counted, and not put back", async (t) => {
  const world = await openWorld(
    t,
    "sqlite",
    "CREATE TABLE t(a TEXT PRIMARY KEY, b); INSERT INTO t VALUES (NULL, '1'), (NULL, '1'), ('k', '2');",
  );
  const plan = await planned(world.connector, { statements: "DELETE FROM t WHERE rowid = 1" });
  assert.equal(fieldOf(effectOn(plan, "delete", "main.t"), "rows"), 1);
  assert.equal(plan.analysis.step.undo.kind, "manual");
  done(await world.connector.verify(plan.payload, await applied(world.connector, plan), LIMITS));
});

test("sqlite: [SQ-25] a key that differs in case alone is another one, and comes back", async (t) => {
  const world = await openWorld(
    t,
    "sqlite",
    "CREATE TABLE t(a TEXT PRIMARY KEY COLLATE NOCASE, b); INSERT INTO t VALUES ('abc', '1'), ('k', '2');",
  );
  const before = await rowsOf(world, "t");
  const plan = await planned(world.connector, { statements: "UPDATE t SET a = 'ABC' WHERE a = 'abc'" });
  const performed = await applied(world.connector, plan);
  done(await world.connector.verify(plan.payload, performed, LIMITS));
  done(await world.connector.undo(plan.payload, performed, LIMITS));
  assert.deepEqual(await rowsOf(world, "t"), before);
});

test("sqlite: [SQ-10] a schema that cannot be copied is refused with the reason", async (t) => {
  const world = await openWorld(t, "sqlite", "CREATE VIRTUAL TABLE t USING fts5(a, b); INSERT INTO t VALUES ('one', 'two');");
  const answer = await world.connector.analyse({ database: "shop", statements: "UPDATE t SET b = 'x' WHERE a = 'one'" }, LIMITS);
  assert.ok(!answer.ok && answer.error.code === "sql_schema_unknown");
});
