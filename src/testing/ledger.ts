/** A log in memory, keys that anybody knows, and RFC 6962 as its text defines it: slow, recursive, and easy to believe. */
import { createHash, createPrivateKey, createPublicKey, sign } from "node:crypto";
import { integrate, leafHash, type NoteSigner, type ReadTile } from "../core/ledger/index.ts";

const sha = (...parts: Uint8Array[]): Uint8Array => {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part);
  return new Uint8Array(hash.digest());
};

/** The largest power of two less than n. */
const cut = (n: number): number => 2 ** Math.ceil(Math.log2(n) - 1);

/** MTH(D[n]) of RFC 6962, section 2.1. */
export function referenceRoot(entries: readonly Uint8Array[]): Uint8Array {
  const [only] = entries;
  if (only === undefined) return sha();
  if (entries.length === 1) return sha(Uint8Array.of(0), only);
  const k = cut(entries.length);
  return sha(Uint8Array.of(1), referenceRoot(entries.slice(0, k)), referenceRoot(entries.slice(k)));
}

/** PATH(m, D[n]) of RFC 6962, section 2.1.1. */
export function referenceInclusion(m: number, entries: readonly Uint8Array[]): Uint8Array[] {
  if (entries.length <= 1) return [];
  const k = cut(entries.length);
  const [left, right] = [entries.slice(0, k), entries.slice(k)];
  return m < k ? [...referenceInclusion(m, left), referenceRoot(right)] : [...referenceInclusion(m - k, right), referenceRoot(left)];
}

/** PROOF(m, D[n]) of RFC 6962, section 2.1.2. */
export function referenceConsistency(m: number, entries: readonly Uint8Array[]): Uint8Array[] {
  const subproof = (old: number, part: readonly Uint8Array[], known: boolean): Uint8Array[] => {
    if (old === part.length) return known ? [] : [referenceRoot(part)];
    const k = cut(part.length);
    const [left, right] = [part.slice(0, k), part.slice(k)];
    return old <= k ? [...subproof(old, left, known), referenceRoot(right)] : [...subproof(old - k, right, false), referenceRoot(left)];
  };
  return m === 0 ? [] : subproof(m, entries, true);
}

const PKCS8_ED25519 = Buffer.from("302e020100300506032b657004220420", "hex");

/** A signer from a 32-byte seed, or from a number for tests that want just some key. */
export function testSigner(name: string, seed: Uint8Array | number): NoteSigner {
  const bytes = typeof seed === "number" ? sha(new TextEncoder().encode(`pawl test key ${seed}`)) : seed;
  const key = createPrivateKey({ key: Buffer.concat([PKCS8_ED25519, bytes]), format: "der", type: "pkcs8" });
  const publicKey = new Uint8Array(createPublicKey(key).export({ format: "der", type: "spki" }).subarray(12));
  return { name, publicKey, sign: (message) => new Uint8Array(sign(null, message, key)) };
}

/** Entry number i of the logs in tests. */
export const testEntry = (i: number): Uint8Array => new TextEncoder().encode(`{"n":${i}}`);
export const testEntries = (count: number): Uint8Array[] => Array.from({ length: count }, (_, i) => testEntry(i));

/** A log whose tiles are kept as a store keeps them: one row per tile, replaced when it grows. */
export class MemoryLog {
  readonly entries: Uint8Array[] = [];
  readonly tiles = new Map<string, Uint8Array>();
  root: Uint8Array = sha();
  /** Tiles that were read since the last append. */
  reads: string[] = [];

  readonly readTile: ReadTile = (level, index) => {
    this.reads.push(`${level}/${index}`);
    return this.tiles.get(`${level}/${index}`) ?? new Uint8Array(0);
  };

  get size(): number {
    return this.entries.length;
  }

  append(entries: readonly Uint8Array[]): this {
    this.reads = [];
    const { root, tiles } = integrate(this.size, this.readTile, entries.map(leafHash));
    for (const { level, index, bytes } of tiles) this.tiles.set(`${level}/${index}`, bytes);
    this.entries.push(...entries);
    this.root = root;
    return this;
  }
}
