import assert from "node:assert/strict";
import { test } from "node:test";
import type { Millis } from "../core/base/index.ts";
import { Places } from "./places.ts";
import type { LeasedItem } from "./ports.ts";

const item = (id: number, proposer?: string): LeasedItem => ({
  id,
  key: `${id}`,
  kind: "plan",
  body: proposer === undefined ? {} : { proposer },
  dueAt: 0 as Millis,
  attempts: 1,
});

function places(parallel: number) {
  const ends = new Map<number, () => void>();
  let freed = 0;
  const all = new Places(
    parallel,
    ({ id }) => new Promise<void>((resolve) => void ends.set(id, resolve)),
    () => (freed += 1),
  );
  const finish = async (id: number): Promise<void> => {
    ends.get(id)?.();
    await new Promise<void>((resolve) => void setImmediate(resolve));
  };
  return { all, finish, begun: () => [...ends.keys()], freed: () => freed };
}

test("[CO-61] nobody has more than half of the places, and what waits is begun in its turn", async () => {
  const { all, finish, begun, freed } = places(4);
  for (const id of [1, 2, 3, 4]) all.admit(item(id, "one"));
  all.admit(item(5, "other"));
  all.admit(item(6));
  assert.deepEqual([begun(), all.free], [[1, 2, 5, 6], 0]);
  await finish(6);
  assert.deepEqual([begun(), freed()], [[1, 2, 5, 6], 1], "what nobody here may have is free for others");
  await finish(1);
  assert.deepEqual(begun(), [1, 2, 5, 6, 3]);
  await finish(2);
  assert.deepEqual([begun(), all.dismiss()], [[1, 2, 5, 6, 3, 4], []]);
});

test("[CO-61] where there is one place, everybody's turn comes", async () => {
  const { all, finish, begun } = places(1);
  for (const id of [1, 2]) all.admit(item(id, "one"));
  await finish(1);
  assert.deepEqual(begun(), [1, 2]);
});

test("[CO-61] a job that only looks again from time to time gives its place to the next, and one that is here already is not begun twice", () => {
  const { all, begun } = places(2);
  for (const id of [1, 2, 2, 1]) all.admit(item(id, "one"));
  assert.deepEqual(begun(), [1]);
  all.rest(1);
  assert.deepEqual([begun(), all.free, all.under.length], [[1, 2], 1, 2]);
});
