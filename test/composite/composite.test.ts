/** Ordered steps of several kinds: all of them, or none that is known to have stayed. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { JsonObject } from "../../src/core/base/index.ts";
import type { Directory } from "../../src/core/review/index.ts";
import { good, refusal, type ControlWorld } from "../../src/testing/control-world.ts";
import { AFTER, BEFORE, commit, composite, EACH_STEP, FLAG, flag, leaves, onRequest, outcomes, refusesTo, restock } from "./world.ts";

/** Whoever owns a step signs it: the identity team for code and flags, an administrator for Pawl's own directory. */
const ALL = [commit(), flag(), leaves];

async function signed(world: ControlWorld, ...steps: readonly JsonObject[]) {
  const change = await world.propose({ ...onRequest(...steps), start: "when-authorised" });
  assert.equal(change.status, "awaiting", JSON.stringify(change.because));
  return change;
}

const effects = async (world: ControlWorld, id: string): Promise<readonly string[]> =>
  (await world.events(id)).flatMap((event) => ("step" in event ? [`${event.type} ${event.step}`] : []));

test("[TA-9] steps of three kinds run in their order, each on its own state, and are verified together", async (t) => {
  const { world, file } = await composite(t);
  const change = await signed(world, ...ALL);
  assert.deepEqual(
    change.seats?.map(({ who }) => who),
    [["owner @acme/identity"], ["group admins"]],
  );
  const done = await world.approve(change.id, "di", "cy");
  assert.equal(done.status, "verified");
  assert.deepEqual(await outcomes(world, change.id), ["git done", "script done", "pawl done"]);
  assert.deepEqual(await effects(world, change.id), [
    "effect_started step-1",
    "effect_done step-1",
    "effect_started step-2",
    "effect_done step-2",
    "effect_started step-3",
    "effect_done step-3",
  ]);
  assert.deepEqual([file(), world.outside.values.get(FLAG)], [AFTER, "on"]);
});

test("[TA-9] the second step fails: the first is undone under its own intent, and the third was never begun", async (t) => {
  const { world, file, git } = await composite(t);
  world.outside.before = refusesTo("apply", FLAG);
  const change = await signed(world, ...ALL);
  const ended = await world.approve(change.id, "di", "cy");
  assert.deepEqual([ended.status, ended.because?.code], ["undone", "target_refused"]);
  assert.deepEqual(await outcomes(world, change.id), ["git undone", "script no_effect", "pawl not_begun"]);
  assert.deepEqual(await effects(world, change.id), [
    "effect_started step-1",
    "effect_done step-1",
    "effect_started step-2",
    "undo_started step-1",
  ]);
  assert.deepEqual([file(), world.outside.writes], [BEFORE, []]);
  assert.equal(git.git(git.bare, "log", "--format=%s", "-1", "main"), 'Revert "Limit"');
});

test("[TA-9] seats for each step: nothing starts before every step has its own, and the failure of one undoes what others signed for", async (t) => {
  const { world, stock, file } = await composite(t, EACH_STEP);
  const before = await stock();
  world.outside.before = refusesTo("apply", FLAG);
  const change = await signed(world, commit(), restock(), flag());
  assert.deepEqual(
    change.seats?.map(({ id, who }) => [id, who]),
    [
      ["step-1/owner", ["owner @acme/identity"]],
      ["step-2/owner", ["group admins"]],
      ["step-3/owner", ["owner @acme/identity"]],
    ],
  );
  assert.equal((await world.approve(change.id, "di", "cy")).status, "awaiting");
  assert.equal((await world.vote("di", change.id, { seat: "step-3/owner" })).ok, false);
  const ended = await world.approve(change.id, "ed");
  assert.deepEqual([ended.status, await outcomes(world, change.id)], ["undone", ["git undone", "sql undone", "script no_effect"]]);
  assert.deepEqual([await stock(), file(), world.outside.writes], [before, BEFORE, []]);
});

test("[TA-9] rows that a first step changed are as they were once the second has failed", async (t) => {
  const { world, stock, file } = await composite(t);
  const before = await stock();
  world.outside.before = refusesTo("apply", FLAG);
  const change = await signed(world, restock(), commit(), flag());
  const ended = await world.approve(change.id, "cy", "di");
  assert.deepEqual([ended.status, ended.because?.text], ["undone", "the target said no"]);
  assert.deepEqual(await outcomes(world, change.id), ["sql undone", "git undone", "script no_effect"]);
  assert.deepEqual([await stock(), file(), world.outside.writes], [before, BEFORE, []]);
});

test("[TA-9] a step that meets another state than was approved has those before it undone, latest first", async (t) => {
  const { world, file } = await composite(t);
  world.outside.after = async (operation, target) => {
    if (operation === "apply" && target === "one") world.outside.values.set("two", "past Pawl");
  };
  const change = await signed(world, commit(), flag("on", "one"), flag("on", "two"));
  const ended = await world.approve(change.id, "di");
  assert.deepEqual([ended.status, ended.because?.code], ["undone", "stale_state"]);
  assert.deepEqual(await outcomes(world, change.id), ["git undone", "script undone", "script not_begun"]);
  const undone = (await effects(world, change.id)).filter((each) => each.startsWith("undo"));
  assert.deepEqual(undone, ["undo_started step-2", "undo_started step-1"]);
  assert.deepEqual([file(), [...world.outside.values]], [BEFORE, [["two", "past Pawl"]]]);
});

