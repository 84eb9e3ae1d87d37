import assert from "node:assert/strict";
import { test } from "node:test";
import type { ChangeId } from "../base/index.ts";
import {
  codeOf,
  command as c,
  eventsOf,
  EXPIRY,
  folded,
  grant,
  GRANT_EXPIRY,
  NOON,
  object,
  review,
  stateIn,
  stepDigest,
  steps,
  after,
} from "../../testing/lifecycle.ts";
import { digest, parties, people, person, principal, seat, withPerson } from "../../testing/people.ts";
import { analysis, samplePlan } from "../../testing/plans.ts";
import { reviewDigest } from "../review/index.ts";
import { approvalOf, payloadOf, stepDigests } from "./index.ts";
import type { ChangeEvent } from "./index.ts";

const types = (events: readonly ChangeEvent[]): string[] => events.map((event) => event.type);
const two = [seat("security"), seat("identity")];

test("[LC-7] a proposal has steps that can be told apart, and time to live", () => {
  assert.equal(codeOf(undefined, c.propose({ steps: [] })), "steps_invalid");
  assert.equal(
    codeOf(
      undefined,
      c.propose({
        steps: [
          { id: "a", connector: "git" },
          { id: "a", connector: "sql" },
        ],
      }),
    ),
    "steps_invalid",
  );
  assert.equal(codeOf(undefined, c.propose({ expiresAt: NOON })), "expired");
  const state = folded(undefined, [c.propose({ supersedes: "chg_000009" as ChangeId })]);
  assert.deepEqual([state.version, state.revision, state.ballot, state.createdAt], [1, 1, 0, NOON]);
});

test("[LC-8] [B13] a plan is of the current revision and of exactly the proposed steps", () => {
  const proposed = stateIn("proposed");
  const planOf = (own: typeof steps) => c.plan({ stepDigests: own, payload: payloadOf(own) });
  assert.equal(codeOf(proposed, c.plan({ revision: 2 })), "revision_moved");
  assert.equal(codeOf(folded(proposed, [c.revise()]), c.plan()), "revision_moved");
  assert.equal(codeOf(folded(proposed, [c.revise()]), c.refusePlan()), "revision_moved");
  for (const wrong of [
    steps.slice(0, 1),
    steps.toReversed(),
    [...steps, stepDigest("three")],
    [stepDigest("one", { connector: "sql" }), stepDigest("two")],
  ]) {
    assert.equal(codeOf(proposed, planOf(wrong)), "plan_inconsistent");
  }
  assert.equal(codeOf(proposed, c.plan({ payload: digest("another") })), "plan_inconsistent");
});

test("[LC-8] what a plan says of its steps is what its payload digest is over", () => {
  const { stateDigest: state, payloadDigest: payload, operation } = analysis.step;
  assert.deepEqual(
    stepDigests(samplePlan(), () => digest("code")),
    [{ id: "step-1", connector: "git", operation, state, payload, code: digest("code") }],
  );
});

test("[LC-8] [B13] [B15] every part of every step is in the payload digest", () => {
  const fields = { id: "three", connector: "sql", operation: "drop", state: digest("x"), payload: digest("y") };
  const seen = new Set([payloadOf(steps), payloadOf(steps.toReversed()), payloadOf(steps.slice(1)), payloadOf([])]);
  for (const [key, value] of Object.entries(fields)) seen.add(payloadOf([{ ...stepDigest("one"), [key]: value }, stepDigest("two")]));
  assert.equal(seen.size, 9);
});

test("[LC-9] what cannot be planned goes back, whatever was signed before", () => {
  const back = folded(stateIn("authorised"), [c.refusePlan()]);
  assert.ok(back.status === "sent_back" && back.by === "plan");
});

test("[LC-10] [B11] a route is about the current plan and state, freshly observed", () => {
  const planned = stateIn("planned");
  assert.equal(codeOf(planned, c.route({ review: { ...review, plan: digest("other") } })), "review_inconsistent");
  assert.equal(codeOf(planned, c.route({ review: { ...review, state: digest("other") } })), "review_inconsistent");
  const old = folded(planned, [c.plan({ freshUntil: NOON })]);
  assert.equal(codeOf(old, c.route(), NOON), "");
  assert.equal(codeOf(old, c.route(), after(1)), "observation_stale");
});

test("[LC-11] auto asks nobody and authorises at once", () => {
  const events = eventsOf(stateIn("planned"), c.auto());
  assert.deepEqual(types(events), ["routed", "authorised"]);
  assert.throws(() => eventsOf(stateIn("planned"), c.auto({ seats: [seat("security")] })), /invariant broken/);
});

