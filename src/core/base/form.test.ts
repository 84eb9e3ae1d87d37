import assert from "node:assert/strict";
import { test } from "node:test";
import { digest as digestOf } from "../../testing/people.ts";
import type { Json } from "./json.ts";
import { digest, exactly, list, longText, nullOr, object, oneOf, principal, record, text, whole, type Form } from "./form.ts";

const NOT_TEXT: Json[] = [null, true, 7, [], ["a"], {}, { length: 1 }];

interface Row {
  readonly form: Form;
  readonly good: readonly Json[];
  readonly bad: readonly Json[];
}
const LEAVES: Readonly<Record<string, Row>> = {
  text: { form: text, good: ["a", "a".repeat(1024)], bad: ["", "a".repeat(1025), ...NOT_TEXT] },
  longText: { form: longText(3), good: ["", "abc"], bad: ["abcd", ...NOT_TEXT] },
  exactly: { form: exactly("session", "passkey"), good: ["session", "passkey"], bad: ["", "pass", "session,passkey", ...NOT_TEXT] },
  whole: { form: whole, good: [0, 1, Number.MAX_SAFE_INTEGER], bad: [-1, 0.5, 2 ** 53, "1", null, true, [1], {}] },
  digest: { form: digest, good: [digestOf("x")], bad: ["", digestOf("x").slice(1), `${digestOf("x")}0`, [digestOf("x")], ...NOT_TEXT] },
  principal: { form: principal, good: ["human:bo"], bad: ["bo", "", ["human:bo"], ...NOT_TEXT] },
};

for (const [name, { form, good, bad }] of Object.entries(LEAVES)) {
  test(`[GR-3] ${name} has its form, and names the place where it has not`, () => {
    for (const value of good) assert.equal(form(value, "/here"), undefined, JSON.stringify(value).slice(0, 40));
    for (const value of bad) assert.equal(form(value, "/here"), "/here", JSON.stringify(value).slice(0, 40));
  });
}

test("[GR-3] a list has its bound, and the first element that is wrong is named", () => {
  const two = list(2, whole);
  for (const value of [[], [1], [1, 2]]) assert.equal(two(value, "/l"), undefined);
  for (const value of [[1, 2, 3], null, "12", { length: 0 }, 7] as Json[]) assert.equal(two(value, "/l"), "/l");
  assert.equal(two(["x", 1], "/l"), "/l/0");
  assert.equal(two([1, "x"], "/l"), "/l/1");
  assert.equal(two(["x", "y"], "/l"), "/l/0");
});

test("[GR-3] an object has exactly its members, and the one that is strange, missing or wrong is named", () => {
  const form = object({ a: whole, b: text }, ["b"]);
  assert.equal(form({ a: 1, b: "x" }, "/o"), undefined);
  assert.equal(form({ a: 1 }, "/o"), undefined);
  assert.equal(form({ b: "x" }, "/o"), "/o/a");
  assert.equal(form({ a: 1, b: 2 }, "/o"), "/o/b");
  assert.equal(form({ a: 1, c: 2 }, "/o"), "/o/c");
  assert.equal(form({ a: 1, toString: 2 }, "/o"), "/o/toString");
  assert.equal(form({ a: 1, ["k".repeat(100)]: 2 }, "/o"), `/o/${"k".repeat(64)}`);
  for (const value of [null, [], [1], "a", 7, true] as Json[]) assert.equal(form(value, "/o"), "/o");
  const empty = object({});
  assert.equal(empty({}, "/o"), undefined);
  for (const value of [null, [], "", 7] as Json[]) assert.equal(empty(value, "/o"), "/o");
  assert.equal(object({ a: whole })({}, "/o"), "/o/a", "nothing may be absent unless it is said");
});

test("[GR-3] one of several forms is chosen by its kind, and a kind that is none of them is named", () => {
  const form = oneOf({ a: object({ kind: text, n: whole }), b: object({ kind: text }) });
  assert.equal(form({ kind: "a", n: 1 }, "/s"), undefined);
  assert.equal(form({ kind: "b" }, "/s"), undefined);
  assert.equal(form({ kind: "b", n: 1 }, "/s"), "/s/n");
  assert.equal(form({ kind: "a", n: -1 }, "/s"), "/s/n");
  const strange: Json[] = [{ kind: "c" }, { kind: "toString" }, { kind: ["a"] }, { kind: 1 }, {}, [], "a", null, 7];
  for (const value of strange) assert.equal(form(value, "/s"), "/s/kind", JSON.stringify(value));
});

test("a record has members of any name, and what may be null is else what it is", () => {
  assert.equal(record(whole)({ a: 1, toString: 2 }, "/r"), undefined);
  assert.equal(record(whole)({ a: 1, b: "x" }, "/r"), "/r/b");
  for (const value of [null, [], "a", 7] as Json[]) assert.equal(record(whole)(value, "/r"), "/r");
  assert.equal(nullOr(whole)(null, "/n"), undefined);
  assert.equal(nullOr(whole)(7, "/n"), undefined);
  assert.equal(nullOr(whole)("x", "/n"), "/n");
  assert.equal(oneOf({ a: object({ as: text }) }, "as")({ as: "b" }, "/s"), "/s/as");
});
