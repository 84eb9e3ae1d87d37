/** The write path where something goes wrong in the middle of it. */
import assert from "node:assert/strict";
import test from "node:test";
import { admit } from "../../src/store/write/admit.ts";
import { CorruptTree, writeSet } from "../../src/store/write/commit.ts";
import { decide } from "../../src/store/write/decide.ts";
import { firstHead } from "../../src/store/head.ts";
import { MAX_QUEUED } from "../../src/store/limits.ts";
import { memoryBackend } from "../../src/store/memory.ts";
import type { Backend, Facts, Outcome } from "../../src/store/model.ts";
import { createStore } from "../../src/store/store.ts";
import { ORIGIN, accepted, counted, gathered, payload, refused, signer } from "./world.ts";

const identity = { origin: ORIGIN, signer };
/** Facts that have forgotten everything but the tree. */
const nothing = (facts: Facts): Facts => ({ ...facts, streams: new Map(), claims: new Map(), outbox: new Set() });

/** A store whose commits go through the given hands. */
function withHands(hands: (transact: Backend["transact"]) => Backend["transact"]) {
  const backend = memoryBackend(firstHead(identity));
  return createStore({ ...backend, transact: hands((need, decideOn) => backend.transact(need, decideOn)) }, identity, 1);
}

test("[ST-8] when what was read before a batch is wrong, constraints refuse it, and each request is then judged alone", async () => {
  let blind = 0;
  const store = withHands((transact) => (need, decideOn) => transact(need, (facts) => decideOn(blind-- > 0 ? nothing(facts) : facts)));
  await accepted(store, { writes: [counted("change/a", 0)], claims: [{ kind: "vote", key: "seat", value: "first" }] });
  const ask = (stream: string, expected: number, key: string) =>
    store.append({ writes: [counted(stream, expected)], claims: [{ kind: "vote", key, value: "late" }] });
  const warm = store.append({ writes: [gathered("audit")] });
  blind = 2;
  const answers = await Promise.all([ask("change/b", 0, "seat"), ask("change/a", 0, "other"), ask("change/c", 0, "third")]);
  assert.ok((await warm).ok);
  assert.deepEqual(
    answers.map((answer) => (answer.ok ? "accepted" : answer.error.code)),
    ["claim_taken", "version_conflict", "accepted"],
  );
  assert.equal((await store.head()).size, 3);
});

test("[ST-10] a request that others always overtake is refused, and nothing of it was written", async () => {
  const store = withHands(() => async () => ({ kind: "conflict" }));
  const refusal = await refused(store, { writes: [gathered("audit")] });
  assert.deepEqual([refusal.code, refusal.details], ["store_unavailable", { outcome: "none" }]);
});

test("[ST-10] a commit whose end is not known is said to be unknown, and a request that it did not hold to be unwritten", async () => {
  let outcome: Outcome = { kind: "unknown", message: "the line was cut" };
  const store = withHands(() => async (_need, decideOn) => {
    const { outbox: _, ...head } = firstHead(identity);
    decideOn({ head: { ...head, outbox: 0 }, edge: [], streams: new Map(), claims: new Map(), outbox: new Set() });
    return outcome;
  });
  const ask = () => store.append({ writes: [counted("change/a", 0)] });
  const outcomes = async () =>
    (await Promise.all([ask(), ask(), ask()])).map((answer) => (answer.ok ? "" : answer.error.details?.["outcome"]));
  assert.deepEqual(await outcomes(), ["unknown", "unknown", "none"]);
  outcome = { kind: "failed", message: "the disk is full" };
  assert.deepEqual(await outcomes(), ["none", "none", "none"]);
});

test("[ST-14] a request that breaks the batch it is in breaks alone, and the queue goes on", async () => {
  const store = withHands((transact) => (need, decideOn) => {
    if (need.streams.includes("poison")) throw new Error("out of order");
    return transact(need, decideOn);
  });
  const ask = (stream: string) => store.append({ writes: [gathered(stream)] });
  const answers = await Promise.allSettled([ask("warm"), ask("a"), ask("poison"), ask("b"), ask("poison")]);
  assert.deepEqual(
    answers.map(({ status }) => status),
    ["fulfilled", "fulfilled", "rejected", "fulfilled", "rejected"],
  );
  assert.equal((await accepted(store, { writes: [gathered("audit")] })).size, 4);
});

test("[ST-10] a queue that is full refuses what comes on top of it", async () => {
  const { promise: hung, resolve: release } = Promise.withResolvers<void>();
  const store = withHands((transact) => async (need, decideOn) => {
    await hung;
    return transact(need, decideOn);
  });
  const ask = () => store.append({ writes: [], payloads: [payload("same")] });
  const waiting = Array.from({ length: MAX_QUEUED + 1 }, ask);
  const refusal = await refused(store, { writes: [gathered("audit")] });
  assert.deepEqual([refusal.code, refusal.details], ["store_unavailable", { outcome: "none" }]);
  release();
  assert.ok((await Promise.all(waiting)).every(({ ok }) => ok));
});

const empty: Facts = { head: firstHead(identity), edge: [], streams: new Map(), claims: new Map(), outbox: new Set() };

test("[ST-12, E45] bytes that change after they were hashed are not signed", () => {
  const admitted = admit({ writes: [gathered("audit", 3)] });
  assert.ok(admitted.ok);
  const decided = decide(empty, [admitted.value]);
  writeSet(empty, decided, signer, "sound");
  const entry = decided.entries[1];
  assert.ok(entry);
  entry.bytes[9] = (entry.bytes[9] ?? 0) ^ 4;
  let signed = 0;
  const counting = { ...signer, sign: (message: Uint8Array) => (signed++, signer.sign(message)) };
  assert.throws(() => writeSet(empty, decided, counting, "flipped"), /the bytes of entry 1 changed/);
  assert.equal(signed, 0);
});

test("[ST-12, E45] a leaf hash that changes in memory is not signed", () => {
  const admitted = admit({ writes: [gathered("audit", 3)] });
  assert.ok(admitted.ok);
  const decided = decide(empty, [admitted.value]);
  decided.entries[2]?.leaf.fill(7);
  assert.throws(() => writeSet(empty, decided, signer, "flipped"), /the bytes of entry 2 changed/);
});

test("[ST-35] a tree is not extended when its right edge is missing or has another root", () => {
  const admitted = admit({ writes: [gathered("audit")] });
  assert.ok(admitted.ok);
  const head = { ...empty.head, size: 2, root: new Uint8Array(32) };
  for (const edge of [[], [{ level: 0, idx: 0, hashes: new Uint8Array(64) }]]) {
    const facts = { ...empty, head, edge };
    assert.throws(() => writeSet(facts, decide(facts, [admitted.value]), signer, "batch"), CorruptTree);
  }
});
