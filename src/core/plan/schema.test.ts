import assert from "node:assert/strict";
import test from "node:test";
import { Ajv2020 } from "ajv/dist/2020.js";
import * as fc from "fast-check";
import { canonical, compileGlob } from "../base/index.ts";
import { inputs, leaves } from "../../testing/arbitrary-plans.ts";
import { samplePlan } from "../../testing/plans.ts";
import { PLAN_BOUNDS, assemblePlan, planJsonSchema, validatePlan } from "./index.ts";
import type { Plan } from "./index.ts";

const SEED = 7295;
const published = new Ajv2020({ strict: true, allErrors: false }).compile(planJsonSchema());

/** What the schema has no words for; every other fault is one for it too. */
const BEYOND_SCHEMA = new Set(["shape.not_normal", "shape.duplicate"]);

function agree(raw: unknown, place: string): void {
  const checked = validatePlan(raw);
  const faults = checked.ok ? [] : checked.error.map(({ code }) => code);
  const ours = faults.every((code) => BEYOND_SCHEMA.has(code));
  assert.equal(
    published(raw),
    ours,
    `${place}: ${JSON.stringify(checked.ok ? [] : checked.error.slice(0, 3))} ${JSON.stringify(published.errors?.slice(0, 2))}`,
  );
}

test("[PL-21, PL-22] the published schema and the validator accept the same plans", () => {
  agree(samplePlan(), "sample");
  fc.assert(
    fc.property(inputs, (input) => {
      const plan: unknown = JSON.parse(canonical(assemblePlan(input)));
      assert.equal(published(plan), true);
      assert.equal(validatePlan(plan).ok, true);
    }),
    { seed: SEED, numRuns: 50 },
  );
});

/** A place in a document, and the same document with something else there, or nothing, or a stranger beside it. */
function mutated(document: unknown, at: readonly string[], put: unknown, how: "replace" | "remove" | "add"): unknown {
  const [key = "", ...rest] = at;
  if (at.length === 0) return put;
  const copy: Record<string, unknown> | unknown[] = Array.isArray(document) ? [...(document as unknown[])] : { ...(document as object) };
  const holder = copy as Record<string, unknown>;
  if (rest.length > 0) holder[key] = mutated(holder[key], rest, put, how);
  else if (how === "replace") holder[key] = put;
  else if (how === "remove") delete holder[key];
  else holder["stranger"] = put;
  return Array.isArray(copy) ? copy.filter(() => true) : copy;
}

const branches = (json: unknown): readonly (readonly string[])[] => {
  const all = leaves(json).flatMap((leaf) => leaf.map((_, i) => leaf.slice(0, i + 1)));
  return [...new Map(all.map((at) => [at.join("/"), at])).values()];
};

const odd = fc.oneof(
  fc.jsonValue({ maxDepth: 2 }),
  fc.constantFrom<unknown>(
    "",
    "x",
    "\uD800",
    "a\u0000",
    "a***",
    -1,
    1.5,
    2 ** 53,
    1e308,
    {},
    [],
    null,
    true,
    "derived",
    { kind: "json", value: 1 },
    { $secret: "x" },
    { $secret: { digest: "x" } },
  ),
  fc.constantFrom("x".repeat(9_000), "x".repeat(210_000), "é".repeat(513), "sha256:".padEnd(71, "a"), JSON.parse('{"__proto__":1}')),
);

test("[PL-22] they also refuse the same ones, whatever is altered, removed or added anywhere", () => {
  const plan = JSON.parse(canonical(samplePlan())) as Plan;
  const places = branches(plan);
  fc.assert(
    fc.property(fc.constantFrom(...places), odd, fc.constantFrom("replace", "remove", "add"), (at, put, how) => {
      agree(mutated(plan, at, put, how), `${how} ${at.join("/")}`);
    }),
    { seed: SEED, numRuns: 1_000 },
  );
});

