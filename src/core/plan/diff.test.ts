import assert from "node:assert/strict";
import test from "node:test";
import * as fc from "fast-check";
import { altered, inputs, leaves } from "../../testing/arbitrary-plans.ts";
import { analysis, assembleInput, effect, planWith, proposal, samplePlan } from "../../testing/plans.ts";
import { assemblePlan, diffPlans, planDigest } from "./index.ts";
import type { Plan, PlanDiff } from "./index.ts";

const SEED = 7295;

/** Every part of a difference that says something. */
function says({ intent, scope, steps, effects, undo, findings, statements }: PlanDiff): number {
  const changes = [steps, effects, findings, statements].flatMap(({ added, removed }) => [added.length, removed.length]);
  const rest = [intent, scope, steps.changed, effects.changed, undo].map((part) => part.length);
  return [...changes, ...rest].reduce((sum, part) => sum + part, steps.moved ? 1 : 0);
}

test("[PL-24] plans are equal exactly when their digests are, and then there is nothing to say", () => {
  fc.assert(
    fc.property(inputs, inputs, (a, b) => {
      for (const [before, after] of [
        [assemblePlan(a), assemblePlan(b)],
        [assemblePlan(a), assemblePlan(a)],
      ] as const) {
        const diff = diffPlans(before, after);
        assert.equal(diff.equal, planDigest(before) === planDigest(after));
        assert.equal(says(diff) === 0, diff.equal);
      }
    }),
    { seed: SEED, numRuns: 25 },
  );
});

test("[PL-24] whatever is altered in a plan, the difference says so", () => {
  const plan = samplePlan();
  for (const place of leaves(plan)) assert.ok(says(diffPlans(plan, altered(plan, place))) > 0, place.join("/"));
});

test("[PL-24] a difference read backwards has added and removed exchanged", () => {
  fc.assert(
    fc.property(inputs, inputs, (a, b) => {
      const [there, back] = [diffPlans(assemblePlan(a), assemblePlan(b)), diffPlans(assemblePlan(b), assemblePlan(a))];
      assert.deepEqual(
        [back.findings.removed, back.statements.added, back.steps.added],
        [there.findings.added, there.statements.removed, there.steps.removed],
      );
      assert.equal(back.effects.added.length, there.effects.removed.length);
      assert.equal(back.effects.changed.length, there.effects.changed.length);
    }),
    { seed: SEED, numRuns: 25 },
  );
});

const withEffects = (...effects: ReturnType<typeof effect>[]): Plan => planWith({ step: { effects } });
const json = (value: string) => ({ kind: "json" as const, value });

test("[PL-25] an effect on the same resource is one that changed, with what changed in it", () => {
  const before = withEffects(effect("a.ts", { fields: [{ path: "mode", before: json("644"), after: json("755") }] }), effect("b.ts"));
  const after = withEffects(
    effect("a.ts", {
      reversibility: "irreversible",
      fields: [
        { path: "mode", before: json("644"), after: json("777") },
        { path: "owner", after: json("root") },
      ],
    }),
    effect("c.ts"),
  );
  const { effects } = diffPlans(before, after);
  assert.deepEqual(
    effects.added.map(({ effect: e }) => e.resource),
    ["git:shop#c.ts"],
  );
  assert.deepEqual(
    effects.removed.map(({ effect: e }) => e.resource),
    ["git:shop#b.ts"],
  );
  assert.deepEqual(effects.changed, [
    {
      step: "step-1",
      resource: "git:shop#a.ts",
      kind: "update",
      deltas: [
        { path: "/fields/mode/after", before: json("755"), after: json("777") },
        { path: "/fields/owner", after: { path: "owner", after: json("root") } },
        { path: "/reversibility", before: "reversible", after: "irreversible" },
      ],
    },
  ]);
});

test("[PL-25] an update that became a delete is one effect that changed its kind", () => {
  const { effects } = diffPlans(
    withEffects(effect("a.ts"), effect("a.ts", { kind: "execute" })),
    withEffects(effect("a.ts", { kind: "delete" }), effect("a.ts", { kind: "execute" })),
  );
  assert.deepEqual([effects.added, effects.removed], [[], []]);
  assert.deepEqual(effects.changed, [
    { step: "step-1", resource: "git:shop#a.ts", kind: "delete", deltas: [{ path: "/kind", before: "update", after: "delete" }] },
  ]);
});

test("[PL-25] an effect is rather paired with one of its own kind than with another on its resource", () => {
  const { effects } = diffPlans(
    withEffects(effect("a.ts")),
    withEffects(effect("a.ts", { kind: "delete" }), effect("a.ts", { exposure: "public" })),
  );
  assert.deepEqual(
    effects.added.map(({ effect: e }) => e.kind),
    ["delete"],
  );
  assert.deepEqual(
    effects.changed.map(({ deltas }) => deltas.map(({ path }) => path)),
    [["/exposure"]],
  );
});

test("[PL-25] what was asked, the scope, steps, their undo and findings are each named where they differ", () => {
  const before = samplePlan();
  const input = (ids: readonly string[]) => ({
    ...assembleInput,
    proposal: {
      ...proposal,
      title: "Another title",
      scope: { ...proposal.scope!, limits: { effects: 9 } },
      steps: ids.map((id) => ({ id, connector: "git", input: {} })),
    },
    analyses: ids.map((id) => ({
      id,
      connector: "git",
      analysis: {
        ...analysis,
        step: { ...analysis.step, operation: "push", undo: { kind: "manual" as const, text: "by hand", provenance: "claimed" as const } },
      },
    })),
  });
  const diff = diffPlans(before, assemblePlan(input(["step-2", "step-1"])));
  assert.deepEqual(diff.intent, [{ path: "/title", before: proposal.title, after: "Another title" }]);
  assert.deepEqual(diff.scope, [
    { path: "/limits/deletes", before: 0 },
    { path: "/limits/effects", before: 5, after: 9 },
  ]);
  assert.deepEqual(diff.steps, {
    added: ["step-2"],
    removed: [],
    moved: false,
    changed: [{ step: "step-1", deltas: [{ path: "/operation", before: "merge", after: "push" }] }],
  });
  assert.deepEqual(
    diff.undo.map(({ step, after }) => `${step} ${after.kind}`),
    ["step-1 manual"],
  );
  assert.ok(diff.findings.added.some(({ message }) => message.includes("the plan has 10")));
  assert.equal(diffPlans(assemblePlan(input(["a", "b"])), assemblePlan(input(["b", "a"]))).steps.moved, true);
});
