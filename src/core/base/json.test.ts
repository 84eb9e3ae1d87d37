import assert from "node:assert/strict";
import { describe, test } from "node:test";
import * as fc from "fast-check";
import { canonical } from "./canonical.ts";
import { canonicalNumber } from "./json-number.ts";
import { readStrictly } from "./json-strict.ts";
import { JSON_BOUNDS, parseJson } from "./json.ts";
import type { Json, JsonBounds, JsonFault, JsonFaultCode } from "./json.ts";

const SEED = 7295;

function accepted(text: string | Uint8Array, bounds?: Partial<JsonBounds>): Json {
  const result = parseJson(text, bounds);
  assert.ok(result.ok, result.ok ? "" : `${result.error.code}: ${result.error.message} (${result.error.where})`);
  return result.value;
}

function refused(text: string | Uint8Array, code: JsonFaultCode, bounds?: Partial<JsonBounds>): JsonFault {
  const result = parseJson(text, bounds);
  assert.ok(!result.ok, `accepted: ${typeof text === "string" ? text.slice(0, 80) : "bytes"}`);
  assert.equal(result.error.code, code);
  return result.error;
}

const bytes = (...parts: (string | number[])[]): Uint8Array =>
  new Uint8Array(parts.flatMap((part) => (typeof part === "string" ? [...new TextEncoder().encode(part)] : part)));

/** JSON.parse, with the one difference that the reader is allowed: negative zero is zero. */
const peer = (text: string): unknown => JSON.parse(text, (_key, value: unknown) => (value === 0 ? 0 : value));