test("[PL-22] they agree on the bounds themselves, and on what is one beyond", () => {
  const plan = JSON.parse(canonical(samplePlan())) as Plan;
  const many = (n: number): readonly string[] => Array.from({ length: n }, () => "update");
  const scope = (part: object): unknown => ({ ...plan, intent: { ...plan.intent, scope: { ...plan.intent.scope, ...part } } });
  const observed = (size: number): unknown => {
    const value = { kind: "bytes", digest: plan.steps[0]?.stateDigest, size, mediaType: "text/plain" };
    return { ...plan, steps: [{ ...plan.steps[0], observations: [{ subject: "s", method: "m", provenance: "derived", value }] }] };
  };
  const steps = (n: number): unknown => ({
    ...plan,
    steps: Array.from({ length: n }, (_, i) => ({ ...plan.steps[0], id: `s${String(i).padStart(2, "0")}` })),
  });
  const titled = (n: number): unknown => ({ ...plan, intent: { ...plan.intent, title: "😀".repeat(n) } });
  const { words, steps: most } = PLAN_BOUNDS;
  const cases: readonly (readonly [unknown, boolean])[] = [
    [scope({ operations: many(8) }), true],
    [scope({ operations: many(9) }), false],
    [scope({ limits: { rows: 0, money: Number.MAX_SAFE_INTEGER } }), true],
    [scope({ limits: { rows: -1 } }), false],
    [scope({ limits: { rows: Number.MAX_SAFE_INTEGER + 1 } }), false],
    [observed(Number.MAX_SAFE_INTEGER), true],
    [observed(Number.MAX_SAFE_INTEGER + 1), false],
    [steps(most), true],
    [steps(most + 1), false],
    [steps(0), false],
    [titled(words), true],
    [titled(words + 1), false],
    [titled(0), false],
  ];
  for (const [i, [raw, fits]] of cases.entries()) {
    agree(raw, `case ${i}`);
    assert.equal(published(raw), fits, `case ${i}`);
  }
});

test("[PL-22] they agree about any JSON in a value, secrets and odd names included", () => {
  const inner = fc.letrec<{ json: unknown }>((tie) => ({
    json: fc.oneof(
      { maxDepth: 4 },
      fc.constantFrom<unknown>(
        1,
        "a",
        "\uDC00",
        null,
        { $secret: "clear" },
        { $secret: { digest: `hmac-sha256:${"a".repeat(64)}` } },
        { $secret: { digest: "a" }, b: 1 },
        { $secret: { digest: `hmac-sha256:${"a".repeat(64)}` }, b: 1 },
      ),
      fc.array(tie("json"), { maxLength: 2 }),
      fc.dictionary(fc.constantFrom("a", "$secret", "__proto__", "\uD800"), tie("json"), { maxKeys: 2, noNullPrototype: true }),
    ),
  })).json;
  const plan = JSON.parse(canonical(samplePlan())) as Plan;
  const seen = { subject: "s", method: "m", provenance: "derived" };
  fc.assert(
    fc.property(inner, (value) => {
      const raw = { ...plan, steps: [{ ...plan.steps[0], observations: [{ ...seen, value: { kind: "json", value } }] }] };
      agree(raw, JSON.stringify(value));
    }),
    { seed: SEED, numRuns: 500 },
  );
});

test("[PL-22] patterns in a plan's scope are exactly those that can be compiled", () => {
  const plan = samplePlan();
  const texts = fc.oneof(
    fc.array(fc.constantFrom("*", "**", "a", "/", "?", "\n", "\u0085", "\uD800"), { maxLength: 5 }).map((parts) => parts.join("")),
    fc.constantFrom("a".repeat(512), "a".repeat(513), "😀".repeat(512)),
  );
  fc.assert(
    fc.property(texts, (pattern) => {
      const raw = { ...plan, intent: { ...plan.intent, scope: { ...plan.intent.scope, systems: [pattern] } } };
      assert.equal(published(raw), compileGlob(pattern).ok, JSON.stringify(pattern));
      assert.equal(validatePlan(raw).ok, compileGlob(pattern).ok, JSON.stringify(pattern));
    }),
    { seed: SEED, numRuns: 500 },
  );
});

test("[PL-22] a plan that is not in normal form, or whose steps share an id, is refused beyond the schema", () => {
  const plan = samplePlan();
  const codes = (raw: unknown): readonly string[] => {
    const checked = validatePlan(raw);
    return checked.ok ? [] : checked.error.map(({ code, where }) => `${code} ${where}`);
  };
  assert.deepEqual(codes({ ...plan, findings: plan.findings.toReversed() }), ["shape.not_normal "]);
  assert.deepEqual(codes({ ...plan, evidence: [...plan.evidence, ...plan.evidence] }), ["shape.not_normal "]);
  assert.deepEqual(codes({ ...plan, steps: [...plan.steps, ...plan.steps] }), ["shape.duplicate /steps/1/id"]);
});

test("[PL-22, F55] a stored plan that is malformed is a list of faults, never an exception", () => {
  for (const raw of [undefined, null, 7, "plan", [], {}, { schema: "pawl/change-plan/v2" }]) assert.equal(validatePlan(raw).ok, false);
  const flood = { ...samplePlan(), findings: Array.from({ length: 1_000 }, () => 7) };
  const checked = validatePlan(flood);
  assert.equal(checked.ok ? 0 : checked.error.length, 200);
});
