import { ok } from "../base/index.ts";
import type { Millis } from "../base/index.ts";
import { admitReviewer, admitVote, countSeats, identify } from "../review/index.ts";
import type { Poll, Vote } from "../review/index.ts";
import { andAuthorised, voided } from "./authorise.ts";
import { no } from "./refusals.ts";
import type { Refused } from "./refusals.ts";
import { inStatus, isEmergency } from "./shape.ts";
import type { CommandOf, Decided, InStatus } from "./shape.ts";
import type { ChangeEvent, ChangeState } from "./types.ts";

type UnderReview = InStatus<"awaiting" | "authorised">;

const pollOf = (state: UnderReview, directory: Poll["directory"]): Poll => ({
  seats: state.seats,
  votes: state.votes,
  parties: state.parties,
  directory,
  reviewDigest: state.reviewDigest,
});

/** Approving needs an open seat; rejecting is possible until the run starts. The vote that completes the quorum authorises. */
export function vote(state: ChangeState, command: CommandOf<"vote">, at: Millis): Decided {
  const open = inStatus(state, at, command.decision === "approve" ? (["awaiting"] as const) : (["awaiting", "authorised"] as const));
  if (!open.ok) return open;
  if (command.decision === "approve" && isEmergency(open.value)) return byBreaking(open.value);
  const poll = pollOf(open.value, command.directory);
  const admitted = admitVote(command, poll);
  if (!admitted.ok) return admitted;
  const { person, seat } = admitted.value;
  const { identity, decision, channel, strength, comment, reviewDigest } = command;
  const cast: Vote = {
    person,
    identity,
    seat,
    decision,
    reviewDigest,
    channel,
    strength,
    at,
    ...(comment === undefined ? {} : { comment }),
  };
  const events: ChangeEvent[] = [...takenBack(open.value, person, at), { type: "voted", at, vote: cast }];
  if (decision === "reject") return ok([...events, { type: "rejected", at, by: person, ...(comment === undefined ? {} : { comment }) }]);
  const votes = [...poll.votes.filter((each) => each.person !== person), cast];
  const tally = countSeats({ ...poll, votes });
  // A grant carries the votes that were counted and no others.
  if (!tally.complete) return ok(events);
  return andAuthorised([...events, ...voided(tally, at)], open.value, poll.reviewDigest, command, at);
}

/** Nobody signs an emergency without owing its review: that seat is taken by breaking the glass, and in no other way. */
const byBreaking = ({ id, seats }: UnderReview): Refused =>
  no(
    "not_eligible",
    "whoever takes the seat of an emergency breaks the glass",
    `pawl break-glass ${id}, or pawl replan ${id}`,
    seats[0]?.id,
  );

/** A vote replaces what the same person said before. */
function takenBack(state: UnderReview, person: Vote["person"], at: Millis): readonly ChangeEvent[] {
  const standing = state.votes.find((each) => each.person === person);
  return standing === undefined ? [] : [{ type: "vote_withdrawn", at, person, seat: standing.seat }];
}

/** One's own vote can be taken back until the run starts, whatever has become of its seat. */
export function withdrawVote(state: ChangeState, command: CommandOf<"withdraw_vote">, at: Millis): Decided {
  const open = inStatus(state, at, ["awaiting", "authorised"]);
  if (!open.ok) return open;
  const identified = identify(command, command.directory);
  if (!identified.ok) return identified;
  const events = takenBack(open.value, identified.value.id, at);
  return events.length === 0
    ? no("no_vote", `${identified.value.id} has not voted on this change`, "nothing to do", command.voter)
    : ok(events);
}

export function sendBack(state: ChangeState, command: CommandOf<"send_back">, at: Millis): Decided {
  const open = inStatus(state, at, ["awaiting", "authorised"]);
  if (!open.ok) return open;
  const admitted = admitReviewer(command, pollOf(open.value, command.directory));
  return admitted.ok ? ok([{ type: "sent_back", at, by: admitted.value.id, because: command.because }]) : admitted;
}

/** Drops the votes that no longer count; when there are none, nothing happens. */
export function recheckVotes(state: ChangeState, command: CommandOf<"recheck_votes">, at: Millis): Decided {
  const open = inStatus(state, at, ["awaiting", "authorised"]);
  if (!open.ok) return open;
  return ok(voided(countSeats(pollOf(open.value, command.directory)), at));
}
