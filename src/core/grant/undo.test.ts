import assert from "node:assert/strict";
import { test } from "node:test";
import {
  authorisation,
  entryOf,
  evidenceFor,
  grantSigner,
  logSigner,
  ORIGIN,
  sealed,
  stranger,
  trust,
  undoable,
  undoBody,
  undoStarted,
} from "../../testing/grants.ts";
import { testSigner } from "../../testing/ledger.ts";
import { after, grant, NOON, run, runner, stepDigest } from "../../testing/lifecycle.ts";
import { digest } from "../../testing/people.ts";
import { canonical, digestJson, fromBase64, toBase64 } from "../base/index.ts";
import type { ChangeId, JsonObject, RunId, RunnerId } from "../base/index.ts";
import {
  attested,
  factsOf,
  GRANT_PAYLOAD_TYPE,
  pae,
  sealEvidence,
  sealUndoGrant,
  verifyEvidence,
  verifyGrant,
  verifyUndoGrant,
} from "./index.ts";
import type { Envelope, RunEvidence, Undoable, UndoGrantBody } from "./index.ts";

const STREAM = `change/${undoable().change}`;

function code(
  body: Partial<UndoGrantBody> = {},
  known: Partial<Undoable> = {},
  given: { envelope?: unknown; trust?: Partial<typeof trust> } = {},
): string {
  const envelope = "envelope" in given ? given.envelope : sealUndoGrant(undoBody(body), grantSigner);
  const verified = verifyUndoGrant(envelope, { ...trust, ...given.trust }, { ...undoable(), ...known });
  if (!verified.ok) assert.ok(verified.error.message && verified.error.remedy);
  return verified.ok ? "" : verified.error.code;
}

const textOf = (envelope: Envelope): string => new TextDecoder().decode(fromBase64(envelope.payload));
const signedText = (text: string): Envelope => {
  const payload = new TextEncoder().encode(text);
  const sig = toBase64(grantSigner.sign(pae(GRANT_PAYLOAD_TYPE, payload)));
  return { payloadType: GRANT_PAYLOAD_TYPE, payload: toBase64(payload), signatures: [{ keyid: grantSigner.name, sig }] };
};
const entered = (event: object, stream = STREAM): Partial<UndoGrantBody> => ({ ledger: evidenceFor(entryOf(event, stream, 12)) });

test("[GR-16] an undo grant is a statement about the bytes of the step that it undoes", () => {
  const verified = verifyUndoGrant(sealUndoGrant(undoBody(), grantSigner), trust, undoable());
  assert.deepEqual(verified, { ok: true, value: undoBody() });
  const statement = JSON.parse(textOf(sealUndoGrant(undoBody(), grantSigner))) as { subject: unknown; predicateType: string };
  assert.equal(statement.predicateType, "pawl/undo-grant/v1");
  assert.deepEqual(statement.subject, [{ name: "step/two", digest: { sha256: digest("payload of two").slice(7) } }]);
});

test("[GR-16] signed bytes that are spelled otherwise are no undo grant, and neither is another statement", () => {
  const text = textOf(sealUndoGrant(undoBody(), grantSigner));
  const other = digest("payload of one").slice(7);
  for (const spelled of [`${text} `, text.replace("step/two", "step/one"), text.replace(digest("payload of two").slice(7), other)])
    assert.equal(code({}, {}, { envelope: signedText(spelled) }), "grant_malformed");
  assert.equal(code({}, {}, { envelope: sealed() }), "grant_malformed", "a grant permits no undo");
  const undo = sealUndoGrant(undoBody(), grantSigner);
  const asGrant = verifyGrant(undo, trust, [], after(1));
  assert.equal(!asGrant.ok && asGrant.error.code, "grant_malformed", "an undo grant permits no run");
  for (const envelope of [undefined, null, {}, { ...undo, extra: 1 }, { ...undo, payload: "!" }])
    assert.equal(code({}, {}, { envelope }), "grant_malformed");
});

test("[GR-17] it is signed by a grant key, of this deployment, and for this runner", () => {
  assert.equal(code({}, {}, { envelope: sealUndoGrant(undoBody(), stranger) }), "grant_untrusted");
  assert.equal(code({}, {}, { envelope: sealUndoGrant(undoBody(), logSigner) }), "grant_untrusted");
  assert.equal(code({ deployment: "elsewhere.example/log" }), "grant_foreign");
  assert.equal(code({ runner: "rnr_000002" as RunnerId }), "grant_other_runner");
});

