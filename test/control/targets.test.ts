import assert from "node:assert/strict";
import { test } from "node:test";
import { refold } from "../../src/control/index.ts";
import { fail, parseJson, type Json } from "../../src/core/base/index.ts";
import type { TargetState } from "../../src/core/target/index.ts";
import { changeOf, ControlWorld, docs, good, idOf, ordinary, refusal, set, type ChangeBody } from "../../src/testing/control-world.ts";

const CART = "shop#src/cart";
const onRequest = (body: ChangeBody): ChangeBody => ({ ...body, start: "on-request" });
const lost = async (operation: string) =>
  operation === "apply" ? fail({ code: "no_answer", message: "the target hung up", effect: "possible" } as const) : undefined;

/** A change whose run ended without anybody knowing how. */
async function uncertain(world: ControlWorld, body: ChangeBody = ordinary("first")): Promise<string> {
  world.outside.before = lost;
  const { id } = await world.propose(body);
  const ended = await world.approve(id, "ed");
  world.outside.before = async () => undefined;
  assert.equal(ended.status, "indeterminate");
  return id;
}

const targetsOf = async (world: ControlWorld) => (await world.store.list({ prefix: "target/", limit: 10 })).rows;

test("[TA-3] [TA-6] a start takes what its change touches in its own append, and its end gives it back, each by one entry", async () => {
  const world = await ControlWorld.open();
  const { id } = await world.propose(ordinary());
  const { size } = await world.store.head();
  assert.equal((await world.approve(id, "ed")).status, "verified");
  const entries = (await world.entries(size)).filter(({ stream }) => stream.startsWith("target/"));
  assert.deepEqual(
    entries.map(({ event }) => [event["type"], event["change"]]),
    [
      ["taken", id],
      ["released", id],
    ],
  );
  const all = await world.entries(size);
  const started = all.findIndex(({ event }) => event["type"] === "run_started");
  assert.equal(all[started + 1]?.event["type"], "taken");
  const [row] = await targetsOf(world);
  assert.deepEqual([row?.status, row?.body], ["free", { held: [] }]);
  // No name of a system or of a resource stands in the ledger.
  assert.ok(!JSON.stringify(entries).includes("cart") && !JSON.stringify(entries).includes("script"));
  const history = (await world.store.history(row?.stream ?? "", 0, 10)).map(({ bytes }) => good(parseJson(bytes)) as { event: Json });
  assert.deepEqual(
    refold(
      row?.stream ?? "",
      history.map(({ event }) => event),
    ),
    { held: [] },
  );
});

test("[TA-4] [TA-5] a run that nobody can tell the end of keeps what it touched: another waits, says for whom, and starts once it is reconciled", async () => {
  const world = await ControlWorld.open();
  const first = await uncertain(world);
  const second = await world.propose(ordinary("second"));
  const waiting = await world.approve(second.id, "ed");
  assert.deepEqual([waiting.status, waiting.waits_for], ["authorised", { change: first, status: "indeterminate" }]);
  assert.match(waiting.next, new RegExp(`nobody knows what ${first} did .* pawl reconcile ${first}`));
  const { run } = await world.view(first);
  assert.deepEqual(world.outside.writes, []);
  const evidence = "looked at it: nothing was written";
  good(await world.control.reconcile(world.as("bo"), first, { as: "failed", run: run?.id ?? "", evidence }));
  await world.settle();
  const done = await world.view(second.id);
  assert.deepEqual([done.status, world.outside.writes], ["verified", [`apply ${CART}=second`]]);
  assert.deepEqual(world.problems, []);
});

test("[TA-4] a start that is refused for what is held names who holds it and what to do; whoever asks for it waits", async () => {
  const world = await ControlWorld.open();
  const second = await world.approve((await world.propose(onRequest(ordinary("second")))).id, "ed");
  const first = await uncertain(world);
  const refused = await world.runner.desk.start(idOf(second), second.grant as never, world.runner.trust.runner);
  assert.ok(!refused.ok && refused.error.code === "resource_busy");
  assert.ok(refused.error.message.includes(first) && refused.error.remedy?.includes(`pawl reconcile ${first}`));
  const asked = good(await world.control.run(world.as("agent:bot"), second.id));
  await world.settle();
  assert.deepEqual([asked.status, (await world.view(second.id)).waits_for?.change], ["authorised", first]);
});

