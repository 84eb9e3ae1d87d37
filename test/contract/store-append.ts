import assert from "node:assert/strict";
import test from "node:test";
import { digestOf } from "../../src/core/base/index.ts";
import { MAX_ENTRY_BYTES } from "../../src/core/ledger/index.ts";
import { MAX_PAYLOAD_BYTES } from "../../src/store/limits.ts";
import { accepted, allEntries, counted, event, gathered, payload, refused, text } from "../store/world.ts";
import type { Suite } from "./store-suite.ts";

export function appendContract({ name, make }: Suite): void {
  test(`${name}: [ST-1] an append writes entries, state, claims, outbox and payloads together`, async (t) => {
    const store = await (await make(t)).open();
    const receipt = await accepted(store, {
      writes: [counted("change/chg_1", 0, 2), gathered("audit")],
      claims: [{ kind: "token", key: "hash", value: "tok_1" }],
      outbox: [{ key: "tell/1", kind: "tell", body: { to: "ada" }, dueAt: 5 as never }],
      payloads: [payload("the patch")],
    });
    assert.deepEqual(receipt.indexes, [0, 1, 2]);
    assert.equal(receipt.size, 3);
    assert.equal((await store.load("change/chg_1"))?.version, 2);
    assert.deepEqual(await store.claim("token", "hash"), { kind: "token", key: "hash", value: "tok_1" });
    assert.equal((await store.takeDue(9 as never, 1, 10)).length, 1);
    assert.deepEqual(await store.payload(digestOf("the patch")), payload("the patch"));
    assert.equal((await store.head()).checkpoint, receipt.checkpoint);
  });

  test(`${name}: [ST-1] a refused append leaves nothing behind`, async (t) => {
    const store = await (await make(t)).open();
    await accepted(store, { writes: [counted("change/chg_1", 0)] });
    const before = await store.head();
    const refusal = await refused(store, {
      writes: [counted("change/chg_2", 0), counted("change/chg_1", 0), gathered("audit")],
      claims: [{ kind: "token", key: "hash", value: "tok_1" }],
      outbox: [{ key: "tell/1", kind: "tell", body: {}, dueAt: 0 as never }],
      payloads: [payload("the patch")],
    });
    assert.equal(refusal.code, "version_conflict");
    assert.deepEqual(await store.head(), before);
    assert.equal(await store.load("change/chg_2"), undefined);
    assert.equal(await store.claim("token", "hash"), undefined);
    assert.deepEqual(await store.takeDue(9 as never, 1, 10), []);
    assert.equal(await store.payload(digestOf("the patch")), undefined);
    assert.equal((await allEntries(store)).length, 1);
  });

  test(`${name}: [ST-2] an entry's bytes are canonical JSON that names its stream and its number in it`, async (t) => {
    const store = await (await make(t)).open();
    await accepted(store, { writes: [{ stream: "config/policy", expected: 0, events: [{ b: 1, a: "é\u2028" }, [null]] }] });
    await accepted(store, { writes: [gathered("audit", 2), { stream: "config/policy", expected: 2, events: [{}] }] });
    assert.deepEqual(await allEntries(store), [
      '{"event":{"a":"é\u2028","b":1},"n":0,"stream":"config/policy","v":1}',
      '{"event":[null],"n":1,"stream":"config/policy","v":1}',
      '{"event":{"number":0,"type":"noted"},"n":0,"stream":"audit","v":1}',
      '{"event":{"number":1,"type":"noted"},"n":0,"stream":"audit","v":1}',
      '{"event":{},"n":2,"stream":"config/policy","v":1}',
    ]);
  });

  test(`${name}: [ST-53] a request that rests on a stream that has moved is refused, and one at a time wins`, async (t) => {
    const store = await (await make(t)).open();
    await accepted(store, { writes: [counted("config/policy", 0)] });
    const guards = [{ stream: "config/policy", version: 1 }];
    await accepted(store, { writes: [counted("change/chg_1", 0)], guards });
    const moving = store.append({ writes: [counted("config/policy", 1)] });
    const resting = Promise.all(
      Array.from({ length: 20 }, (_, n) =>
        store.append({ writes: [counted(`change/chg_2${n}`, 0)], guards: [{ stream: "config/policy", version: 1 }] }),
      ),
    );
    assert.ok((await moving).ok);
    for (const answer of await resting) assert.equal(answer.ok ? "" : answer.error.code, "version_conflict");
    assert.equal((await refused(store, { writes: [counted("change/chg_3", 0)], guards })).code, "version_conflict");
    assert.equal(
      (await refused(store, { writes: [counted("change/chg_3", 0)], guards: [{ stream: "config/directory", version: 1 }] })).code,
      "version_conflict",
    );
    await accepted(store, { writes: [counted("change/chg_3", 0)], guards: [{ stream: "config/directory", version: 0 }] });
  });

  test(`${name}: [ST-5] a write decided on another version than the stored one is refused with both`, async (t) => {
    const store = await (await make(t)).open();
    await accepted(store, { writes: [counted("change/chg_1", 0, 3)] });
    for (const expected of [0, 2, 4]) {
      const refusal = await refused(store, { writes: [counted("change/chg_1", expected)] });
      assert.equal(refusal.code, "version_conflict");
      assert.deepEqual(refusal.details, { expected, actual: 3 });
    }
    assert.deepEqual((await refused(store, { writes: [counted("change/new", 1)] })).details, { expected: 1, actual: 0 });
    await accepted(store, { writes: [counted("change/chg_1", 3)] });
  });

  test(`${name}: [ST-5] the second write to a stream in one request expects what the first left`, async (t) => {
    const store = await (await make(t)).open();
    await accepted(store, { writes: [counted("change/chg_1", 0, 2), gathered("audit"), counted("change/chg_1", 2), gathered("audit")] });
    assert.equal((await store.load("change/chg_1"))?.version, 3);
    assert.equal((await refused(store, { writes: [counted("change/chg_2", 0), counted("change/chg_2", 0)] })).code, "version_conflict");
  });

  test(`${name}: [ST-6, D34] a claim that is taken refuses the request and shows the value that stands`, async (t) => {
    const store = await (await make(t)).open();
    const claim = { kind: "idempotency", key: "agent:one/key-1", value: digestOf("first body") };
    await accepted(store, { writes: [counted("change/chg_1", 0)], claims: [claim] });
    const again = { writes: [counted("change/chg_2", 0)], claims: [{ ...claim, value: digestOf("other body") }] };
    const refusal = await refused(store, again);
    assert.equal(refusal.code, "claim_taken");
    assert.deepEqual(refusal.claim, claim);
    assert.equal(await store.load("change/chg_2"), undefined);
    await accepted(store, { writes: [counted("change/chg_2", 0)], claims: [{ ...claim, kind: "vote" }] });
  });

  test(`${name}: [ST-9] payload bytes that do not hash to their digest are refused`, async (t) => {
    const store = await (await make(t)).open();
    const wrong = { ...payload("what was approved"), bytes: payload("something else").bytes };
    assert.equal((await refused(store, { writes: [gathered("audit")], payloads: [wrong] })).code, "payload_mismatch");
    assert.equal((await store.head()).size, 0);
  });

  test(`${name}: [ST-9] what is larger than its bound is refused, what has exactly its size is stored`, async (t) => {
    const store = await (await make(t)).open();
    const large = payload("x".repeat(MAX_PAYLOAD_BYTES + 1));
    assert.equal((await refused(store, { writes: [gathered("audit")], payloads: [large] })).code, "payload_too_large");
    const overhead = '{"event":"","n":0,"stream":"audit","v":1}'.length;
    const entry = (length: number) => ({
      writes: [{ stream: "audit", expected: "any" as const, events: ["x".repeat(length - overhead)] }],
    });
    assert.equal((await refused(store, entry(MAX_ENTRY_BYTES + 1))).code, "entry_too_large");
    await accepted(store, entry(MAX_ENTRY_BYTES));
    assert.equal((await store.entries(0, 1))[0]?.bytes.length, MAX_ENTRY_BYTES);
  });

  test(`${name}: [ST-9] the caller's buffer may change while its append waits`, async (t) => {
    const store = await (await make(t)).open();
    const given = payload("as approved");
    const waiting = store.append({ writes: [gathered("audit")], payloads: [given] });
    given.bytes.fill(0);
    assert.ok((await waiting).ok);
    const stored = await store.payload(given.digest);
    assert.ok(typeof stored === "object");
    assert.equal(text(stored.bytes), "as approved");
  });

  test(`${name}: [ST-13] a stream gathers entries or counts them, for good`, async (t) => {
    const store = await (await make(t)).open();
    await accepted(store, { writes: [gathered("audit", 2), counted("change/chg_1", 0)] });
    assert.equal((await refused(store, { writes: [counted("audit", 2)] })).code, "version_conflict");
    assert.equal((await refused(store, { writes: [gathered("change/chg_1")] })).code, "version_conflict");
    assert.equal(await store.load("audit"), undefined);
  });

  test(`${name}: [ST-14] what no caller may ask breaks the call and nothing else`, async (t) => {
    const store = await (await make(t)).open();
    const bad = [
      { writes: [] },
      { writes: [{ stream: "audit", expected: "any" as const, events: [] }] },
      { writes: [{ stream: 'a"b', expected: "any" as const, events: [1] }] },
      { writes: [{ ...counted("audit", 0), expected: "any" as const }] },
      { writes: [gathered("audit")], claims: [{ kind: "token", key: "a\0b", value: "" }] },
      { writes: [{ stream: "audit", expected: -1, events: [1] }] },
    ];
    for (const request of bad) await assert.rejects(store.append(request), /invariant broken/);
    const [first, second] = await Promise.all([
      store.append({ writes: [gathered("audit")] }),
      store.append({ writes: [gathered("audit")] }),
    ]);
    assert.ok(first.ok && second.ok);
  });

  test(`${name}: [ST-10] a closed store refuses, and says that nothing was written`, async (t) => {
    const store = await (await make(t)).open();
    const waiting = store.append({ writes: [gathered("audit")] });
    const closing = store.close();
    const refusal = await refused(store, { writes: [gathered("audit")] });
    assert.equal(refusal.code, "store_unavailable");
    assert.deepEqual(refusal.details, { outcome: "none" });
    assert.ok((await waiting).ok, "what was queued before is still committed");
    await closing;
  });

  test(`${name}: [ST-1] a request may carry payloads and outbox items alone`, async (t) => {
    const store = await (await make(t)).open();
    const before = await store.head();
    const receipt = await accepted(store, { writes: [], payloads: [payload("alone")] });
    assert.deepEqual(receipt, { indexes: [], size: 0, checkpoint: before.checkpoint });
    assert.ok(await store.payload(digestOf("alone")));
    assert.deepEqual(event(1), { type: "noted", number: 1 });
  });
}
