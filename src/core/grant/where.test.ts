import assert from "node:assert/strict";
import { test } from "node:test";
import {
  authorisation,
  entryOf,
  evidenceFor,
  grantBody,
  grantSigner,
  logSigner,
  payloads,
  sealed,
  stranger,
  trust,
} from "../../testing/grants.ts";
import { after, NOON, review, stepDigest } from "../../testing/lifecycle.ts";
import { testSigner } from "../../testing/ledger.ts";
import { digest, person, seat } from "../../testing/people.ts";
import { canonical, toBase64, utf8 } from "../base/index.ts";
import type { Millis, RunnerId } from "../base/index.ts";
import { payloadOf } from "../change/index.ts";
import { vkey } from "../ledger/index.ts";
import { GRANT_PAYLOAD_TYPE, pae, sealGrant, verifyGrant } from "./index.ts";
import type { GrantBody, GrantTrust } from "./index.ts";

interface Given {
  readonly envelope?: unknown;
  readonly trust?: Partial<GrantTrust>;
  readonly payloads?: readonly Uint8Array[];
  readonly now?: Millis;
}

function refusal(body: Partial<GrantBody>, given: Given = {}): string {
  const verified = verifyGrant(
    given.envelope ?? sealed(body),
    { ...trust, ...given.trust },
    given.payloads ?? payloads,
    given.now ?? after(1000),
  );
  return verified.ok ? "" : `${verified.error.code} ${"where" in verified.error ? verified.error.where : "-"}`;
}

test("[GR-4] [GR-5] a refused envelope says which part of it is wrong", () => {
  const good = sealed();
  assert.equal(refusal({}, { envelope: [] }), "grant_malformed -");
  assert.equal(refusal({}, { envelope: { ...good, payloadType: "text/plain" } }), "grant_malformed payloadType");
  assert.equal(refusal({}, { envelope: { ...good, payload: "?" } }), "grant_malformed payload");
  assert.equal(refusal({}, { envelope: sealGrant(grantBody(), stranger) }), "grant_untrusted signatures");
  const misspelt = { ...grantBody(), revision: 1.5 };
  assert.equal(refusal(misspelt), "grant_malformed /predicate/revision");
  assert.equal(refusal({ votes: [{ ...grantBody().votes[0], at: -1 }] as never }), "grant_malformed /predicate/votes/0/at");
});

test("[GR-6] [GR-7] [GR-8] a grant that is not for here and now says which of its fields is against it", () => {
  assert.equal(refusal({}, { trust: { deployment: "other.example/log" } }), "grant_foreign deployment");
  assert.equal(refusal({}, { trust: { runner: "rnr_000002" as RunnerId } }), "grant_other_runner runner");
  assert.equal(refusal({}, { now: after(1, grantBody().expiresAt) }), "grant_expired expiresAt");
  assert.equal(refusal({}, { now: after(-trust.skewMillis - 1, NOON) }), "grant_not_yet_valid issuedAt");
  assert.equal(refusal({ steps: [], payload: payloadOf([]) }, { payloads: [] }), "payload_mismatch steps");
  assert.equal(refusal({}, { payloads: [] }), "payload_mismatch steps");
  assert.equal(refusal({}, { payloads: payloads.toReversed() }), "payload_mismatch one");
  assert.equal(refusal({ steps: [stepDigest("one", { operation: "delete" }), stepDigest("two")] }), "payload_mismatch payload");
});

test("[GR-9] [GR-10] a grant whose review or votes are wrong says which", () => {
  const { votes } = grantBody();
  assert.equal(refusal({ review: { ...review, plan: digest("moved") } }), "review_mismatch reviewDigest");
  assert.equal(refusal({ seats: [seat("security", { count: 0 })] }), "seat_unfilled seats");
  assert.equal(refusal({ votes: [...votes, ...votes] }), "vote_invalid votes");
  assert.equal(refusal({ votes: votes.map((vote) => ({ ...vote, channel: "mail" })) }), "vote_invalid bo");
  assert.equal(refusal({ votes: votes.map((vote) => ({ ...vote, person: person("ada") })) }), "vote_invalid ada");
  assert.equal(refusal({ seats: [seat("security"), seat("identity")] }), "seat_unfilled identity");
});

