import assert from "node:assert/strict";
import test from "node:test";
import * as fc from "fast-check";
import { canonical, digestJson } from "../base/index.ts";
import type { Digest } from "../base/index.ts";
import { altered, inputs, leaves } from "../../testing/arbitrary-plans.ts";
import { analysis, assembleInput, effect, planWith, proposal, samplePlan } from "../../testing/plans.ts";
import { PLAN_BOUNDS, assemblePlan, planDigest, stateDigestOf, validatePlan } from "./index.ts";
import type { AssembleInput, StepAnalysis } from "./index.ts";

const SEED = 7295;

/** The same findings as another run might report them: other order, some twice, members set to undefined. */
function reshuffled<T>(value: T, turn: number): T {
  if (Array.isArray(value)) {
    const members = value.map((member) => reshuffled(member as unknown, turn));
    const rotated = [...members.slice(turn % (members.length + 1)), ...members.slice(0, turn % (members.length + 1))];
    return (turn % 2 === 0 ? rotated : [...rotated.toReversed(), ...rotated.slice(0, 1)]) as T;
  }
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).map(([key, member]): [string, unknown] => [
    key,
    key === "value" ? member : reshuffled(member as unknown, turn),
  ]);
  return Object.fromEntries(
    turn % 2 === 0 ? entries.toReversed() : [...entries, ["resource_", undefined]].filter(([key]) => key !== "resource_"),
  ) as T;
}

const again = (input: AssembleInput, turn: number): AssembleInput => ({
  ...input,
  names: reshuffled(input.names, turn),
  analyses: input.analyses.map((one) => ({ ...one, analysis: { ...reshuffled(one.analysis, turn), context: { seen: `at ${turn}` } } })),
});

test("[PL-16, PL-18] an equivalent re-plan has the same digest, however it is ordered, repeated or dated", () => {
  fc.assert(
    fc.property(inputs, fc.nat(50), (input, turn) => {
      const [first, second] = [assemblePlan(input), assemblePlan(again(input, turn))];
      assert.equal(canonical(second), canonical(first));
      assert.equal(planDigest(second), planDigest(first));
    }),
    { seed: SEED, numRuns: 50 },
  );
});

test("[PL-16] words are composed: two spellings of one text are one plan", () => {
  const spelt = (words: string) =>
    planWith({
      proposal: { title: words, summary: words },
      analysis: {
        findings: [{ code: "x", severity: "info", message: words, remedy: words, provenance: "derived" }],
        impact: [{ topic: "x", text: words, provenance: "derived", source: "git" }],
      },
      step: { effects: [effect("a.ts", { summary: words })], undo: { kind: "manual", text: words, provenance: "derived" } },
    });
  assert.equal(planDigest(spelt("cafe\u0301")), planDigest(spelt("caf\u00E9")));
});

test("[PL-17] a name is what it is: two spellings are two things, and both stay", () => {
  const plan = planWith({ step: { effects: [effect("cafe\u0301"), effect("caf\u00E9")] } });
  assert.equal(plan.steps[0]?.effects.length, 2);
});

test("[PL-17, B13] the order and the number of steps are part of what is signed", () => {
  const two = (order: readonly string[]): AssembleInput => ({
    ...assembleInput,
    proposal: { ...proposal, steps: order.map((id) => ({ id, connector: "git", input: {} })) },
    analyses: order.map((id) => ({
      id,
      connector: "git",
      analysis: { ...analysis, step: { ...analysis.step, stateDigest: digestJson(id) } },
    })),
  });
  const [one, other] = [assemblePlan(two(["a", "b"])), assemblePlan(two(["b", "a"]))];
  assert.notEqual(planDigest(one), planDigest(other));
  assert.notEqual(stateDigestOf(one), stateDigestOf(other));
  assert.notEqual(planDigest(one), planDigest(assemblePlan(two(["a"]))));
  assert.throws(() => assemblePlan({ ...two(["a", "b"]), analyses: two(["a"]).analyses }), /one analysis for each step/);
});

test("[PL-19] the digests are what anybody can compute from the plan's bytes", () => {
  const plan = samplePlan();
  assert.equal(planDigest(plan), digestJson(JSON.parse(canonical(plan))));
  assert.equal(stateDigestOf(plan), digestJson([analysis.step.stateDigest]));
});

test("[PL-43] two proposals with the same words are two plans, and one of them planned again is the same plan", () => {
  const under = (proposalDigest: Digest) => assemblePlan({ ...assembleInput, proposalDigest });
  const [one, other] = [under(digestJson({ ...proposal, salt: "1" })), under(digestJson({ ...proposal, salt: "2" }))];
  assert.notEqual(planDigest(one), planDigest(other));
  assert.equal(planDigest(under(one.intent.proposal)), planDigest(one));
});

