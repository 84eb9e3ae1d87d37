import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import type { ApiSettings } from "../../src/api/index.ts";
import type { ChangeId } from "../../src/core/base/index.ts";
import { ask, open, refusedWith } from "./harness.ts";
import { bodyOf, converse, listening, statusOf, type Conversation } from "./sockets.ts";
import { ADA, BOB, fakeWorld, type FakeWorld } from "./world.ts";

async function live(t: TestContext, settings: Partial<ApiSettings> = {}, world: FakeWorld = fakeWorld()) {
  const app = open(t, world, settings);
  const port = await listening(app);
  const get = (path: string, bearer: string | undefined, ...more: string[]): Conversation => {
    const head = [
      `GET ${path} HTTP/1.1`,
      `Host: 127.0.0.1:${port}`,
      ...(bearer === undefined ? [] : [`Authorization: Bearer ${bearer}`]),
      ...more,
    ];
    const talk = converse(port, `${head.join("\r\n")}\r\n\r\n`);
    t.after(() => talk.socket.destroy());
    return talk;
  };
  return { world, app, get };
}

const turn = () => new Promise((resolve) => setImmediate(resolve));
async function until(is: () => boolean): Promise<void> {
  while (!is()) await turn();
}

test("[AP-22] the stream tells id, version and status of what moves, and nothing of what is in it", async (t) => {
  const { world, get } = await live(t);
  const talk = get("/v1/stream", world.bearers.human);
  const opened = await talk.until(/event: ready/);
  assert.equal(statusOf(opened), 200);
  assert.match(opened, /content-type: text\/event-stream/i);
  const id = world.fake.place("awaiting");
  const said = await talk.until(/"status":"awaiting"/);
  assert.ok(said.includes(`event: change\nid: ${id}@2\ndata: {"change":"${id}","version":2,"status":"awaiting"}\n\n`), said);
  assert.doesNotMatch(said, /Change 1/);
});

test("[AP-22] a returning reader is told to read everything again, whatever it says it saw", async (t) => {
  const { world, get } = await live(t);
  for (const last of ["chg_1@4", "", "x".repeat(4000), "💥"]) {
    await get("/v1/stream", world.bearers.human, `Last-Event-ID: ${last}`).until(/event: resync/);
  }
});

test("[AP-22] nobody is told of a change that they may not see", async (t) => {
  const { world, get } = await live(t);
  const bob = get("/v1/stream", world.bearers.human);
  const ada = get("/v1/stream", "human-ada-token");
  await Promise.all([bob.until(/event: ready/), ada.until(/event: ready/)]);
  const hidden = world.fake.place("awaiting", { onlyFor: ADA });
  const shown = world.fake.place("awaiting", { onlyFor: BOB });
  const [toBob, toAda] = await Promise.all([bob.until(/event: change/), ada.until(/event: change/)]);
  assert.ok(toBob.includes(shown) && !toBob.includes(hidden));
  assert.ok(toAda.includes(hidden) && !toAda.includes(shown));
});

test("[AP-22] several moves of one change that are not told yet become one event with the newest version", async (t) => {
  const world = fakeWorld();
  const gates: (() => void)[] = [];
  const slow: typeof world.control.read = async (caller, id) => {
    await new Promise<void>((resolve) => gates.push(resolve));
    return world.control.read(caller, id);
  };
  const { get } = await live(t, {}, { ...world, control: { ...world.control, read: slow } });
  const talk = get("/v1/stream", world.bearers.human);
  await talk.until(/event: ready/);
  const id = world.fake.place("awaiting");
  for (let i = 0; i < 20; i++) world.fake.move(id, "moved", "awaiting");
  await until(() => gates.length === 1);
  gates[0]?.();
  const said = await talk.until(/event: change/);
  assert.ok(said.includes(`${id}@22`), said);
});

test("[AP-22] a heartbeat keeps the stream open, and ends it once the credential no longer stands", async (t) => {
  const { world, get } = await live(t, { heartbeatMillis: 10 });
  const talk = get("/v1/stream", world.bearers.human);
  await talk.until(/: still here\n\n[\s\S]*: still here/);
  world.fake.revoked.add(world.bearers.human);
  await talk.ended;
  assert.equal(world.fake.subscribers, 0);
});

