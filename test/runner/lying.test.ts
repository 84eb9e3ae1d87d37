/** A runner that is enrolled, and lies: what is not its own it gets nothing of. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { request } from "node:http";
import type { AddressInfo } from "node:net";
import { test, type TestContext } from "node:test";
import { digestOf, type Digest, type GrantId, type JsonObject, type RunnerId } from "../../src/core/base/index.ts";
import { attested, sealEvidence, type Envelope, type RunEvidence } from "../../src/core/grant/index.ts";
import { perform } from "../../src/control/jobs.ts";
import type { LeasedItem, RunReport } from "../../src/control/ports.ts";
import { createControl, Exchange } from "../../src/control/index.ts";
import { ControlWorld, good, ordinary } from "../../src/testing/control-world.ts";
import { DECLARED, enrolled, type TestRunner } from "../api/enrolled.ts";
import { ask, open } from "../api/harness.ts";
import { realWorld } from "../api/real-world.ts";

async function authorised(t: TestContext) {
  const world = await realWorld();
  t.after(() => world.close());
  const app = open(t, world);
  const id = await world.change("authorised");
  const view = async () =>
    (await ask(app, { url: `/v1/changes/${id}`, bearer: world.bearers.human })).json<{ status: string; grant: GrantId }>();
  return { world, app, id, view, grant: (await view()).grant };
}
type Here = Awaited<ReturnType<typeof authorised>>;

interface Told {
  readonly ok?: JsonObject;
  readonly error?: { readonly code: string };
}
const desk = async (runner: TestRunner, body: object): Promise<Told> =>
  (await runner.ask("POST", "/v1/runner/desk", body)).json<{ result: Told }>().result;

const KEY = "4".repeat(32);

test("[RU-16] [D33] a runner gets no grant, no bytes and no start of what takes effect where it may not work", async (t) => {
  const here = await authorised(t);
  const staging = await enrolled(here.app, here.world, ["staging"]);
  assert.equal((await desk(staging, { call: "offer", change: here.id })).error?.code, "not_placed");
  assert.equal((await desk(staging, { call: "start", change: here.id, grant: here.grant, key: KEY })).error?.code, "not_placed");
  assert.equal((await here.view()).status, "authorised");
  const there = await enrolled(here.app, here.world, ["staging", "test"]);
  assert.ok((await desk(there, { call: "offer", change: here.id })).ok !== undefined);
});

test("[RU-16] [J75] nor of what it has not the connectors for", async (t) => {
  const here = await authorised(t);
  for (const connectors of [[], [{ name: "shelf", digest: digestOf("another") }], [{ name: "far", digest: digestOf("shelf") }]]) {
    const runner = await enrolled(here.app, here.world, undefined, connectors);
    assert.equal((await desk(runner, { call: "offer", change: here.id })).error?.code, "not_placed");
    assert.equal((await desk(runner, { call: "start", change: here.id, grant: here.grant, key: KEY })).error?.code, "not_placed");
  }
  assert.equal((await here.view()).status, "authorised");
});

/** A request whose head is in, and whose body is not: it was let in already. */
async function halfway(here: Here, runner: TestRunner, body: object) {
  if (!here.app.server.listening) await here.app.listen({ port: 0, host: "127.0.0.1" });
  const { port } = here.app.server.address() as AddressInfo;
  const text = JSON.stringify(body);
  const headers = {
    authorization: runner.credential("POST", "/v1/runner/desk", body),
    "content-type": "application/json",
    "content-length": text.length,
    host: `localhost:${port}`,
    expect: "100-continue",
  };
  const sending = request({ port, host: "127.0.0.1", method: "POST", path: "/v1/runner/desk", headers });
  const answered = once(sending, "response");
  sending.flushHeaders();
  await once(sending, "continue");
  return async (): Promise<string> => {
    sending.end(text);
    const [response] = (await answered) as [AsyncIterable<Buffer>];
    const chunks: Buffer[] = [];
    for await (const chunk of response) chunks.push(chunk);
    return Buffer.concat(chunks).toString("utf8");
  };
}

