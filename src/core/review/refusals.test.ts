import assert from "node:assert/strict";
import { test } from "node:test";
import { digest, parties, people, person, principal, seat, withPerson } from "../../testing/people.ts";
import { admitReviewer, admitUnbarred, admitVote, countSeats, resolvePerson, seatsFault } from "./index.ts";
import type { Ballot, Poll, Vote } from "./index.ts";

const current = digest("what is under review");
const seats = [seat("security"), seat("identity")];
const poll = (more: Partial<Poll> = {}): Poll => ({ seats, votes: [], parties, directory: people, reviewDigest: current, ...more });
const ballot = (who: string, more: Partial<Ballot> = {}): Ballot => ({
  voter: principal(`human:${who}`),
  identity: `@${who}`,
  decision: "approve",
  reviewDigest: current,
  channel: "cli",
  strength: "session",
  ...more,
});
const vote = (who: string, at: string, more: Partial<Vote> = {}): Vote => ({
  person: person(who),
  identity: `@${who}`,
  seat: at,
  decision: "approve",
  reviewDigest: current,
  channel: "cli",
  strength: "session",
  at: 0,
  ...more,
});
/** Code, place and what to do; the place is absent where there is none. */
function refused(given: Ballot, more: Partial<Poll> = {}): unknown[] {
  const admitted = admitVote(given, poll(more));
  if (admitted.ok) return [admitted.value.person, admitted.value.seat];
  return [admitted.error.code, "where" in admitted.error ? admitted.error.where : "nowhere", admitted.error.remedy];
}

test("[RV-11] [RV-12] [RV-13] who may not vote is told about what", () => {
  const place = (given: Ballot, more: Partial<Poll> = {}): unknown[] => refused(given, more).slice(0, 2);
  assert.deepEqual(place(ballot("bo")), ["bo", "security"]);
  assert.deepEqual(place(ballot("bo", { voter: principal("agent:bot") })), ["not_a_person", "agent:bot"]);
  assert.deepEqual(place(ballot("zoe")), ["unknown_person", "human:zoe"]);
  assert.deepEqual(place(ballot("bo", { identity: "@cy" })), ["identity_mismatch", "@cy"]);
  assert.deepEqual(place(ballot("gus")), ["inactive_person", "gus"]);
  assert.deepEqual(place(ballot("ada")), ["self_approval", "ada"]);
  assert.deepEqual(place(ballot("bo", { reviewDigest: digest("old") })), ["review_moved", digest("old")]);
});

test("[RV-14] [RV-15] who may not sit is told where they might, and how", () => {
  assert.deepEqual(refused(ballot("bo", { seat: "gone" })), ["unknown_seat", "gone", "one of: security, identity"]);
  assert.deepEqual(refused(ballot("hal")).slice(0, 2), ["not_eligible", "nowhere"]);
  assert.deepEqual(refused(ballot("hal", { seat: "identity" })).slice(0, 2), ["not_eligible", "identity"]);
  const more = { seats: [seat("security"), seat("second", { who: [{ kind: "group", group: "security" }], channels: ["cli", "slack"] })] };
  assert.deepEqual(refused(ballot("bo", { channel: "mail" }), more), ["wrong_channel", "mail", "sign through: console, cli, slack"]);
  const closed = { seats: [seat("security", { channels: [] })] };
  assert.deepEqual(refused(ballot("bo"), closed), ["wrong_channel", "cli", "sign through: none that exists"]);
  const strict = { seats: [seat("security", { strength: "passkey" })] };
  assert.deepEqual(refused(ballot("bo"), strict), ["weak_signature", "session", "sign with a passkey"]);
  assert.deepEqual(refused(ballot("bo"), { votes: [vote("cy", "security")] }).slice(0, 2), ["seat_filled", "security"]);
  assert.deepEqual(refused(ballot("di"), { votes: [vote("di", "identity")] }).slice(0, 2), ["already_voted", "identity"]);
});

test("[RV-14] a refusal says whose seat it is not", () => {
  const message = (given: Ballot): string => {
    const admitted = admitVote(given, poll());
    return admitted.ok ? "" : admitted.error.message;
  };
  assert.equal(message(ballot("hal")), "hal may not sit in any seat of this change");
  assert.equal(message(ballot("hal", { seat: "identity" })), "hal may not sit in seat identity");
});

