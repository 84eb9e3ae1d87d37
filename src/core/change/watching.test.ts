import assert from "node:assert/strict";
import { test } from "node:test";
import type { PrincipalId, RunnerId } from "../base/index.ts";
import { after, codeOf, command as c, eventsOf, folded, NOON, stateIn, STATUSES } from "../../testing/lifecycle.ts";
import { digest, principal, withPerson } from "../../testing/people.ts";
import { approvalOf, openFor } from "./index.ts";
import type { ChangeState } from "./index.ts";

const watch = { seconds: 600, everySeconds: 60 };
const END = after(600_000);

/** Applied at noon, and watched for ten minutes. */
function watched(): ChangeState {
  return folded(undefined, [
    c.propose(),
    c.plan({ watch }),
    c.route(),
    c.approve("bo"),
    c.start(),
    c.begin("one"),
    c.finish("one"),
    c.begin("two"),
    c.finish("two"),
  ]);
}

test("[LC-40] the window is of the plan: the authorisation binds it, and a state without it is as it was", () => {
  const state = watched();
  assert.ok(state.status === "applied");
  assert.deepEqual([state.watch, state.appliedAt], [watch, NOON]);
  const { watch: _, ...unwatched } = state;
  assert.notEqual(approvalOf(state, state.stepDigests), approvalOf(unwatched, state.stepDigests));
  assert.notEqual(
    approvalOf(state, state.stepDigests),
    approvalOf({ ...state, watch: { seconds: 1, everySeconds: 1 } }, state.stepDigests),
  );
  assert.ok(!("watch" in stateIn("applied")));
  assert.deepEqual(openFor(state), { for: "verification", from: "runner" });
});

test("[LC-41] looks are counted, and none follows one that failed", () => {
  const state = watched();
  for (const n of [0, 2]) assert.equal(codeOf(state, c.check(n)), "check_out_of_order");
  const once = folded(state, [c.check(1)]);
  assert.equal(codeOf(once, c.check(1)), "check_out_of_order");
  assert.deepEqual(eventsOf(once, c.check(2, "unknown"), after(5)), [
    { type: "checked", at: after(5), run: c.check().run, n: 2, result: "unknown", evidence: digest("evidence") },
  ]);
  const failed = folded(once, [c.check(2, "failed")]);
  assert.equal(codeOf(failed, c.check(3)), "check_failed");
  assert.equal(codeOf(folded(failed, [c.undo("two")]), c.check(3)), "undo_begun");
  assert.equal(codeOf(folded(once, [c.stop()]), c.check(2)), "stopped");
  assert.equal(codeOf(state, c.check(1, "held", { runner: "rnr_000002" as RunnerId })), "other_run");
});

test("[LC-42] it is verified only once it was found to hold at the end of its window", () => {
  const state = watched();
  const verified = c.report("verified");
  assert.equal(codeOf(state, verified, END), "watch_open", "nobody has looked");
  const early = folded(state, [c.check(1)], after(599_999));
  for (const at of [NOON, END]) assert.equal(codeOf(early, verified, at), "watch_open", "the look was before the end");
  const unsure = folded(state, [c.check(1, "unknown")], END);
  assert.equal(codeOf(unsure, verified, END), "watch_open");
  const held = folded(state, [c.check(1)], END);
  assert.equal(codeOf(held, verified, after(-1, END)), "watch_open", "by the clock that decides");
  assert.equal(folded(held, [verified], END).status, "verified");
  const failed = folded(early, [c.check(2, "failed")], END);
  assert.equal(codeOf(failed, verified, END), "check_failed");
  assert.equal(folded(failed, [c.undo("two"), c.undo("one"), c.report("undone")], END).status, "undone");
});

test("[LC-42] also without a window a look that failed is none that can be verified", () => {
  assert.equal(codeOf(folded(stateIn("applied"), [c.check(1, "failed")]), c.report("verified")), "check_failed");
  assert.equal(folded(stateIn("applied"), [c.check(1), c.report("verified")]).status, "verified");
});

