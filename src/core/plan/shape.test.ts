import assert from "node:assert/strict";
import test from "node:test";
import {
  Faults,
  also,
  choice,
  integer,
  list,
  named,
  object,
  pointer,
  record,
  tagged,
  text,
  typeName,
  WELL_FORMED,
  type Shape,
} from "./shape.ts";

/** Every fault of a value as one line: its code and place, what is wrong, and what to do where that is said. */
function told(shape: Shape, value: unknown): string[] {
  const faults = new Faults();
  shape.check(value, "/at", faults);
  return faults.list.map(({ code, where, message, remedy }) =>
    [code, where, message, ...(remedy === undefined ? [] : [remedy])].join(" | "),
  );
}
const ANYTHING: readonly unknown[] = [null, undefined, true, 7, 1.5, NaN, "text", [], ["a"], {}, { a: 1 }, () => 1, 7n];

test("[PL-1] a message names the type of what it found, never the value", () => {
  assert.deepEqual(ANYTHING.map(typeName), [
    "null",
    "nothing",
    "a boolean",
    "a number",
    "a number",
    "a number",
    "a string",
    "a list",
    "a list",
    "an object",
    "an object",
    "a function",
    "a bigint",
  ]);
});

test("[PL-1] a place is a JSON pointer", () => {
  assert.equal(pointer("/a", "b"), "/a/b");
  assert.equal(pointer("", 0), "/0");
  assert.equal(pointer("/a", "~/~/"), "/a/~0~1~0~1");
  assert.equal(pointer("/a", "~"), "/a/~0");
  assert.equal(pointer("/a", "/"), "/a/~1");
});

test("[PL-1] [PL-2] a text is text, well formed, within its bounds in characters, and of its pattern", () => {
  const two = text({ min: 2, max: 3 });
  for (const value of ["ab", "abc", "😀😀", "😀😀😀", "a😀c"]) assert.deepEqual(told(two, value), [], value);
  assert.deepEqual(told(two, 7), ["shape.wrong_type | /at | expected text, found a number"]);
  assert.deepEqual(told(two, "ab\ud800"), ["shape.bad_text | /at | half of a surrogate pair stands alone | send well-formed Unicode"]);
  assert.deepEqual(told(two, "abcd"), ["shape.too_long | /at | 4 characters, at most 3 are allowed"]);
  assert.deepEqual(told(two, "😀😀😀😀"), ["shape.too_long | /at | 4 characters, at most 3 are allowed"]);
  assert.deepEqual(told(two, "a"), ["shape.too_short | /at | at least 2 characters are needed"]);
  assert.deepEqual(told(two, "😀"), ["shape.too_short | /at | at least 2 characters are needed"]);
  assert.deepEqual(told(text({ min: 1, max: 3 }), ""), ["shape.too_short | /at | must not be empty"]);
  assert.deepEqual(told(text({ max: 3 }), ""), []);
  const lower = { max: 9, pattern: "^[a-z]+$" };
  assert.deepEqual(told(text(lower), "A"), ["shape.bad_format | /at | expected text that matches ^[a-z]+$"]);
  assert.deepEqual(told(text({ ...lower, what: "letters" }), "A"), ["shape.bad_format | /at | expected letters"]);
  assert.deepEqual(told(text({ max: 9, pattern: "^.$" }), "😀"), [], "a pattern is of characters, not of halves");
});

test("[PL-1] [PL-2] a whole number is whole and within its bounds", () => {
  const shape = integer(-1, 3);
  for (const value of [-1, 0, 3]) assert.deepEqual(told(shape, value), []);
  for (const value of [-2, 4]) assert.deepEqual(told(shape, value), ["shape.out_of_range | /at | expected a number from -1 to 3"]);
  for (const value of [1.5, NaN, "1", null, [1]])
    assert.deepEqual(told(shape, value), [`shape.wrong_type | /at | expected a whole number, found ${typeName(value)}`]);
});

test("[PL-1] a choice is one of its words", () => {
  const shape = choice(["a", "b"]);
  for (const value of ["a", "b"]) assert.deepEqual(told(shape, value), []);
  assert.deepEqual(told(shape, "c"), ["shape.not_a_choice | /at | expected one of a, b"]);
  assert.deepEqual(told(shape, ["a"]), ["shape.wrong_type | /at | expected text, found a list"]);
});

test("[PL-1] [PL-2] a list has its bounds, and each entry its place", () => {
  const shape = list(integer(0, 9), { min: 1, max: 2 });
  for (const value of [[1], [1, 2]]) assert.deepEqual(told(shape, value), []);
  assert.deepEqual(told(shape, { length: 1 }), ["shape.wrong_type | /at | expected a list, found an object"]);
  assert.deepEqual(told(shape, [1, 2, 3]), ["shape.too_many | /at | 3 entries, at most 2 are allowed"]);
  assert.deepEqual(told(shape, []), ["shape.too_few | /at | at least 1 entry is needed"]);
  assert.deepEqual(told(list(integer(0, 9), { min: 2, max: 3 }), ["x"]), [
    "shape.too_few | /at | at least 2 entries are needed",
    "shape.wrong_type | /at/0 | expected a whole number, found a string",
  ]);
  assert.deepEqual(told(list(integer(0, 9), { max: 1 }), []), []);
});