test("[TA-4] what a start is refused for by itself is told before what is held", async () => {
  const world = await ControlWorld.open();
  const second = await world.approve((await world.propose(onRequest(ordinary("second")))).id, "ed");
  await uncertain(world);
  const refused = await world.runner.desk.start(idOf(second), "grt_000000" as never, world.runner.trust.runner);
  assert.equal(!refused.ok && refused.error.code, "grant_unknown");
});

test("[TA-4] of many starts on one resource at once one begins; those on others all do", async () => {
  const world = await ControlWorld.open({ worker: false });
  const grants = [];
  for (let n = 0; n < 12; n += 1) {
    const body = onRequest(n < 6 ? docs(`v${n}`) : changeOf(set(`shop#docs/${n}`, "new")));
    grants.push(good(await world.control.propose(world.as("agent:bot"), body, undefined, 1_000)));
  }
  const { desk, trust } = world.runner;
  const started = await Promise.all(grants.map((view) => desk.start(idOf(view), view.grant as never, trust.runner)));
  const codes = started.map((each) => (each.ok ? "started" : each.error.code));
  assert.deepEqual(codes.slice(0, 6).toSorted(), [
    "resource_busy",
    "resource_busy",
    "resource_busy",
    "resource_busy",
    "resource_busy",
    "started",
  ]);
  assert.deepEqual(
    codes.slice(6),
    Array.from({ length: 6 }, () => "started"),
  );
  const held = (await targetsOf(world)).flatMap(({ body }) => (body as unknown as TargetState).held);
  assert.equal(held.length, 7);
});

test("[TA-6] a run that failed before any effect, that met another state, or that was given up, holds nothing any more", async () => {
  const world = await ControlWorld.open();
  const begin = async (value: string) => {
    const change = await world.approve((await world.propose(onRequest(ordinary(value)))).id, "ed");
    return good(await world.runner.desk.start(idOf(change), change.grant as never, world.runner.trust.runner));
  };
  const free = async () =>
    assert.deepEqual(
      (await targetsOf(world)).map(({ status }) => status),
      ["free"],
    );
  good(await world.runner.desk.report(await begin("one"), "failed", "unreachable", {}));
  await free();
  const ref = await begin("two");
  const state = world.outside.state(CART);
  world.outside.values.set(CART, "moved");
  good(await world.runner.desk.stale(ref, state, world.outside.state(CART)));
  await free();
  await begin("three");
  const next = await world.restart();
  assert.deepEqual(
    (await targetsOf(next)).map(({ status }) => status),
    ["free"],
  );
});

test("[TA-6] [CO-2] what two runs of one system give back at once is given back by both", async () => {
  const world = await ControlWorld.open({ worker: false });
  const refs = [];
  for (const n of [1, 2, 3, 4, 5, 6, 7, 8]) {
    const body = onRequest(changeOf(set(`shop#docs/${n}`, "new")));
    const view = good(await world.control.propose(world.as("agent:bot"), body, undefined, 1_000));
    refs.push(good(await world.runner.desk.start(idOf(view), view.grant as never, world.runner.trust.runner)));
  }
  const ended = await Promise.all(refs.map((ref) => world.runner.desk.report(ref, "failed", "unreachable", {})));
  assert.ok(ended.every((each) => each.ok));
  assert.deepEqual(
    (await targetsOf(world)).map(({ status }) => status),
    ["free"],
  );
});

test("[TA-1] [CO-36] a change whose plan was erased does not start: nobody can tell what it touches", async () => {
  const world = await ControlWorld.open({ worker: false });
  const view = good(await world.control.propose(world.as("agent:bot"), onRequest(docs()), undefined, 1_000));
  await world.store.erase(view.plan_digest as never);
  const refused = await world.runner.desk.start(idOf(view), view.grant as never, world.runner.trust.runner);
  assert.equal(!refused.ok && refused.error.code, "plan_gone");
});

test("[TA-7] two open plans on one resource know of each other, outside what is signed; those on another do not", async () => {
  const world = await ControlWorld.open();
  const first = await world.propose(ordinary("first"));
  const alone = good(await world.control.plan(world.as("ed"), first.id));
  const second = await world.propose(ordinary("second"), "agent:sub");
  await world.propose(changeOf(set("shop#src/other", "new")));
  const view = good(await world.control.plan(world.as("ed"), first.id));
  assert.deepEqual(view.conflicts, [{ change: second.id, status: "awaiting", proposer: "agent:sub", resources: [`script:${CART}`] }]);
  assert.deepEqual([alone.conflicts, alone.digests], [undefined, view.digests]);
  assert.equal(good(await world.control.plan(world.as("ed"), second.id)).conflicts?.[0]?.change, first.id);
  good(await world.control.withdraw(world.as("agent:sub"), second.id));
  assert.equal(good(await world.control.plan(world.as("ed"), first.id)).conflicts, undefined);
});

