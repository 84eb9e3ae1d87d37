/** A control plane that somebody took over after it had issued a grant: it holds the connection and says what it likes. */
import assert from "node:assert/strict";
import { generateKeyPairSync, sign } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import type { Connector, Timers } from "../../src/control/ports.ts";
import {
  fail,
  fromUtf8,
  ok,
  toBase64,
  utf8,
  type ChangeId,
  type GrantId,
  type JsonObject,
  type Millis,
  type RunnerId,
} from "../../src/core/base/index.ts";
import { approvalOf, payloadOf } from "../../src/core/change/index.ts";
import { sealGrant, sealUndoGrant, type Envelope, type GrantBody } from "../../src/core/grant/index.ts";
import { openNonces, startService } from "../../src/runner/index.ts";
import {
  evidenceFor,
  entryOf,
  authorisation,
  grantBody,
  grantSigner,
  logSigner,
  payloads,
  sealed,
  stranger,
  trust,
  undoBody,
} from "../../src/testing/grants.ts";
import { after, GRANT_EXPIRY, NOON, run, runner, steps } from "../../src/testing/lifecycle.ts";
import { digest } from "../../src/testing/people.ts";

/** Waits are of no use here: whatever was to be tried again later is tried at once. */
const timers: Timers = {
  after(millis, fn) {
    const timer = setTimeout(fn, Math.min(millis, 5));
    return () => clearTimeout(timer);
  },
};

/** What a step's payload is, and which state it was approved on. */
const named = (payload: Uint8Array): string => (fromUtf8(payload) ?? "").replace("payload of ", "");

class World {
  readonly writes: string[] = [];
  readonly undone: string[] = [];
  broken = false;

  connector(): Connector {
    const read = async (payload: Uint8Array) => ok({ stateDigest: digest(`state of ${named(payload)}`), context: {} });
    return {
      name: "git",
      digest: digest("code of git"),
      admit: async () => fail([{ code: "no", message: "no" }]),
      analyse: async () => fail({ code: "no", message: "no" }),
      observe: read,
      apply: async (payload) => {
        this.writes.push(named(payload));
        return ok({ facts: { did: named(payload) } });
      },
      verify: async () => (this.broken ? fail({ code: "broken", message: "it does not work" }) : ok({ facts: {} })),
      undo: async (payload) => {
        this.undone.push(named(payload));
        return ok({ facts: {} });
      },
    };
  }
}

type Desk = (call: string, body: JsonObject) => unknown;
interface Plane {
  readonly url: string;
  /** Hands out one run, and settles with what the runner answers. */
  run(desk: Desk, change?: string): Promise<JsonObject>;
  readonly calls: string[];
}

const YES: Readonly<Record<string, unknown>> = { start: { ok: { run, change: "chg_000001", runner } } };
const offering = (envelope: unknown, bytes: readonly Uint8Array[] = payloads) => ({ ok: { envelope, payloads: bytes.map(toBase64) } });
/** Says yes to everything, once it has made its offer. */
const agreeing =
  (offer: unknown): Desk =>
  (call) =>
    call === "offer" ? offer : (YES[call] ?? { ok: null });

async function plane(t: TestContext): Promise<Plane> {
  let desk: Desk = () => ({ ok: null });
  let work: string | undefined;
  let about = "chg_000001";
  let answered = Promise.withResolvers<JsonObject>();
  let asked = (): void => undefined;
  let count = 0;
  const calls: string[] = [];
  const server = createServer((request, response) => {
    void (async () => {
      const body = await bodyOf(request);
      const path = (request.url ?? "").split("?")[0];
      const answer = (value: unknown): void =>
        void response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(value));
      if (path === "/v1/runner/session") return answer({ epoch: body["epoch"] });
      if (path === "/v1/runner/answers") {
        answer({ taken: true });
        return answered.resolve(body["answer"] as JsonObject);
      }
      if (path === "/v1/runner/desk") {
        const call = body["call"] as string;
        calls.push(call);
        return answer({ result: desk(call, body) });
      }
      if (path !== "/v1/runner/poll") return answer({ taken: true });
      if (work === undefined) await new Promise<void>((resolve) => (asked = resolve));
      // Whoever asked is gone: the work is for the next.
      if (response.destroyed) return undefined;
      const given = work === undefined ? [] : [{ id: work, kind: "run", change: about }];
      work = undefined;
      return answer({ work: given });
    })();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => {
    asked();
    server.closeAllConnections();
    server.close();
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    calls,
    run(next, change = "chg_000001") {
      desk = next;
      about = change;
      answered = Promise.withResolvers();
      work = `wrk_${String((count += 1)).padStart(8, "0")}`;
      asked();
      return answered.promise;
    },
  };
}

async function bodyOf(request: IncomingMessage): Promise<JsonObject> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return chunks.length === 0 ? {} : (JSON.parse(Buffer.concat(chunks).toString("utf8")) as JsonObject);
}

