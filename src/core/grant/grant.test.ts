import assert from "node:assert/strict";
import { test } from "node:test";
import { dsse } from "@sigstore/core";
import * as fc from "fast-check";
import {
  authorisation,
  entryOf,
  evidenceFor,
  grantBody,
  grantSigner,
  logSigner,
  ORIGIN,
  payloads,
  sealed,
  stranger,
  trust,
} from "../../testing/grants.ts";
import { testSigner } from "../../testing/ledger.ts";
import { after, grant, GRANT_EXPIRY, NOON, review, stepDigest, steps } from "../../testing/lifecycle.ts";
import { digest, person, principal, seat } from "../../testing/people.ts";
import { canonical, fromBase64, millis, toBase64, utf8, verifyEd25519 } from "../base/index.ts";
import type { ChangeId, Millis, RunnerId } from "../base/index.ts";
import { approvalOf, payloadOf } from "../change/index.ts";
import { vkey } from "../ledger/index.ts";
import { reviewDigest } from "../review/index.ts";
import { auditGrant, GRANT_PAYLOAD_TYPE, grantStatement, pae, sealGrant, verifyGrant } from "./index.ts";
import type { Envelope, GrantBody, GrantTrust } from "./index.ts";

interface Given {
  readonly envelope?: unknown;
  readonly body?: Partial<GrantBody>;
  readonly trust?: Partial<GrantTrust>;
  readonly payloads?: readonly Uint8Array[];
  readonly now?: Millis;
}
/** The code of the refusal; "" when the grant verifies. */
function code(given: Given): string {
  const envelope = given.envelope ?? sealed(given.body);
  const verified = verifyGrant(envelope, { ...trust, ...given.trust }, given.payloads ?? payloads, given.now ?? after(1000));
  if (!verified.ok) assert.ok(verified.error.message && verified.error.remedy);
  return verified.ok ? "" : verified.error.code;
}
const signedText = (text: string): Envelope => {
  const payload = utf8(text);
  return {
    payloadType: GRANT_PAYLOAD_TYPE,
    payload: toBase64(payload),
    signatures: [{ keyid: grantSigner.name, sig: toBase64(grantSigner.sign(pae(GRANT_PAYLOAD_TYPE, payload))) }],
  };
};
const statementText = (body: GrantBody = grantBody()): string => canonical(grantStatement(body));
const vote = (more: Partial<GrantBody["votes"][number]>): GrantBody["votes"] => grantBody().votes.map((each) => ({ ...each, ...more }));

test("[GR-13] a sound grant verifies to its body, again and again", () => {
  for (const time of [1, 2]) {
    const verified = verifyGrant(sealed(), trust, payloads, after(time));
    assert.deepEqual(verified, { ok: true, value: grantBody() });
  }
});

test("[GR-1] the statement's subjects are what will be executed", () => {
  const statement = grantStatement(grantBody());
  assert.equal(statement["_type"], "https://in-toto.io/Statement/v1");
  assert.equal(statement.predicateType, "pawl/grant/v1");
  const names = statement.subject.map((each) => `${each.name} sha256:${each.digest.sha256}`);
  assert.deepEqual(names, [`payload ${payloadOf(steps)}`, `step/one ${digest("payload of one")}`, `step/two ${digest("payload of two")}`]);
});

test("[GR-2] the signature is over DSSE's own encoding, as another implementation has it", () => {
  fc.assert(
    fc.property(fc.string({ unit: "grapheme" }), fc.uint8Array({ maxLength: 400 }), (type, payload) => {
      assert.deepEqual(Buffer.from(pae(type, payload)), dsse.preAuthEncoding(type, Buffer.from(payload)));
    }),
    { seed: 2, numRuns: 300 },
  );
  const { payload, payloadType, signatures } = sealed();
  const message = dsse.preAuthEncoding(payloadType, Buffer.from(payload, "base64"));
  const signature = fromBase64(signatures[0]?.sig ?? "");
  assert.ok(signature && signatures.length === 1 && signatures[0]?.keyid === grantSigner.name);
  assert.ok(verifyEd25519(grantSigner.publicKey, message, signature));
});

