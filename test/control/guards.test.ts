import assert from "node:assert/strict";
import { test } from "node:test";
import { worldOn } from "./stores.ts";

for (const kind of ["memory", "sqlite"] as const) {
  test(`[CO-3] ${kind}: a request that rests on a stream is written only while that stream is where it was`, async (t) => {
    const { store } = await worldOn(t, kind, { worker: false });
    const write = (stream: string) => ({ stream, expected: "any", events: [{ type: "noted" }] }) as const;
    const version = (await store.load("config/policy"))?.version ?? 0;
    const guard = { stream: "config/policy", version };
    assert.ok((await store.append({ writes: [write("audit")], guards: [guard, { stream: "change/chg_none01", version: 0 }] })).ok);
    for (const moved of [
      { ...guard, version: version + 1 },
      { ...guard, version: 0 },
      { stream: "change/chg_none01", version: 1 },
    ]) {
      const refused = await store.append({ writes: [write("audit")], claims: [{ kind: "x", key: "1", value: "1" }], guards: [moved] });
      assert.equal(!refused.ok && refused.error.code, "version_conflict");
    }
    assert.equal(await store.claim("x", "1"), undefined);
  });

  test(`[CO-3] ${kind}: of two requests in one batch, the second sees what the first moved`, async (t) => {
    const { store } = await worldOn(t, kind, { worker: false });
    const row = await store.load("config/directory");
    assert.ok(row !== undefined);
    const { version, body, status, proposer, createdAt, updatedAt } = row;
    const state = { body, status, proposer, createdAt, updatedAt };
    const move = { writes: [{ stream: "config/directory", expected: version, events: [{ type: "noted" }], state }] };
    const rests = {
      writes: [{ stream: "audit", expected: "any", events: [{ type: "noted" }] }],
      guards: [{ stream: "config/directory", version }],
    } as const;
    const [moved, early] = await Promise.all([store.append(move), store.append(rests)]);
    assert.deepEqual([moved.ok, early.ok], [true, false]);
  });
}
