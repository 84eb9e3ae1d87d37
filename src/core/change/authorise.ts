import { assert, ok } from "../base/index.ts";
import type { Digest, GrantId, Millis, Result } from "../base/index.ts";
import type { Tally } from "../review/index.ts";
import { evolve } from "./evolve.ts";
import { no } from "./refusals.ts";
import type { ChangeRefusal } from "./refusals.ts";
import { approvalOf } from "./shape.ts";
import type { ChangeEvent, ChangeState } from "./types.ts";

/** The grant id on offer with a command that might authorise; it is used only if it does. */
interface Offer {
  readonly grant: GrantId;
  readonly grantExpiresAt: Millis;
}

/**
 * Some events and the authorisation that follows from them. A grant never outlives its change, and one on offer that has run
 * out by now authorises nothing.
 */
export function andAuthorised(
  events: readonly ChangeEvent[],
  state: ChangeState,
  reviewDigest: Digest,
  { grant, grantExpiresAt }: Offer,
  at: Millis,
): Result<readonly ChangeEvent[], ChangeRefusal> {
  if (at >= grantExpiresAt) return no("grant_expired", "the grant on offer has run out already", "try again with a new one", grant);
  const approved = events.reduce(evolve, state);
  assert(approved.status === "awaiting", `${approved.status} is not authorised`);
  const expires = Math.min(grantExpiresAt, state.expiresAt) as Millis;
  const { payload } = approved;
  return ok([
    ...events,
    { type: "authorised", at, grant, grantExpiresAt: expires, reviewDigest, payload, approval: approvalOf(approved, approved.stepDigests) },
  ]);
}

/** One event for each reason, in the order in which the votes were cast. */
export function voided(tally: Tally, at: Millis): readonly ChangeEvent[] {
  const codes = [...new Set(tally.voided.map(({ code }) => code))];
  return codes.map((code) => ({
    type: "votes_voided",
    at,
    persons: tally.voided.filter((each) => each.code === code).map(({ vote }) => vote.person),
    code,
  }));
}
