import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { digest, parties, people, person, principal, seat, withPerson } from "../../testing/people.ts";
import { digestJson } from "../base/index.ts";
import type { Seat } from "../policy/index.ts";
import { admitReviewer, admitVote, countSeats, eligible, resolvePerson, reviewDigest, seatsFault } from "./index.ts";
import type { Ballot, Poll, ReviewObject, Vote } from "./index.ts";

const object: ReviewObject = { plan: digest("p"), state: digest("s"), route: digest("r"), bundle: digest("b"), presentation: digest("v") };
const current = reviewDigest(object);
const seats = [seat("security"), seat("identity", { who: [{ kind: "owner", handle: "@ACME/identity" }] })];
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
const vote = (who: string, seatId: string, more: Partial<Vote> = {}): Vote => ({
  person: person(who),
  identity: `@${who}`,
  seat: seatId,
  decision: "approve",
  reviewDigest: current,
  channel: "cli",
  strength: "session",
  at: 0,
  ...more,
});
/** The seat taken, or the code of the refusal. */
function cast(given: Ballot, at: Poll = poll()): string {
  const admitted = admitVote(given, at);
  if (!admitted.ok) assert.ok(admitted.error.message && admitted.error.remedy);
  return admitted.ok ? admitted.value.seat : admitted.error.code;
}
const voids = (votes: readonly Vote[], more: Partial<Poll> = {}): string[] =>
  countSeats(poll({ votes, ...more })).voided.map((each) => each.code);

test("[RV-8] any selector gives a seat; none gives it to nobody; the departed have none", () => {
  const sits = (who: Seat["who"], id: string, directory = people): boolean => {
    const found = resolvePerson(directory, `human:${id}`);
    assert.ok(found);
    return eligible(seat("x", { who }), found, directory);
  };
  assert.ok(sits([{ kind: "person", person: "bo" }], "bo") && !sits([{ kind: "person", person: "bo" }], "cy"));
  assert.ok(sits([{ kind: "group", group: "security" }], "cy") && !sits([{ kind: "group", group: "Security" }], "cy"));
  assert.ok(sits([{ kind: "role", role: "release" }], "flo") && !sits([{ kind: "role", role: "release" }], "bo"));
  assert.ok(sits([{ kind: "owner", handle: "@acme/SECURITY" }], "bo") && !sits([{ kind: "owner", handle: "@acme/none" }], "bo"));
  assert.ok(sits([{ kind: "owner", handle: "@Hal" }], "hal") && sits([{ kind: "owner", handle: "HAL@example.com" }], "hal"));
  assert.ok(
    sits(
      [
        { kind: "role", role: "none" },
        { kind: "person", person: "bo" },
      ],
      "bo",
    ),
  );
  assert.ok(!sits([], "bo") && !sits([{ kind: "group", group: "security" }], "gus"));
  assert.ok(
    !sits([{ kind: "owner", handle: "@hal" }], "hal", withPerson("bo", { identities: ["@HAL"] })),
    "a handle that two claim is nobody's",
  );
});

test("[RV-9] seats that cannot be told apart or ask for nothing are a fault", () => {
  assert.equal(seatsFault(seats), undefined);
  assert.ok(seatsFault([seat("a"), seat("a")]) && seatsFault([seat("a", { count: 0 })]) && seatsFault([seat("a", { count: 1.5 })]));
});

test("[RV-10] the review digest is of these five digests; each of them changes it", () => {
  assert.equal(reviewDigest({ ...object, extra: 1 } as ReviewObject), digestJson(object));
  for (const key of Object.keys(object)) assert.notEqual(reviewDigest({ ...object, [key]: digest("other") }), current, key);
});

test("[RV-11] [A3] only an active person votes, by an identity that is theirs alone", () => {
  for (const machine of ["agent:bot", "workload:ci", "runner:r1", "bo"])
    assert.equal(cast(ballot("bo", { voter: principal(machine) })), "not_a_person");
  assert.equal(cast(ballot("zoe")), "unknown_person");
  assert.equal(cast(ballot("gus")), "inactive_person");
  assert.equal(cast(ballot("bo", { identity: "@cy" })), "identity_mismatch");
  assert.equal(cast(ballot("bo", { identity: "slack:unheard-of" })), "identity_mismatch");
  assert.equal(cast(ballot("bo"), poll({ directory: withPerson("cy", { identities: ["@bo"] }) })), "identity_mismatch");
  assert.equal(cast(ballot("bo", { identity: "token:tok_1" })), "security");
  assert.equal(
    cast(ballot("bo", { identity: "token:tok_1" }), poll({ directory: withPerson("cy", { identities: ["token:tok_1"] }) })),
    "identity_mismatch",
  );
});

