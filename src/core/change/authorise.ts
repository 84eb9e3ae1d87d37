import { ok } from "../base/index.ts";
import type { Digest, GrantId, Millis, Result } from "../base/index.ts";
import type { Tally } from "../review/index.ts";
import { no } from "./refusals.ts";
import type { ChangeRefusal } from "./refusals.ts";
import type { ChangeEvent, Common, Planned } from "./types.ts";

/** The grant id on offer with a command that might authorise; it is used only if it does. */
interface Offer {
  readonly grant: GrantId;
  readonly grantExpiresAt: Millis;
}

/** A grant never outlives its change, and one on offer that has run out by now authorises nothing. */
function authorised(
  state: Common & Planned,
  reviewDigest: Digest,
  { grant, grantExpiresAt }: Offer,
  at: Millis,
): Result<ChangeEvent, ChangeRefusal> {
  if (at >= grantExpiresAt) return no("grant_expired", "the grant on offer has run out already", "try again with a new one", grant);
  const expires = Math.min(grantExpiresAt, state.expiresAt) as Millis;
  return ok({ type: "authorised", at, grant, grantExpiresAt: expires, reviewDigest, payload: state.payload });
}

/** Some events and the authorisation that follows from them. */
export function andAuthorised(
  events: readonly ChangeEvent[],
  ...args: Parameters<typeof authorised>
): Result<readonly ChangeEvent[], ChangeRefusal> {
  const last = authorised(...args);
  return last.ok ? ok([...events, last.value]) : last;
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
