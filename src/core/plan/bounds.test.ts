import assert from "node:assert/strict";
import test from "node:test";
import { digestOf, keyedDigestOf } from "../base/index.ts";
import { assembleInput, effect, planWith, samplePlan, SECRET_KEY } from "../../testing/plans.ts";
import { assemblePlan, diffPlans, parseProposal, PLAN_BOUNDS, planJsonSchema, sealSecrets, secretDigest, validatePlan } from "./index.ts";
import type { Effect, FieldChange, Plan, Scope } from "./index.ts";
import { markerOf } from "./secrets.ts";

const one = (given: Partial<Effect>, path = "a"): Effect => effect(path, given);
const planOf = (effects: readonly Effect[], more: Parameters<typeof planWith>[0] = {}): Plan =>
  planWith({
    ...more,
    proposal: { claims: [], summary: "", ...more.proposal },
    analysis: { findings: [], ...more.analysis },
    step: { ...more.step, effects },
  });
const invalid = (change: (plan: Plan) => void): string[] => {
  const plan = structuredClone(samplePlan());
  change(plan);
  const checked = validatePlan(plan);
  return checked.ok ? [] : checked.error.map(({ code, where }) => `${code} ${where}`);
};
const set = (target: unknown, more: object): void => void Object.assign(target as object, more);

test("[PL-22] a value in a plan is JSON, with names that any reader can hold", () => {
  const value = (json: unknown): string[] =>
    invalid((plan) => set(plan.steps[0]!.observations[0]!, { value: { kind: "json", value: json } }));
  const at = "/steps/0/observations/0/value/value";
  for (const good of [null, true, 0, -1.5, "x", [], {}, [{ a: [1] }]]) assert.deepEqual(value(good), []);
  assert.deepEqual(value("\ud800"), [`shape.bad_text ${at}`]);
  for (const bad of [Number.NaN, Number.POSITIVE_INFINITY]) assert.deepEqual(value(bad), [`shape.wrong_type ${at}`]);
  assert.deepEqual(value(JSON.parse('{"__proto__":1}')), [`shape.bad_text ${at}/__proto__`]);
  assert.deepEqual(value({ "\ud800": 1 }), [`shape.bad_text ${at}/\ud800`]);
  assert.deepEqual(value({ $secret: "x" }), [`shape.bad_format ${at}`]);
  assert.deepEqual(value([{ a: { $secret: { digest: "x" } } }]), [`shape.bad_format ${at}/0/a`]);
  assert.deepEqual(value({ $secret: { digest: keyedDigestOf(SECRET_KEY, "x") } }), []);
  assert.equal(value(Array.from({ length: 300 }, () => Number.NaN)).length, 200);
});

test("[PL-22] two steps with one id are told even of the first, beside a form that is not normal", () => {
  assert.deepEqual(
    invalid((plan) => set(plan, { steps: [plan.steps[0], plan.steps[0]] })),
    ["shape.duplicate /steps/1/id"],
  );
  const both = invalid((plan) => set(plan, { steps: [plan.steps[0], plan.steps[0]], findings: plan.findings.toReversed() }));
  assert.deepEqual(both, ["shape.duplicate /steps/1/id", "shape.not_normal "]);
});

