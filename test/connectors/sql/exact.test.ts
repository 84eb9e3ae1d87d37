/** Undo puts back every value exactly, and what it needs for that stays where nobody else reads it. */
import assert from "node:assert/strict";
import { readdirSync, readFileSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import { applied, done, effectOn, fieldOf, KINDS, LIMITS, openWorld, planned, rowsOf } from "./world.ts";
import type { World } from "./world.ts";

async function backAndForth(world: World, statements: string, state: () => unknown): Promise<void> {
  const before = await state();
  const plan = await planned(world.connector, { statements });
  assert.equal(plan.analysis.step.undo.kind, "planned", plan.analysis.step.undo.text);
  const facts = await applied(world.connector, plan);
  assert.notDeepEqual(await state(), before);
  done(await world.connector.verify(plan.payload, facts, LIMITS));
  done(await world.connector.undo(plan.payload, facts, LIMITS));
  assert.deepEqual(await state(), before);
}

test("postgres: [SQ-25] values of every sort come back as they were", async (t) => {
  const world = await openWorld(
    t,
    "postgres",
    `CREATE TYPE mood AS ENUM ('sad', 'glad');
     CREATE TABLE things ("Id" bigint GENERATED ALWAYS AS IDENTITY, part text, n numeric, f double precision, r real, b bytea, j jsonb, js json, a text[], aa integer[][], at timestamptz, d date, i interval,
       m mood, u uuid, ip inet, c char(5), v varchar(9), bits bit(4), range int4range, p point, x xml, tw integer GENERATED ALWAYS AS (length(part)) STORED, "odd ""name" text, PRIMARY KEY (part, "Id"));
     INSERT INTO things (part, n, f, r, b, j, js, a, aa, at, d, i, m, u, ip, c, v, bits, range, p, "odd ""name") VALUES
       ('one', 1.500, 0.1, 1e-7, '\\x00ff', '{"b": 1, "a": [1.0]}', '{"b":  1}', '{a,NULL,"x,y","q\\"q"}', '{{1,2},{3,4}}', '2026-01-02 03:04:05.678901+05', 'infinity', '1 mon -2 days', 'sad',
        '00000000-0000-0000-0000-000000000001', '10.0.0.1/8', 'ab', 'vv', B'1010', '[1,5)', '(1.5,2)', E'line\\n\\ttab'),
       ('two', 'NaN', '-Infinity', 'NaN', '', 'null', NULL, '{}', NULL, '-infinity', NULL, NULL, 'glad', NULL, NULL, NULL, '', NULL, 'empty', NULL, '')`,
  );
  const all = () => rowsOf(world, "things", `part, "Id"`);
  await backAndForth(world, `DELETE FROM things`, all);
  await backAndForth(
    world,
    `UPDATE things SET n = 0, f = 1, r = 2, b = 'x', j = '{}', js = '{}', a = NULL, at = now(), m = 'glad', "odd ""name" = 'z', part = part || '!'`,
    all,
  );
  await backAndForth(world, "TRUNCATE things", all);
});

test("sqlite: [SQ-25] values of every sort come back as they were, also without a rowid", async (t) => {
  const world = await openWorld(
    t,
    "sqlite",
    `CREATE TABLE things (id INTEGER PRIMARY KEY, v, "odd ""name" TEXT, g INTEGER GENERATED ALWAYS AS (id * 2) STORED);
     INSERT INTO things (id, v) VALUES (1, NULL), (2, 9223372036854775807), (3, 0.1), (4, 1.0), (5, 1e300), (6, 'it''s'), (7, x'00ff'), (8, 'a' || char(0) || 'b'), (9, 'é🦀'), (10, ''), (11, x''), (12, -0.0), (13, 9e999);
     CREATE TABLE pairs (a TEXT, b INTEGER, word TEXT, PRIMARY KEY (a, b)) WITHOUT ROWID; INSERT INTO pairs VALUES ('x', 1, 'one'), ('é', 2, NULL)`,
  );
  const all = (): unknown => {
    const db = new DatabaseSync(world.url);
    const found = [
      'SELECT id, typeof(v), hex(CAST(v AS BLOB)), v = 0.1, "odd ""name", g FROM things ORDER BY id',
      "SELECT hex(a), b, word FROM pairs ORDER BY 1",
    ].map((sql) => {
      const statement = db.prepare(sql);
      statement.setReadBigInts(true);
      return statement.all().map((row) => Object.values(row));
    });
    db.close();
    return found;
  };
  await backAndForth(world, "DELETE FROM things; DELETE FROM pairs", all);
  await backAndForth(world, `UPDATE things SET v = 'other', "odd ""name" = 'x'; UPDATE pairs SET word = 'w', b = b + 5`, all);
});

for (const kind of KINDS) {
  test(`${kind}: [SQ-25] schema changes that can be taken back are, unless somebody has used them since`, async (t) => {
    const world = await openWorld(t, kind, "CREATE TABLE users (id integer PRIMARY KEY, name text); INSERT INTO users VALUES (1, 'a')");
    const statements =
      "ALTER TABLE users ADD COLUMN age integer; ALTER TABLE users RENAME COLUMN name TO nick; CREATE TABLE more (id integer PRIMARY KEY); CREATE INDEX by_nick ON users (nick); CREATE VIEW all_users AS SELECT id FROM users";
    const schema = (): Promise<unknown> =>
      kind === "sqlite"
        ? world.sql("SELECT m.name, c.name AS c FROM sqlite_schema m, pragma_table_info(m.name) c ORDER BY 1, 2")
        : world.sql("SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'public' ORDER BY 1, 2");
    await backAndForth(world, statements, schema);
    const plan = await planned(world.connector, { statements });
    const facts = await applied(world.connector, plan);
    await world.sql("UPDATE users SET age = 5");
    const answer = await world.connector.undo(plan.payload, facts, LIMITS);
    assert.ok(!answer.ok);
    assert.deepEqual([answer.error.code, answer.error.effect], ["undo_moved", "none"]);
    assert.equal((await rowsOf(world, "users"))[0]?.[2], 5);
  });

  test(`${kind}: [SQ-32] the rows as they were stay on the disk, for Pawl alone, whole, and for a bounded time`, async (t) => {
    const world = await openWorld(
      t,
      kind,
      "CREATE TABLE users (id integer PRIMARY KEY, name text); INSERT INTO users VALUES (1, 'a'), (2, 'b'), (3, 'c')",
      { backupDays: 1 },
    );
    const dir = join(world.workDir, "work", "shop");
    const files = (): readonly string[] => readdirSync(dir).filter((name) => name.endsWith(".backup"));
    const first = await planned(world.connector, { statements: "UPDATE users SET name = 'x' WHERE id = 1" });
    const facts = await applied(world.connector, first);
    const [name = ""] = files();
    assert.equal(`sha256:${name.replace(".backup", "")}`, facts.facts["backup"]);
    assert.deepEqual([statSync(join(dir, name)).mode & 0o777, statSync(dir).mode & 0o077], [0o600, 0]);
    const kept = readFileSync(join(dir, name));
    writeFileSync(join(dir, name), kept.toString("utf8").replace('"a"', '"z"').replace("'a'", "'z'"));
    const spoilt = await world.connector.undo(first.payload, facts, LIMITS);
    assert.ok(!spoilt.ok && spoilt.error.code === "undo_backup_differs" && spoilt.error.effect === "none");
    writeFileSync(join(dir, name), kept);
    utimesSync(join(dir, name), 0, 0);
    const second = await planned(world.connector, { statements: "UPDATE users SET name = 'y' WHERE id = 2" });
    await applied(world.connector, second);
    assert.ok(!files().includes(name), "what is older than its lifetime is removed");
    const late = await world.connector.undo(first.payload, facts, LIMITS);
    assert.ok(!late.ok && late.error.code === "undo_backup_missing" && late.error.effect === "none");
  });

  test(`${kind}: [SQ-32] more rows than may be kept are refused while planning`, async (t) => {
    const world = await openWorld(
      t,
      kind,
      "CREATE TABLE users (id integer PRIMARY KEY, name text); INSERT INTO users VALUES (1, 'a'), (2, 'b'), (3, 'c')",
      { maxRows: 2 },
    );
    for (const statements of ["UPDATE users SET name = 'x'", "SELECT * FROM users"]) {
      const answer = await world.connector.analyse({ database: "shop", statements }, LIMITS);
      assert.ok(!answer.ok && answer.error.code === "sql_too_many_rows", statements);
    }
    const drop = await planned(world.connector, { statements: "DROP TABLE users" });
    assert.equal(fieldOf(effectOn(drop, "delete", `${world.schema}.users`), "rows"), 3);
    assert.match(drop.analysis.step.undo.text, /too many to be kept/);
  });
}

test("sqlite: [SQ-33] a file that is not there is not made", async (t) => {
  const world = await openWorld(t, "sqlite", "CREATE TABLE users (id integer PRIMARY KEY)");
  const missing = world.connect({ path: join(world.workDir, "none.sqlite") });
  const answer = await missing.analyse({ database: "shop", statements: "CREATE TABLE x (y)" }, LIMITS);
  assert.ok(!answer.ok && answer.error.code === "sql_unreachable", JSON.stringify(answer));
  assert.ok(!readdirSync(world.workDir).includes("none.sqlite"));
});

test("postgres: [SQ-33] without its variable, or without a server, it says so", async (t) => {
  const world = await openWorld(t, "postgres", "SELECT 1");
  const unset = await world.connect({}, { SHOP_URL: "" }).analyse({ database: "shop", statements: "SELECT 1" }, LIMITS);
  assert.ok(!unset.ok && unset.error.code === "sql_url_missing");
  const away = await world
    .connect({}, { SHOP_URL: "postgres://pawl:word-of-pass@127.0.0.1:1/x" })
    .analyse({ database: "shop", statements: "SELECT 1" }, LIMITS);
  assert.ok(!away.ok && away.error.code === "sql_unreachable" && !JSON.stringify(away).includes("word-of-pass"));
});
