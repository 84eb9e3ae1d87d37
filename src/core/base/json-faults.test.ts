import assert from "node:assert/strict";
import { test } from "node:test";
import { readStrictly } from "./json-strict.ts";
import { JSON_BOUNDS, parseJson, type JsonBounds, type JsonFault } from "./json.ts";

function fault(source: string | Uint8Array, bounds?: Partial<JsonBounds>): JsonFault {
  const read = parseJson(source, bounds);
  assert.ok(!read.ok, `accepted: ${String(source).slice(0, 60)}`);
  return read.error;
}
const said = (text: string, bounds?: Partial<JsonBounds>): string => fault(text, bounds).message;
const bytes = (...parts: (string | readonly number[])[]): Uint8Array =>
  new Uint8Array(parts.flatMap((part) => (typeof part === "string" ? [...new TextEncoder().encode(part)] : part)));

test("[CJ-3] [CJ-12] the first byte that is not UTF-8 is told behind characters of every length", () => {
  const edges = [
    0x7f, 0x80, 0x7ff, 0x800, 0xfff, 0x1000, 0xcfff, 0xd7ff, 0xe000, 0xffff, 0x10000, 0x3ffff, 0x40000, 0xfffff, 0x100000, 0x10ffff,
  ];
  for (const point of edges) {
    const char = String.fromCodePoint(point);
    const { code, offset } = fault(bytes(`"${char}`, [0xff]));
    assert.deepEqual([code, offset], ["json_bad_utf8", 1 + char.length], point.toString(16));
    assert.equal(fault(bytes(`"${char}${char}`, [0x80])).offset, 1 + 2 * char.length, point.toString(16));
  }
  const bad = [
    [0xc1, 0xbf],
    [0xc2, 0x7f],
    [0xc2, 0xc0],
    [0xdf],
    [0xe0, 0x9f, 0xbf],
    [0xe1, 0x80],
    [0xe1, 0x80, 0x7f],
    [0xe1, 0x80, 0xc0],
    [0xe1, 0xc0, 0x80],
    [0xed, 0xa0, 0x80],
    [0xef, 0xbf],
    [0xf0, 0x8f, 0xbf, 0xbf],
    [0xf1, 0x7f, 0x80, 0x80],
    [0xf1, 0x80, 0x80],
    [0xf1, 0x80, 0x80, 0xc0],
    [0xf4, 0x90, 0x80, 0x80],
    [0xf5, 0x80, 0x80, 0x80],
  ];
  for (const sequence of bad) {
    assert.equal(fault(bytes('"é', sequence)).offset, 2, String(sequence));
    assert.equal(fault(bytes('"é', sequence, 'x"')).offset, 2, String(sequence));
  }
  assert.equal(fault(bytes("\ufeff\n", [0xff])).column, 1, "a byte order mark is a character of its line");
});

test("[CJ-9] [CJ-12] the first half of a pair that stands alone is told by its place", () => {
  for (const [text, at] of [
    ['"\ud800', 1],
    ['"a\udfff"', 2],
    ['"😀\ud800"', 3],
    ['"\ud7ff\ue000\udbff"', 3],
    ["\udc00", 0],
    ['"😀😀\udc00', 5],
  ] as const) {
    const { code, offset } = fault(text);
    assert.deepEqual([code, offset], ["json_lone_surrogate", at], JSON.stringify(text));
  }
});

test("[CJ-11] bounds are themselves bounded", () => {
  for (const bounds of [{ depth: -1 }, { depth: 1001 }, { members: 0 }]) assert.throws(() => parseJson("1", bounds), /invariant broken/);
  assert.ok(parseJson("1", { depth: 0, members: 1 }).ok && parseJson("[1]", { depth: 1000, members: 1 }).ok);
  assert.ok(parseJson('"aé"', { bytes: 5 }).ok && !parseJson('"aé"', { bytes: 4 }).ok);
  assert.ok(parseJson(bytes('"aaa"'), { bytes: 5 }).ok && !parseJson(bytes('"aaa"'), { bytes: 4 }).ok);
  assert.equal(fault('"aaaa"', { bytes: 5 }).where, "line 1, column 1");
});

test("[CJ-4] every escape of JSON writes its character, for the strict reader too", () => {
  const text = String.raw`["\"\\\/\b\f\n\r\t\u0041"]`;
  const wanted = ['"\\/\b\f\n\r\tA'];
  const [quick, strict] = [parseJson(text), readStrictly(text, JSON_BOUNDS)];
  assert.deepEqual([quick.ok && quick.value, strict.ok && strict.value], [wanted, wanted]);
  const spaced = readStrictly(' \t\r\n{ "a" : [ 1 , -2.5e1 , true , false , null ] , "b" : { } } ', JSON_BOUNDS);
  assert.deepEqual(spaced.ok && spaced.value, { a: [1, -25, true, false, null], b: {} });
});

test("[CJ-12] a fault of syntax says what is there and what should be", () => {
  const rows: readonly (readonly [string, string])[] = [
    ["[1 2]", "there is `2` where `,` or `]` should be"],
    ['{"a" 1}', "there is `1` where `:` should be"],
    ['{"a":1 "b"}', 'there is `"` where `,` or `}` should be'],
    ["{a}", "there is `a` where a key in quotes should be"],
    ["-", "there is `-` where a number should be"],
    ["nul", "there is `n` where a value should be"],
    ["", "the text ends where a value should be"],
    ["[", "the text ends where a value should be"],
    ["[1", "the text ends where `,` or `]` should be"],
    ['"a', "the text ends where the rest of the string should be"],
    ['"\\u12"', "there is `1` where four hexadecimal digits should be"],
    ["1 é", "there is `\\u{e9}` where the end of the text should be"],
    ["/", "there is `/` where a value should be"],
    [":", "there is `:` where a value should be"],
    ['"\\x"', "the escape is not one of JSON's"],
    ['"\\', "the escape is not one of JSON's"],
  ];
  for (const [text, message] of rows) {
    assert.equal(said(text), message, text);
    assert.equal(fault(text).code, "json_syntax");
  }
  assert.equal(said("[1,2,3]", { members: 2 }), "more than 2 elements in one place");
  assert.equal(said('{"a":1,"b":2}', { members: 1 }), "more than 1 members in one place");
  assert.equal(said("[[1]]", { depth: 1 }), "more than 1 levels are open");
});

test("[CJ-12] a fault says its line and column, and its pointer where there is one", () => {
  const where = (text: string): string => fault(text).where;
  assert.equal(where("x"), "line 1, column 1");
  assert.equal(where("\nx"), "line 2, column 1");
  assert.equal(where("\n\n  x"), "line 3, column 3");
  assert.equal(where("[\n1,\nx]"), "line 3, column 1, at /1");
  assert.equal(where("[1,\n"), "line 2, column 1, at /1");
  assert.equal(where('{"a/b~c":x}'), "line 1, column 10, at /a~1b~0c");
  assert.equal(fault("1\n2").column, 1);
});

test("[CJ-12] a pointer has at most sixteen steps, and what is quoted at most forty characters", () => {
  const nested = (depth: number): string => fault("[".repeat(depth) + "x").path;
  assert.equal(nested(16), "/0".repeat(16));
  assert.equal(nested(17), `${"/0".repeat(16)}/...`);
  const twice = (length: number): string => said(`{"${"k".repeat(length)}":1,"${"k".repeat(length)}":2}`);
  assert.equal(twice(40), `the key \`${"k".repeat(40)}\` is there twice`);
  assert.equal(twice(41), `the key \`${"k".repeat(40)}...\` is there twice`);
});
