import assert from "node:assert/strict";
import test from "node:test";
import { faultsOf } from "../../testing/policy.ts";
import type { BundleFault } from "../policy/index.ts";
import { placeInScalar } from "./index.ts";

/** Where each character of the value is found; characters of the text that none stands for are `-`. */
function found(written: string, value: string): string {
  const text = `when: ${written}\nnext: aaa bbb ' " | >\n`;
  const node = { kind: "scalar", value, at: 6, end: 6 + written.length } as const;
  const marks = Array.from(text, () => "-");
  for (let i = 0; i < value.length; i++) marks[placeInScalar(text, node, i)] = value[i] === " " ? "_" : (value[i] as string);
  return marks.slice(6, 6 + written.length).join("");
}

test("[PO-4] every character of a scalar is found where it is written, in every style of YAML", () => {
  for (const [written, value, marks] of [
    ["a == a && a", "a == a && a", "a_==_a_&&_a"],
    ["'a == ''a'' b'", "a == 'a' b", "-a_==_'-a'-_b-"],
    ["''''", "'", "-'--"],
    ['"a \\"a\\" a"', 'a "a" a', '-a_-"a-"_a-'],
    ['""', "", "--"],
    ["|\n  a ==\n  a", "a ==\na", "----a_==\n--a"],
    [">-\n  a ==\n    a", "a == a", "-----a_==_----a"],
    ["a ==\n   a b", "a == a b", "a_==_---a_b"],
  ] as const)
    assert.equal(found(written, value), marks, written);
});

test("[PO-4] what cannot be found is said of the whole scalar, and what is past it of its end", () => {
  const text = "when: ab\nnext: cd";
  const node = { kind: "scalar", value: "abcd", at: 6, end: 8 } as const;
  assert.deepEqual(
    [0, 1, 2, 3, 4, 9].map((offset) => placeInScalar(text, node, offset)),
    [6, 7, 6, 6, 6, 6],
  );
  const whole = { ...node, value: "ab" };
  assert.deepEqual(
    [0, 1, 2, 9].map((offset) => placeInScalar(text, whole, offset)),
    [6, 7, 8, 8],
  );
});

test("[PO-3] a fault shows its line and a caret below its place, in the last line and in a long one too", () => {
  const unknown = (text: string): BundleFault | undefined => faultsOf(text).find(({ code }) => code === "bundle_unknown_key");
  const last = unknown("pawl: policy/v1\nnope: 1");
  assert(last);
  assert.deepEqual([last.line, last.column, last.caret], [2, 1, "nope: 1\n^"]);
  const long = unknown(`{${" ".repeat(300)}nope: 1, "pawl": "policy/v1"}`);
  assert(long);
  assert.deepEqual([long.line, long.column], [1, 302]);
  assert.equal(long.caret.split("\n")[1], `${" ".repeat(80)}^`);
  assert.equal(long.caret.split("\n")[0]?.slice(80, 84), "nope");
});
