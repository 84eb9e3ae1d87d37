/** Statements that do another thing at another time than when they were shown, and what leaves a database as it was shown. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { applied, KINDS, LIMITS, openWorld, planned, rowsOf } from "./world.ts";
import type { Plan } from "./world.ts";

const SETUP = `CREATE TABLE users (id integer PRIMARY KEY, name text, at text);
  INSERT INTO users VALUES (1, 'Ada', NULL), (2, 'Grace', NULL), (3, 'Edsger', NULL)`;

const found = ({ analysis }: Plan, code: string): readonly string[] =>
  analysis.findings.flatMap((finding) => (finding.code === code ? [`${finding.severity} ${finding.message}`] : []));

for (const kind of KINDS) {
  const now = kind === "postgres" ? "now()::text" : "datetime('now')";
  const day = kind === "postgres" ? "current_date::text" : "date('now')";
  const chance = kind === "postgres" ? "random()::text" : "random()";

  test(`${kind}: [SQ-34] [SQ-17] the moment as a column's value is named, and everything else stays approved`, async (t) => {
    const world = await openWorld(t, kind, SETUP);
    const plan = await planned(world.connector, { statements: `UPDATE users SET at = ${now}, name = upper(name) WHERE id = 1` });
    assert.deepEqual(found(plan, "sql.depends_on_moment"), []);
    assert.equal(found(plan, "sql.volatile").length, 1);
    assert.match(found(plan, "sql.volatile")[0] ?? "", /^info \S+users\.at /);
    // A row beside it that moved, and one that becomes something else, are another state.
    const trigger =
      kind === "postgres"
        ? "CREATE FUNCTION evil() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.name := ''Mallory''; RETURN NEW; END'; CREATE TRIGGER evil BEFORE UPDATE ON users FOR EACH ROW EXECUTE FUNCTION evil()"
        : "UPDATE users SET name = 'Mallory' WHERE id = 1";
    await applied(world.connector, plan);
    await world.sql("UPDATE users SET at = NULL, name = 'Ada'");
    await world.sql(trigger);
    const answer = await world.connector.apply(plan.payload, plan.state, LIMITS);
    assert.ok(!answer.ok && answer.error.code === "stale_state");
  });

  test(`${kind}: [SQ-34] rows, and branches, that the moment or chance decides are a danger`, async (t) => {
    const world = await openWorld(t, kind, SETUP);
    for (const statements of [
      `UPDATE users SET name = CASE WHEN ${day} > '2999-01-01' THEN 'Mallory' ELSE 'Ada' END WHERE id = 1`,
      `UPDATE users SET at = CASE WHEN ${day} > '2999-01-01' THEN 'Mallory' ELSE ${chance} END WHERE id = 1`,
      `UPDATE users SET name = 'x' WHERE id = 1 AND ${day} > '2001-01-01'`,
      `DELETE FROM users WHERE ${day} > '2999-01-01'`,
      `INSERT INTO users SELECT 9, 'x', 'y' WHERE ${day} < '2999-01-01'`,
      `SELECT name FROM users WHERE ${day} < '2999-01-01'`,
    ]) {
      const plan = await planned(world.connector, { statements });
      const [message = ""] = found(plan, "sql.depends_on_moment");
      assert.match(message, /^danger .*statement 1/, statements);
    }
  });

  test(`${kind}: [SQ-34] a branch that the moment chooses later is another state`, async (t) => {
    const world = await openWorld(t, kind, `${SETUP}; CREATE TABLE clock (t text); INSERT INTO clock VALUES ('2001-01-01')`);
    // The stored moment stands for the time that passes: what comes of the branch is part of what is approved.
    const statements = `UPDATE users SET name = CASE WHEN ${day} < (SELECT t FROM clock) THEN 'Mallory' ELSE 'Ada II' END WHERE id = 1`;
    const plan = await planned(world.connector, { statements });
    assert.deepEqual(found(plan, "sql.volatile"), []);
    await world.sql("UPDATE clock SET t = '2999-01-01'");
    const before = await rowsOf(world, "users");
    const answer = await world.connector.apply(plan.payload, plan.state, LIMITS);
    assert.ok(!answer.ok && answer.error.code === "stale_state" && answer.error.effect === "none");
    assert.deepEqual(await rowsOf(world, "users"), before);
  });

  test(`${kind}: [SQ-35] other rows that leave, as many as were shown, are another state`, async (t) => {
    const world = await openWorld(t, kind, SETUP);
    const plan = await planned(world.connector, { statements: "SELECT id, name FROM users WHERE id < 3" });
    assert.ok((await world.connector.apply(plan.payload, plan.state, LIMITS)).ok);
    await world.sql("UPDATE users SET name = 'Mallory' WHERE id = 2");
    const answer = await world.connector.apply(plan.payload, plan.state, LIMITS);
    assert.ok(!answer.ok && answer.error.code === "stale_state");
    assert.notEqual(answer.error.details?.["observed"], plan.state);
    assert.ok(!Buffer.from(plan.payload).toString("utf8").includes("Grace"));
    // What is the moment itself is named, and may be another.
    const timed = await planned(world.connector, { statements: `SELECT id, ${now} AS at FROM users` });
    assert.match(found(timed, "sql.volatile")[0] ?? "", /result\.1\.at/);
    assert.ok((await world.connector.apply(timed.payload, timed.state, LIMITS)).ok);
  });
}

test("sqlite: [SQ-34] the moment in a default or a trigger is a value too, and in a view it decides", async (t) => {
  const world = await openWorld(
    t,
    "sqlite",
    `${SETUP}; CREATE TABLE log (id integer PRIMARY KEY, line text, at text DEFAULT CURRENT_TIMESTAMP);
     CREATE TRIGGER touch AFTER UPDATE OF name ON users BEGIN UPDATE users SET at = datetime('now') WHERE id = NEW.id; END;
     CREATE TRIGGER bomb AFTER DELETE ON users WHEN date('now') > '2999-01-01' BEGIN DELETE FROM log; END;
     CREATE VIEW fresh AS SELECT id FROM users WHERE date('now') > '2001-01-01'`,
  );
  for (const [statements, column] of [
    ["INSERT INTO log (line) VALUES ('x')", "main.log.at"],
    ["UPDATE users SET name = 'x' WHERE id = 1", "main.users.at"],
  ] as const) {
    const plan = await planned(world.connector, { statements });
    assert.deepEqual(found(plan, "sql.depends_on_moment"), []);
    assert.match(found(plan, "sql.volatile").join(), new RegExp(`^info ${column} [^,]*$`));
  }
  for (const statements of ["DELETE FROM users WHERE id = 1", "UPDATE log SET line = 'x' WHERE id IN (SELECT id FROM fresh)"])
    assert.equal(found(await planned(world.connector, { statements }), "sql.depends_on_moment").length, 1, statements);
});
