/** What becomes of a request: applied, refused, moved, or nobody knows. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { httpConnector } from "../../../src/connectors/http/index.ts";
import type { Analysed, Connector, PerformFault } from "../../../src/control/ports.ts";
import type { Json, Result } from "../../../src/core/base/index.ts";
import { CANARY, LIMITS, MOVE, ROLL, world } from "./world.ts";

async function planned(connector: Connector, input: Json = MOVE): Promise<Analysed> {
  const admitted = await connector.admit(input);
  assert.ok(admitted.ok, JSON.stringify(admitted));
  const made = await connector.analyse(admitted.value.input, LIMITS);
  assert.ok(made.ok, JSON.stringify(made));
  return made.value;
}

const apply = (connector: Connector, { payload, analysis }: Analysed, limits = LIMITS) =>
  connector.apply(payload, analysis.step.stateDigest, limits);

function refused<T>(result: Result<T, PerformFault>): readonly [code: string, effect: string] {
  assert.ok(!result.ok);
  return [result.error.code, result.error.effect];
}

test("[OP-20, OP-23] the plan shows what was there, what will be, and the whole request", async (t) => {
  const { connector, api } = await world(t);
  const { analysis } = await planned(connector());
  const [effect] = analysis.step.effects;
  assert.deepEqual(
    [effect?.resource, effect?.system, effect?.kind, effect?.provenance, effect?.environment],
    ["http:tickets#ticket/OPS-1", "http:tickets", "update", "derived", "production"],
  );
  assert.deepEqual(effect?.fields, [
    { path: "status", before: { kind: "json", value: "doing" }, after: { kind: "json", value: "done" } },
    {
      path: "request",
      after: {
        kind: "json",
        value: {
          method: "PUT",
          url: `${api.origin}/api/tickets/OPS-1/status`,
          credential: "tickets",
          body: { status: "done" },
          compared_by: "etag",
        },
      },
    },
  ]);
  assert.equal(analysis.step.undo.kind, "planned");
  assert.match(analysis.step.undo.text, /PUT .*\/api\/tickets\/OPS-1\/status with \{"status":"doing"\}/);
  assert.deepEqual(api.writes, []);
});

test("[OP-21, B12] a field that matters moves after the plan: stale, both fingerprints, and nothing is written", async (t) => {
  const { connector, api } = await world(t);
  const plan = await planned(connector());
  api.move("OPS-1", "open");
  const applied = await apply(connector(), plan);
  assert.deepEqual(refused(applied), ["stale_state", "none"]);
  assert.ok(!applied.ok && applied.error.details?.["expected"] !== applied.error.details?.["observed"]);
  assert.deepEqual([api.writes.length, api.tickets.get("OPS-1")?.status], [0, "open"]);
});

test("[OP-21] a field that does not matter may move", async (t) => {
  const { connector, api } = await world(t);
  const plan = await planned(connector());
  api.move("OPS-1", "doing");
  assert.ok((await apply(connector(), plan)).ok);
  assert.equal(api.writes[0]?.headers["if-match"], '"v8"');
});

test("[OP-22, B12] somebody writes between the last look and the write: the API refuses it, by ETag and by version", async (t) => {
  const { connector, api } = await world(t);
  const [move, roll] = [await planned(connector()), await planned(connector(), ROLL)];
  api.meanwhile = () => api.move("OPS-1", "open");
  assert.deepEqual(refused(await apply(connector(), move)), ["stale_state", "none"]);
  assert.equal(api.tickets.get("OPS-1")?.status, "open");
  api.meanwhile = () => void api.flags.set("new-cart", { version: 9, percent: 5, last: "" });
  assert.deepEqual(refused(await apply(connector(), roll)), ["stale_state", "none"]);
  assert.equal(api.flags.get("new-cart")?.percent, 5);
  assert.deepEqual(JSON.parse(api.writes[1]?.body ?? ""), { rollout: { percent: 25 }, version: 3 });
});

test("[OP-22] what the API compares by nothing is said to be open, and what it gives no ETag for is refused", async (t) => {
  const open = await world(t, (text) => text.replace("        compare: etag\n", ""));
  const { analysis } = await planned(open.connector());
  assert.ok(analysis.unverified.some(({ topic, provenance }) => topic === "window" && provenance === "unknown"));
  assert.ok(!(await planned((await world(t)).connector())).analysis.unverified.some(({ topic }) => topic === "window"));
  const flagged = await world(t, (text) => text.replace("compare: { version: /version, member: version }", "compare: etag"));
  const made = await flagged.connector().analyse(ROLL, LIMITS);
  assert.equal(!made.ok && made.error.code, "http_no_etag");
});

test("[OP-24] an answer that is lost, late, endless or a redirect leaves the outcome unknown, and nothing is sent again", async (t) => {
  for (const [misbehaviour, code] of [
    ["loses", "http_connection"],
    ["loses-before", "http_connection"],
    ["is-slow", "http_timeout"],
    ["streams", "http_answer_too_large"],
    ["redirects", "http_status"],
    ["fails", "http_status"],
  ] as const) {
    const { connector, api } = await world(t);
    const plan = await planned(connector());
    api.misbehave = misbehaviour;
    const limits = { timeoutMillis: misbehaviour === "is-slow" ? 300 : 20_000 };
    assert.deepEqual(refused(await apply(connector(), plan, limits)), [code, "possible"], misbehaviour);
    assert.equal(api.writes.length, 1, misbehaviour);
  }
});

test("[OP-23] whoever executes needs no declarations: the payload holds all of it", async (t) => {
  const { connector, options, api } = await world(t);
  const plan = await planned(connector());
  const elsewhere = httpConnector(options);
  assert.equal(elsewhere.digest, connector().digest);
  assert.ok(!(await elsewhere.analyse(MOVE, LIMITS)).ok);
  const applied = await apply(elsewhere, plan);
  assert.ok(applied.ok && (await elsewhere.verify(plan.payload, applied.value, LIMITS)).ok);
  assert.equal(api.tickets.get("OPS-1")?.status, "done");
  assert.ok((await elsewhere.undo(plan.payload, applied.value, LIMITS)).ok);
  assert.equal(api.tickets.get("OPS-1")?.status, "doing");
});

test("[OP-24] a request that could not leave this machine has done nothing", async (t) => {
  const { connector, options } = await world(t);
  const plan = await planned(connector());
  const gone = connector({ env: {} });
  assert.deepEqual(refused(await apply(gone, plan)), ["http_credential_absent", "none"]);
  assert.deepEqual(
    refused(
      await apply(
        connector({
          allowPrivate: [],
          credentials: options.credentials.map((each) => ({ ...each, origins: ["https://elsewhere.example"] })),
        }),
        plan,
      ),
    ),
    ["http_credential_origin", "none"],
  );
});

test("[OP-25] a lost answer is replaced by the system's own word that it wrote for this very key, and by nothing else", async (t) => {
  const proof = (text: string) =>
    text.replace("compare: { version: /version, member: version }", "idempotency: { header: x-request-key, proof: /last_request }");
  const proven = await world(t, proof);
  const plan = await planned(proven.connector(), ROLL);
  proven.api.misbehave = "loses";
  const applied = await apply(proven.connector(), plan);
  assert.ok(applied.ok);
  assert.equal(applied.value.facts["proven_by"], "/last_request");
  const unproven = await world(t, proof);
  const other = await planned(unproven.connector(), ROLL);
  unproven.api.misbehave = "loses-before";
  // Somebody else brings about the very state that was wanted.
  unproven.api.meanwhile = () => void unproven.api.flags.set("new-cart", { version: 4, percent: 25, last: "theirs" });
  assert.deepEqual(refused(await apply(unproven.connector(), other)), ["http_connection", "possible"]);
});

test("[OP-26] what is not so afterwards is not verified, and what somebody moved since is not taken back", async (t) => {
  const { connector, api } = await world(t);
  const plan = await planned(connector());
  api.misbehave = "ignores";
  const ignored = await apply(connector(), plan);
  assert.ok(ignored.ok);
  const verified = await connector().verify(plan.payload, ignored.value, LIMITS);
  assert.deepEqual(!verified.ok && [verified.error.code, verified.error.message], [
    "http_not_as_planned",
    "afterwards it is not as it should be: status",
  ]);
  api.misbehave = "never";
  const applied = await apply(connector(), plan);
  assert.ok(applied.ok);
  api.move("OPS-1", "open");
  assert.deepEqual(refused(await connector().undo(plan.payload, applied.value, LIMITS)), ["undo_moved", "none"]);
  assert.equal(api.tickets.get("OPS-1")?.status, "open");
});

test("[OP-26, D30] an API that cannot be asked for a moment has not failed the verification", async (t) => {
  const { connector, api } = await world(t);
  const plan = await planned(connector());
  const applied = await apply(connector(), plan);
  assert.ok(applied.ok);
  api.misbehave = "is-down";
  const unsure = await connector().verify(plan.payload, applied.value, LIMITS);
  assert.deepEqual(!unsure.ok && [unsure.error.code, unsure.error.inconclusive], ["http_status", true]);
  api.misbehave = "never";
  assert.ok((await connector().verify(plan.payload, applied.value, LIMITS)).ok);
  api.move("OPS-1", "open");
  const wrong = await connector().verify(plan.payload, applied.value, LIMITS);
  assert.deepEqual(!wrong.ok && [wrong.error.code, wrong.error.inconclusive], ["http_not_as_planned", undefined]);
});

test("[OP-27] what cannot be taken back says so before it is done", async (t) => {
  const { connector, api } = await world(t);
  api.tickets.set("OPS-2", { status: "archived", title: "Old", version: 1 });
  const made = await planned(connector(), { ...MOVE, arguments: { ticket: "OPS-2", status: "done" } });
  assert.equal(made.analysis.step.undo.kind, "impossible");
  assert.match(made.analysis.step.undo.text, /transition, which would take it back, cannot be asked for: \/status must be one of/);
  const applied = await apply(connector(), made);
  assert.ok(applied.ok);
  assert.deepEqual(refused(await connector().undo(made.payload, applied.value, LIMITS)), ["http_no_undo", "none"]);
});

test("[OP-28] without a probe and expectations, the plan says what nobody will see", async (t) => {
  const { connector } = await world(t);
  const comment = { system: "tickets", operation: "comment", arguments: { ticket: "OPS-1", text: "done" } };
  const { analysis } = await planned(connector(), comment);
  assert.deepEqual(
    analysis.unverified.map(({ topic }) => topic),
    ["state", "window", "outcome", "consequence"],
  );
  assert.equal(analysis.step.effects[0]?.provenance, "claimed");
});

test("[OP-29] what is already so is not proposed, and what is not JSON with one meaning is no state", async (t) => {
  const { connector, api } = await world(t);
  api.move("OPS-1", "done");
  const made = await connector().analyse(MOVE, LIMITS);
  assert.equal(!made.ok && made.error.code, "no_change");
  const absent = await connector().analyse({ ...MOVE, arguments: { ticket: "OPS-9", status: "done" } }, LIMITS);
  assert.equal(!absent.ok && absent.error.code, "http_status");
});

test("[OP-30, K78] what the credential is appears in no plan, payload, fact or message, even when the API repeats it", async (t) => {
  const { connector, api } = await world(t);
  const said: unknown[] = [];
  const plan = await planned(connector());
  said.push(plan, Buffer.from(plan.payload).toString());
  api.misbehave = "fails";
  said.push(await apply(connector(), plan));
  api.misbehave = "never";
  const applied = await apply(connector(), plan);
  assert.ok(applied.ok);
  said.push(
    applied,
    await connector().verify(plan.payload, applied.value, LIMITS),
    await connector().undo(plan.payload, applied.value, LIMITS),
  );
  api.misbehave = "echoes";
  const echoed = await connector().analyse(MOVE, LIMITS);
  assert.equal(!echoed.ok && echoed.error.code, "http_echo");
  said.push(echoed, connector().digest);
  assert.ok(!JSON.stringify(said).includes(CANARY));
  assert.ok(api.heard.every(({ headers }) => headers["authorization"] === `Bearer ${CANARY}`));
});

test("[OP-30, K78] a credential that the API repeats in its ETag, or spelled as JSON spells it, is kept nowhere either", async (t) => {
  const { connector, api } = await world(t);
  const plan = await planned(connector());
  api.misbehave = "tags";
  const looked = await connector().analyse(MOVE, LIMITS);
  assert.equal(!looked.ok && looked.error.code, "http_echo");
  const observed = await connector().observe(plan.payload, LIMITS);
  assert.equal(!observed.ok && observed.error.code, "http_echo");
  api.misbehave = "never";
  api.meanwhile = () => void (api.misbehave = "tags");
  const written = await connector().apply(plan.payload, plan.analysis.step.stateDigest, LIMITS);
  assert.ok(!JSON.stringify([looked, observed, written]).includes(CANARY));
  // A quotation mark is spelled otherwise in JSON than in a header.
  api.misbehave = "echoes";
  const odd = await connector({ env: { PAWL_TEST_CREDENTIAL: 'can"ary\\value-1' } }).analyse(MOVE, LIMITS);
  assert.equal(!odd.ok && odd.error.code, "http_echo");
});

test("[OP-26, OP-27] an undo that would be compared by what another probe reads is not planned", async (t) => {
  const { connector } = await world(t, (text) =>
    text.replace("path: /api/tickets/{ticket}\n", "path: /api/tickets/{ticket}\n          query: { as: '{status}' }\n"),
  );
  const { analysis } = await planned(connector());
  assert.equal(analysis.step.undo.kind, "impossible");
  assert.match(analysis.step.undo.text, /it is compared by what another probe reads/);
});

test("[OP-31, K78] a masked field is seen by nobody and still counts", async (t) => {
  const { connector, api } = await world(t, (text) => text.replace("title: /title }", "title: { at: /title, masked: true } }"));
  const plan = await planned(connector());
  assert.ok(!JSON.stringify([plan.analysis, Buffer.from(plan.payload).toString()]).includes("Rotate the keys"));
  const ticket = api.tickets.get("OPS-1");
  assert.ok(ticket);
  api.tickets.set("OPS-1", { ...ticket, title: "Rotate other keys" });
  assert.deepEqual(refused(await apply(connector(), plan)), ["stale_state", "none"]);
});

test("[OP-14] a secret among the arguments is refused before it is kept", async (t) => {
  const { connector } = await world(t);
  const token = `ghp_${"a1B2c3D4e5".repeat(4).slice(0, 36)}`;
  const comment = (text: Json) => ({ system: "tickets", operation: "comment", arguments: { ticket: "OPS-1", text } });
  const looks = await connector().admit(comment(`use ${token}`));
  assert.ok(!looks.ok && looks.error[0]?.code === "operation_secret" && !JSON.stringify(looks).includes(token));
  const marked = await connector().admit(comment({ $secret: { digest: `hmac-sha256:${"0".repeat(64)}` } }));
  assert.ok(!marked.ok && marked.error[0]?.where === "/arguments/text");
});
