import assert from "node:assert/strict";
import test from "node:test";
import { cel, profileOver } from "../index.ts";

const { BOOL, INT, STRING, CelError, field, listOf, mapOf, messageOf, optional } = cel;
const ITEM = messageOf("Item", { name: field(STRING, ""), note: optional(STRING, "") });
const profile = profileOver({
  n: field(INT, ""),
  s: field(STRING, ""),
  long: field(STRING, ""),
  yes: field(BOOL, ""),
  nums: field(listOf(INT), ""),
  words: field(listOf(STRING), ""),
  dict: field(mapOf(STRING, INT), ""),
  items: field(listOf(ITEM), ""),
  one: field(ITEM, ""),
  gone: optional(INT, ""),
  text: optional(STRING, ""),
});
const LONG = "x".repeat(640);
const FACTS: cel.CelMessage = {
  n: 3,
  s: "ab",
  long: LONG,
  yes: true,
  nums: [1, 2, 3],
  words: ["a", LONG],
  dict: new Map([["a", 1]]),
  items: [{ name: "a", note: undefined }],
  one: { name: "a", note: undefined },
  gone: 7,
  text: LONG,
};

function made(text: string): Extract<ReturnType<typeof profile.compile>, { ok: true }>["value"] {
  const compiled = profile.compile(text);
  assert(compiled.ok, `${text}: ${compiled.ok ? "" : compiled.error[0]?.message}`);
  return compiled.value;
}

/** What running it takes out of a purse that has enough, or all of what is in it. */
function price(text: string, left = 100_000): number {
  const purse = { left };
  made(text).run(FACTS, purse);
  return left - purse.left;
}

test("[PO-16] the size of an expression is the number of its nodes", () => {
  const sizes: readonly (readonly [string, number])[] = [
    ["n", 1],
    ["one.name", 2],
    ["items[0].name", 4],
    ["dict.a", 2],
    ["dict['a']", 3],
    ["nums[n]", 3],
    ["has(one.note)", 2],
    ["has(dict.a)", 2],
    ["[1, 2, 3]", 4],
    ["[n, 2, 3]", 4],
    ["{'a': 1, 'b': n}", 5],
    ["yes ? n : 2", 4],
    ["yes && n == 1", 5],
    ["yes || gone == 1", 5],
    ["!yes", 2],
    ["!(gone == 1)", 4],
    ["-n", 2],
    ["-5", 1],
    ["n + 2 * 3", 5],
    ["n in nums", 3],
    ["s in dict", 3],
    ["2 in nums", 3],
    ["size(s)", 2],
    ["s.size()", 2],
    ["s.contains('a')", 3],
    ["s.matches('a')", 2],
    ["glob(s, 'a')", 2],
    ["glob(s, ['a', 'b'])", 2],
    ["nums.all(x, x > 0)", 5],
    ["nums.map(x, x > 0, x + 1)", 8],
    ["nums.filter(x, true)", 3],
  ];
  for (const [text, size] of sizes) assert.equal(made(text).typed.size, size, text);
});

test("[PO-16] long values are paid for by their length, on the quick ways and the general ones", () => {
  const prices: readonly (readonly [string, number])[] = [
    // A step for each node, for each of the two texts, and for every 64 characters of one.
    ["s == 'b'", 3 + 2],
    ["s != 'b'", 3 + 2],
    ["long == 'b'", 3 + 2 + 10],
    ["long != 'b'", 3 + 2 + 10],
    ["items[0].name == 'b'", 6 + 2],
    ["text == 'b'", 3 + 2 + 10],
    ["items.all(i, i.name == 'b')", 6 + 4 + 2],
    ["long == long", 3 + 22],
    ["long < 'b'", 3 + 2 + 10],
    ["long + long == 'b'", 5 + 22 + 21 + 1],
    [`s == '${LONG}'`, 3 + 2 + 10],
    // Every element of the list is weighed, and the list itself.
    ["2 in nums", 3 + 1 + 1 + 3],
    ["n in nums", 3 + 1 + 1 + 3],
    ["'a' in words", 3 + 1 + 1 + 12],
    ["long in words", 3 + 11 + 1 + 12],
    ["gone in nums", 3 + 1 + 4],
    ["nums == [1, 2, 3]", 6 + 4 + 4],
    ["s in dict", 3 + 1 + 2],
    ["dict == {'a': 1}", 5 + 2 + 2],
    ["yes == true", 3],
    ["n < 5", 3],
    ["size(long)", 2 + 10],
    ["size(s)", 2],
    ["size(nums)", 2],
    ["long.contains('b')", 3 + 1 + 10],
    ["s.startsWith('a')", 3 + 1],
    ["nums.all(x, x > 0)", 5 + 3 * 3],
    ["nums.exists(x, x > 1)", 5 + 2 * 3],
    ["nums.filter(x, x > 1)", 5 + 3 * 3],
    ["nums.map(x, x > 1, x)", 6 + 3 * 4],
    ["nums.exists_one(x, x > 1)", 5 + 3 * 3],
  ];
  for (const [text, wanted] of prices) assert.equal(price(text), wanted, text);
});

