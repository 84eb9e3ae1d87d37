import assert from "node:assert/strict";
import test from "node:test";
import { cel, profileOver } from "../index.ts";

const { BOOL, INT, STRING, CelError, field, listOf, mapOf, messageOf, optional } = cel;
const ITEM = messageOf("Item", { name: field(STRING, ""), n: field(INT, ""), ok: field(BOOL, ""), note: optional(STRING, "") });
const profile = profileOver({
  n: field(INT, ""),
  k: field(INT, ""),
  s: field(STRING, ""),
  t: field(STRING, ""),
  yes: field(BOOL, ""),
  no: field(BOOL, ""),
  gone: optional(INT, ""),
  nums: field(listOf(INT), ""),
  words: field(listOf(STRING), ""),
  dict: field(mapOf(STRING, INT), ""),
  items: field(listOf(ITEM), ""),
  one: field(ITEM, ""),
});
const item = (name: string, n: number, ok: boolean, note?: string): cel.CelMessage => ({ name, n, ok, note });
const FACTS: cel.CelMessage = {
  n: 3,
  k: 5,
  s: "src/é😀.md",
  t: "b",
  yes: true,
  no: false,
  gone: undefined,
  nums: [1, 2, 3],
  words: ["a", "b"],
  dict: new Map([
    ["a", 1],
    ["b", 2],
  ]),
  items: [item("a", 1, true), item("b", 2, false, "x"), item("c", 3, true)],
  one: item("o", 7, true),
};

function run(text: string, facts = FACTS): unknown {
  const made = profile.compile(text);
  assert(made.ok, made.ok ? "" : `${text}: ${made.error[0]?.message}`);
  const value = made.value.run(facts);
  return value instanceof CelError ? `error: ${value.message}` : value;
}
const fails = (text: string): boolean => String(run(text)).startsWith("error: ");
const refused = (text: string): string | undefined => {
  const made = profile.compile(text);
  return made.ok ? undefined : made.error[0]?.message;
};

const ORDERS: Readonly<Record<string, (a: number, b: number) => boolean>> = {
  "==": (a, b) => a === b,
  "!=": (a, b) => a !== b,
  "<": (a, b) => a < b,
  "<=": (a, b) => a <= b,
  ">": (a, b) => a > b,
  ">=": (a, b) => a >= b,
};

test("[PO-10] [PO-14] each comparison, however its sides are written", () => {
  for (const [op, holds] of Object.entries(ORDERS)) {
    for (const other of [2, 3, 4]) {
      const wanted = holds(3, other);
      for (const left of ["n", "(n + 0)", "one.n - 4", "items[2].n", "3"])
        assert.equal(run(`${left} ${op} ${other}`), wanted, `${left} ${op} ${other}`);
      for (const right of ["n", "(n + 0)", "one.n - 4"])
        assert.equal(run(`${other} ${op} ${right}`), holds(other, 3), `${other} ${op} ${right}`);
      assert.equal(run(`n ${op} k - ${5 - other}`), wanted);
    }
    const order = { a: 0, b: 1, c: 2 } as const;
    for (const [word, at] of Object.entries(order)) {
      for (const left of ["t", "(t + '')", "words[1]", "'b'"])
        assert.equal(run(`${left} ${op} '${word}'`), holds(1, at), `${left} ${op} ${word}`);
      assert.equal(run(`'${word}' ${op} t`), holds(at, 1));
    }
    for (const [left, a] of [
      ["yes", 1],
      ["no", 0],
      ["!no", 1],
      ["true", 1],
    ] as const)
      for (const [right, b] of [
        ["true", 1],
        ["false", 0],
        ["yes", 1],
        ["(n == 4)", 0],
      ] as const)
        assert.equal(run(`${left} ${op} ${right}`), holds(a, b), `${left} ${op} ${right}`);
  }
  assert.deepEqual(
    ["'a' < 'ab'", "'' < 'a'", "'\u{1F600}' > '\uFF61'", "'a' < 'B'"].map((text) => run(text)),
    [true, true, true, false],
  );
});

test("[PO-10] lists, maps and nested values are equal by their parts", () => {
  const rows: readonly (readonly [string, boolean])[] = [
    ["nums == [1, 2, 3]", true],
    ["nums == [1, 2]", false],
    ["nums == [1, 2, 4]", false],
    ["nums != [1, 2, 3]", false],
    ["[nums, [4]] == [[1, 2, 3], [4]]", true],
    ["dict == {'b': 2, 'a': 1}", true],
    ["dict == {'a': 1}", false],
    ["dict == {'a': 1, 'b': 3}", false],
    ["dict == {'a': 1, 'c': 2}", false],
    ["{1: [true]} == {1: [true]}", true],
    ["{true: 'x'} == {true: 'y'}", false],
    ["[] == nums", false],
  ];
  for (const [text, wanted] of rows) assert.equal(run(text), wanted, text);
});

