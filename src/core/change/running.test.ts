import assert from "node:assert/strict";
import { test } from "node:test";
import type { RunId, RunnerId } from "../base/index.ts";
import {
  after,
  codeOf,
  command as c,
  eventsOf,
  folded,
  grant,
  GRANT_EXPIRY,
  NOON,
  run,
  stateIn,
  STATUSES,
} from "../../testing/lifecycle.ts";
import { digest, people, person, principal, withPerson } from "../../testing/people.ts";
import { approvalOf, CLOCK_SKEW_MILLIS, evolve, fold, isFinal, openFor } from "./index.ts";
import type { ChangeEvent, ChangeState } from "./index.ts";

const held = (state: ChangeState): { begun: readonly string[]; done: readonly string[]; undoing: readonly string[] } => {
  assert.ok("begun" in state);
  const { begun, done, undoing } = state;
  return { begun, done, undoing };
};

test("[LC-26] [A7] [B11] a start looks at everything again as it stands", () => {
  const authorised = stateIn("authorised");
  assert.equal(codeOf(authorised, c.start({ grant: grant(1) })), "grant_unknown");
  assert.equal(codeOf(authorised, c.start(), GRANT_EXPIRY), "grant_expired");
  assert.equal(codeOf(authorised, c.start(), after(-1, GRANT_EXPIRY)), "");
  assert.equal(codeOf(authorised, c.start({ bundle: digest("new policy") })), "policy_moved");
  assert.equal(codeOf(authorised, c.start({ directory: withPerson("bo", { active: false }) })), "quorum_lost");
  assert.equal(codeOf(authorised, c.start({ directory: { ...people, groups: [] } })), "quorum_lost");
  assert.equal(codeOf(authorised, c.start({ directory: { ...people, machines: [] } })), "quorum_lost");
});

test("[LC-26] [D35] a clock that is behind starts nothing", () => {
  const authorised = stateIn("authorised");
  assert.equal(codeOf(authorised, c.start(), after(-CLOCK_SKEW_MILLIS)), "");
  assert.equal(codeOf(authorised, c.start(), after(-CLOCK_SKEW_MILLIS - 1)), "clock_behind");
  assert.equal(codeOf(stateIn("running"), c.begin(), after(-CLOCK_SKEW_MILLIS - 1)), "clock_behind");
});

test("[LC-29] [LC-50] [D35] a clock that was put back since the start begins no effect: it may not be time yet", () => {
  const due = after(600_000);
  const timed = folded(undefined, [c.propose({ notBefore: due }), c.plan(), c.auto({ grant: c.start().grant })]);
  const running = folded(timed, [c.start()], due);
  assert.equal(codeOf(running, c.begin(), after(600_000 - CLOCK_SKEW_MILLIS)), "");
  assert.equal(codeOf(running, c.begin(), after(600_000 - CLOCK_SKEW_MILLIS - 1)), "clock_behind");
});

test("[LC-26] a held change is authorised and does not start until it is routed without the hold", () => {
  const frozen = folded(stateIn("planned"), [c.auto({ holds: ["freeze"] })]);
  assert.equal(frozen.status, "authorised");
  assert.equal(codeOf(frozen, c.start({ grant: grant(1) })), "held");
  const free = folded(frozen, [c.auto({ grant: grant(3) }), c.start({ grant: grant(3) })]);
  assert.equal(free.status, "running");
});

test("[LC-27] [D31] a grant starts one run, whatever becomes of it", () => {
  const other = c.start({ run: "run_000002" as RunId, runner: "rnr_000002" as RunnerId });
  for (const status of ["running", "applied", "verified", "failed", "undone", "indeterminate"] as const)
    assert.equal(codeOf(stateIn(status), other), "grant_consumed");
  const stale = folded(stateIn("running"), [c.stale({ run })]);
  assert.equal(codeOf(stale, other), "wrong_status");
  assert.equal(codeOf(folded(stale, [c.plan(), c.route({ grant: grant(3) })]), other), "grant_unknown");
});

