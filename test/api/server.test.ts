import assert from "node:assert/strict";
import { test } from "node:test";
import { ask, open, refusedWith } from "./harness.ts";
import { bodyOf, converse, headerOf, listening, statusOf } from "./sockets.ts";
import { fakeWorld } from "./world.ts";

interface Line {
  readonly level: string;
  readonly fields: Readonly<Record<string, unknown>>;
  readonly text: string;
}

function logger() {
  const lines: Line[] = [];
  const at = (level: string) => (fields: Readonly<Record<string, unknown>>, text: string) => void lines.push({ level, fields, text });
  return { lines, info: at("info"), error: at("error") };
}

test("[AP-5] what nobody foresaw is told as an incident: an id here, everything in the log", async (t) => {
  const world = fakeWorld();
  const log = logger();
  const cause = new Error("connect ECONNREFUSED postgres://pawl:secret@db/pawl");
  const control = { ...world.control, read: () => Promise.reject(cause) };
  const app = open(t, { ...world, control }, {}, { logger: log });
  const response = await ask(app, { url: "/v1/changes/chg_1", bearer: world.bearers.human });
  const problem = refusedWith(response, 500, "internal", "incident");
  assert.doesNotMatch(response.body, /secret|postgres|ECONN|\.ts/);
  assert.match(problem.instance ?? "", /^urn:pawl:incident:[0-9a-f]+-[0-9a-f]+$/);
  const line = log.lines.find(({ level }) => level === "error");
  assert.equal(`urn:pawl:incident:${String(line?.fields["incident"])}`, problem.instance);
  assert.equal(line?.fields["error"], cause);
});

test("[AP-5] so is a fault in authentication, in recording a refusal, and in health", async (t) => {
  const world = fakeWorld();
  const broken = () => Promise.reject(new Error("inside"));
  const app = open(t, { ...world, control: { ...world.control, authenticate: broken, health: broken } });
  for (const asked of [{ url: "/v1/whoami", bearer: world.bearers.human }, { url: "/v1/health" }]) {
    const response = await ask(app, asked);
    refusedWith(response, 500, "internal", "incident");
    assert.doesNotMatch(response.body, /inside/);
  }
  const unrecorded = open(t, { ...world, control: { ...world.control, recordRefusal: broken } });
  refusedWith(await ask(unrecorded, { method: "DELETE", url: "/v1/changes/x/votes", bearer: world.bearers.agent }), 500, "internal");
});

test("[F53, AP-29] a line in the log names the route, never what a caller wrote", async (t) => {
  const world = fakeWorld();
  const log = logger();
  const app = open(t, world, {}, { logger: log });
  const canary = "canary";
  await ask(app, { url: `/v1/changes/${canary}%0Aforged%00line`, bearer: world.bearers.human });
  await ask(app, { url: `/v1/changes?cursor=${canary}`, bearer: world.bearers.human });
  await ask(app, { url: `/${canary}`, headers: { "user-agent": canary } });
  await ask(app, { method: "POST", url: "/v1/changes", bearer: world.bearers.agent, body: { title: canary } });
  await ask(app, { url: "/v1/whoami", bearer: canary });
  assert.equal(log.lines.length, 5);
  assert.doesNotMatch(JSON.stringify(log.lines), /canary|forged|token/);
  assert.deepEqual(
    log.lines.map(({ fields }) => [fields["method"], fields["route"], fields["status"], fields["caller"]]),
    [
      ["GET", "/v1/changes/:id", 404, "human:bob"],
      ["GET", "/v1/changes", 200, "human:bob"],
      ["GET", "none", 404, undefined],
      ["POST", "/v1/changes", 422, "agent:bot"],
      ["GET", "/v1/whoami", 401, undefined],
    ],
  );
});

test("[AP-25] a request whose headers or body do not arrive in time is ended", async (t) => {
  const world = fakeWorld();
  const app = open(t, world, { headersTimeoutMillis: 40, requestTimeoutMillis: 80 });
  const port = await listening(app);
  const host = `Host: 127.0.0.1:${port}`;
  const slowHead = await converse(port, `GET /v1/health HTTP/1.1\r\n${host}\r\nX-Slow: `).ended;
  assert.equal(statusOf(slowHead), 408);
  assert.equal((JSON.parse(bodyOf(slowHead)) as { code: string }).code, "timeout");
  const slowBody = await converse(
    port,
    `POST /v1/changes HTTP/1.1\r\n${host}\r\nAuthorization: Bearer ${world.bearers.agent}\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{`,
  ).ended;
  assert.equal(statusOf(slowBody), 408);
});

