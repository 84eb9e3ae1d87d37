import assert from "node:assert/strict";
import test from "node:test";
import { bundle, bundleText, facts, faultsOf } from "../../testing/policy.ts";
import { runCases } from "./index.ts";
import type { Case } from "./index.ts";

test("[PO-60] a case gives what it is about, and the rest follows", () => {
  const base = facts();
  assert.equal(base.summary.effects, 1);
  assert.deepEqual(base.effects[0]?.resource, "git:shop#README.md");
  const given = facts({
    effects: [
      { path: "src/a.ts", kind: "delete", added: 4 },
      { resource: "db:orders", connector: "sql", owners: [] },
      { resource: "x#y", path: null },
      { resource: "x#y/z#w" },
    ],
    scope: { limits: { rows: 3 } },
  });
  assert.deepEqual(
    given.effects.map(({ resource, path }) => [resource, path]),
    [
      ["git:shop#src/a.ts", "src/a.ts"],
      ["db:orders", undefined],
      ["x#y", undefined],
      ["x#y/z#w", "y/z#w"],
    ],
  );
  assert.deepEqual(given.change.connectors, ["git", "sql"]);
  assert.deepEqual([given.summary.deletes, given.summary.unowned, given.summary.lines_added], [1, 1, 7]);
  assert.deepEqual([given.scope.limits, given.scope.origin], [{ rows: 3 }, "derived"]);
  assert.deepEqual(facts({ summary: { lines_added: 900 } }).summary, { ...base.summary, lines_added: 900 });
  assert.deepEqual(facts({ change: { connectors: ["x"] } }).change, { ...base.change, connectors: ["x"] });
});

test("[PO-60] a case is kept as it was written, and an optional fact may be taken away", () => {
  const given = { effects: [{ path: "a", added: null }, { path: "b" }], scope: { limits: { rows: 3 } }, summary: { inspectable: false } };
  const [one] = bundle([], { cases: [{ name: "kept", facts: given, expect: { outcome: "auto" } }] }).definition.cases;
  assert.deepEqual(one?.facts, given);
  const { effects, summary } = facts(given);
  assert.deepEqual([effects[0]?.added, effects[1]?.added, summary.inspectable], [undefined, 1, false]);
  assert.deepEqual([effects[0]?.resource, effects[0]?.path], ["git:shop#a", "a"]);
  assert.deepEqual(facts({ effects: [{ path: "a", resource: "x#y" }] }).effects[0]?.resource, "x#y");
  assert.deepEqual(facts({ effects: [{ path: "a", resource: "x#y" }] }).effects[0]?.path, "a");
  assert.deepEqual(facts({ effects: [{ system: "s", path: null }] }).effects[0]?.path, undefined);
});

test("[PO-60] what is no fact, or of the wrong type, is a fault where it stands", () => {
  const cases = [
    {
      name: "wrong",
      facts: {
        effects: [{ path: 7, colour: "red" }, "x"],
        summary: { deletes: 1.5 },
        scope: { limits: { rows: "3" } },
        time: [],
        unverified: {},
        labels: [],
      },
      expect: { outcome: "auto", because: "x" },
    },
  ];
  assert.deepEqual(
    faultsOf(bundleText([], { cases })).map(({ where }) => where),
    [
      "cases[0].facts.effects[0].path",
      "cases[0].facts.effects[0].colour",
      "cases[0].facts.effects[1]",
      "cases[0].facts.summary.deletes",
      "cases[0].facts.scope.limits.rows",
      "cases[0].facts.time",
      "cases[0].facts.unverified",
      "cases[0].facts.labels",
      "cases[0].expect.because",
    ],
  );
});