test("[GR-3] signed bytes that are spelled otherwise are no grant", () => {
  const body = grantBody();
  const statement = grantStatement(body);
  const spellings = [
    `${statementText()} `,
    JSON.stringify(statement),
    statementText().replace('"revision":1', '"revision":1.0'),
    canonical({ ...statement, extra: true }),
    canonical({ ...statement, subject: statement.subject.slice(1) }),
    canonical({ ...statement, predicateType: "pawl/grant/v2" }),
    canonical({ ...statement, predicate: { ...body, also: "this" } }),
    canonical({ ...statement, predicate: { ...body, votes: [{ ...body.votes[0], decision: "reject" }] } }),
    canonical({ ...statement, predicate: { ...body, expiresAt: "never" } }),
    canonical({ ...statement, predicate: { ...body, expiresAt: -1 } }),
    canonical({ ...statement, predicate: { ...body, seats: [{ ...body.seats[0], who: [{ kind: "anybody" }] }] } }),
    canonical({ ...statement, predicate: { ...body, parties: { ...body.parties, proposer: "root" } } }),
    canonical(body),
    canonical([statement]),
    "{}",
    "null",
    "",
    "\u0000",
  ];
  assert.equal(code({ envelope: signedText(statementText()) }), "");
  for (const text of spellings) assert.equal(code({ envelope: signedText(text) }), "grant_malformed", text.slice(0, 60));
});

test("[GR-3] a grant lacks nothing", () => {
  const body = grantBody() as unknown as Record<string, unknown>;
  for (const key of Object.keys(body)) {
    const { [key]: dropped, ...rest } = body;
    assert.ok(dropped !== undefined);
    assert.equal(code({ envelope: signedText(canonical({ ...grantStatement(grantBody()), predicate: rest })) }), "grant_malformed", key);
  }
});

test("[GR-4] an envelope of another form or size is refused before its signature is looked at", () => {
  const good = sealed();
  const bad: unknown[] = [
    undefined,
    null,
    "envelope",
    [],
    {},
    [good],
    { ...good, extra: 1 },
    { ...good, payloadType: "text/plain" },
    { ...good, payload: 1 },
    { ...good, payload: `${good.payload}!` },
    { ...good, payload: ` ${good.payload}` },
    { ...good, payload: good.payload.replaceAll("+", "-").replaceAll("/", "_").concat("=") },
    { ...good, payload: "A".repeat(1_500_000) },
    { ...good, signatures: {} },
    { ...good, signatures: [{ keyid: grantSigner.name }] },
    { ...good, signatures: [{ ...good.signatures[0], cert: "x" }] },
    { ...good, signatures: [{ keyid: "k".repeat(300), sig: "" }] },
    { ...good, signatures: Array.from({ length: 9 }, () => good.signatures[0]) },
  ];
  for (const [n, envelope] of bad.entries()) assert.equal(verifyGrant(envelope, trust, payloads, NOON).ok, false, String(n));
  for (const envelope of bad.slice(2)) assert.equal(code({ envelope }), "grant_malformed");
});

test("[GR-5] only a trusted key's signature counts, under its own name, and the type is inside it", () => {
  const good = sealed();
  assert.equal(code({ envelope: sealGrant(grantBody(), stranger) }), "grant_untrusted");
  assert.equal(code({ envelope: { ...good, signatures: [] } }), "grant_untrusted");
  assert.equal(code({ trust: { grantKeys: new Map() } }), "grant_untrusted");
  assert.equal(code({ trust: { grantKeys: new Map([["another name", grantSigner.publicKey]]) } }), "grant_untrusted");
  const bare = { ...good, signatures: [{ keyid: grantSigner.name, sig: toBase64(grantSigner.sign(utf8(statementText()))) }] };
  assert.equal(code({ envelope: bare }), "grant_untrusted", "a signature over the payload alone");
  const other = {
    ...good,
    signatures: [{ keyid: grantSigner.name, sig: toBase64(grantSigner.sign(pae("text/plain", utf8(statementText())))) }],
  };
  assert.equal(code({ envelope: other }), "grant_untrusted", "a signature over another type");
  const both = { ...good, signatures: [{ keyid: "somebody", sig: "AAAA" }, ...good.signatures] };
  assert.equal(code({ envelope: both }), "", "signatures by others say nothing");
});