test("[AP-25] what is not HTTP, or has endless headers, is refused in the same form", async (t) => {
  const app = open(t, fakeWorld());
  const port = await listening(app);
  const host = `Host: 127.0.0.1:${port}`;
  const cases: readonly (readonly [string, number, string])[] = [
    ["hello\r\n\r\n", 400, "malformed_http"],
    [`GET / HTTP/1.1\r\n${host}\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n`, 400, "malformed_http"],
    [`POST / HTTP/1.1\r\n${host}\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`, 400, "malformed_http"],
    [`GET / HTTP/1.1\r\n${host}\r\nX: ${"x".repeat(20_000)}\r\n\r\n`, 431, "headers_too_large"],
    ["GET / HTTP/1.1\r\nConnection: close\r\n\r\n", 400, "no_host"],
    [`GET / HTTP/1.1\r\n${host}\r\nExpect: the-unexpected\r\nConnection: close\r\n\r\n`, 400, "expectation"],
    [`CONNECT elsewhere.example:443 HTTP/1.1\r\n${host}\r\n\r\n`, 400, "absolute_target"],
  ];
  for (const [request, status, reason] of cases) {
    const reply = await converse(port, request).ended;
    assert.equal(statusOf(reply), status, request.slice(0, 60));
    const problem = JSON.parse(bodyOf(reply)) as { status: number; reason: string };
    assert.deepEqual([problem.status, problem.reason], [status, reason]);
    assert.equal(headerOf(reply, "x-content-type-options"), "nosniff");
  }
});

test("[AP-25] a path that is not one, or is too long, is refused in the same form", async (t) => {
  const world = fakeWorld();
  const app = open(t, world);
  refusedWith(await ask(app, { url: "/v1/changes/%zz", bearer: world.bearers.human }), 400, "invalid", "bad_url");
  refusedWith(await ask(app, { url: `/v1/changes/${"x".repeat(200)}`, bearer: world.bearers.human }), 404, "not_found");
});

test("[AP-25] there are no more connections at once than the setting says", async (t) => {
  const app = open(t, fakeWorld(), { maxConnections: 2 });
  const port = await listening(app);
  const request = `GET /v1/health HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n\r\n`;
  const [one, two] = [converse(port, request), converse(port, request)];
  await Promise.all([one.until(/200 OK/), two.until(/200 OK/)]);
  assert.equal(await converse(port, request).ended, "");
  one.socket.destroy();
  await one.ended;
  two.socket.destroy();
});

test("[AP-26] closing ends what waits, refuses what comes, and then settles", async (t) => {
  const world = fakeWorld();
  let admitted = 0;
  const control = {
    ...world.control,
    authenticate: (...args: Parameters<typeof world.control.authenticate>) => ((admitted += 1), world.control.authenticate(...args)),
  };
  const app = open(t, { ...world, control });
  const port = await listening(app);
  const id = world.fake.place("awaiting");
  const head = (path: string) => `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nAuthorization: Bearer ${world.bearers.human}\r\n`;
  const stream = converse(port, `${head("/v1/stream")}\r\n`);
  await stream.until(/event: ready/);
  const waiting = converse(port, `${head(`/v1/changes/${id}/wait?since=99&timeout=55`)}\r\n`);
  const slow = converse(
    port,
    `POST /v1/changes HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nAuthorization: Bearer ${world.bearers.agent}\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{`,
  );
  await waitUntil(() => world.fake.subscribers === 2 && admitted === 3);
  const closed = app.close();
  await stream.ended;
  const waited = await waiting.ended;
  assert.equal(statusOf(waited), 200);
  assert.equal((JSON.parse(bodyOf(waited)) as { id: string }).id, id);
  slow.socket.write("}");
  assert.equal(statusOf(await slow.ended), 422);
  await closed;
  assert.equal(world.fake.subscribers, 0);
});