test("[LC-12] review and escalate name sound seats and never authorise without a quorum", () => {
  const planned = stateIn("planned");
  for (const outcome of ["review", "escalate"] as const) {
    assert.equal(codeOf(planned, c.route({ outcome, seats: [] })), "seats_invalid");
    assert.equal(codeOf(planned, c.route({ outcome, seats: [seat("a"), seat("a")] })), "seats_invalid");
    assert.equal(codeOf(planned, c.route({ outcome, seats: [seat("a", { count: 0 })] })), "seats_invalid");
    assert.deepEqual(types(eventsOf(planned, c.route({ outcome }))), ["routed"]);
  }
});

test("[LC-13] revise sends back and block ends, with the reasons, after recording the route", () => {
  const why = { code: "freeze", evidence: digest("why") };
  const revise = eventsOf(stateIn("authorised"), c.route({ outcome: "revise", because: why }));
  assert.deepEqual(types(revise), ["routed", "sent_back"]);
  const back = folded(stateIn("authorised"), [c.route({ outcome: "revise", because: why })]);
  assert.ok(back.status === "sent_back" && back.by === "policy");
  assert.deepEqual(back.because, why);
  assert.deepEqual(types(eventsOf(stateIn("planned"), c.route({ outcome: "block" }))), ["routed", "blocked"]);
  const blocked = folded(stateIn("planned"), [c.route({ outcome: "block" })]);
  assert.ok(blocked.status === "blocked" && blocked.because.code === "block");
});

test("[LC-14] [B11] [B14] a re-plan keeps votes only when all five digests are the same", () => {
  const authorised = stateIn("authorised");
  const again = folded(authorised, [c.plan(), c.route({ grant: grant(3) })]);
  assert.ok(again.status === "authorised" && again.grant === grant(3) && again.votes.length === 1 && again.ballot > authorised.ballot);
  for (const key of ["plan", "state", "route", "bundle", "presentation"] as const) {
    const moved = { ...review, [key]: digest("moved") };
    const next = folded(authorised, [c.plan({ object: { plan: moved.plan, state: moved.state } }), c.route({ review: moved })]);
    assert.ok(next.status === "awaiting" && next.votes.length === 0, key);
  }
});

test("[LC-14] a stale change that is planned identically keeps its votes under a new grant", () => {
  const stale = folded(stateIn("authorised"), [c.stale()]);
  const again = folded(stale, [c.plan(), c.route({ grant: grant(3) })]);
  assert.ok(again.status === "authorised" && again.grant === grant(3));
});

test("[LC-14] [A6] [A7] of the votes that could stay, those that do not count now do not", () => {
  const left = withPerson("bo", { active: false });
  const events = eventsOf(folded(stateIn("authorised"), [c.plan()]), c.route({ directory: left, grant: grant(3) }));
  assert.deepEqual(
    events.map((event) => (event.type === "routed" ? event.kept : event.type)),
    [[]],
  );
});

test("[LC-14] votes are not carried over a second, different review object", () => {
  const other = { ...review, route: digest("other") };
  const away = folded(stateIn("authorised"), [c.plan(), c.route({ review: other })]);
  const back = folded(away, [c.plan(), c.route()]);
  assert.ok(back.status === "awaiting" && back.votes.length === 0);
});

test("[LC-15] an authorisation has its own grant, which does not outlive the change", () => {
  assert.equal(codeOf(stateIn("authorised"), c.route({ grant: grant(2) })), "grant_reused");
  const state = folded(stateIn("planned"), [c.auto({ grantExpiresAt: after(1, EXPIRY) })]);
  assert.ok(state.status === "authorised" && state.grantExpiresAt === EXPIRY && state.authorisedVersion === state.version);
  assert.equal(codeOf(stateIn("planned"), c.auto({ grantExpiresAt: NOON })), "grant_expired", "it took too long to get here");
  assert.equal(codeOf(stateIn("awaiting"), c.approve("bo", { grantExpiresAt: NOON })), "grant_expired");
  assert.equal(codeOf(stateIn("planned"), c.route({ grantExpiresAt: NOON })), "", "nothing is authorised yet");
});