interface Given {
  readonly world?: World;
  readonly folder?: string;
  readonly now?: () => Millis;
  readonly name?: RunnerId;
  readonly connector?: Partial<Connector>;
  readonly parallel?: number;
}

/** The runner, enrolled when all was well. */
async function runnerAt(
  t: TestContext,
  at: Plane,
  { world = new World(), folder, now = () => after(1_000), name = runner, connector = {}, parallel = 4 }: Given = {},
) {
  const home = folder ?? (await mkdtemp(join(tmpdir(), "pawl-compromised-")));
  const nonces = openNonces(home);
  const { privateKey } = generateKeyPairSync("ed25519");
  const service = startService({
    identity: { runner: name, url: at.url, trust: { origin: trust.deployment, logKeys: trust.logKeys, grantKeys: trust.grantKeys } },
    urls: [at.url],
    sign: (message) => sign(null, message, privateKey),
    nonces,
    connectors: new Map([["git", { ...world.connector(), ...connector }]]),
    environments: [],
    labels: [],
    clock: { now },
    timers,
    skewMillis: 30_000,
    timeoutMillis: 5_000,
    parallel,
    random: (bytes) => crypto.getRandomValues(new Uint8Array(bytes)),
    log: () => undefined,
  });
  let closed = false;
  const close = async (): Promise<void> => {
    if (closed) return;
    closed = true;
    await service.stop();
    nonces.close();
  };
  t.after(async () => {
    await close();
    if (folder === undefined) await rm(home, { recursive: true, force: true });
  });
  const ready = await service.ready;
  assert.ok(ready.ok, JSON.stringify(ready));
  return { world, home, close };
}

const codeIn = ({ kind, error, code }: JsonObject): string => {
  const told = error === undefined ? code : (error as JsonObject)["code"];
  return `${kind as string} ${told as string}`;
};

test("[RU-15] what was approved runs once, as it was approved", async (t) => {
  const at = await plane(t);
  const { world } = await runnerAt(t, at);
  assert.equal(codeIn(await at.run(agreeing(offering(sealed())))), "ended verified");
  assert.deepEqual(world.writes, ["one", "two"]);
});

const [one, two] = steps;
assert.ok(one !== undefined && two !== undefined);
const evil = utf8("payload of evil");
const swapped = [{ ...one, payload: digest("payload of evil") }, two];
const bySelf = (more: Partial<GrantBody>): Envelope => sealGrant(grantBody(more), grantSigner);
const otherEntry = entryOf({ ...authorisation(), grant: "grt_000009" }, "change/chg_000001");

