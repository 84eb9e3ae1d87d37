import assert from "node:assert/strict";
import test from "node:test";
import * as fc from "fast-check";
import { canonical, digestJson } from "../base/index.ts";
import { bundle, facts } from "../../testing/policy.ts";
import { evaluate, explain, routeOf, strictest } from "./index.ts";
import type { Facts, RuleTrace } from "./index.ts";

const traced = (when: string, given: object = {}): RuleTrace => {
  const found = evaluate(bundle([{ id: "it", when }]), facts({ ...given })).trace.find(({ rule }) => rule === "it");
  assert(found);
  return found;
};
const parts = (when: string, given: object = {}): unknown => traced(when, given).parts.map(({ text, value }) => [text, value]);

test("[PO-50] the parts of a condition are its leaves and what they look at, with their values", () => {
  assert.deepEqual(parts('summary.deletes == 0 && !(proposer.kind == "human" || time.hour in [9, 10])'), [
    ["summary.deletes == 0", true],
    ["summary.deletes", 0],
    ['proposer.kind == "human"', false],
    ["proposer.kind", "agent"],
    ["time.hour in [9, 10]", true],
    ["time.hour", 10],
  ]);
  assert.deepEqual(parts('effects[0].path.startsWith("docs/") ? true : has(effects[0].added)'.replace("has(effects[0].added)", "false")), [
    ['effects[0].path.startsWith("docs/")', false],
    ["effects[0].path", "README.md"],
    ["true", true],
    ["false", false],
  ]);
});

test("[PO-50] constants are not shown beside what they stand in, and a list that holds a fact is", () => {
  assert.deepEqual(parts("time.hour in [9, -summary.effects, 10] || summary.deletes == -5 || [1, -2] == [1, -2] || -time.hour == 3"), [
    ["time.hour in [9, -summary.effects, 10]", true],
    ["time.hour", 10],
    ["[9, -summary.effects, 10]", [9, -1, 10]],
    ["summary.deletes == -5", false],
    ["summary.deletes", 0],
    ["[1, -2] == [1, -2]", true],
    ["-time.hour == 3", false],
    ["-time.hour", -10],
  ]);
  assert.deepEqual(parts('"a".startsWith("b") || size(change.connectors) == 1'), [
    ['"a".startsWith("b")', false],
    ["size(change.connectors) == 1", true],
    ["size(change.connectors)", 1],
  ]);
  assert.deepEqual(parts('change.connectors.exists(c, c == "git") || change.connectors.filter(c, true) == []'), [
    ['change.connectors.exists(c, c == "git")', true],
    ["change.connectors where this holds", ["git"]],
    ["change.connectors.filter(c, true) == []", false],
    ["change.connectors.filter(c, true)", ["git"]],
  ]);
  assert.deepEqual(parts('scope.limits.exists(k, k == "rows")'), [['scope.limits.exists(k, k == "rows")', false]]);
});

test("[PO-50] a quantifier shows which elements decided it, by name", () => {
  const effects = [{ path: "a.md" }, { path: "b.ts" }, { path: "c.ts" }];
  assert.deepEqual(parts('effects.all(e, e.path.endsWith(".md"))', { effects }), [
    ['effects.all(e, e.path.endsWith(".md"))', false],
    ["effects where this does not hold", ["git:shop#b.ts", "git:shop#c.ts"]],
  ]);
  assert.deepEqual(
    parts('findings.exists(f, f.severity == "danger")', { findings: [{ code: "a.b" }, { code: "c.d", severity: "danger" }] }),
    [
      ['findings.exists(f, f.severity == "danger")', true],
      ["findings where this holds", ["c.d"]],
    ],
  );
  assert.deepEqual(parts("effects.all(e, true)"), [["effects.all(e, true)", true]]);
});

