/** What only SQLite has: a file, a disk that fills up, a thread that may end. */
import assert from "node:assert/strict";
import { readFileSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import test from "node:test";
import { millis } from "../../src/core/base/index.ts";
import { fsck, openSqlite } from "../../src/store/index.ts";
import type { OpenStore, SqliteOptions } from "../../src/store/index.ts";
import { pack, unpack } from "../../src/store/sqlite/packed.ts";
import { connect, runProgram } from "../../src/store/sqlite/program.ts";
import type { Reply } from "../../src/store/sqlite/program.ts";
import { writerHere, writerThread } from "../../src/store/sqlite/writer.ts";
import type { Hooks } from "./databases.ts";
import { ORIGIN, accepted, counted, gathered, payload, refused, signer, temporaryFolder } from "./world.ts";

async function open(t: Hooks, more: Partial<SqliteOptions> = {}): Promise<OpenStore> {
  const path = more.path ?? join(temporaryFolder(t), "pawl.db");
  const opened = await openSqlite({ path, origin: ORIGIN, signer, ...(more.writer ? {} : { now: () => 0 }), ...more });
  assert.ok(opened.ok, opened.ok ? "" : opened.error.message);
  t.after(() => opened.value.close());
  return opened.value;
}

test("[ST-10, ST-36] a full disk refuses with nothing written, and what comes when there is room again is written", async (t) => {
  const path = join(temporaryFolder(t), "pawl.db");
  await (await open(t, { path })).close();
  const connection = connect(path);
  const run = async (steps: Parameters<typeof runProgram>[1]) => runProgram(connection, steps);
  const writer = () => ({ run, tidy: () => run([]), close: async () => connection.db.close() });
  const store = await open(t, { path, writer });
  const pages = (count: number) => connection.db.exec(`PRAGMA max_page_count = ${count}`);
  await accepted(store, { writes: [counted("change/a", 0)] });
  const before = await store.head();
  pages(40);
  const refusal = await refused(store, { writes: [counted("change/a", 1)], payloads: [payload("x".repeat(500_000))] });
  assert.equal(refusal.code, "store_unavailable");
  assert.match(refusal.message, /full/);
  assert.deepEqual(refusal.details, { outcome: "none" });
  assert.deepEqual(await store.head(), before);
  pages(4000);
  await accepted(store, { writes: [counted("change/a", 1)], payloads: [payload("x".repeat(500_000))] });
  assert.equal((await fsck(store)).ok, true);
});

for (const done of [true, false]) {
  test(`[ST-10] when the writer ends without an answer, a commit that ${done ? "took place is acknowledged" : "did not is unknown"}`, async (t) => {
    let lose = false;
    const store = await open(t, {
      writer: (path) => {
        const real = writerHere(path);
        const lost: Reply = { kind: "unknown", message: "the writer ended" };
        const run: typeof real.run = async (steps) => {
          if (!lose) return real.run(steps);
          if (done) await real.run(steps);
          return lost;
        };
        return { ...real, run };
      },
    });
    lose = true;
    const answer = await store.append({ writes: [counted("change/a", 0)] });
    assert.equal(answer.ok ? "acknowledged" : answer.error.details?.["outcome"], done ? "acknowledged" : "unknown");
    assert.equal((await store.head()).size, done ? 1 : 0);
  });
}

test("[ST-10] a writer's thread that has ended refuses", async (t) => {
  const path = join(temporaryFolder(t), "pawl.db");
  await (await open(t, { path })).close();
  const writer = writerThread(path);
  await writer.close();
  assert.deepEqual(await writer.run([]), { kind: "failed", message: "the writer's thread ended" });
});

test("[ST-20] nothing of an erased payload is left in the file", async (t) => {
  const path = join(temporaryFolder(t), "pawl.db");
  const store = await open(t, { path });
  const secret = "to be forgotten ".repeat(1000);
  await accepted(store, { writes: [gathered("audit")], payloads: [payload(secret), payload("kept ".repeat(5000))] });
  await store.erase(payload(secret).digest);
  await store.close();
  assert.deepEqual(readdirSync(join(path, "..")), ["pawl.db"]);
  const file = readFileSync(path);
  assert.ok(file.includes("kept kept kept"));
  assert.ok(!file.includes("forgotten"));
});

test("[ST-1] without a thread the store does the same", async (t) => {
  const store = await open(t, { writer: writerHere });
  const receipts = await Promise.all(Array.from({ length: 50 }, (_, i) => accepted(store, { writes: [counted(`change/${i}`, 0)] })));
  assert.equal(receipts.at(-1)?.size, 50);
  assert.equal((await fsck(store)).ok, true);
});

test("[ST-24] to find that nothing is due nothing is written", async (t) => {
  let programs = 0;
  const store = await open(t, {
    writer: (path) => {
      const real = writerHere(path);
      return { ...real, run: (steps) => (programs++, real.run(steps)) };
    },
  });
  await accepted(store, { writes: [], outbox: [{ key: "run/1", kind: "run", body: {}, dueAt: millis(10) }] });
  const taken = async (now: number) => [programs, (await store.takeDue(millis(now), 100, 5)).length, programs];
  assert.deepEqual(await taken(9), [1, 0, 1]);
  assert.deepEqual(await taken(10), [1, 1, 2]);
  assert.deepEqual(await taken(109), [2, 0, 2]);
  assert.deepEqual(await taken(110), [2, 1, 3]);
});

test("[ST-37] an append that nobody waits behind is on the disk before the event loop goes on", async (t) => {
  const path = join(temporaryFolder(t), "pawl.db");
  const store = await open(t, { path });
  const other = connect(path, { readOnly: true });
  t.after(() => other.db.close());
  const size = () => other.prepare("SELECT size FROM head").statement.get();
  // The thread is up once it has committed something.
  await Promise.all([accepted(store, { writes: [gathered("audit")] }), accepted(store, { writes: [gathered("audit")] })]);
  let turns = 0;
  const turn = (): void => void (turns++, (ticking = setImmediate(turn)));
  const appending = accepted(store, { writes: [counted("change/a", 0)] });
  let ticking = setImmediate(turn);
  await appending;
  clearImmediate(ticking);
  assert.deepEqual(size(), [3]);
  assert.ok(turns <= 1, `the loop went round ${turns} times`);
});

test("[ST-37] while another process writes, the event loop goes on and the thread waits for its turn", async (t) => {
  const path = join(temporaryFolder(t), "pawl.db");
  const store = await open(t, { path });
  const other = connect(path);
  t.after(() => other.db.close());
  other.db.exec("BEGIN IMMEDIATE");
  let done = false;
  const appending = accepted(store, { writes: [counted("change/a", 0)] }).then(() => (done = true));
  for (let turn = 0; turn < 100; turn++) await new Promise((resolve) => void setImmediate(resolve));
  assert.equal(done, false);
  assert.equal((await store.head()).size, 0);
  other.db.exec("COMMIT");
  await appending;
  assert.equal((await store.head()).size, 1);
});

test("[ST-37] what another process wrote meanwhile is read again, and its versions are respected", async (t) => {
  const path = join(temporaryFolder(t), "pawl.db");
  const [one, two] = [await open(t, { path }), await open(t, { path })];
  for (let n = 0; n < 6; n += 2) {
    assert.deepEqual((await accepted(one, { writes: [counted("change/a", n)] })).indexes, [n]);
    assert.deepEqual((await accepted(two, { writes: [counted("change/a", n + 1)] })).indexes, [n + 1]);
    assert.equal((await refused(one, { writes: [counted("change/a", n + 1)] })).code, "version_conflict");
  }
  // Whoever was shown what the other wrote does not take its own last head for the log that was set back.
  await accepted(two, { writes: [gathered("audit")] });
  assert.equal((await one.head()).size, 7);
  assert.deepEqual((await accepted(one, { writes: [gathered("audit")] })).indexes, [7]);
  assert.equal((await fsck(one)).ok, true);
});

for (const [together, size, count] of [
  [1, 10, 600],
  [1, 1_000_000, 50],
  [4, 1_000_000, 60],
] as const) {
  test(`[ST-37, ST-38] the log is put into the file while ${count} appends of ${size} bytes go on, ${together} at a time, and stays small`, async (t) => {
    const path = join(temporaryFolder(t), "pawl.db");
    const store = await open(t, { path });
    const append = (n: number) => accepted(store, { writes: [gathered("audit")], payloads: [payload(`${n} `.padEnd(size))] });
    let largest = 0;
    for (let n = 0; n < count; n += together) {
      await Promise.all(Array.from({ length: together }, (_, i) => append(n + i)));
      largest = Math.max(largest, statSync(`${path}-wal`).size);
    }
    assert.ok(largest > 0 && largest < 40_000_000, `the log had ${largest} bytes`);
    assert.equal((await store.head()).size, count);
  });
}

test("[ST-1] a program goes to the thread and is there what it was", () => {
  const bytes = new Uint8Array([9, 1, 2, 3, 9]).subarray(1, 4);
  const steps = [
    {
      sql: "one",
      rows: [
        [1, 'a\u0000\u2028\u{1f600}"', null, bytes, new Uint8Array()],
        [-0.5, "", Number.MAX_SAFE_INTEGER],
      ],
      expect: 2,
    },
    { sql: "none", rows: [] },
  ];
  assert.deepEqual(unpack(structuredClone(pack(steps))), steps);
});