test("[PL-20, B11, B14] altering anything in a plan alters its digest: target, environment, parameters, schema and all", () => {
  const plan = samplePlan();
  const places = leaves(plan);
  assert.ok(places.length > 150);
  for (const place of places) assert.notEqual(planDigest(altered(plan, place)), planDigest(plan), place.join("/"));
});

test("[PL-15] what nobody checked is listed, from what the effects themselves leave open", () => {
  const open = effect("x", {
    reversibility: "unknown",
    exposure: "unknown",
    privilege: "unknown",
    owners: [],
    detail: { kind: "uninspectable", reason: "binary" },
    provenance: "claimed",
  });
  const plan = planWith({
    proposal: { claims: [] },
    analysis: { evidence: [], unverified: [] },
    step: { effects: [open], undo: { kind: "manual", text: "by hand", provenance: "claimed" } },
  });
  assert.deepEqual(
    plan.unverified.map(({ topic, resource, provenance }) => [topic, resource, provenance]),
    [
      ["content", "git:shop#x", "unknown"],
      ["effect", "git:shop#x", "unknown"],
      ["exposure", "git:shop#x", "unknown"],
      ["owners", "git:shop#x", "unknown"],
      ["privilege", "git:shop#x", "unknown"],
      ["reversibility", "git:shop#x", "unknown"],
      ["tests.ran", undefined, "unknown"],
      ["undo", undefined, "unknown"],
    ],
  );
});

test("[PL-15] bytes of which there is only a digest are open, unless a difference shows them", () => {
  const bytes = { kind: "bytes" as const, digest: digestJson("x"), size: 1, mediaType: "text/plain" };
  const isOpen = (...one: Parameters<typeof effect>): boolean =>
    planWith({ step: { effects: [effect(...one)] } }).unverified.some(({ topic }) => topic === "content");
  const diff = { kind: "diff" as const, text: "+x", added: 1, removed: 0 };
  assert.equal(isOpen("a", { fields: [{ path: "content", before: bytes, after: bytes }] }), true);
  assert.equal(isOpen("a", { fields: [{ path: "content", before: bytes, after: bytes }], detail: diff }), false);
  assert.equal(isOpen("a", { kind: "delete", fields: [{ path: "content", before: bytes }] }), false);
});

test("[PL-15] a claim that tests ran is no evidence that they did; a derived or attested statement is", () => {
  const withTests = (provenance: "derived" | "attested" | "claimed" | "unknown"): boolean =>
    planWith({ analysis: { evidence: [{ topic: "tests.ran", text: "412 tests passed", provenance, source: "ci" }] } }).unverified.some(
      ({ topic }) => topic === "tests.ran",
    );
  assert.deepEqual([withTests("claimed"), withTests("unknown"), withTests("derived"), withTests("attested")], [true, true, false, false]);
});

test("[PL-23] what is too large to be read is marked as not shown, never cut", () => {
  const text = `+${"x".repeat(PLAN_BOUNDS.diff)}`;
  const value = { kind: "json" as const, value: "y".repeat(PLAN_BOUNDS.value) };
  const large = effect("big.ts", { detail: { kind: "diff", text, added: 1, removed: 0 }, fields: [{ path: "blob", after: value }] });
  const plan = planWith({ step: { effects: [large], observations: [{ subject: "s", value, method: "m", provenance: "derived" }] } });
  const shown = plan.steps[0]?.effects[0];
  assert.deepEqual(shown?.detail, {
    kind: "uninspectable",
    reason: "the difference has 200001 characters (1 lines added, 0 removed), more than the 200000 that are shown",
  });
  assert.equal(shown?.fields[0]?.after?.kind, "bytes");
  assert.equal(plan.steps[0]?.observations[0]?.value.kind, "bytes");
  assert.ok(plan.unverified.some(({ topic, resource }) => topic === "content" && resource === "git:shop#big.ts"));
});

test("[PL-22] whatever connectors report within the contract becomes a valid plan", () => {
  fc.assert(
    fc.property(inputs, (input) => validatePlan(JSON.parse(canonical(assemblePlan(input)))).ok),
    { seed: SEED, numRuns: 50 },
  );
});

test("[PL-22] a connector that breaks the contract is a bug, found where it happens", () => {
  const broken: StepAnalysis = { ...analysis, step: { ...analysis.step, effects: [effect("a", { owners: ["\uD800"] })] } };
  assert.throws(() => planWith({ analysis: broken }), /\/steps\/0\/effects\/0\/owners\/0|Lone surrogate/);
});
