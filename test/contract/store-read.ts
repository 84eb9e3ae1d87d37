import assert from "node:assert/strict";
import test from "node:test";
import { jsonValue, sample } from "fast-check";
import { canonical, digestOf, millis } from "../../src/core/base/index.ts";
import type { Json } from "../../src/core/base/index.ts";
import { accepted, counted, gathered, payload, text } from "../store/world.ts";
import type { Suite } from "./store-suite.ts";
import { rootOf } from "./store-tree.ts";

export function readContract({ name, make }: Suite): void {
  test(`${name}: [ST-15] load gives the last state with its version`, async (t) => {
    const store = await (await make(t)).open();
    assert.equal(await store.load("change/chg_1"), undefined);
    const body = { b: [1, "two", null, { c: 3.5 }], a: "ü\u0000" };
    const state = { body, status: "open", proposer: "agent:x", createdAt: millis(1), updatedAt: millis(2 ** 45) };
    await accepted(store, { writes: [{ stream: "change/chg_1", expected: 0, events: [1, 2], state }] });
    assert.deepEqual(await store.load("change/chg_1"), { stream: "change/chg_1", version: 2, ...state });
    await accepted(store, { writes: [{ stream: "change/chg_1", expected: 2, events: [3] }] });
    assert.deepEqual(await store.load("change/chg_1"), { stream: "change/chg_1", version: 3, ...state });
  });

  test(`${name}: [ST-15, F49] any JSON comes back with the same canonical bytes, from states and from entries`, async (t) => {
    const store = await (await make(t)).open();
    const documents = sample(jsonValue({ stringUnit: "binary", maxDepth: 4 }), { numRuns: 150, seed: 20261120 }) as Json[];
    const columns = { status: "open", proposer: "agent:one", createdAt: millis(1), updatedAt: millis(1) };
    await accepted(store, {
      writes: documents.map((body, i) => ({ stream: `any/${i}`, expected: 0, events: [body], state: { body, ...columns } })),
    });
    for (const [i, body] of documents.entries()) {
      assert.equal(canonical((await store.load(`any/${i}`))?.body), canonical(body));
      const [entry] = await store.history(`any/${i}`, 0, 1);
      assert.equal(text(entry?.bytes ?? new Uint8Array()), `{"event":${canonical(body)},"n":0,"stream":"any/${i}","v":1}`);
    }
  });

  test(`${name}: [ST-16] list gives newest first and filters by prefix, status and proposer`, async (t) => {
    const store = await (await make(t)).open();
    const states = [
      ["change/a", 10, "open", "agent:one"],
      ["change/b", 30, "done", "agent:one"],
      ["change/c", 20, "open", "agent:two"],
      ["change/d", 20, "stale", "agent:one"],
      ["token/a", 99, "open", "agent:one"],
    ] as const;
    const writes = states.map(([stream, createdAt, status, proposer]) => counted(stream, 0, 1, { createdAt, status, proposer }));
    await accepted(store, { writes: [...writes, gathered("change/gathered"), { stream: "change/bare", expected: 0, events: [1] }] });
    const names = async (more: object) => (await store.list({ prefix: "change/", limit: 10, ...more })).rows.map(({ stream }) => stream);
    assert.deepEqual(await names({}), ["change/b", "change/d", "change/c", "change/a"]);
    assert.deepEqual(await names({ statuses: ["open", "stale"] }), ["change/d", "change/c", "change/a"]);
    assert.deepEqual(await names({ statuses: [] }), []);
    assert.deepEqual(await names({ proposer: "agent:one", statuses: ["open"] }), ["change/a"]);
    assert.deepEqual(await names({ prefix: "change/c" }), ["change/c"]);
    assert.deepEqual(await names({ prefix: "tok" }), ["token/a"]);
  });

  test(`${name}: [ST-16] pages follow each other without gap or repetition; a cursor of nobody's is said to be one`, async (t) => {
    const store = await (await make(t)).open();
    const writes = Array.from({ length: 25 }, (_, i) => counted(`change/${i}`, 0, 1, { createdAt: 1000 + Math.floor(i / 7) }));
    await accepted(store, { writes });
    const whole = (await store.list({ prefix: "change/", limit: 100 })).rows.map(({ stream }) => stream);
    const paged: string[] = [];
    let cursor: string | undefined;
    do {
      const page = await store.list({ prefix: "change/", limit: 4, cursor });
      paged.push(...page.rows.map(({ stream }) => stream));
      cursor = page.cursor;
    } while (cursor !== undefined);
    assert.equal(whole.length, 25);
    assert.deepEqual(paged, whole);
    assert.deepEqual(await store.list({ prefix: "change/", limit: 4, cursor: "garbage" }), { rows: [], badCursor: true });
  });

  test(`${name}: [ST-17] history gives the entries of one stream, oldest first, from any number on`, async (t) => {
    const store = await (await make(t)).open();
    await accepted(store, { writes: [counted("change/a", 0, 2), gathered("audit", 3), counted("change/b", 0)] });
    await accepted(store, { writes: [gathered("audit"), counted("change/a", 2, 2)] });
    const indexes = async (stream: string, from: number, limit: number) =>
      (await store.history(stream, from, limit)).map((entry) => (assert.equal(entry.stream, stream), entry.index));
    assert.deepEqual(await indexes("change/a", 0, 10), [0, 1, 7, 8]);
    assert.deepEqual(await indexes("change/a", 1, 2), [1, 7]);
    assert.deepEqual(await indexes("audit", 2, 10), [4, 6]);
    assert.deepEqual(await indexes("nobody", 0, 10), []);
    assert.match(text((await store.history("change/a", 3, 1))[0]?.bytes ?? new Uint8Array()), /"n":3,"stream":"change\/a"/);
  });

  test(`${name}: [ST-3, ST-18] tiles, root and head agree with the entries, over tile borders and with batches of any size`, async (t) => {
    const store = await (await make(t)).open();
    assert.equal((await store.head()).size, 0);
    assert.deepEqual((await store.head()).root, rootOf([]));
    const sizes = [1, 1, 5, 248, 1, 1, 300, 500, 2];
    for (const count of sizes) {
      await accepted(store, { writes: [gathered("audit", count)] });
      const { size, root } = await store.head();
      const leaves = await leavesOf(store, size);
      assert.deepEqual(root, rootOf(leaves));
    }
    assert.equal((await store.tile(0, 0)).length, 256 * 32);
    assert.equal((await store.tile(1, 0)).length, Math.floor(1059 / 256) * 32);
    assert.equal((await store.tile(0, 99)).length, 0);
  });

  test(`${name}: [ST-4] every commit's checkpoint is kept, newest first, and covers a prefix`, async (t) => {
    const store = await (await make(t)).open();
    const receipts = [];
    for (const count of [3, 1, 260]) receipts.push(await accepted(store, { writes: [gathered("audit", count)] }));
    const kept = await store.checkpoints(10);
    assert.deepEqual(
      kept.map(({ size }) => size),
      [264, 4, 3, 0],
    );
    assert.deepEqual(
      kept.slice(0, 3).map(({ note }) => note),
      receipts.map(({ checkpoint }) => checkpoint).toReversed(),
    );
    const leaves = await leavesOf(store, 264);
    for (const { size, note } of kept) assert.equal(note.split("\n")[2], Buffer.from(rootOf(leaves.slice(0, size))).toString("base64"));
    assert.equal((await store.checkpoints(2)).length, 2);
  });

  test(`${name}: [ST-20] payloads are stored once and erased for good, but for a later append that brings them again`, async (t) => {
    const store = await (await make(t)).open();
    const given = payload("secret plans");
    assert.equal(await store.payload(given.digest), undefined);
    assert.equal(await store.erase(given.digest), false);
    await accepted(store, { writes: [gathered("audit")], payloads: [given, given] });
    await accepted(store, { writes: [gathered("audit")], payloads: [{ ...given, mediaType: "other/type" }] });
    assert.deepEqual(await store.payload(given.digest), given);
    assert.equal(await store.erase(given.digest), true);
    assert.equal(await store.payload(given.digest), "erased");
    assert.equal(await store.erase(given.digest), false);
    assert.equal((await store.head()).size, 2);
    await accepted(store, { writes: [gathered("audit")], payloads: [given] });
    assert.deepEqual(await store.payload(given.digest), given);
  });

  test(`${name}: [ST-20] an empty payload is a payload`, async (t) => {
    const store = await (await make(t)).open();
    await accepted(store, { writes: [gathered("audit")], payloads: [payload("")] });
    assert.deepEqual(await store.payload(digestOf("")), payload(""));
  });
}

async function leavesOf(store: { tile(level: number, index: number): Promise<Uint8Array> }, size: number): Promise<Uint8Array[]> {
  const leaves: Uint8Array[] = [];
  for (let index = 0; leaves.length < size; index++) {
    const bytes = await store.tile(0, index);
    for (let at = 0; at < bytes.length; at += 32) leaves.push(bytes.slice(at, at + 32));
  }
  assert.equal(leaves.length, size);
  return leaves;
}