describe("[F48] what is refused", () => {
  test("[CJ-5] [F48] duplicate keys, also when one is written with escapes, at any depth", () => {
    for (const text of [
      '{"a":1,"a":1}',
      '{"a":1,"b":2,"\\u0061":3}',
      '[{"x":{"k":{},"k":{"z":1}}}]',
      '{"":1,"":2}',
      '{"1":1,"1":2}',
      '{"\\/":1,"/":2}',
    ]) {
      refused(text, "json_duplicate_key");
    }
    accepted('{"a":{"a":{"a":[{"a":1},{"a":1}]}}}');
  });

  test("[CJ-6] [F48] the key __proto__, also when written with escapes; as a value it is only text", () => {
    for (const text of ['{"__proto__":{}}', '{"a":[{"__proto__":1}]}', '{"__proto\\u005f_":1}', '{"\\u005f_proto__":null}']) {
      refused(text, "json_forbidden_key");
    }
    assert.deepEqual(accepted('["__proto__",{"a":"\\u005f_proto__"}]'), ["__proto__", { a: "__proto__" }]);
  });

  test("[CJ-7] [F48] numbers that a double does not hold: 2^53+1, 1e400, lost digits, underflow", () => {
    for (const raw of [
      "9007199254740993",
      "-9007199254740993",
      "1e400",
      "-1e400",
      "1e-400",
      "0.1000000000000000055511151231257827",
      "333333333.33333329",
      "1.7976931348623159e308",
      "4.9e-324",
      "123456789012345678901234567890",
      "1e99999999999999999999",
      `0.${"0".repeat(400)}1`,
    ]) {
      refused(raw, "json_inexact_number");
      refused(`{"a":[1,${raw} ]}`, "json_inexact_number");
    }
  });

  test("[CJ-7] numbers whose canonical text denotes the same decimal value are accepted however they are spelt", () => {
    const same: [string, number][] = [
      ["9007199254740991", 9007199254740991],
      ["9007199254740992", 9007199254740992],
      ["9007199254740994", 9007199254740994],
      ["1E30", 1e30],
      ["1000000000000000000000000000000", 1e30],
      ["4.50", 4.5],
      ["0.1", 0.1],
      ["0.10000000000000000000000000000000000", 0.1],
      ["0.000001e6", 1],
      ["100e-2", 1],
      ["5e-324", 5e-324],
      ["1.7976931348623157e308", Number.MAX_VALUE],
      ["0e999999", 0],
      ["0.30000000000000004", 0.30000000000000004],
      [`1${"0".repeat(300)}`, 1e300],
      [`0.${"0".repeat(400)}1e401`, 1],
    ];
    for (const [raw, value] of same) assert.equal(accepted(raw), value, raw);
  });

  test("[CJ-8] negative zero is read as zero", () => {
    for (const raw of ["-0", "-0.0", "-0e5", "-0.000E-7"]) assert.ok(Object.is(accepted(raw), 0), raw);
    assert.ok(Object.is((accepted('{"a":[-0]}') as { a: number[] }).a[0], 0));
    assert.equal(accepted("-0.5"), -0.5);
  });

  test("[CJ-9] [F48] lone surrogates, raw or escaped; whole pairs pass", () => {
    for (const text of [
      '"\\ud800"',
      '"\\udc00"',
      '"\\ud83d\\u0041"',
      '"\\ude02\\ud83d"',
      '{"\\ud800":1}',
      '"\ud800"',
      '{"a":"x\udc00"}',
      '"\ud83d\\ude02"',
    ]) {
      refused(text, "json_lone_surrogate");
    }
    assert.deepEqual(accepted('["\\ud83d\\ude02","\u{1f602}"]'), ["\u{1f602}", "\u{1f602}"]);
  });

  test("[CJ-10] [F48] keys and strings that are not NFC, raw or escaped", () => {
    for (const text of [
      '"A\u030a"',
      '"A\\u030a"',
      '"\\u0041\\u030a"',
      '{"e\u0301":1}',
      '{"e\\u0301":1}',
      '["\u212b"]',
      '["\\u1100\\u1161"]',
    ]) {
      refused(text, "json_not_nfc");
    }
    assert.deepEqual(accepted('{"\u00e5":"\\u00e9\uac00"}'), { "\u00e5": "\u00e9\uac00" });
    assert.equal(accepted('"\u0301x"'), "\u0301x", "a leading combining mark has nothing to combine with");
  });

  test("[CJ-3] [F48] bytes that are not UTF-8, with the position of the first bad one", () => {
    const bad = [
      [0xff],
      [0x80],
      [0xc3],
      [0xc0, 0xaf],
      [0xe0, 0x80, 0x80],
      [0xed, 0xa0, 0x80],
      [0xf4, 0x90, 0x80, 0x80],
      [0xf0, 0x8f, 0xbf, 0xbf],
      [0xe2, 0x82],
      [0xf5, 0x80, 0x80, 0x80],
    ];
    for (const sequence of bad) {
      const fault = refused(bytes('{"é":\n"', sequence, '"}'), "json_bad_utf8");
      assert.deepEqual([fault.offset, fault.line, fault.column], [7, 2, 2]);
      refused(bytes('"', sequence), "json_bad_utf8");
    }
    assert.deepEqual(accepted(bytes('["é€\u{1f602}"]')), ["é€\u{1f602}"]);
    refused(bytes([0xfe, 0xff, 0, 0x31]), "json_bad_utf8");
  });

  test("[CJ-3] a byte order mark at the start; inside a string it is text", () => {
    refused("\ufeff{}", "json_bom");
    refused(bytes([0xef, 0xbb, 0xbf], "{}"), "json_bom");
    refused("{}\ufeff", "json_syntax");
    assert.equal(accepted('"\ufeff"'), "\ufeff");
  });

  test("[CJ-4] whatever RFC 8259 does not allow", () => {
    const texts = [
      "",
      " ",
      "{",
      "[",
      '"',
      '"a',
      "[1,]",
      "[,1]",
      '{"a":1,}',
      '{"a"}',
      '{"a":}',
      "{a:1}",
      "{'a':1}",
      "01",
      "-",
      "+1",
      ".5",
      "1.",
      "1e",
      "0x10",
      "NaN",
      "Infinity",
      "undefined",
      "nul",
      "true false",
      "[1 2]",
      "1 2",
      "{}{}",
      "]",
      "}",
      '"\\x41"',
      '"\\u12"',
      '"\\',
      '"\n"',
      '"\t"',
      '"\u0000"',
      "//\n1",
      "1//",
      "\u00a01",
      "\u20281",
      '{"a":1 "b":2}',
      "{1:2}",
      "[1}",
      '{"a":1]',
      "tru\u0000e",
      "null,",
    ];
    for (const text of texts) refused(text, "json_syntax");
  });
});

