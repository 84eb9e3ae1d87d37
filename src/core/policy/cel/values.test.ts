import assert from "node:assert/strict";
import test from "node:test";
import { shown } from "./parts.ts";
import { ANY, BOOL, CelError, INT, STRING, field, holdsMessage, listOf, mapOf, messageOf, nameOf, unify } from "./types.ts";
import type { CelValue } from "./types.ts";
import { arithmetic, clip, codePoints, compareStrings, equalsOf, intOf, weight } from "./values.ts";

const ITEM = messageOf("Item", { name: field(STRING, "") });
const OTHER = messageOf("Other", { name: field(STRING, "") });
const said = (value: unknown): unknown => (value instanceof CelError ? value.message : value);

test("[PO-12] arithmetic, on small ints and on large ones", () => {
  const table = [
    ["+", 2, 3, 5],
    ["-", 2, 3, -1],
    ["*", 2, 3, 6],
    ["/", 7, 2, 3],
    ["/", -7, 2, -3],
    ["/", 0, -2, 0],
    ["%", 7, 3, 1],
    ["%", -7, 3, -1],
    ["%", -6, 3, 0],
    ["*", 0, -5, 0],
    ["-", 0, 0, 0],
    ["/", 1, 0, "division by zero"],
    ["%", 1, 0, "modulus by zero"],
    ["/", 2n ** 60n, 0, "division by zero"],
    ["%", 2n ** 60n, 0, "modulus by zero"],
    ["/", 2n ** 60n, 2n ** 60n, 1],
    ["+", Number.MAX_SAFE_INTEGER, 1, 2n ** 53n],
    ["-", Number.MIN_SAFE_INTEGER, 1, -(2n ** 53n)],
    ["*", 2 ** 40, 2 ** 20, 2n ** 60n],
    ["*", 2 ** 40, 2 ** 40, "integer overflow"],
    ["*", 94906267, 94906267, 9007199515875289n],
    ["%", -(2n ** 63n), -1, "integer overflow"],
    ["%", -(2n ** 63n), 2, 0],
    ["/", -(2n ** 63n), -1, "integer overflow"],
  ] as const;
  // deepEqual of node:assert/strict tells 0 from -0: an int has one zero.
  for (const [op, a, b, wanted] of table) assert.deepEqual(said(arithmetic(op, a, b)), wanted, `${a} ${op} ${b}`);
  assert.deepEqual([intOf(2n ** 63n - 1n), said(intOf(2n ** 63n)), intOf(5n)], [2n ** 63n - 1n, "integer overflow", 5]);
  assert.deepEqual([intOf(2n ** 53n - 1n), intOf(1n - 2n ** 53n)], [Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER]);
});

test("[PO-14] texts in the order of code points, counted by them", () => {
  const ordered = ["", "B", "a", "ab", "b", "\ud7ff", "\ue000", "\uffff", "\u{10000}", "\u{10ffff}"];
  for (const [i, a] of ordered.entries())
    for (const [j, b] of ordered.entries()) assert.equal(Math.sign(compareStrings(a, b)), Math.sign(i - j), JSON.stringify([a, b]));
  for (const [text, count] of [
    ["", 0],
    ["a", 1],
    ["\u{1f600}", 1],
    ["a\u{1f600}b\u{1f600}", 4],
    ["\u{1f600}\u{1f601}", 2],
    ["\udc00", 1],
    ["a\udc00", 2],
    ["\ud800a", 2],
    ["\udc00\udc00", 2],
    ["\ud800\ud800\udc00", 2],
  ] as const)
    assert.equal(codePoints(text), count, JSON.stringify(text));
});

test("[PO-10] equality of lists and of maps, element by element", () => {
  const lists = equalsOf(listOf(listOf(INT)));
  assert.equal(lists([[1], [2]], [[1], [2]]), true);
  assert.equal(lists([[1], [2]], [[1], [3]]), false);
  assert.equal(lists([[1]], [[1], [2]]), false);
  assert.equal(lists([[1], [2]], [[1]]), false);
  const maps = equalsOf(mapOf(STRING, listOf(INT)));
  const map = (...entries: [string, CelValue][]): CelValue => new Map(entries);
  assert.equal(maps(map(["a", [1]], ["b", []]), map(["b", []], ["a", [1]])), true);
  assert.equal(maps(map(["a", [1]]), map(["a", [2]])), false);
  assert.equal(maps(map(["a", [1]]), map(["b", [1]])), false);
  assert.equal(maps(map(["a", [1]]), map(["a", [1]], ["b", [1]])), false);
  assert.equal(maps(map(), map(["b", [1]])), false);
  assert.equal(equalsOf(INT)(1, 1), true);
  assert.equal(equalsOf(BOOL)(true, false), false);
});

