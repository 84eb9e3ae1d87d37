/** A declared command through the real server: signed, run, moved away, undone. */
import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { serve } from "../served.ts";
import { CANARY, RELEASE_V2, world } from "./world.ts";

async function served(t: TestContext) {
  const shop = world(t);
  process.env["RELEASE_TOKEN"] = CANARY;
  t.after(() => delete process.env["RELEASE_TOKEN"]);
  const pawl = await serve(t, shop.text, () => ({
    command: { programs: [shop.program], probes: [`${shop.program} --current`], pass: ["RELEASE_TOKEN"] },
  }));
  return { ...pawl, shop, signed: () => pawl.signed("command", RELEASE_V2) };
}

test("approved and run, the command is the one that was shown, and what it does stays a claim", async (t) => {
  const { as, shop, signed } = await served(t);
  const id = await signed();
  const shown = await as("linus", "show", id);
  assert.match(shown.out, /EXECUTE +command:shop#web/);
  assert.match(shown.out, /claimed +release in command:shop/);
  assert.match(shown.out, /nothing is known of it but what its declaration says/);
  const ran = await as("linus", "run", id);
  assert.match(ran.out, /verified/, ran.err);
  assert.deepEqual([shop.version(), shop.writes()], ["v2", 1]);
});

test("[B12, OP-21] approved, and the version moves past Pawl: stale_state, both fingerprints, zero writes", async (t) => {
  const { as, shop, signed } = await served(t);
  const id = await signed();
  shop.version("v7");
  const ran = await as("linus", "run", id);
  assert.equal(ran.code, 1);
  assert.match(ran.out, /expected +state sha256:[0-9a-f]+/);
  assert.match(ran.out, /found +state sha256:[0-9a-f]+/);
  assert.deepEqual([shop.version(), shop.writes()], ["v7", 0]);
});

test("[OP-26] verification fails, and it is undone", async (t) => {
  const { as, shop, signed } = await served(t);
  const id = await signed();
  shop.flag("broken");
  const ran = await as("linus", "run", id);
  assert.match(ran.out, /undone/, ran.err);
  assert.deepEqual([shop.version(), shop.writes()], ["v1", 2]);
});

test("[K78, OP-56] what is handed on to a command is in nothing that Pawl keeps", async (t) => {
  const { as, logged, signed, kept } = await served(t);
  const id = await signed();
  const ran = await as("linus", "run", id);
  const shown = await as("linus", "show", id, "--json");
  assert.ok(![ran.out, ran.err, shown.out, ...logged].join("\n").includes(CANARY));
  assert.ok(!kept().includes(CANARY));
});
