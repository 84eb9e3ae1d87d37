/** What was approved is what runs. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Connector } from "../../src/control/ports.ts";
import { canonical, digestJson, digestOf, type Digest, type Json, type JsonObject, type RunId } from "../../src/core/base/index.ts";
import { payloadOf } from "../../src/core/change/index.ts";
import { reviewDigest } from "../../src/core/review/index.ts";
import { changeOf, ControlWorld, good, ordinary, refusal, set, WORLD_DIRECTORY, WORLD_POLICY } from "../../src/testing/control-world.ts";
import { Outside } from "../../src/testing/scripted-connector.ts";
import { runChange } from "../../src/runner/runner.ts";

const onRequest = (body: Readonly<Record<string, Json>>): Readonly<Record<string, Json>> => ({ ...body, start: "on-request" });
const ROUTE = WORLD_POLICY.replace("- { id: owner, who: [{ owners: true }] }", "- { id: owner, who: [{ owners: true }], count: 2 }");

interface Mutation {
  readonly what: string;
  readonly mutate: (world: ControlWorld, change: string) => Promise<void>;
}

const revise = (body: Readonly<Record<string, Json>>) => async (world: ControlWorld, change: string) => {
  good(await world.control.revise(world.as("agent:bot"), change, body));
};
const MUTATIONS: readonly Mutation[] = [
  { what: "[B11] the parameters", mutate: revise(ordinary("worse")) },
  { what: "[B11] the target", mutate: revise(changeOf(set("shop#src/other", "new"))) },
  { what: "[B11] what is asked for, in words", mutate: revise({ ...ordinary(), title: "set another value" }) },
  {
    what: "[B11] the scope",
    mutate: revise({
      ...ordinary(),
      scope: { systems: ["script"], environments: ["*"], operations: ["create", "update"], resources: ["**"] },
    }),
  },
  { what: "[B11] the owners of what is touched", mutate: revise(ordinary("new", { owners: ["@acme/security"] })) },
  { what: "[B13] a step added", mutate: revise(changeOf(set("shop#src/cart", "new"), set("shop#src/more", "new"))) },
  { what: "[B14] the environment", mutate: revise(ordinary("new", { environment: "development" })) },
  {
    what: "[B11] [CO-16] the policy",
    mutate: async (world) => world.put("policy", WORLD_POLICY.replace("reason: documentation", "reason: words")),
  },
  { what: "[B11] [CO-16] the route", mutate: async (world) => world.put("policy", ROUTE) },
];

for (const { what, mutate } of MUTATIONS) {
  test(`${what}, altered after approval, voids the votes and the grant`, async () => {
    const world = await ControlWorld.open();
    const change = await world.propose(onRequest(ordinary()));
    const signed = await world.approve(change.id, "ed");
    assert.equal(signed.status, "authorised");
    await mutate(world, change.id);
    await world.settle();
    const now = await world.view(change.id);
    assert.equal(now.status, "awaiting");
    assert.notEqual(now.review_digest, signed.review_digest);
    assert.ok(now.seats?.every(({ signed_by }) => signed_by.length === 0));
    const replayed = await world.runner.desk.start(signed.id, signed.grant as never, world.runner.trust.runner);
    assert.equal(replayed.ok, false);
    assert.equal(refusal(await world.control.run(world.as("agent:bot"), change.id)).reason, "not_authorised");
    assert.deepEqual(world.outside.writes, []);
  });
}

test("[B13] a step dropped after approval voids the votes, and what is left needs its own", async () => {
  const world = await ControlWorld.open();
  const two = changeOf(set("shop#src/a", "new"), set("shop#src/b", "new"));
  const signed = await world.approve((await world.propose(onRequest(two))).id, "ed");
  good(await world.control.revise(world.as("agent:bot"), signed.id, changeOf(set("shop#src/a", "new"))));
  await world.settle();
  const now = await world.approve(signed.id, "di");
  assert.equal(now.status, "authorised");
  assert.notEqual(now.payload_digest, signed.payload_digest);
  good(await world.control.run(world.as("agent:bot"), signed.id));
  await world.settle();
  assert.deepEqual(world.outside.writes, ["apply shop#src/a=new"]);
});

test("[B12] [CO-24] state that moves before the start is met with both fingerprints, and nothing is written", async () => {
  const world = await ControlWorld.open();
  const change = await world.propose(onRequest(ordinary()));
  const signed = await world.approve(change.id, "ed");
  const expected = world.outside.state("shop#src/cart");
  world.outside.values.set("shop#src/cart", "hot fix");
  good(await world.control.run(world.as("agent:bot"), change.id));
  await world.settle();
  const now = await world.view(change.id);
  assert.equal(now.status, "stale");
  assert.deepEqual(now.drift, { expected, observed: world.outside.state("shop#src/cart") });
  assert.deepEqual(world.outside.writes, []);
  assert.equal(world.outside.count("apply"), 0);
  const replayed = await world.runner.desk.start(signed.id, signed.grant as never, world.runner.trust.runner);
  assert.equal(replayed.ok, false);
});

test("[B12] [CO-24] state that moves between the look and the write is refused by the connector, and told as stale", async () => {
  const world = await ControlWorld.open();
  const change = await world.propose(ordinary());
  world.outside.before = async (operation) => {
    if (operation === "apply") world.outside.values.set("shop#src/cart", "hot fix");
  };
  const now = await world.approve(change.id, "ed");
  assert.equal(now.status, "stale");
  assert.equal(now.drift?.observed, world.outside.state("shop#src/cart"));
  assert.deepEqual(world.outside.writes, []);
});

test("[B12] [CO-13] state that moves while a change is planned is met at the latest before its first effect", async () => {
  const world = await ControlWorld.open();
  world.outside.before = async (operation) => {
    // Read already, not yet sealed.
    if (operation === "observe") world.outside.values.set("shop#docs/guide", "other");
  };
  const change = await world.propose(changeOf(set("shop#docs/guide", "new")));
  assert.equal(change.status, "stale");
  assert.deepEqual(world.outside.writes, []);
});

test("[B12] [CO-15] planned again on the same state, a stale change keeps its votes under a new grant; on another, it loses them", async () => {
  const world = await ControlWorld.open();
  const change = await world.propose(onRequest(ordinary()));
  const signed = await world.approve(change.id, "ed");
  const stale = async (): Promise<void> => {
    good(await world.control.run(world.as("agent:bot"), change.id));
    await world.settle();
    assert.equal((await world.view(change.id)).status, "stale");
  };
  world.outside.values.set("shop#src/cart", "flapping");
  await stale();
  world.outside.values.delete("shop#src/cart");
  const back = good(await world.control.replan(world.as("hal"), change.id));
  assert.deepEqual([back.status, back.review_digest], ["authorised", signed.review_digest]);
  assert.notEqual(back.grant, signed.grant);
  world.outside.values.set("shop#src/cart", "for good");
  await stale();
  const other = good(await world.control.replan(world.as("hal"), change.id));
  assert.equal(other.status, "awaiting");
  assert.deepEqual(
    other.seats?.map(({ missing }) => missing),
    [1],
  );
});

test("[B17] who read revision 1 signs nothing once revision 2 has arrived", async () => {
  const world = await ControlWorld.open();
  const change = await world.propose(ordinary());
  const read = change.review_digest ?? "";
  good(await world.control.revise(world.as("agent:bot"), change.id, ordinary("worse")));
  const early = await world.control.vote(world.as("ed"), change.id, { decision: "approve", review_digest: read });
  assert.equal(refusal(early).reason, "wrong_status");
  await world.settle();
  for (const decision of ["approve", "reject"]) {
    const { code, reason } = refusal(await world.control.vote(world.as("ed"), change.id, { decision, review_digest: read }));
    assert.deepEqual([code, reason], ["review_moved", "review_moved"]);
  }
  assert.ok(!(await world.types(change.id)).includes("voted"));
});

/** Keeps the bytes that reach a connector's writing hand. */
function recording(connector: Connector, executed: Uint8Array[]): Connector {
  return {
    ...connector,
    apply: (payload, expected, limits) => {
      executed.push(Uint8Array.from(payload));
      return connector.apply(payload, expected, limits);
    },
  };
}

