import assert from "node:assert/strict";
import test from "node:test";
import * as fc from "fast-check";
import { bundle, faultsOf, facts } from "../../testing/policy.ts";
import { OUTCOMES, evaluate, loadBundle, routeOf, strictest } from "./index.ts";
import type { Bundle, Facts, Outcome, Route } from "./index.ts";

const SEED = 20261120;
const rank = (outcome: Outcome): number => OUTCOMES.indexOf(outcome);
const fired = (of: Bundle, given: Facts): string[] =>
  evaluate(of, given)
    .trace.filter((rule) => rule.fired)
    .map(({ rule }) => rule);
const rules = (route: Route): string[] => route.reasons.map(({ rule }) => rule);
const ERR = "1 / 0 == 1";

test("[PO-30] the strictest outcome wins, wherever its rule stands", () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...OUTCOMES), { minLength: 1, maxLength: 8 }), (outcomes) => {
      const { route } = evaluate(bundle(outcomes.map((outcome) => ({ outcome }))), facts());
      assert.equal(
        route.outcome,
        outcomes.reduce((a, b) => (rank(b) > rank(a) ? b : a)),
      );
      assert.equal(route.outcome, strictest(outcomes));
    }),
    { seed: SEED, numRuns: 60 },
  );
});

test("[C24] [PO-30] a rule that denies is not undone by one that allows", () => {
  const both = [
    { id: "deny", outcome: "block", when: 'change.connectors == ["git"]' },
    { id: "allow", outcome: "auto", when: 'effects[0].path == "README.md"' },
  ];
  for (const order of [both, both.toReversed()]) assert.equal(evaluate(bundle(order), facts()).route.outcome, "block");
});

test("[C21] [PO-31] nothing is automatic unless a rule says so: an empty bundle, a quiet rule", () => {
  assert.equal(evaluate(bundle([]), facts()).route.outcome, "review");
  assert.deepEqual(fired(bundle([]), facts()), ["builtin:default"]);
  assert.equal(evaluate(bundle([{ outcome: "auto", when: "false" }]), facts()).route.outcome, "review");
  for (const nothing of ["", "pawl: policy/v1", "rules: []"]) assert.equal(loadBundle(nothing).ok, false);
});

test("[C21] [PO-32] a rule that cannot be evaluated fires unless it is automatic, and the outcome is never automatic", () => {
  const tooLong = `effects.all(a, effects.all(b, effects.all(c, true)))`;
  const many = facts({ effects: Array.from({ length: 120 }, () => ({})) });
  const failures: readonly (readonly [string, Facts])[] = [
    [ERR, facts()],
    ["effects[5].kind == 'update'", facts()],
    ["scope.limits['rows'] > 3", facts()],
    ["effects[0].path == 'x'", facts({ effects: [{ resource: "db:orders" }] })],
    ["9223372036854775807 + summary.effects > 0", facts()],
    [tooLong, many],
  ];
  for (const [when, given] of failures) {
    for (const outcome of OUTCOMES) {
      const { route, trace } = evaluate(
        bundle([
          { outcome: "auto", id: "always" },
          { id: "bad", outcome, when },
        ]),
        given,
      );
      assert.equal(route.outcome, outcome === "auto" ? "review" : outcome, `${when} ${outcome}`);
      const bad = trace.find(({ rule }) => rule === "bad");
      assert.equal(bad?.fired, outcome !== "auto");
      assert.notEqual(bad?.error, undefined);
      assert.equal(trace.find(({ rule }) => rule === "builtin:rule-error")?.fired, true);
    }
  }
});

test("[C21] [PO-32] conditions of the wrong type never get as far as an evaluation", () => {
  for (const when of ["1", "'true'", "effects", "null", "summary.effects + 1", "[true]"])
    assert(
      faultsOf(
        JSON.stringify({
          pawl: "policy/v1",
          name: "n",
          defaults: { seats: [{ id: "s", who: [{ group: "g" }] }] },
          rules: [{ id: "r", outcome: "auto", when, reason: "r" }],
        }),
      ).length > 0,
    );
});

test("[C22] [PO-22] [PO-32] where an attribute is absent, a deny by not-in fires and an allow does not", () => {
  const deny = { id: "deny", outcome: "block", when: '!(effects[0].path in ["README.md", "docs/a.md"])' };
  const allow = { id: "allow", outcome: "auto", when: '!(effects[0].path in ["src/secret.ts"])' };
  const absent = facts({ effects: [{ resource: "db:orders" }] });
  assert.equal(evaluate(bundle([deny]), absent).route.outcome, "block");
  assert.equal(evaluate(bundle([allow]), absent).route.outcome, "review");
  assert.equal(evaluate(bundle([deny, allow]), absent).route.outcome, "block");
  assert.equal(evaluate(bundle([deny, allow]), facts()).route.outcome, "auto");
});

const AUTO = bundle([{ outcome: "auto" }], { surfaces: [{ name: "money", tags: ["revenue"] }] });

