/** What only PostgreSQL has: locks and rewrites, dynamic SQL, rights, schemas, and statements outside of a transaction. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Connector } from "../../../src/control/ports.ts";
import { sortedSet } from "../../../src/core/base/index.ts";
import { parsePostgres } from "../../../src/connectors/sql/postgres-parse.ts";
import { lockName } from "../../../src/connectors/sql/postgres-kinds.ts";
import { runSquawk } from "../../../src/connectors/sql/squawk.ts";
import { effectOn, fieldOf, LIMITS, openWorld, planned, rowsOf } from "./world.ts";
import type { Plan } from "./world.ts";

const SETUP = `CREATE TABLE users (id integer, email varchar(50), age integer);
  CREATE TABLE orders (id integer PRIMARY KEY, buyer integer, total smallint);
  CREATE TABLE parts (id integer, at date) PARTITION BY RANGE (at);
  CREATE TABLE parts_one PARTITION OF parts FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
  CREATE INDEX by_total ON orders (total); CREATE TYPE mood AS ENUM ('sad'); CREATE DOMAIN positive AS integer; CREATE UNIQUE INDEX one_user ON users (id);
  INSERT INTO users VALUES (1, 'ada', 36), (2, 'grace', 45); INSERT INTO orders VALUES (10, 1, 5)`;

interface Migration {
  readonly rule: string;
  readonly sql: string;
  /** Lock on `table`, in the documentation's words, and whether all its rows are written anew. */
  readonly lock?: string;
  readonly table?: string;
  readonly rewrite?: true;
}

const EXCLUSIVE = "ACCESS EXCLUSIVE";
const MIGRATIONS: readonly Migration[] = [
  { rule: "adding-required-field", sql: "ALTER TABLE spare ADD COLUMN n bigint NOT NULL", lock: EXCLUSIVE, table: "spare" },
  { rule: "adding-field-with-default", sql: "ALTER TABLE users ADD COLUMN n bigint DEFAULT random()", lock: EXCLUSIVE, rewrite: true },
  {
    rule: "adding-field-with-default",
    sql: "ALTER TABLE users ADD COLUMN n bigint GENERATED ALWAYS AS (age + 1) STORED",
    lock: EXCLUSIVE,
    rewrite: true,
  },
  { rule: "changing-column-type", sql: "ALTER TABLE users ALTER COLUMN age TYPE bigint", lock: EXCLUSIVE, rewrite: true },
  { rule: "constraint-missing-not-valid", sql: "ALTER TABLE users ADD CONSTRAINT grown CHECK (age > 0)", lock: EXCLUSIVE },
  { rule: "disallowed-unique-constraint", sql: "ALTER TABLE users ADD CONSTRAINT one UNIQUE (age)", lock: EXCLUSIVE },
  {
    rule: "adding-foreign-key-constraint",
    sql: "ALTER TABLE orders ADD CONSTRAINT of FOREIGN KEY (buyer) REFERENCES users (id)",
    lock: "SHARE ROW EXCLUSIVE",
    table: "orders",
  },
  { rule: "adding-not-nullable-field", sql: "ALTER TABLE users ALTER COLUMN email SET NOT NULL", lock: EXCLUSIVE },
  { rule: "adding-serial-primary-key-field", sql: "ALTER TABLE users ADD PRIMARY KEY (id)", lock: EXCLUSIVE },
  { rule: "renaming-column", sql: "ALTER TABLE users RENAME COLUMN email TO mail", lock: EXCLUSIVE },
  { rule: "renaming-table", sql: "ALTER TABLE users RENAME TO people", lock: EXCLUSIVE },
  { rule: "require-concurrent-index-creation", sql: "CREATE INDEX by_age ON users (age)", lock: "SHARE" },
  { rule: "require-concurrent-index-deletion", sql: "DROP INDEX by_total", lock: EXCLUSIVE, table: "orders" },
  { rule: "ban-drop-column", sql: "ALTER TABLE users DROP COLUMN age", lock: EXCLUSIVE },
  { rule: "ban-drop-not-null", sql: "ALTER TABLE users ALTER COLUMN email DROP NOT NULL", lock: EXCLUSIVE },
  { rule: "ban-drop-table", sql: "DROP TABLE orders", lock: EXCLUSIVE, table: "orders" },
  { rule: "ban-truncate-cascade", sql: "TRUNCATE orders CASCADE", lock: EXCLUSIVE, table: "orders" },
  { rule: "prefer-text-field", sql: "ALTER TABLE users ALTER COLUMN email TYPE varchar(20)", lock: EXCLUSIVE, rewrite: true },
  { rule: "prefer-bigint-over-int", sql: "ALTER TABLE users ADD COLUMN n integer", lock: EXCLUSIVE },
  { rule: "prefer-bigint-over-smallint", sql: "ALTER TABLE users ADD COLUMN n smallint", lock: EXCLUSIVE },
  { rule: "prefer-identity", sql: "CREATE TABLE more (id bigserial PRIMARY KEY)" },
  { rule: "prefer-timestamp-tz", sql: "CREATE TABLE more (at timestamp)" },
  { rule: "ban-char-field", sql: "CREATE TABLE more (c char(3))" },
  { rule: "ban-create-domain-with-constraint", sql: "CREATE DOMAIN small AS integer CHECK (VALUE < 10)" },
  { rule: "ban-alter-domain-with-add-constraint", sql: "ALTER DOMAIN positive ADD CONSTRAINT up CHECK (VALUE > 0)" },
  { rule: "require-enum-value-ordering", sql: "ALTER TYPE mood ADD VALUE 'glad'" },
  { rule: "require-concurrent-partition-detach", sql: "ALTER TABLE parts DETACH PARTITION parts_one", lock: EXCLUSIVE, table: "parts" },
  { rule: "require-concurrent-reindex", sql: "REINDEX TABLE orders", lock: "SHARE", table: "orders" },
];

