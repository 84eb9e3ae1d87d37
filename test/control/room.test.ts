import assert from "node:assert/strict";
import { test } from "node:test";
import { changeOf, ControlWorld, good, ordinary, refusal, set } from "../../src/testing/control-world.ts";

/** How often the open changes of anybody are listed. */
function counted(world: ControlWorld): () => number {
  let lists = 0;
  world.between({
    list: (query) => {
      lists += 1;
      return world.store.list(query);
    },
  });
  return () => lists;
}

test("[CO-10] what was counted is not counted again before everything heard of since could reach the limit", async () => {
  const world = await ControlWorld.open({ worker: false, limits: { openChangesPerProposer: 100 } });
  const lists = counted(world);
  for (let i = 0; i < 40; i += 1) good(await world.control.propose(world.as("agent:bot"), ordinary(`${i}`)));
  assert.equal(lists(), 1);
  for (let i = 40; i < 100; i += 1) good(await world.control.propose(world.as("agent:bot"), ordinary(`${i}`)));
  assert.ok(lists() > 1);
  assert.equal(refusal(await world.control.propose(world.as("agent:bot"), ordinary("one more"))).reason, "too_many_open");
});

test("[CO-10] what another process let in is heard of, and counts", async () => {
  const one = await ControlWorld.open({ worker: false, limits: { openChangesPerProposer: 10 } });
  const two = await ControlWorld.open({ worker: false, store: one.store, time: one.time, limits: { openChangesPerProposer: 10 } });
  const propose = (world: ControlWorld, value: string) => world.control.propose(world.as("agent:bot"), changeOf(set(value, "x")));
  good(await propose(one, "first"));
  for (let i = 0; i < 9; i += 1) good(await propose(two, `other ${i}`));
  for (const world of [one, two]) assert.equal(refusal(await propose(world, "eleventh")).reason, "too_many_open");
});

test("[CO-10] what is still being looked at has its place already", async () => {
  const world = await ControlWorld.open({ worker: false, limits: { openChangesPerProposer: 3 } });
  const gate = Promise.withResolvers<void>();
  world.outside.before = async () => gate.promise;
  const propose = (value: string) => world.control.propose(world.as("agent:bot"), ordinary(value), undefined, 30_000);
  const asked = Array.from({ length: 20 }, (_, n) => propose(`${n}`));
  while (world.outside.count("analyse") < 3) await new Promise<void>((resolve) => void setImmediate(resolve));
  gate.resolve();
  const answers = await Promise.all(asked);
  assert.equal(answers.filter(({ ok }) => ok).length, 3);
  assert.equal(refusal(await propose("one more")).reason, "too_many_open");
});