test("[TA-7] what was open before a process started is known to it", async () => {
  const world = await ControlWorld.open();
  const [first, second] = [await world.propose(ordinary("first")), await world.propose(ordinary("second"))];
  const next = await world.restart();
  assert.deepEqual(
    good(await next.control.plan(next.as("ed"), first.id)).conflicts?.map(({ change }) => change),
    [second.id],
  );
});

test("[TA-8] of two approved plans on one object, the second is stale once the first was executed", async () => {
  const world = await ControlWorld.open();
  const second = await world.approve((await world.propose(onRequest(ordinary("second")))).id, "ed");
  const waiting = await world.propose(ordinary("third"));
  const apart = await world.approve((await world.propose(onRequest(changeOf(set("shop#src/other", "new"))))).id, "ed");
  const before = world.outside.state(CART);
  assert.equal((await world.approve((await world.propose(ordinary("first"))).id, "ed")).status, "verified");
  await world.settle();
  for (const id of [second.id, waiting.id]) {
    const { status, drift } = await world.view(id);
    assert.deepEqual([status, drift], ["stale", { expected: before, observed: world.outside.state(CART) }]);
  }
  assert.equal((await world.view(apart.id)).status, "authorised");
  assert.equal(refusal(await world.control.run(world.as("agent:bot"), second.id)).reason, "not_authorised");
  assert.deepEqual(world.outside.writes, [`apply ${CART}=first`]);
});

test("[TA-8] [LC-14] who planned on what is again as it was stands, and an equivalent re-plan keeps its votes", async () => {
  const world = await ControlWorld.open();
  const second = await world.approve((await world.propose(onRequest(ordinary("second")))).id, "ed");
  // Applied, found wrong, and put back: nothing is as it was not.
  world.outside.before = async (operation) =>
    operation === "verify" ? fail({ code: "not_as_planned", message: "wrong", effect: "none" } as const) : undefined;
  assert.equal((await world.approve((await world.propose(ordinary("first"))).id, "ed")).status, "undone");
  world.outside.before = async () => undefined;
  await world.settle();
  // Between the effect and its undo it may have been seen as stale: its votes wait for a plan that says the same.
  const after = await world.view(second.id);
  const again = after.status === "stale" ? good(await world.control.replan(world.as("hal"), second.id)) : after;
  assert.deepEqual([again.status, again.seats?.[0]?.signed_by.length], ["authorised", 1]);
});

test("[TA-8] what cannot be read for a while is looked at again, and a change that cannot be read at all is left to its start", async () => {
  const world = await ControlWorld.open();
  const second = await world.approve((await world.propose(onRequest(ordinary("second")))).id, "ed");
  const first = await world.propose(ordinary("first"));
  let looks = 0;
  world.outside.before = async (operation) => {
    if (operation !== "observe" || (looks += 1) === 1) return undefined;
    return fail({ code: "unreachable", message: "away", effect: "none" } as const);
  };
  assert.equal((await world.approve(first.id, "ed")).status, "verified");
  await world.pass(3_600_000);
  assert.deepEqual([(await world.view(second.id)).status, looks], ["authorised", 6]);
});

test("[TA-7] among more open changes than are read at a time, each that touches the same is found, and no other", async () => {
  const world = await ControlWorld.open({ worker: false });
  const ids: string[] = [];
  for (let n = 0; n < 520; n += 1) {
    const body = changeOf(set(n % 260 === 0 ? CART : `shop#src/${n}`, `${n}`));
    ids.push(good(await world.control.propose(world.as("agent:bot"), body, undefined, 1_000)).id);
  }
  const next = await world.restart({ worker: false });
  const asked = next.control.plan(next.as("ed"), ids[0] ?? "");
  const beat = setInterval(() => next.time.pass(1), 0);
  void asked.finally(() => clearInterval(beat));
  assert.deepEqual(
    good(await asked).conflicts?.map(({ change }) => change),
    [ids[260]],
  );
});