/** Rules of squawk that Pawl answers itself: it refuses the statement, sets the time-outs, or makes the transaction. */
const ANSWERED = {
  "ban-drop-database": "DROP DATABASE other",
  "transaction-nesting": "BEGIN; UPDATE users SET age = 1 WHERE id = 1; COMMIT",
  "ban-uncommitted-transaction": "BEGIN",
  "require-timeout-settings": "SET lock_timeout = 0",
  "ban-concurrent-index-creation-in-transaction": "CREATE INDEX CONCURRENTLY by_age ON users (age)",
};

const codes = ({ analysis }: Plan): readonly string[] => analysis.findings.map(({ code }) => code);

test("[SQ-26] squawk's rules: what it finds is found, and the locks and rewrites it speaks of are the ones that PostgreSQL takes", async (t) => {
  const world = await openWorld(t, "postgres", `${SETUP}; CREATE TABLE spare (id integer)`);
  if ((await runSquawk("SELECT 1", AbortSignal.timeout(10_000))) === undefined) return t.skip("squawk is not installed for this machine");
  for (const { rule, sql, lock, table = "users", rewrite } of MIGRATIONS) {
    const plan = await planned(world.connector, { statements: sql });
    assert.ok(codes(plan).includes(`sql.squawk.${rule}`), `${sql}: squawk says ${codes(plan).join(", ")}`);
    if (lock === undefined) continue;
    const [derived] = await parsePostgres(sql, "public");
    const written = derived?.ddl.find(({ object }) => object === `public.${table}`);
    if (rule !== "require-concurrent-index-deletion") {
      const effect = plan.effects.find(({ resource }) => resource === `sql:shop#public.${table}`);
      assert.equal(fieldOf(effect, "lock"), lock, sql);
      assert.equal(lockName(written?.lock ?? ""), lock, `${sql}, from its text alone`);
      assert.equal(fieldOf(effect, "rewrite") === true, rewrite === true, `${sql}: rewrites`);
      assert.equal(codes(plan).includes("sql.rewrite"), rewrite === true, sql);
      if (rewrite === true) assert.equal(written?.rewrites, true, `${sql}, from its text alone`);
    }
  }
  assert.ok(sortedSet(MIGRATIONS.map(({ rule }) => rule)).length >= 26);
});