test("[PO-12] ints are exact to 64 bits, and past them an error", () => {
  const most = 2n ** 63n - 1n;
  const ints: readonly (readonly [string, bigint | number | "error"])[] = [
    ["7 + k", 12],
    ["k - 7", -2],
    ["k * n", 15],
    ["17 / k", 3],
    ["-17 / k", -3],
    ["17 % k", 2],
    ["-17 % k", -2],
    ["17 % -k", 2],
    ["-n", -3],
    ["-(-n)", 3],
    ["9007199254740991 + 1", 9007199254740992n],
    [`${most} - 0`, most],
    [`${most} + 1`, "error"],
    [`-${most} - 1`, -most - 1n],
    [`-${most} - 2`, "error"],
    [`${most} * 2`, "error"],
    ["-9223372036854775808", -(2n ** 63n)],
    ["-(-9223372036854775808)", "error"],
    ["-9223372036854775808 / -1", "error"],
    ["-9223372036854775808 % -1", "error"],
    ["n / 0", "error"],
    ["n % 0", "error"],
    ["n / (k - 5)", "error"],
  ];
  for (const [text, wanted] of ints) {
    if (wanted === "error") assert.ok(fails(text), text);
    else assert.equal(BigInt(run(text) as number), BigInt(wanted), text);
  }
});

test("[PO-13] an error is outweighed by what settles and-and and or, whatever the order, and by nothing else", () => {
  const error = "(1 / 0 == 1)";
  for (const [text, wanted] of [
    [`no && ${error}`, false],
    [`${error} && no`, false],
    [`yes || ${error}`, true],
    [`${error} || yes`, true],
    [`no && ${error} && yes`, false],
    [`n > 9 && ${error} && yes && k == 5`, false],
    [`items.exists(i, i.n == 2 || 1 / (i.n - 1) == 9)`, true],
    [`items.all(i, i.n != 2 && 1 / (i.n - 1) < 9)`, false],
    ["yes && n == 3 && k == 5 && t == 'b'", true],
    ["yes && n == 3 && k == 5 && t == 'c'", false],
    ["no || n == 4 || k == 6 || t == 'b'", true],
    ["no || n == 4 || k == 6 || t == 'c'", false],
  ] as const)
    assert.equal(run(text), wanted, text);
  for (const text of [
    `yes && ${error}`,
    `${error} && yes`,
    `no || ${error}`,
    `${error} || no`,
    `!${error}`,
    `${error} ? 1 : 2`,
    `${error} == yes`,
    `yes == ${error}`,
    "gone == 1",
    "1 == gone",
    "gone + 1 == 2",
    "items.exists(i, 1 / (i.n - i.n) == 1)",
    "items.exists_one(i, 1 / (i.n - 3) == 1)",
    "[1 / 0]",
    "{'a': 1 / 0}",
    "{1 / 0: 'a'}",
    "-(1 / 0)",
    "nums[1 / 0]",
    "'a'.startsWith(words[9])",
    "words[9].startsWith('a')",
    "size(words[9])",
    "words[9].matches('a')",
    "glob(words[9], 'a')",
    "words[9] in words",
    "'a' in [words[9]]",
  ])
    assert.ok(fails(text), text);
});

test("[PO-10] [PO-12] indexes, keys, fields and what is not there", () => {
  const rows: readonly (readonly [string, unknown])[] = [
    ["nums[0]", 1],
    ["nums[2]", 3],
    ["nums[n - 1]", 3],
    ["dict['a']", 1],
    ["dict[t]", 2],
    ["dict.b", 2],
    ["has(dict.a)", true],
    ["has(dict.z)", false],
    ["has(one.note)", false],
    ["has(one.name)", true],
    ["items[1].note", "x"],
    ["one.name", "o"],
    ["{1: 'x', 2: 'y'}[2]", "y"],
    ["{true: 1}[yes]", 1],
    ["yes ? n : k", 3],
    ["no ? n : k", 5],
    ["(n == 3 ? words : ['z'])[0]", "a"],
  ];
  for (const [text, wanted] of rows) assert.equal(run(text), wanted, text);
  for (const text of ["nums[3]", "nums[-1]", "dict['z']", "dict.z", "one.note", "items[0].note", "{1: 'x'}[3]", "{'a': 1, 'a': 2}", "gone"])
    assert.ok(fails(text), text);
});