test("[PO-33] [PO-34] the floor holds whatever the bundle says", () => {
  const table: readonly (readonly [object, Outcome, string])[] = [
    [{ findings: [{ severity: "refused" }] }, "block", "refused"],
    [{ findings: [{ code: "scope.outside", severity: "info" }] }, "revise", "out-of-scope"],
    [{ effects: [] }, "revise", "no-effects"],
    [{ findings: [{ severity: "danger" }] }, "review", "danger"],
    [{ effects: [{}, { provenance: "unknown" }] }, "review", "unknown"],
    [{ effects: [{}, { provenance: "claimed" }] }, "review", "claimed"],
    [{ effects: [{}, { inspectable: false }] }, "review", "uninspectable"],
    [{ effects: [{}, { reversibility: "unknown" }] }, "review", "consequence"],
    [{ effects: [{}, { exposure: "unknown" }] }, "review", "consequence"],
    [{ effects: [{}, { privilege: "unknown" }] }, "review", "consequence"],
    [{ effects: [{}, { system: "pawl" }] }, "review", "self"],
    [{ effects: [{}, { connector: "pawl" }] }, "review", "self"],
    [{ effects: [{}, { surfaces: ["revenue"] }] }, "review", "surface:money"],
  ];
  for (const [given, outcome, rule] of table) {
    const document = facts({ ...given });
    assert.equal(evaluate(AUTO, document).route.outcome, outcome, rule);
    assert(fired(AUTO, document).includes(`builtin:${rule}`), rule);
    assert.equal(evaluate(bundle([{ outcome: "block" }]), document).route.outcome, "block");
  }
  for (const harmless of [
    { findings: [{ severity: "warning" }, { severity: "info" }] },
    { effects: [{ provenance: "attested" }] },
    { unverified: [{ topic: "x" }] },
  ]) {
    assert.equal(evaluate(AUTO, facts(harmless)).route.outcome, "auto");
  }
});

test("[PO-33] the floor is evaluated even where its own conditions would take too long", () => {
  const [one] = facts().effects;
  const huge = { ...facts(), effects: Array.from({ length: 20_000 }, () => one) } as Facts;
  assert.equal(routeOf(AUTO, huge).outcome, "auto");
  const larger = { ...facts(), effects: Array.from({ length: 90_000 }, () => one) } as Facts;
  assert.equal(routeOf(AUTO, larger).outcome, "review");
});

/** Rules as a policy author may write them, facts as a plan may have them. */
const whens = fc.constantFrom(
  "true",
  "false",
  ERR,
  "summary.deletes == 0",
  "effects.all(e, has(e.path) && e.path.endsWith('.md'))",
  "size(findings) == 0",
  '"auth" in summary.surfaces',
  "effects.exists(e, e.path == 'a')",
);
const someRules = fc.array(fc.record({ outcome: fc.constantFrom(...OUTCOMES), when: whens }), { maxLength: 6 });
const someFacts = fc
  .record({
    effects: fc.array(
      fc.record({
        resource: fc.constantFrom("git:shop#a", "git:shop#b.md", "db:orders"),
        kind: fc.constantFrom("update", "delete"),
        owners: fc.subarray(["@a", "@b"]),
        provenance: fc.constantFrom("derived", "derived", "claimed"),
      }),
      { minLength: 1, maxLength: 3 },
    ),
    findings: fc.array(fc.record({ code: fc.constant("x.y"), severity: fc.constantFrom("info", "warning") }), { maxLength: 1 }),
  })
  .map((given) => facts(given));

test("[C26] [PO-35] adding a rule that is not automatic never makes an outcome more permissive", () => {
  const stricter = fc.record({ outcome: fc.constantFrom("review", "escalate", "revise", "block"), when: whens });
  fc.assert(
    fc.property(someRules, stricter, fc.nat(6), someFacts, (some, added, at, given) => {
      const before = routeOf(bundle(some), given);
      const after = routeOf(bundle(some.toSpliced(at, 0, added as (typeof some)[number])), given);
      assert(rank(after.outcome) >= rank(before.outcome), `${before.outcome} became ${after.outcome}`);
    }),
    { seed: SEED, numRuns: 100 },
  );
});

test("[C26] [PO-35] danger, a refusal, a surface, an unknown or an error never let through what was held", () => {
  const raised: readonly ((given: Facts) => Facts)[] = [
    (given) => ({ ...given, findings: [...given.findings, { code: "x.z", severity: "danger", provenance: "derived" }] }),
    (given) => ({ ...given, findings: [...given.findings, { code: "x.z", severity: "refused", provenance: "derived" }] }),
    (given) => ({ ...given, effects: given.effects.map((e) => ({ ...e, provenance: "unknown" })) }),
    (given) => ({ ...given, effects: given.effects.map((e) => ({ ...e, exposure: "unknown" })) }),
    (given) => ({ ...given, effects: given.effects.map((e) => ({ ...e, inspectable: false })) }),
    (given) => ({ ...given, effects: given.effects.map((e) => ({ ...e, surfaces: ["auth"] })) }),
  ];
  const surfaces = { surfaces: [{ name: "auth" }] };
  fc.assert(
    fc.property(someRules, someFacts, fc.constantFrom(...raised), (some, given, raise) => {
      assert.notEqual(routeOf(bundle(some, surfaces), raise(given)).outcome, "auto");
    }),
    { seed: SEED, numRuns: 100 },
  );
});