test("[PO-16] what a value weighs", () => {
  assert.deepEqual(
    [true, 5, 5n, "", "x".repeat(63), "x".repeat(64), "x".repeat(640)].map((value) => weight(value)),
    [1, 1, 1, 1, 1, 2, 11],
  );
  assert.equal(weight([]), 1);
  assert.equal(weight([1, "x".repeat(64), [1]]), 1 + 1 + 2 + 2);
  assert.equal(weight(new Map([["a", 1]])), 2);
  assert.equal(weight(new Map()), 1);
});

test("[PO-10] two types are one if each part is, and an empty literal fits every type", () => {
  const types = [BOOL, INT, STRING, listOf(INT), listOf(STRING), mapOf(STRING, INT), mapOf(INT, INT), mapOf(STRING, STRING), ITEM, OTHER];
  for (const [i, a] of types.entries()) {
    assert.deepEqual(unify(a, ANY), a);
    assert.deepEqual(unify(ANY, a), a);
    for (const [j, b] of types.entries()) assert.deepEqual(unify(a, b), i === j ? a : undefined, `${nameOf(a)}, ${nameOf(b)}`);
  }
  assert.deepEqual(unify(listOf(ANY), listOf(INT)), listOf(INT));
  assert.deepEqual(unify(mapOf(ANY, INT), mapOf(STRING, ANY)), mapOf(STRING, INT));
  assert.equal(unify(mapOf(ANY, INT), mapOf(STRING, STRING)), undefined);
  assert.equal(unify(mapOf(INT, ANY), mapOf(STRING, ANY)), undefined);
  assert.equal(nameOf(mapOf(STRING, listOf(ANY))), "map<string, list<dyn>>");
  assert.deepEqual([ITEM, listOf(ITEM), mapOf(STRING, listOf(ITEM)), INT, listOf(INT), mapOf(STRING, INT)].map(holdsMessage), [
    true,
    true,
    true,
    false,
    false,
    false,
  ]);
});

test("[PO-50] a value is shown as JSON, bounded in length and depth", () => {
  assert.deepEqual([true, 5, 2n ** 60n, "a", new CelError("no")].map(shown), [true, 5, "1152921504606846976", "a", { error: "no" }]);
  assert.equal((shown("x".repeat(120)) as string).length, 120);
  assert.equal(shown("x".repeat(121)), `${"x".repeat(119)}…`);
  assert.deepEqual(shown(new CelError("x".repeat(121))), { error: `${"x".repeat(119)}…` });
  assert.deepEqual(shown([1, 2, 3, 4, 5, 6, 7, 8]), [1, 2, 3, 4, 5, 6, 7, 8]);
  assert.deepEqual(shown([1, 2, 3, 4, 5, 6, 7, 8, 9]), [1, 2, 3, 4, 5, 6, 7, 8, "… 1 more"]);
  assert.deepEqual(shown([[1, [2]], [], "a"]), [[1, "…"], [], "a"]);
  assert.deepEqual(shown({ a: 1, b: undefined, c: { d: "e", f: [1] } }), { a: 1, c: { d: "e", f: "…" } });
  assert.deepEqual(
    shown(
      new Map<CelValue, CelValue>([
        [1, true],
        ["x".repeat(121), "b"],
      ]),
    ),
    { 1: true, [`${"x".repeat(119)}…`]: "b" },
  );
  const wide = Object.fromEntries(Array.from({ length: 12 }, (_, i) => [`k${i}`, i]));
  assert.deepEqual(Object.keys(shown(wide) as object), ["k0", "k1", "k2", "k3", "k4", "k5", "k6", "k7"]);
  assert.equal(clip("a\u{1f600}b", 3), "a\ufffd…");
});