test("[GR-5] [B11] [B13] [B14] [B15] no part of a sealed grant can be altered", () => {
  const good = sealed();
  const text = statementText();
  for (let at = 0; at < text.length; at += 5) {
    const flipped = utf8(text);
    flipped[at] = (flipped[at] ?? 0) ^ 1;
    assert.equal(code({ envelope: { ...good, payload: toBase64(flipped) } }), "grant_untrusted", `at ${at}`);
  }
  const sig = good.signatures[0]?.sig ?? "";
  for (let at = 0; at < 64; at++) {
    const bytes = fromBase64(sig) ?? new Uint8Array();
    bytes[at] = (bytes[at] ?? 0) ^ 0x80;
    assert.equal(
      code({ envelope: { ...good, signatures: [{ keyid: grantSigner.name, sig: toBase64(bytes) }] } }),
      "grant_untrusted",
      `signature at ${at}`,
    );
  }
});

test("[GR-6] [D33] a grant of another deployment or for another runner is refused", () => {
  assert.equal(code({ body: { deployment: "other.example/log" } }), "grant_foreign");
  assert.equal(code({ trust: { deployment: "other.example/log" } }), "grant_foreign");
  assert.equal(code({ body: { runner: "rnr_000002" as RunnerId } }), "grant_other_runner");
  assert.equal(code({ trust: { runner: "rnr_000002" as RunnerId } }), "grant_other_runner");
});

test("[GR-7] [D35] outside its time, less the skew, a grant is refused", () => {
  const skew = trust.skewMillis;
  assert.equal(code({ now: after(-skew) }), "");
  assert.equal(code({ now: after(-skew - 1) }), "grant_not_yet_valid");
  assert.equal(code({ now: after(-skew - 1, GRANT_EXPIRY) }), "");
  assert.equal(code({ now: after(-skew, GRANT_EXPIRY) }), "grant_expired");
  for (const minutes of [-10, 60, 70]) assert.notEqual(code({ now: after(minutes * 60_000) }), "");
});

test("[GR-8] [B11] [B13] exactly the approved payloads, in their order and number", () => {
  const [one, two] = payloads;
  assert.ok(one && two);
  for (const wrong of [[one], [one, two, two], [two, one], [one, utf8("payload of twO")], [one, new Uint8Array()], []]) {
    assert.equal(code({ payloads: wrong }), "payload_mismatch");
  }
});

test("[GR-8] [B13] [B15] [D33] a step that is added, dropped, moved or altered is refused, whoever signed it", () => {
  const three = [...steps, stepDigest("three")];
  assert.equal(code({ body: { steps: three }, payloads: [...payloads, utf8("payload of three")] }), "payload_mismatch");
  assert.equal(code({ body: { steps: steps.slice(1) }, payloads: payloads.slice(1) }), "payload_mismatch");
  assert.equal(code({ body: { steps: steps.toReversed() }, payloads: payloads.toReversed() }), "payload_mismatch");
  assert.equal(code({ body: { steps: [] }, payloads: [] }), "payload_mismatch");
  const twice = [stepDigest("one"), stepDigest("one")];
  assert.equal(
    code({ body: { steps: twice, payload: payloadOf(twice) }, payloads: [payloads[0], payloads[0]] as Uint8Array[] }),
    "payload_mismatch",
  );
  for (const more of [{ connector: "sql" }, { operation: "delete" }, { state: digest("moved") }, { id: "uno" }]) {
    assert.equal(code({ body: { steps: [stepDigest("one", more), stepDigest("two")] } }), "payload_mismatch");
  }
});

test("[GR-9] [GR-11] [B11] [B14] every digest of the review object is bound, and so is the ledger's word on it", () => {
  for (const key of ["plan", "state", "route", "bundle", "presentation"] as const) {
    const moved = { ...review, [key]: digest("moved") };
    assert.equal(code({ body: { review: moved } }), "review_mismatch", key);
    const again = reviewDigest(moved);
    assert.equal(code({ body: { review: moved, reviewDigest: again } }), "vote_invalid", key);
    assert.equal(
      code({ body: { review: moved, reviewDigest: again, votes: vote({ reviewDigest: again }) } }),
      "authorisation_unproven",
      key,
    );
  }
});

