import assert from "node:assert/strict";
import test from "node:test";
import { cel } from "../index.ts";
import { meets } from "./demands.ts";
import { machineOn, runWithin } from "./machine.ts";
import { FACTS, one, profile } from "../../../testing/conditions.ts";

const { CelError } = cel;

/** What a condition demands: one line for each demand, its possibilities with `or` between. */
function demands(text: string): string[] {
  const made = profile.compile(text);
  assert(made.ok, text);
  return made.value.demands.map((demand) =>
    demand.map(({ path, member, kind, values }) => [path, ...(member ? [member] : []), kind, values.join("|")].join(" ")).join(" or "),
  );
}

test("[PO-51] a demand is made of what cannot be an error, and of nothing else", () => {
  assert.deepEqual(demands("n == 3 && s == 'a' && n != 4"), ["n is 3", "s is a"]);
  assert.deepEqual(demands("yes && !yes"), ["yes is true", "yes is false"]);
  assert.deepEqual(demands("n > 3 && n >= 3 && n < 3 && n <= 3"), ["n least 4", "n least 3", "n most 2", "n most 3"]);
  assert.deepEqual(demands("3 > n && 3 >= n && 3 < n && 3 <= n"), ["n most 2", "n most 3", "n least 4", "n least 3"]);
  assert.deepEqual(demands("'x' in one.tags && one.name in ['a', 'b']"), ["one.tags holds x", "one.name is a|b"]);
  assert.deepEqual(demands("3 == n"), ["n is 3"]);
  assert.deepEqual(demands("n in []"), ["n is "]);
  for (const text of [
    "n == 3 || n != 4",
    "!(n == 3)",
    "!(yes || n == 3)",
    "s < 'a'",
    "n > 9223372036854775807",
    "gone > 1",
    "one.note == 'x'",
    "gone == 1",
    "'a' in dict",
    "n == n",
    "s + 'a' == 'b'",
    "items.all(i, i.name == 'a')",
    "n in nums",
    "n in [1, n]",
    "n == 9223372036854775807",
    "yes ? n == 1 : n == 2",
  ])
    assert.deepEqual(demands(text), [], text);
});

test("[PO-51] of what || joins one side's demand must be met, and the narrowest of each is taken", () => {
  assert.deepEqual(demands("n == 3 || s == 'a'"), ["n is 3 or s is a"]);
  assert.deepEqual(demands("(n in [1, 2] && s == 'a') || n == 7 || 'x' in one.tags"), ["s is a or n is 7 or one.tags holds x"]);
  assert.deepEqual(demands("(n == 3 || s == 'a') && one.name == 'b'"), ["n is 3 or s is a", "one.name is b"]);
});

test("[PO-51] what a quantifier finds meets the demands on an element", () => {
  assert.deepEqual(demands("items.exists(i, i.name == 'a' && i.tags == ['x'])"), ["items name holds a"]);
  assert.deepEqual(demands("items.exists_one(i, i.name in ['a', 'b'])"), ["items name holds a|b"]);
  assert.deepEqual(demands("one.tags.exists(t, t == 'x' || t == 'y')"), ["one.tags holds x or one.tags holds y"]);
  assert.deepEqual(demands("items.exists(i, n == 3)"), ["n is 3"]);
  // The loop variable stands before a fact of the same name.
  assert.deepEqual(demands("items.exists(one, one.name == 'a')"), ["items name holds a"]);
  assert.deepEqual(demands("nums.exists(n, n == 3)"), ["nums holds 3"]);
  assert.deepEqual(demands("items.exists(one, 'x' in one.tags)"), []);
  for (const text of [
    "items.exists(i, i.note == 'x')",
    "items.exists(i, items.exists(j, j.name == 'a'))",
    "items.filter(i, true).exists(i, i.name == 'a')",
    "items.map(i, i.name).exists(x, x == 'a')",
    "dict.exists(k, k == 'a')",
  ])
    assert.deepEqual(demands(text), [], text);
});

