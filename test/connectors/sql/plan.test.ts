/** What a plan says of statements: what they touch, how many rows, what leaves, what is not known. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { effectOn, fieldOf, KINDS, LIMITS, openWorld, planned, rowsOf } from "./world.ts";
import type { Plan } from "./world.ts";

const SETUP = `CREATE TABLE users (id integer PRIMARY KEY, email text, age integer);
  CREATE TABLE orders (id integer PRIMARY KEY, buyer integer REFERENCES users (id) ON DELETE CASCADE, total integer);
  INSERT INTO users VALUES (1, 'ada@example.com', 36), (2, 'grace@example.com', 45), (3, NULL, 72);
  INSERT INTO orders VALUES (10, 1, 5), (11, 1, 7), (12, 2, 9)`;
const CANARY = "canary-7f3a9c-never-stored";

const codes = ({ analysis }: Plan): readonly string[] => analysis.findings.map(({ code }) => code);

for (const kind of KINDS) {
  test(`${kind}: [SQ-10] [SQ-12] exact rows by table and kind, with what a cascade takes along`, async (t) => {
    const world = await openWorld(t, kind, SETUP);
    const plan = await planned(world.connector, { statements: "DELETE FROM users WHERE id = 1; UPDATE users SET age = 46 WHERE id = 2" });
    const { schema } = world;
    assert.equal(fieldOf(effectOn(plan, "delete", `${schema}.users`), "rows"), 1);
    assert.equal(fieldOf(effectOn(plan, "update", `${schema}.users`), "rows"), 1);
    assert.deepEqual(fieldOf(effectOn(plan, "update", `${schema}.users`), "columns"), ["age"]);
    assert.equal(fieldOf(effectOn(plan, "delete", `${schema}.orders`), "rows"), 2);
    assert.equal(plan.analysis.step.undo.kind, "planned");
    assert.ok(plan.effects.every(({ reversibility, provenance }) => reversibility === "reversible" && provenance === "derived"));
    assert.deepEqual(await rowsOf(world, "users").then((rows) => rows.length), 3);
  });

  test(`${kind}: [SQ-11] every statement stands whole in the detail of what it brings about`, async (t) => {
    const world = await openWorld(t, kind, SETUP);
    const statements = [
      "UPDATE users\n  SET age = 1 -- hm\n  WHERE id = 1",
      "DELETE FROM orders WHERE id = 99",
      "SELECT id FROM users WHERE id = 2",
    ];
    const plan = await planned(world.connector, { statements: statements.join(";\n") });
    const shown = plan.effects.map(({ detail }) => (detail.kind === "diff" ? detail.text.replaceAll(/^\+/gm, "") : "")).join("");
    for (const statement of statements) assert.ok(shown.includes(statement), statement);
  });

  test(`${kind}: [SQ-11] what must hold afterwards is shown, and only reads`, async (t) => {
    const world = await openWorld(t, kind, SETUP, { verify: ["SELECT count(*) > 0 FROM users"] });
    const statements = "UPDATE users SET age = 1 WHERE id = 1";
    const plan = await planned(world.connector, { statements, verify: ["SELECT 1 = 1"] });
    const said = plan.analysis.assumptions.map(({ text }) => text).join();
    for (const query of ["SELECT count(*) > 0 FROM users", "SELECT 1 = 1"]) assert.ok(said.includes(query));
    for (const query of ["DELETE FROM users", "SELECT 1; SELECT 2", "BEGIN"]) {
      const answer = await world.connector.analyse({ database: "shop", statements, verify: [query] }, LIMITS);
      assert.ok(!answer.ok && answer.error.code === "sql_verify_invalid", query);
    }
  });

  test(`${kind}: [SQ-11] a statement of several effects stands whole at the first, and is named at the others`, async (t) => {
    const world = await openWorld(t, kind, SETUP);
    const [one, two] = ["UPDATE users SET age = 1 WHERE id = 1 RETURNING email", "DELETE FROM users WHERE id = 3"];
    const plan = await planned(world.connector, { statements: `${one};\n${two}` });
    const shown = plan.effects.map(({ detail }) => (detail.kind === "diff" ? detail.text : "")).join("");
    for (const text of [one, two]) assert.equal(shown.split(text).length, 2, shown);
    const updated = effectOn(plan, "update", `${world.schema}.users`);
    const removed = effectOn(plan, "delete", `${world.schema}.users`);
    assert.ok(updated?.detail.kind === "diff" && !updated.detail.text.includes(two));
    assert.ok(removed?.detail.kind === "diff" && !removed.detail.text.includes(one));
    assert.equal(
      fieldOf(effectOn(plan, "send", `${world.schema}.users`), "statement.1"),
      `shown with update sql:shop#${world.schema}.users`,
    );
  });

  test(`${kind}: [SQ-13] a change of every row, and rows other than expected, are found`, async (t) => {
    const world = await openWorld(t, kind, SETUP);
    const plan = await planned(world.connector, { statements: "UPDATE users SET age = 1", expect_rows: 1 });
    assert.ok(codes(plan).includes("sql.every_row"));
    assert.equal(plan.analysis.findings.find(({ code }) => code === "sql.rows_differ")?.severity, "refused");
    if (kind === "postgres") assert.ok(codes(plan).includes("sql.no_where"));
    const exact = await planned(world.connector, { statements: "UPDATE users SET age = 1 WHERE id = 2", expect_rows: 1 });
    assert.ok(!codes(exact).some((code) => /rows_differ|every_row|no_where/.test(code)));
  });

  test(`${kind}: [SQ-14] [K78] [K79] sensitive values and secrets are nowhere, and digests of them are keyed`, async (t) => {
    const world = await openWorld(t, kind, SETUP, { sensitive: ["*.users.email"], classes: ["*.users.email=personal"] });
    await world.sql(`UPDATE users SET email = '${CANARY}' WHERE id = 1`);
    const plan = await planned(world.connector, { statements: "UPDATE users SET email = NULL, age = 37 WHERE id = 1" });
    const effect = effectOn(plan, "update", `${world.schema}.users`);
    assert.deepEqual(effect?.surfaces, ["data:personal"]);
    const before = effect?.fields.find(({ path }) => path === "sample.1.email")?.before;
    assert.equal(before?.kind, "secret");
    assert.equal(effect?.fields.find(({ path }) => path === "sample.1.age")?.after?.kind, "json");
    const applied = await world.connector.apply(plan.payload, plan.state, LIMITS);
    assert.ok(applied.ok);
    const verified = await world.connector.verify(plan.payload, applied.value, LIMITS);
    const told = JSON.stringify([plan, applied, verified]) + Buffer.from(plan.payload).toString("utf8");
    assert.ok(!told.includes(CANARY));
    const other = await openWorld(t, kind, SETUP);
    const plain = await planned(other.connector, { statements: "UPDATE users SET age = 1 WHERE id = 1" });
    assert.match(JSON.stringify(plain.analysis.step.observations), /hmac-sha256:/);
  });

  test(`${kind}: [SQ-14] [K78] what a database says of its data is not repeated`, async (t) => {
    const world = await openWorld(t, kind, SETUP);
    await world.sql(`UPDATE users SET email = '${CANARY}' WHERE id = 1`);
    const leaky = kind === "postgres" ? "UPDATE users SET age = email::integer" : "INSERT INTO users SELECT id, email, age FROM users";
    const answer = await world.connector.analyse({ database: "shop", statements: leaky }, LIMITS);
    assert.ok(!answer.ok && answer.error.code === "sql_statement_failed");
    assert.ok(!JSON.stringify(answer).includes(CANARY));
  });

  test(`${kind}: [SQ-16] rows that leave are an effect, with columns and data classes; the result stays on the runner`, async (t) => {
    const world = await openWorld(t, kind, SETUP, { classes: ["*.users.email=personal"] });
    const plan = await planned(world.connector, { statements: "SELECT email, age FROM users WHERE age > 40" });
    const effect = effectOn(plan, "send", `${world.schema}.users`);
    assert.deepEqual(
      [fieldOf(effect, "rows"), fieldOf(effect, "columns"), effect?.exposure, effect?.surfaces, effect?.reversibility],
      [2, ["age", "email"], "external", ["data:personal"], "irreversible"],
    );
    const applied = await world.connector.apply(plan.payload, plan.state, LIMITS);
    assert.ok(applied.ok && !JSON.stringify(applied).includes("grace@"));
    assert.match(JSON.stringify(applied.value.facts["exported"]), /^"sha256:/);
    const wrapped =
      kind === "sqlite"
        ? undefined
        : await planned(world.connector, {
            statements: "WITH gone AS (DELETE FROM users WHERE id = 3 RETURNING email) SELECT * FROM gone",
          });
    assert.ok(wrapped === undefined || fieldOf(effectOn(wrapped, "send", "public.users"), "rows") === 1);
    const returning = await planned(world.connector, { statements: "UPDATE users SET age = 1 WHERE id = 1 RETURNING email" });
    assert.equal(fieldOf(effectOn(returning, "send", `${world.schema}.users`), "rows"), 1);
  });

  test(`${kind}: [SQ-17] values that differ each time are named, and are no part of what is approved`, async (t) => {
    const world = await openWorld(t, kind, SETUP);
    const random = kind === "postgres" ? "floor(random() * 1000000)::integer" : "abs(random() % 1000000)";
    const plan = await planned(world.connector, { statements: `UPDATE users SET age = ${random} WHERE id = 1` });
    assert.ok(codes(plan).includes("sql.volatile"));
    assert.deepEqual((await world.connector.observe(plan.payload, LIMITS)).ok, true);
    assert.ok((await world.connector.apply(plan.payload, plan.state, LIMITS)).ok);
    const column = codes(plan).includes("sql.depends_on_moment");
    assert.equal(column, kind === "sqlite", "arithmetic of chance is a value in PostgreSQL, and not looked into in SQLite");
    const other = kind === "postgres" ? "random() < 0.5" : "random() > 0";
    const many = Array.from({ length: 200 }, (_, i) => `(${i + 100}, NULL, 1)`).join(", ");
    await world.sql(`INSERT INTO users VALUES ${many}`);
    const answer = await world.connector.analyse({ database: "shop", statements: `DELETE FROM users WHERE ${other}` }, LIMITS);
    assert.ok(!answer.ok && /^sql_(not_repeatable|uncertain)$/.test(answer.error.code), JSON.stringify(answer));
  });

  test(`${kind}: [SQ-18] what belongs to the transaction itself is refused`, async (t) => {
    const world = await openWorld(t, kind, SETUP);
    const own = {
      postgres: [
        "BEGIN",
        "COMMIT",
        "SET ROLE postgres",
        "SET SESSION AUTHORIZATION postgres",
        "COPY users TO PROGRAM 'cat'",
        "COPY users TO STDOUT",
        "LISTEN x",
        "NOTIFY x",
        "LOCK users",
        "PREPARE p AS SELECT 1",
        "SET search_path = x",
        "DISCARD ALL",
        "LOAD 'x'",
      ],
      sqlite: ["BEGIN", "COMMIT", "SAVEPOINT x", "ATTACH 'x' AS y", "PRAGMA foreign_keys = OFF", "DETACH x"],
    };
    for (const text of own[kind]) {
      const plan = await planned(world.connector, { statements: text });
      assert.ok(
        plan.analysis.findings.some(({ code, severity }) => code === "sql.refused" && severity === "refused"),
        text,
      );
      assert.ok(
        plan.effects.every(({ kind: effect, provenance }) => effect === "execute" && provenance === "unknown"),
        text,
      );
      const applied = await world.connector.apply(plan.payload, plan.state, LIMITS);
      assert.ok(!applied.ok, text);
      assert.deepEqual([applied.error.code, applied.error.effect], ["sql_refused", "none"]);
    }
  });

  test(`${kind}: [SQ-19] undo is said to be impossible by itself where it is, with the reason`, async (t) => {
    const world = await openWorld(t, kind, `${SETUP}; CREATE TABLE log (line text); INSERT INTO log VALUES ('a'), ('a'), ('b')`);
    for (const [statements, reason] of [
      ["DROP TABLE orders", /nothing takes that back/],
      ["ALTER TABLE users DROP COLUMN email", /nothing takes that back/],
      ["UPDATE log SET line = 'c' WHERE line = 'b'", /no primary key/],
    ] as const) {
      const plan = await planned(world.connector, { statements });
      assert.equal(plan.analysis.step.undo.kind, "manual", statements);
      assert.match(plan.analysis.step.undo.text, reason);
      assert.ok(plan.effects.every(({ reversibility }) => reversibility !== "reversible"));
    }
    assert.equal(
      fieldOf(effectOn(await planned(world.connector, { statements: "DROP TABLE orders" }), "delete", `${world.schema}.orders`), "rows"),
      3,
    );
  });

  test(`${kind}: [SQ-19] a trigger that would spoil the undo is found by trying it`, async (t) => {
    const trigger = {
      postgres:
        "CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.age := OLD.age + 1; RETURN NEW; END'; CREATE TRIGGER touch BEFORE UPDATE ON users FOR EACH ROW EXECUTE FUNCTION touch()",
      sqlite: "CREATE TRIGGER touch AFTER UPDATE OF email ON users BEGIN UPDATE users SET age = OLD.age + 1 WHERE id = NEW.id; END",
    };
    const world = await openWorld(t, kind, `${SETUP}; ${trigger[kind]}`);
    const plan = await planned(world.connector, { statements: "UPDATE users SET email = 'x' WHERE id = 1" });
    assert.equal(plan.analysis.step.undo.kind, "manual");
    assert.match(plan.analysis.step.undo.text, /would (not be what they were|change other rows)/);
    assert.ok(plan.analysis.unverified.some(({ topic }) => topic === "trigger"));
  });

  test(`${kind}: [SQ-23] parameters travel beside the text`, async (t) => {
    const world = await openWorld(t, kind, SETUP);
    const [one, two] = kind === "postgres" ? ["$1", "$2"] : ["?1", "?2"];
    const hostile = "x'); DROP TABLE users; --";
    const plan = await planned(world.connector, {
      statements: `UPDATE users SET email = ${one} WHERE id = ${two}`,
      parameters: [hostile, 1],
    });
    assert.deepEqual([fieldOf(plan.effects[0], "parameter.1"), fieldOf(plan.effects[0], "parameter.2")], [hostile, 1]);
    assert.ok((await world.connector.apply(plan.payload, plan.state, LIMITS)).ok);
    assert.equal((await rowsOf(world, "users"))[0]?.[1], hostile);
    const answer = await world.connector.analyse({ database: "shop", statements: "SELECT 1", parameters: [1] }, LIMITS);
    assert.ok(!answer.ok && answer.error.code === "sql_parameters");
    await planned(world.connector, { statements: "UPDATE users SET email = 'what?' /* ? */ WHERE id = 1 -- ?" });
    if (kind === "sqlite") {
      const named = await world.connector.analyse({ database: "shop", statements: "UPDATE users SET email = :email" }, LIMITS);
      assert.ok(!named.ok && named.error.code === "sql_parameters");
    }
  });

  test(`${kind}: [SQ-11] [F48] [F50] texts that hide something are parsed as the database does, and shown`, async (t) => {
    const world = await openWorld(t, kind, SETUP);
    const bidi = await planned(world.connector, { statements: "UPDATE users SET age = 1 /* \u202e tfel \u202c */ WHERE id = 1" });
    assert.ok(codes(bidi).includes("sql.hidden_character"));
    const commented = await planned(world.connector, { statements: "UPDATE users SET age = 1 WHERE id = 1 -- ; DROP TABLE users\n" });
    assert.deepEqual(
      commented.effects.map((effect) => effect.kind),
      ["update"],
    );
    for (const statements of ["\0SELECT 1", "SELECT '\ud800'", "SELECT 'e\u0301'"]) {
      const answer = await world.connector.admit({ database: "shop", statements });
      assert.ok(!answer.ok, JSON.stringify(statements));
    }
    for (const statements of ["SELEC 1", "UPDATE", "SELECT 'open", "/* open", `SELECT ${"(".repeat(20_000)}1`]) {
      const answer = await world.connector.analyse({ database: "shop", statements }, LIMITS);
      assert.ok(!answer.ok && answer.error.remedy !== undefined, statements.slice(0, 20));
    }
  });
}
