/** The one file of the core that touches the platform's cryptography; a browser build replaces this file and nothing else. */
import { createHmac, createPublicKey, hash, verify } from "node:crypto";
import type { Digest, KeyedDigest } from "./ids.ts";

export function sha256(bytes: Uint8Array): Uint8Array {
  const sum = new Uint8Array(32);
  sha256Into(sum, 0, bytes);
  return sum;
}

/** Writes the 32 bytes of the hash into `target` at `at`. Through a string, which costs less than half of a digest buffer. */
export function sha256Into(target: Uint8Array, at: number, bytes: Uint8Array): void {
  const text = hash("sha256", bytes, "latin1");
  for (let i = 0; i < 32; i++) target[at + i] = text.charCodeAt(i);
}

export const digestOf = (bytes: Uint8Array | string): Digest => `sha256:${hash("sha256", bytes, "hex")}` as Digest;
export const keyedDigestOf = (key: Uint8Array, bytes: Uint8Array | string): KeyedDigest =>
  `hmac-sha256:${createHmac("sha256", key).update(bytes).digest("hex")}` as KeyedDigest;

/** SPKI prefix of an Ed25519 public key; what follows is the 32 raw bytes. */
const SPKI_ED25519 = Buffer.from("302a300506032b6570032100", "hex");

/** Verifies an Ed25519 signature by a raw 32-byte public key. Any malformed part is simply not a signature. */
export function verifyEd25519(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  if (publicKey.length !== 32 || signature.length !== 64) return false;
  try {
    const key = createPublicKey({ key: Buffer.concat([SPKI_ED25519, publicKey]), format: "der", type: "spki" });
    return verify(null, message, key, signature);
  } catch {
    return false;
  }
}
