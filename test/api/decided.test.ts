import assert from "node:assert/strict";
import { test } from "node:test";
import { open, ask } from "./harness.ts";
import { realWorld } from "./real-world.ts";

interface Change {
  readonly id: string;
  readonly status: string;
  readonly version: number;
  readonly review_digest?: string;
}

/** Long enough for the busiest machine, where a caller names no time. */
const PATIENT = { decideWithinMillis: 10_000 };
const ASKED: readonly Readonly<Record<string, string>>[] = [
  {},
  { prefer: "wait=25" },
  { prefer: "respond-async, wait=25" },
  { prefer: "handling=strict" },
];

test("[AP-32] a proposal is answered with its decision, unless its caller wants none", async (t) => {
  const world = await realWorld();
  t.after(() => world.close());
  const app = open(t, world, PATIENT);
  const propose = async (headers: Readonly<Record<string, string>> = {}) => {
    const body = world.proposal("A page");
    const answer = await ask(app, { method: "POST", url: "/v1/changes", bearer: world.bearers.agent, body, headers });
    assert.equal(answer.statusCode, 201);
    const change = answer.json<Change>();
    assert.equal(answer.headers["location"], `/v1/changes/${change.id}`);
    return change;
  };
  for (const headers of ASKED) {
    const { status, version, review_digest } = await propose(headers);
    assert.deepEqual([status, version, review_digest === undefined], ["awaiting", 3, false]);
  }
  for (const prefer of ["respond-async", "wait=0"]) {
    const { id, status, version } = await propose({ prefer });
    assert.deepEqual([status, version], ["proposed", 1]);
    const later = await ask(app, { url: `/v1/changes/${id}/wait?since=1&timeout=10`, bearer: world.bearers.agent });
    assert.equal(later.json<Change>().status, "awaiting");
  }
});

test("[AP-32] so is a revision", async (t) => {
  const world = await realWorld();
  t.after(() => world.close());
  const app = open(t, world, PATIENT);
  const id = await world.change("awaiting");
  const revise = { method: "POST", url: `/v1/changes/${id}/revisions`, bearer: world.bearers.agent };
  const decided = (await ask(app, { ...revise, body: world.proposal("Another") })).json<Change & { revision: number }>();
  assert.deepEqual([decided.status, decided.revision], ["awaiting", 2]);
  const later = (await ask(app, { ...revise, body: world.proposal("A third"), headers: { prefer: "respond-async" } })).json<Change>();
  assert.equal(later.status, "proposed");
});

test("[AP-32] who asks to be held longer needs a place among those who wait; without one nobody is held", async (t) => {
  const world = await realWorld();
  t.after(() => world.close());
  const app = open(t, world, { ...PATIENT, open: { total: 0, perCredential: 0 } });
  const asked = { method: "POST", url: "/v1/changes", bearer: world.bearers.agent, body: world.proposal("A page") };
  const long = await ask(app, { ...asked, headers: { prefer: "wait=25" } });
  assert.deepEqual([long.statusCode, long.json<Change>().status], [201, "proposed"]);
  const usual = await ask(app, asked);
  assert.equal(usual.json<Change>().status, "awaiting");
});