/** What it may try with the grant that it has, also where it has the key that seals grants: it has not the log's. */
const OFFERS: readonly (readonly [string, unknown, string])[] = [
  ["another payload", offering(sealed(), [evil, ...payloads.slice(1)]), "payload_mismatch"],
  ["another order of the steps", offering(sealed(), payloads.toReversed()), "payload_mismatch"],
  ["a step less", offering(sealed(), payloads.slice(1)), "payload_mismatch"],
  [
    "another payload under its own seal",
    offering(bySelf({ steps: swapped, payload: payloadOf(swapped) }), [evil, ...payloads.slice(1)]),
    "authorisation_unproven",
  ],
  [
    "another order under its own seal",
    offering(bySelf({ steps: [two, one], payload: payloadOf([two, one]) }), payloads.toReversed()),
    "authorisation_unproven",
  ],
  ["votes taken out", offering(bySelf({ votes: [] })), "seat_unfilled"],
  ["votes and seats taken out", offering(bySelf({ votes: [], seats: [] })), "authorisation_unproven"],
  ["another deployment's grant", offering(bySelf({ deployment: "pawl.other/log" })), "grant_foreign"],
  ["another runner's grant", offering(bySelf({ runner: "rnr_000002" as RunnerId })), "grant_other_runner"],
  ["another operation", offering(bySelf({ steps: [{ ...one, operation: "delete" }, two] })), "payload_mismatch"],
  ["another connector's code", offering(bySelf({ steps: [{ ...one, code: digest("tampered") }, two] })), "authorisation_unproven"],
  [
    "another change's grant, with all its proof",
    offering(bySelf({ change: "chg_000009" as ChangeId, ledger: evidenceFor(entryOf(authorisation(), "change/chg_000009")) })),
    "grant_other_change",
  ],
  ["a stranger's seal", offering(sealGrant(grantBody(), stranger)), "grant_untrusted"],
  ["another grant of the same authorisation", offering(bySelf({ grant: "grt_000009" as GrantId })), "authorisation_unproven"],
  ["a longer time", offering(bySelf({ expiresAt: after(1e9) })), "authorisation_unproven"],
  ["an entry that is in no log", offering(bySelf({ ledger: { ...grantBody().ledger, entry: otherEntry } })), "authorisation_unproven"],
  [
    "an entry that only its own log has",
    offering(bySelf({ ledger: evidenceFor(grantBody().ledger.entry, { signer: stranger }) })),
    "authorisation_unproven",
  ],
  [
    "a log of another name",
    offering(
      bySelf({
        ledger: evidenceFor(grantBody().ledger.entry, { origin: "pawl.other/log", signer: { ...logSigner, name: "pawl.other/log" } }),
      }),
    ),
    "authorisation_unproven",
  ],
  ["nothing", { ok: {} }, "unavailable"],
  ["nonsense", { ok: { envelope: { payload: "x" }, payloads: ["e30="] } }, "grant_malformed"],
  ["bytes that are none", { ok: { envelope: sealed(), payloads: ["not base64"] } }, "unavailable"],
  ["a refusal of its own making", { error: { code: "x".repeat(100), message: 1 } }, "unavailable"],
];

for (const [what, offer, code] of OFFERS)
  test(`[RU-15] [D33] it offers ${what}: nothing is done`, async (t) => {
    const at = await plane(t);
    const { world } = await runnerAt(t, at);
    assert.equal(codeIn(await at.run(agreeing(offer))), `not_started ${code}`);
    assert.deepEqual([world.writes, at.calls], [[], ["offer"]]);
  });

for (const [what, now, code] of [
  ["expired", after(0, GRANT_EXPIRY), "grant_expired"],
  ["expired, less the skew", after(-30_000, GRANT_EXPIRY), "grant_expired"],
  ["of the future", after(-30_001, NOON), "grant_not_yet_valid"],
] as const)
  test(`[RU-15] [D35] a grant that is ${what} by the runner's own clock is not used, whatever the control plane says the time is`, async (t) => {
    const at = await plane(t);
    const { world } = await runnerAt(t, at, { now: () => now });
    assert.equal(codeIn(await at.run(agreeing(offering(sealed())))), `not_started ${code}`);
    assert.deepEqual(world.writes, []);
  });

test("[RU-15] [J75] a connector that is not the one that derived the plan executes nothing of it", async (t) => {
  const at = await plane(t);
  const { world } = await runnerAt(t, at, { connector: { digest: digest("tampered") } });
  assert.equal(codeIn(await at.run(agreeing(offering(sealed())))), "not_started connector_differs");
  assert.deepEqual(world.writes, []);
});

