import assert from "node:assert/strict";
import test from "node:test";
import { ANY, BOOL, INT, STRING, field, listOf, mapOf, messageOf, optional } from "./cel/types.ts";
import type { CelType } from "./cel/types.ts";
import { Misfit, fitOf } from "./fit.ts";

const ITEM = messageOf("Item", {
  name: field(STRING, ""),
  count: field(INT, ""),
  note: optional(STRING, ""),
  tags: field(listOf(STRING), ""),
});
const ROOT = messageOf("Root", { items: field(listOf(ITEM), ""), limits: field(mapOf(STRING, INT), ""), one: field(ITEM, "") });
const ITEM_1 = { name: "a", count: 1, note: undefined, tags: ["x"] };
const WHOLE = { items: [ITEM_1, { ...ITEM_1, note: "n" }], limits: { rows: 5 }, one: ITEM_1 };

const why = (type: CelType, value: unknown): string | undefined => {
  const fitted = fitOf(type)(value);
  return fitted instanceof Misfit ? fitted.message : undefined;
};

test("[PO-23] scalars are of their type, whole and well formed", () => {
  for (const [type, good, bad, name] of [
    [BOOL, [true, false], [0, "true", null, undefined, {}], "bool"],
    [INT, [0, -1, Number.MAX_SAFE_INTEGER], [1.5, NaN, Infinity, 2 ** 53, "1", 1n, true, null, undefined], "an integer"],
    [STRING, ["", "a", "\u{1f600}"], ["\ud800", 1, ["a"], null, undefined, new String("a")], "string"],
  ] as const) {
    for (const value of good) assert.equal(fitOf(type)(value), value);
    for (const value of bad) assert.equal(why(type, value), `the facts is not ${name}`);
  }
  for (const value of [true, 1, "a", [], {}, undefined]) assert.equal(why(ANY, value), "the facts is not dyn");
});

test("[PO-23] lists and maps are copied, and what does not fit is named", () => {
  const list = ["a", "b"];
  const copy = fitOf(listOf(STRING))(list);
  assert.deepEqual(copy, list);
  assert.notEqual(copy, list);
  for (const value of [{ length: 0 }, "ab", null, undefined, new Set(["a"])])
    assert.equal(why(listOf(STRING), value), "the facts is not list<string>");
  assert.equal(why(listOf(STRING), ["a", 1]), "[1] is not string");
  // A hole in a list is nothing that fits.
  assert.equal(why(listOf(STRING), ["a", , "b"]), "[1] is not string"); // oxlint-disable-line no-sparse-arrays
  assert.equal(why(listOf(listOf(INT)), [[1], [2, 1.5]]), "[1][1] is not an integer");
  assert.deepEqual(
    fitOf(mapOf(STRING, INT))({ a: 1, b: 2 }),
    new Map([
      ["a", 1],
      ["b", 2],
    ]),
  );
  assert.deepEqual(fitOf(mapOf(STRING, INT))({}), new Map());
  for (const value of [[], [1], "ab", 5, null, undefined])
    assert.equal(why(mapOf(STRING, INT), value), "the facts is not map<string, int>");
  assert.equal(why(mapOf(STRING, INT), { a: 1, b: "2" }), "b is not an integer");
});

test("[PO-23] a message is copied with its declared members, in whatever order they came", () => {
  const fit = fitOf(ITEM);
  const ordered = fit(ITEM_1);
  assert.deepEqual(ordered, ITEM_1);
  assert.notEqual(ordered, ITEM_1);
  assert.notEqual(ordered.tags, ITEM_1.tags);
  const { name, count, tags } = ITEM_1;
  for (const other of [
    { tags, note: undefined, count, name },
    { name, count, tags },
    { name, count, tags, note: undefined },
    { name, count, note: undefined, tags, more: "x" },
    { more: "x", name, count, note: undefined, tags },
    Object.assign(Object.create({ more: 1 }) as object, ITEM_1),
  ]) {
    const copy = fit(other);
    assert.deepEqual(copy, ITEM_1);
    assert.deepEqual(Object.keys(copy as object), ["name", "count", "note", "tags"]);
  }
  assert.deepEqual(fit({ ...ITEM_1, note: "n" }), { ...ITEM_1, note: "n" });
});

test("[PO-23] what of a message does not fit is named by its path", () => {
  for (const value of [[], [ITEM_1], "a", 5, null, undefined, true]) assert.equal(why(ITEM, value), "the facts is not Item");
  const { name, count, tags } = ITEM_1;
  for (const [value, message] of [
    [{ name, count }, "tags is not list<string>"],
    [{ ...ITEM_1, name: 5 }, "name is not string"],
    [{ ...ITEM_1, name: "\udc00" }, "name is not string"],
    [{ ...ITEM_1, name: undefined }, "name is not string"],
    [{ ...ITEM_1, note: 5 }, "note is not string"],
    [{ ...ITEM_1, note: null }, "note is not string"],
    [{ ...ITEM_1, note: "\ud800" }, "note is not string"],
    [{ ...ITEM_1, count: undefined }, "count is not an integer"],
    [{ ...ITEM_1, tags: ["x", 1] }, "tags[1] is not string"],
    [{ tags: ["x", 1], name, count }, "tags[1] is not string"],
    [{ tags, name: 1, count }, "name is not string"],
  ] as const)
    assert.equal(why(ITEM, value), message);
  assert.deepEqual(why(ROOT, WHOLE), undefined);
  for (const [value, message] of [
    [{ ...WHOLE, items: [ITEM_1, { ...ITEM_1, count: 0.5 }] }, "items[1].count is not an integer"],
    [{ ...WHOLE, items: [ITEM_1, null] }, "items[1] is not Item"],
    [{ ...WHOLE, one: [] }, "one is not Item"],
    [{ ...WHOLE, one: { ...ITEM_1, tags: "x" } }, "one.tags is not list<string>"],
    [{ ...WHOLE, limits: { rows: 0.5 } }, "limits.rows is not an integer"],
    [{ items: [], limits: {} }, "one is not Item"],
  ] as const)
    assert.equal(why(ROOT, value), message);
});
