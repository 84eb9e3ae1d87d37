import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { openForeign } from "./json-foreign.ts";
import type { Json } from "./json.ts";

const bytes = (text: string): Buffer => Buffer.from(text);

function read(text: string, name = "a"): Json | undefined | string {
  const opened = openForeign(bytes(text));
  if (!opened.ok) return opened.error.code;
  const value = opened.value.read(name);
  return value.ok ? value.value : value.error.code;
}

test("[CJ-20] a foreign document's members are read one by one, as JSON.parse reads them", () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string({ minLength: 1 }), fc.jsonValue(), { maxKeys: 6 }), fc.nat(3), (document, indent) => {
      fc.pre(!JSON.stringify(document).includes("__proto__"));
      const opened = openForeign(bytes(JSON.stringify(document, undefined, indent)));
      assert.ok(opened.ok);
      const plain = JSON.parse(JSON.stringify(document)) as Record<string, Json>;
      assert.deepEqual([...opened.value.names].toSorted(), Object.keys(plain).toSorted());
      for (const [name, value] of Object.entries(plain)) {
        const found = opened.value.read(name);
        assert.ok(found.ok);
        assert.equal(JSON.stringify(found.value), JSON.stringify(value));
      }
    }),
    { seed: 7 },
  );
});

test("[CJ-20] a number that no double holds is read as its digits, and every other one as a number", () => {
  assert.deepEqual(read('{"a":[18446744073709551615, 1e400, 9007199254740993, 0.1, -2.5e3, 12345678901234567890123]}'), [
    "18446744073709551615",
    "1e400",
    "9007199254740993",
    0.1,
    -2500,
    "12345678901234567890123",
  ]);
});

test("[CJ-20] text that is not in normal form C is read as it is", () => {
  assert.equal(read('{"a":"e\u0301"}'), "e\u0301");
});

test("[CJ-20] [F48] what means two things to two readers is refused", () => {
  assert.equal(read('{"a":1,"a":2}'), "foreign_duplicate_key");
  assert.equal(read('{"a":{"b":1,"c":{"d":1,"d":2}}}'), "foreign_duplicate_key");
  assert.equal(read(String.raw`{"a":{"b":1,"\u0062":2}}`), "foreign_duplicate_key");
  assert.equal(read('{"a":{"__proto__":1}}'), "foreign_syntax");
  assert.equal(read(String.raw`{"a":"\ud800"}`), "foreign_syntax");
  assert.equal(read(String.raw`{"a":"\ud83d\ude00"}`), "\u{1f600}");
  assert.equal(read(String.raw`{"a":"\\ud800"}`), String.raw`\ud800`);
  assert.equal(read(`{"a":${"[".repeat(300)}${"]".repeat(300)}}`), "foreign_too_deep");
});

test("[CJ-20] what is no document, or ends in the middle, is refused", () => {
  for (const text of ["", "[]", "1", "{", '{"a"', '{"a":', '{"a":1', '{"a":1}x', '{"a":1,}', '{"a":tru}', '{"a":[1}', "{a:1}"])
    assert.match(JSON.stringify(read(text)), /^"foreign_/, text);
});

test("[CJ-20] UTF-16 with its mark is read, and bytes that are no text are refused", () => {
  const marked = (mark: readonly number[], body: Buffer) => openForeign(Buffer.concat([Buffer.from(mark), body]));
  for (const opened of [marked([0xff, 0xfe], Buffer.from('{"a":1}', "utf16le")), marked([0xef, 0xbb, 0xbf], bytes('{"a":1}'))]) {
    const value = opened.ok ? opened.value.read("a") : opened;
    assert.ok(value.ok && value.value === 1);
  }
  assert.equal(marked([0xff, 0xfe, 0x00], bytes("{")).ok, false);
  const bad = openForeign(Buffer.concat([bytes('{"a":"'), Buffer.from([0xc3, 0x28]), bytes('"}')]));
  assert.ok(bad.ok && !bad.value.read("a").ok);
});
