import assert from "node:assert/strict";
import test from "node:test";
import * as fc from "fast-check";
import { PROFILE, cel, profileOver } from "../index.ts";
import { FACTS, ROOTS, profile } from "../../../testing/conditions.ts";

const { INT, STRING, CelError, field, listOf } = cel;

function run(text: string): unknown {
  const made = profile.compile(text);
  assert(made.ok, made.ok ? "" : `${text}: ${made.error[0]?.message}`);
  const value = made.value.run(FACTS);
  return value instanceof CelError ? `error: ${value.message}` : value;
}

function refusal(text: string): string {
  const made = profile.compile(text);
  assert(!made.ok, `${text} is accepted`);
  const [fault] = made.error;
  assert(fault && fault.message !== "" && fault.start >= 0 && fault.end <= text.length);
  return text.slice(fault.start, fault.end);
}

test("[PO-10] the profile's operators, macros and functions", () => {
  assert.equal(PROFILE, "pawl-cel/1");
  const table: readonly (readonly [string, unknown])[] = [
    ["n + 2 * 3 - 10 / 3 % 2", 8],
    ["-n", -3],
    ["!yes || n >= 3", true],
    ["yes ? s : 'no'", "src/é.md"],
    ["2 in nums && 'a' in dict && !('b' in dict)", true],
    ["nums[1] + dict['a'] + dict.a", 4],
    ["nums + [4] == [1, 2, 3, 4]", true],
    ["[n, 1] == [3, 1] && n in [1, n] && {'a': n}['a'] == n && [[n]] == [[3]]", true],
    ["'a' + 'b' == 'ab'", true],
    ["has(one.note) || has(dict.b)", false],
    ["items.all(i, i.name != 'c') && items.exists(i, i.name == 'b')", true],
    ["items.exists_one(i, has(i.note))", true],
    ["items.filter(i, has(i.note)).map(i, i.note)", ["n"]],
    ["nums.map(x, x > 1, x * x)", [4, 9]],
    ["dict.exists(k, k == 'a')", true],
    ["size(s) == s.size() && size(nums) == 3 && size(dict) == 1", true],
    ["s.startsWith('src') && s.endsWith('.md') && s.contains('/')", true],
    ["s.matches('^src/.+[.]md$')", true],
    ["glob(s, 'src/*.md') && glob(s, ['x', '**/*.md']) && !glob(s, '*.md')", true],
    ["items.all(i, items.exists(j, j.name == i.name && i.tags.all(i, i == 'x')))", true],
    ["[].all(x, x == 1) && [] == [] && size({}) == 0", true],
  ];
  for (const [text, value] of table.slice(0, -1)) assert.deepEqual(run(text), value, text);
  assert.deepEqual(run("[] == [] && size({}) == 0"), true);
});

test("[PO-11] what the profile does not have is refused where it stands", () => {
  const table: readonly (readonly [string, string])[] = [
    ["1.5 > 1.0", "1.5"],
    ["n == 1u", "n == 1u"],
    ["size(b'x') == 1", "b'x'"],
    ["s == null", "s == null"],
    ["dyn(1) == 1", "dyn(1)"],
    ["timestamp('2024-01-01T00:00:00Z') == timestamp('2024-01-01T00:00:00Z')", "timestamp('2024-01-01T00:00:00Z')"],
    ["type(n) == int", "type(n)"],
    ["string(n) == '3'", "string(n)"],
    ["s.lowerAscii() == ''", "s.lowerAscii()"],
    ["cel.bind(x, 1, x == 1)", "cel.bind(x, 1, x == 1)"],
    ["nope", "nope"],
    ["one.nope == 1", "nope"],
    ["one.constructor == 1", "constructor"],
    ["has(one.nope)", "nope"],
    ["has(one)", "one"],
    ["one == one", "one == one"],
    ["items == items", "items == items"],
    ["one in items", "one in items"],
    ["[1, 'a'] == []", "'a'"],
    ["9223372036854775808 > 0", "9223372036854775808"],
    ["n == s", "n == s"],
    ["yes + yes", "yes + yes"],
    ["s['a'] == ''", "s['a']"],
    ["n ? yes : yes", "n"],
    ["n.all(x, true)", "n"],
    ["nums.all(x.y, true)", "y"],
    ["s.matches(s)", "s"],
    ["glob(s, s)", "s"],
    ["__proto__", "__proto__"],
    ["n +", ""],
  ];
  for (const [text, place] of table) assert.equal(refusal(text), place, text);
});

test("[PO-11] bounds of one expression", () => {
  for (const text of [
    `s == '${"x".repeat(4096)}'`,
    `${"(".repeat(40)}yes${")".repeat(40)}`,
    Array.from({ length: 600 }, () => "yes").join("&&"),
    `[${Array.from({ length: 501 }, () => "1").join()}] == nums`,
  ]) {
    assert.equal(profile.compile(text).ok, false);
  }
  assert(profile.compile(`${"!".repeat(900)}yes`).ok);
  assert.equal(profile.compile("!".repeat(4000)).ok, false);
});