test("[GR-11] [GR-12] a grant without its proof says what is wrong with the evidence", () => {
  const { ledger, change } = grantBody();
  const stream = `change/${change}`;
  assert.equal(refusal({ ledger: evidenceFor("{}") }), "authorisation_unproven ledger/entry");
  const moved = { ...authorisation(), at: after(1) };
  assert.equal(refusal({ ledger: evidenceFor(entryOf(moved, stream)) }), "authorisation_unproven ledger/entry");
  assert.equal(refusal({}, { trust: { logKeys: ["nonsense"] } }), "authorisation_unproven trust/logKeys");
  const otherKey = vkey(logSigner.name, testSigner(logSigner.name, 9).publicKey);
  assert.equal(refusal({}, { trust: { logKeys: [otherKey] } }), "authorisation_unproven ledger/checkpoint");
  assert.equal(refusal({ ledger: { ...ledger, index: ledger.index + 1 } }), "authorisation_unproven ledger/proof");
  const extra = [...ledger.proof, "not hexadecimal"];
  assert.equal(refusal({ ledger: { ...ledger, proof: extra } }), "authorisation_unproven ledger/proof");
});

test("[GR-2] [GR-4] an envelope is of one type, with at most eight signatures of at most 256 characters", () => {
  const good = sealed();
  const [own] = good.signatures;
  assert.ok(own);
  assert.equal(good.payloadType, "application/vnd.in-toto+json");
  const signed = (signatures: readonly object[]): string => refusal({}, { envelope: { ...good, signatures } });
  const other = { keyid: "k".repeat(256), sig: "s".repeat(256) };
  assert.equal(signed([own, ...Array.from({ length: 7 }, () => other)]), "");
  assert.equal(signed([own, ...Array.from({ length: 8 }, () => other)]), "grant_malformed -");
  for (const bad of [{ keyid: "k".repeat(257) }, { sig: "s".repeat(257) }, { keyid: 1 }, { sig: null }])
    assert.equal(signed([own, { ...other, ...bad }]), "grant_malformed -", JSON.stringify(bad).slice(0, 20));
  assert.equal(signed([own, { keyid: "k", signature: "s" }]), "grant_malformed -");
  for (const bad of [{ payloadType: 1 }, { payload: 1 }, { payload: null }])
    assert.equal(refusal({}, { envelope: { ...good, ...bad } }), "grant_malformed -");
  const sized = (length: number): string => refusal({}, { envelope: { ...good, payload: "A".repeat(length) } });
  const most = Math.floor((1024 * 1024 * 4) / 3 + 4);
  assert.deepEqual([sized(most - (most % 4)), sized(most + 4 - (most % 4))], ["grant_untrusted signatures", "grant_malformed -"]);
});

test("[GR-3] a seat may be for a person, a role, a group or an owner, each by its own member", () => {
  const who = [
    { kind: "person", person: "bo" },
    { kind: "role", role: "release" },
    { kind: "group", group: "security" },
    { kind: "owner", handle: "@acme/security" },
  ];
  for (const [n, selector] of who.entries()) {
    const of = (one: object): string => refusal({ seats: [seat("security", { who: [one] as never })] });
    assert.ok(!of(selector).startsWith("grant_malformed"), selector.kind);
    const next = who[(n + 1) % who.length];
    assert.match(of({ ...selector, kind: next?.kind }), /^grant_malformed \/predicate\/seats\/0\/who\/0\//);
    assert.equal(of({ ...selector, kind: "anybody" }), "grant_malformed /predicate/seats/0/who/0/kind");
  }
});

test("[GR-3] a statement without a predicate is told as that", () => {
  for (const predicate of [undefined, null, 7]) {
    const statement = predicate === undefined ? {} : { predicate };
    const payload = utf8(canonical(statement));
    const sig = toBase64(grantSigner.sign(pae(GRANT_PAYLOAD_TYPE, payload)));
    const envelope = { payloadType: GRANT_PAYLOAD_TYPE, payload: toBase64(payload), signatures: [{ keyid: grantSigner.name, sig }] };
    assert.equal(refusal({}, { envelope }), "grant_malformed /predicate");
  }
});