test("[SQ-26] [SQ-18] what other rules of squawk warn of, Pawl does not execute as it stands", async (t) => {
  const world = await openWorld(t, "postgres", SETUP);
  for (const [rule, statements] of Object.entries(ANSWERED)) {
    const answer = await world.connector.analyse({ database: "shop", statements }, LIMITS);
    assert.ok(answer.ok ? answer.value.analysis.findings.some(({ severity }) => severity === "refused") : answer.error.code !== "", rule);
  }
});

test("[SQ-26] a comment does not make squawk look away", async (t) => {
  const world = await openWorld(t, "postgres", SETUP);
  if ((await runSquawk("SELECT 1", AbortSignal.timeout(10_000))) === undefined) return t.skip("squawk is not installed for this machine");
  const plan = await planned(world.connector, {
    statements:
      "-- squawk-ignore-file\n-- squawk-ignore renaming-column\nALTER TABLE users RENAME COLUMN email TO mail /* squawk-ignore */",
  });
  assert.ok(codes(plan).includes("sql.squawk.renaming-column"), codes(plan).join(", "));
});

test("[SQ-27] what cannot be looked into is an effect of unknown kind, is not tried out, and is never plain", async (t) => {
  const world = await openWorld(
    t,
    "postgres",
    `${SETUP}; CREATE FUNCTION wild() RETURNS integer LANGUAGE sql AS 'DELETE FROM users RETURNING 1'; CREATE PROCEDURE p() LANGUAGE sql AS 'DELETE FROM users'`,
  );
  for (const statements of [
    "DO $$ BEGIN EXECUTE 'DELETE FROM users'; END $$",
    "CALL p()",
    "SELECT wild()",
    "SELECT dblink_exec('host=elsewhere', 'DELETE FROM users')",
    "SELECT pg_terminate_backend(1)",
    "SELECT query_to_xml('DELETE FROM users', true, true, '')",
    'SELECT U&"w\\0069ld"()',
    "SELECT set_config('role', 'postgres', false)",
    "SELECT setval('x', 1)",
    "UPDATE users SET age = wild() WHERE id = 1",
    "SELECT 1 OPERATOR(evil.+) 2",
    "WITH gone AS (DELETE FROM users RETURNING wild()) SELECT * FROM gone",
    "SECURITY LABEL FOR x ON TABLE users IS 'y'",
    "CREATE EXTENSION dblink",
  ]) {
    const plan = await planned(world.connector, { statements });
    const effect = plan.effects.find(({ kind }) => kind === "execute");
    assert.deepEqual([effect?.provenance, effect?.privilege, effect?.exposure], ["unknown", "unknown", "unknown"], statements);
    assert.ok(
      plan.analysis.unverified.some(({ topic }) => topic === "rehearsal"),
      statements,
    );
    assert.equal(plan.analysis.step.undo.kind, "manual");
  }
  assert.equal((await rowsOf(world, "users")).length, 2);
});

test("[SQ-27] an approved statement that nobody could look into runs, and what it did is on record", async (t) => {
  const world = await openWorld(t, "postgres", SETUP);
  const plan = await planned(world.connector, { statements: "DO $$ BEGIN EXECUTE 'DELETE FROM orders'; END $$" });
  const applied = await world.connector.apply(plan.payload, plan.state, LIMITS);
  assert.ok(applied.ok, JSON.stringify(applied));
  assert.deepEqual(applied.value.facts["tables"], [{ table: "public.orders", inserted: 0, updated: 0, deleted: 1 }]);
  const undone = await world.connector.undo(plan.payload, applied.value, LIMITS);
  assert.ok(!undone.ok && undone.error.effect === "none");
});