test("[PL-22] each name in a plan has its form", () => {
  const wrong = (change: (plan: Plan) => void, where: string, code = "shape.bad_format"): void =>
    assert.deepEqual(invalid(change), [`${code} ${where}`]);
  wrong((plan) => set(plan.steps[0]!, { operation: "Merge" }), "/steps/0/operation");
  wrong((plan) => set(plan.steps[0]!, { operation: "m".repeat(65) }), "/steps/0/operation", "shape.too_long");
  wrong((plan) => set(plan.steps[0]!, { id: "-a" }), "/steps/0/id");
  wrong((plan) => set(plan.steps[0]!, { id: "a".repeat(33) }), "/steps/0/id", "shape.too_long");
  wrong((plan) => set(plan.steps[0]!, { stateDigest: "sha256:x" }), "/steps/0/stateDigest");
  wrong((plan) => set(plan.findings[0]!, { code: "Git" }), "/findings/0/code");
  wrong((plan) => set(plan.findings[0]!, { code: "git." }), "/findings/0/code");
  wrong((plan) => set(plan.findings[0]!, { code: "g".repeat(101) }), "/findings/0/code", "shape.too_long");
  wrong((plan) => set(plan.steps[0]!.effects[0]!, { resource: "" }), "/steps/0/effects/0/resource", "shape.too_short");
  wrong((plan) => set(plan.steps[0]!.effects[0]!, { resourceKind: "" }), "/steps/0/effects/0/resourceKind", "shape.too_short");
  wrong((plan) => set(plan.impact[0]!, { topic: "" }), "/impact/0/topic", "shape.too_short");
  wrong((plan) => set(plan.impact[0]!, { text: "x".repeat(10_001) }), "/impact/0/text", "shape.too_long");
  wrong((plan) => set(plan.intent, { summary: "x".repeat(10_001) }), "/intent/summary", "shape.too_long");
  wrong((plan) => set(plan.steps[0]!.target, { a: "x".repeat(8193) }), "/steps/0/target/a", "shape.too_long");
});

test("[PL-22] each list in a plan has its bound", () => {
  const many = (count: number): unknown[] => Array.from({ length: count + 1 }, () => 0);
  const rows: readonly (readonly [string, number, (plan: Plan, list: unknown[]) => void])[] = [
    ["/steps", PLAN_BOUNDS.steps, (plan, list) => set(plan, { steps: list })],
    ["/findings", PLAN_BOUNDS.findings, (plan, list) => set(plan, { findings: list })],
    ["/impact", PLAN_BOUNDS.statements, (plan, list) => set(plan, { impact: list })],
    ["/steps/0/effects", PLAN_BOUNDS.effects, (plan, list) => set(plan.steps[0]!, { effects: list })],
    ["/steps/0/observations", PLAN_BOUNDS.observations, (plan, list) => set(plan.steps[0]!, { observations: list })],
    ["/steps/0/effects/0/fields", PLAN_BOUNDS.fields, (plan, list) => set(plan.steps[0]!.effects[0]!, { fields: list })],
    ["/steps/0/effects/0/owners", PLAN_BOUNDS.labels, (plan, list) => set(plan.steps[0]!.effects[0]!, { owners: list })],
    ["/steps/0/effects/0/surfaces", PLAN_BOUNDS.labels, (plan, list) => set(plan.steps[0]!.effects[0]!, { surfaces: list })],
    ["/intent/scope/systems", 20_000, (plan, list) => set(plan.intent.scope, { systems: list })],
  ];
  for (const [where, most, put] of rows)
    assert.deepEqual(
      invalid((plan) => put(plan, many(most))),
      [`shape.too_many ${where}`],
    );
  const text = invalid((plan) =>
    set(plan.steps[0]!.effects[0]!, { detail: { kind: "diff", text: "x".repeat(200_001), added: 0, removed: 0 } }),
  );
  assert.deepEqual(text, ["shape.too_long /steps/0/effects/0/detail/text"]);
});

test("[PL-21] the published schema refuses a secret that is not sealed, and names that some readers cannot hold", () => {
  const { $schema, $defs } = planJsonSchema() as unknown as {
    $schema: string;
    $defs: { json: { anyOf: readonly Record<string, unknown>[] } };
  };
  assert.equal($schema, "https://json-schema.org/draft/2020-12/schema");
  const object = $defs.json.anyOf.find(({ type }) => type === "object");
  const keyed = { type: "string", maxLength: 76, pattern: "^hmac-sha256:[0-9a-f]{64}$" };
  assert.deepEqual(object?.["properties"], {
    $secret: { type: "object", properties: { digest: keyed }, required: ["digest"], additionalProperties: false },
  });
  assert.deepEqual(object?.["dependentSchemas"], { $secret: { maxProperties: 1 } });
  assert.deepEqual(object?.["additionalProperties"], { $ref: "#/$defs/json" });
  assert.match(JSON.stringify(object?.["propertyNames"]), /"not":\{"const":"__proto__"\}/);
  assert.equal(samplePlan().schema, "pawl/change-plan/v1");
});

