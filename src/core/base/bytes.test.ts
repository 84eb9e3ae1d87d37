import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { concatBytes, equalBytes, fromBase64, fromHex, fromUtf8, toBase64, toHex, utf8 } from "./bytes.ts";

const SEED = 7295;

test("[CJ-19] hex, base64 and UTF-8 agree with the platform and come back", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), fc.string({ unit: "grapheme" }), (bytes, text) => {
      assert.equal(toHex(bytes), Buffer.from(bytes).toString("hex"));
      assert.equal(toBase64(bytes), Buffer.from(bytes).toString("base64"));
      assert.deepEqual(fromHex(toHex(bytes)), bytes);
      assert.deepEqual(fromBase64(toBase64(bytes)), bytes);
      assert.equal(fromUtf8(utf8(text)), text);
    }),
    { seed: SEED },
  );
  const large = new Uint8Array(100_000).map((_, i) => i * 7);
  assert.deepEqual(fromBase64(toBase64(large)), large);
});

test("[CJ-19] a text that the encoder would not have written is refused", () => {
  for (const text of ["0", "0G", "AB", " 00", "00 ", "0x", "00\n"]) assert.equal(fromHex(text), undefined, text);
  for (const text of [
    "A",
    "AA",
    "AAA",
    "AA=",
    "AAAA=",
    "AB==",
    "AAB=",
    "AA=A",
    "=AAA",
    "AA-_",
    "AA==AA==",
    " AAA",
    "AAA\n",
    "AAAA\n",
    "====",
  ]) {
    assert.equal(fromBase64(text), undefined, text);
  }
  for (const bytes of [[0xff], [0xc0, 0x80], [0xed, 0xa0, 0x80]]) assert.equal(fromUtf8(new Uint8Array(bytes)), undefined);
  assert.equal(fromUtf8(new Uint8Array([0xef, 0xbb, 0xbf, 0x41])), "\ufeffA");
});

test("[CJ-19] equality and joining", () => {
  assert.ok(equalBytes(new Uint8Array([1, 2]), new Uint8Array([1, 2])));
  for (const other of [[1], [1, 3], [1, 2, 0], []]) assert.ok(!equalBytes(new Uint8Array([1, 2]), new Uint8Array(other)));
  assert.deepEqual(concatBytes(new Uint8Array([1]), new Uint8Array(0), new Uint8Array([2, 3])), new Uint8Array([1, 2, 3]));
});
