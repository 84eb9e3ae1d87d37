/** The whole way with a real repository. */
import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import type { RunnerId } from "../../src/core/base/index.ts";
import { runChange } from "../../src/runner/runner.ts";
import { ControlWorld, good, refusal } from "../../src/testing/control-world.ts";
import { patchOf, World } from "../connectors/git/world.ts";

const BEFORE = "export const limit = 5;\n";
const AFTER = "export const limit = 3;\n";
const OWNERS = "* @acme/identity\n";

async function repository(t: TestContext) {
  const git = new World(t);
  git.commit("main", { "src/cart.ts": BEFORE, "README.md": "shop\n", ".github/CODEOWNERS": OWNERS });
  const world = await ControlWorld.open({ connectors: [git.connector()] });
  const input = { repository: "shop", branch: "main", message: "Limit", patch: patchOf("src/cart.ts", BEFORE, AFTER) };
  const change = await world.propose({ title: "Limit", start: "on-request", steps: [{ connector: "git", input }] });
  assert.deepEqual([change.status, change.seats?.map(({ who }) => who)], ["awaiting", [["owner @acme/identity"]]]);
  return { git, world, signed: await world.approve(change.id, "ed") };
}

async function start(world: ControlWorld, id: string) {
  good(await world.control.run(world.as("agent:bot"), id));
  await world.settle();
  return world.view(id);
}

test("[B12] [B15] a branch that was pointed elsewhere after approval is met with both fingerprints, and is left as it is", async (t) => {
  const { git, world, signed } = await repository(t);
  const moved = git.commit("main", { "src/cart.ts": "export const limit = 4;\n" }, "hot fix");
  const stale = await start(world, signed.id);
  assert.equal(stale.status, "stale");
  assert.ok(stale.drift !== undefined && stale.drift.expected !== stale.drift.observed);
  assert.equal(git.tip("main"), moved);
  const back = good(await world.control.replan(world.as("ada"), signed.id));
  assert.ok(["awaiting", "sent_back"].includes(back.status), back.status);
  assert.ok(!(await world.types(signed.id)).includes("effect_started"));
});

test("[B12] [CO-15] a branch that moved to the very same tree is the approved state still", async (t) => {
  const { git, world, signed } = await repository(t);
  git.commit("main", {}, "an empty commit");
  assert.equal((await start(world, signed.id)).status, "verified");
  assert.equal(git.show("main:src/cart.ts"), AFTER.trim());
});

test("[D31] [B11] of many runners at once one commits, and the commit holds what was approved and nothing else", async (t) => {
  const { git, world, signed } = await repository(t);
  const before = git.tip("main");
  const runners = Array.from({ length: 20 }, (_, i) => ({
    ...world.runner,
    trust: { ...world.runner.trust, runner: `rnr_git${String(i).padStart(6, "0")}` as RunnerId },
  }));
  const reports = await Promise.all(runners.map((runner) => runChange(runner, signed.id)));
  assert.deepEqual(
    reports.filter(({ kind }) => kind === "ended"),
    [{ kind: "ended", end: "verified", code: "verified" }],
  );
  assert.equal(git.git(git.bare, "rev-parse", "main^"), before);
  assert.equal(git.git(git.bare, "diff", "--name-only", "main^", "main"), "src/cart.ts");
});

test("[A5] [B17] a reviewer's own revision of a patch is another patch, which another must sign", async (t) => {
  const { git, world, signed } = await repository(t);
  const input = {
    repository: "shop",
    branch: "main",
    message: "Limit",
    patch: patchOf("src/cart.ts", BEFORE, "export const limit = 2;\n"),
  };
  good(await world.control.revise(world.as("di"), signed.id, { title: "Limit more", steps: [{ connector: "git", input }] }));
  await world.settle();
  const stale = { decision: "approve", review_digest: signed.review_digest ?? "" };
  assert.equal(refusal(await world.control.vote(world.as("ed"), signed.id, stale)).reason, "review_moved");
  assert.equal(refusal(await world.vote("di", signed.id)).reason, "self_approval");
  assert.equal((await world.approve(signed.id, "ed")).status, "authorised");
  assert.equal((await start(world, signed.id)).status, "verified");
  assert.equal(git.show("main:src/cart.ts"), "export const limit = 2;");
});
