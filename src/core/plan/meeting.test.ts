import assert from "node:assert/strict";
import { test } from "node:test";
import type { Digest } from "../base/index.ts";
import { meetingFindings } from "./meeting.ts";
import type { Effect, PlanStep } from "./types.ts";

const step = (id: string, connector: string, state: string, ...resources: readonly string[]): PlanStep =>
  ({ id, connector, stateDigest: state as Digest, effects: resources.map((resource) => ({ resource }) as Effect) }) as unknown as PlanStep;
const told = (...steps: readonly PlanStep[]): readonly string[] => meetingFindings(steps).map(({ message }) => message.split(":")[0] ?? "");

test("[PL-50] a step that touches what an earlier one does, or rests on the same state, is told of", () => {
  assert.deepEqual(told(step("step-1", "git", "a", "x"), step("step-2", "sql", "b", "y", "x")), ["step-2 touches what step-1 changes"]);
  assert.deepEqual(told(step("step-1", "git", "a", "x"), step("step-2", "git", "a", "y"), step("step-3", "git", "a", "y")), [
    "step-2 rests on the state that step-1 changes",
    "step-3 touches what step-2 changes",
  ]);
});

test("[PL-50] steps that have nothing to do with each other are not told of, nor those that change nothing", () => {
  assert.deepEqual(told(step("step-1", "git", "a", "x", "x"), step("step-2", "sql", "a", "y"), step("step-3", "git", "b", "z")), []);
  assert.deepEqual(told(step("step-1", "git", "a"), step("step-2", "git", "a", "x"), step("step-3", "git", "a")), []);
});