test("[C26] [PO-35] adding a surface never makes a change automatic", () => {
  fc.assert(
    fc.property(
      someRules,
      someFacts,
      fc.constantFrom({ paths: ["**/*.md"] }, { paths: ["**"] }, { resources: ["db:**"] }, { paths: ["nowhere"] }),
      (some, given, patterns) => {
        const before = routeOf(bundle(some), given).outcome;
        const after = routeOf(bundle(some, { surfaces: [{ name: "auth", ...patterns }] }), given).outcome;
        assert(after !== "auto" || before === "auto");
      },
    ),
    { seed: SEED, numRuns: 100 },
  );
});

test("[PO-36] reasons come strictest first, and an automatic rule is one only where it decided", () => {
  const of = bundle([
    { id: "a", outcome: "auto" },
    { id: "b", outcome: "review", holds: ["weekend", "freeze"] },
    { id: "c", outcome: "escalate", when: ERR },
    { id: "d", outcome: "block", when: "false", holds: ["never"] },
    { id: "e", outcome: "review", holds: ["freeze"] },
  ]);
  const { route } = evaluate(of, facts());
  assert.deepEqual(rules(route), ["c", "b", "e", "builtin:rule-error"]);
  assert.equal(route.reasons[0]?.text, "reason 2 (not evaluated: division by zero)");
  assert.deepEqual(route.holds, ["freeze", "weekend"]);
  assert.deepEqual(rules(evaluate(bundle([{ id: "a", outcome: "auto" }]), facts()).route), ["a"]);
});

test("[PO-37] instructions name what to mend: one per finding of the floor, and those of the rules", () => {
  const of = bundle([
    { id: "split", outcome: "revise", instruction: { code: "split", message: "propose it in parts" } },
    { id: "quiet", outcome: "revise", when: "false" },
    { id: "mute", outcome: "block" },
  ]);
  const findings = [
    { code: "scope.outside", severity: "danger", resource: "git:shop#a", remedy: "drop it" },
    { code: "scope.outside", severity: "danger", resource: "git:shop#b" },
    { code: "git.secret", severity: "refused", resource: "git:shop#c", remedy: "revoke it" },
    { code: "x.y", severity: "warning" },
  ];
  assert.deepEqual(evaluate(of, facts({ findings })).route.instructions, [
    { rule: "builtin:refused", code: "git.secret", message: "revoke it", resource: "git:shop#c" },
    { rule: "builtin:out-of-scope", code: "scope.outside", message: "drop it", resource: "git:shop#a" },
    {
      rule: "builtin:out-of-scope",
      code: "scope.outside",
      message: "take out of the change what caused this finding",
      resource: "git:shop#b",
    },
    { rule: "split", code: "split", message: "propose it in parts" },
  ]);
  assert.deepEqual(
    evaluate(bundle([]), facts({ effects: [] })).route.instructions.map(({ code }) => code),
    ["no_effects"],
  );
});

test("[PO-54] all rules of a route have one budget of steps: past it each is an error, which only makes the outcome stricter", () => {
  const nested = { outcome: "auto", when: "effects.all(a, effects.all(b, a.kind == b.kind))" };
  const given = facts({ effects: Array.from({ length: 300 }, () => ({})) });
  assert.equal(routeOf(bundle([nested]), given).outcome, "auto");
  const of = bundle([...Array.from({ length: 40 }, () => nested), { id: "last", outcome: "escalate", when: "false" }]);
  const { route, trace } = evaluate(of, given);
  assert.equal(route.outcome, "escalate");
  assert.match(trace.find(({ rule }) => rule === "last")?.error ?? "", /^too costly: /);
  assert.deepEqual(evaluate(of, given, { indexed: false }).route, route);
});

test("[PO-54] surfaces are paid for too: where the steps do not suffice to tell, all are touched", () => {
  const surfaces = [
    { name: "far", paths: ["nowhere"] },
    ...Array.from({ length: 40 }, (_, i) => ({ name: `s${i}`, paths: [`${"*a".repeat(200)}${"?".repeat(i)}x`] })),
  ];
  const given = facts({ effects: Array.from({ length: 50 }, () => ({ path: `${"a".repeat(500)}x` })) });
  const seen = fired(bundle([{ outcome: "auto" }], { surfaces }), given);
  assert.ok(seen.includes("builtin:surface:far") && seen.includes("builtin:rule-error"));
});
