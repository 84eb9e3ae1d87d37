import assert from "node:assert/strict";
import test from "node:test";
import * as fc from "fast-check";
import { compileGlob } from "../../base/index.ts";
import { Patterns, anyOf, globOf } from "./pattern.ts";
import type { Pattern } from "./pattern.ts";

const ENOUGH = 1_000_000;
const CHARACTERS = ["a", "b", "/", ".", "é"];

function pattern(made: Pattern | string): Pattern {
  assert(typeof made !== "string");
  return made;
}
function refusal(made: Pattern | string): string {
  assert(typeof made === "string");
  return made;
}
const regex = (source: string): Pattern | string => new Patterns().made("regex", source);
const globMatches = (source: string, text: string): boolean => pattern(globOf(source)).test(text, { left: ENOUGH });

/** What a test takes out of a purse. */
function price(made: Pattern | string, text: string): number {
  const purse = { left: ENOUGH };
  pattern(made).test(text, purse);
  return ENOUGH - purse.left;
}

test("[PO-15] what a glob says literally must be in the text, each where it stands", () => {
  const table: readonly (readonly [string, readonly string[], readonly string[]])[] = [
    ["a", ["a"], ["", "b", "aa"]],
    ["a*", ["a", "ab"], ["", "b", "ba"]],
    ["*a", ["a", "ba"], ["", "b", "ab"]],
    ["a?c", ["abc"], ["ac", "abbc", "abd", "xbc"]],
    ["a??c", ["abbc"], ["abc", "ac"]],
    ["a*b*c", ["abc", "axbxc"], ["ac", "axc", "bac", "abx"]],
    ["ab*ba", ["abba", "abxba"], ["aba", "abab", "baba"]],
    ["a**c", ["abc", "ac"], ["ab", "bc"]],
    ["a/**/c", ["a/c", "a/b/c", "a/b/b/c"], ["ac", "a/b", "abc"]],
    ["**/c", ["c", "a/c", "a/b/c"], ["ac", "c/a"]],
    ["a/**", ["a/b", "a/b/c"], ["ab", "b/a"]],
    ["**/a/**/b.md", ["a/b.md", "x/a/y/z/b.md"], ["a/c.md", "x/y/b.md"]],
    ["*", ["", "a"], ["a/b"]],
    ["**", ["a", "a/b"], []],
    ["é*é", ["éé", "éaé"], ["é", "eé"]],
  ];
  for (const [source, yes, no] of table) {
    for (const text of yes) assert.equal(globMatches(source, text), true, `${source} on ${text}`);
    for (const text of no) assert.equal(globMatches(source, text), false, `${source} on ${text}`);
  }
});

test("[PO-15] a glob answers as it does everywhere in Pawl, whatever is looked at first", () => {
  const texts = fc.array(fc.constantFrom(...CHARACTERS), { maxLength: 6 }).map((parts) => parts.join(""));
  const sources = fc
    .array(fc.constantFrom(...CHARACTERS, "*", "**", "?", "**/"), { minLength: 1, maxLength: 5 })
    .map((parts) => parts.join(""));
  fc.assert(
    fc.property(sources, texts, (source, text) => {
      const plain = compileGlob(source);
      const ours = globOf(source);
      assert.equal(typeof ours !== "string", plain.ok, source);
      if (plain.ok) assert.equal(globMatches(source, text), plain.value.matches(text), `${source} on ${text}`);
    }),
    { seed: 20261120, numRuns: 4000 },
  );
});

test("[PO-16] what the literals of a glob rule out costs a step and the 64ths of the text", () => {
  const long = `${"a".repeat(100)}/${"a".repeat(155)}`;
  for (const [source, text, wanted] of [
    // Ruled out: another first or last character, another beginning or end, too short, no such middle.
    ["x*", "abc", 1],
    ["*x", "abc", 1],
    ["ax*", "abc", 1],
    ["*xc", "abc", 1],
    ["abc*c", "abc", 1],
    ["ab*bc", "abc", 1],
    ["a*x*c", "abc", 1],
    ["*x*", "abc", 1],
    ["*x*b*", "abc", 1],
    ["*b*x*", "abc", 1],
    ["b", "abc", 1],
    ["abd", "abc", 1],
    ["x**", long, 1 + 4],
    ["**/x", "x", 1 + 1],
    // Looked at: four pairs of characters a step.
    ["abc", "abc", 1 + 3],
    ["a*c", "abc", 1 + 3],
    ["a*b*c", "abc", 1 + 4],
    ["*b*", "abc", 1 + 3],
    ["?b?", "abc", 1 + 3],
    ["*", "abc", 1 + 1],
    ["**", long, 1 + 4 + 128],
  ] as const)
    assert.equal(price(globOf(source), text), wanted, `${source} on ${text}`);
});

