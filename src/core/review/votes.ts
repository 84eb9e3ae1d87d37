import { fail, ok } from "../base/index.ts";
import type { Digest, PersonId, PrincipalId, Refusal, Result } from "../base/index.ts";
import type { Seat, Strength } from "../policy/index.ts";
import { personsBarred, sitsAlone } from "./parties.ts";
import { mayUse, resolvePerson } from "./people.ts";
import { eligible, meets } from "./seats.ts";
import { countSeats } from "./tally.ts";
import type { Poll } from "./tally.ts";
import type { Decision, Directory, Parties, Person } from "./types.ts";

export type VoteCode =
  | "not_a_person"
  | "unknown_person"
  | "identity_mismatch"
  | "inactive_person"
  | "self_approval"
  | "party_untraceable"
  | "review_moved"
  | "unknown_seat"
  | "not_eligible"
  | "wrong_channel"
  | "weak_signature"
  | "already_voted"
  | "seat_filled";
export type VoteRefusal = Refusal<VoteCode>;

/** Who asks, by the principal that signed in and the identity that it used. */
export interface Claimant {
  readonly voter: PrincipalId;
  readonly identity: string;
}

export interface Ballot extends Claimant {
  readonly seat?: string;
  readonly decision: Decision;
  readonly reviewDigest: Digest;
  readonly channel: string;
  readonly strength: Strength;
}

/** A vote that may be recorded, or the one reason why not. Who somebody is comes before what they sign, and that before where they sit. */
export function admitVote(ballot: Ballot, poll: Poll): Result<{ readonly person: PersonId; readonly seat: string }, VoteRefusal> {
  const admitted = admitUnbarred(ballot, poll.parties, poll.directory, poll.seats);
  if (!admitted.ok) return admitted;
  const person = admitted.value;
  if (ballot.reviewDigest !== poll.reviewDigest) {
    return no(
      "review_moved",
      "this is not what is under review any more",
      "read the change again and decide on what it says now",
      ballot.reviewDigest,
    );
  }
  if (ballot.seat !== undefined && !poll.seats.some((seat) => seat.id === ballot.seat)) {
    return no("unknown_seat", `there is no seat ${ballot.seat}`, `one of: ${poll.seats.map((seat) => seat.id).join(", ")}`, ballot.seat);
  }
  const asked = ballot.seat === undefined ? poll.seats : poll.seats.filter((seat) => seat.id === ballot.seat);
  const mine = asked.filter((seat) => eligible(seat, person, poll.directory));
  const first = mine[0];
  if (first === undefined) return notEligible(person, ballot.seat);
  // A brake needs less than an accelerator: whoever may sit here may reject, through any channel, at any strength.
  if (ballot.decision === "reject") return ok({ person: person.id, seat: first.id });
  return seatFor(ballot, poll, person, mine);
}

/** Somebody who may take a seat; refused for machines, strangers, the departed, and the change's own parties. */
export function admitReviewer(claimant: Claimant, poll: Omit<Poll, "reviewDigest" | "votes">): Result<Person, VoteRefusal> {
  const admitted = admitUnbarred(claimant, poll.parties, poll.directory);
  if (!admitted.ok) return admitted;
  const mayDecide = poll.seats.some((seat) => eligible(seat, admitted.value, poll.directory));
  return mayDecide ? admitted : notEligible(admitted.value);
}

/** An active person who is no party to the change: who may reconcile it, whatever its seats say. */
export function admitUnbarred(
  claimant: Claimant,
  parties: Parties,
  directory: Directory,
  seats: readonly Seat[] = [],
): Result<Person, VoteRefusal> {
  const identified = identify(claimant, directory);
  if (!identified.ok) return identified;
  const person = identified.value;
  if (!person.active) return no("inactive_person", `${person.id} is not active`, "ask somebody who is", person.id);
  const barred = personsBarred(parties, directory);
  if (!barred.ok) return barred;
  if (barred.value.has(person.id) && !seats.some((seat) => sitsAlone(seat, parties))) {
    return no(
      "self_approval",
      `${person.id} proposed this change, has it made, owns its maker, or edited it`,
      "somebody else must decide",
      person.id,
    );
  }
  return ok(person);
}

/** One person, whichever identity they used; an identity that two claim, or another person's, is nobody's. */
export function identify(claimant: Claimant, directory: Directory): Result<Person, VoteRefusal> {
  if (!claimant.voter.startsWith("human:")) {
    return no("not_a_person", `${claimant.voter} is not a person`, "only people decide; ask one of those the seat names", claimant.voter);
  }
  const person = resolvePerson(directory, claimant.voter);
  if (person === undefined)
    return no("unknown_person", `the directory does not know ${claimant.voter}`, "have the person added to the directory", claimant.voter);
  if (!mayUse(claimant.identity, person, directory)) {
    return no(
      "identity_mismatch",
      `${claimant.identity} is not an identity of ${person.id} alone`,
      "use an identity that the directory gives to this person and nobody else",
      claimant.identity,
    );
  }
  return ok(person);
}

function seatFor(
  ballot: Ballot,
  poll: Poll,
  person: Person,
  seats: readonly Seat[],
): Result<{ readonly person: PersonId; readonly seat: string }, VoteRefusal> {
  const counts = countSeats(poll).seats;
  const taken = counts.find((seat) => seat.votes.some((vote) => vote.person === person.id));
  if (taken !== undefined) {
    return no(
      "already_voted",
      `${person.id} has signed seat ${taken.id}`,
      "one person sits in one seat; withdraw that vote to sign elsewhere",
      taken.id,
    );
  }
  const reached = seats.filter((seat) => seat.channels.includes(ballot.channel));
  if (reached.length === 0) {
    return no("wrong_channel", `${ballot.channel} is not a channel of this seat`, `sign through: ${channelsOf(seats)}`, ballot.channel);
  }
  const strong = reached.filter((seat) => meets(ballot.strength, seat.strength));
  if (strong.length === 0) return no("weak_signature", "this seat asks for a passkey", "sign with a passkey", ballot.strength);
  const open = strong.filter((seat) => counts.some((count) => count.id === seat.id && count.missing > 0));
  const seat = scarcest(open, poll.directory);
  return seat === undefined
    ? no("seat_filled", "enough people have signed here", "nothing to do; other seats may still be open", strong[0]?.id)
    : ok({ person: person.id, seat: seat.id });
}

/** Of several seats somebody could take, the one that fewest others could: so that a rare signature is not spent on a common seat. */
function scarcest(seats: readonly Seat[], directory: Directory): Seat | undefined {
  const sitters = (seat: Seat): number => directory.persons.filter((person) => eligible(seat, person, directory)).length;
  return seats.length < 2 ? seats[0] : seats.map((seat) => ({ seat, n: sitters(seat) })).reduce((a, b) => (b.n < a.n ? b : a)).seat;
}

const channelsOf = (seats: readonly Seat[]): string =>
  [...new Set(seats.flatMap((seat) => seat.channels))].join(", ") || "none that exists";

function notEligible(person: Person, seat?: string): { readonly ok: false; readonly error: VoteRefusal } {
  return no(
    "not_eligible",
    `${person.id} may not sit in ${seat === undefined ? "any seat of this change" : `seat ${seat}`}`,
    "ask somebody whom the seat names",
    seat,
  );
}

function no(code: VoteCode, message: string, remedy: string, where?: string): { readonly ok: false; readonly error: VoteRefusal } {
  return fail({ code, message, ...(where === undefined ? {} : { where }), remedy });
}
