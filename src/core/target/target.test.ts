import assert from "node:assert/strict";
import { test } from "node:test";
import { array, assert as check, boolean, constant, constantFrom, oneof, property, record, uniqueArray, type Arbitrary } from "fast-check";
import type { ChangeId, KeyedDigest, Millis, RunId } from "../base/index.ts";
import type { Effect, PlanStep } from "../plan/index.ts";
import {
  foldTarget,
  holderAmong,
  MOST_RESOURCES,
  NOTHING_HELD,
  overlap,
  released,
  taken,
  targetAfter,
  touchesOf,
  type Holder,
  type TargetEvent,
  type Touch,
} from "./index.ts";

const effect = (system: string, resource: string, provenance: Effect["provenance"] = "derived"): Effect =>
  ({ system, resource, provenance }) as Effect;
const planOf = (...steps: readonly (readonly Effect[])[]) => ({ steps: steps.map((effects) => ({ effects }) as unknown as PlanStep) });

const names = constantFrom("a", "b", "c", "d", "e");
const touches: Arbitrary<readonly Touch[]> = uniqueArray(
  record(
    {
      system: names,
      resources: oneof(
        constant("all" as const),
        uniqueArray(names, { minLength: 1 }).map((all) => all.toSorted()),
      ),
    },
    { noNullPrototype: true },
  ),
  { selector: ({ system }) => system },
).map((all) => all.toSorted((a, b) => (a.system < b.system ? -1 : 1)));

test("[TA-1] a change touches the resources of its effects, system by system, each once, in every order of its steps", () => {
  const one = planOf([effect("git:shop", "git:shop#b"), effect("sql:orders", "sql:orders#t")], [effect("git:shop", "git:shop#a")]);
  const other = planOf([effect("git:shop", "git:shop#a"), effect("git:shop", "git:shop#b")], [effect("sql:orders", "sql:orders#t")]);
  const expected = [
    { system: "git:shop", resources: ["git:shop#a", "git:shop#b"] },
    { system: "sql:orders", resources: ["sql:orders#t"] },
  ];
  assert.deepEqual([touchesOf(one), touchesOf(other)], [expected, expected]);
  assert.deepEqual(touchesOf(planOf([], [])), []);
});

test("[TA-1] more resources of a system than are told apart are the whole of it, and nothing of another", () => {
  const many = (n: number) => Array.from({ length: n }, (_, i) => effect("git:shop", `git:shop#${i}`));
  const [most] = touchesOf(planOf(many(MOST_RESOURCES)));
  assert.equal(most?.resources.length, MOST_RESOURCES);
  const all = touchesOf(planOf(many(MOST_RESOURCES + 1), [effect("sql:orders", "sql:orders#t"), effect("git:shop", "git:shop#0")]));
  assert.deepEqual(all, [
    { system: "git:shop", resources: "all" },
    { system: "sql:orders", resources: ["sql:orders#t"] },
  ]);
});

test("[TA-1] an effect that nobody derived may be anything in its system", () => {
  for (const provenance of ["claimed", "unknown"] as const)
    assert.deepEqual(touchesOf(planOf([effect("command:deploy", "command:deploy#web", provenance)])), [
      { system: "command:deploy", resources: "all" },
    ]);
  assert.deepEqual(touchesOf(planOf([effect("s", "s#a", "attested")])), [{ system: "s", resources: ["s#a"] }]);
});

test("[TA-2] overlapping is mutual: what one shares with another, the other shares with it", () => {
  check(property(touches, touches, (one, other) => assert.deepEqual(overlap(one, other), overlap(other, one))));
});

test("[TA-2] a change overlaps with itself in all that it touches, and with no other system", () => {
  check(property(touches, (all) => assert.deepEqual(overlap(all, all), all)));
  check(
    property(touches, touches, (one, other) => {
      const systems = new Set(other.map(({ system }) => system));
      assert.ok(overlap(one, other).every(({ system }) => systems.has(system)));
    }),
  );
});

test("[TA-2] the whole of a system overlaps with whatever is touched in it", () => {
  check(
    property(touches, (all) => {
      const whole = all.map(({ system }) => ({ system, resources: "all" as const }));
      assert.deepEqual(overlap(whole, all), all);
      assert.deepEqual(overlap(all, whole), all);
    }),
  );
});

const at = 1 as Millis;
const digest = (name: string): KeyedDigest => `hmac-sha256:${name}` as KeyedDigest;
const holder = (run: string, ...resources: readonly string[]): Holder => ({
  change: `chg_${run}` as ChangeId,
  run: `run_${run}` as RunId,
  resources: resources.length === 0 ? "all" : resources.map(digest),
});

test("[TA-4] what is held is not taken: not by another run, not twice, not as part of the whole", () => {
  const held = foldTarget([taken(holder("one", "a", "b"), at), taken(holder("two", "c"), at)]);
  assert.equal(holderAmong(held, [digest("b")])?.run, "run_one");
  assert.equal(holderAmong(held, [digest("x"), digest("c")])?.run, "run_two");
  assert.equal(holderAmong(held, "all")?.run, "run_one");
  assert.equal(holderAmong(held, [digest("x")]), undefined);
  assert.equal(holderAmong(NOTHING_HELD, "all"), undefined);
  for (const again of [holder("one", "a"), holder("three", "b"), holder("three")])
    assert.throws(() => targetAfter(held, taken(again, at)), /what is held is not taken/);
  assert.throws(() => targetAfter(foldTarget([taken(holder("one"), at)]), taken(holder("two", "a"), at)), /what is held is not taken/);
});

test("[TA-6] a run gives back exactly what is its own, once", () => {
  const [one, two] = [holder("one", "a"), holder("two", "b")];
  const held = foldTarget([taken(one, at), taken(two, at)]);
  const back = released(held, one, at) as TargetEvent;
  assert.deepEqual(targetAfter(held, back), { held: [two] });
  assert.equal(released(targetAfter(held, back), one, at), undefined);
  assert.equal(released(NOTHING_HELD, two, at), undefined);
});

test("[TA-4] no order of starts and ends has two runs hold one resource", () => {
  const steps = array(record({ run: constantFrom("1", "2", "3", "4"), what: uniqueArray(names), end: boolean() }));
  check(
    property(steps, (all) => {
      let state = NOTHING_HELD;
      for (const { run, what, end } of all) {
        const mine = holder(run, ...what);
        const back = released(state, mine, at);
        if (end && back !== undefined) state = targetAfter(state, back);
        else if (holderAmong(state, mine.resources) === undefined) state = targetAfter(state, taken(mine, at));
        const each = state.held.map(({ resources }) => (resources === "all" ? undefined : resources));
        assert.ok(each.every((list) => list !== undefined) || each.length === 1, "whoever holds the whole holds it alone");
        assert.equal(new Set(each.flat()).size, each.flat().length);
      }
    }),
  );
});