test("[RV-14] a seat that takes the channel is found among those that do not, and a strong one among the weak", () => {
  const who = [{ kind: "group", group: "security" }] as const;
  const some = [seat("web", { who, channels: ["console"] }), seat("hard", { who, strength: "passkey" }), seat("easy", { who })];
  assert.deepEqual(refused(ballot("bo"), { seats: some }), ["bo", "easy"]);
  assert.deepEqual(refused(ballot("bo"), { seats: some.toReversed() }), ["bo", "easy"]);
  const filled = { seats: some, votes: [vote("cy", "easy")] };
  assert.deepEqual(refused(ballot("bo"), filled).slice(0, 2), ["seat_filled", "easy"]);
});

test("[RV-16] the rarest of three open seats is taken, and an equal one later is not", () => {
  const rare = seat("rare", { who: [{ kind: "person", person: "di" }] });
  const order = [seat("security"), rare, seat("twin", { who: rare.who })];
  assert.deepEqual(refused(ballot("di"), { seats: order }), ["di", "rare"]);
  assert.deepEqual(refused(ballot("di"), { seats: order.toReversed() }), ["di", "twin"]);
});

test("[RV-11] [RV-1] an identity that was revoked is nobody's, a token's too", () => {
  const revoked = { ...people, revoked: ["@bo", "token:tok_1"] };
  for (const identity of ["@bo", "token:tok_1"])
    assert.deepEqual(refused(ballot("bo", { identity }), { directory: revoked }).slice(0, 2), ["identity_mismatch", identity]);
  assert.deepEqual(refused(ballot("bo", { identity: "token:tok_2" }), { directory: revoked }), ["bo", "security"]);
  const listed = withPerson("bo", { identities: ["token:tok_3"] });
  assert.deepEqual(refused(ballot("bo", { identity: "token:tok_3" }), { directory: listed }), ["bo", "security"]);
});

test("[RV-1] only logins and mail addresses mean the same in any case", () => {
  const mixed = withPerson("bo", { identities: ["@Bo", "Bo@Example.com", "oidc:Bo@idp", "U1a"] });
  const who = (identity: string): string | undefined => resolvePerson(mixed, identity)?.id;
  assert.deepEqual(["@bO", "bo@EXAMPLE.com", "oidc:Bo@idp", "U1a"].map(who), ["bo", "bo", "bo", "bo"]);
  assert.deepEqual(["oidc:bo@idp", "u1a", "OIDC:Bo@idp"].map(who), [undefined, undefined, undefined]);
});

test("[RV-12] who is no party may reconcile, whatever the seats say; who is cannot sit", () => {
  const claim = (who: string) => ({ voter: principal(`human:${who}`), identity: `@${who}` });
  const free = admitUnbarred(claim("hal"), parties, people);
  assert.equal(free.ok && free.value.id, "hal");
  const own = admitUnbarred(claim("ada"), parties, people);
  assert.equal(own.ok ? "" : own.error.code, "self_approval");
  const none = admitReviewer(claim("hal"), poll());
  assert.deepEqual(none.ok ? [] : [none.error.code, none.error.where], ["not_eligible", undefined]);
});

test("[RV-18] a reject is neither counted nor void, and what is void names its vote", () => {
  const [no, old] = [vote("bo", "security", { decision: "reject" }), vote("cy", "security", { reviewDigest: digest("old") })];
  const tally = countSeats(poll({ votes: [no, old, vote("di", "security")] }));
  assert.deepEqual(tally.voided, [{ vote: old, code: "review_moved" }]);
  assert.deepEqual(tally.seats[0], { id: "security", status: "filled", missing: 0, votes: [vote("di", "security")] });
});

test("[RV-9] a fault of the seats says which it is", () => {
  assert.equal(seatsFault([seat("a"), seat("b", { count: 0 })]), "seat b asks for 0 votes");
  assert.equal(seatsFault([seat("a", { count: 2 ** 53 })]), "seat a asks for 9007199254740992 votes");
  assert.equal(seatsFault([seat("a"), seat("a")]), "two seats have the same id");
  assert.equal(seatsFault([seat("a", { count: 1 })]), undefined);
});