test("[PL-26] what marks a secret, and what does not", () => {
  const digest = secretDigest(SECRET_KEY, "x");
  assert.deepEqual(markerOf({ $secret: "x" }), { kind: "raw", text: "x" });
  assert.deepEqual(markerOf({ $secret: { digest } }), { kind: "sealed" });
  const malformed: unknown[] = [
    { $secret: 1 },
    { $secret: null },
    { $secret: ["x"] },
    { $secret: { digest: 1 } },
    { $secret: { digest: [digest] } },
    { $secret: { digest, more: 1 } },
    { $secret: "x", more: 1 },
  ];
  for (const value of malformed) {
    assert.deepEqual(markerOf(value), { kind: "malformed" }, JSON.stringify(value));
    assert.throws(() => sealSecrets({ deep: [value as never] }, SECRET_KEY), /malformed secret marker at \/deep\/0/);
  }
  assert.throws(() => sealSecrets({ $secret: 1 }, SECRET_KEY), /malformed secret marker at \/$/);
  for (const value of [null, "x", 1, ["$secret"], { secret: "x" }, Object.create({ $secret: "x" })])
    assert.equal(markerOf(value), undefined);
  assert.deepEqual(sealSecrets([null, [1], { a: [{ $secret: "x" }, { $secret: { digest } }] }], SECRET_KEY), {
    value: [null, [1], { a: [{ $secret: { digest } }, { $secret: { digest } }] }],
    secrets: 1,
  });
});

test("[PL-26] [PL-1] a proposal's input holds marked secrets and no other marker, however deep", () => {
  const places = (input: unknown): string[] => {
    const parsed = parseProposal({ title: "t", steps: [{ connector: "git", input: input as never }] });
    return parsed.ok ? [] : parsed.error.map(({ code, where }) => `${code} ${where}`);
  };
  assert.deepEqual(places({ a: [{ $secret: "x" }], b: null }), []);
  assert.deepEqual(places({ a: [{ $secret: { digest: keyedDigestOf(SECRET_KEY, "x") } }] }), ["shape.bad_format /steps/0/input/a/0"]);
  assert.deepEqual(places({ $secret: "x", more: 1 }), ["shape.bad_format /steps/0/input"]);
});

test("[PL-1] [PL-3] a summary may be blank, a title not, and a change starts as it says", () => {
  const parsed = (more: object) => parseProposal({ title: "t", steps: [{ connector: "git", input: 1 }], ...more });
  const blank = parsed({ summary: " \n", start: "when-authorised" });
  assert.ok(blank.ok && blank.value.summary === "" && blank.value.start === "when-authorised");
  const titles = parsed({ title: " " });
  assert.equal(titles.ok ? "" : titles.error[0]?.code, "shape.too_short");
});

const { scope: _given, ...unbounded } = assembleInput.proposal;
const scopeOf = (resource: string, operations?: readonly Effect["kind"][]): Scope =>
  assemblePlan({ ...assembleInput, proposal: unbounded, names: [{ system: "s", environment: "e", resources: [resource], operations }] })
    .intent.scope;

test("[PL-8] the longest name that stands in a pattern as it is", () => {
  assert.deepEqual(scopeOf("x".repeat(512)).resources, ["x".repeat(512)]);
  assert.deepEqual(scopeOf("x".repeat(513)).resources, [`${"x".repeat(510)}**`]);
  assert.deepEqual(scopeOf(`${"x".repeat(508)}**${"y".repeat(9)}`).resources, [`${"x".repeat(508)}**`]);
  assert.deepEqual(scopeOf(`*x${"x".repeat(600)}`).resources, [`*${"x".repeat(509)}**`]);
  assert.deepEqual(scopeOf("x", []).operations, []);
});

test("[PL-9] six patterns are named, and a seventh is counted; a star is no star where it is written otherwise", () => {
  const told = (count: number): string => {
    const resources = Array.from({ length: count }, (_, i) => `r${i}`);
    return (
      planOf([one({})], { proposal: { scope: { systems: ["**"], environments: ["**"], operations: ["update"], resources, limits: {} } } })
        .findings[0]?.message ?? ""
    );
  };
  assert.match(told(6), /allows r0, r1, r2, r3, r4, r5$/);
  assert.match(told(7), /allows r0, r1, r2, r3, r4, r5 and 1 more$/);
});

