import type { Digest, PersonId } from "../base/index.ts";
import type { Seat } from "../policy/index.ts";
import { personsBarred, sitsAlone } from "./parties.ts";
import { mayUse, resolvePerson } from "./people.ts";
import { eligible, meets } from "./seats.ts";
import type { Directory, Parties, Person, Vote } from "./types.ts";

/** What is being decided, and what stands so far. */
export interface Poll {
  readonly seats: readonly Seat[];
  readonly votes: readonly Vote[];
  readonly parties: Parties;
  readonly directory: Directory;
  readonly reviewDigest: Digest;
}

export type VoidCode =
  | "review_moved"
  | "unknown_person"
  | "identity_mismatch"
  | "inactive_person"
  | "self_approval"
  | "party_untraceable"
  | "unknown_seat"
  | "not_eligible"
  | "wrong_channel"
  | "weak_signature"
  | "already_counted";

export interface SeatCount {
  readonly id: string;
  /** `unfillable`: fewer people may sit here than it asks for, so waiting is in vain. */
  readonly status: "filled" | "open" | "unfillable";
  readonly missing: number;
  readonly votes: readonly Vote[];
}

export interface Tally {
  readonly seats: readonly SeatCount[];
  /** Votes that do not count now, each with the first reason why. */
  readonly voided: readonly { readonly vote: Vote; readonly code: VoidCode }[];
  /** Every seat is filled, and there is at least one: no seats is never a quorum. */
  readonly complete: boolean;
}

/**
 * Counts approvals afresh against the directory as it stands: nothing is remembered from when a vote was cast. Persons are
 * counted, not identities, and a person counts once, in the seat of their first vote that is valid.
 */
export function countSeats(poll: Poll): Tally {
  const counted = new Set<PersonId>();
  const valid: Vote[] = [];
  const voided: { vote: Vote; code: VoidCode }[] = [];
  const barred = personsBarred(poll.parties, poll.directory);
  for (const vote of poll.votes) {
    if (vote.decision !== "approve") continue;
    const code = !barred.ok ? barred.error.code : whyVoid(vote, poll, barred.value, counted);
    if (code === undefined) {
      counted.add(vote.person);
      valid.push(vote);
    } else {
      voided.push({ vote, code });
    }
  }
  // Whoever sits in a seat already is not to be had for another.
  const free = barred.ok ? poll.directory.persons.filter(({ id }) => !barred.value.has(id) && !counted.has(id)) : [];
  const seats = poll.seats.map((seat) =>
    countSeat(
      seat,
      valid.filter((vote) => vote.seat === seat.id),
      free,
      poll,
    ),
  );
  return { seats, voided, complete: seats.length > 0 && seats.every((seat) => seat.status === "filled") };
}

function whyVoid(vote: Vote, poll: Poll, barred: ReadonlySet<PersonId>, counted: ReadonlySet<PersonId>): VoidCode | undefined {
  if (vote.reviewDigest !== poll.reviewDigest) return "review_moved";
  const person = resolvePerson(poll.directory, `human:${vote.person}`);
  if (person === undefined) return "unknown_person";
  if (!mayUse(vote.identity, person, poll.directory)) return "identity_mismatch";
  if (!person.active) return "inactive_person";
  const seat = poll.seats.find((each) => each.id === vote.seat);
  if (barred.has(person.id) && !(seat && sitsAlone(seat, poll.parties))) return "self_approval";
  if (seat === undefined) return "unknown_seat";
  if (!eligible(seat, person, poll.directory)) return "not_eligible";
  if (!seat.channels.includes(vote.channel)) return "wrong_channel";
  if (!meets(vote.strength, seat.strength)) return "weak_signature";
  return counted.has(person.id) ? "already_counted" : undefined;
}

function countSeat(seat: Seat, votes: readonly Vote[], free: readonly Person[], poll: Poll): SeatCount {
  const asked = Math.max(1, seat.count);
  const missing = Math.max(0, asked - votes.length);
  const reachable = (): number => free.filter((person) => eligible(seat, person, poll.directory)).length;
  const status = missing === 0 ? "filled" : seat.channels.length === 0 || reachable() < missing ? "unfillable" : "open";
  return { id: seat.id, status, missing, votes };
}