test("[TA-9] one step of several does not verify: all of them are undone, latest first", async (t) => {
  const { world, file } = await composite(t);
  world.outside.before = refusesTo("verify", FLAG);
  const change = await signed(world, flag(), commit(), leaves);
  const ended = await world.approve(change.id, "di", "cy");
  assert.deepEqual([ended.status, ended.because?.code], ["undone", "verification_failed"]);
  assert.deepEqual(await outcomes(world, change.id), ["script undone", "git undone", "pawl undone"]);
  assert.deepEqual([file(), world.outside.values.size], [BEFORE, 0]);
  const now = good(await world.control.directory(world.as("cy"))) as unknown as Directory;
  assert.equal(now.persons.find(({ id }) => id === "hal")?.active, true);
});

test("[TA-9] [TA-6] nobody knows of the second step: what is done stays told as done, and everything stays held until somebody has looked", async (t) => {
  const { world, file } = await composite(t);
  world.outside.before = refusesTo("apply", FLAG, "possible");
  const change = await signed(world, ...ALL);
  const ended = await world.approve(change.id, "di", "cy");
  assert.equal(ended.status, "indeterminate");
  assert.deepEqual(await outcomes(world, change.id), ["git done", "script unknown", "pawl not_begun"]);
  assert.equal(file(), AFTER);
  world.outside.before = async () => undefined;
  // Of each of the three systems something is held, also of that which was not reached.
  const git = { connector: "git", input: { ...(commit().input as object), patch: undoing } };
  for (const [step, signer] of [
    [git, "di"],
    [flag("off"), "di"],
    [leaves, "cy"],
  ] as const) {
    const other = await world.approve((await world.propose(onRequest(step), signer === "cy" ? "flo" : "agent:bot")).id, signer);
    assert.deepEqual([other.status, other.waits_for?.change], ["authorised", change.id]);
  }
  const { run } = await world.view(change.id);
  good(
    await world.control.reconcile(world.as("bo"), change.id, {
      as: "undone",
      run: run?.id ?? "",
      evidence: "the commit is reverted by hand",
    }),
  );
  assert.deepEqual(await outcomes(world, change.id), ["git undone", "script undone", "pawl not_begun"]);
});
const undoing = ["diff --git a/src/cart.ts b/src/cart.ts", "--- a/src/cart.ts", "+++ b/src/cart.ts", "@@ -1 +1 @@"]
  .concat(`-${AFTER.trim()}`, `+${BEFORE.trim()}`, "")
  .join("\n");

test("[TA-9] an undo that fails is told as unknown, and what was undone before it as undone", async (t) => {
  const { world } = await composite(t);
  world.outside.before = async (operation, target) =>
    (await refusesTo("apply", "three")(operation, target)) ?? refusesTo("undo", "one", "possible")(operation, target);
  const change = await signed(world, flag("on", "one"), flag("on", "two"), flag("on", "three"));
  const ended = await world.approve(change.id, "di");
  assert.deepEqual(
    [ended.status, await outcomes(world, change.id)],
    ["indeterminate", ["script unknown", "script undone", "script no_effect"]],
  );
});

test("[B13] a step that is added to an approved change, or dropped from it, voids what was signed; exactly the approved steps run", async (t) => {
  const { world } = await composite(t);
  for (const [before, after] of [
    [
      [commit(), flag()],
      [commit(), flag(), flag("on", "more")],
    ],
    [[commit(), flag()], [flag()]],
    [
      [commit(), flag()],
      [flag(), commit()],
    ],
  ] as const) {
    const change = await world.approve((await world.propose(onRequest(...before))).id, "di");
    assert.equal(change.status, "authorised");
    good(await world.control.revise(world.as("agent:bot"), change.id, { ...onRequest(...after) }));
    await world.settle();
    const now = await world.view(change.id);
    assert.deepEqual([now.status, now.seats?.flatMap(({ signed_by }) => signed_by)], ["awaiting", []]);
    assert.notEqual(now.payload_digest, change.payload_digest);
    assert.equal((await world.runner.desk.start(change.id, change.grant as never, world.runner.trust.runner)).ok, false);
  }
  assert.deepEqual(world.outside.writes, []);
});

test("[B14] a step that is aimed at another environment voids what was signed for all of them", async (t) => {
  const { world } = await composite(t);
  const aimed = (environment: string) => ({ connector: "script", input: { target: FLAG, set: "on", environment } });
  const change = await world.approve((await world.propose(onRequest(commit(), aimed("development")))).id, "di");
  good(await world.control.revise(world.as("agent:bot"), change.id, { ...onRequest(commit(), aimed("production")) }));
  await world.settle();
  assert.deepEqual(
    (await world.view(change.id)).seats?.flatMap(({ signed_by }) => signed_by),
    [],
  );
  assert.equal(refusal(await world.control.run(world.as("agent:bot"), change.id)).reason, "not_authorised");
});

test("the scope and its limits bound all steps together", async (t) => {
  const { world } = await composite(t);
  const scope = {
    systems: ["git:shop", "script"],
    environments: ["*"],
    operations: ["create", "update"],
    resources: ["**"],
    limits: { effects: 2 },
  };
  const found = async (...steps: readonly JsonObject[]) => {
    const change = await world.propose({ ...onRequest(...steps), scope });
    return (change.instructions ?? []).map(({ code }) => code);
  };
  assert.deepEqual(await found(commit(), flag()), []);
  assert.deepEqual(await found(commit(), flag(), flag("on", "more")), ["scope.outside"]);
  assert.deepEqual([...new Set(await found(commit(), leaves))], ["scope.outside"]);
});