describe("bounds", () => {
  test("[CJ-11] bytes: of the UTF-8 text, whichever way it is given", () => {
    assert.equal(accepted('"ab"', { bytes: 4 }), "ab");
    refused('"abc"', "json_too_large", { bytes: 4 });
    refused('"é"', "json_too_large", { bytes: 3 });
    accepted('"é"', { bytes: 4 });
    refused(bytes('"é"'), "json_too_large", { bytes: 3 });
    refused(`"${"x".repeat(JSON_BOUNDS.bytes)}"`, "json_too_large");
  });

  test("[CJ-11] [F48] depth: open arrays and objects together; a million brackets end at once", () => {
    const nest = (n: number): string => `${'[{"a":'.repeat(n / 2)}1${"}]".repeat(n / 2)}`;
    accepted(nest(64));
    const fault = refused(nest(66), "json_too_deep");
    assert.equal(fault.offset, 32 * 6);
    accepted("[[]]", { depth: 2 });
    refused("[[]]", "json_too_deep", { depth: 1 });
    accepted("7", { depth: 0 });
    refused("[]", "json_too_deep", { depth: 0 });
    refused("[".repeat(1_000_000), "json_too_deep");
    refused('{"a":'.repeat(500_000), "json_too_deep");
    accepted(nest(1000), { depth: 1000 });
  });

  test("[CJ-11] members of one object, elements of one array, length of one string", () => {
    accepted("[1,2,3]", { members: 3 });
    refused("[1,2,3,4]", "json_too_many_members", { members: 3 });
    accepted('[[1,2],[3,4],{"a":1,"b":2}]', { members: 3 });
    refused('{"a":1,"b":2,"c":[]}', "json_too_many_members", { members: 2 });
    refused('{"a":[{},{},{}]}', "json_too_many_members", { members: 2 });
    accepted('{"abc":"def"}', { stringLength: 3 });
    accepted('"\\u0061\\n\\\\"', { stringLength: 3 });
    refused('"abcd"', "json_string_too_long", { stringLength: 3 });
    refused('{"abcd":1}', "json_string_too_long", { stringLength: 3 });
    accepted(`"${"x".repeat(500)}\\"${"y".repeat(499)}"`, { stringLength: 1000 });
    refused(`"${"x".repeat(500)}\\"${"y".repeat(500)}"`, "json_string_too_long", { stringLength: 1000 });
  });
});

describe("faults", () => {
  test("[CJ-12] a fault says what, where and what to do; the path is a JSON pointer", () => {
    const fault = refused('{\n  "steps": [\n    {"a/b": 1},\n    {"n~": 1e400}\n  ]\n}', "json_inexact_number");
    assert.deepEqual([fault.line, fault.column, fault.path], [4, 12, "/steps/1/n~0"]);
    assert.equal(fault.where, "line 4, column 12, at /steps/1/n~0");
    assert.match(fault.message, /`1e400`.*Infinity/);
    assert.match(fault.remedy, /string/);
    const duplicate = refused('{"a/b":1,"a\\/b":2}', "json_duplicate_key");
    assert.deepEqual([duplicate.offset, duplicate.column], [9, 10]);
  });

  test("[CJ-12] foreign text inside a fault is short and visible", () => {
    const bidi = refused('{"\u202e\u200b":1,"\u202e\u200b":1}', "json_duplicate_key");
    assert.match(bidi.message, /\\u\{202e\}\\u\{200b\}/);
    const long = `{"${"k".repeat(5000)}":[[[[[[[[[[[[[[[[[[[[[[[1e999]]]]]]]]]]]]]]]]]]]]]]]}`;
    const fault = refused(long, "json_inexact_number");
    assert.ok(fault.where.length < 300 && fault.message.length < 200);
    for (const text of [fault.where, fault.message, bidi.message, refused("\u001b[31m", "json_syntax").message])
      assert.match(text, /^[\x20-\x7e]*$/);
  });
});

