import { assert } from "../base/index.ts";
import type { Digest, GrantId, Millis } from "../base/index.ts";
import type { Tally } from "../review/index.ts";
import type { ChangeEvent, Common, Planned } from "./types.ts";

/** The grant id on offer with a command that might authorise; it is used only if it does. */
interface Offer {
  readonly grant: GrantId;
  readonly grantExpiresAt: Millis;
}

/** A grant never outlives its change. */
export function authorised(state: Common & Planned, reviewDigest: Digest, { grant, grantExpiresAt }: Offer, at: Millis): ChangeEvent {
  assert(grantExpiresAt > at, "a grant is offered with time left to use it");
  return {
    type: "authorised",
    at,
    grant,
    grantExpiresAt: Math.min(grantExpiresAt, state.expiresAt) as Millis,
    reviewDigest,
    payload: state.payload,
  };
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
