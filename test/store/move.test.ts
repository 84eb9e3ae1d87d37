import assert from "node:assert/strict";
import test from "node:test";
import { digestOf, millis, toBase64 } from "../../src/core/base/index.ts";
import { fsck, move, openMemory } from "../../src/store/index.ts";
import type { Inspected, OpenStore } from "../../src/store/index.ts";
import { TABLE_NAMES } from "../../src/store/sql/tables.ts";
import { makeDatabase } from "./databases.ts";
import type { Kind } from "./databases.ts";
import { ORIGIN, accepted, counted, gathered, payload, refused, signer, signerFrom } from "./world.ts";

async function fill(store: OpenStore): Promise<void> {
  await accepted(store, {
    writes: [counted("change/a", 0, 4), gathered("audit", 600)],
    claims: [{ kind: "vote", key: "ünicode", value: "1" }],
    payloads: [payload("kept \u0000 \u{1f512}"), payload("erased"), payload("")],
    outbox: ["a", "b", "c"].map((key) => ({ key, kind: "tell", body: { key }, dueAt: millis(5) })),
  });
  for (let i = 4; i < 20; i++) await accepted(store, { writes: [counted("change/a", i)] });
  await store.erase(digestOf("erased"));
  const [item] = await store.takeDue(millis(9), 100, 2);
  await store.settle(item?.id ?? -1);
}

async function everything(source: Inspected): Promise<unknown> {
  const snapshot = await source.snapshot();
  const all: Record<string, unknown> = {};
  for (const table of TABLE_NAMES) all[table] = await snapshot.scan(table, undefined, 10_000);
  await snapshot.close();
  return all;
}

for (const [from, to] of [
  ["sqlite", "postgres"],
  ["postgres", "sqlite"],
] satisfies [Kind, Kind][]) {
  test(`[ST-50] a move from ${from} to ${to} keeps the root, the checkpoints and every row`, async (t) => {
    const source = await (await makeDatabase(from, t)).open();
    const target = await (await makeDatabase(to, t)).open();
    await fill(source);
    const moved = await move(source, target);
    assert.ok(moved.ok, moved.ok ? "" : moved.error.message);
    const { root, size } = await source.head();
    assert.deepEqual([moved.value.size, moved.value.root], [size, toBase64(root)]);
    assert.equal(moved.value.rows.checkpoints, 18);
    assert.deepEqual(await everything(target), await everything(source));
    assert.deepEqual(await target.head(), await source.head());
    await accepted(target, { writes: [counted("change/a", 20)], outbox: [{ key: "d", kind: "tell", body: {}, dueAt: millis(0) }] });
    assert.equal((await refused(target, { writes: [counted("change/a", 19)] })).code, "version_conflict");
    assert.deepEqual(
      (await target.takeDue(millis(9), 1, 9)).map(({ key }) => key),
      ["d", "c"],
    );
    assert.equal((await fsck(target)).ok, true);
  });

  test(`[ST-51] a move from ${from} to ${to} refuses a target that is not empty`, async (t) => {
    const source = await (await makeDatabase(from, t)).open();
    const target = await (await makeDatabase(to, t)).open();
    await fill(source);
    await accepted(target, { writes: [], payloads: [payload("already here")] });
    const before = await everything(target);
    const moved = await move(source, target);
    assert.equal(moved.ok ? "" : moved.error.code, "not_empty");
    assert.deepEqual(await everything(target), before);
  });

  test(`[ST-52] a source that is not sound is not moved from ${from} to ${to}, and the target stays as it was`, async (t) => {
    const damaged = await makeDatabase(from, t);
    const source = await damaged.open();
    const target = await (await makeDatabase(to, t)).open();
    await fill(source);
    await damaged.sql("UPDATE entries SET bytes = (SELECT bytes FROM entries WHERE idx = 1) WHERE idx = 2");
    const before = await everything(target);
    const moved = await move(source, target);
    assert.equal(moved.ok ? "" : moved.error.code, "store_corrupt");
    assert.match(moved.ok ? "" : moved.error.message, /entries\/2/);
    assert.deepEqual(await everything(target), before);
  });
}

test("[ST-50] a store in memory can be moved into a file, and not the other way round", async (t) => {
  const memory = openMemory({ origin: ORIGIN, signer });
  await fill(memory);
  const file = await (await makeDatabase("sqlite", t)).open();
  assert.equal((await move(memory, file)).ok, true);
  assert.deepEqual(await file.head(), await memory.head());
  assert.equal((await move(file, openMemory({ origin: ORIGIN, signer }))).ok, false);
});

test("[ST-51] another log's database is not moved into", async (t) => {
  const memory = openMemory({ origin: "other.example/log", signer: signerFrom("other", "other.example/log") });
  await fill(memory);
  const file = await (await makeDatabase("sqlite", t)).open();
  const moved = await move(memory, file);
  assert.equal(moved.ok ? "" : moved.error.code, "wrong_origin");
});
