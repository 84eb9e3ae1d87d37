/** The door of core/review: who may decide, what they sign, and when enough have. */
export { reviewDigest } from "./digest.ts";
export { isParty, mayActFor, ownerOf, personsBarred, sitsAlone } from "./parties.ts";
export { emptyDirectory, principalOf, resolvePerson } from "./people.ts";
export { eligible, meets, seatsFault } from "./seats.ts";
export { countSeats } from "./tally.ts";
export type { Poll, SeatCount, Tally, VoidCode } from "./tally.ts";
export type * from "./types.ts";
export { admitReviewer, admitUnbarred, admitVote, identify } from "./votes.ts";
export type { Ballot, Claimant, VoteCode, VoteRefusal } from "./votes.ts";
export { validateDirectory } from "./validate.ts";
