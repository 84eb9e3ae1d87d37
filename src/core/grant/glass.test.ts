import assert from "node:assert/strict";
import { test } from "node:test";
import { sealGrant, verifyGrant, type GrantBody } from "./index.ts";
import { approvalOf, type ChangeState } from "../change/index.ts";
import { after, command, eventsOf, folded, NOON, stateIn } from "../../testing/lifecycle.ts";
import { entryOf, evidenceFor, grantBody, grantSigner, payloads, trust } from "../../testing/grants.ts";

type Authorised = Extract<ChangeState, { readonly status: "authorised" }>;

/** The grant of whatever authorised last. */
function bodyOf(state: ChangeState, more: Partial<GrantBody> = {}): GrantBody {
  const { grant, seats, votes, parties, review, reviewDigest, notBefore, grantExpiresAt, authorisedAt } = state as Authorised;
  const body = grantBody({
    grant,
    seats,
    votes,
    parties,
    review,
    reviewDigest,
    issuedAt: authorisedAt,
    expiresAt: grantExpiresAt,
    ...(notBefore === undefined ? {} : { notBefore }),
    ...more,
  });
  const event = {
    type: "authorised",
    at: body.issuedAt,
    grant,
    grantExpiresAt: body.expiresAt,
    reviewDigest: body.reviewDigest,
    payload: body.payload,
    approval: approvalOf(body, body.steps),
  };
  return { ...body, ledger: evidenceFor(entryOf(event, `change/${body.change}`)) };
}
const codeFor = (body: GrantBody, now = NOON): string => {
  const verdict = verifyGrant(sealGrant(body, grantSigner), trust, payloads, now);
  return verdict.ok ? "" : verdict.error.code;
};

test("[GR-30] a runner refuses a grant before its time, less the skew, and one whose time was taken off", () => {
  const state = folded(undefined, [command.propose({ notBefore: after(600_000) }), command.plan(), command.route(), command.approve("bo")]);
  const body = bodyOf(state);
  assert.equal(codeFor(body), "grant_not_yet_valid");
  assert.equal(codeFor(body, after(600_000 - trust.skewMillis - 1)), "grant_not_yet_valid");
  assert.equal(codeFor(body, after(600_000)), "");
  const { notBefore: _taken, ...without } = body;
  assert.equal(codeFor(without), "authorisation_unproven");
});

test("[GR-31] a grant of the emergency route has one seat and one vote; a maker's counts where it may sit alone", () => {
  const broken = folded(stateIn("awaiting"), [command.breakGlass("ed")]);
  const body = bodyOf(broken);
  assert.equal(codeFor(body), "");
  const [seat] = body.seats;
  assert.ok(seat?.glass);
  assert.equal(codeFor(bodyOf(broken, { seats: [seat, { ...seat, id: "more" }] })), "seat_unfilled");
  assert.equal(codeFor(bodyOf(broken, { seats: [{ ...seat, count: 2 }] })), "seat_unfilled");
  assert.equal(codeFor(bodyOf(broken, { votes: [] })), "seat_unfilled");
  // That it is an emergency is part of what the ledger binds.
  assert.equal(codeFor({ ...body, seats: [{ ...seat, glass: { name: "incident", alone: true } }] }), "authorisation_unproven");
  const maker = { proposer: "human:ed", onBehalfOf: "human:ed", owner: "human:ed", editors: [] } as never;
  assert.equal(codeFor(bodyOf(broken, { parties: maker })), "vote_invalid");
  const alone = [{ ...seat, glass: { name: "incident", alone: true } }];
  assert.equal(codeFor(bodyOf(broken, { parties: maker, seats: alone })), "");
  const helped = { proposer: "agent:bot", onBehalfOf: "human:ed", owner: "human:ed", editors: [] } as never;
  assert.equal(codeFor(bodyOf(broken, { parties: helped, seats: alone })), "vote_invalid");
  assert.equal(eventsOf(stateIn("awaiting"), command.breakGlass("ed")).length, 4);
});
