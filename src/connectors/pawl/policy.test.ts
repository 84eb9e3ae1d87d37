import assert from "node:assert/strict";
import test from "node:test";
import * as fc from "fast-check";
import { OUTCOMES, type Definition, type Outcome, type RuleDefinition } from "../../core/policy/index.ts";
import { bundle } from "../../testing/policy.ts";
import { policyFindings } from "./policy.ts";

const SEED = 20261120;
const BASE: Definition = bundle(
  [
    { id: "docs", outcome: "auto", when: "summary.deletes == 0" },
    { id: "pawl", outcome: "escalate", when: '"pawl" in summary.surfaces', seats: [{ id: "admin", who: [{ role: "admin" }], count: 2 }] },
    { id: "freeze", outcome: "review", holds: ["weekend", "freeze"] },
    { id: "large", outcome: "revise", when: "summary.effects > 9" },
  ],
  {
    surfaces: [{ name: "pawl", paths: ["a/**"], resources: ["pawl:**"], tags: ["pawl"] }],
    cases: [{ name: "one", expect: { outcome: "review" } }],
  },
).definition;

const found = (after: Definition): string[] => policyFindings(BASE, after).map(({ code, severity }) => `${severity} ${code.slice(5)}`);
const withRule = (id: string, more: Partial<RuleDefinition>): Definition => ({
  ...BASE,
  rules: BASE.rules.map((rule) => (rule.id === id ? { ...rule, ...more } : rule)),
});
const [surface] = BASE.surfaces;
assert.ok(surface);
const withSurface = (more: object): Definition => ({ ...BASE, surfaces: [{ ...surface, ...more }] });

test("[PW-4] what is weakened in place is found, each thing by itself", () => {
  const [seat] = BASE.defaults.seats;
  assert.ok(seat);
  const table: readonly (readonly [Definition, readonly string[]])[] = [
    [BASE, []],
    [withRule("pawl", { when: "false" }), ["danger rule_condition"]],
    [withRule("docs", { when: "true" }), ["danger rule_condition"]],
    [withRule("pawl", { outcome: "review" }), ["danger rule_weaker"]],
    [withRule("pawl", { outcome: "auto" }), ["danger rule_weaker"]],
    [withRule("pawl", { outcome: "block", seats: [] }), ["info rule_stricter"]],
    [withRule("pawl", { seats: [{ ...seat, count: 1 }] }), ["danger rule_seats"]],
    [withRule("large", { instruction: { code: "mend", message: "or not" } }), ["danger rule_instruction"]],
    [withRule("freeze", { holds: ["weekend"] }), ["danger rule_holds"]],
    [withRule("freeze", { holds: ["freeze", "weekend"] }), []],
    [withRule("freeze", { holds: ["weekend", "freeze", "night"] }), ["info rule_holds"]],
    [{ ...BASE, rules: BASE.rules.filter(({ id }) => id !== "pawl") }, ["danger rule_removed"]],
    [{ ...BASE, rules: BASE.rules.filter(({ id }) => id !== "docs") }, ["info rule_removed"]],
    [{ ...BASE, rules: [...BASE.rules, { ...(BASE.rules[0] as RuleDefinition), id: "all" }] }, ["danger rule_added"]],
    [{ ...BASE, rules: [...BASE.rules, { ...(BASE.rules[3] as RuleDefinition), id: "more" }] }, []],
    [{ ...BASE, surfaces: [] }, ["danger surface_removed"]],
    [withSurface({ paths: [] }), ["danger surface_narrower"]],
    [withSurface({ resources: ["pawl:policy"] }), ["danger surface_narrower"]],
    [withSurface({ tags: [] }), ["danger surface_narrower"]],
    [withSurface({ paths: ["a/**", "b/**"] }), []],
    [{ ...BASE, defaults: { ...BASE.defaults, unowned: [] } }, ["danger defaults"]],
    [{ ...BASE, defaults: { ...BASE.defaults, seats: [{ ...seat, strength: "passkey" }] } }, ["danger defaults"]],
    [{ ...BASE, cases: [] }, ["warning cases"]],
  ];
  for (const [after, wanted] of table) assert.deepEqual(found(after), wanted);
});

test("[PW-4] a finding says what was and what would be, within bounds", () => {
  const [finding] = policyFindings(BASE, withRule("pawl", { when: `false ${"x".repeat(4000)}` }));
  assert.match(finding?.message ?? "", /^rule pawl: its condition was "pawl" in summary\.surfaces and becomes false x+…$/);
  assert.ok((finding?.message.length ?? 0) < 800);
  const many = { ...BASE, rules: Array.from({ length: 500 }, (_, i) => ({ ...(BASE.rules[1] as RuleDefinition), id: `r${i}` })) };
  const gone = policyFindings(many, { ...many, rules: [] });
  assert.deepEqual([gone.length, gone.at(-1)?.message], [201, "and 300 more differences: read the whole text"]);
});