test("[GR-17] [D37] it undoes what this run did, under the grant that it consumed, and no other step of it", () => {
  assert.equal(code({}, { change: "chg_000002" as ChangeId }), "undo_other_step");
  assert.equal(code({}, { grant: grant(9) }), "undo_other_step");
  assert.equal(code({}, { run: "run_000002" as RunId }), "undo_other_step");
  for (const more of [
    { payload: digest("x") },
    { state: digest("x") },
    { code: digest("x") },
    { operation: "delete" },
    { connector: "sql" },
  ])
    assert.equal(code({}, { step: stepDigest("two", more) }), "undo_other_step", JSON.stringify(more));
  assert.equal(code({}, { step: stepDigest("one") }), "undo_other_step");
});

test("[GR-18] its entry is the beginning of this undo, and of nothing else", () => {
  const event = undoStarted();
  const others: Partial<UndoGrantBody>[] = [
    entered(authorisation()),
    entered({ ...event, step: "one" }),
    entered({ ...event, run: "run_000002" }),
    entered({ ...event, at: after(1) }),
    entered({ ...event, because: { code: "other" } }),
    entered({ ...event, extra: 1 }),
    entered(event, "change/chg_000002"),
    entered({ type: "undo_started" }),
    { ledger: evidenceFor(` ${entryOf(event, STREAM, 12)}`) },
    { ledger: evidenceFor("{") },
    { ledger: evidenceFor(canonical({ event: event as unknown as JsonObject, n: 12, stream: STREAM, v: 2 })) },
    { issuedAt: after(1) },
    { because: { code: "other" } },
  ];
  for (const body of others) assert.equal(code(body), "undo_unproven", JSON.stringify(body).slice(0, 200));
});

test("[GR-18] that entry is proven to stand in the deployment's log", () => {
  const entry = entryOf(undoStarted(), STREAM, 12);
  const good = evidenceFor(entry);
  const foreign = evidenceFor(entry, { signer: testSigner(ORIGIN, 9) });
  const faults = [
    foreign,
    evidenceFor(entry, { origin: "elsewhere.example/log" }),
    { ...good, index: good.index + 1 },
    { ...good, proof: good.proof.toReversed() },
    { ...good, proof: good.proof.slice(1) },
    { ...good, proof: ["zz", ...good.proof.slice(1)] },
    { ...good, checkpoint: "" },
  ];
  for (const ledger of faults) assert.equal(code({ ledger }), "undo_unproven");
  assert.equal(code({}, {}, { trust: { logKeys: ["bad"] } }), "undo_unproven");
});

test("[GR-19] it has no end: what a run did can be undone when its grant has run out", () => {
  assert.ok(!("expiresAt" in undoBody()));
  assert.equal(code({ issuedAt: NOON }), "");
});

const facts = { written: 3, target: "shop" };
const told = (more: Partial<RunEvidence> = {}): RunEvidence => ({
  schema: "pawl/run-evidence/v1",
  deployment: ORIGIN,
  change: undoable().change,
  run,
  runner,
  step: "two",
  kind: "applied",
  payload: digest("payload of two"),
  facts: digestJson(facts),
  at: NOON,
  ...more,
});
const own = testSigner("rnr_000001", 6);
const keys = new Map([[own.name, own.publicKey]]);
const codeOf = (envelope: unknown, about: JsonObject = facts): string => {
  const verified = verifyEvidence(envelope, keys, about);
  return verified.ok ? "" : verified.error.code;
};

test("[GR-20] a runner's word is a statement about the step's bytes, signed by its own key, and names its facts by digest", () => {
  const envelope = sealEvidence(told(), own);
  assert.deepEqual(verifyEvidence(envelope, keys, facts), { ok: true, value: told() });
  const statement = JSON.parse(textOf(envelope)) as { subject: readonly { name: string }[]; predicateType: string };
  assert.deepEqual([statement.predicateType, statement.subject[0]?.name], ["pawl/run-evidence/v1", "step/two"]);
  const { step: _, ...whole } = told({ kind: "verified", payload: digest("all") });
  assert.equal(codeOf(sealEvidence(whole, own)), "");
  assert.equal(codeOf(envelope, { ...facts, written: 4 }), "evidence_mismatch");
  assert.equal(codeOf(sealEvidence(told(), grantSigner)), "grant_untrusted");
  assert.equal(codeOf(sealEvidence(told({ kind: "guessed" as "applied" }), own)), "grant_malformed");
  assert.equal(codeOf(signedText("{}")), "grant_untrusted");
});

test("[GR-20] facts are sent with the statement about them, and what others add to them is not part of it", () => {
  const { schema: _, facts: __, ...about } = told();
  const sent = attested({ ...facts, attestation: "mine", salt: "mine" }, about, (body) => sealEvidence(body, own));
  assert.deepEqual(factsOf({ ...sent, salt: "the desk's" }), facts);
  assert.equal(codeOf(sent["attestation"], factsOf({ ...sent, salt: "the desk's" })), "");
});
