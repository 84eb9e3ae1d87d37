import assert from "node:assert/strict";
import { test } from "node:test";
import { stepOutcomes } from "./index.ts";
import type { ChangeState, Running } from "./types.ts";

const STEPS = ["one", "two", "three"];
type Told = Partial<Pick<Running, "begun" | "done" | "undoing">> & { readonly code?: string };

const after = (status: string, { code = "why", ...told }: Told): readonly string[] =>
  stepOutcomes({
    status,
    stepDigests: STEPS.map((id) => ({ id })),
    begun: [],
    done: [],
    undoing: [],
    because: { code },
    ...told,
  } as unknown as Extract<ChangeState, Running>);

test("[TA-9] a run under way tells what is begun, done, being undone and undone", () => {
  assert.deepEqual(after("running", {}), ["not_begun", "not_begun", "not_begun"]);
  assert.deepEqual(after("running", { begun: ["one", "two"], done: ["one"] }), ["done", "under_way", "not_begun"]);
  assert.deepEqual(after("applied", { begun: STEPS, done: STEPS }), ["done", "done", "done"]);
  assert.deepEqual(after("applied", { begun: STEPS, done: STEPS, undoing: ["three", "two"] }), ["done", "undoing", "undone"]);
});

test("[TA-9] a run that ended for certain tells of each step how", () => {
  assert.deepEqual(after("verified", { begun: STEPS, done: STEPS }), ["done", "done", "done"]);
  assert.deepEqual(after("failed", { begun: ["one"] }), ["no_effect", "not_begun", "not_begun"]);
  assert.deepEqual(after("undone", { begun: ["one", "two"], done: ["one"], undoing: ["one"] }), ["undone", "no_effect", "not_begun"]);
});

test("[TA-9] of a run that nobody knows the end of, a step is done only if that is on record", () => {
  assert.deepEqual(after("indeterminate", { begun: ["one", "two"], done: ["one"] }), ["done", "unknown", "not_begun"]);
  assert.deepEqual(after("indeterminate", { begun: STEPS, done: STEPS, undoing: ["three", "two"] }), ["done", "unknown", "undone"]);
  // Whoever undoes the first has vouched that the second, which was begun, had no effect.
  assert.deepEqual(after("indeterminate", { begun: ["one", "two"], done: ["one"], undoing: ["one"] }), [
    "unknown",
    "no_effect",
    "not_begun",
  ]);
});

test("[TA-9] whoever reconciles speaks of what was begun, and of nothing else", () => {
  const told = { begun: ["one", "two"], done: ["one"], code: "reconciled" };
  assert.deepEqual(after("verified", told), ["done", "done", "not_begun"]);
  assert.deepEqual(after("undone", told), ["undone", "undone", "not_begun"]);
  assert.deepEqual(after("failed", { begun: ["one"], code: "reconciled" }), ["no_effect", "not_begun", "not_begun"]);
});
