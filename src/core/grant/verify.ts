import { digestOf, ok } from "../base/index.ts";
import type { Millis, Result } from "../base/index.ts";
import { approvalOf, payloadOf } from "../change/index.ts";
import { meets, principalOf, reviewDigest, seatsFault, sitsAlone } from "../review/index.ts";
import { readAuthorisation, readStatement } from "./body.ts";
import { openEnvelope } from "./dsse.ts";
import { unproven } from "./proof.ts";
import { no } from "./refusals.ts";
import type { GrantRefusal } from "./refusals.ts";
import type { GrantBody, GrantTrust } from "./types.ts";

/** A grant whose signature holds, with what it is checked against. */
interface Claim {
  readonly grant: GrantBody;
  readonly trust: GrantTrust;
  readonly payloads: readonly Uint8Array[];
  readonly now: Millis;
}

type Check = (claim: Claim) => Result<null, GrantRefusal>;
const holds = ok(null);

/**
 * Everything a runner must know before its first effect, offline: from its own keys, the bytes it holds, and the time.
 * That a grant is used once is not said here; the consume and the runner's own record of used grants say it.
 */
export function verifyGrant(
  envelope: unknown,
  trust: GrantTrust,
  payloads: readonly Uint8Array[],
  now: Millis,
): Result<GrantBody, GrantRefusal> {
  const grant = openGrant(envelope, trust);
  return grant.ok ? checked(CHECKS, { grant: grant.value, trust, payloads, now }) : grant;
}

/** What still holds long after, for whoever is not the runner and has no payload at hand: everything but runner, time and bytes. */
export function auditGrant(envelope: unknown, trust: Omit<GrantTrust, "runner" | "skewMillis">): Result<GrantBody, GrantRefusal> {
  const opened = openGrant(envelope, trust);
  if (!opened.ok) return opened;
  const { runner, issuedAt } = opened.value;
  return checked([ofThisDeployment, ...REVIEWED], {
    grant: opened.value,
    trust: { ...trust, runner, skewMillis: 0 },
    payloads: [],
    now: issuedAt,
  });
}

function openGrant(envelope: unknown, { grantKeys }: Pick<GrantTrust, "grantKeys">): Result<GrantBody, GrantRefusal> {
  const bytes = openEnvelope(envelope, grantKeys);
  return bytes.ok ? readStatement(bytes.value) : bytes;
}

function checked(checks: readonly Check[], claim: Claim): Result<GrantBody, GrantRefusal> {
  for (const check of checks) {
    const verdict = check(claim);
    if (!verdict.ok) return verdict;
  }
  return ok(claim.grant);
}

const ofThisDeployment: Check = ({ grant, trust }) =>
  grant.deployment === trust.deployment ? holds : no("grant_foreign", `it is a grant of ${grant.deployment}`, "deployment");

const forThisRunner: Check = ({ grant, trust }) =>
  grant.runner === trust.runner ? holds : no("grant_other_runner", `it names runner ${grant.runner}`, "runner");

/** Both ends are drawn in on the side of not running: the issuer's clock may be off by the skew in either direction. */
const inItsTime: Check = ({ grant, trust, now }) => {
  if (now >= grant.expiresAt - trust.skewMillis)
    return no("grant_expired", "it has expired, or may have by its issuer's clock", "expiresAt");
  if (now < grant.issuedAt - trust.skewMillis) return no("grant_not_yet_valid", "it was issued later than it is here", "issuedAt");
  if (grant.notBefore !== undefined && now < grant.notBefore - trust.skewMillis)
    return no("grant_not_yet_valid", "it may be used only later", "notBefore");
  return holds;
};

const ofTheseBytes: Check = ({ grant, payloads }) => {
  if (new Set(grant.steps.map((step) => step.id)).size !== grant.steps.length || grant.steps.length === 0) {
    return no("payload_mismatch", "its steps cannot be told apart, or there are none", "steps");
  }
  if (payloads.length !== grant.steps.length)
    return no("payload_mismatch", `${payloads.length} payloads for ${grant.steps.length} steps`, "steps");
  const other = grant.steps.find((step, n) => digestOf(payloads[n] ?? new Uint8Array()) !== step.payload);
  if (other !== undefined) return no("payload_mismatch", `the payload of step ${other.id} is not the approved one`, other.id);
  return grant.payload === payloadOf(grant.steps)
    ? holds
    : no("payload_mismatch", "its payload digest is not that of its steps", "payload");
};

const ofThisReview: Check = ({ grant }) =>
  grant.reviewDigest === reviewDigest(grant.review)
    ? holds
    : no("review_mismatch", "its review digest is not that of what was reviewed", "reviewDigest");

const signedByTheRightPeople: Check = ({ grant }) => {
  const { seats, votes, parties } = grant;
  const fault = seatsFault(seats);
  if (fault !== undefined) return no("seat_unfilled", fault, "seats");
  if (new Set(votes.map((vote) => vote.person)).size !== votes.length) return no("vote_invalid", "one person signs it twice", "votes");
  if (seats.some((seat) => seat.glass !== undefined) && (seats.length !== 1 || votes.length !== 1 || seats[0]?.count !== 1))
    return no("seat_unfilled", "the emergency route has one seat and one vote", "seats");
  const makers = [parties.proposer, parties.onBehalfOf, parties.owner, ...parties.editors];
  for (const vote of votes) {
    const seat = seats.find((each) => each.id === vote.seat);
    const own = makers.includes(principalOf(vote.person)) && !(seat && sitsAlone(seat, parties));
    const counts = vote.reviewDigest === grant.reviewDigest && !own;
    const fits = seat !== undefined && seat.channels.includes(vote.channel) && meets(vote.strength, seat.strength);
    if (!counts || !fits) return no("vote_invalid", `the vote of ${vote.person} cannot count`, vote.person);
  }
  const open = seats.find((seat) => votes.filter((vote) => vote.seat === seat.id).length < seat.count);
  return open === undefined ? holds : no("seat_unfilled", `seat ${open.id} lacks votes`, open.id);
};

/** Not any entry of the log will do: it must be the authorisation of this very grant. */
const recordedAsAuthorised: Check = ({ grant }) => {
  const entry = readAuthorisation(grant.ledger.entry);
  if (entry === undefined || entry.v !== 1) return no("authorisation_unproven", "the ledger entry is not an authorisation", "ledger/entry");
  const { event } = entry;
  const same =
    entry.stream === `change/${grant.change}` &&
    event.grant === grant.grant &&
    event.reviewDigest === grant.reviewDigest &&
    event.payload === grant.payload &&
    event.approval === approvalOf(grant, grant.steps) &&
    event.at === grant.issuedAt &&
    event.grantExpiresAt === grant.expiresAt;
  return same ? holds : no("authorisation_unproven", "the ledger entry authorises something else", "ledger/entry");
};

const provenInTheLedger: Check = ({ grant, trust }) => {
  const fault = unproven(grant.ledger, trust);
  return fault === undefined ? holds : no("authorisation_unproven", fault.message, fault.where);
};

const REVIEWED: readonly Check[] = [ofThisReview, signedByTheRightPeople, recordedAsAuthorised, provenInTheLedger];
const CHECKS: readonly Check[] = [ofThisDeployment, forThisRunner, inItsTime, ofTheseBytes, ...REVIEWED];
