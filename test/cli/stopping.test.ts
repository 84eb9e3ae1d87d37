/** What is watched, stopped and reconciled, by the commands against a real Pawl with a real repository. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import test from "node:test";
import type { ChangeView, PlanView } from "../../src/control/types.ts";
import { CART, type Ran, world } from "./world.ts";

// oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- it says what the caller expects to find
const document = <T>(ran: Ran): T => JSON.parse(ran.out) as T;

test("[CO-71] a change that is to hold is watched, and verified when it has", async (t) => {
  const pawl = await world(t);
  const id = await pawl.proposed(CART, "--watch", "2", "--watch-every", "1");
  const shown = await pawl.as("linus", "show", id);
  assert.match(shown.out, /watched +for 2 seconds after it is applied, every 1 second; a check\s+that fails has it undone/);
  assert.equal((await pawl.as("linus", "approve", id, "--yes")).code, 0);
  const watched = await pawl.as("agent", "watch", id);
  assert.equal(watched.code, 0, watched.out);
  assert.match(watched.out, /applied +Applied; watched until .*: pawl stop chg_\w+ has it\s*undone now\./);
  const { change } = document<PlanView>(await pawl.as("agent", "show", id, "--json"));
  assert.deepEqual([change.status, change.run?.checked?.result], ["verified", "held"]);
  const proven = await pawl.as("linus", "verify", id);
  assert.equal(proven.code, 0, proven.out);
});

test("[CO-74] a person stops a run while it is watched: what it did is undone", async (t) => {
  const pawl = await world(t);
  const id = await pawl.proposed(CART, "--watch", "600", "--watch-every", "2");
  assert.equal((await pawl.as("linus", "approve", id, "--yes")).code, 0);
  let change = document<PlanView>(await pawl.as("linus", "show", id, "--json")).change;
  while (change.status !== "applied") change = document<PlanView>(await pawl.as("linus", "show", id, "--json")).change;
  const machine = await pawl.as("agent", "stop", id);
  assert.deepEqual([machine.code, /not for a credential of kind agent/.test(machine.err)], [1, true], machine.err);
  const early = await pawl.as("linus", "reconcile", id);
  assert.deepEqual([early.code, /is applied, so there is nothing to find out/.test(early.err)], [1, true], early.err);
  const stopped = await pawl.as("linus", "stop", id, "--json");
  assert.deepEqual([stopped.code, document<ChangeView>(stopped).run?.stopped_by], [0, "linus"], stopped.err);
  const followed = await pawl.as("agent", "watch", id);
  assert.equal(followed.code, 1);
  assert.match(followed.out, /undone +Stopped by linus, and what had been done is undone\./);
  const now = document<PlanView>(await pawl.as("agent", "show", id, "--json")).change;
  assert.deepEqual([now.status, now.because?.code], ["undone", "stopped"]);
  assert.doesNotMatch(execFileSync("git", ["-C", pawl.repository, "show", "main:src/cart.js"], { encoding: "utf8" }), /Math\.round/);
  const proven = await pawl.as("linus", "verify", id);
  assert.equal(proven.code, 0, proven.out);
});

test("half of what there is to say of a run is refused, and so is a watch without its length", async (t) => {
  const pawl = await world(t);
  for (const args of [
    ["reconcile", "chg_000001", "--outcome", "undone"],
    ["reconcile", "chg_000001", "--evidence", "I looked"],
    ["reconcile", "chg_000001", "--evidence-file", "pawl.yaml"],
    ["reconcile", "chg_000001", "--outcome", "undone", "--evidence", "I looked", "--evidence-file", "nothing.log"],
    ["reconcile", "chg_000001", "--outcome", "undone", "--evidence", "I looked", "--evidence-file", "."],
    ["propose", "--title", "x", "--repo", "shop", "--branch", "main", "--ref", "x", "--watch-every", "1"],
  ])
    assert.equal((await pawl.as("linus", ...args)).code, 2, args.join(" "));
});
