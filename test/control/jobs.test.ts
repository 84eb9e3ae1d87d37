import assert from "node:assert/strict";
import { test } from "node:test";
import { perform, type JobEnd } from "../../src/control/jobs.ts";
import { runDesk } from "../../src/control/running.ts";
import type { LeasedItem } from "../../src/control/ports.ts";
import type { GrantId, JsonObject, Millis, RunnerId } from "../../src/core/base/index.ts";
import { ControlWorld, docs, good, ordinary, refusal, signIn, WORLD_DIRECTORY, WORLD_POLICY } from "../../src/testing/control-world.ts";
import { withPerson } from "../../src/testing/people.ts";
import { runChange } from "../../src/runner/runner.ts";

const HOUR = 3_600_000;
const until = async (reached: () => boolean): Promise<void> => {
  while (!reached()) await new Promise<void>((resolve) => void setImmediate(resolve));
};

test("[CO-31] a job that fails for ever is told of each time, ever more rarely, and keeps nobody waiting", async () => {
  const world = await ControlWorld.open();
  const dueAt = world.time.now();
  await world.store.append({ writes: [], outbox: [{ key: "poison/1", kind: "no_such_kind", body: {}, dueAt }] });
  await world.settle();
  const change = await world.propose(docs());
  assert.equal(change.status, "verified");
  await world.pass(6 * HOUR, 10_000);
  const told = world.problems.filter(({ what }) => what.includes("no_such_kind"));
  assert.ok(told.length > 30 && told.length < 45, `${told.length} times in six hours`);
  assert.equal((await world.propose(docs("other"))).status, "verified");
});

test("[CO-31] a job that throws is put off, and done when the cause is gone", async () => {
  const world = await ControlWorld.open();
  let broken = false;
  world.life.onAppend = (phase) => {
    if (phase === "after") broken = true;
  };
  world.between({
    payload: async (digest) => {
      if (broken) throw new Error("the disk has a bad sector");
      return world.store.payload(digest);
    },
  });
  const rows = () => world.store.list({ prefix: "change/", limit: 10 });
  await world.control.propose(world.as("agent:bot"), docs()).catch(() => undefined);
  await world.settle();
  assert.equal((await rows()).rows[0]?.status, "proposed");
  assert.ok(world.problems.some(({ what }) => what.startsWith("job plan plan/chg_")));
  world.life.onAppend = () => undefined;
  broken = false;
  await world.pass(2_000, 1_000);
  assert.equal((await rows()).rows[0]?.status, "verified");
});

test("[CO-31] no wake-up is lost: two hundred proposals at once are all planned without a tick", async () => {
  const world = await ControlWorld.open();
  const answers = await Promise.all(Array.from({ length: 200 }, (_, i) => world.control.propose(world.as("agent:bot"), signIn(`v${i}`))));
  await world.settle();
  const { rows } = await world.store.list({ prefix: "change/", limit: 500 });
  assert.deepEqual(new Set(rows.map(({ status }) => status)), new Set(["awaiting"]));
  assert.equal(rows.length, answers.length);
});

test("[CO-31] connectors that never answer hold up the others no longer than their time, and the worker does not spin", async () => {
  const world = await ControlWorld.open();
  let looks = 0;
  world.between({
    takeDue: (...args) => {
      looks += 1;
      return world.store.takeDue(...args);
    },
  });
  world.outside.before = async (operation, target) =>
    operation === "analyse" && target.startsWith("hang") ? new Promise(() => undefined) : undefined;
  for (let i = 0; i < 4; i += 1) {
    good(
      await world.control.propose(world.as(i % 2 === 0 ? "agent:bot" : "agent:sub"), {
        title: "hangs",
        steps: [{ connector: "script", input: { target: `hang${i}`, set: "x" } }],
      }),
    );
  }
  await until(() => world.outside.count("analyse") === 4);
  const fifth = good(await world.control.propose(world.as("agent:bot"), docs()));
  const before = looks;
  for (let i = 0; i < 50; i += 1) await new Promise<void>((resolve) => void setImmediate(resolve));
  assert.ok(looks - before <= 1, `${looks - before} looks for work while every place was taken`);
  assert.equal((await world.view(fifth.id)).status, "proposed");
  world.time.pass(40_000);
  assert.equal((await world.reaches(fifth.id, "verified")).status, "verified");
});

test("[CO-31] a job is its process's while that lives, however long it takes, and another's when it has died", async () => {
  const first = await ControlWorld.open();
  const gate = Promise.withResolvers<void>();
  first.outside.before = async (operation) => (operation === "analyse" ? gate.promise : undefined);
  const change = good(await first.control.propose(first.as("agent:bot"), docs()));
  await until(() => first.outside.count("analyse") === 1);
  const { store, time, outside } = first;
  const second = await ControlWorld.open({ store, time, outside, runner: "rnr_second00001" as RunnerId });
  for (let i = 0; i < 30; i += 1) {
    time.pass(1_000);
    await second.settle();
  }
  assert.equal(outside.count("analyse"), 1);
  first.life.end();
  gate.resolve();
  await second.pass(70_000, 10_000);
  assert.equal((await second.view(change.id)).status, "verified");
  assert.equal(outside.count("analyse"), 2);
});