test("[PO-51] what does not meet a demand is false, whatever else is an error", () => {
  const made = profile.compile("one.note == 'x' && n == 4 && 'x' in one.tags");
  assert(made.ok);
  const row = profile.places.row(FACTS);
  assert.deepEqual(
    made.value.demands.map((demand) => meets(demand, row)),
    [false, true],
  );
  assert.equal(made.value.run(FACTS), false);
});

/** What is left of a condition beyond its first demand, asked of facts that do not meet it. */
function beyond(text: string): unknown {
  const made = profile.compile(text);
  assert(made.ok, text);
  const [demand] = made.value.demands;
  assert(demand && !meets(demand, profile.places.row(FACTS)), text);
  const rest = made.value.beyond(demand);
  assert.equal(rest.size, made.value.typed.size);
  return runWithin(rest, machineOn({ facts: FACTS, row: profile.places.row(FACTS) }), { left: 1000 });
}

test("[PO-51] a conjunct that says nothing but the demand is not asked again; all else is", () => {
  assert.equal(beyond("n == 99"), true);
  assert.equal(beyond("n == 99 || 'none' in one.tags"), true);
  assert.equal(beyond("n == 99 && n != 98"), true);
  assert.equal(beyond("n == 99 && n != n"), false);
  assert.equal(beyond("n == 99 && (n != 98 && n / 0 == 1)") instanceof CelError, true);
  assert.equal(beyond("(n == 99 && n != 98) || n == 98"), false);
  assert.equal(beyond("items.exists(i, i.name == 'none')"), false);
  assert.equal(beyond("nums.exists(x, n == 99)"), false);
});

test("[PO-51] an int meets a bound from the bound on", () => {
  for (const [text, meeting, not] of [
    ["n >= 3", [3, 4], [2, -9]],
    ["n > 3", [4, 9], [3, 2]],
    ["n <= 3", [3, 2, -9], [4]],
    ["n < 3", [2, -9], [3, 4]],
    ["n >= 3 || n <= 1", [3, 1, 0], [2]],
    ["n == 3 || n <= 1", [3, 1, 0], [2, 4]],
    ["n in [3, 5]", [3, 5], [4]],
  ] as const) {
    const made = profile.compile(text);
    assert(made.ok, text);
    const [demand, ...none] = made.value.demands;
    assert(demand && none.length === 0, text);
    const met = (n: number): boolean => meets(demand, profile.places.row({ ...FACTS, n }));
    assert.deepEqual(
      meeting.map(met),
      meeting.map(() => true),
      text,
    );
    assert.deepEqual(
      not.map(met),
      not.map(() => false),
      text,
    );
  }
});

test("[PO-51] of several conjuncts the one that its demand says is left out, and only that", () => {
  const made = profile.compile("s == 'src/é.md' && n == 3 && one.note == 'x'");
  assert(made.ok);
  const rest = (demand: number, given: cel.CelMessage): unknown => {
    const found = made.value.demands[demand];
    assert(found);
    const facts = { ...FACTS, ...given };
    const value = runWithin(made.value.beyond(found), machineOn({ facts, row: profile.places.row(facts) }), { left: 1000 });
    return value instanceof CelError ? value.message : value;
  };
  assert.equal(rest(0, {}), "absent attribute: note");
  assert.equal(rest(0, { s: "other" }), "absent attribute: note");
  assert.equal(rest(0, { n: 4 }), false);
  assert.equal(rest(1, { n: 4 }), "absent attribute: note");
  assert.equal(rest(1, { s: "other" }), false);
  assert.equal(rest(1, { one: { ...one, note: "x" } }), true);
  // A demand of something else leaves nothing out.
  const other = profile.compile("s == 'other'");
  assert(other.ok && other.value.demands[0]);
  assert.deepEqual(made.value.beyond(other.value.demands[0]), made.value.typed);
});