test("[PO-50] values are bounded, and an error is shown as one", () => {
  assert.deepEqual(parts("effects[9].kind == 'x' || true"), [
    ['effects[9].kind == "x"', { error: "index out of bounds: 9" }],
    ["effects[9].kind", { error: "index out of bounds: 9" }],
    ["true", true],
  ]);
  const long = traced("change.id != 'x' && change.connectors != ['x']", {
    change: { id: "x".repeat(5000), connectors: Array.from({ length: 50 }, (_, i) => `c${i}`) },
  });
  const values = long.parts.map(({ value }) => value);
  assert.equal((values[1] as string).length, 120);
  assert.deepEqual((values[3] as string[]).slice(-2), ["c7", "… 42 more"]);
  assert(traced(Array.from({ length: 60 }, () => "summary.deletes == 0").join(" && ")).parts.length <= 40);
});

test("[PO-50] the trace has every rule, with its text, its reason and the floor's", () => {
  const { trace } = evaluate(
    bundle(
      [
        { id: "a", outcome: "auto" },
        { id: "b", when: "1 / 0 == 1" },
      ],
      { surfaces: [{ name: "auth" }] },
    ),
    facts(),
  );
  const own = trace.filter(({ rule }) => !rule.startsWith("builtin:"));
  assert.deepEqual(own, [
    { rule: "a", outcome: "auto", fired: true, when: "true", reason: "reason 0", parts: [{ text: "true", value: true }] },
    {
      rule: "b",
      outcome: "review",
      fired: true,
      when: "1 / 0 == 1",
      reason: "reason 1",
      parts: [
        { text: "(1 / 0) == 1", value: { error: "division by zero" } },
        { text: "1 / 0", value: { error: "division by zero" } },
      ],
      error: "division by zero",
    },
  ]);
  const floor = trace.filter(({ rule }) => rule.startsWith("builtin:")).map(({ rule }) => rule.slice(8));
  assert.deepEqual(floor, [
    "refused",
    "out-of-scope",
    "no-effects",
    "danger",
    "unknown",
    "claimed",
    "uninspectable",
    "consequence",
    "self",
    "surface:auth",
    "rule-error",
    "default",
    "unowned",
    "too-many-seats",
  ]);
});

test("[PO-51] of a thousand rules only those that can match are evaluated, and the route is the same", () => {
  const outcomes = ["auto", "review", "escalate", "block"];
  const demands = [
    (i: number): string => `change.connectors == ["c"] || proposer.id == "agent:${i % 10}"`,
    (i: number): string => `proposer.id == "agent:${i % 10}" && effects.all(e, has(e.path))`,
    (i: number): string => `"s${i % 40}" in summary.surfaces && 1 / (time.hour - 10) == 1`,
    (i: number): string => `time.weekday in [${i % 8}, ${i % 5}] && summary.effects > 0`,
  ];
  const many = bundle(
    Array.from({ length: 1000 }, (_, i) => ({
      id: `r${i}`,
      outcome: outcomes[(i * 7) % 4] as string,
      when: (demands[i % 4] as (i: number) => string)(i),
    })),
  );
  const given = fc.record({
    id: fc.integer({ min: 0, max: 12 }),
    surfaces: fc.subarray(["s1", "s7", "s39", "x"]),
    weekday: fc.integer({ min: 1, max: 7 }),
    hour: fc.constantFrom(9, 10),
  });
  let skipped = 0;
  fc.assert(
    fc.property(given, ({ id, surfaces, weekday, hour }) => {
      const document = facts({ proposer: { id: `agent:${id}` }, effects: [{ surfaces }], time: { weekday, hour } });
      const [quick, all] = [evaluate(many, document), evaluate(many, document, { indexed: false })];
      assert.deepEqual(quick.route, all.route);
      assert.deepEqual(routeOf(many, document), all.route);
      const left = new Map(quick.trace.map((rule) => [rule.rule, rule]));
      for (const rule of all.trace) {
        const seen = left.get(rule.rule);
        assert(
          seen?.skipped ? !rule.fired && rule.error === undefined && seen.parts.length === 0 : canonical(seen) === canonical(rule),
          rule.rule,
        );
      }
      skipped = quick.trace.filter((rule) => rule.skipped).length;
      assert(skipped > 500, `${skipped} skipped`);
    }),
    { seed: 20261120, numRuns: 12 },
  );
});