test("[PO-11] whatever the text, loading it answers", () => {
  const words = [
    "n",
    "s",
    "one",
    ".",
    "name",
    "(",
    ")",
    "[",
    "]",
    "&&",
    "==",
    "'a'",
    "1",
    "items",
    "all",
    "x",
    ",",
    "?",
    ":",
    "has",
    "-",
    "!",
    "in",
    "{",
    "}",
    "size",
    "matches",
    "`",
    "\\",
    "\u0000",
  ];
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...words), { maxLength: 14 }), (tokens) => {
      const made = profile.compile(tokens.join(""));
      if (made.ok) made.value.run(FACTS);
    }),
    { seed: 20261120, numRuns: 3000 },
  );
});

test("[PO-12] ints have 64 bits, and what leaves them is an error", () => {
  const big = fc.oneof(
    fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n),
    fc.bigInt(-5n, 5n),
    fc.constantFrom(2n ** 53n, -(2n ** 53n), 2n ** 63n - 1n, -(2n ** 63n)),
  );
  fc.assert(
    fc.property(big, big, fc.constantFrom("+", "-", "*", "/", "%", "<", "=="), (a, b, op) => {
      const got = run(`${a} ${op} ${b < 0n ? `(${b})` : b}`);
      const want = exactly(a, op, b);
      assert.equal(typeof got === "number" ? BigInt(got) : typeof got === "string" ? "error" : got, want);
      if (typeof got === "bigint")
        assert(!Number.isSafeInteger(Number(got)) || BigInt(Number(got)) !== got || Math.abs(Number(got)) > Number.MAX_SAFE_INTEGER);
    }),
    { seed: 20261120, numRuns: 4000 },
  );
});

function exactly(a: bigint, op: string, b: bigint): bigint | boolean | "error" {
  if (op === "<") return a < b;
  if (op === "==") return a === b;
  if ((op === "/" || op === "%") && b === 0n) return "error";
  const value = { "+": a + b, "-": a - b, "*": a * b, "/": b === 0n ? 0n : a / b, "%": b === 0n ? 0n : a % b }[op] as bigint;
  const whole = op === "%" ? a / b : value;
  return BigInt.asIntN(64, whole) === whole ? value : "error";
}

test("[PO-12] the other errors, each with its reason", () => {
  assert.equal(run("1 / 0"), "error: division by zero");
  assert.equal(run("1 % 0"), "error: modulus by zero");
  assert.equal(run("9223372036854775807 + 1"), "error: integer overflow");
  assert.equal(run("-9223372036854775808 % -1"), "error: integer overflow");
  assert.equal(run("-(-9223372036854775808)"), "error: integer overflow");
  assert.equal(run("-9223372036854775808 < 0"), true);
  assert.equal(run("nums[3]"), "error: index out of bounds: 3");
  assert.equal(run("nums[-1]"), "error: index out of bounds: -1");
  assert.equal(run("dict['b']"), "error: no such key: b");
  assert.equal(run("{'a': 1, 'a': 2}"), "error: repeated map key: a");
  assert.equal(run("[9007199254740993, 1] == [9007199254740993, 1] && 9007199254740993 in [9007199254740993]"), true);
});

test("[PO-22] reading an absent attribute is an error, and has() says that it is absent", () => {
  assert.equal(run("one.note == 'x'"), "error: absent attribute: note");
  assert.equal(run("gone > 1"), "error: absent attribute: gone");
  assert.equal(run("has(one.note)"), false);
  assert.equal(run("items.filter(i, has(i.note) && i.note == 'n').size()"), 1);
});

test("[PO-13] a decisive operand outweighs an error on either side", () => {
  const E = "1 / 0 == 1";
  const table: readonly (readonly [string, unknown])[] = [
    [`false && ${E}`, false],
    [`${E} && false`, false],
    [`true || ${E}`, true],
    [`${E} || true`, true],
    [`true && ${E}`, "error: division by zero"],
    [`${E} || false`, "error: division by zero"],
    [`!(${E})`, "error: division by zero"],
    [`${E} ? true : true`, "error: division by zero"],
    [`yes ? true : ${E}`, true],
    ["[0, 1].all(x, 1 / x == 1)", "error: division by zero"],
    ["[0, 2].all(x, 1 / x == 1)", false],
    ["[0, 1].exists(x, 1 / x == 1)", true],
    ["[0, 2].exists(x, 1 / x == 1)", "error: division by zero"],
    ["[0, 1].exists_one(x, 1 / x == 1)", "error: division by zero"],
    ["[0, 1].map(x, 1 / x)", "error: division by zero"],
    ["[0, 1].filter(x, 1 / x == 1)", "error: division by zero"],
    ["[1, 2].map(x, 1 / 0 == x, x)", "error: division by zero"],
    ["[1 / 0] == [1]", "error: division by zero"],
    ["{1: 1 / 0} == {1: 1}", "error: division by zero"],
    ["1 in [1 / 0]", "error: division by zero"],
  ];
  for (const [text, value] of table) assert.equal(run(text), value, text);
});