test("[PL-10] a quantity is counted where it is stated, and where it could be there and is not, it is not known", () => {
  const everything = { systems: ["**"], environments: ["**"], operations: ["update", "send", "create"] as const, resources: ["**"] };
  const codes = (limits: Scope["limits"], more: Partial<Effect>): string[] =>
    planOf([one(more)], { proposal: { scope: { ...everything, limits } } }).findings.map(({ code }) => code);
  const field = (path: string, value: unknown): Partial<Effect> => ({ fields: [{ path, after: { kind: "json", value: value as never } }] });
  assert.deepEqual(codes({ rows: 0 }, {}), []);
  for (const resourceKind of ["table", "rows"]) assert.deepEqual(codes({ rows: 9 }, { resourceKind }), ["scope.unmeasured"], resourceKind);
  assert.deepEqual(codes({ recipients: 0 }, {}), []);
  assert.deepEqual(codes({ recipients: 9 }, { kind: "send" }), ["scope.unmeasured"]);
  assert.deepEqual(codes({ money: 9 }, {}), ["scope.unmeasured"]);
  assert.deepEqual(codes({ money: 0 }, field("money", 0)), []);
  assert.deepEqual(codes({ money: 9 }, field("money", -1)), ["scope.unmeasured"]);
  assert.deepEqual(codes({ money: 9 }, field("money", "9")), ["scope.unmeasured"]);
  assert.deepEqual(
    codes(
      { money: 9 },
      { fields: [{ path: "money", after: { kind: "bytes", digest: digestOf("x"), size: 1, mediaType: "a/b" } }] },
    ).includes("scope.unmeasured"),
    true,
  );
  assert.deepEqual(codes({ money: 9 }, { fields: [{ path: "money", before: { kind: "json", value: 1 } }] }), ["scope.unmeasured"]);
  assert.deepEqual(codes({ effects: 0 }, {}), ["scope.outside"]);
  assert.deepEqual(codes({ effects: 1 }, {}), []);
});

test("[PL-24] lists are compared by path only where every entry has one of its own", () => {
  const changed = (before: unknown, after: unknown): string[] => {
    const withValue = (value: unknown): Plan => planOf([one({ fields: [{ path: "p", after: { kind: "json", value: value as never } }] })]);
    return diffPlans(withValue(before), withValue(after)).effects.changed.flatMap(({ deltas }) => deltas.map(({ path }) => path));
  };
  assert.deepEqual(changed([1], [2]), ["/fields/p/after"]);
  const fields = (...list: FieldChange[]): Plan => planOf([one({ fields: list })]);
  const paths = (before: Plan, after: Plan): string[] =>
    diffPlans(before, after).effects.changed.flatMap(({ deltas }) => deltas.map(({ path }) => path));
  const value = (n: number): FieldChange["after"] => ({ kind: "json", value: n });
  assert.deepEqual(paths(fields({ path: "p", after: value(1) }), fields({ path: "p", after: value(2) }, { path: "q" })), [
    "/fields/p/after",
    "/fields/q",
  ]);
  assert.deepEqual(paths(fields({ path: "p", after: value(1) }, { path: "p", after: value(2) }), fields({ path: "p", after: value(3) })), [
    "/fields",
  ]);
  assert.deepEqual(paths(fields(), fields({ path: "p" })), ["/fields"]);
  const owners = (...list: string[]): Plan => planOf([one({ owners: list })]);
  assert.deepEqual(paths(owners("a"), owners("b")), ["/owners"]);
});

test("[PL-25] steps that both plans have are moved only where their own order differs", () => {
  const plan = samplePlan();
  const steps = (...ids: string[]): Plan => ({ ...plan, steps: ids.map((id) => ({ ...plan.steps[0]!, id })) });
  assert.equal(diffPlans(steps("a", "b"), steps("b", "c")).steps.moved, false);
  assert.equal(diffPlans(steps("a", "b", "c"), steps("c", "b")).steps.moved, true);
  assert.equal(diffPlans(steps("x", "a", "b"), steps("a", "b", "y")).steps.moved, false);
});