test("[RV-12] [A1] [A5] whoever is behind the change is refused with one code, on every way in", () => {
  const makers: [string, Partial<typeof parties>][] = [
    ["ada", {}],
    ["bo", { proposer: principal("human:bo") }],
    ["bo", { onBehalfOf: principal("human:bo") }],
    ["bo", { owner: principal("human:bo") }],
    ["bo", { editors: [principal("human:bo")] }],
  ];
  for (const [who, change] of makers) {
    for (const channel of ["console", "api", "cli", "slack", "teams", "admin"]) {
      for (const identity of [`@${who}`, `${who}@example.com`, `slack:U-${who}`, "token:tok_1", `human:${who}`]) {
        for (const decision of ["approve", "reject"] as const) {
          const given = ballot(who, { channel, identity, decision, strength: "passkey" });
          assert.equal(cast(given, poll({ parties: { ...parties, ...change } })), "self_approval");
        }
      }
    }
  }
});

test("[RV-7] nobody votes on a change whose parties cannot be traced", () => {
  const lost = { ...parties, proposer: principal("agent:gone") };
  assert.equal(cast(ballot("bo"), poll({ parties: lost })), "party_untraceable");
  assert.deepEqual(voids([vote("bo", "security")], { parties: lost }), ["party_untraceable"]);
});

test("[RV-13] [B17] a vote on what is not under review any more is refused before seats are looked at", () => {
  for (const decision of ["approve", "reject"] as const) {
    assert.equal(cast(ballot("bo", { reviewDigest: digest("old"), seat: "gone", decision })), "review_moved");
    assert.equal(cast(ballot("hal", { reviewDigest: digest("old"), decision })), "review_moved");
  }
});

test("[RV-14] a seat has its people, channels and strength", () => {
  const strict = poll({ seats: [seat("security", { strength: "passkey", channels: ["console"] }), seat("identity", { channels: [] })] });
  assert.equal(cast(ballot("bo", { seat: "gone" })), "unknown_seat");
  assert.equal(cast(ballot("hal")), "not_eligible");
  assert.equal(cast(ballot("bo", { seat: "identity" })), "not_eligible");
  assert.equal(cast(ballot("bo", { strength: "passkey" }), strict), "wrong_channel");
  assert.equal(cast(ballot("bo", { channel: "console" }), strict), "weak_signature");
  assert.equal(cast(ballot("bo", { channel: "console", strength: "passkey" }), strict), "security");
  assert.equal(cast(ballot("bo", { strength: "passkey" })), "security", "stronger than asked is strong enough");
  assert.equal(cast(ballot("ed", { seat: "identity" }), strict), "wrong_channel", "no channel is none");
});

test("[RV-15] [A4] [A2] one person sits once; a full seat takes no more", () => {
  const signed = poll({ votes: [vote("di", "security")] });
  for (const identity of ["@di", "di@example.com", "slack:U-di"])
    assert.equal(cast(ballot("di", { identity, seat: "identity" }), signed), "already_voted");
  assert.equal(cast(ballot("di"), signed), "already_voted");
  assert.equal(cast(ballot("bo"), signed), "seat_filled");
  const moved = poll({
    votes: [vote("di", "security")],
    directory: { ...people, groups: people.groups.filter((group) => group.name !== "security") },
  });
  assert.equal(cast(ballot("di"), moved), "identity", "a vote that does not count any more holds no seat");
});

test("[RV-16] who names no seat takes the one that fewest others could", () => {
  assert.equal(cast(ballot("di")), "identity", "three could sit in security, two in identity");
  assert.equal(cast(ballot("di"), poll({ votes: [vote("ed", "identity")] })), "security");
  assert.equal(
    cast(ballot("bo"), poll({ seats: [seat("security"), seat("second", { who: [{ kind: "group", group: "security" }] })] })),
    "security",
  );
  assert.equal(cast(ballot("di", { seat: "security" })), "security");
});

test("[RV-17] a reject needs a seat that one may sit in, and nothing more", () => {
  const strict = poll({ seats: [seat("security", { strength: "passkey", channels: [] })], votes: [vote("bo", "security")] });
  assert.equal(cast(ballot("bo", { decision: "reject", channel: "mail" }), strict), "security");
  assert.equal(cast(ballot("hal", { decision: "reject" }), strict), "not_eligible");
});

test("[RV-18] [A7] a vote is void for the first reason that applies now", () => {
  const bo = vote("bo", "security");
  assert.deepEqual(voids([bo]), []);
  assert.deepEqual(voids([{ ...bo, reviewDigest: digest("old") }]), ["review_moved"]);
  assert.deepEqual(voids([vote("zoe", "security")]), ["unknown_person"]);
  assert.deepEqual(voids([{ ...bo, identity: "@cy" }]), ["identity_mismatch"]);
  assert.deepEqual(voids([bo], { directory: withPerson("bo", { active: false }) }), ["inactive_person"]);
  assert.deepEqual(voids([bo], { parties: { ...parties, editors: [principal("human:bo")] } }), ["self_approval"]);
  assert.deepEqual(voids([{ ...bo, seat: "gone" }]), ["unknown_seat"]);
  assert.deepEqual(voids([bo], { directory: { ...people, groups: [] } }), ["not_eligible"]);
  assert.deepEqual(voids([{ ...bo, channel: "mail" }]), ["wrong_channel"]);
  assert.deepEqual(voids([bo], { seats: [seat("security", { strength: "passkey" })] }), ["weak_signature"]);
  assert.deepEqual(voids([bo, bo]), ["already_counted"]);
});