async function job(world: ControlWorld, kind: string, body: JsonObject, attempts = 1): Promise<JobEnd> {
  const item: LeasedItem = { id: 1_000_000, key: `${kind}/test`, kind, body, dueAt: world.time.now(), attempts };
  const settings = { leaseMillis: 60_000, runner: world.runner.trust.runner, run: () => runChange(world.runner, body["change"] as never) };
  return perform(world.deps, settings, item);
}

test("[CO-32] every job that comes again when there is nothing left to do does nothing", async () => {
  const world = await ControlWorld.open();
  const waiting = await world.propose(signIn());
  const done = await world.approve((await world.propose(ordinary())).id, "ed");
  const from = (await world.store.head()).size;
  for (const { id: change, grant = "grt_000000" } of [waiting, done]) {
    for (const kind of ["plan", "replan", "recheck", "hold", "executed", "observe"])
      assert.equal(await job(world, kind, { change }), "settled", kind);
    assert.equal(await job(world, "run", { change, grant }, 3), "settled");
    assert.equal(await job(world, "run", { change, grant: "grt_000000" }), "settled");
    assert.equal(await job(world, "expire", { change, revision: 7 }), "settled");
  }
  for (const kind of ["policy_moved", "directory_moved"]) assert.equal(await job(world, kind, { version: 1 }), "settled");
  await world.settle();
  assert.equal((await world.store.head()).size, from);
  assert.deepEqual([world.outside.writes.length, world.problems], [1, []]);
});

test("[CO-16] when rules move, each change under review is a job of its own: one that cannot be planned holds up no other", async () => {
  const world = await ControlWorld.open();
  const changes = [];
  for (const value of ["a", "b", "c"])
    changes.push(await world.propose(ordinary(value, { owners: [`@acme/${value === "b" ? "security" : "identity"}`] })));
  const [, poisoned] = changes;
  const proposal = (await world.events(poisoned?.id ?? "")).find((event) => event.type === "proposed");
  assert.ok(proposal?.type === "proposed" && (await world.store.erase(proposal.proposal)));
  await world.put("policy", WORLD_POLICY.replace("name: world", "name: next"));
  await world.settle();
  const now = await Promise.all(changes.map(({ id }) => world.view(id)));
  assert.deepEqual(
    now.map(({ status }) => status),
    ["awaiting", "sent_back", "awaiting"],
  );
  assert.equal(now[1]?.because?.code, "proposal_erased");
  for (const [i, change] of now.entries()) if (i !== 1) assert.notEqual(change.review_digest, changes[i]?.review_digest);
  await world.put("directory", withPerson("hal", { active: false }, WORLD_DIRECTORY));
  await world.settle();
  assert.deepEqual(world.problems, []);
});

test("[CO-33] [D35] a change expires once, when its time is up by the clock of whoever looks", async () => {
  const world = await ControlWorld.open();
  const change = await world.propose({ ...ordinary(), expires_in_seconds: 600 });
  world.time.jump(-600_000);
  assert.equal(await job(world, "expire", { change: change.id, revision: 1 }), "later");
  world.time.jump(600_000);
  good(await world.control.revise(world.as("agent:bot"), change.id, { ...ordinary("2"), expires_in_seconds: 7_200 }));
  await world.pass(700_000);
  assert.equal((await world.view(change.id)).status, "awaiting");
  await world.pass(7_200_000, 600_000);
  assert.equal((await world.view(change.id)).status, "expired");
  assert.equal((await world.types(change.id)).filter((type) => type === "expired").length, 1);
  assert.equal(refusal(await world.vote("ed", change.id)).reason, "ended");
});

test("[CO-33] a run outlives its change's time; handed back as stale, the change expires", async () => {
  const world = await ControlWorld.open();
  const change = await world.propose({ ...ordinary(), expires_in_seconds: 600 });
  const gate = Promise.withResolvers<void>();
  world.outside.before = async (operation) => (operation === "observe" ? gate.promise : undefined);
  good(await world.vote("ed", change.id));
  await world.reaches(change.id, "running");
  await until(() => world.outside.count("observe") === 1);
  world.time.jump(700_000);
  assert.equal(await job(world, "expire", { change: change.id, revision: 1 }), "later");
  world.outside.values.set("shop#src/cart", "moved");
  gate.resolve();
  await world.reaches(change.id, "stale", "expired");
  await world.pass(10_000, 1_000);
  assert.deepEqual((await world.types(change.id)).slice(-3), ["run_started", "staled", "expired"]);
});

