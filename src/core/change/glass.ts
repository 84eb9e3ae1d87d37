import { ok } from "../base/index.ts";
import type { Millis } from "../base/index.ts";
import { admitUnbarred, admitVote, eligible, identify, reviewDigest } from "../review/index.ts";
import type { Vote } from "../review/index.ts";
import { andAuthorised } from "./authorise.ts";
import { no } from "./refusals.ts";
import type { Refused } from "./refusals.ts";
import { inStatus, isEmergency } from "./shape.ts";
import type { CommandOf, Decided, InStatus } from "./shape.ts";
import type { Glass } from "./glass-types.ts";
import type { ChangeEvent, ChangeState } from "./types.ts";

type UnderReview = InStatus<"awaiting" | "authorised">;

/**
 * One person decides now what policy would have wait for others, on a route whose one seat is theirs; and owes somebody else's look at
 * it afterwards. Earlier votes were for another route, and none is kept.
 */
export function breakGlass(state: ChangeState, command: CommandOf<"break_glass">, at: Millis): Decided {
  const open = inStatus(state, at, ["awaiting", "authorised"]);
  if (!open.ok) return open;
  const identified = identify(command, command.directory);
  if (!identified.ok) return identified;
  const fault = faultOf(open.value, command, at);
  if (fault !== undefined) return fault;
  const { voter, identity, channel, strength, seat, review, directory, reason: comment } = command;
  const digest = reviewDigest(review);
  const poll = { seats: [seat], votes: [], parties: state.parties, directory, reviewDigest: digest };
  const admitted = admitVote({ voter, identity, seat: seat.id, decision: "approve", reviewDigest: digest, channel, strength }, poll);
  if (!admitted.ok) return admitted;
  const { person } = admitted.value;
  if (command.overdue.includes(person))
    return no(
      "glass_overdue",
      `${person} broke the glass before, and its review is overdue`,
      "have that reviewed: pawl list --glass",
      person,
    );
  const { grant, name, second, dueAt } = command;
  const broken: Glass = { grant, name, by: person, at, reason: comment, channel, second, dueAt };
  const vote: Vote = { person, identity, seat: seat.id, decision: "approve", reviewDigest: digest, channel, strength, at, comment };
  const events: ChangeEvent[] = [
    { type: "glass_broken", at, glass: broken },
    { type: "routed", at, review, reviewDigest: digest, outcome: "escalate", seats: [seat], holds: [], kept: [] },
    { type: "voted", at, vote },
  ];
  return andAuthorised(events, open.value, digest, command, at);
}

function faultOf(state: UnderReview, command: CommandOf<"break_glass">, at: Millis): Refused | undefined {
  const { review, freshUntil } = state;
  if (command.reviewDigest !== state.reviewDigest)
    return no(
      "review_moved",
      "this is not what is under review any more",
      "read the change again and decide on what it says now",
      command.reviewDigest,
    );
  if (command.review.plan !== review.plan || command.review.state !== review.state)
    return no("review_inconsistent", "this route was computed for another plan or state", "evaluate policy on the current plan", state.id);
  if (at > freshUntil) return no("observation_stale", "what was observed is too old to decide on", "plan the change again", state.id);
  const waits = state.status === "awaiting" || state.holds.length > 0 || command.frozen.length > 0;
  // Once that signature is gone, the emergency is open to be decided again.
  if (!waits || (state.status === "authorised" && isEmergency(state)))
    return no(
      "glass_needless",
      "nothing keeps this change from starting that an emergency could take away",
      "start it: pawl run",
      state.id,
    );
  return state.status === "authorised" && state.grant === command.grant
    ? no("grant_reused", "a new authorisation needs a new grant", "use a new grant id", command.grant)
    : undefined;
}

/** Whatever has become of the change: somebody else says whether it was right to break the glass. */
export function reviewGlass(state: ChangeState, command: CommandOf<"review_glass">, at: Millis): Decided {
  const open = (state.glass ?? []).filter(({ review }) => review === undefined);
  if (open.length === 0) return no("no_glass", `no broken glass of change ${state.id} waits for a review`, "nothing to do", state.id);
  const admitted = admitUnbarred({ voter: command.by, identity: command.identity }, state.parties, command.directory);
  if (!admitted.ok) return admitted;
  const person = admitted.value;
  const others = open.filter(({ by }) => by !== person.id);
  if (others.length === 0) return no("self_approval", `${person.id} broke the glass`, "somebody else must review it", person.id);
  const mine = others.filter(({ second }) => eligible({ who: second }, person, command.directory));
  if (mine.length === 0) return no("not_eligible", `${person.id} may not review it`, "ask one of those whom the policy names", person.id);
  const { verdict, comment } = command;
  return ok([{ type: "glass_reviewed", at, by: person.id, verdict, comment, grants: mine.map(({ grant }) => grant) }]);
}
