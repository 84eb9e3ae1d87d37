import assert from "node:assert/strict";
import { test } from "node:test";
import type { RunnerId } from "../../src/core/base/index.ts";
import { ControlWorld, good, ordinary, refusal } from "../../src/testing/control-world.ts";

test("[CO-15] [I70] of two nodes that plan one proposal the later changes nothing: what was signed meanwhile keeps its grant", async () => {
  const here = await ControlWorld.open({ worker: false });
  const { store, time, outside } = here;
  const there = await ControlWorld.open({ store, time, outside, runner: "rnr_world0002" as RunnerId });
  const held = Promise.withResolvers<void>();
  const asked = Promise.withResolvers<void>();
  outside.before = async (operation) => {
    if (operation !== "analyse" || outside.count("analyse") > 1) return undefined;
    asked.resolve();
    return held.promise;
  };
  const proposing = here.control.propose(here.as("agent:bot"), { ...ordinary(), start: "on-request" }, undefined, 1_000);
  await asked.promise;
  time.pass(1_000);
  const { id, status } = good(await proposing);
  assert.equal(status, "proposed");
  await there.settle();
  const authorised = await there.approve(id, "ed");
  assert.equal(authorised.status, "authorised");
  held.resolve();
  // Joins the planning that was under way here.
  const after = good(await here.control.replan(here.as("agent:bot"), id));
  assert.deepEqual([after.version, after.grant, outside.count("analyse")], [authorised.version, authorised.grant, 2]);
  await there.close();
});

test("[CO-50] [I70] a revision that is refused after all takes no proposal's planning with it", async () => {
  const world = await ControlWorld.open({ worker: false });
  const { id } = good(await world.control.propose(world.as("agent:bot"), ordinary(), undefined, 0));
  const [asked, held] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  world.outside.before = async () => {
    asked.resolve();
    await held.promise;
  };
  const { store } = world.deps;
  let refused = 0;
  world.between({
    append: async (request) => {
      const revises = request.writes.some(({ events }) => JSON.stringify(events).includes('"revised"'));
      if (!revises) return store.append(request);
      refused += 1;
      return { ok: false, error: { code: "entry_too_large", message: "no" } };
    },
  });
  const revising = world.control.revise(world.as("agent:bot"), id, ordinary("another"), 1_000);
  await asked.promise;
  world.time.pass(1_000);
  world.work();
  for (let turn = 0; turn < 100; turn += 1) await new Promise<void>((done) => void setImmediate(done));
  held.resolve();
  assert.equal(refusal(await revising).code, "too_large");
  assert.ok(refused > 0);
  await world.pass(60_000, 1_000);
  const { status, revision } = await world.view(id);
  assert.deepEqual([status, revision], ["awaiting", 1]);
  await world.close();
});