test("[PO-16] a pattern that cannot be paid for is not looked at, and takes what is left", () => {
  const one = pattern(globOf("a*"));
  for (const left of [0, 1]) {
    const purse = { left };
    assert.equal(one.test("abc", purse), false);
    assert(purse.left < 0);
  }
  const just = { left: 3 };
  assert.equal(one.test("abc", just), true);
  assert.equal(just.left, 0);
  const re = pattern(regex("b"));
  assert.equal(re.test("abc", { left: 1 }), false);
  assert.equal(re.test("abc", { left: 2 }), true);
  assert.equal(price(regex("b"), "x".repeat(1600)), 101);
});

test("[PO-15] any of several patterns, looked at in order until one matches", () => {
  const [a, b] = [pattern(globOf("a")), pattern(globOf("b"))];
  assert.equal(anyOf([a]), a);
  assert.equal(anyOf([]).test("a", { left: ENOUGH }), false);
  for (const [text, wanted] of [
    ["a", true],
    ["b", true],
    ["c", false],
  ] as const)
    assert.equal(anyOf([a, b]).test(text, { left: ENOUGH }), wanted, text);
  assert.equal(price(anyOf([a, b]), "a"), 2);
  assert.equal(price(anyOf([a, b]), "b"), 3);
});

test("[PO-15] what a pattern may be, to the last character", () => {
  assert.equal(typeof regex("x".repeat(512)), "object");
  assert.equal(regex("x".repeat(513)), "the pattern is longer than 512 characters");
  assert.equal(typeof regex("(?:a{500}|b{500})"), "object");
  for (const over of ["a{500}b{501}", "a{500}b{2,501}", "a{501,}b{500}", "a{0,501}b{500}", "a{1000}b{1}"])
    assert.equal(regex(over), "the pattern repeats more than 1000 times", over);
  assert.equal(regex("("), "the pattern is not RE2: missing closing ): `(`");
  assert.match(refusal(regex("(?=a)")), /^the pattern is not RE2: (?!error parsing).+$/);
  assert.match(refusal(regex("(a{1,200}){4}".repeat(4))), /^the pattern compiles to \d+ instructions, more than 4000$/);
  assert.equal(globOf("[a]"), "a glob has no [: it has *, ** and ?, and several patterns stand in a list");
  for (const odd of ["a]", "{a}", "a}", "a\\b", "!a"]) assert.match(refusal(globOf(odd)), /^a glob has no . ?: it has/);
  const refused = compileGlob("");
  assert(!refused.ok);
  assert.equal(globOf(""), [refused.error.message, refused.error.remedy].filter((part) => part).join(": "));
});

test("[PO-15] the patterns of one bundle are compiled once each, and bounded together", () => {
  const patterns = new Patterns();
  assert.equal(patterns.made("glob", "a"), patterns.made("glob", "a"));
  assert.notEqual(patterns.made("glob", "a"), patterns.made("regex", "a"));
  const many = new Patterns();
  // A glob counts as its characters and 16: 500 to a pattern of 484, and 400 of them fill 200,000.
  const source = (i: number): string => String(i).padStart(484, "x");
  for (let i = 0; i < 400; i++) assert.equal(typeof many.made("glob", source(i)), "object", String(i));
  const refused = "too costly: the patterns of the bundle are too many or too large together";
  assert.equal(many.made("glob", source(400)), refused);
  assert.equal(many.made("glob", "a"), refused);
  assert.equal(many.made("regex", "("), refused);
  assert.equal(typeof many.made("glob", source(0)), "object");
  const faulty = new Patterns();
  // A fault is said as the fault that it is, also by the one that takes what is left.
  for (let i = 0; i < 390; i++) faulty.made("regex", `(${" ".repeat(i)}`);
  assert.match(refusal(faulty.made("regex", "(x")), /^the pattern is not RE2/);
  assert.equal(faulty.made("glob", "a"), refused);
});