test("[PO-50] [PO-51] a rule that was ruled out shows its parts, unless one plain demand says it all", () => {
  for (const when of ['findings.exists(f, f.code == "x.y")', "summary.effects > 9", 'time.hour == 3 || proposer.kind == "robot"']) {
    assert.equal(traced(when).skipped, undefined, when);
    assert.equal(traced(when).fired, false);
    assert.equal(traced(when).parts[0]?.value, false);
  }
  for (const when of ['proposer.kind == "robot"', 'summary.effects > 0 && "x" in summary.surfaces', "true && time.hour in [1, 2]"]) {
    assert.deepEqual([traced(when).skipped, traced(when).fired, traced(when).parts], [true, false, []], when);
  }
});

test("[PO-52] the trace is made once, when it is asked for, and of facts that nobody can change any more", () => {
  const given = structuredClone(facts()) as { summary: { effects: number } };
  const evaluation = evaluate(bundle([{ id: "it", when: "summary.effects == 1" }]), given as unknown as Parameters<typeof evaluate>[1]);
  given.summary.effects = 7;
  const { trace } = evaluation;
  assert.deepEqual(trace.find(({ rule }) => rule === "it")?.parts[1], { text: "summary.effects", value: 1 });
  assert.equal(evaluation.trace, trace);
});

test("[PO-52] the same bundle and facts give the same bytes, and the digests are of what is sealed", () => {
  const of = bundle([{ outcome: "escalate", holds: ["freeze"] }]);
  const evaluation = evaluate(of, facts());
  assert.equal(canonical(evaluate(bundle([{ outcome: "escalate", holds: ["freeze"] }]), facts())), canonical(evaluation));
  assert.equal(evaluation.routeDigest, digestJson(evaluation.route));
  assert.equal(evaluation.bundleDigest, of.digest);
  assert.notEqual(evaluate(of, facts({ effects: [{ owners: ["@b"] }] })).routeDigest, evaluation.routeDigest);
  assert.notEqual(evaluate(bundle([{ outcome: "escalate" }]), facts()).routeDigest, evaluation.routeDigest);
});

test("[PO-53] explain says it in lines", () => {
  const seats = [{ id: "core", who: [{ group: "core" }, { person: "ada" }], count: 2, strength: "passkey" }];
  const rules = [
    { id: "small", outcome: "auto", when: "summary.effects < 5" },
    {
      id: "who",
      outcome: "escalate",
      when: 'proposer.kind == "agent" &&\n  scope.limits["rows"] > 3',
      reason: "agents and rows",
      seats,
      holds: ["freeze"],
    },
    { id: "never", outcome: "block", when: 'proposer.kind == "robot"' },
  ];
  assert.deepEqual(explain(evaluate(bundle(rules), facts())), [
    "outcome: escalate",
    "  escalate: agents and rows (not evaluated: no such key: rows) [who]",
    "  review: what cannot be evaluated is never passed automatically: who [builtin:rule-error]",
    "seats:",
    "  core: group core or ada, 2 persons, with a passkey",
    "holds:",
    "  freeze",
    "rules:",
    "  builtin:rule-error (review): fired",
    "    a rule cannot be evaluated",
    "  small (auto): fired",
    "      summary.effects < 5 = true",
    "      summary.effects = 1",
    "  who (escalate): fired, because it cannot be evaluated: no such key: rows",
    '    proposer.kind == "agent" &&',
    '    scope.limits["rows"] > 3',
    '      proposer.kind == "agent" = true',
    '      proposer.kind = "agent"',
    '      scope.limits["rows"] > 3 = error: no such key: rows',
    '      scope.limits["rows"] = error: no such key: rows',
    "  1 more cannot match these facts",
  ]);
  const sentBack = explain(
    evaluate(bundle([]), facts({ findings: [{ code: "scope.outside", resource: "git:shop#a", remedy: "drop it" }] })),
  );
  assert(sentBack.includes("  scope.outside git:shop#a: drop it"));
  const hidden = explain(
    evaluate(bundle([{ outcome: "block", when: 'effects[0].path == "x"' }]), facts({ effects: [{ path: "a\u202eb" }] })),
  );
  assert(hidden.includes('      effects[0].path = "a⟨U+202E⟩b"'));
  const alone = explain(
    evaluate(bundle([], { defaults: { seats: [{ id: "owner", who: [{ owners: true }] }] } }), facts({ effects: [{ owners: [] }] })),
  );
  assert(alone.includes("  owner: nobody can sit here"));
});

