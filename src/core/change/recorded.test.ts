import assert from "node:assert/strict";
import { test } from "node:test";
import {
  codeOf,
  command as c,
  eventsOf,
  EXPIRY,
  folded,
  grant,
  NOON,
  review,
  run,
  runner,
  stateIn,
  STATUSES,
} from "../../testing/lifecycle.ts";
import { digest, principal, seat, withPerson } from "../../testing/people.ts";
import type { ChangeId, RunId } from "../base/index.ts";
import { reviewDigest } from "../review/index.ts";
import { approvalOf, decide, evolve, fold, isFinal, openFor } from "./index.ts";
import type { ChangeCommand, ChangeEvent, ChangeState } from "./index.ts";

const two = [seat("security"), seat("identity")];
/** Everything that was decided on the way, one command after the other. */
function recorded(commands: readonly ChangeCommand[]): ChangeEvent[] {
  const events: ChangeEvent[] = [];
  for (const command of commands) events.push(...eventsOf(fold(events), command));
  return events;
}

test("[LC-1] a state is the fold of its events, one version for each", () => {
  const whole = [c.propose(), c.plan(), c.route(), c.approve("bo"), c.start(), c.begin(), c.finish(), c.undo(), c.report("undone")];
  const events = recorded(whole);
  const state = fold(events);
  assert.deepEqual(state, folded(undefined, whole));
  assert.equal(state?.version, events.length);
  assert.deepEqual(fold(events.slice(0, 1)), folded(undefined, [c.propose()]));
});

test("[LC-7] [LC-24] an event holds what was said and no member for what was not", () => {
  const [plain] = eventsOf(undefined, c.propose());
  assert.ok(plain && !("supersedes" in plain));
  const [replacing] = eventsOf(undefined, c.propose({ supersedes: "chg_000009" as ChangeId }));
  assert.ok(replacing?.type === "proposed" && replacing.supersedes === "chg_000009");
  const [revised] = eventsOf(stateIn("awaiting"), c.revise());
  assert.ok(revised && !("issuer" in revised));
  const issuer = principal("human:ada");
  const [issued] = eventsOf(stateIn("awaiting"), c.revise({ issuer }));
  assert.ok(issued?.type === "revised" && issued.issuer === issuer);
  const [voted] = eventsOf(folded(stateIn("planned"), [c.route({ seats: two })]), c.approve("bo"));
  assert.ok(voted?.type === "voted" && !("comment" in voted.vote));
  const rejected = eventsOf(stateIn("awaiting"), c.reject("bo")).at(-1);
  assert.ok(rejected?.type === "rejected" && !("comment" in rejected));
  assert.ok(!("comment" in folded(stateIn("awaiting"), [c.reject("bo")])));
});

test("[LC-24] who revised it is an editor, and so is whoever issued what they used", () => {
  const revised = folded(stateIn("awaiting"), [c.revise({ issuer: principal("human:cy") })]);
  assert.deepEqual(revised.parties.editors, ["agent:bot", "human:cy"]);
  const alone = folded(stateIn("awaiting"), [c.revise()]);
  assert.deepEqual(alone.parties.editors, ["agent:bot"]);
  const byReviewer = c.revise({ by: principal("human:cy") });
  assert.equal(codeOf(folded(stateIn("planned"), [c.route({ seats: two })]), byReviewer), "", "one seat of two is enough");
  assert.equal(codeOf(stateIn("awaiting"), c.revise({ by: principal("human:zoe") })), "not_a_party", "nobody knows Zoe");
  const editor = folded(stateIn("sent_back"), [c.revise()]);
  assert.equal(
    codeOf({ ...editor, parties: { ...editor.parties, editors: [principal("human:zoe")] } }, c.revise({ by: principal("human:zoe") })),
    "",
  );
});

test("[LC-13] what policy sends back or blocks is on record as routed, and nobody can sign it in between", () => {
  for (const outcome of ["revise", "block"] as const) {
    const [routed] = eventsOf(stateIn("authorised"), c.route({ outcome }));
    assert.ok(routed?.type === "routed");
    assert.deepEqual([routed.kept, routed.outcome], [[], outcome]);
    const between = evolve(stateIn("authorised"), routed);
    assert.equal(between.status, "planned");
    assert.ok(!("votes" in between) && !("grant" in between));
  }
});

test("[LC-11] [LC-14] a route tells whose votes it keeps", () => {
  const kept = (state: ChangeState, command: ChangeCommand): unknown => {
    const [routed] = eventsOf(state, command);
    return routed?.type === "routed" ? routed.kept : routed;
  };
  assert.deepEqual(kept(stateIn("planned"), c.auto()), []);
  assert.deepEqual(kept(stateIn("planned"), c.route()), []);
  const one = folded(stateIn("planned"), [c.route({ seats: two }), c.approve("bo")]);
  const again = folded(one, [c.plan()]);
  assert.deepEqual(kept(again, c.route({ seats: two, grant: grant(3) })), ["bo"]);
  const carried = folded(again, [c.route({ seats: two, grant: grant(3) })]);
  assert.ok(carried.status === "awaiting" && carried.votes.length === 1);
  assert.equal(codeOf(folded(stateIn("planned"), [c.route()]), c.route({ grant: grant(1) })), "", "no grant was given yet");
});

