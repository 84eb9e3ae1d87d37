/** The one file of the core that touches the platform's cryptography; a browser build replaces this file and nothing else. */
import { createHash, createHmac, createPublicKey, verify } from "node:crypto";
import type { Digest, KeyedDigest } from "./ids.ts";

export const sha256 = (bytes: Uint8Array): Uint8Array => createHash("sha256").update(bytes).digest();
export const digestOf = (bytes: Uint8Array | string): Digest => `sha256:${createHash("sha256").update(bytes).digest("hex")}` as Digest;
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
