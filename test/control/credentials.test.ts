import assert from "node:assert/strict";
import { test } from "node:test";
import { digestOf } from "../../src/core/base/index.ts";
import type { Caller } from "../../src/control/types.ts";
import { refold } from "../../src/control/index.ts";
import { fsck } from "../../src/store/index.ts";
import { ControlWorld, good, ordinary, refusal } from "../../src/testing/control-world.ts";

const ADMIN = { roles: ["admin"] };

/** Somebody who signs in with a token that somebody else had made for them. */
async function signedIn(world: ControlWorld, principal: string, by: string): Promise<Caller> {
  const { token } = good(await world.control.createToken(world.as(by, ADMIN), { principal, label: "laptop" }));
  return good(await world.control.authenticate(token, "cli"));
}

test("[A1] [CO-44] whoever had the agent's token made cannot sign what is proposed with it", async () => {
  const world = await ControlWorld.open();
  const agent = await signedIn(world, "agent:bot", "ed");
  assert.equal(agent.issuer, "human:ed");
  const proposed = good(await world.control.propose(agent, ordinary()));
  await world.settle();
  assert.equal(refusal(await world.vote("ed", proposed.id)).reason, "self_approval");
});

test("[A5] [CO-44] nor what is revised with it, nor a change in the place of one they edited", async () => {
  const world = await ControlWorld.open();
  const first = await world.propose(ordinary());
  const agent = await signedIn(world, "agent:bot", "ed");
  good(await world.control.revise(agent, first.id, ordinary("revised")));
  await world.settle();
  assert.equal(refusal(await world.vote("ed", first.id)).reason, "self_approval");
  const second = await world.propose({ ...ordinary("again"), supersedes: first.id });
  assert.equal(second.status, "awaiting");
  assert.equal(refusal(await world.vote("ed", second.id)).reason, "self_approval");
});

test("[CO-45] a vote given with a token that is revoked before the start counts for nothing", async () => {
  const world = await ControlWorld.open();
  const change = await world.propose({ ...ordinary(), start: "on-request" });
  const { token, view } = good(await world.control.createToken(world.as("ed"), { principal: "human:ed" }));
  const ed = good(await world.control.authenticate(token, "cli"));
  const signed = good(await world.control.vote(ed, change.id, { decision: "approve", review_digest: change.review_digest ?? "" }));
  assert.equal(signed.status, "authorised");
  good(await world.control.revokeToken(world.as("ed"), view.id));
  const asked = await world.control.run(world.as("agent:bot"), change.id);
  assert.ok(!asked.ok || asked.value.status === "awaiting", "nothing starts on it");
  await world.settle();
  assert.equal((await world.view(change.id)).status, "awaiting");
  assert.deepEqual(world.outside.writes, []);
  assert.equal((await world.approve(change.id, "ed")).status, "authorised", "with a token that is good, the person signs again");
});

test("[E39] [CO-46] a token that somebody planted or altered in the database is found", async () => {
  const world = await ControlWorld.open();
  const { token, view } = good(await world.control.createToken(world.as("ed", ADMIN), { principal: "human:hal", label: "desk" }));
  assert.equal(view.label, "desk");
  const [entry] = (await world.entries()).filter(({ stream }) => stream === `token/${view.id}`);
  assert.equal(entry?.event["hash"], digestOf(token));
  assert.ok((await fsck(world.store, { refold })).ok);
  const row = await world.store.load(`token/${view.id}`);
  const planted = { ...(row?.body as object), hash: digestOf("a token of my own") };
  const folded = refold(`token/${view.id}`, [entry?.event ?? {}]);
  assert.deepEqual(folded, row?.body);
  assert.notDeepEqual(folded, planted);
});

test("[CO-47] health tells of rules that cannot be read", async () => {
  const world = await ControlWorld.open();
  assert.deepEqual(
    (await world.control.health()).checks.map(({ name, ok }) => [name, ok]),
    [
      ["store", true],
      ["log", true],
      ["rules", true],
      ["glass", true],
      ["connectors", true],
    ],
  );
  const broken = new Proxy(world.store, {
    get: (target, key) => (key === "load" ? async () => undefined : (Reflect.get(target, key) as unknown)),
  });
  Object.assign(world.deps, { store: broken });
  const told = await world.control.health();
  assert.deepEqual([told.ok, told.checks.find(({ name }) => name === "rules")?.ok], [false, false]);
});