test("[CO-34] what starts by itself gets another grant when the first ran out unused, and the votes stay", async () => {
  const world = await ControlWorld.open({ limits: { grantLifetimeMillis: 300_000 } });
  const change = await world.propose(ordinary());
  const quiet = await world.restart({ worker: false, limits: { grantLifetimeMillis: 300_000 } });
  const signed = await quiet.approve(change.id, "ed");
  assert.equal(signed.status, "authorised");
  quiet.time.jump(600_000);
  const later = await quiet.restart({ limits: { grantLifetimeMillis: 300_000 } });
  await later.settle();
  const types = await later.types(change.id);
  assert.deepEqual(
    types.slice(-7),
    ["authorised", "run_started", "effect_started", "effect_done", "applied", "verified"].toSpliced(0, 0, "routed"),
  );
  assert.equal(types.filter((type) => type === "voted").length, 1);
  assert.deepEqual(later.outside.writes, ["apply shop#src/cart=new"]);
});

test("[CO-34] a run that a slower clock starts while its grant is renewed keeps the job that gives it up", async () => {
  const world = await ControlWorld.open({ worker: false, limits: { grantLifetimeMillis: 300_000 } });
  const proposed = good(await world.control.propose(world.as("agent:bot"), ordinary(), undefined, 60_000));
  const { id, grant } = await world.approve(proposed.id, "ed");
  world.time.jump(330_000);
  const behind = { ...world.deps, clock: { now: () => (world.time.now() - 60_000) as Millis } };
  world.outside.before = async (operation) => {
    if (operation === "analyse") good(await runDesk(behind).start(id, grant as GrantId, "rnr_slower" as RunnerId));
  };
  const run = { change: id, grant: grant ?? "" };
  assert.equal(await job(world, "run", run), "later");
  assert.equal((await world.view(id)).status, "running");
  world.time.jump(60_000);
  assert.equal(await job(world, "run", run), "settled");
  assert.equal((await world.view(id)).status, "failed");
});

test("[CO-34] a job outlives the grant of what waits to be asked by as much as two clocks may differ", async () => {
  const world = await ControlWorld.open({ worker: false, limits: { grantLifetimeMillis: 300_000 } });
  const body = { ...ordinary(), start: "on-request" };
  const proposed = good(await world.control.propose(world.as("agent:bot"), body, undefined, 60_000));
  const { id, grant } = await world.approve(proposed.id, "ed");
  world.time.jump(300_000);
  const run = { change: id, grant: grant ?? "" };
  assert.equal(await job(world, "run", run), "later");
  world.time.jump(120_000);
  assert.equal(await job(world, "run", run), "settled");
  assert.equal((await world.view(id)).status, "authorised");
});

test("[CO-34] what waits to be asked does not renew itself: it says what to do, and the votes stay", async () => {
  const world = await ControlWorld.open({ limits: { grantLifetimeMillis: 300_000 } });
  const signed = await world.approve((await world.propose({ ...ordinary(), start: "on-request" })).id, "ed");
  await world.pass(600_000);
  const late = await world.view(signed.id);
  assert.equal(late.next, `Authorised, but its grant ran out before it was started: pawl replan ${signed.id}`);
  assert.equal(refusal(await world.control.run(world.as("agent:bot"), signed.id)).reason, "grant_expired");
  assert.equal(good(await world.control.replan(world.as("ada"), signed.id)).status, "authorised");
  good(await world.control.run(world.as("agent:bot"), signed.id));
  await world.settle();
  assert.equal((await world.view(signed.id)).status, "verified");
});

test("[CO-29] a run whose reports were all refused is given up by its own job, and not started again", async () => {
  const world = await ControlWorld.open();
  const { desk } = world.runner;
  const refused = async () => ({ ok: false, error: { code: "too_large", message: "no room" } }) as const;
  Object.assign(world.runner, { desk: { ...desk, finish: refused, report: refused } });
  const change = await world.propose(docs());
  assert.equal(change.status, "running");
  await world.pass(5_000, 1_000);
  const now = await world.view(change.id);
  assert.deepEqual([now.status, now.because?.code], ["indeterminate", "runner_lost"]);
  assert.deepEqual(world.outside.writes, ["apply shop#docs/guide=new"]);
  await world.pass(HOUR);
  assert.equal((await world.view(change.id)).version, now.version);
});

test("[CO-29] another process's run is given up only after the time for which it could hold the job", async () => {
  const world = await ControlWorld.open();
  const signed = await world.approve((await world.propose({ ...ordinary(), start: "on-request" })).id, "ed");
  const other = "rnr_other000001" as RunnerId;
  assert.ok((await world.runner.desk.start(signed.id, signed.grant as never, other)).ok);
  const body = { change: signed.id, grant: signed.grant ?? "" };
  assert.equal(await job(world, "run", body, 2), "later");
  assert.equal((await world.view(signed.id)).status, "running");
  world.time.jump(60_000);
  assert.equal(await job(world, "run", body, 3), "settled");
  const because = { code: "runner_lost_before_effect", text: "the runner was not heard of any more, and had begun nothing" };
  assert.deepEqual((await world.view(signed.id)).because, because);
});