test("[LC-28] only the run and runner that started speak for the run", () => {
  const otherRun = { run: "run_000002" as RunId };
  const otherRunner = { runner: "rnr_000002" as RunnerId };
  const [running, applied] = [stateIn("running"), stateIn("applied")];
  for (const other of [otherRun, otherRunner]) {
    assert.equal(codeOf(running, c.begin("one", other)), "other_run");
    assert.equal(codeOf(folded(running, [c.begin()]), c.finish("one", other)), "other_run");
    assert.equal(codeOf(applied, c.undo("two", other)), "other_run");
    assert.equal(codeOf(applied, c.report("verified", other)), "other_run");
  }
  assert.equal(codeOf(running, c.abandon(otherRun)), "other_run");
  assert.equal(codeOf(running, c.stale(otherRun)), "other_run");
  assert.equal(codeOf(stateIn("indeterminate"), c.reconcile("hal", otherRun)), "other_run");
});

test("[LC-29] [B12] an effect begins in order, one at a time, in time, on exactly the approved state", () => {
  const running = stateIn("running");
  assert.equal(codeOf(running, c.begin("two")), "step_out_of_order");
  assert.equal(codeOf(running, c.begin("three")), "step_out_of_order");
  assert.equal(codeOf(folded(running, [c.begin()]), c.begin("two")), "step_out_of_order");
  assert.equal(codeOf(folded(running, [c.begin()]), c.begin("one")), "step_out_of_order");
  assert.equal(codeOf(running, c.begin(), GRANT_EXPIRY), "grant_expired");
  assert.equal(codeOf(running, c.begin("one", { observed: digest("moved") })), "stale_state");
  const one = folded(running, [c.begin(), c.finish()]);
  assert.equal(codeOf(one, c.begin("two", { observed: digest("state of one") })), "stale_state");
  assert.equal(codeOf(folded(one, [c.undo()]), c.begin("two")), "undo_begun");
  assert.deepEqual(held(folded(one, [c.begin("two")])), { begun: ["one", "two"], done: ["one"], undoing: [] });
});

test("[LC-30] the begun step finishes; the last one applies the change", () => {
  const begun = folded(stateIn("running"), [c.begin()]);
  assert.equal(codeOf(begun, c.finish("two")), "step_out_of_order");
  assert.equal(codeOf(folded(begun, [c.finish()]), c.finish()), "step_out_of_order");
  assert.equal(codeOf(folded(begun, [c.undo()]), c.finish()), "undo_begun");
  const last = folded(begun, [c.finish(), c.begin("two")]);
  assert.deepEqual(
    eventsOf(last, c.finish("two")).map((event) => event.type),
    ["effect_done", "applied"],
  );
  assert.equal(codeOf(begun, c.finish(), GRANT_EXPIRY), "", "what happened is recorded, however late");
});

test("[LC-31] undoing goes backwards, also after the grant expired", () => {
  const applied = stateIn("applied");
  assert.equal(codeOf(applied, c.undo("one")), "step_out_of_order");
  assert.equal(codeOf(applied, c.undo("three")), "step_out_of_order");
  const back = folded(applied, [c.undo("two"), c.undo("one")], GRANT_EXPIRY);
  assert.deepEqual([back.status, held(back).undoing], ["applied", ["two", "one"]]);
  assert.equal(codeOf(back, c.undo("one")), "step_out_of_order");
  const refused = folded(stateIn("running"), [c.begin(), c.finish(), c.begin("two")]);
  assert.equal(codeOf(refused, c.undo("one")), "", "the runner vouches that step two was refused");
});