test("[SQ-27] what may reach out of the database runs once and never twice, while planning not at all", async (t) => {
  const world = await openWorld(
    t,
    "postgres",
    `${SETUP}; CREATE SEQUENCE calls; CREATE FUNCTION reach_out() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM nextval(''calls''); RETURN NEW; END';
     CREATE FUNCTION call() RETURNS bigint LANGUAGE sql AS 'SELECT nextval(''calls'')'`,
  );
  // A sequence counts whatever is rolled back.
  const calls = async (): Promise<unknown> => (await world.sql("SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM calls"))[0]?.[0];
  for (const [i, statements] of [
    "DO $$ BEGIN PERFORM nextval('calls'); END $$",
    "SELECT call()",
    "CREATE TRIGGER r AFTER INSERT ON users FOR EACH ROW EXECUTE FUNCTION reach_out(); INSERT INTO users VALUES (9, 'x', 1)",
  ].entries()) {
    const plan = await planned(world.connector, { statements });
    assert.ok((await world.connector.observe(plan.payload, LIMITS)).ok);
    assert.equal(await calls(), String(i), `${statements}: planned`);
    assert.ok((await world.connector.apply(plan.payload, plan.state, LIMITS)).ok);
    assert.equal(await calls(), String(i + 1), `${statements}: applied`);
  }
  const plan = await planned(world.connector, { statements: "UPDATE orders SET total = call() WHERE id = 10" });
  const applied = await world.connector.apply(plan.payload, plan.state, LIMITS);
  assert.ok(applied.ok);
  const undone = await world.connector.undo(plan.payload, applied.value, LIMITS);
  const check = await world.connector.analyse({ database: "shop", statements: "SELECT 1", verify: ["SELECT call() > 0"] }, LIMITS);
  assert.ok(!check.ok && check.error.code === "sql_verify_invalid");
  assert.ok(!undone.ok && undone.error.code === "undo_impossible", "rows that were only counted cannot be put back");
});

test("[SQ-28] rights are effects of their own", async (t) => {
  const world = await openWorld(t, "postgres", SETUP);
  const plan = await planned(world.connector, {
    statements: "GRANT SELECT ON users TO PUBLIC; REVOKE ALL ON orders FROM PUBLIC; ALTER TABLE users ENABLE ROW LEVEL SECURITY",
  });
  assert.equal(effectOn(plan, "grant", "public.users")?.privilege, "gained");
  assert.equal(effectOn(plan, "grant", "public.users")?.exposure, "internal");
  assert.equal(effectOn(plan, "revoke", "public.orders")?.privilege, "lost");
  assert.equal(effectOn(plan, "update", "public.users")?.privilege, "unknown");
  assert.ok(codes(plan).includes("sql.privilege"));
  const role = await planned(world.connector, { statements: "CREATE ROLE pawl_sql_test SUPERUSER" });
  assert.equal(role.effects[0]?.privilege, "unknown");
});

test("[SQ-29] only allowed schemas may be named, and names without one mean the first of them", async (t) => {
  const world = await openWorld(
    t,
    "postgres",
    `${SETUP}; CREATE SCHEMA secret; CREATE TABLE secret.users (id integer PRIMARY KEY); CREATE SCHEMA evil; CREATE TABLE evil.users (id integer PRIMARY KEY)`,
  );
  await world.sql("ALTER DATABASE " + new URL(world.url).pathname.slice(1) + " SET search_path = evil, public");
  const plan = await planned(world.connector, { statements: "UPDATE users SET age = 1 WHERE id = 1" });
  assert.deepEqual(
    plan.effects.map(({ resource }) => resource),
    ["sql:shop#public.users"],
  );
  for (const statements of [
    "SELECT * FROM secret.users",
    "SELECT * FROM pg_authid",
    "SELECT pg_sleep(0), id FROM secret.users",
    "CREATE TABLE secret.more (id integer)",
    "WITH users AS (SELECT * FROM secret.users) SELECT * FROM users",
  ]) {
    const other = await planned(world.connector, { statements });
    assert.ok(
      other.analysis.findings.some(({ code, severity }) => code === "sql.schema_not_allowed" && severity === "refused"),
      statements,
    );
  }
});