test("[PO-53] instructions, long conditions and values of every kind are said too", () => {
  const lines = explain(
    evaluate(
      bundle(
        [
          { id: "mend", outcome: "revise", when: "  summary.effects\n    == 1\n", instruction: { code: "mend", message: "mend it" } },
          { id: "quiet", outcome: "block", when: "summary.effects > 9" },
          { id: "list", outcome: "review", when: 'change.connectors == ["x"] || scope.limits == {"rows": 1} || time.hour == 10' },
        ],
        {},
      ),
      facts({ scope: { limits: { rows: 3 } } }),
    ),
  );
  assert.deepEqual(lines.slice(0, lines.indexOf("rules:")), [
    "outcome: revise",
    "  revise: reason 0 [mend]",
    "  review: reason 2 [list]",
    "instructions:",
    "  mend: mend it",
  ]);
  assert.deepEqual(lines.slice(lines.indexOf("rules:") + 1), [
    "  mend (revise): fired",
    "    summary.effects",
    "    == 1",
    "      summary.effects == 1 = true",
    "      summary.effects = 1",
    "  quiet (block): quiet",
    "      summary.effects > 9 = false",
    "      summary.effects = 1",
    "  list (review): fired",
    '    change.connectors == ["x"] || scope.limits == {"rows": 1} || time.hour == 10',
    '      change.connectors == ["x"] = false',
    '      change.connectors = ["git"]',
    '      scope.limits == {"rows": 1} = false',
    '      scope.limits = {"rows":3}',
    '      {"rows": 1} = {"rows":1}',
    "      time.hour == 10 = true",
    "      time.hour = 10",
  ]);
});

test("[PO-53] many owners that are missing are counted", () => {
  const bare = (count: number): string =>
    evaluate(
      bundle([], { defaults: { seats: [{ id: "owner", who: [{ owners: true }] }] } }),
      facts({ effects: Array.from({ length: count }, (_, i) => ({ path: `f${i}`, owners: [] })) }),
    ).route.reasons[0]?.text ?? "";
  assert.match(bare(5), /^nobody owns (?:git:shop#f\d, ){4}git:shop#f4, and the policy/);
  assert.match(bare(7), /^nobody owns (?:git:shop#f\d, ){4}git:shop#f4 and 2 more, and the policy/);
});

test("[PO-32] rules that cannot be evaluated are named, and one that says auto lets nothing pass", () => {
  const bad = { when: "1 / 0 == 1" };
  const { route, trace } = evaluate(
    bundle([
      { id: "a", outcome: "auto" },
      { ...bad, id: "b", outcome: "auto" },
      { ...bad, id: "c", holds: ["h"] },
    ]),
    facts(),
  );
  assert.deepEqual(route.reasons, [
    { rule: "c", outcome: "review", text: "reason 2 (not evaluated: division by zero)" },
    { rule: "builtin:rule-error", outcome: "review", text: "what cannot be evaluated is never passed automatically: b, c" },
  ]);
  assert.deepEqual(route.holds, ["h"]);
  assert.equal(trace.find(({ rule }) => rule === "b")?.fired, false);
  const only = evaluate(bundle([{ ...bad, id: "b", outcome: "auto" }]), facts());
  assert.deepEqual(
    only.route.reasons.map(({ rule }) => rule),
    ["builtin:rule-error", "builtin:default"],
  );
});

test("[PO-23] the route of facts that cannot be judged asks nobody for anything", () => {
  const { route } = evaluate(bundle([{ outcome: "review", holds: ["h"] }]), {} as Facts);
  const text = "the facts cannot be judged: change is not Change";
  assert.deepEqual(route, {
    outcome: "block",
    seats: [],
    reasons: [{ rule: "builtin:facts", outcome: "block", text }],
    instructions: [],
    holds: [],
  });
  assert.deepEqual(routeOf(bundle([]), {} as Facts), route);
  assert.equal(strictest([]), "auto");
});