test("[PO-15] [PO-16] patterns are paid for by the length of the text and of the pattern", () => {
  // What the text's ends rule out costs a step and the 64ths of the text; the rest a step for four pairs of characters.
  assert.equal(price("glob(long, 'y*')"), 2 + 11);
  assert.equal(price("glob(long, 'x*')"), 2 + 11 + 320);
  assert.equal(price("glob(long, ['y*', 'z*'])"), 2 + 11 + 11);
  assert.equal(price("glob(s, 'ab')"), 2 + 1 + 1);
  const regex = (text: string): number => price(`${text}.matches('a')`);
  assert.equal(regex("s"), 2 + 2);
  assert.equal(regex("long"), 2 + 1 + 40);
  assert(price("long.matches('a{200}')") > 10 * regex("long"));
});

test("[PO-16] the last step may be taken, and one more is an error", () => {
  for (const text of [
    "n",
    "long == 'b'",
    "long == long",
    "nums[0] in nums",
    "gone in nums",
    "size(long) == 1",
    "long.contains('b')",
    "glob(s, 'a*')",
    "glob(long, 'x*')",
    "long.matches('a')",
    "nums.all(x, x > 0)",
    "nums.exists_one(x, x > 1)",
    "nums.filter(x, x > 1) == nums",
  ]) {
    const enough = price(text);
    assert(!(made(text).run(FACTS, { left: enough }) instanceof CelError), text);
    const short = made(text).run(FACTS, { left: enough - 1 });
    assert(short instanceof CelError && short.message === "too costly: the steps for all rules together are used up", text);
  }
});

test("[PO-16] [PO-54] whose steps are used up is said: the condition's own or those of all together", () => {
  const facts = { ...FACTS, nums: Array.from({ length: 2000 }, (_, i) => i) };
  const run = (left?: number): unknown =>
    made("nums.all(a, nums.all(b, a + b >= 0))").run(facts, left === undefined ? undefined : { left });
  const message = (value: unknown): unknown => (value instanceof CelError ? value.message : value);
  assert.equal(message(run()), "the cost bound of 1000000 steps was exceeded");
  assert.equal(message(run(1_000_000)), "the cost bound of 1000000 steps was exceeded");
  assert.equal(message(run(5_000_000)), "the cost bound of 1000000 steps was exceeded");
  assert.equal(message(run(999_999)), "too costly: the steps for all rules together are used up");
});

