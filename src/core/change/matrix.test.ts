import assert from "node:assert/strict";
import { test } from "node:test";
import { codeOf, command, folded, NOON, stateIn, STATUSES } from "../../testing/lifecycle.ts";
import { TRANSITIONS } from "../../testing/transitions.ts";
import { decide, isFinal } from "./index.ts";

for (const { label, accepted, command: make, closer = {}, at = NOON } of TRANSITIONS) {
  test(`[LC-3] ${label} in every status`, () => {
    for (const status of STATUSES) {
      const state = stateIn(status);
      const given = make(state);
      const to = accepted[status];
      if (to === undefined) assert.equal(codeOf(state, given, at), closer[status] ?? (isFinal(status) ? "ended" : "wrong_status"), status);
      else assert.equal(folded(state, [given], at).status, to, status);
    }
  });
}

test("[LC-3] [LC-7] a change is proposed once, in whatever status it is; nothing else brings one into being", () => {
  for (const status of STATUSES) assert.equal(codeOf(stateIn(status), command.propose()), "exists", status);
  for (const { command: make } of TRANSITIONS) assert.equal(codeOf(undefined, make(stateIn("proposed"))), "unknown_change");
});

test("[LC-3] no command leaves a final status", () => {
  const left = STATUSES.filter((status) => TRANSITIONS.every(({ accepted }) => accepted[status] === undefined));
  assert.deepEqual(left.toSorted(), STATUSES.filter(isFinal).toSorted());
});

test("[LC-2] a command is decided whole, the same every time, and leaves its state as it was", () => {
  for (const { command: make, at = NOON } of TRANSITIONS) {
    for (const status of STATUSES) {
      const state = stateIn(status);
      const before = structuredClone(state);
      const decided = decide(state, make(state), at);
      assert.deepEqual(decide(state, make(state), at), decided);
      assert.deepEqual(state, before);
      assert.equal("value" in decided, decided.ok);
      if (decided.ok) assert.ok(decided.value.every((event) => event.at === at));
    }
  }
});