test("[RU-3] [D37] a request that was let in before its runner was revoked starts nothing after it", async (t) => {
  const here = await authorised(t);
  const runner = await enrolled(here.app, here.world);
  const finish = await halfway(here, runner, { call: "start", change: here.id, grant: here.grant, key: KEY });
  const revoked = await ask(here.app, { method: "DELETE", url: `/v1/runners/${runner.id}`, bearer: here.world.bearers.human });
  assert.equal(revoked.statusCode, 200, revoked.body);
  assert.match(await finish(), /runner_revoked/);
  assert.equal((await here.view()).status, "authorised");
});

test("[RU-10] a request that an earlier life had sent half of starts nothing in the next", async (t) => {
  const here = await authorised(t);
  const runner = await enrolled(here.app, here.world);
  const finish = await halfway(here, runner, { call: "start", change: here.id, grant: here.grant, key: KEY });
  runner.epoch = 2;
  assert.equal((await runner.ask("POST", "/v1/runner/session", { epoch: 2, declared: DECLARED })).statusCode, 200);
  assert.match(await finish(), /epoch_moved/);
  assert.equal((await here.view()).status, "authorised");
});

test("[RU-11] [GR-20] a statement about other bytes than the approved ones is none about this run", async (t) => {
  const here = await authorised(t);
  const runner = await enrolled(here.app, here.world);
  const { ok } = await desk(runner, { call: "start", change: here.id, grant: here.grant, key: KEY });
  const run = ok?.["run"] as string;
  const facts = (payload: Digest): JsonObject => {
    const about = { deployment: runner.origin, change: here.id, run, runner: runner.id, kind: "failed", payload, at: 1 };
    return attested({ why: "no" }, about as unknown as RunEvidence, (body) => sealEvidence(body, { name: runner.id, sign: runner.sign }));
  };
  const report = (payload: Digest) =>
    desk(runner, { call: "report", change: here.id, run, end: "failed", code: "mine", evidence: facts(payload) });
  assert.equal((await report(digestOf("other bytes"))).error?.code, "evidence_refused");
  assert.equal((await here.view()).status, "running");
  const grant = (await ask(here.app, { url: `/v1/changes/${here.id}/grant`, bearer: here.world.bearers.human })).json<Envelope>();
  const { payload } = (JSON.parse(Buffer.from(grant.payload, "base64").toString("utf8")) as { predicate: { payload: Digest } }).predicate;
  assert.deepEqual((await report(payload)).ok, null);
});

test("[RU-14] lines of a runner that does not make them harmless act on no screen", async () => {
  const world = await ControlWorld.open();
  const exchange = new Exchange({ clock: world.time, timers: world.time, nextId: () => "wrk_00000001" });
  const { runners } = createControl({ ...world.deps, runners: exchange }, world.runner.trust.runner);
  const { id } = await world.approve((await world.propose(ordinary("new"))).id, "ed");
  const told: string[] = [];
  exchange.watch((progress) => void told.push(...progress.lines));
  const lines = ["\u001b[2J\u001b]0;owned\u0007", "safe \u202etxt.exe", "plain"];
  const signed = { runner: world.runner.trust.runner, epoch: 1, body: digestOf("") };
  assert.deepEqual(good(await runners.progress(signed, { change: id, lines })), { taken: true });
  assert.equal(told.length, 3);
  assert.doesNotMatch(told.join(""), /[\p{Cc}\p{Cf}]/u);
  assert.equal(told[2], "plain");
});

test("[RU-17] a runner that says that it has ended what stands open does not have its run forgotten, nor what the run holds", async () => {
  const world = await ControlWorld.open();
  const { id, grant } = await world.approve((await world.propose({ ...ordinary("new"), start: "on-request" })).id, "ed");
  assert.ok(grant !== undefined);
  const settings = { leaseMillis: 60_000, runner: "rnr_server0001" as RunnerId };
  const item: LeasedItem = { id: 1, attempts: 1, key: `run/${grant}`, kind: "run", body: { change: id, grant }, dueAt: world.time.now() };
  const lying = async (): Promise<RunReport> => {
    good(await world.runner.desk.start(id, grant as GrantId, "rnr_liar000001" as RunnerId));
    return { kind: "ended", end: "verified", code: "verified" };
  };
  assert.equal(await perform(world.deps, { ...settings, run: lying }, item), "later");
  assert.equal((await world.view(id)).status, "running");
  world.time.jump(61_000);
  const never = () => Promise.reject(new Error("nothing is started again"));
  assert.equal(await perform(world.deps, { ...settings, run: never }, item), "settled");
  assert.equal((await world.view(id)).status, "failed");
});