test("[LC-43] a run that loses its runner while it watches says so, and ends as unknown", () => {
  const because = (state: ChangeState): string => {
    const lost = folded(state, [c.abandon()]);
    assert.ok(lost.status === "indeterminate");
    return lost.because.code;
  };
  assert.equal(because(watched()), "watch_interrupted");
  assert.equal(because(folded(watched(), [c.check(1)])), "watch_interrupted");
  assert.equal(because(folded(watched(), [c.undo("two")])), "lease_lost", "an undo may be half done");
  assert.equal(because(stateIn("applied")), "lease_lost");
});

test("[LC-44] whoever has a say in a change stops its run, and nobody else", () => {
  for (const status of ["running", "applied"] as const) {
    const state = stateIn(status);
    assert.deepEqual(eventsOf(state, c.stop("bo")), [{ type: "stop_requested", at: NOON, run: c.check().run, by: "bo" }]);
    for (const who of ["cy", "di"]) assert.equal(codeOf(state, c.stop(who)), "", `${who} may sit in a seat`);
    assert.equal(codeOf(state, c.stop("ada")), "", "it is made for her");
    assert.equal(codeOf(state, c.stop("hal")), "not_a_party");
    const directory = withPerson("hal", { roles: ["admin"] });
    assert.equal(codeOf(state, c.stop("hal", { directory })), "", "an administrator");
    assert.equal(codeOf(state, c.stop("bo", { directory: withPerson("bo", { active: false }) })), "inactive_person");
    assert.equal(codeOf(state, c.stop("bo", { by: principal("agent:bot") })), "not_a_person");
    assert.equal(codeOf(state, c.stop("bo", { by: "human:nobody" as PrincipalId })), "unknown_person");
    assert.equal(codeOf(state, c.stop("bo", { identity: "@cy" })), "identity_mismatch");
  }
});

test("[LC-44] to ask again changes nothing, whoever asks", () => {
  const stopped = folded(stateIn("running"), [c.stop("bo")]);
  assert.deepEqual(eventsOf(stopped, c.stop("ada")), []);
  assert.ok("stopped" in stopped && stopped.stopped === "bo");
  assert.equal(codeOf(stopped, c.stop("hal")), "not_a_party");
});

test("[D37] [LC-45] a stopped run begins nothing more: what was begun is finished, and what was done undone", () => {
  const running = stateIn("running");
  const stopped = folded(running, [c.stop()]);
  assert.equal(codeOf(stopped, c.begin()), "stopped");
  assert.equal(codeOf(stopped, c.stale({ run: c.check().run })), "stopped");
  assert.equal(folded(stopped, [c.report("failed")]).status, "failed");
  const begun = folded(running, [c.begin(), c.stop()]);
  const done = folded(begun, [c.finish()]);
  assert.equal(codeOf(done, c.begin("two")), "stopped");
  assert.equal(folded(done, [c.undo(), c.report("undone")]).status, "undone");
  const applied = folded(stateIn("applied"), [c.stop()]);
  assert.equal(codeOf(applied, c.report("verified")), "stopped");
  assert.equal(folded(applied, [c.undo("two"), c.undo("one"), c.report("undone")]).status, "undone");
  const last = folded(running, [c.begin(), c.finish(), c.begin("two"), c.stop(), c.finish("two")]);
  assert.ok(last.status === "applied" && last.stopped === "bo");
});

test("[LC-3] [LC-44] there is nothing to stop where nothing runs", () => {
  for (const status of STATUSES.filter((each) => each !== "running" && each !== "applied"))
    assert.notEqual(codeOf(stateIn(status), c.stop()), "");
});

test("[LC-29] what was seen before an effect keeps its evidence", () => {
  const evidence = digest("seen");
  const [event] = eventsOf(stateIn("running"), c.begin("one", { evidence }));
  assert.ok(event?.type === "effect_started" && event.evidence === evidence);
});
