import assert from "node:assert/strict";
import test from "node:test";
import { assert as check, constantFrom, jsonValue, nat, oneof, property, string, tuple } from "fast-check";
import { canonical, fromUtf8, utf8 } from "../../core/base/index.ts";
import { scanValue } from "./quick-scan.ts";

const SEED = 20_261_120;
const vouches = (text: string | Uint8Array): boolean => {
  const bytes = typeof text === "string" ? utf8(text) : text;
  return scanValue(bytes, 0) === bytes.length;
};

function isCanonical(bytes: Uint8Array): boolean {
  const text = fromUtf8(bytes);
  try {
    return text !== undefined && canonical(JSON.parse(text)) === text;
  } catch {
    return false;
  }
}

test("[ST-40] what the quick scan vouches for is canonical", () => {
  const damaged = tuple(jsonValue({ maxDepth: 4 }), nat(), nat(255), constantFrom("set", "cut", "add")).map(([value, place, byte, how]) => {
    const bytes = [...utf8(canonical(value))];
    const at = place % bytes.length;
    bytes.splice(at, how === "add" ? 0 : 1, ...(how === "cut" ? [] : [byte]));
    return Uint8Array.from(bytes);
  });
  const unordered = jsonValue({ maxDepth: 4 }).map((value) => utf8(JSON.stringify(value)));
  const written = string({ unit: constantFrom(...Array.from('{}[]",:0123456789-.eEab \\ntrufls')), maxLength: 24 }).map(utf8);
  const sound = property(oneof(damaged, unordered, written), (bytes) => !vouches(bytes) || isCanonical(bytes));
  check(sound, { seed: SEED, numRuns: 3000 });
});

test("[ST-40] the quick scan vouches for what the ledger is made of, and for nothing that is written otherwise", () => {
  for (const text of ['{"a":1,"ab":[],"b":{"c":null}}', '["x",true,false,-7,0]', '{"":0," ":1,"!":2,"#":3}', "{}", "999999999999999"])
    assert.ok(vouches(text), text);
  for (const text of [
    '{"b":1,"a":2}',
    '{"a":1,"a":1}',
    '{"ab":1,"a":2}',
    '{"a!":1,"a":2}',
    '{"a": 1}',
    '{"a":1,}',
    "[1,]",
    "01",
    "-0",
    "1.0",
    "1e3",
    "-",
    "",
    '"a',
    '"\\u0041"',
    '"\n"',
    "tru",
    "nul",
    '{"a"}',
    '{"a":}',
    "{1:2}",
    "[1 2]",
    "1000000000000000000",
  ])
    assert.ok(!vouches(text), text);
});

test("[ST-40] the quick scan leaves deep documents to others", () => {
  const deep = (levels: number): string => "[".repeat(levels) + "]".repeat(levels);
  assert.ok(vouches(deep(60)));
  assert.ok(!vouches(deep(100_000)));
});