test("[LC-16] [A1] [A2] [A4] approving is admitted by the rules of review, and records what was signed", () => {
  const awaiting = folded(stateIn("planned"), [c.route({ seats: two })]);
  assert.equal(codeOf(awaiting, c.approve("ada")), "self_approval");
  assert.equal(codeOf(awaiting, c.approve("hal")), "not_eligible");
  assert.equal(codeOf(awaiting, c.approve("bo", { voter: principal("agent:bot") })), "not_a_person");
  const once = folded(awaiting, [c.approve("di", { seat: "security", comment: digest("words") })]);
  assert.equal(codeOf(once, c.approve("di", { seat: "identity", identity: "slack:U-di" })), "already_voted");
  assert.ok(once.status === "awaiting");
  assert.deepEqual(once.votes, [
    {
      person: "di",
      identity: "@di",
      seat: "security",
      decision: "approve",
      reviewDigest: reviewDigest(review),
      channel: "cli",
      strength: "session",
      at: NOON,
      comment: digest("words"),
    },
  ]);
});

test("[LC-16] [B17] [B11] a vote on an earlier review object is refused", () => {
  const moved = { ...review, presentation: digest("shown otherwise") };
  assert.equal(codeOf(folded(stateIn("planned"), [c.route({ review: moved })]), c.approve("bo")), "review_moved");
});

test("[LC-17] the vote that completes the quorum authorises; what does not count then is voided first", () => {
  const one = folded(stateIn("planned"), [c.route({ seats: two }), c.approve("di", { seat: "identity" })]);
  assert.deepEqual(types(eventsOf(one, c.approve("bo"))), ["voted", "authorised"]);
  const left = withPerson("di", { active: false });
  const waiting = folded(one, [c.approve("bo", { directory: left })]);
  assert.equal(waiting.status, "awaiting");
  const events = eventsOf(waiting, c.approve("ed", { directory: left }));
  assert.deepEqual(types(events), ["voted", "votes_voided", "authorised"]);
  const done = folded(waiting, [c.approve("ed", { directory: left })]);
  assert.ok(done.status === "authorised");
  assert.deepEqual(
    done.votes.map((vote) => vote.person),
    ["bo", "ed"],
  );
});

test("[LC-18] a reject ends the change until the run starts", () => {
  const events = eventsOf(stateIn("authorised"), c.reject("cy", { comment: digest("no") }));
  assert.deepEqual(types(events), ["voted", "rejected"]);
  const state = folded(stateIn("authorised"), [c.reject("cy", { comment: digest("no") })]);
  assert.ok(state.status === "rejected" && state.by === "cy" && state.comment === digest("no"));
  assert.equal(codeOf(stateIn("running"), c.reject("cy")), "wrong_status");
});

test("[LC-19] a vote replaces what the same person said before", () => {
  assert.deepEqual(types(eventsOf(stateIn("authorised"), c.reject("bo"))), ["vote_withdrawn", "voted", "rejected"]);
});

test("[LC-20] people take back their own vote until the run starts, and the grant goes with it", () => {
  const state = folded(stateIn("authorised"), [c.withdrawVote("bo", { directory: withPerson("bo", { active: false }) })]);
  assert.ok(state.status === "awaiting" && state.votes.length === 0 && !("grant" in state));
  assert.equal(codeOf(stateIn("authorised"), c.withdrawVote("cy")), "no_vote");
  assert.equal(codeOf(stateIn("authorised"), c.withdrawVote("bo", { identity: "@cy" })), "identity_mismatch");
  assert.equal(codeOf(stateIn("running"), c.withdrawVote("bo")), "wrong_status");
});

test("[LC-21] [A7] a recheck voids what does not count now, by reason, and the grant with it", () => {
  const pair = folded(stateIn("planned"), [c.route({ seats: two }), c.approve("bo"), c.approve("ed")]);
  assert.deepEqual(eventsOf(pair, c.recheck()), []);
  const changed = {
    ...withPerson("bo", { active: false }),
    groups: people.groups.map((group) => (group.name === "identity" ? { ...group, members: [] } : group)),
  };
  const events = eventsOf(pair, c.recheck({ directory: changed }));
  assert.deepEqual(events, [
    { type: "votes_voided", at: NOON, persons: [person("bo")], code: "inactive_person" },
    { type: "votes_voided", at: NOON, persons: [person("ed")], code: "not_eligible" },
  ]);
  const open = folded(pair, [c.recheck({ directory: changed })]);
  assert.ok(open.status === "awaiting" && open.votes.length === 0);
});

test("[LC-22] one person has at most one recorded approval in one ballot", () => {
  const authorised = stateIn("authorised");
  const back = folded(authorised, [c.withdrawVote("bo")]);
  const again = folded(back, [c.approve("bo", { grant: grant(3) })]);
  assert.ok(again.ballot > authorised.ballot);
  const rerouted = folded(authorised, [c.plan(), c.route({ review: { ...review, route: digest("x") } }), c.plan(), c.route()]);
  assert.ok(rerouted.ballot > authorised.ballot);
});

