import assert from "node:assert/strict";
import { test } from "node:test";
import type { Rate } from "../../src/api/index.ts";
import { ask, open, refusedWith } from "./harness.ts";
import { fakeWorld, type FakeWorld } from "./world.ts";

const rate = (burst: number, perSecond = 1): Rate => ({ perSecond, burst });
const tight = (credential: number, reserved: number, address: number) => ({
  rate: { credential: rate(credential), reserved: rate(reserved), address: rate(address) },
});
const whoami = (bearer: string | undefined) => ({ url: "/v1/whoami", bearer });
const vote = (world: FakeWorld, id: string, decision: string) => ({
  method: "POST",
  url: `/v1/changes/${id}/votes`,
  bearer: world.bearers.human,
  body: { decision, review_digest: world.fake.changes.get(id)?.view.review_digest },
});

test("[AP-18] a credential that asks too much is told when to come back, and is let in then", async (t) => {
  const world = fakeWorld();
  const app = open(t, world, tight(3, 3, 100));
  for (let i = 0; i < 3; i++) assert.equal((await ask(app, whoami(world.bearers.agent))).statusCode, 200);
  const response = await ask(app, whoami(world.bearers.agent));
  refusedWith(response, 429, "rate_limited", "too_many_requests");
  assert.equal(response.headers["retry-after"], "1");
  world.clock.advance(999);
  refusedWith(await ask(app, whoami(world.bearers.agent)), 429, "rate_limited");
  world.clock.advance(1);
  assert.equal((await ask(app, whoami(world.bearers.agent))).statusCode, 200);
  refusedWith(await ask(app, whoami(world.bearers.agent)), 429, "rate_limited");
});

test("[AP-18] one credential's flood leaves the others as they were", async (t) => {
  const world = fakeWorld();
  const app = open(t, world, tight(2, 2, 100));
  for (let i = 0; i < 50; i++) await ask(app, whoami(world.bearers.agent));
  assert.equal((await ask(app, whoami(world.bearers.human))).statusCode, 200);
});

test("[AP-18] whoever sends no credential is counted by address", async (t) => {
  const world = fakeWorld();
  const app = open(t, world, tight(2, 2, 3));
  const asking = (remoteAddress: string, url = "/v1/health") => app.inject({ url, remoteAddress, headers: { host: "localhost:7295" } });
  for (let i = 0; i < 3; i++)
    assert.equal((await asking("192.0.2.1", ["/v1/health", "/checkpoint", "/nowhere"][i])).statusCode, [200, 200, 404][i]);
  refusedWith(await asking("192.0.2.1"), 429, "rate_limited");
  refusedWith(await asking("192.0.2.1", "/nowhere"), 429, "rate_limited");
  assert.equal((await asking("192.0.2.2")).statusCode, 200);
});

test("[AP-19] bad credentials count against their address, and good ones from there never do", async (t) => {
  const world = fakeWorld();
  const app = open(t, world, tight(100, 2, 2));
  for (let i = 0; i < 2; i++) refusedWith(await ask(app, whoami("wrong")), 401, "unauthenticated");
  refusedWith(await ask(app, whoami("wrong")), 429, "rate_limited");
  for (let i = 0; i < 5; i++) assert.equal((await ask(app, whoami(world.bearers.human))).statusCode, 200);
});

test("[AP-20] to reject, withdraw, take a vote back or revoke a token is possible when everything else is not", async (t) => {
  const world = fakeWorld();
  const app = open(t, world, tight(1, 10, 100));
  const [one, two, three] = [world.fake.place("awaiting"), world.fake.place("awaiting", { needs: 2 }), world.fake.place("awaiting")];
  assert.equal((await ask(app, vote(world, two, "approve"))).statusCode, 200);
  refusedWith(await ask(app, whoami(world.bearers.human)), 429, "rate_limited");
  assert.equal((await ask(app, vote(world, one, "reject"))).statusCode, 200);
  assert.equal((await ask(app, { method: "DELETE", url: `/v1/changes/${two}/votes`, bearer: world.bearers.human })).statusCode, 200);
  assert.equal((await ask(app, { method: "POST", url: `/v1/changes/${three}/withdraw`, bearer: world.bearers.human })).statusCode, 200);
  refusedWith(await ask(app, { method: "DELETE", url: "/v1/tokens/tok_none", bearer: world.bearers.human }), 404, "not_found");
  refusedWith(await ask(app, whoami(world.bearers.human)), 429, "rate_limited");
});

test("[AP-20] an approval does not travel on the reserved lane, and uses none of it up", async (t) => {
  const world = fakeWorld();
  const app = open(t, world, tight(1, 2, 100));
  const id = world.fake.place("awaiting");
  assert.equal((await ask(app, whoami(world.bearers.human))).statusCode, 200);
  for (let i = 0; i < 20; i++) refusedWith(await ask(app, vote(world, id, "approve")), 429, "rate_limited");
  assert.equal(world.fake.changes.get(id)?.view.status, "awaiting");
  assert.equal((await ask(app, vote(world, id, "reject"))).statusCode, 200);
  assert.equal(world.fake.changes.get(id)?.view.status, "rejected");
});

test("[AP-20] the reserved lane has its own limit", async (t) => {
  const world = fakeWorld();
  const app = open(t, world, tight(1, 2, 100));
  const withdrawing = () => ask(app, { method: "POST", url: "/v1/changes/none/withdraw", bearer: world.bearers.agent });
  for (let i = 0; i < 2; i++) refusedWith(await withdrawing(), 404, "not_found");
  refusedWith(await withdrawing(), 429, "rate_limited");
  assert.equal((await ask(app, whoami(world.bearers.agent))).statusCode, 200);
});

test("[A3, AP-18] a machine that keeps trying what it may not cannot flood the ledger", async (t) => {
  const world = fakeWorld();
  const app = open(t, world, tight(100, 100, 100));
  const id = world.fake.place("awaiting");
  const before = world.fake.log.size;
  const statuses: number[] = [];
  for (let i = 0; i < 100; i++) statuses.push((await ask(app, { ...vote(world, id, "approve"), bearer: world.bearers.agent })).statusCode);
  const refused = statuses.filter((status) => status === 403).length;
  assert.equal(world.fake.log.size - before, refused, "each refusal that is told is also recorded");
  assert.ok(refused >= 1 && refused < 15, `${refused} of 100`);
  assert.ok(statuses.every((status) => status === 403 || status === 429));
});
