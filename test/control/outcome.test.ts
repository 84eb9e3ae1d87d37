import assert from "node:assert/strict";
import { test } from "node:test";
import { changeOf, ControlWorld, good, refusal, set } from "../../src/testing/control-world.ts";

const TWO = changeOf(set("shop#src/a", "new"), set("shop#src/b", "new"));

/** A run of two steps whose first is done, and whose second was cut off before or after it took effect. */
async function lost(took: boolean) {
  const world = await ControlWorld.open();
  const cut = { ok: false, error: { code: "cut_off", message: "cut off", effect: "possible" } } as const;
  world.outside.before = async (operation, target) => (operation === "apply" && target.endsWith("b") && !took ? cut : undefined);
  world.outside.after = async (_, target) => (took && target.endsWith("b") ? Promise.reject(new Error("cut off")) : undefined);
  const change = await world.approve((await world.propose(TWO)).id, "ed");
  assert.equal(change.status, "indeterminate");
  world.outside.before = async () => undefined;
  return { world, id: change.id };
}

test("[CO-77] who is to say what became of a run sees what was begun, and what its connectors see now", async () => {
  for (const took of [false, true]) {
    const { world, id } = await lost(took);
    const found = good(await world.control.outcome(world.as("hal"), id));
    assert.deepEqual(
      found.steps.map(({ id: step, outcome, seen }) => [step, outcome, seen?.as_approved]),
      [
        ["step-1", "done", false],
        ["step-2", "unknown", !took],
      ],
    );
    assert.equal(found.because, took ? "connector_crashed" : "cut_off");
    assert.equal(found.steps[0]?.seen?.state, world.outside.state("shop#src/a"));
  }
});

test("[CO-77] what cannot be seen is said, and what was not begun is not asked about", async () => {
  const world = await ControlWorld.open();
  world.outside.before = async (operation) => (operation === "apply" ? Promise.reject(new Error("x")) : undefined);
  const change = await world.approve((await world.propose(TWO)).id, "ed");
  world.outside.before = async () => ({ ok: false, error: { code: "blind", message: "no way in", effect: "none" } });
  const [first, second] = good(await world.control.outcome(world.as("hal"), change.id)).steps;
  assert.deepEqual([first?.fault, first?.seen], [{ code: "blind", message: "no way in" }, undefined]);
  assert.deepEqual([second?.outcome, second?.seen, second?.fault], ["not_begun", undefined, undefined]);
});

test("[CO-77] [CO-18] it is for people, and only where there is something to find out; to look leaves nothing and changes nothing", async () => {
  const { world, id } = await lost(true);
  const [size, writes] = [(await world.store.head()).size, world.outside.writes.length];
  good(await world.control.outcome(world.as("hal"), id));
  assert.deepEqual([(await world.store.head()).size, world.outside.writes.length], [size, writes]);
  assert.equal(refusal(await world.control.outcome(world.as("agent:bot"), id)).reason, "machine_credential");
  const other = await world.propose(changeOf(set("shop#docs/x", "new")));
  assert.equal(refusal(await world.control.outcome(world.as("hal"), other.id)).reason, "not_indeterminate");
  assert.equal(refusal(await world.control.outcome(world.as("hal"), "chg_000000")).code, "not_found");
});
