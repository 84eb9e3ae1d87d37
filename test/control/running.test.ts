import assert from "node:assert/strict";
import { test } from "node:test";
import { verifyGrant } from "../../src/core/grant/index.ts";
import { changeOf, ControlWorld, docs, good, ordinary, refusal, set, signIn } from "../../src/testing/control-world.ts";
import { runChange } from "../../src/runner/runner.ts";

const TEN_MINUTES = 600_000;

async function authorised(options: Parameters<typeof ControlWorld.open>[0] = {}) {
  const world = await ControlWorld.open(options);
  const change = await world.approve((await world.propose({ ...ordinary(), start: "on-request" })).id, "ed");
  assert.equal(change.status, "authorised");
  return { world, change };
}

test("[CO-21] who made a change starts it, or who may sit in one of its seats; nobody else, and no other machine", async () => {
  for (const name of ["agent:bot", "ada", "ed", "di"]) {
    const { world, change } = await authorised();
    good(await world.control.run(world.as(name), change.id));
    await world.settle();
    assert.equal((await world.view(change.id)).status, "verified", name);
  }
  const { world, change } = await authorised();
  for (const name of ["hal", "bo", "gus", "nobody", "agent:sub", "workload:ci", "runner:one"]) {
    const { code, reason } = refusal(await world.control.run(world.as(name), change.id));
    assert.deepEqual([code, reason], ["forbidden", "not_a_party"], name);
  }
  assert.equal(refusal(await world.control.run(world.as("ed", { identity: "@bo" }), change.id)).reason, "not_a_party");
  await world.settle();
  assert.equal((await world.view(change.id)).status, "authorised");
});

test("[CO-21] a start is refused for what it would be refused for, in every state", async () => {
  const { world, change } = await authorised();
  const waiting = await world.propose(signIn());
  assert.equal(refusal(await world.control.run(world.as("agent:bot"), waiting.id)).reason, "not_authorised");
  assert.equal(refusal(await world.control.run(world.as("agent:bot"), "chg_000000")).code, "not_found");
  assert.equal(refusal(await world.control.run(world.as("agent:bot"), "../config/policy")).code, "not_found");
  good(await world.control.run(world.as("agent:bot"), change.id));
  await world.settle();
  assert.equal(refusal(await world.control.run(world.as("agent:bot"), change.id)).reason, "not_authorised");
});

test("[LC-25] only those who made a change take it back, and only until it starts", async () => {
  const { world, change } = await authorised();
  for (const name of ["hal", "ed", "agent:sub", "workload:ci", "runner:one"]) {
    assert.equal(refusal(await world.control.withdraw(world.as(name), change.id)).reason, "not_a_party", name);
  }
  assert.equal(good(await world.control.withdraw(world.as("ada"), change.id)).status, "withdrawn");
  assert.equal((await runChange(world.runner, change.id)).kind, "not_started");
  assert.deepEqual(world.outside.writes, []);
});

test("[CO-22] a grant can be read and checked offline by whoever has the keys, and exists only where something is granted", async () => {
  const { world, change } = await authorised();
  const { trust } = world.runner;
  const envelope = good(await world.control.grant(world.as("hal"), change.id));
  const offer = good(await world.runner.desk.offer(change.id, trust.runner));
  const body = verifyGrant(envelope, trust, offer.payloads, world.time.now());
  assert.ok(body.ok);
  assert.deepEqual([body.value.change, body.value.grant, body.value.votes.map(({ person }) => person)], [change.id, change.grant, ["ed"]]);
  const waiting = await world.propose(signIn());
  assert.equal(refusal(await world.control.grant(world.as("hal"), waiting.id)).reason, "not_authorised");
});

test("[CO-22] grants stay provable while the ledger grows under them", async () => {
  const { world, change } = await authorised();
  const { trust, desk } = world.runner;
  for (let i = 0; i < 12; i += 1) {
    const [, ...offers] = await Promise.all([
      world.propose(signIn(`growing ${i}`)),
      ...Array.from({ length: 5 }, () => desk.offer(change.id, trust.runner)),
    ]);
    for (const offer of offers) assert.ok(verifyGrant(good(offer).envelope, trust, good(offer).payloads, world.time.now()).ok);
  }
});

test("[D35] a runner whose clock is beyond the skew starts nothing, in either direction", async () => {
  const { world, change } = await authorised({ limits: { grantLifetimeMillis: 300_000 } });
  for (const [by, code] of [
    [TEN_MINUTES, "grant_expired"],
    [-TEN_MINUTES, "grant_not_yet_valid"],
  ] as const) {
    const clock = { now: () => (world.time.now() + by) as ReturnType<typeof world.time.now> };
    const report = await runChange({ ...world.runner, clock }, change.id);
    assert.deepEqual([report.kind, report.kind === "not_started" && report.error.code], ["not_started", code]);
  }
  const within = { now: () => (world.time.now() - 45_000) as ReturnType<typeof world.time.now> };
  assert.equal((await runChange({ ...world.runner, clock: within }, change.id)).kind, "ended");
});

test("[D35] a node whose clock fell back starts nothing that was authorised later than it knows", async () => {
  const { world, change } = await authorised();
  world.time.jump(-TEN_MINUTES);
  const refused = await world.runner.desk.start(change.id, change.grant as never, world.runner.trust.runner);
  assert.equal(!refused.ok && refused.error.code, "clock_behind");
  assert.equal(refusal(await world.control.run(world.as("agent:bot"), change.id)).reason, "clock_behind");
  world.time.jump(TEN_MINUTES - 30_000);
  assert.ok((await world.runner.desk.start(change.id, change.grant as never, world.runner.trust.runner)).ok);
});

test("[D35] [CO-25] a clock that jumps past the grant between start and effect stops the run before any effect", async () => {
  for (const [by, code] of [
    [3 * TEN_MINUTES, "grant_expired"],
    [-TEN_MINUTES, "clock_behind"],
  ] as const) {
    const { world, change } = await authorised({ limits: { grantLifetimeMillis: TEN_MINUTES } });
    world.outside.before = async (operation) => {
      if (operation === "observe") world.time.jump(by);
    };
    const report = await runChange(world.runner, change.id);
    assert.deepEqual(report, { kind: "ended", end: "failed", code });
    assert.deepEqual([(await world.view(change.id)).status, world.outside.writes], ["failed", []]);
  }
});

test("[D35] after a jump forward no grant of before starts, and what starts by itself is planned afresh", async () => {
  const world = await ControlWorld.open({ limits: { grantLifetimeMillis: 300_000 } });
  const held = Promise.withResolvers<void>();
  world.outside.before = async (operation) => (operation === "observe" ? held.promise : undefined);
  const change = await world.approve((await world.propose({ ...changeOf(set("shop#src/a", "new")), start: "on-request" })).id, "ed");
  world.time.jump(TEN_MINUTES);
  const refused = await world.runner.desk.start(change.id, change.grant as never, world.runner.trust.runner);
  assert.equal(!refused.ok && refused.error.code, "grant_expired");
  held.resolve();
  assert.equal((await world.propose(docs())).status, "verified");
});