test("[LC-32] what a runner may report is bounded by what is durable", () => {
  const running = stateIn("running");
  const begun = folded(running, [c.begin()]);
  const one = folded(begun, [c.finish()]);
  const applied = stateIn("applied");
  for (const state of [running, begun, one]) assert.equal(codeOf(state, c.report("verified")), "effects_unfinished");
  assert.equal(codeOf(folded(applied, [c.undo("two")]), c.report("verified")), "undo_begun");
  for (const state of [running, begun]) assert.equal(codeOf(state, c.report("failed")), "");
  for (const state of [one, applied, folded(begun, [c.undo()])]) assert.equal(codeOf(state, c.report("failed")), "effect_done");
  for (const state of [running, begun, one, applied]) assert.equal(codeOf(state, c.report("undone")), "no_effect_begun");
  assert.equal(codeOf(folded(applied, [c.undo("two")]), c.report("undone")), "undo_unfinished");
  for (const state of [folded(one, [c.undo()]), stateIn("undone")])
    assert.equal(codeOf(state, c.report("undone")), isFinal(state.status) ? "ended" : "");
  for (const state of [running, begun, one, applied, folded(applied, [c.undo("two")])])
    assert.equal(folded(state, [c.report("indeterminate")]).status, "indeterminate");
});

test("[LC-32] a report keeps its reason and evidence", () => {
  const failed = folded(stateIn("running"), [c.report("failed", { because: { code: "target_refused" } })]);
  assert.ok(failed.status === "failed");
  assert.deepEqual(failed.because, { code: "target_refused", evidence: digest("evidence") });
  const verified = stateIn("verified");
  assert.equal(verified.evidence, digest("evidence"));
});

test("[LC-33] a run without its runner failed only if no effect had begun, and is never tried again", () => {
  const running = stateIn("running");
  const failed = folded(running, [c.abandon()]);
  assert.ok(failed.status === "failed" && failed.because.code === "runner_lost_before_effect");
  for (const state of [folded(running, [c.begin()]), folded(running, [c.begin(), c.finish()]), stateIn("applied")]) {
    const lost = folded(state, [c.abandon()]);
    assert.ok(lost.status === "indeterminate" && lost.because.code === "lease_lost");
    for (const retry of [c.start(), c.begin("one"), c.begin("two"), c.plan(), c.route(), c.revise()])
      assert.notEqual(codeOf(lost, retry), "", retry.type);
  }
});

test("[LC-34] [A3] an indeterminate run is reconciled by a person who has no part in the change", () => {
  const lost = stateIn("indeterminate");
  assert.equal(codeOf(lost, c.reconcile("ada")), "self_approval");
  assert.equal(codeOf(lost, c.reconcile("gus")), "inactive_person");
  assert.equal(codeOf(lost, c.reconcile("hal", { by: principal("agent:bot") })), "not_a_person");
  assert.equal(codeOf(lost, c.reconcile("hal", { as: "failed" })), "effect_done", "a step is on record as done");
  const begun = folded(stateIn("running"), [c.begin(), c.abandon()]);
  assert.equal(folded(begun, [c.reconcile("hal", { as: "failed" })]).status, "failed");
  for (const as of ["verified", "undone"] as const) {
    assert.deepEqual(eventsOf(lost, c.reconcile("hal", { as })), [
      { type: "reconciled", at: NOON, run, as, by: person("hal"), evidence: digest("evidence") },
    ]);
    assert.equal(folded(lost, [c.reconcile("hal", { as })]).status, as);
  }
});

test("[LC-35] [B12] drift takes the grant away and names both fingerprints; the votes wait for a re-plan", () => {
  const authorised = stateIn("authorised");
  assert.equal(codeOf(authorised, c.stale({ expected: digest("never approved") })), "plan_inconsistent");
  assert.equal(codeOf(authorised, c.stale({ observed: c.stale().expected })), "nothing_moved");
  const stale = folded(authorised, [c.stale({ expected: digest("state of two") })]);
  assert.ok(stale.status === "stale" && !("grant" in stale));
  assert.deepEqual([stale.expected, stale.observed, stale.votes.length], [digest("state of two"), digest("moved"), 1]);
});

test("[LC-36] [B12] a run ends as stale only while nothing is done", () => {
  const running = stateIn("running");
  for (const state of [running, folded(running, [c.begin()])]) assert.equal(folded(state, [c.stale({ run })]).status, "stale");
  for (const state of [folded(running, [c.begin(), c.finish()]), folded(running, [c.begin(), c.undo()])])
    assert.equal(codeOf(state, c.stale({ run })), "effect_done");
});