test("[LC-23] whoever could sit may send back, with reasons", () => {
  const state = folded(stateIn("authorised"), [c.sendBack("cy")]);
  assert.ok(state.status === "sent_back" && state.by === "cy");
  assert.equal(codeOf(stateIn("awaiting"), c.sendBack("hal")), "not_eligible");
  assert.equal(codeOf(stateIn("awaiting"), c.sendBack("ada")), "self_approval");
});

test("[LC-24] [A5] a reviewer may revise, and is barred from then on", () => {
  const revised = folded(stateIn("authorised"), [c.revise({ by: principal("human:cy") })]);
  assert.deepEqual([revised.status, revised.revision, revised.parties.editors], ["proposed", 2, ["human:cy"]]);
  assert.ok(!("votes" in revised));
  const awaiting = folded(revised, [c.plan({ revision: 2 }), c.route()]);
  assert.equal(codeOf(awaiting, c.approve("cy")), "self_approval");
  assert.equal(folded(awaiting, [c.approve("bo")]).status, "authorised");
  const twice = folded(revised, [c.revise({ by: principal("human:cy") })]);
  assert.deepEqual(twice.parties.editors, ["human:cy"]);
});

test("[LC-24] others may not revise", () => {
  for (const by of ["human:hal", "human:gus", "agent:sub", "workload:ci"])
    assert.equal(codeOf(stateIn("awaiting"), c.revise({ by: principal(by) })), "not_a_party", by);
  assert.equal(codeOf(stateIn("sent_back"), c.revise({ by: principal("human:cy") })), "not_a_party", "there is no seat to sit in");
  assert.equal(codeOf(stateIn("sent_back"), c.revise({ steps: [] })), "steps_invalid");
  assert.equal(codeOf(stateIn("sent_back"), c.revise({ expiresAt: NOON })), "expired");
});

test("[LC-25] only its makers withdraw or replace a change", () => {
  for (const by of ["agent:bot", "human:ada"]) assert.equal(folded(stateIn("authorised"), [c.withdraw(by)]).status, "withdrawn");
  for (const by of ["human:bo", "agent:sub"]) {
    assert.equal(codeOf(stateIn("authorised"), c.withdraw(by)), "not_a_party");
    assert.equal(codeOf(stateIn("authorised"), c.supersede({ proposer: principal(by) })), "not_a_party");
  }
  assert.equal(codeOf(stateIn("awaiting"), c.supersede({ by: stateIn("awaiting").id })), "not_a_party");
  const gone = folded(stateIn("awaiting"), [c.supersede()]);
  assert.ok(gone.status === "superseded" && gone.by === "chg_000002");
});

test("[LC-6] past its expiry a change takes no command but expire", () => {
  const late: [Parameters<typeof codeOf>[0], Parameters<typeof codeOf>[1]][] = [
    [stateIn("proposed"), c.plan()],
    [stateIn("planned"), c.route()],
    [stateIn("sent_back"), c.revise({ expiresAt: after(1, EXPIRY) })],
    [stateIn("awaiting"), c.approve("bo", { grantExpiresAt: after(1, EXPIRY) })],
    [stateIn("awaiting"), c.reject("bo")],
    [stateIn("authorised"), c.start()],
    [stateIn("authorised"), c.withdraw()],
    [stateIn("stale"), c.plan()],
  ];
  for (const [state, given] of late) {
    assert.equal(codeOf(state, given, EXPIRY), "expired", given.type);
    assert.notEqual(codeOf(state, given, after(-1, EXPIRY)), "expired", given.type);
  }
  assert.equal(codeOf(stateIn("awaiting"), c.expire(), after(-1, EXPIRY)), "not_expired");
  assert.equal(codeOf(stateIn("running"), c.expire(), EXPIRY), "wrong_status");
  assert.equal(codeOf(stateIn("applied"), c.report("verified"), after(1, EXPIRY)), "");
});

test("[LC-15] the object under review and its payload are what the authorisation names", () => {
  const [, authorised] = eventsOf(stateIn("awaiting"), c.approve("bo"));
  assert.deepEqual(authorised, {
    type: "authorised",
    at: NOON,
    grant: grant(2),
    grantExpiresAt: GRANT_EXPIRY,
    reviewDigest: reviewDigest(review),
    payload: payloadOf(steps),
    approval: approvalOf(stateIn("authorised"), stateIn("authorised").stepDigests),
  });
  assert.equal(object.plan, review.plan);
  assert.equal(parties.editors.length, 0);
});