test("[F48] [F49] the bytes that are hashed are those that are stored, shown and executed", async () => {
  const outside = new Outside();
  const executed: Uint8Array[] = [];
  const world = await ControlWorld.open({ outside, connectors: [recording(outside.connector(), executed)] });
  const change = await world.propose(changeOf(set("shop#src/ä", "naïve 🙂 \u2028"), set("shop#src/b", '"quoted"\\')));
  const view = good(await world.control.plan(world.as("ed"), change.id));
  const signed = await world.approve(change.id, "ed");
  assert.equal(signed.status, "verified");
  const { plan, presentation, digests } = view;
  assert.deepEqual(
    executed.map(digestOf),
    plan.steps.map(({ payloadDigest }) => payloadDigest),
  );
  for (const bytes of executed) {
    const stored = await world.store.payload(digestOf(bytes));
    assert.ok(stored !== undefined && stored !== "erased" && Buffer.from(bytes).equals(stored.bytes));
  }
  const steps = plan.steps.map(({ id, connector, operation, stateDigest, payloadDigest }) => ({
    id,
    connector,
    operation,
    state: stateDigest,
    payload: payloadDigest,
  }));
  assert.equal(payloadOf(steps), digests.payload);
  assert.deepEqual([digestJson(plan), digestJson(presentation)], [digests.plan, digests.presentation]);
  const { plan: planned, state, route, bundle, presentation: presented } = digests;
  assert.equal(reviewDigest({ plan: planned, state, route, bundle, presentation: presented }), digests.review);
  const voted = (await world.events(change.id)).find((event) => event.type === "voted");
  assert.equal(voted?.type === "voted" && voted.vote.reviewDigest, digests.review);
  const shown = await world.store.payload(digests.presentation);
  assert.ok(shown !== undefined && shown !== "erased" && new TextDecoder().decode(shown.bytes) === canonical(presentation));
});