test("[PO-13] an error in any operand is the result, and the first of them", () => {
  const facts: cel.CelMessage = { ...FACTS, gone: undefined, text: undefined };
  const E = "absent attribute: gone";
  const T = "absent attribute: text";
  const errors: readonly (readonly [string, string])[] = [
    ["[1, 2][gone]", E],
    ["[gone, 1][1 / 0]", E],
    ["{gone: 1}[1]", E],
    ["{1: gone}[1]", E],
    ["{1: 1}[gone]", E],
    ["nums[gone]", E],
    ["-gone", E],
    ["gone + 1 / 0", E],
    ["1 / 0 + gone", "division by zero"],
    ["gone == 1", E],
    ["1 == gone", E],
    ["gone in nums", E],
    ["1 in [gone]", E],
    ["text == 'a'", T],
    ["'a' == text", T],
    ["text + 'a'", T],
    ["'a' + text", T],
    ["text < text", T],
    ["size(text)", T],
    ["size([gone])", E],
    ["text.contains('a')", T],
    ["'a'.contains(text)", T],
    ["text.matches('a')", T],
    ["glob(text, 'a')", T],
    ["[gone].all(x, true)", E],
    ["[gone].exists(x, true)", E],
    ["[gone].exists_one(x, true)", E],
    ["[gone].filter(x, true)", E],
    ["[gone].map(x, true)", E],
    ["nums.map(x, gone == x, x)", E],
    ["!(gone == 1)", E],
    ["gone == 1 ? 1 : 2", E],
    ["[{'a': gone}][0].a", E],
    ["text in dict", T],
    ["dict[text]", T],
  ];
  for (const [text, message] of errors) {
    const value = made(text).run(facts);
    assert(value instanceof CelError, text);
    assert.equal(value.message, message, text);
  }
});

function refusal(text: string): string {
  const compiled = profile.compile(text);
  assert(!compiled.ok, `${text} is accepted`);
  return compiled.error.map(({ message, start, end }) => `${message} at ${start}-${end}`).join("; ");
}

test("[PO-11] the profile's own refusals say what was wrong, once, and where", () => {
  const table: readonly (readonly [string, RegExp])[] = [
    ["1.5", /^double literals are not part of pawl-cel\/1 at 0-3$/],
    ["1u", /^unsigned literals are not part of pawl-cel\/1 at 0-2$/],
    ["b'x'", /^bytes literals are not part of pawl-cel\/1 at 0-4$/],
    ["null", /^null literals are not part of pawl-cel\/1 at 0-4$/],
    ["9223372036854775808", /at 0-19$/],
    ["-9223372036854775809", /at 0-20$/],
    ["'\\ud800'", /surrogate: .* at 1-7$/],
    ["n ? yes : yes", /at 0-1$/],
    ["has(one)", /at 4-7$/],
    ["has(one.name, one.name)", /at 0-23$/],
    ["one.nope", /at 4-8$/],
    ["{[1]: 1}", /^map keys are bool, int or string at 1-4$/],
    ["{{1: 1}: 1}", /^map keys are bool, int or string at 1-7$/],
    ["{one: 1}", /^map keys are bool, int or string at 1-4$/],
    ["[1.5, 1.5]", /^double .* at 1-4; double .* at 6-9$/],
    ["{1.5: 2.5}", /^double .* at 1-4; double .* at 6-9$/],
    ["yes ? 1.5 : 2.5", /^double .* at 6-9; double .* at 12-15$/],
    ["1.5 == 2.5 && 3.5 == 4.5", /^double .* at 0-3; double .* at 7-10; double .* at 14-17; double .* at 21-24$/],
    ["-(1.5)", /^double literals are not part of pawl-cel\/1 at 2-5$/],
    ["s.contains(s) && size(b'a') == 1", /^bytes .* at 22-26$/],
    ["s.matches(s)", /^the pattern must be a literal at 10-11$/],
    ["glob(s, '[a]')", /^a glob has no \[: .* at 8-13$/],
    ["glob(s, ['a', 'b{'])", /^a glob has no \{: /],
    ["nums.all(1, true)", /at 9-10$/],
    ["nums.all(x, 1)", /at 12-13$/],
  ];
  for (const [text, wanted] of table) assert.match(refusal(text), wanted, text);
});

test("[PO-11] what is longer than 4,096 characters is refused as such, and a condition must be bool", () => {
  assert.equal(refusal(`'${"x".repeat(4095)}'`), "the expression is longer than 4096 characters at 0-0");
  assert(profile.compile(`'${"x".repeat(4094)}'`).ok);
  const condition = profile.condition("n + 1");
  assert(!condition.ok);
  assert.deepEqual(condition.error, [{ message: "a condition must be bool, not int", start: 0, end: 5 }]);
});
