import assert from "node:assert/strict";
import test from "node:test";
import { bundle, facts } from "../../testing/policy.ts";
import { Misfit } from "./fit.ts";
import { checked, evaluate, firing, routeOf } from "./index.ts";
import type { Bundle, Facts } from "./index.ts";

function fit(given: Facts): Exclude<ReturnType<typeof checked>, Misfit> {
  const copy = checked(given);
  assert(!(copy instanceof Misfit));
  return copy;
}
/** As an evaluation tells it, by the index and without. */
const told = (of: Bundle, given: Facts): string[][] =>
  [true, false].map((indexed) =>
    evaluate(of, given, { indexed })
      .trace.filter(({ rule, fired }) => fired && !rule.startsWith("builtin:"))
      .map(({ rule }) => rule),
  );

test("[PO-32] [PO-51] the rules that fire are the same by the index, without it and asked for alone", () => {
  const bad = "1 / 0 == 1";
  const of = bundle([
    { id: "yes", outcome: "auto" },
    { id: "no", when: "false" },
    { id: "bad", when: bad },
    { id: "bad-auto", outcome: "auto", when: bad },
    { id: "kind", outcome: "block", when: 'proposer.kind == "robot" && 1 / 0 == 1' },
    { id: "agent", outcome: "escalate", when: 'proposer.kind == "agent" && summary.effects == 1' },
  ]);
  assert.deepEqual(firing(of, fit(facts())), ["yes", "bad", "agent"]);
  assert.deepEqual(told(of, facts()), [
    ["yes", "bad", "agent"],
    ["yes", "bad", "agent"],
  ]);
  assert.deepEqual(firing(of, fit(facts({ proposer: { kind: "robot" } }))), ["yes", "bad", "kind"]);
});

test("[PO-51] the hundredth rule fires as the first does, and by its own name", () => {
  const of = bundle(Array.from({ length: 100 }, (_, i) => ({ id: `r${i}`, when: `time.hour == ${i % 24}` })));
  for (const hour of [0, 3, 8, 23]) {
    const wanted = Array.from({ length: 100 }, (_, i) => i).flatMap((i) => (i % 24 === hour ? [`r${i}`] : []));
    const given = facts({ time: { hour } });
    assert.deepEqual([firing(of, fit(given)), ...told(of, given)], [wanted, wanted, wanted]);
  }
});

test("[PO-24] surfaces are added to a copy of the facts, and facts that touch none are looked at as they are", () => {
  const surfaces = [{ name: "auth", paths: ["auth/**"] }];
  const of = bundle([{ id: "seen", when: '"auth" in summary.surfaces && effects.exists(e, "auth" in e.surfaces)' }], { surfaces });
  const given = fit(facts({ effects: [{ path: "auth/a" }, { path: "b" }] }));
  assert.deepEqual(firing(of, given), ["seen"]);
  assert.deepEqual(firing(bundle([{ id: "seen", when: "size(summary.surfaces) > 0" }]), given), []);
  assert.deepEqual(
    given.facts.effects.map(({ surfaces: touched }) => touched),
    [[], []],
  );
  assert.deepEqual(firing(of, fit(facts())), []);
});

test("[PO-23] facts that throw when they are read are said to be unreadable", () => {
  const throwing = Object.defineProperty({ ...facts() }, "effects", { enumerable: true, get: () => assert.fail("a getter") });
  assert.equal(routeOf(bundle([]), throwing).reasons[0]?.text, "the facts cannot be judged: the facts is not readable");
});

test("[PO-54] past the steps of all rules together each further rule is an error", () => {
  const dear = "effects.all(a, effects.all(b, effects.all(c, true)))";
  const of = bundle([
    ...Array.from({ length: 8 }, (_, i) => ({ id: `dear${i}`, when: dear })),
    { id: "cheap", when: "summary.effects == 0" },
  ]);
  const given = facts({ effects: Array.from({ length: 90 }, () => ({})) });
  // Each of the dear ones takes about 730,000 steps: the seventh finds too few, and the ones after it none.
  const { trace } = evaluate(of, given);
  const own = trace.filter(({ rule }) => !rule.startsWith("builtin:"));
  assert.deepEqual(
    own.map(({ fired, error }) => [fired, error === undefined]),
    [...Array.from({ length: 6 }, () => [true, true]), [true, false], [true, false], [false, true]],
  );
  assert.equal(own[6]?.error, "too costly: the steps for all rules together are used up");
});