test("[F49] [CO-14] a connector that names other bytes than it gives is not planned with", async () => {
  const outside = new Outside();
  const honest = outside.connector();
  const lying: Connector = {
    ...honest,
    analyse: async (input, limits) => {
      const made = await honest.analyse(input, limits);
      return made.ok ? { ok: true, value: { ...made.value, payload: new TextEncoder().encode("something else") } } : made;
    },
  };
  const world = await ControlWorld.open({ outside, connectors: [lying] });
  const change = await world.propose(changeOf(set("shop#docs/guide", "new")));
  assert.deepEqual([change.status, change.because?.code], ["sent_back", "payload_mismatch"]);
});

test("[B11] [CO-23] a runner starts nothing on a grant, a payload or a clock that does not hold", async () => {
  const world = await ControlWorld.open({ worker: false });
  world.work();
  const signed = await world.approve((await world.propose(onRequest(ordinary()))).id, "ed");
  const { desk } = world.runner;
  const offered = good(await desk.offer(signed.id, world.runner.trust.runner));
  const body = JSON.parse(Buffer.from(offered.envelope.payload, "base64").toString("utf8")) as JsonObject;
  const forged = { ...offered.envelope, payload: Buffer.from(canonical({ ...body, extra: 1 })).toString("base64") };
  const offers = {
    grant_untrusted: { ...offered, envelope: forged },
    payload_mismatch: { ...offered, payloads: [new TextEncoder().encode('{"before":null,"set":"evil","target":"shop#src/cart"}')] },
  };
  for (const [code, offer] of Object.entries(offers)) {
    const report = await runChange({ ...world.runner, desk: { ...desk, offer: async () => ({ ok: true, value: offer }) } }, signed.id);
    assert.deepEqual([report.kind, report.kind === "not_started" && report.error.code], ["not_started", code]);
  }
  const elsewhere = { ...world.runner, trust: { ...world.runner.trust, deployment: "pawl.test/other" } };
  const foreign = await runChange(elsewhere, signed.id);
  assert.equal(foreign.kind === "not_started" && foreign.error.code, "grant_foreign");
  assert.deepEqual([(await world.view(signed.id)).status, world.outside.writes], ["authorised", []]);
});

test("[B11] who may look at a grant cannot use it beside the desk", async () => {
  const world = await ControlWorld.open({ directory: WORLD_DIRECTORY });
  const signed = await world.approve((await world.propose(onRequest(ordinary()))).id, "ed");
  const { desk, trust } = world.runner;
  const ref = { change: signed.id, run: "run_000001" as RunId, runner: trust.runner };
  const answers = [
    await desk.begin(ref, "step-1", world.outside.state("shop#src/cart")),
    await desk.finish(ref, "step-1", {}),
    await desk.stale(ref, signed.state_digest as Digest, digestOf("x")),
    await desk.report(ref, "verified", "verified", {}),
    await desk.beginUndo(ref, "step-1", "x", {}),
  ];
  assert.ok(answers.every((answer) => !answer.ok));
  assert.equal((await world.view(signed.id)).status, "authorised");
});