test("[RU-9] [RU-15] [D32] the same grant again is refused: at once, after a failure, after a restart", async (t) => {
  const at = await plane(t);
  const world = new World();
  const first = await runnerAt(t, at, { world });
  const refusing: Desk = (call) =>
    call === "begin" ? { error: { code: "withdrawn", message: "not any more" } } : agreeing(offering(sealed()))(call, {});
  assert.equal(codeIn(await at.run(refusing)), "ended withdrawn");
  assert.deepEqual(world.writes, []);
  assert.equal(codeIn(await at.run(agreeing(offering(sealed())))), "not_started grant_used");
  await first.close();
  const second = await runnerAt(t, at, { world, folder: first.home });
  assert.equal(codeIn(await at.run(agreeing(offering(sealed())))), "not_started grant_used");
  await second.close();
  // Enrolled anew it is another runner, for whom the grant never was.
  await runnerAt(t, at, { world, folder: first.home, name: "rnr_000002" as RunnerId });
  assert.equal(codeIn(await at.run(agreeing(offering(sealed())))), "not_started grant_other_runner");
  assert.deepEqual(world.writes, []);
});

test("[RU-9] a start that was refused for certain leaves the grant as it was; one that nobody answered uses it up", async (t) => {
  const at = await plane(t);
  const { world } = await runnerAt(t, at);
  const starting =
    (answer: unknown): Desk =>
    (call, body) =>
      call === "start" ? answer : agreeing(offering(sealed()))(call, body);
  assert.equal(codeIn(await at.run(starting({ error: { code: "held", message: "a freeze" } }))), "not_started held");
  assert.equal(codeIn(await at.run(starting({ what: "?" }))), "not_started unavailable");
  assert.equal(codeIn(await at.run(agreeing(offering(sealed())))), "not_started grant_used");
  assert.deepEqual(world.writes, []);
});

test("[RU-15] [D37] it asks for an undo that it has no grant for: what was done stays, and the end is unknown", async (t) => {
  const wrong: readonly unknown[] = [
    { ok: null },
    { ok: {} },
    { ok: sealed() },
    { ok: sealUndoGrant(undoBody({ step: two }), stranger) },
    { ok: sealUndoGrant(undoBody({ runner: "rnr_000002" as RunnerId }), grantSigner) },
    { ok: sealUndoGrant(undoBody({ step: { ...two, payload: digest("payload of evil") } }), grantSigner) },
  ];
  for (const answer of wrong) {
    const at = await plane(t);
    const world = new World();
    world.broken = true;
    await runnerAt(t, at, { world });
    const report = await at.run((call, body) => (call === "beginUndo" ? answer : agreeing(offering(sealed()))(call, body)));
    assert.match(codeIn(report), /^ended /);
    assert.equal(report["end"], "indeterminate");
    assert.deepEqual([world.writes, world.undone], [["one", "two"], []]);
  }
});

test("[RU-15] what it hands out as work is work, or nothing", async (t) => {
  const at = await plane(t);
  const { world } = await runnerAt(t, at);
  const strange = await at.run((call) =>
    call === "offer" ? offering(sealed()) : call === "start" ? { ok: { run: "../../etc", change: 1 } } : { ok: null },
  );
  assert.equal(codeIn(strange), "not_started unavailable");
  assert.deepEqual(world.writes, []);
});

/** A grant of a change with another id, proven as the log has it. */
function grantOf(change: ChangeId, grant: GrantId, more: Partial<GrantBody> = {}): Envelope {
  const body = grantBody({ change, grant, ...more });
  const entry = entryOf({ ...authorisation(), grant, approval: approvalOf(body, body.steps) }, `change/${change}`);
  return sealGrant({ ...body, ledger: evidenceFor(entry) }, grantSigner);
}

test("[RU-18] a run that only watches takes no place from others", async (t) => {
  const at = await plane(t);
  const { world } = await runnerAt(t, at, { parallel: 1 });
  const watched = offering(grantOf("chg_000001" as ChangeId, "grt_000011" as GrantId, { watch: { seconds: 36_000, everySeconds: 10 } }));
  const other = offering(grantOf("chg_000002" as ChangeId, "grt_000012" as GrantId));
  const { promise: watching, resolve } = Promise.withResolvers<void>();
  const desk: Desk = (call, { change }) => {
    if (call === "check") resolve();
    return agreeing(change === "chg_000002" ? other : watched)(call, {});
  };
  void at.run(desk);
  await watching;
  assert.equal(codeIn(await at.run(desk, "chg_000002")), "ended verified");
  assert.deepEqual(world.writes, ["one", "two", "one", "two"]);
});