test("[PO-10] [PO-14] what functions and macros answer", () => {
  const rows: readonly (readonly [string, unknown])[] = [
    ["size(s)", 9],
    ["s.size()", 9],
    ["size('')", 0],
    ["size(nums)", 3],
    ["nums.size()", 3],
    ["size(dict)", 2],
    ["s.startsWith('src')", true],
    ["s.startsWith('rc')", false],
    ["s.endsWith('.md')", true],
    ["s.endsWith('.m')", false],
    ["s.contains('/é')", true],
    ["s.contains('x')", false],
    ["s.matches('^src/.*md$')", true],
    ["s.matches('^md')", false],
    ["s.matches('é')", true],
    ["glob(s, 'src/*.md')", true],
    ["glob(s, 'src')", false],
    ["glob(s, ['x', 'src/**'])", true],
    ["glob(s, ['x', 'y'])", false],
    ["2 in nums", true],
    ["9 in nums", false],
    ["n in [1, 2]", false],
    ["n in [1, n]", true],
    ["t in words", true],
    ["t in ['a', 'c']", false],
    ["t in ['a', 'b']", true],
    ["[1] in [[1], [2]]", true],
    ["[3] in [[1], [2]]", false],
    ["'a' in dict", true],
    ["'z' in dict", false],
    ["yes in [true]", true],
    ["items.all(i, i.n > 0)", true],
    ["items.all(i, i.n > 1)", false],
    ["items.exists(i, i.name == 'c')", true],
    ["items.exists(i, i.name == 'z')", false],
    ["items.exists_one(i, i.ok)", false],
    ["items.exists_one(i, !i.ok)", true],
    ["items.exists_one(i, i.n > 9)", false],
    ["size(items.filter(i, i.ok))", 2],
    ["items.filter(i, i.n == 2)[0].name", "b"],
    ["items.map(i, i.n * 2) == [2, 4, 6]", true],
    ["items.map(i, i.ok, i.n) == [1, 3]", true],
    ["dict.all(key, dict[key] > 0)", true],
    ["dict.exists(key, key == 'b')", true],
    ["dict.map(key, key) == ['a', 'b']", true],
    ["dict.filter(key, key == 'a') == ['a']", true],
    ["dict.exists_one(key, key == 'a')", true],
    ["nums.all(x, nums.exists(y, y == x))", true],
    ["nums.exists(x, nums.all(x, x > 0) && x == 3)", true],
    ["nums.map(x, nums.map(y, x * y)) == [[1, 2, 3], [2, 4, 6], [3, 6, 9]]", true],
    ["[].all(x, false)", true],
    ["[].exists(x, true)", false],
    ["nums + [4] == [1, 2, 3, 4]", true],
    ["t + 'c'", "bc"],
  ];
  for (const [text, wanted] of rows) assert.equal(run(text), wanted, text);
});

test("[PO-11] what is not of the profile is refused", () => {
  const rows: readonly (readonly [string, string])[] = [
    ["items == items", "== is not defined for list<Item>"],
    ["one in items", "Item in list<Item> is not defined"],
    ["{[1]: 1}", "map keys are bool, int or string"],
    ["s.matches(t)", "the pattern must be a literal"],
    ["glob(s, [t])", "the pattern must be a literal"],
    ["glob(s, words)", "the pattern must be string, not list<string>"],
    ["1.5", "double literals are not part of pawl-cel/1"],
    ["null", "null literals are not part of pawl-cel/1"],
    ["9223372036854775808", "the literal does not fit in 64 bits"],
    ["-9223372036854775809", "the literal does not fit in 64 bits"],
  ];
  for (const [text, message] of rows) assert.equal(refused(text), message, text);
  const others = [
    "nothing",
    "one.nothing",
    "n.x",
    "has(n.x)",
    "has(one.nothing)",
    "has(n)",
    "nums['a']",
    "dict[1]",
    "n[0]",
    "n + 'a'",
    "n == 'a'",
    "yes + yes",
    "'a' - 'b'",
    "nums < nums",
    "dict + dict",
    "one == one",
    "'a' in nums",
    "1 in dict",
    "1 in n",
    "[1, 'a']",
    "{1: 1, 'a': 1}",
    "{1: 1, 2: 'a'}",
    "yes ? 1 : 'a'",
    "n ? 1 : 2",
    "n && yes",
    "yes || n",
    "!n",
    "-s",
    "s.startsWith(1)",
    "n.startsWith('a')",
    "glob(n, 'a')",
    "size(n)",
    "size(one)",
    "size(s, s)",
    "s.glob('a')",
    "matches(s, 'a')",
    "s.lower()",
    "n.all(x, true)",
    "nums.all(x, 1)",
    "nums.map(x, 1, x)",
    "nums.filter(x, true, x)",
    "nums.all(x)",
    "nums.all(1, true)",
    "nums.all(x, x > 0) && x > 0",
    "nums.map(y, y)[0] + y == 1",
  ];
  for (const text of others) assert.notEqual(refused(text), undefined, text);
});
