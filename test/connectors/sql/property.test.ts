/** Whatever rows there are and whatever is done to them: what was said happens, and taking it back leaves everything as it was. */
import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { applied, done, fieldOf, KINDS, LIMITS, openWorld, planned } from "./world.ts";

const SETUP = `CREATE TABLE parents (id integer PRIMARY KEY, word text, amount integer);
  CREATE TABLE children (parent integer NOT NULL REFERENCES parents (id) ON DELETE CASCADE, n integer, word text, PRIMARY KEY (parent, n));`;

const WORDS = ["", "plain", "O'Hara", "x\\y", "line\nfeed", "é", "🦀", 'quo"te', "null", "  ", "{1,2}", "$$"];
const word = fc.option(fc.constantFrom(...WORDS), { nil: null });
const id = fc.integer({ min: 1, max: 9 });
const row = fc.record({ id, word, amount: fc.option(fc.integer({ min: -5, max: 5 }), { nil: null }) });
const child = fc.record({ parent: id, n: fc.integer({ min: 1, max: 3 }), word });
const lit = (value: string | number | null): string =>
  value === null ? "NULL" : typeof value === "number" ? String(value) : `'${value.replaceAll("'", "''")}'`;

const statement = fc.oneof(
  fc.record({ word, least: id }).map(({ word: to, least }) => `UPDATE parents SET word = ${lit(to)} WHERE id >= ${least}`),
  id.map((least) => `UPDATE parents SET amount = coalesce(amount, 0) + 1 WHERE id < ${least}`),
  id.map((one) => `DELETE FROM parents WHERE id = ${one}`),
  fc
    .record({ id, word })
    .map((r) => `INSERT INTO parents VALUES (${r.id + 20}, ${lit(r.word)}, 0) ON CONFLICT (id) DO UPDATE SET word = excluded.word`),
  fc.record({ n: id, word }).map((r) => `UPDATE children SET word = ${lit(r.word)} WHERE n < ${r.n}`),
  id.map((one) => `DELETE FROM children WHERE parent = ${one} OR word IS NULL`),
  id.map((one) => `INSERT INTO children SELECT id, 9, word FROM parents WHERE id = ${one} ON CONFLICT DO NOTHING`),
  id.map((one) => `UPDATE parents SET id = id + 100 WHERE id = ${one} AND NOT EXISTS (SELECT 1 FROM children WHERE parent = ${one})`),
);

for (const kind of KINDS) {
  test(`${kind}: [SQ-12] [SQ-25] rows said are rows changed, and undo restores every byte`, async (t) => {
    const world = await openWorld(t, kind, SETUP);
    const all = async (): Promise<unknown> => [
      await world.sql("SELECT * FROM parents ORDER BY id"),
      await world.sql("SELECT * FROM children ORDER BY parent, n"),
    ];
    const sample = fc.record({
      parents: fc.uniqueArray(row, { selector: (r) => r.id, maxLength: 9 }),
      children: fc.uniqueArray(child, { selector: (c) => `${c.parent} ${c.n}`, maxLength: 9 }),
      statements: fc.array(statement, { minLength: 1, maxLength: 4 }),
    });
    const round = async ({
      parents,
      children,
      statements,
    }: {
      parents: { id: number; word: string | null; amount: number | null }[];
      children: { parent: number; n: number; word: string | null }[];
      statements: string[];
    }): Promise<void> => {
      const ids = new Set(parents.map((parent) => parent.id));
      const fill = [
        "DELETE FROM children; DELETE FROM parents",
        ...parents.map((r) => `INSERT INTO parents VALUES (${r.id}, ${lit(r.word)}, ${lit(r.amount)})`),
        ...children.filter(({ parent }) => ids.has(parent)).map((r) => `INSERT INTO children VALUES (${r.parent}, ${r.n}, ${lit(r.word)})`),
      ];
      await world.sql(fill.join(";\n"));
      const before = await all();
      const plan = await planned(world.connector, { statements: statements.join(";\n") });
      assert.equal(plan.analysis.step.undo.kind, "planned", plan.analysis.step.undo.text);
      assert.deepEqual(await all(), before, "trying it out leaves nothing");
      const facts = await applied(world.connector, plan);
      const said = plan.effects.map((effect) => [effect.resource, effect.kind, fieldOf(effect, "rows")]).filter(([, , rows]) => rows !== 0);
      const kinds = [
        ["inserted", "create"],
        ["updated", "update"],
        ["deleted", "delete"],
      ] as const;
      const made = (facts.facts["tables"] as Record<string, number | string>[]).flatMap((table) =>
        kinds.flatMap(([fact, effect]) => (table[fact] === 0 ? [] : [[`sql:shop#${table["table"]}`, effect, table[fact]]])),
      );
      const sorted = (list: readonly unknown[]): readonly string[] => list.map((one) => JSON.stringify(one)).toSorted();
      assert.deepEqual(sorted(said), sorted(made));
      done(await world.connector.verify(plan.payload, facts, LIMITS));
      done(await world.connector.undo(plan.payload, facts, LIMITS));
      assert.deepEqual(await all(), before, "undone");
    };
    await fc.assert(fc.asyncProperty(sample, round), { numRuns: kind === "postgres" ? 25 : 8, seed: 4 });
  });
}
