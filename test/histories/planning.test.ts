import assert from "node:assert/strict";
import { test } from "node:test";
import type { RunnerId } from "../../src/core/base/index.ts";
import { ControlWorld, good, ordinary } from "../../src/testing/control-world.ts";

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