test("[PL-1] an object has its members and no other; one that is undefined is not there", () => {
  const shape = object({ a: integer(0, 9) }, { b: choice(["x"]) });
  for (const value of [{ a: 1 }, { a: 1, b: "x" }, { a: 1, b: undefined, c: undefined }]) assert.deepEqual(told(shape, value), []);
  for (const value of [null, [], "a", 7])
    assert.deepEqual(told(shape, value), [`shape.wrong_type | /at | expected an object, found ${typeName(value)}`]);
  assert.deepEqual(told(shape, { b: "y" }), ["shape.missing | /at/a | a is missing", "shape.not_a_choice | /at/b | expected one of x"]);
  assert.deepEqual(told(shape, { a: undefined }), ["shape.missing | /at/a | a is missing"]);
  assert.deepEqual(told(shape, Object.create({ a: 1 })), ["shape.missing | /at/a | a is missing"], "what is inherited is not there");
  assert.deepEqual(told(shape, { a: 1, "c/d": 1 }), ['shape.unknown_member | /at/c~1d | "c/d" is not known here | known are a, b']);
  const forty = "k".repeat(40);
  assert.match(told(shape, { a: 1, [forty]: 1 })[0] ?? "", new RegExp(`"${forty}" is not known`));
  assert.match(told(shape, { a: 1, [`${forty}l`]: 1 })[0] ?? "", new RegExp(`"${forty}…" is not known`));
});

test("[PL-1] [PL-2] a record has names of the data's choosing, so many and no more", () => {
  const shape = record(choice(["a", "b", "c"]), integer(0, 9), 2);
  for (const value of [{}, { a: 1 }, { a: 1, b: 2 }, { a: 1, b: 2, c: undefined }]) assert.deepEqual(told(shape, value), []);
  assert.deepEqual(told(shape, { a: 1, b: 2, c: 3 }), ["shape.too_many | /at | 3 members, at most 2 are allowed"]);
  assert.deepEqual(told(shape, { d: 1 }), ["shape.not_a_choice | /at/d | expected one of a, b, c"]);
  assert.deepEqual(told(shape, { a: "x" }), ["shape.wrong_type | /at/a | expected a whole number, found a string"]);
  for (const value of [null, [1], "a"])
    assert.deepEqual(told(shape, value), [`shape.wrong_type | /at | expected an object, found ${typeName(value)}`]);
});

test("[PL-1] a union is told apart by its tag", () => {
  const shape = tagged("kind", { n: { value: integer(0, 9) }, none: {} });
  for (const value of [{ kind: "n", value: 1 }, { kind: "none" }]) assert.deepEqual(told(shape, value), []);
  assert.deepEqual(told(shape, { kind: "n" }), ["shape.missing | /at/value | value is missing"]);
  assert.deepEqual(told(shape, { kind: "none", value: 1 }), [
    'shape.unknown_member | /at/value | "value" is not known here | known are kind',
  ]);
  for (const value of [{ kind: "x" }, { kind: ["n"] }, {}])
    assert.deepEqual(told(shape, value), ["shape.not_a_choice | /at/kind | expected kind to be one of n, none"]);
  for (const value of [null, ["n"], "n"])
    assert.deepEqual(told(shape, value), [`shape.wrong_type | /at | expected an object, found ${typeName(value)}`]);
});

test("[PL-1] a further check is made of what has the shape, and of nothing else", () => {
  const even = also(integer(0, 9), (value, at, faults) => (value as number) % 2 === 1 && faults.add("shape.bad_format", at, "odd"));
  assert.deepEqual(told(even, 2), []);
  assert.deepEqual(told(even, 3), ["shape.bad_format | /at | odd"]);
  assert.deepEqual(told(even, 11), ["shape.out_of_range | /at | expected a number from 0 to 9"]);
  const after = list(even, { max: 9 });
  assert.equal(told(after, ["x", 3]).length, 2, "a fault elsewhere does not stop it");
});

test("[PL-1] faults are told up to a bound, and a list stops being read there", () => {
  const faults = new Faults();
  let read = 0;
  const bad: Shape = { schema: {}, check: (_, at, into) => (read++, into.add("shape.bad_format", at, "bad")) };
  assert.equal(faults.full, false);
  list(bad, { max: 1000 }).check(Array.from({ length: 1000 }), "", faults);
  assert.deepEqual([faults.list.length, faults.full, read], [200, true, 200]);
  faults.add("shape.bad_format", "/more", "bad");
  assert.equal(faults.list.length, 200);
});

test("[PL-21] a shape is its own JSON Schema", () => {
  assert.deepEqual(text({ max: 3 }).schema, { type: "string", maxLength: 3, pattern: WELL_FORMED });
  assert.deepEqual(text({ min: 1, max: 3, pattern: "^a$" }).schema, { type: "string", maxLength: 3, pattern: "^a$", minLength: 1 });
  assert.deepEqual(integer(1, 2).schema, { type: "integer", minimum: 1, maximum: 2 });
  assert.deepEqual(choice(["a", "b"]).schema, { type: "string", enum: ["a", "b"] });
  const one = integer(1, 2);
  assert.deepEqual(list(one, { max: 3 }).schema, { type: "array", items: one.schema, maxItems: 3 });
  assert.deepEqual(list(one, { min: 1, max: 3 }).schema, { type: "array", items: one.schema, maxItems: 3, minItems: 1 });
  assert.deepEqual(object({ a: one }, { b: one }).schema, {
    type: "object",
    properties: { a: one.schema, b: one.schema },
    required: ["a"],
    additionalProperties: false,
  });
  assert.deepEqual(record(choice(["a"]), one, 4).schema, {
    type: "object",
    propertyNames: { type: "string", enum: ["a"] },
    additionalProperties: one.schema,
    maxProperties: 4,
  });
  assert.deepEqual(tagged("kind", { a: { n: one } }).schema, { oneOf: [object({ kind: choice(["a"]), n: one }).schema] });
  assert.deepEqual([named("x", one).schema, named("x", one).definition], [{ $ref: "#/$defs/x" }, one.schema]);
  assert.deepEqual(told(named("x", one), 3), told(one, 3));
});
