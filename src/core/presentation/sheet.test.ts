import assert from "node:assert/strict";
import test from "node:test";
import { chop, Sheet } from "./sheet.ts";
import type { Row } from "./sheet.ts";

const lines = (width: number, ...rows: readonly Row[]): readonly string[] => {
  const sheet = new Sheet(width, false);
  for (const row of rows) sheet.row(row);
  return sheet.lines;
};

test("[PL-36] a text is cut at its width in columns, and nothing of it is lost", () => {
  assert.deepEqual(chop("", 4), [""]);
  assert.deepEqual(chop("abcd", 4), ["abcd"]);
  assert.deepEqual(chop("abcde", 4), ["abcd", "e"]);
  assert.deepEqual(chop("abcdefgh", 4), ["abcd", "efgh"]);
  assert.deepEqual(chop("äbcd", 4), ["äbcd"]);
  assert.deepEqual(chop("äbcde", 4), ["äbcd", "e"]);
  assert.deepEqual(chop("日本語", 4), ["日本", "語"]);
  assert.deepEqual(chop("日本語", 5), ["日本", "語"]);
  assert.deepEqual(chop("日本", 1), ["日", "本"], "what is wider than a line has one to itself");
  assert.deepEqual(chop("e\u0301a", 1), ["e\u0301", "a"], "a mark takes no column");
});

test("[PL-36] lines break at blanks, and inside a word only where it is longer than a line", () => {
  const wrapped = (text: string, width: number): readonly string[] => lines(width, { indent: 0, body: { text } });
  assert.deepEqual(wrapped("ab cd", 5), ["ab cd"]);
  assert.deepEqual(wrapped("ab cd", 4), ["ab", "cd"]);
  assert.deepEqual(wrapped("ab cd ef", 5), ["ab cd", "ef"]);
  assert.deepEqual(wrapped("abcdefg hi", 4), ["abcd", "efg", "hi"]);
  assert.deepEqual(wrapped("a bcdefgh", 4), ["a", "bcde", "fgh"]);
  assert.deepEqual(wrapped("日本 語", 4), ["日本", "語"]);
  assert.deepEqual(wrapped("abc", 3), ["abc"]);
});

test("[PL-36] what stands at the right is beside the last line where both fit, else below it", () => {
  const right = (body: string, text: string, width = 10): readonly string[] =>
    lines(width, { indent: 2, body: { text: body }, right: { text } });
  assert.deepEqual(right("ab", "xy"), ["  ab    xy"]);
  assert.deepEqual(right("abcd", "xy"), ["  abcd  xy"]);
  assert.deepEqual(right("abcde", "xy"), ["  abcde", "        xy"]);
  assert.deepEqual(right("abcdefgh ij", "xy"), ["  abcdefgh", "  ij    xy"]);
  assert.deepEqual(right("ab", "xyzxyzxyz"), ["  ab", "  xyzxyzxy", "         z"]);
  assert.deepEqual(right("日", "本"), ["  日    本"]);
});

test("[PL-36] what leads a row stands in its column, on every line where it is said, and on lines of its own where it is too long", () => {
  const row = (lead: string, more: Partial<Row> = {}): readonly string[] =>
    lines(8, { lead: [{ text: lead }], indent: 4, body: { text: "abcd efgh" }, ...more });
  assert.deepEqual(row("ab"), ["ab  abcd", "    efgh"]);
  assert.deepEqual(row("abc"), ["abc abcd", "    efgh"]);
  assert.deepEqual(row("abcd"), ["abcd", "    abcd", "    efgh"], "a lead that fills its column has none left to part it");
  assert.deepEqual(row("abcdefghij"), ["abcdefgh", "ij", "    abcd", "    efgh"]);
  assert.deepEqual(row(""), ["    abcd", "    efgh"]);
  assert.deepEqual(row("│", { rest: [{ text: "│" }] }), ["│   abcd", "│   efgh"]);
  assert.deepEqual(row("│", { rest: [{ text: "│" }], body: { text: "abcd" }, right: { text: "xyz" } }), ["│   abcd", "│    xyz"]);
});

test("[PL-36] there is one empty line, never two, none below a heading, and no blank that ends a line", () => {
  const sheet = new Sheet(10, false);
  sheet.gap();
  assert.deepEqual(sheet.lines, []);
  sheet.row({ indent: 0, body: { text: "a" } });
  sheet.gap();
  sheet.gap();
  assert.deepEqual(sheet.lines, ["a", ""]);
  sheet.heading({ text: "b" }, { text: "c" });
  sheet.gap();
  assert.deepEqual(sheet.lines, ["a", "", "b        c", "─".repeat(10)]);
  sheet.line({ text: "d " }, { text: "  " }, { text: "" });
  assert.equal(sheet.lines.at(-1), "d ");
});

test("[PL-37] only what is seen is coloured", () => {
  const sheet = new Sheet(10, true);
  sheet.line({ text: "a", style: "red" }, { text: " ", style: "red" }, { text: "b" }, { text: "c", style: "plain" });
  assert.deepEqual(sheet.lines, ["\u001B[31ma\u001B[0m bc"]);
  sheet.row({ lead: [{ text: "long lead", style: "green" }], indent: 4, body: { text: "x", style: "bold" } });
  assert.deepEqual(sheet.lines.slice(1), ["\u001B[32mlong lead\u001B[0m", "    \u001B[1mx\u001B[0m"]);
  sheet.heading({ text: "h" }, { text: "r" });
  sheet.gap();
  assert.equal(sheet.lines.at(-1), `\u001B[2m${"─".repeat(10)}\u001B[0m`);
});
