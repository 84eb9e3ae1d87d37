import assert from "node:assert/strict";
import { test } from "node:test";
import { authorisation, entryOf, evidenceFor, grantBody, logSigner, payloads, sealed, stranger, trust } from "../../testing/grants.ts";
import { after, NOON, review, stepDigest } from "../../testing/lifecycle.ts";
import { testSigner } from "../../testing/ledger.ts";
import { digest, person, seat } from "../../testing/people.ts";
import type { Millis, RunnerId } from "../base/index.ts";
import { payloadOf } from "../change/index.ts";
import { vkey } from "../ledger/index.ts";
import { sealGrant, verifyGrant } from "./index.ts";
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