const definition = fc
  .record({
    rules: fc.uniqueArray(
      fc.record({
        id: fc.constantFrom("a", "b", "c", "d"),
        outcome: fc.constantFrom<Outcome>(...OUTCOMES),
        when: fc.constantFrom("true", "false", "summary.deletes == 0"),
        holds: fc.subarray(["x", "y"]),
      }),
      { selector: ({ id }) => id },
    ),
    surfaces: fc.uniqueArray(
      fc.record({ name: fc.constantFrom("s", "t"), paths: fc.subarray(["p", "q"]), tags: fc.subarray(["u", "v"]) }),
      {
        selector: ({ name }) => name,
      },
    ),
    cases: fc.uniqueArray(fc.record({ name: fc.constantFrom("one", "two") }), { selector: ({ name }) => name }),
  })
  .map(({ rules, surfaces, cases }): Definition => ({
    ...BASE,
    rules: rules.map((rule) => ({ reason: "r", seats: [], ...rule })),
    surfaces: surfaces.map((one) => ({ resources: [], ...one })),
    cases: cases.map((one) => ({ ...one, facts: {}, expect: { outcome: "review" } })),
  }));

test("[PW-4] identical policies give no finding, whatever the order of their parts", () => {
  fc.assert(
    fc.property(definition, (of) => {
      assert.deepEqual(policyFindings(of, structuredClone(of)), []);
      assert.deepEqual(policyFindings(of, { ...of, rules: of.rules.toReversed(), surfaces: of.surfaces.toReversed() }), []);
    }),
    { seed: SEED, numRuns: 200 },
  );
});

test("[PW-4] nothing is taken away without a finding", () => {
  fc.assert(
    fc.property(definition, fc.nat(), (of, at) => {
      const without = <T>(items: readonly T[]): T[] => items.filter((_, i) => i !== at % items.length);
      const fewer: Definition[] = [
        ...(of.rules.length > 0 ? [{ ...of, rules: without(of.rules) }] : []),
        ...(of.surfaces.length > 0 ? [{ ...of, surfaces: without(of.surfaces) }] : []),
        ...(of.cases.length > 0 ? [{ ...of, cases: without(of.cases) }] : []),
        ...of.surfaces.flatMap((one, i) => [
          ...(one.paths.length > 0 ? [{ ...of, surfaces: of.surfaces.with(i, { ...one, paths: without(one.paths) }) }] : []),
          ...(one.tags.length > 0 ? [{ ...of, surfaces: of.surfaces.with(i, { ...one, tags: without(one.tags) }) }] : []),
        ]),
        ...of.rules.flatMap((rule, i) =>
          rule.holds.length > 0 ? [{ ...of, rules: of.rules.with(i, { ...rule, holds: without(rule.holds) }) }] : [],
        ),
      ];
      for (const after of fewer) assert.ok(policyFindings(of, after).length > 0);
    }),
    { seed: SEED, numRuns: 200 },
  );
});

test("[PW-4] between any two policies, a rule that becomes weaker or says something else is a danger", () => {
  fc.assert(
    fc.property(definition, definition, (before, after) => {
      const dangers = policyFindings(before, after)
        .filter(({ severity }) => severity === "danger")
        .map(({ message }) => message);
      for (const rule of before.rules) {
        const now = after.rules.find(({ id }) => id === rule.id);
        const same = now && OUTCOMES.indexOf(now.outcome) >= OUTCOMES.indexOf(rule.outcome) && now.when === rule.when;
        const passes = now === undefined && rule.outcome === "auto";
        assert.ok(same || passes || dangers.some((message) => message.startsWith(`rule ${rule.id}`)));
      }
    }),
    { seed: SEED, numRuns: 200 },
  );
});

test("[PW-4] whatever moves a calendar or a freeze, or opens an emergency route, is found", () => {
  const calendars = [{ name: "quiet", zone: "UTC", weekly: [{ from: "Fri 16:00", to: "Mon 08:00" }], dates: [] }];
  const freezes = [{ name: "quiet", calendar: "quiet", when: "true", reason: "nobody is there" }];
  const who = [{ group: "on-call" }];
  const breakGlass = {
    name: "incident",
    who,
    alone: "refused",
    strength: "session",
    channels: ["cli"],
    second: { within: "24h", who: [{ group: "leads" }] },
  } as const;
  const governed: Definition = { ...BASE, calendars, freezes, breakGlass };
  const told = (before: Definition, after: Definition): string[] =>
    policyFindings(before, after).map(({ code, severity }) => `${severity} ${code.slice(5)}`);
  assert.deepEqual(told(BASE, { ...BASE, calendars, freezes }), []);
  assert.deepEqual(told(BASE, governed), ["danger break_glass"]);
  assert.deepEqual(told(governed, BASE), ["danger calendar", "danger freeze", "info break_glass"]);
  assert.deepEqual(told(governed, { ...governed, freezes: freezes.map((one) => ({ ...one, when: "false" })) }), ["danger freeze"]);
  assert.deepEqual(told(governed, { ...governed, calendars: calendars.map((one) => ({ ...one, zone: "Asia/Tokyo" })) }), [
    "danger calendar",
  ]);
  assert.deepEqual(told(governed, { ...governed, breakGlass: { ...breakGlass, alone: "allowed" } }), ["danger break_glass"]);
  assert.deepEqual(told(BASE, withRule("docs", { each: "step" })), ["danger rule_each"]);
});
