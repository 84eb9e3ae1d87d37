import assert from "node:assert/strict";
import { test } from "node:test";
import { toHex, utf8 } from "./bytes.ts";
import { digestOf, keyedDigestOf, sha256, sha256Into, verifyEd25519 } from "./hash.ts";

const hex = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, "hex"));

test("[CJ-15] digests of text are digests of its UTF-8 bytes", () => {
  assert.equal(digestOf("abc"), "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  assert.equal(digestOf("é"), digestOf(new Uint8Array([0xc3, 0xa9])));
  assert.deepEqual(
    Buffer.from(sha256(new Uint8Array(0))).toString("hex"),
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
  );
});

test("[CJ-15] the hash written into a buffer is the hash, and nothing beside it is touched", () => {
  const target = new Uint8Array(40).fill(7);
  target.set(utf8("abc"), 0);
  sha256Into(target, 4, target.subarray(0, 3));
  assert.equal(`sha256:${toHex(target.subarray(4, 36))}`, digestOf("abc"));
  assert.deepEqual([...target.subarray(36), target[3]], [7, 7, 7, 7, 7]);
});

test("[CJ-17] keyed digests are HMAC-SHA-256 (RFC 4231, cases 1 and 2) and depend on the key", () => {
  assert.equal(
    keyedDigestOf(hex("0b".repeat(20)), "Hi There"),
    "hmac-sha256:b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
  );
  assert.equal(
    keyedDigestOf(new TextEncoder().encode("Jefe"), "what do ya want for nothing?"),
    "hmac-sha256:5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
  );
  assert.notEqual(keyedDigestOf(hex("00"), "x"), keyedDigestOf(hex("01"), "x"));
});

const vector = {
  publicKey: hex("fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025"),
  message: hex("af82"),
  signature: hex(
    "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
  ),
};

test("[CJ-18] Ed25519 (RFC 8032, test 3): the signature verifies, and no altered bit of any part does", () => {
  assert.ok(verifyEd25519(vector.publicKey, vector.message, vector.signature));
  const flipped = (bytes: Uint8Array, bit: number): Uint8Array => bytes.map((byte, i) => (i === bit >> 3 ? byte ^ (1 << (bit & 7)) : byte));
  for (let bit = 0; bit < 512; bit++)
    assert.ok(!verifyEd25519(vector.publicKey, vector.message, flipped(vector.signature, bit)), `signature bit ${bit}`);
  for (let bit = 0; bit < 256; bit++)
    assert.ok(!verifyEd25519(flipped(vector.publicKey, bit), vector.message, vector.signature), `key bit ${bit}`);
  for (let bit = 0; bit < 16; bit++)
    assert.ok(!verifyEd25519(vector.publicKey, flipped(vector.message, bit), vector.signature), `message bit ${bit}`);
});

test("[CJ-18] a key or signature of another length is no signature", () => {
  for (const n of [0, 31, 33]) assert.ok(!verifyEd25519(new Uint8Array(n), vector.message, vector.signature));
  for (const n of [0, 63, 65]) assert.ok(!verifyEd25519(vector.publicKey, vector.message, new Uint8Array(n)));
});