test("[LC-5] every open change waits for something, from somebody; ended ones for nothing", () => {
  for (const status of STATUSES) {
    const waits = openFor(stateIn(status));
    assert.equal(waits.for === "nothing", isFinal(status), status);
    assert.equal(waits.from === "nobody", isFinal(status), status);
  }
  const auto = (more: Parameters<typeof c.auto>[0], start: "when-authorised" | "on-request") =>
    openFor(folded(undefined, [c.propose({ start }), c.plan(), c.auto(more)]));
  assert.deepEqual(auto({ holds: ["freeze"] }, "when-authorised"), { for: "hold", from: "control" });
  assert.deepEqual(auto({}, "when-authorised"), { for: "start", from: "runner" });
  assert.deepEqual(auto({}, "on-request"), { for: "start", from: "anybody" });
});

test("[LC-4] a state carries what its status needs, and is plain JSON", () => {
  const common = ["ballot", "createdAt", "expiresAt", "id", "parties", "proposal", "revision", "start", "status", "steps", "version"];
  const extra: Partial<Record<ChangeState["status"], string[]>> = {
    sent_back: ["because", "by"],
    blocked: ["because"],
    rejected: ["by"],
    withdrawn: ["by"],
    superseded: ["by"],
  };
  for (const status of STATUSES) {
    const state = stateIn(status);
    assert.deepEqual(JSON.parse(JSON.stringify(state)), state);
    const keys = Object.keys(state).filter((key) => !common.includes(key));
    if (!("review" in state) && status !== "planned") assert.deepEqual(keys.toSorted(), extra[status] ?? [], status);
  }
  for (const status of ["awaiting", "stale"] as const) assert.ok(!("grant" in stateIn(status)) && !("previous" in stateIn(status)));
  assert.ok(!("run" in folded(stateIn("running"), [c.stale({ run })])));
});

test("[LC-1] an event that does not fit is a broken invariant", () => {
  const at = NOON;
  const misfits: [ChangeState | undefined, ChangeEvent][] = [
    [undefined, { type: "expired", at }],
    [stateIn("running"), { type: "run_started", at, grant: grant(2), run, runner: "rnr_000001" as RunnerId }],
    [stateIn("authorised"), { type: "run_started", at, grant: grant(9), run, runner: "rnr_000001" as RunnerId }],
    [stateIn("running"), { type: "effect_started", at, run: "run_000002" as RunId, step: "one", observed: digest("x") }],
    [stateIn("authorised"), { type: "applied", at, run }],
    [stateIn("verified"), { type: "reconciled", at, run, as: "failed", by: person("hal"), evidence: digest("x") }],
    [stateIn("running"), { type: "reconciled", at, run: "run_000002" as RunId, as: "failed", by: person("hal"), evidence: digest("x") }],
    [
      stateIn("awaiting"),
      {
        type: "authorised",
        at,
        grant: grant(1),
        grantExpiresAt: GRANT_EXPIRY,
        reviewDigest: digest("other"),
        payload: stateIn("awaiting").payload,
        approval: approvalOf(stateIn("awaiting"), stateIn("awaiting").stepDigests),
      },
    ],
    [
      stateIn("awaiting"),
      {
        type: "authorised",
        at,
        grant: grant(1),
        grantExpiresAt: GRANT_EXPIRY,
        reviewDigest: stateIn("awaiting").reviewDigest,
        payload: stateIn("awaiting").payload,
        approval: digest("other"),
      },
    ],
    [
      stateIn("awaiting"),
      {
        type: "authorised",
        at,
        grant: grant(1),
        grantExpiresAt: GRANT_EXPIRY,
        reviewDigest: stateIn("awaiting").reviewDigest,
        payload: digest("other"),
        approval: approvalOf(stateIn("awaiting"), stateIn("awaiting").stepDigests),
      },
    ],
    [stateIn("planned"), { type: "vote_withdrawn", at, person: person("bo"), seat: "security" }],
    [stateIn("stale"), { type: "staled", at, expected: digest("a"), observed: digest("b") }],
  ];
  for (const [state, event] of misfits) assert.throws(() => evolve(state, event), /invariant broken/, event.type);
  assert.equal(fold([]), undefined);
});