test("[LC-19] a vote that counts no more is replaced by the same person's next, and by that alone", () => {
  const one = folded(stateIn("planned"), [
    c.route({ seats: two }),
    c.approve("di", { seat: "identity" }),
    c.approve("bo", { directory: withPerson("di", { identities: ["slack:U-di"] }) }),
  ]);
  assert.equal(one.status, "awaiting");
  const directory = withPerson("di", { identities: ["slack:U-di"] });
  const events = eventsOf(one, c.approve("di", { identity: "slack:U-di", seat: "identity", directory }));
  assert.deepEqual(
    events.map(({ type }) => type),
    ["vote_withdrawn", "voted", "authorised"],
  );
});

test("[LC-34] what a person reconciled stands with its evidence", () => {
  const evidence = digest("evidence");
  const unknown = folded(stateIn("running"), [c.begin(), c.abandon()]);
  const as = (outcome: "verified" | "failed" | "undone"): ChangeState => folded(unknown, [c.reconcile("hal", { as: outcome })]);
  const verified = as("verified");
  assert.ok(verified.status === "verified" && verified.evidence === evidence && !("because" in verified));
  for (const outcome of ["failed", "undone"] as const) {
    const state = as(outcome);
    assert.ok(state.status === outcome && "because" in state);
    assert.deepEqual(state.because, { code: "reconciled", evidence });
  }
});

test("[LC-5] what each status waits for, and from whom", () => {
  const waits = Object.fromEntries(STATUSES.filter((status) => !isFinal(status)).map((status) => [status, openFor(stateIn(status))]));
  assert.deepEqual(waits, {
    proposed: { for: "plan", from: "control" },
    planned: { for: "route", from: "control" },
    sent_back: { for: "revision", from: "proposer" },
    awaiting: { for: "votes", from: "reviewers" },
    authorised: { for: "start", from: "anybody" },
    running: { for: "effects", from: "runner" },
    applied: { for: "verification", from: "runner" },
    stale: { for: "replan", from: "control" },
    indeterminate: { for: "reconciliation", from: "reviewers" },
  });
});

test("[LC-26] another grant than the one that ran is not told as consumed; a hold is named", () => {
  assert.equal(codeOf(stateIn("running"), c.start({ grant: grant(7) })), "wrong_status");
  assert.equal(codeOf(stateIn("running"), c.start()), "grant_consumed");
  const held = folded(stateIn("planned"), [c.auto({ holds: ["freeze", "window"], grant: grant(2) })]);
  const refused = decide(held, c.start(), NOON);
  assert.equal(refused.ok ? "" : refused.error.message, "held: freeze, window");
});

test("[LC-2] a refusal says where, if there is a where", () => {
  const whereOf = (state: ChangeState | undefined, command: ChangeCommand): unknown => {
    const refused = decide(state, command, NOON);
    assert.ok(!refused.ok);
    return "where" in refused.error ? refused.error.where : "nowhere";
  };
  assert.equal(whereOf(undefined, c.propose({ steps: [] })), "nowhere");
  assert.equal(whereOf(undefined, c.plan()), "nowhere");
  assert.equal(whereOf(stateIn("proposed"), c.propose()), "chg_000001");
  assert.equal(whereOf(stateIn("awaiting"), c.withdraw("human:bo")), "human:bo");
});

test("[LC-1] an event out of its place is a broken invariant, whatever it is", () => {
  const at = NOON;
  const awaiting = stateIn("awaiting");
  const [proposed] = recorded([c.propose()]);
  const [routed] = eventsOf(stateIn("planned"), c.route());
  assert.ok(proposed && routed);
  const because = { code: "x" };
  const misfits: [ChangeState, ChangeEvent][] = [
    [awaiting, proposed],
    [stateIn("running"), routed],
    [stateIn("planned"), { type: "voted", at, vote: { ...stateIn("authorised").votes[0]! } }],
    [stateIn("indeterminate"), { type: "failed", at, run, because }],
    [stateIn("indeterminate"), { type: "effect_started", at, run, step: "one", observed: digest("x") }],
    [stateIn("running"), { type: "failed", at, run: "run_000009" as RunId, because }],
    [stateIn("planned"), { type: "run_started", at, grant: grant(2), run, runner }],
    [
      stateIn("authorised"),
      {
        type: "authorised",
        at,
        grant: grant(3),
        grantExpiresAt: EXPIRY,
        reviewDigest: reviewDigest(review),
        payload: awaiting.payload,
        approval: approvalOf(stateIn("authorised"), stateIn("authorised").stepDigests),
      },
    ],
  ];
  for (const [state, event] of misfits) assert.throws(() => evolve(state, event), /invariant broken/, `${event.type} in ${state.status}`);
});