test("[AP-26] [CO-62] closing lets go of a proposal that is held, and it is answered", async (t) => {
  const world = fakeWorld();
  let held = 0;
  const propose: typeof world.control.propose = async (caller, raw, key, patience, closing) => {
    held = patience ?? 0;
    await new Promise<void>((resolve) => closing?.addEventListener("abort", () => resolve()));
    return world.control.propose(caller, raw, key);
  };
  const app = open(t, { ...world, control: { ...world.control, propose } });
  const port = await listening(app);
  const body = JSON.stringify(world.proposal("held"));
  const head = `POST /v1/changes HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nAuthorization: Bearer ${world.bearers.agent}\r\nPrefer: wait=25\r\n`;
  const talk = converse(port, `${head}Content-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
  await waitUntil(() => held > 0);
  const closed = app.close();
  assert.deepEqual([held, statusOf(await talk.ended)], [25_000, 201]);
  await closed;
});

/** Turns of the event loop, until it is so. */
async function waitUntil(is: () => boolean): Promise<void> {
  while (!is()) await new Promise((resolve) => setImmediate(resolve));
}

test("[AP-26] a request that comes while the server closes changes nothing", async (t) => {
  const world = fakeWorld();
  const held = Promise.withResolvers<void>();
  let asked = 0;
  const control = { ...world.control, health: async () => ((asked += 1), await held.promise, { ok: true, checks: [] }) };
  const app = open(t, { ...world, control });
  const port = await listening(app);
  const talk = converse(port, `GET /v1/health HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n\r\n`);
  await waitUntil(() => asked === 1);
  const closed = app.close();
  await waitUntil(() => !app.server.listening);
  const body = JSON.stringify(world.proposal("Too late"));
  const head = [
    `POST /v1/changes HTTP/1.1`,
    `Host: 127.0.0.1:${port}`,
    `Authorization: Bearer ${world.bearers.agent}`,
    "Content-Type: application/json",
    `Content-Length: ${body.length}`,
  ];
  talk.socket.write(`${head.join("\r\n")}\r\n\r\n${body}`);
  await new Promise((resolve) => setImmediate(resolve));
  held.resolve();
  const reply = await talk.ended;
  assert.equal(statusOf(reply), 200);
  assert.equal(headerOf(reply, "connection"), "close");
  await closed;
  assert.equal(world.fake.changes.size, 0);
});

test("[AP-3] each of control's refusals has its one status", async (t) => {
  const world = fakeWorld();
  const statuses = {
    unauthenticated: 401,
    forbidden: 403,
    not_found: 404,
    invalid: 422,
    conflict: 409,
    idempotency_mismatch: 409,
    review_moved: 409,
    not_now: 409,
    too_large: 413,
    unavailable: 503,
  } as const;
  for (const [code, status] of Object.entries(statuses) as [keyof typeof statuses, number][]) {
    const faults = [{ code: "shape.missing", message: "title is missing", where: "/title", internal: "not for outside" }];
    const error = {
      code,
      reason: "some_reason",
      message: "what was wrong",
      where: "/x",
      remedy: "mend it",
      details: { expected: "a" },
      faults,
    };
    const app = open(t, { ...world, control: { ...world.control, read: async () => ({ ok: false, error }) as const } });
    const response = await ask(app, { url: "/v1/changes/x", bearer: world.bearers.human });
    const problem = refusedWith(response, status, code, "some_reason");
    assert.deepEqual([problem.detail, problem.where, problem.remedy], ["what was wrong", "/x", "mend it"]);
    assert.deepEqual(problem.faults, [{ code: "shape.missing", message: "title is missing", where: "/title" }]);
    if (status === 503) assert.ok(Number(response.headers["retry-after"]) > 0);
  }
});

test("[AP-28] an unwell server says so with 503, and its reasons only to who has a credential", async (t) => {
  const world = fakeWorld();
  const control = {
    ...world.control,
    health: async () => ({ ok: false, checks: [{ name: "store", ok: false, text: "db.internal does not answer" }] }),
  };
  const app = open(t, { ...world, control });
  const anonymous = await ask(app, { url: "/v1/health" });
  assert.equal(anonymous.statusCode, 503);
  assert.doesNotMatch(anonymous.body, /internal/);
  const known = await ask(app, { url: "/v1/health", bearer: world.bearers.human });
  assert.match(known.body, /db\.internal/);
});
