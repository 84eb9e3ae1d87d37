/** Who may be a runner, and how its requests are told from everybody else's. */
import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { digestOf, type GrantId, type Millis } from "../../src/core/base/index.ts";
import { DECLARED, enrolled, type TestRunner } from "../api/enrolled.ts";
import { ask, open, refusedWith } from "../api/harness.ts";
import { realWorld } from "../api/real-world.ts";
import type { ApiWorld } from "../api/world.ts";

async function here(t: TestContext) {
  const world = await realWorld();
  t.after(() => world.close());
  const app = open(t, world);
  return { world, app };
}

/** Does something by a clock that is off by so much. */
async function elsewhen<T>(world: ApiWorld, by: number, act: () => Promise<T>): Promise<T> {
  const clock: { now: () => Millis } = world.clock;
  const { now } = clock;
  clock.now = () => (now() + by) as Millis;
  try {
    return await act();
  } finally {
    clock.now = now;
  }
}

type Here = Awaited<ReturnType<typeof here>>;

async function invite({ app, world }: Here, body: unknown = { label: "one" }): Promise<string> {
  const made = await ask(app, { method: "POST", url: "/v1/runners/tokens", bearer: world.bearers.human, body });
  assert.equal(made.statusCode, 201, made.body);
  return made.json<{ token: string }>().token;
}

const enrolment = ({ app }: Here, token: string, more: object = {}) =>
  ask(app, {
    method: "POST",
    url: "/v1/runners/enrolment",
    body: { token, key: Buffer.alloc(32, 7).toString("base64"), declared: DECLARED, ...more },
  });

test("[RU-1] a token enrols one runner, once; unknown, altered, used, revoked and late ones are refused alike", async (t) => {
  const place = await here(t);
  const token = await invite(place);
  assert.equal((await enrolment(place, token)).statusCode, 201);
  const late = await invite(place);
  const revoked = await invite(place);
  const id = revoked.split("_").slice(2, 4).join("_");
  const gone = await ask(place.app, { method: "DELETE", url: `/v1/runners/${id}`, bearer: place.world.bearers.human });
  assert.equal(gone.statusCode, 200, gone.body);
  const altered = `${late.slice(0, -1)}${late.endsWith("0") ? "1" : "0"}`;
  for (const bad of [token, revoked, altered, "pawl_enrol_rnr_000000_0", "", late.toUpperCase(), "x".repeat(10_000)])
    refusedWith(await enrolment(place, bad), 401, "unauthenticated", "bad_enrolment_token");
  const hour = 3_600_000;
  refusedWith(await elsewhen(place.world, hour, () => enrolment(place, late)), 401, "unauthenticated", "bad_enrolment_token");
  assert.equal((await elsewhen(place.world, hour - 60_000, () => enrolment(place, late))).statusCode, 201);
});

test("[RU-1] [E47] only an admin invites and revokes, and what is no enrolment is refused", async (t) => {
  const place = await here(t);
  const { app, world } = place;
  for (const bearer of [world.bearers.agent, world.bearers.workload]) {
    refusedWith(
      await ask(app, { method: "POST", url: "/v1/runners/tokens", bearer, body: { label: "x" } }),
      403,
      "forbidden",
      "machine_credential",
    );
    refusedWith(await ask(app, { method: "DELETE", url: "/v1/runners/rnr_000000", bearer }), 403, "forbidden", "machine_credential");
  }
  for (const body of [
    {},
    { label: "" },
    { label: "x".repeat(201) },
    { label: "x", environments: ["../up"] },
    { label: "x", more: 1 },
    { label: "x", environments: "all" },
  ])
    refusedWith(await ask(app, { method: "POST", url: "/v1/runners/tokens", bearer: world.bearers.human, body }), 422, "invalid");
  const token = await invite(place);
  const twice = { ...DECLARED, connectors: [...DECLARED.connectors, ...DECLARED.connectors] };
  for (const more of [
    { key: "AAAA" },
    { key: 1 },
    { declared: null },
    { declared: { ...DECLARED, labels: ["Ä"] } },
    { declared: twice },
    { extra: true },
  ])
    refusedWith(await enrolment(place, token, more), 422, "invalid");
  assert.equal((await enrolment(place, token)).statusCode, 201);
});

/** One runner, and a request that it may make. */
async function one(t: TestContext) {
  const place = await here(t);
  const runner = await enrolled(place.app, place.world);
  const send = (authorization: string, body: unknown = BODY, url = URL) =>
    ask(place.app, { method: "POST", url, body, headers: { authorization } });
  return { ...place, runner, send };
}

const URL = "/v1/runner/progress";
const BODY = { change: "chg_00000000", lines: ["one"] };
const signed = (runner: TestRunner, over = {}) => runner.credential("POST", URL, BODY, over);