test("[SQ-30] a statement outside of a transaction runs alone, only where it is allowed, and nobody pretends an undo", async (t) => {
  const world = await openWorld(t, "postgres", SETUP);
  const statements = "CREATE INDEX CONCURRENTLY by_age ON users (age)";
  const refused = await planned(world.connector, { statements });
  assert.ok(refused.analysis.findings.some(({ code, severity }) => code === "sql.alone" && severity === "refused"));
  const forced = await world.connector.apply(refused.payload, refused.state, LIMITS);
  assert.ok(!forced.ok && forced.error.code === "sql_refused" && forced.error.effect === "none");
  const allowed: Connector = world.connect({ outsideTransaction: ["CREATE INDEX CONCURRENTLY"] });
  const plan = await planned(allowed, { statements });
  assert.equal(plan.analysis.step.undo.kind, "manual");
  const applied = await allowed.apply(plan.payload, plan.state, LIMITS);
  assert.ok(applied.ok, JSON.stringify(applied));
  assert.ok((await allowed.verify(plan.payload, applied.value, LIMITS)).ok);
  assert.ok(!(await allowed.undo(plan.payload, applied.value, LIMITS)).ok);
  const again = await allowed.apply(plan.payload, plan.state, LIMITS);
  assert.ok(!again.ok && again.error.code === "stale_state" && again.error.effect === "none");
  const two = await allowed.analyse({ database: "shop", statements: `${statements}; SELECT 1` }, LIMITS);
  assert.ok(!two.ok && two.error.code === "sql_alone");
});

test("[SQ-31] tried out on a copy: the database is not touched before approval, and a copy that lies commits nothing", async (t) => {
  const world = await openWorld(t, "postgres", SETUP);
  const copy = await openWorld(t, "postgres", SETUP);
  const connector = world.connect({ rehearse: "copy", copyUrlEnv: "COPY_URL" }, { COPY_URL: copy.url });
  const plan = await planned(connector, { statements: "UPDATE orders SET total = 6 WHERE id = 10" });
  assert.ok(plan.analysis.assumptions.some(({ topic }) => topic === "copy"));
  await world.sql("UPDATE orders SET total = 100 WHERE id = 10");
  const answer = await connector.apply(plan.payload, plan.state, LIMITS);
  assert.ok(!answer.ok);
  assert.deepEqual([answer.error.code, answer.error.effect], ["stale_state", "none"]);
  await world.sql("UPDATE orders SET total = 5 WHERE id = 10");
  assert.ok((await connector.apply(plan.payload, plan.state, LIMITS)).ok);
});

test("[SQ-31] where nothing may be tried out, nobody says how many rows, and apply still keeps them", async (t) => {
  const world = await openWorld(t, "postgres", SETUP);
  const connector = world.connect({ rehearse: "none" });
  const plan = await planned(connector, { statements: "UPDATE orders SET total = 6 WHERE id = 10" });
  assert.equal(fieldOf(plan.effects[0], "rows"), undefined);
  assert.ok(plan.analysis.unverified.some(({ topic }) => topic === "rehearsal"));
  const applied = await connector.apply(plan.payload, plan.state, LIMITS);
  assert.ok(applied.ok);
  assert.ok((await connector.undo(plan.payload, applied.value, LIMITS)).ok);
  assert.deepEqual((await rowsOf(world, "orders"))[0]?.[2], 5);
});