test("[AP-22] a reader that does not read is dropped, and costs no more than its buffer", async (t) => {
  const { world, get } = await live(t, { streamBufferBytes: 2_000 });
  const talk = get("/v1/stream", world.bearers.human);
  await talk.until(/event: ready/);
  talk.socket.pause();
  const ids = Array.from({ length: 200 }, () => world.fake.place("proposed"));
  // More than any socket buffer holds: the server must give up long before this ends.
  for (let i = 0; world.fake.subscribers > 0; i++) {
    assert.ok(i < 2_000_000, "the reader was never dropped");
    world.fake.move(ids[i % ids.length] ?? "", "moved", "proposed");
    if (i % 200 === 199) await turn();
  }
});

test("[AP-22] a reader that goes away is forgotten", async (t) => {
  const { world, get } = await live(t);
  const talk = get("/v1/stream", world.bearers.human);
  await talk.until(/event: ready/);
  assert.equal(world.fake.subscribers, 1);
  talk.socket.destroy();
  await until(() => world.fake.subscribers === 0);
});

test("[AP-23] streams and waiting requests are bounded for one credential and in all", async (t) => {
  const { world, app, get } = await live(t, { open: { total: 3, perCredential: 2 } });
  const id = world.fake.place("awaiting");
  const one = get("/v1/stream", world.bearers.human);
  await one.until(/event: ready/);
  const waiting = get(`/v1/changes/${id}/wait?since=99&timeout=55`, world.bearers.human);
  await until(() => world.fake.subscribers === 2);
  refusedWith(await ask(app, { url: "/v1/stream", bearer: world.bearers.human }), 429, "rate_limited", "too_many_open");
  refusedWith(await ask(app, { url: `/v1/changes/${id}/wait`, bearer: world.bearers.human }), 429, "rate_limited", "too_many_open");
  await get("/v1/stream", world.bearers.agent).until(/event: ready/);
  refusedWith(await ask(app, { url: "/v1/stream", bearer: "human-ada-token" }), 429, "rate_limited", "too_many_open");
  waiting.socket.destroy();
  await until(() => world.fake.subscribers === 2);
  await get("/v1/stream", "human-ada-token").until(/event: ready/);
});

test("[AP-21] waiting ends as soon as the change has passed the version the caller has", async (t) => {
  const { world, get, app } = await live(t);
  const id = world.fake.place("awaiting");
  const now = await ask(app, { url: `/v1/changes/${id}/wait?since=1`, bearer: world.bearers.agent });
  assert.equal(now.json<{ version: number }>().version, 2);
  const talk = get(`/v1/changes/${id}/wait?since=2&timeout=55`, world.bearers.agent, "Connection: close");
  await until(() => world.fake.subscribers === 1);
  world.fake.move(world.fake.place("awaiting"), "moved", "awaiting");
  world.fake.move(id, "authorised", "authorised");
  assert.equal((JSON.parse(bodyOf(await talk.ended)) as { status: string }).status, "authorised");
});

test("[AP-21] waiting ends at its time limit with the change as it is, which is no longer than 55 seconds", async (t) => {
  const { world, app } = await live(t);
  const id = world.fake.place("awaiting");
  const response = await ask(app, { url: `/v1/changes/${id}/wait?since=2&timeout=0`, bearer: world.bearers.agent });
  assert.equal(response.json<{ version: number }>().version, 2);
  refusedWith(await ask(app, { url: `/v1/changes/${id}/wait?timeout=56`, bearer: world.bearers.agent }), 422, "invalid", "query");
  refusedWith(await ask(app, { url: `/v1/changes/none/wait?since=9&timeout=55`, bearer: world.bearers.agent }), 404, "not_found");
});

test("[AP-21] waiting ends when the caller goes away: control is told to stop", async (t) => {
  const world = fakeWorld();
  const signals: AbortSignal[] = [];
  const wait: typeof world.control.wait = (caller, id, since, millis, signal) => {
    if (signal !== undefined) signals.push(signal);
    return world.control.wait(caller, id, since, millis, signal);
  };
  const { get } = await live(t, {}, { ...world, control: { ...world.control, wait } });
  const id = world.fake.place("awaiting") as ChangeId;
  const talk = get(`/v1/changes/${id}/wait?since=2&timeout=55`, world.bearers.agent);
  await until(() => world.fake.subscribers === 1);
  talk.socket.destroy();
  await until(() => world.fake.subscribers === 0);
  assert.deepEqual(
    signals.map(({ aborted }) => aborted),
    [true],
  );
});
