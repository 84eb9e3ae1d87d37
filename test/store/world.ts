/** Builders that the store's tests share. */
import { createHash, createPrivateKey, createPublicKey, sign } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import assert from "node:assert/strict";
import type { AppendRequest, Payload, Receipt, Signer, Store, StoreRefusal, StreamWrite } from "../../src/control/ports.ts";
import { digestOf, millis } from "../../src/core/base/index.ts";
import type { Json } from "../../src/core/base/index.ts";

export const ORIGIN = "log.example/pawl";

/** A signer from a fixed seed, so that two stores of one test sign alike. */
export function signerFrom(seed: string, name = ORIGIN): Signer {
  const der = Buffer.concat([Buffer.from("302e020100300506032b657004220420", "hex"), createHash("sha256").update(seed).digest()]);
  const key = createPrivateKey({ key: der, format: "der", type: "pkcs8" });
  const publicKey = createPublicKey(key).export({ format: "der", type: "spki" }).subarray(-32);
  return { name, publicKey: new Uint8Array(publicKey), sign: (message) => new Uint8Array(sign(null, message, key)) };
}
export const signer = signerFrom("first");

export function temporaryFolder(t: { after(fn: () => void): void }): string {
  const folder = mkdtempSync(join(tmpdir(), "pawl-store-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

export const event = (n: number, more: Record<string, Json> = {}): Json => ({ type: "noted", number: n, ...more });

/** A write of `count` events to a counted stream with a state that names its version. */
export function counted(
  stream: string,
  expected: number,
  count = 1,
  more: { status?: string; proposer?: string; createdAt?: number } = {},
): StreamWrite {
  const state = {
    body: { stream, version: expected + count },
    status: more.status ?? "open",
    proposer: more.proposer ?? "agent:one",
    createdAt: millis(more.createdAt ?? 1000),
    updatedAt: millis(2000 + expected + count),
  };
  return { stream, expected, events: Array.from({ length: count }, (_, i) => event(expected + i)), state };
}

export const gathered = (stream: string, count = 1): StreamWrite => ({
  stream,
  expected: "any",
  events: Array.from({ length: count }, (_, i) => event(i)),
});

export const payload = (text: string, mediaType = "text/plain"): Payload => ({
  digest: digestOf(text),
  mediaType,
  bytes: new TextEncoder().encode(text),
});

export const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

export async function accepted(store: Pick<Store, "append">, request: AppendRequest): Promise<Receipt> {
  const answer = await store.append(request);
  assert.ok(answer.ok, answer.ok ? "" : JSON.stringify(answer.error));
  return answer.value;
}

export async function refused(store: Pick<Store, "append">, request: AppendRequest): Promise<StoreRefusal> {
  const answer = await store.append(request);
  assert.ok(!answer.ok, "the append was accepted");
  return answer.error;
}

/** Every entry of a store, page by page. */
export async function allEntries(store: Store): Promise<string[]> {
  const found: string[] = [];
  for (;;) {
    const page = await store.entries(found.length, 1000);
    if (page.length === 0) return found;
    page.forEach((entry, i) => assert.equal(entry.index, found.length + i));
    found.push(...page.map(({ bytes }) => text(bytes)));
  }
}

/** Resolves with the first thing that `watch` says about a stream. */
export function heard(store: Store, stream: string): Promise<readonly string[]> {
  return new Promise((resolve) => {
    const stop = store.watch((streams) => {
      if (!streams.includes(stream)) return;
      stop();
      resolve(streams);
    });
  });
}

export type Context = TestContext;