test("[GR-10] [A1] [A2] [A4] votes that cannot count make a grant worthless", () => {
  const { votes, parties } = grantBody();
  const wrong: GrantBody["votes"][] = [
    vote({ reviewDigest: digest("other") }),
    vote({ person: person("ada") }),
    vote({ seat: "gone" }),
    vote({ channel: "mail" }),
    [...votes, ...votes],
  ];
  for (const each of wrong) assert.equal(code({ body: { votes: each } }), "vote_invalid");
  for (const key of ["proposer", "onBehalfOf", "owner"] as const)
    assert.equal(code({ body: { parties: { ...parties, [key]: principal("human:bo") } } }), "vote_invalid", key);
  assert.equal(code({ body: { parties: { ...parties, editors: [principal("human:bo")] } } }), "vote_invalid");
  assert.equal(code({ body: { seats: [seat("security", { strength: "passkey" })] } }), "vote_invalid");
  assert.equal(code({ body: { seats: [] } }), "vote_invalid", "nobody was asked, yet somebody signed");
});

test("[GR-10] every seat has its votes", () => {
  const both = [seat("security"), seat("identity")];
  assert.equal(code({ body: { votes: [] } }), "seat_unfilled");
  assert.equal(code({ body: { seats: both } }), "seat_unfilled");
  assert.equal(code({ body: { seats: [seat("security", { count: 2 })] } }), "seat_unfilled");
  assert.equal(code({ body: { seats: [seat("security", { count: 0 })] } }), "seat_unfilled");
  assert.equal(code({ body: { seats: [seat("security"), seat("security")] } }), "seat_unfilled");
  const approved = (told: Partial<GrantBody>): Partial<GrantBody> => {
    const body = grantBody(told);
    const event = { ...authorisation(), approval: approvalOf(body, body.steps) };
    return { ...told, ledger: evidenceFor(entryOf(event, `change/${body.change}`)) };
  };
  assert.equal(code({ body: approved({ seats: both, votes: [...vote({}), ...vote({ person: person("ed"), seat: "identity" })] }) }), "");
  assert.equal(code({ body: approved({ seats: [], votes: [] }) }), "", "an automatic change asks nobody");
});

test("[GR-11] a proven entry that is not this authorisation is refused", () => {
  const event = authorisation();
  const stream = `change/${grantBody().change}`;
  const others: [unknown, string][] = [
    [event, "change/chg_999999"],
    [{ ...event, grant: grant(9) }, stream],
    [{ ...event, payload: digest("other") }, stream],
    [{ ...event, approval: digest("other") }, stream],
    [{ ...event, reviewDigest: digest("other") }, stream],
    [{ ...event, grantExpiresAt: after(1, GRANT_EXPIRY) }, stream],
    [{ ...event, at: after(1) }, stream],
    [{ ...event, type: "routed" }, stream],
    [{ ...event, more: 1 }, stream],
    [{ at: event.at, type: "authorised" }, stream],
  ];
  assert.equal(code({ body: { ledger: evidenceFor(entryOf(event, stream)) } }), "");
  for (const [each, of] of others)
    assert.equal(code({ body: { ledger: evidenceFor(entryOf(each, of)) } }), "authorisation_unproven", JSON.stringify(each));
  const entry = entryOf(event, stream);
  for (const text of [
    ` ${entry}`,
    entry.replace('"v":1', '"v":2'),
    entry.replace('"n":4,', ""),
    "{}",
    "",
    "x".repeat(70_000).slice(0, 60_000),
  ]) {
    assert.equal(code({ body: { ledger: evidenceFor(text) } }), "authorisation_unproven", text.slice(0, 30));
  }
});

test("[GR-11] [B11] [B14] what the ledger has authorised cannot be stretched or moved to another grant or change", () => {
  assert.equal(code({ body: { grant: grant(9) } }), "authorisation_unproven");
  assert.equal(code({ body: { change: "chg_000009" as ChangeId } }), "authorisation_unproven");
  assert.equal(code({ body: { expiresAt: after(1, GRANT_EXPIRY) } }), "authorisation_unproven");
  assert.equal(code({ body: { issuedAt: after(-1) } }), "authorisation_unproven");
});