test("[RU-2] a request is what was signed, in every part; anything else is nobody's", async (t) => {
  const { runner, send, world, app } = await one(t);
  assert.equal((await send(signed(runner))).statusCode, 200);
  const now = world.clock.now();
  const others = [
    signed(runner, { nonce: "0".repeat(32) }),
    signed(runner, { time: (now + 1) as Millis }),
    signed(runner, { epoch: 0 }),
    signed(runner, { runner: "rnr_999999999999" as never }),
    runner.credential("GET", URL, BODY),
    runner.credential("POST", `${URL}?a=1`, BODY),
    signed(runner).replace(/signature=(.)/, (_all, first) => `signature=${first === "A" ? "B" : "A"}`),
    signed(runner).replace("Pawl-Runner", "Pawl-Runner2"),
    `${signed(runner)}, more=1`,
  ];
  for (const authorization of others) refusedWith(await send(authorization), 401, "unauthenticated", "bad_signature");
  refusedWith(await send(signed(runner), { ...BODY, lines: ["two"] }), 401, "unauthenticated", "body_differs");
  const bare = await app.inject({
    method: "GET",
    url: "/v1/runner/poll",
    headers: { host: "localhost:7295", authorization: runner.credential("GET", "/v1/runner/poll", BODY) },
  });
  assert.equal(bare.json<{ reason: string }>().reason, "body_differs");
});

test("[RU-2] the same request again, or one of another time, is refused", async (t) => {
  const { runner, send, world } = await one(t);
  const once = signed(runner);
  assert.equal((await send(once)).statusCode, 200);
  refusedWith(await send(once), 401, "unauthenticated", "replayed");
  for (const by of [-600_000, 600_000]) {
    const authorization = await atTime(runner, world, by);
    refusedWith(await send(authorization), 401, "unauthenticated", "signature_time");
  }
  // It was signed before this server began, which remembers nothing of then.
  refusedWith(await send(await atTime(runner, world, -20_000)), 503, "unavailable", "just_started");
});

/** Signed, in earnest, at another time. */
const atTime = (runner: TestRunner, world: ApiWorld, by: number): Promise<string> => elsewhen(world, by, async () => signed(runner));

test("[RU-2] [A3] a runner's signature opens no route but its own", async (t) => {
  const { runner, app } = await one(t);
  for (const [method, url, body] of [
    ["GET", "/v1/changes", undefined],
    ["POST", "/v1/tokens", { principal: "human:bob" }],
    ["POST", "/v1/runners/tokens", { label: "another" }],
  ] as const)
    refusedWith(
      await ask(app, { method, url, ...(body && { body }), headers: { authorization: runner.credential(method, url, body) } }),
      403,
      "forbidden",
      "machine_credential",
    );
});

test("[RU-3] a revoked runner is refused from that moment on, and does not come back", async (t) => {
  const { runner, send, world, app } = await one(t);
  assert.equal((await send(signed(runner))).statusCode, 200);
  const id = await world.change("authorised");
  const { grant } = (await ask(app, { url: `/v1/changes/${id}`, bearer: world.bearers.human })).json<{ grant: GrantId }>();
  const start = { call: "start", change: id, grant, key: "1".repeat(32) };
  assert.equal((await runner.ask("POST", "/v1/runner/desk", start)).statusCode, 200);
  const revoked = await ask(app, { method: "DELETE", url: `/v1/runners/${runner.id}`, bearer: world.bearers.human });
  assert.equal(revoked.json<{ status: string }>().status, "revoked");
  refusedWith(await send(signed(runner)), 403, "forbidden", "runner_revoked");
  refusedWith(await runner.ask("POST", "/v1/runner/desk", { call: "offer", change: id }), 403, "forbidden", "runner_revoked");
  runner.epoch = 2;
  refusedWith(await runner.ask("POST", "/v1/runner/session", { epoch: 2, declared: DECLARED }), 403, "forbidden", "runner_revoked");
  const left = (await ask(app, { url: `/v1/changes/${id}`, bearer: world.bearers.human })).json<{ status: string }>();
  // Nothing had begun: it is known that nothing was done.
  assert.equal(left.status, "failed");
});

test("[RU-4] a runner that was invited for some environments declares those, and no others", async (t) => {
  const place = await here(t);
  const limited = { label: "one", environments: ["staging", "test"] };
  for (const environments of [[], ["production"], ["staging", "production"]])
    refusedWith(
      await enrolment(place, await invite(place, limited), { declared: { ...DECLARED, environments } }),
      403,
      "forbidden",
      "environment_not_allowed",
    );
  const runner = await enrolled(place.app, place.world, ["staging"]);
  runner.epoch = 2;
  const wider = { epoch: 2, declared: { ...DECLARED, environments: ["production"] } };
  refusedWith(await runner.ask("POST", "/v1/runner/session", wider), 403, "forbidden", "environment_not_allowed");
});