test("[PO-14] strings are ordered and counted by code point", () => {
  assert.equal(run("'\\uffff' < '\\U0001F600'"), true);
  assert.equal(run("'\\U0001F600' >= '\\uE000'"), true);
  assert.equal(run("'a' < 'ab' && 'B' < 'a' && '' < 'a'"), true);
  assert.equal(run("size('é\\U0001F600x')"), 3);
  const words = fc
    .array(fc.constantFrom("a", "b", "\ud7ff", "\ue000", "\uffff", "\u{10000}", "\u{1f600}", "\u{10ffff}"), { maxLength: 4 })
    .map((chars) => chars.join(""));
  const order = profileOver({ a: field(STRING, ""), b: field(STRING, "") }).compile("a < b");
  assert(order.ok);
  fc.assert(
    fc.property(words, words, (a, b) => {
      const points = (text: string): number[] => Array.from(text, (char) => char.codePointAt(0) ?? 0);
      const [left, right] = [points(a), points(b)];
      const at = left.findIndex((point, i) => point !== right[i]);
      const less = at < 0 ? left.length < right.length : at < right.length && (left[at] as number) < (right[at] as number);
      assert.equal(order.value.run({ a, b }), less);
    }),
    { seed: 20261120, numRuns: 400 },
  );
});

test("[C23] [PO-15] an invalid or excessive pattern is refused when it is loaded", () => {
  const table = ["(", "a{2,1}", "(?=a)", "\\1", "[z-a]", "a{1001}", "(a{1,200}){6}".repeat(20), "x".repeat(513), "(?:a{500}b{501})"];
  for (const pattern of table) assert.equal(profile.compile(`s.matches(${JSON.stringify(pattern)})`).ok, false, pattern);
});

test("[C23] [PO-15] [PO-16] a catastrophic pattern over a megabyte is bounded, and an error when the bound is reached", () => {
  const million = { ...FACTS, s: "a".repeat(1_000_000) };
  for (const pattern of ["(a+)+$", "(a|aa)+b", "(a*)*c", ".*.*.*x"]) {
    const made = profile.compile(`s.matches(${JSON.stringify(pattern)})`);
    assert(made.ok);
    const value = made.value.run(million);
    assert(typeof value === "boolean" || value instanceof CelError);
  }
  const wide = profile.compile(`s.matches(${JSON.stringify("(a?){500}b")})`);
  assert(wide.ok && wide.value.run(million) instanceof CelError);
  const globs = profile.compile(`glob(s, ${JSON.stringify(Array.from({ length: 20 }, (_, i) => `${"*a".repeat(20)}${"?".repeat(i)}`))})`);
  assert(globs.ok && globs.value.run(million) instanceof CelError);
});

test("[PO-16] a condition that takes too many steps is an error, also where an || swallowed one", () => {
  const nums = Array.from({ length: 2000 }, (_, i) => i);
  const many = { ...FACTS, nums };
  for (const text of [
    "nums.all(a, nums.all(b, a + b >= 0))",
    "nums.exists(a, nums.exists(b, a + b < 0)) || yes",
    "nums.map(a, nums).map(l, l + l).size() == 2000 || nums.all(a, nums == nums)",
  ]) {
    const made = profile.compile(text);
    assert(made.ok, text);
    assert(made.value.run(many) instanceof CelError, text);
    assert.equal(typeof made.value.run(FACTS), "boolean", text);
  }
});

test("[PO-16] each node costs one step in each round", () => {
  const bodies: readonly (readonly [string, number])[] = [
    ["!(x < 0)", 4],
    ["nums[0] >= 0", 5],
    ["x in nums || x >= 0", 3 + 3 + 1],
    ["yes ? x >= 0 : false", 6],
    ["size(nums) > 0", 4],
  ];
  for (const [body, nodes] of bodies) {
    const over = profileOver({ ...ROOTS, many: field(listOf(INT), "") }).compile(`many.all(x, ${body})`);
    assert(over.ok, body);
    const ran = (rounds: number): unknown => over.value.run({ ...FACTS, nums: [0], many: Array.from({ length: rounds }, () => 0) });
    // The list that `in` looks through weighs one step, its element and the value one each.
    const extra = body.includes("in nums") ? 3 : 0;
    // The loop and what it runs over cost one step each, once, and so does each node of the body.
    const most = Math.floor((1_000_000 - (nodes + 2)) / (nodes + extra));
    assert.equal(ran(most), true, body);
    assert(ran(most + 1) instanceof CelError, body);
  }
});