test("[GR-15] a stolen grant key authorises nothing, and cannot tell otherwise who approved", () => {
  const others = { proposer: principal("human:zoe"), onBehalfOf: principal("human:zoe"), owner: principal("human:zoe"), editors: [] };
  for (const told of [{ seats: [], votes: [] }, { votes: vote({ person: person("zoe") }) }, { parties: others }, { revision: 7 }])
    assert.equal(code({ body: told }), "authorisation_unproven", Object.keys(told).join());
  const elsewhere = "rnr_000002" as RunnerId;
  assert.equal(code({ body: { runner: elsewhere }, trust: { runner: elsewhere } }), "");
  const other = [stepDigest("one", { operation: "delete" }), stepDigest("two")];
  const never: Partial<GrantBody>[] = [
    { grant: "grt_000009" as GrantBody["grant"] },
    { change: "chg_000009" as GrantBody["change"] },
    { expiresAt: after(1, GRANT_EXPIRY) },
    { issuedAt: after(1) },
    { steps: other, payload: payloadOf(other) },
    { ledger: evidenceFor(grantBody().ledger.entry, { signer: testSigner(ORIGIN, 9) }) },
  ];
  for (const told of never) assert.equal(code({ body: told }), "authorisation_unproven", Object.keys(told).join());
});

test("[GR-12] [E43] evidence that is altered, of another log, or by another key is refused", () => {
  const { ledger } = grantBody();
  const { entry } = ledger;
  const flip = (hex: string): string => `${hex.startsWith("0") ? "1" : "0"}${hex.slice(1)}`;
  const wrong: GrantBody["ledger"][] = [
    { ...ledger, index: ledger.index + 1 },
    { ...ledger, index: 10_000 },
    ...ledger.proof.map((_, at) => ({ ...ledger, proof: ledger.proof.map((node, n) => (n === at ? flip(node) : node)) })),
    ...ledger.proof.map((_, at) => ({ ...ledger, proof: ledger.proof.filter((__, n) => n !== at) })),
    { ...ledger, proof: [...ledger.proof, ledger.proof[0] ?? ""] },
    { ...ledger, proof: ledger.proof.map((node) => node.toUpperCase()) },
    { ...ledger, checkpoint: ledger.checkpoint.replace("\n8\n", "\n9\n") },
    { ...ledger, checkpoint: "" },
    { ...ledger, checkpoint: evidenceFor(entry, { behind: 4 }).checkpoint },
    evidenceFor(entry, { origin: "other.example/log" }),
    evidenceFor(entry, { signer: testSigner(logSigner.name, 9) }),
  ];
  for (const [n, each] of wrong.entries()) assert.equal(code({ body: { ledger: each } }), "authorisation_unproven", String(n));
  assert.equal(code({ body: { ledger: evidenceFor(entry, { before: 0, behind: 0 }) } }), "", "a log of one needs no proof");
  assert.equal(code({ trust: { logKeys: [] } }), "authorisation_unproven");
  assert.equal(code({ trust: { logKeys: ["nonsense"] } }), "authorisation_unproven");
  assert.equal(code({ trust: { logKeys: [vkey(logSigner.name, testSigner(logSigner.name, 9).publicKey)] } }), "authorisation_unproven");
});

test("[GR-4] whatever arrives, a runner refuses and does not crash", () => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.integer({ min: 0, max: 2 ** 50 }), (value, time) => {
      assert.equal(verifyGrant(value, trust, payloads, millis(time)).ok, false);
      assert.equal(verifyGrant(signedText(JSON.stringify(value)), trust, payloads, millis(time)).ok, false);
    }),
    { seed: 3, numRuns: 300 },
  );
});

test("[GR-14] an audit needs no runner, time or payloads, and forgives nothing else", () => {
  const audit = (envelope: unknown): string => {
    const audited = auditGrant(envelope, trust);
    return audited.ok ? "" : audited.error.code;
  };
  assert.deepEqual(auditGrant(sealed({ runner: "rnr_000002" as RunnerId }), trust), {
    ok: true,
    value: grantBody({ runner: "rnr_000002" as RunnerId }),
  });
  assert.equal(audit(sealGrant(grantBody(), stranger)), "grant_untrusted");
  assert.equal(audit(sealed({ deployment: "other.example/log" })), "grant_foreign");
  assert.equal(audit(sealed({ review: { ...review, plan: digest("moved") } })), "review_mismatch");
  assert.equal(audit(sealed({ votes: [] })), "seat_unfilled");
  assert.equal(audit(sealed({ grant: grant(9) })), "authorisation_unproven");
  assert.equal(audit(signedText("{}")), "grant_malformed");
});