test("[RU-10] [D32] a session has a later epoch than all before it, and ends the life before it", async (t) => {
  const { runner, send } = await one(t);
  const earlier = signed(runner);
  for (const epoch of [0, 1]) {
    runner.epoch = epoch;
    const again = await runner.ask("POST", "/v1/runner/session", { epoch, declared: DECLARED });
    refusedWith(again, 409, "conflict", "epoch_behind");
  }
  runner.epoch = 5;
  assert.equal((await runner.ask("POST", "/v1/runner/session", { epoch: 5, declared: DECLARED })).statusCode, 200);
  refusedWith(await send(earlier), 409, "conflict", "epoch_moved");
  assert.equal((await send(signed(runner))).statusCode, 200);
  refusedWith(await runner.ask("POST", "/v1/runner/session", { epoch: 6, declared: DECLARED }), 422, "invalid");
});

test("[RU-11] [D33] the desk takes a call of its own runner, in its form, and facts over its signature alone", async (t) => {
  const { runner, world, app } = await one(t);
  const id = await world.change("authorised");
  const { grant } = (await ask(app, { url: `/v1/changes/${id}`, bearer: world.bearers.human })).json<{ grant: GrantId }>();
  const call = async (body: object) => {
    const answer = await runner.ask("POST", "/v1/runner/desk", body);
    return answer.statusCode === 200
      ? answer.json<{ result: { ok?: { run: string }; error?: { code: string } } }>().result
      : answer.statusCode;
  };
  const key = "2".repeat(32);
  const started = await call({ call: "start", change: id, grant, key });
  assert.ok(typeof started === "object" && started.ok !== undefined, JSON.stringify(started));
  const { run } = started.ok;
  for (const bad of [
    {},
    { call: "vote" },
    { call: "__proto__" },
    { call: "offer" },
    { call: "offer", change: "../x" },
    { call: "offer", change: id, runner: "rnr_000000" },
    { call: "begin", change: id, run, step: "", observed: digestOf("a") },
    { call: "report", change: id, run, end: "applied", code: "x", evidence: {} },
    { call: "check", change: id, run, n: -1, result: "held", evidence: {} },
  ])
    assert.equal(await call(bad), 422, JSON.stringify(bad));
  const begun = await call({ call: "begin", change: id, run, step: "step-1", observed: digestOf("moved") });
  assert.equal((begun as { error?: { code: string } }).error?.code, "stale_state");
  for (const evidence of [{}, { attestation: {} }, { attestation: { payloadType: "a", payload: "e30=", signatures: [] } }])
    assert.equal(
      ((await call({ call: "report", change: id, run, end: "failed", code: "mine", evidence })) as { error?: { code: string } }).error
        ?.code,
      "evidence_refused",
    );
  // The same start again, by whoever made it, has the same answer; by any other key it is used.
  assert.deepEqual(((await call({ call: "start", change: id, grant, key })) as { ok?: unknown }).ok, started.ok);
  assert.equal(
    ((await call({ call: "start", change: id, grant, key: "3".repeat(32) })) as { error?: { code: string } }).error?.code,
    "grant_consumed",
  );
  const other = await enrolled(app, world);
  const theirs = await other.ask("POST", "/v1/runner/desk", {
    call: "stale",
    change: id,
    run,
    expected: digestOf("a"),
    observed: digestOf("b"),
  });
  assert.ok(theirs.json<{ result: { error?: object } }>().result.error !== undefined);
});

test("[D31] a thousand claims of one grant at the desk are one start", async (t) => {
  const { runner, world, app } = await one(t);
  const id = await world.change("authorised");
  const { grant } = (await ask(app, { url: `/v1/changes/${id}`, bearer: world.bearers.human })).json<{ grant: GrantId }>();
  const others = await Promise.all([enrolled(app, world), enrolled(app, world)]);
  const runners = [runner, ...others];
  const answers = await Promise.all(
    Array.from({ length: 1_000 }, (_, n) =>
      (runners[n % 3] ?? runner).ask("POST", "/v1/runner/desk", {
        call: "start",
        change: id,
        grant,
        key: n.toString(16).padStart(32, "0"),
      }),
    ),
  );
  const results = answers.map((answer) => answer.json<{ result?: { ok?: object; error?: { code: string } } }>().result);
  assert.equal(results.filter((result) => result?.ok !== undefined).length, 1);
  const codes = new Set(results.flatMap((result) => (result?.error === undefined ? [] : [result.error.code])));
  assert.ok(
    [...codes].every((code) => code === "grant_consumed" || code === "unavailable"),
    [...codes].join(),
  );
  const { events } = (await ask(app, { url: `/v1/changes/${id}/events`, bearer: world.bearers.human })).json<{
    events: { type: string }[];
  }>();
  assert.equal(events.filter(({ type }) => type === "run_started").length, 1);
});
