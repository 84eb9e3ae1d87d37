import assert from "node:assert/strict";
import { test } from "node:test";
import type { Selector } from "../policy/index.ts";
import { after, codeOf, command, eventsOf, folded, NOON, review, stateIn, STATUSES } from "../../testing/lifecycle.ts";
import { digest, people, person } from "../../testing/people.ts";
import { reviewDigest } from "../review/index.ts";

const SECOND: readonly Selector[] = [{ kind: "group", group: "security" }];
const breaking = command.breakGlass;
const reviewing = command.reviewGlass;

test("[LC-53] breaking the glass routes, signs and authorises in one decision, and keeps no earlier vote", () => {
  for (const state of [folded(stateIn("awaiting"), [command.route({ seats: stateIn("awaiting").seats })]), stateIn("awaiting")]) {
    const events = eventsOf(state, breaking("ed"));
    assert.deepEqual(
      events.map(({ type }) => type),
      ["glass_broken", "routed", "voted", "authorised"],
    );
    const broken = folded(state, [breaking("ed")]);
    assert.ok(broken.status === "authorised");
    assert.deepEqual(
      broken.votes.map(({ person: by, seat }) => [by, seat]),
      [["ed", "glass"]],
    );
    assert.deepEqual([broken.holds, broken.freezes, broken.seats.length], [[], undefined, 1]);
    assert.deepEqual(
      broken.glass?.map(({ by, second }) => [by, second]),
      [[person("ed"), SECOND]],
    );
    assert.equal(codeOf(broken, command.start({ grant: broken.grant, frozen: ["freeze quiet"] })), "");
  }
});

test("[LC-53] what it asks for, and what it never gives way to", () => {
  const waiting = stateIn("awaiting");
  for (const [more, code] of [
    [{ reviewDigest: digest("other") }, "review_moved"],
    [{ review: { ...review, plan: digest("other") } }, "review_inconsistent"],
    [{ overdue: [person("ed")] }, "glass_overdue"],
    [{ channel: "slack" }, "wrong_channel"],
  ] as const)
    assert.equal(codeOf(waiting, breaking("ed", more)), code);
  assert.equal(codeOf(waiting, breaking("ada")), "self_approval");
  assert.equal(codeOf(waiting, breaking("hal")), "not_eligible");
  assert.equal(codeOf(waiting, { ...breaking("ed"), voter: "agent:bot" as never }), "not_a_person");
  const free = stateIn("authorised");
  assert.equal(codeOf(free, breaking("ed")), "glass_needless");
  assert.equal(codeOf(free, breaking("ed", { frozen: ["freeze quiet"] })), "");
  const broken = folded(waiting, [breaking("ed")]);
  assert.ok("reviewDigest" in broken);
  assert.equal(codeOf(broken, breaking("ed", { frozen: ["freeze quiet"], reviewDigest: broken.reviewDigest })), "glass_needless");
});

test("[LC-50] [LC-52] a start is held before its time and in a freeze; what breaks the glass is not free of its schedule", () => {
  const timed = folded(undefined, [
    command.propose({ notBefore: after(60_000) }),
    command.plan(),
    command.auto({ grant: command.start().grant }),
  ]);
  assert.equal(codeOf(timed, command.start()), "held");
  assert.equal(codeOf(timed, command.start(), after(60_000)), "");
  assert.equal(codeOf(timed, command.start({ frozen: ["freeze quiet until Mon"] }), after(60_000)), "held");
  assert.equal(codeOf(undefined, command.propose({ notBefore: after(48 * 3_600_000) })), "expired");
  const waiting = folded(undefined, [command.propose({ notBefore: after(60_000) }), command.plan(), command.route()]);
  const broken = folded(waiting, [breaking("ed")]);
  assert.ok(broken.status === "authorised");
  assert.equal(codeOf(broken, command.start({ grant: broken.grant })), "held");
});

test("[LC-53] [LC-55] nobody takes the seat of an emergency but by breaking the glass, also once its signature is gone", () => {
  const seat = { ...breaking("ed").seat, who: [{ kind: "group", group: "security" } as const] };
  const broken = folded(stateIn("awaiting"), [breaking("cy", { seat })]);
  const left = { ...people, persons: people.persons.map((each) => (each.id === "cy" ? { ...each, active: false } : each)) };
  for (const gone of [command.withdrawVote("cy"), command.recheck({ directory: left })]) {
    const open = folded(broken, [gone]);
    assert.ok(open.status === "awaiting" && open.votes.length === 0);
    const { reviewDigest: read } = open;
    assert.equal(codeOf(open, command.approve("bo", { reviewDigest: read })), "not_eligible");
    assert.equal(codeOf(open, command.approve("bo", { reviewDigest: read, seat: "glass" })), "not_eligible");
    assert.equal(codeOf(open, breaking("bo", { seat, reviewDigest: read, overdue: [person("bo")] })), "glass_overdue");
    const again = folded(open, [breaking("bo", { seat, reviewDigest: read, grant: "grt_000009" as never })]);
    assert.ok(again.status === "authorised");
    assert.deepEqual(
      again.glass?.map(({ by }) => by),
      [person("cy"), person("bo")],
    );
    assert.equal(codeOf(open, command.reject("bo", { reviewDigest: read })), "");
  }
});

test("[LC-54] [RV-22] the review is somebody else's, whatever has become of the change", () => {
  const broken = folded(stateIn("awaiting"), [breaking("ed")]);
  assert.equal(codeOf(broken, reviewing("ed")), "self_approval");
  assert.equal(codeOf(broken, reviewing("ada")), "self_approval");
  assert.equal(codeOf(broken, reviewing("hal")), "not_eligible");
  assert.equal(codeOf(broken, { ...reviewing("cy"), by: "agent:sub" as never }), "not_a_person");
  const ended = folded(broken, [command.withdraw()]);
  const reviewed = folded(ended, [reviewing("cy")], NOON);
  assert.deepEqual([reviewed.status, reviewed.glass?.[0]?.review?.verdict], ["withdrawn", "object"]);
  assert.equal(codeOf(reviewed, reviewing("bo")), "no_glass");
  for (const status of STATUSES) assert.equal(codeOf(stateIn(status), reviewing("cy")), "no_glass", status);
});

test("[RV-24] alone: the maker's own vote counts where the seat says so and no machine had part in it", () => {
  const seat = { ...breaking("ed").seat, glass: { name: "incident", alone: true } };
  const mine = { proposer: "human:ed", onBehalfOf: "human:ed", owner: "human:ed", editors: [] } as never;
  const own = folded(undefined, [command.propose({ parties: mine }), command.plan(), command.route()]);
  assert.equal(codeOf(own, breaking("ed")), "self_approval");
  const broken = folded(own, [breaking("ed", { seat })]);
  assert.ok(broken.status === "authorised");
  assert.equal(codeOf(broken, command.start({ grant: broken.grant })), "");
  const edited = { proposer: "human:ed", onBehalfOf: "human:ed", owner: "human:ed", editors: ["agent:bot"] } as never;
  const helped = folded(undefined, [command.propose({ parties: edited }), command.plan(), command.route()]);
  assert.equal(codeOf(helped, breaking("ed", { seat })), "self_approval");
  assert.equal(reviewDigest(review), breaking("ed").reviewDigest);
});
