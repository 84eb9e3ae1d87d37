import assert from "node:assert/strict";
import { test } from "node:test";
import { patienceMillis } from "./prefer.ts";

const cases: readonly (readonly [string | readonly string[] | undefined, number])[] = [
  [undefined, 200],
  ["", 200],
  ["wait=3", 3_000],
  ["wait=0", 0],
  ["WAIT = 3", 3_000],
  ['wait="3"', 3_000],
  ["wait=3; strict", 3_000],
  ["return=minimal, wait=2", 2_000],
  ["respond-async", 0],
  ["respond-async, wait=2", 2_000],
  ["wait=1, wait=9", 1_000],
  [["return=minimal", "wait=4"], 4_000],
  ["wait=999999999", 30_000],
  ["wait=9999999999", 200],
  ["wait=-1", 200],
  ["wait=1.5", 200],
  ["wait", 200],
  ["await=3", 200],
  ["wait=3x", 200],
];

for (const [header, millis] of cases) {
  test(`[AP-32] Prefer ${JSON.stringify(header) ?? "left out"} is a patience of ${millis} ms`, () => {
    assert.equal(patienceMillis(header, 200), millis);
  });
}