const spelt: fc.Arbitrary<string> = fc
  .tuple(fc.json({ maxDepth: 5, stringUnit: "binary" }), fc.constantFrom("", " ", "\n\t"), fc.boolean())
  .map(([text, space, escape]) => {
    const spaced = text.replaceAll(/([[\]{},:])(?=["[\]{},:\d-])/g, `$1${space}`);
    // Escaping a few ASCII letters keeps the meaning and takes other branches.
    return escape ? spaced.replaceAll("a", "\\u0061") : spaced;
  });
const broken: fc.Arbitrary<string> = fc
  .tuple(
    spelt,
    fc.nat(),
    fc.constantFrom("", '"', ",", ":", "{", "}", "[", "]", "\\", "-", "0", "1e5", ".", "\u0301", "\ud800", " ", '"a":1,"a":2', "null"),
    fc.nat({ max: 2 }),
  )
  .map(([text, at, piece, drop]) => text.slice(0, at % (text.length + 1)) + piece + text.slice((at % (text.length + 1)) + drop));

describe("[F49] the same meaning as other readers", () => {
  test("[CJ-13] [F49] what is accepted is what JSON.parse reads; what JSON.parse refuses is refused", () => {
    let passed = 0;
    fc.assert(
      fc.property(fc.oneof(spelt, broken), (text) => {
        const mine = parseJson(text);
        if (!mine.ok) return;
        passed++;
        assert.deepEqual(mine.value, peer(text));
        assert.deepEqual(parseJson(new TextEncoder().encode(text)), mine);
      }),
      { seed: SEED, numRuns: 3000 },
    );
    assert.ok(passed > 500, `only ${passed} texts were accepted: the test has lost its teeth`);
  });

  test("[CJ-14] the quick path and the strict reader agree on every text", () => {
    fc.assert(
      fc.property(
        fc.oneof(spelt, broken),
        fc.constantFrom(JSON_BOUNDS, { ...JSON_BOUNDS, depth: 2, members: 3, stringLength: 5 }),
        (text, bounds) => {
          if (!text.isWellFormed()) return;
          assert.deepEqual(parseJson(text, bounds), readStrictly(text, bounds));
        },
      ),
      { seed: SEED, numRuns: 3000 },
    );
  });

  test("[CJ-7] a number is accepted exactly when its canonical text denotes the same value, checked with integers", () => {
    const exact = (raw: string): [bigint, number] => {
      const [, sign, whole = "", fraction = "", exponent = "0"] = /^(-?)(\d+)\.?(\d*)e?([+-]?\d*)$/.exec(raw.toLowerCase()) ?? [];
      return [BigInt(`${sign}${whole}${fraction}`), Number(exponent) - fraction.length];
    };
    const equal = (a: string, b: string): boolean => {
      const [x, p] = exact(a);
      const [y, q] = exact(b);
      return p >= q ? x * 10n ** BigInt(p - q) === y : x === y * 10n ** BigInt(q - p);
    };
    const digits = fc.stringMatching(/^(0|[1-9]\d{0,25})(\.\d{1,25})?(e[+-]?\d{1,2})?$/);
    fc.assert(
      fc.property(
        fc.oneof(
          digits,
          fc.double({ noNaN: true, noDefaultInfinity: true }).map((n) => String(Math.abs(n))),
        ),
        (raw) => {
          assert.equal(canonicalNumber(raw) !== undefined, equal(raw, String(Number(raw))), raw);
        },
      ),
      { seed: SEED, numRuns: 3000 },
    );
  });

  test("[CJ-13] reading canonical bytes and writing them again changes nothing", () => {
    fc.assert(
      fc.property(fc.jsonValue({ stringUnit: "grapheme" }), (value) => {
        const text = canonical(value);
        const again = parseJson(text);
        if (again.ok) assert.equal(canonical(again.value), text);
        else assert.ok(["json_not_nfc", "json_forbidden_key", "json_duplicate_key"].includes(again.error.code), again.error.message);
      }),
      { seed: SEED, numRuns: 2000 },
    );
  });

  test("[CJ-16] objects are ordinary and no text changes a prototype", () => {
    const value = accepted('{"constructor":1,"toString":"x","hasOwnProperty":null,"valueOf":{}}');
    assert.equal(Object.getPrototypeOf(value), Object.prototype);
    assert.deepEqual(Object.keys(value as object), ["constructor", "toString", "hasOwnProperty", "valueOf"]);
    const strict = readStrictly('{"constructor":1,"toString":"x"}', JSON_BOUNDS);
    assert.ok(strict.ok && Object.hasOwn(strict.value as object, "constructor"));
    refused('{"constructor":1,"constructor":2}', "json_duplicate_key");
    accepted('{"toString":1}');
  });
});