test("[RV-19] [A2] [A4] several identities are one vote, and two seats need two people", () => {
  const di = [vote("di", "security"), vote("di", "identity", { identity: "slack:U-di" })];
  const tally = countSeats(poll({ votes: di }));
  assert.deepEqual(
    [tally.complete, tally.voided.map((each) => each.code), tally.seats.map((each) => each.missing)],
    [false, ["already_counted"], [0, 1]],
  );
  const pair = countSeats(
    poll({
      seats: [seat("security", { count: 2 })],
      votes: [vote("bo", "security"), vote("bo", "security", { identity: "bo@example.com" })],
    }),
  );
  assert.deepEqual([pair.complete, pair.seats[0]?.missing], [false, 1]);
  assert.ok(countSeats(poll({ votes: [vote("di", "security"), vote("ed", "identity")] })).complete);
});

test("[RV-20] no seats is never a quorum, and a reject is no approval", () => {
  assert.equal(countSeats(poll({ seats: [] })).complete, false);
  assert.equal(countSeats(poll({ seats: [seat("security")], votes: [vote("bo", "security", { decision: "reject" })] })).complete, false);
  assert.equal(countSeats(poll({ seats: [seat("security", { count: 0 })] })).complete, false);
  assert.ok(countSeats(poll({ seats: [seat("security")], votes: [vote("bo", "security")] })).complete);
});

test("[RV-21] a seat that too few could ever fill says so", () => {
  const status = (one: Seat, more: Partial<Poll> = {}): string | undefined => countSeats(poll({ seats: [one], ...more })).seats[0]?.status;
  assert.equal(status(seat("security", { count: 3 })), "open");
  assert.equal(status(seat("security", { count: 4 })), "unfillable", "Gus has left");
  assert.equal(status(seat("security", { who: [] })), "unfillable");
  assert.equal(status(seat("security", { channels: [] })), "unfillable");
  assert.equal(status(seat("ada", { who: [{ kind: "person", person: "ada" }] })), "unfillable", "she has the agent");
  assert.equal(status(seat("security"), { parties: { ...parties, proposer: principal("agent:gone") } }), "unfillable");
  assert.equal(status(seat("security"), { votes: [vote("bo", "security")] }), "filled");
  const bo = { who: [{ kind: "person", person: "bo" }] } as const;
  const both = poll({ seats: [seat("one", bo), seat("two", bo)], votes: [vote("bo", "one")] });
  assert.deepEqual(
    countSeats(both).seats.map((each) => each.status),
    ["filled", "unfillable"],
    "Bo cannot sit in both",
  );
});

test("[RV-12] [RV-14] who sends back must be able to sit", () => {
  const code = (who: string): string => {
    const admitted = admitReviewer({ voter: principal(`human:${who}`), identity: `@${who}` }, poll());
    return admitted.ok ? admitted.value.id : admitted.error.code;
  };
  assert.deepEqual(["di", "bo", "ada", "hal", "gus"].map(code), ["di", "bo", "self_approval", "not_eligible", "inactive_person"]);
});

test("[RV-18] [RV-19] whatever is cast, what counts is distinct, unbarred, active people in their own seats", () => {
  const who = fc.constantFrom(...people.persons.map((each) => each.id as string), "zoe");
  const anyVote = fc.record({
    who,
    seat: fc.constantFrom("security", "identity", "gone"),
    identity: fc.constantFrom("@", "slack:U-", "human:"),
    channel: fc.constantFrom("cli", "mail"),
    fresh: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(anyVote, { maxLength: 12 }), fc.array(who, { maxLength: 2 }), (ballots, editors) => {
      const votes = ballots.map((each) =>
        vote(each.who, each.seat, {
          identity: `${each.identity}${each.who}`,
          channel: each.channel,
          reviewDigest: each.fresh ? current : digest("old"),
        }),
      );
      const given = poll({ votes, parties: { ...parties, editors: editors.map((id) => principal(`human:${id}`)) } });
      const tally = countSeats(given);
      const counted = tally.seats.flatMap((each) => each.votes);
      assert.equal(new Set(counted.map((each) => each.person)).size, counted.length);
      assert.equal(counted.length + tally.voided.length, votes.length);
      for (const each of counted) {
        const sitter = resolvePerson(people, `human:${each.person}`);
        const place = seats.find((one) => one.id === each.seat);
        assert.ok(sitter?.active && place && eligible(place, sitter, people));
        assert.ok(each.person !== "ada" && !editors.includes(each.person) && each.reviewDigest === current && each.channel === "cli");
      }
      assert.equal(
        tally.complete,
        seats.every((one) => counted.some((each) => each.seat === one.id)),
      );
    }),
    { seed: 4, numRuns: 500 },
  );
});