test("[PO-61] a case compares what it expects, and says what came instead", () => {
  const rules = [
    { id: "docs", outcome: "auto", when: 'effects.all(e, e.path.endsWith(".md"))' },
    { id: "large", outcome: "revise", when: "summary.lines_added > 100", holds: ["freeze"] },
  ];
  const cases = [
    { name: "passes", expect: { outcome: "auto", rules: ["docs"], seats: [], holds: [], instructions: [] } },
    {
      name: "names the floor",
      facts: { findings: [{ severity: "danger" }] },
      expect: { outcome: "review", rules: ["builtin:danger", "docs"], seats: ["owner"] },
    },
    { name: "the floor need not be named", facts: { findings: [{ severity: "danger" }] }, expect: { outcome: "review", rules: ["docs"] } },
    {
      name: "large",
      facts: { summary: { lines_added: 101 } },
      expect: { outcome: "revise", rules: ["large", "docs"], holds: ["freeze"], instructions: ["mend"] },
    },
    { name: "wrong outcome", expect: { outcome: "block" } },
    { name: "wrong rules", expect: { outcome: "auto", rules: [] } },
    { name: "wrong seats", expect: { outcome: "auto", seats: ["owner"] } },
    { name: "floor that does not fire", expect: { outcome: "auto", rules: ["docs", "builtin:danger"] } },
  ];
  const results = runCases(bundle(rules, { cases }));
  assert.deepEqual(
    results.map(({ name, passed }) => [name, passed]),
    cases.map(({ name }, i) => [name, i < 4]),
  );
  assert.deepEqual(results[4], { name: "wrong outcome", passed: false, expected: { outcome: "block" }, actual: { outcome: "auto" } });
  assert.deepEqual(results[5]?.actual, { outcome: "auto", rules: ["docs"] });
});

test("[PO-63] the cases of a bundle have one budget of steps: those beyond it fail, and say so", () => {
  const nest = (depth: number): string => (depth === 0 ? "true" : `effects.all(e${depth}, ${nest(depth - 1)})`);
  const rules = Array.from({ length: 40 }, () => ({ outcome: "auto", when: nest(6) }));
  const effects = Array.from({ length: 20 }, () => ({}));
  const cases = [
    { name: "cheap", facts: { effects: [{}] }, expect: { outcome: "auto" } },
    ...Array.from({ length: 10 }, (_, i) => ({ name: `dear ${i}`, facts: { effects }, expect: { outcome: "review" } })),
  ];
  const results = runCases(bundle(rules, { cases }));
  assert.deepEqual(
    results.map(({ passed }) => passed),
    [true, ...Array.from({ length: 10 }, () => false)],
  );
  for (const { expected, actual } of results.slice(1)) {
    assert.deepEqual(expected, { outcome: "review" });
    assert.match(JSON.stringify(actual), /^"too costly: /);
  }
});

test("[PO-60] [PO-63] a case's lists are bounded, and many cases of many effects are too costly", () => {
  const of = (effects: number): object => ({
    name: `of ${effects}`,
    facts: { effects: Array.from({ length: effects }, () => ({})) },
    expect: { outcome: "review" },
  });
  assert.equal(faultsOf(bundleText([], { cases: [of(1001)] }))[0]?.where, "cases[0].facts.effects");
  const cases = Array.from({ length: 19 }, (_, i) => ({ ...of(1000), name: `case ${i}` }));
  assert.ok(runCases(bundle([{}], { cases })).every(({ passed }) => passed));
});

test("[PO-63] the steps of a case are a hundred for each effect and one more, two for each rule, and its conditions'", () => {
  const rules = Array.from({ length: 3 }, () => ({ when: "size(effects) == 99" }));
  const of = bundle(rules, {
    cases: [{ name: "it", facts: { effects: Array.from({ length: 99 }, () => ({})) }, expect: { outcome: "review" } }],
  });
  const base = 100 * 100 + 2 * (3 + of.floor.length);
  // Each condition has four nodes, and their steps come out of the same purse.
  const spent = base + 3 * 4;
  const times = Math.floor(5_000_000 / spent);
  const [one] = of.cases as [Case];
  const passing = (more: number): number =>
    runCases({ ...of, cases: Array.from({ length: times + more }, () => one) }).filter(({ passed }) => passed).length;
  assert.equal(passing(0), times);
  assert.equal(passing(2), times);
});
