import assert from "node:assert/strict";
import test from "node:test";
import type { Json } from "../../src/core/base/index.ts";
import { digestOf, toBase64 } from "../../src/core/base/index.ts";
import { fsck } from "../../src/store/index.ts";
import type { FsckReport, OpenStore } from "../../src/store/index.ts";
import { leafOf } from "../contract/store-tree.ts";
import { makeDatabase } from "./databases.ts";
import type { Database, Kind } from "./databases.ts";
import { accepted, counted, gathered, payload } from "./world.ts";

/** Commits that end at sizes 10, 11, 261, 266 and 296: over a tile's border, with one entry and with many. */
async function fill(store: OpenStore): Promise<void> {
  await accepted(store, {
    writes: [counted("change/a", 0, 4), gathered("audit", 6)],
    claims: [{ kind: "vote", key: "a", value: "1" }],
    payloads: [payload("kept"), payload("erased")],
    outbox: [{ key: "tell/a", kind: "tell", body: { a: 1 }, dueAt: 0 as never }],
  });
  await accepted(store, { writes: [counted("change/a", 4)] });
  await accepted(store, { writes: [gathered("audit", 250)] });
  await accepted(store, { writes: [counted("change/b", 0, 5)] });
  await accepted(store, { writes: [gathered("audit", 30)] });
  await store.erase(digestOf("erased"));
}

/** Two rows change places in the ledger, with everything that they say about themselves. */
async function swap(db: Database, a: number, b: number): Promise<void> {
  await db.sql("UPDATE entries SET idx = -1 WHERE idx = ?", a);
  await db.sql("UPDATE entries SET idx = ? WHERE idx = ?", a, b);
  await db.sql("UPDATE entries SET idx = ? WHERE idx = -1", b);
}

const flipped = (bytes: Uint8Array, at: number): Uint8Array => Uint8Array.from(bytes, (byte, i) => (i === at ? byte ^ 1 : byte));

async function flip(db: Database, table: string, column: string, where: string, at: number): Promise<void> {
  const [row] = await db.sql(`SELECT ${column} AS bytes FROM ${table} WHERE ${where}`);
  assert.ok(row?.["bytes"] instanceof Uint8Array);
  await db.sql(`UPDATE ${table} SET ${column} = ? WHERE ${where}`, flipped(row["bytes"], at));
}

/** A new entry, and the hashes to go with it: all that can be done without the key. */
async function rewrite(db: Database, index: number): Promise<void> {
  const forged = new TextEncoder().encode('{"event":{"number":999,"type":"noted"},"n":0,"stream":"audit","v":1}');
  await db.sql("UPDATE entries SET bytes = ? WHERE idx = ?", forged, index);
  await db.sql("UPDATE entries SET leaf = ? WHERE idx = ?", leafOf(forged), index);
  const [row] = await db.sql("SELECT hashes FROM tiles WHERE level = 0 AND idx = 0");
  const hashes = Uint8Array.from(row?.["hashes"] as Uint8Array);
  hashes.set(leafOf(forged), index * 32);
  await db.sql("UPDATE tiles SET hashes = ? WHERE level = 0 AND idx = 0", hashes);
}

interface Damage {
  readonly name: string;
  readonly first: number | undefined;
  readonly where: string;
  readonly last?: number;
  do(db: Database): Promise<unknown>;
}

const DAMAGE: readonly Damage[] = [
  { name: "a byte of the first entry is flipped", first: 0, where: "entries/0", do: (db) => flip(db, "entries", "bytes", "idx = 0", 12) },
  { name: "a byte of an entry is flipped", first: 7, where: "entries/7", do: (db) => flip(db, "entries", "bytes", "idx = 7", 20) },
  {
    name: "a byte of the last entry is flipped",
    first: 295,
    where: "entries/295",
    do: (db) => flip(db, "entries", "bytes", "idx = 295", 3),
  },
  { name: "an entry is deleted", first: 5, where: "entries/5", do: (db) => db.sql("DELETE FROM entries WHERE idx = 5") },
  { name: "the first entry is deleted", first: 0, where: "entries/0", do: (db) => db.sql("DELETE FROM entries WHERE idx = 0") },
  { name: "the last entry is deleted", first: 295, where: "entries/295", do: (db) => db.sql("DELETE FROM entries WHERE idx = 295") },
  { name: "a range is deleted", first: 100, where: "entries/100", do: (db) => db.sql("DELETE FROM entries WHERE idx BETWEEN 100 AND 130") },
  {
    name: "everything from an entry on is deleted",
    first: 200,
    where: "entries/200",
    do: (db) => db.sql("DELETE FROM entries WHERE idx >= 200"),
  },
  { name: "two entries change places", first: 2, where: "entries/2", do: (db) => swap(db, 2, 263) },
  { name: "two neighbours change places", first: 11, where: "entries/11", do: (db) => swap(db, 11, 12) },
  {
    name: "an entry is replaced by a copy of the one before it",
    first: 50,
    where: "entries/50",
    do: (db) => db.sql("UPDATE entries SET bytes = (SELECT bytes FROM entries WHERE idx = 49) WHERE idx = 50"),
  },
  {
    name: "the last entry is there twice",
    first: 296,
    where: "entries/296",
    do: (db) =>
      db.sql(
        "INSERT INTO entries (idx, stream, ordinal, bytes, leaf) SELECT 296, stream, ordinal + 1, bytes, leaf FROM entries WHERE idx = 295",
      ),
  },
  {
    name: "an entry is filed under another stream",
    first: 9,
    where: "entries/9",
    do: (db) => db.sql("UPDATE entries SET stream = 'change/b', ordinal = 99 WHERE idx = 9"),
  },
  {
    name: "an entry has another number in its stream",
    first: 10,
    where: "entries/10",
    do: (db) => db.sql("UPDATE entries SET ordinal = 99 WHERE idx = 10"),
  },
  {
    name: "a hash in a tile is flipped",
    first: 9,
    where: "entries/9",
    do: (db) => flip(db, "tiles", "hashes", "level = 0 AND idx = 0", 9 * 32),
  },
  {
    name: "a hash beside an entry is flipped",
    first: 280,
    where: "entries/280",
    do: (db) => flip(db, "entries", "leaf", "idx = 280", 31),
  },
  {
    name: "a hash beside an entry is gone",
    first: 3,
    where: "entries/3",
    do: (db) => db.sql("UPDATE entries SET leaf = NULL WHERE idx = 3"),
  },
  { name: "a tile is deleted", first: 0, where: "tiles/0/0", do: (db) => db.sql("DELETE FROM tiles WHERE level = 0 AND idx = 0") },
  {
    name: "a tile that is not full is kept",
    first: 296,
    where: "tiles/0/1",
    do: (db) => db.sql("INSERT INTO tiles (level, idx, hashes) SELECT 0, 1, root FROM head"),
  },
  {
    name: "a hash in an upper tile is flipped",
    first: 0,
    where: "tiles/1/0",
    do: (db) => flip(db, "tiles", "hashes", "level = 1 AND idx = 0", 31),
  },
  { name: "an upper tile is deleted", first: 0, where: "tiles/1/0", do: (db) => db.sql("DELETE FROM tiles WHERE level = 1") },
  {
    name: "a tile is longer than the tree",
    first: 296,
    where: "tiles/2/0",
    do: (db) => db.sql("INSERT INTO tiles (level, idx, hashes) SELECT 2, 0, root FROM head"),
  },
  { name: "an entry and its tile are rewritten without the key", first: 11, last: 260, where: "entries/11", do: (db) => rewrite(db, 100) },
  {
    name: "the ledger is cut back to an earlier head",
    first: 266,
    last: 295,
    where: "head",
    do: (db) =>
      db.sql(
        "UPDATE head SET size = 266, root = (SELECT root FROM checkpoints WHERE size = 266), checkpoint = (SELECT note FROM checkpoints WHERE size = 266)",
      ),
  },
  {
    name: "a kept checkpoint is altered",
    first: undefined,
    where: "checkpoints/11",
    do: (db) => db.sql("UPDATE checkpoints SET note = replace(note, '11', '12') WHERE size = 11"),
  },
  {
    name: "the head's checkpoint is not kept",
    first: undefined,
    where: "checkpoints/296",
    do: (db) => db.sql("DELETE FROM checkpoints WHERE size = 296"),
  },
  { name: "the head is gone", first: undefined, where: "head", do: (db) => db.sql("DELETE FROM head") },
  { name: "the head's root is altered", first: undefined, where: "head", do: (db) => flip(db, "head", "root", "id = 1", 0) },
  {
    name: "a state is altered",
    first: undefined,
    where: "streams/change/a",
    do: (db) => db.sql("UPDATE streams SET body = '{}' WHERE stream = 'change/a'"),
  },
  {
    name: "a status is altered",
    first: undefined,
    where: "streams/change/b",
    do: (db) => db.sql("UPDATE streams SET status = 'approved' WHERE stream = 'change/b'"),
  },
  { name: "a stream's row is gone", first: 261, where: "entries/261", do: (db) => db.sql("DELETE FROM streams WHERE stream = 'change/b'") },
  {
    name: "a claim is of an entry that is not there",
    first: undefined,
    where: "claims/vote/a",
    do: (db) => db.sql("UPDATE claims SET idx = 9999"),
  },
  {
    name: "a payload is altered",
    first: undefined,
    where: `payloads/${digestOf("kept")}`,
    do: (db) => flip(db, "payloads", "bytes", `digest = '${digestOf("kept")}'`, 0),
  },
  { name: "an outbox item is not JSON", first: undefined, where: "outbox/tell/a", do: (db) => db.sql("UPDATE outbox SET body = '{'") },
];

for (const kind of ["sqlite", "postgres"] satisfies Kind[]) {
  test(`${kind}: [ST-40, E39] fsck names the first bad index`, async (t) => {
    const whole = await makeDatabase(kind, t);
    const store = await whole.open();
    await fill(store);
    const { root } = await store.head();
    await store.close();
    const sound = await fsck(whole.inspect());
    assert.deepEqual(sound, {
      ok: true,
      size: 296,
      root: toBase64(root),
      checked: { entries: 296, tiles: 2, checkpoints: 6, streams: 3, claims: 1, outbox: 1, payloads: 2 },
      faults: [],
      moreFaults: 0,
    });
    for (const damage of DAMAGE) {
      await t.test(damage.name, async (tt) => {
        const copy = await whole.copy();
        await damage.do(copy);
        const report = await fsck(copy.inspect());
        expectDamage(report, damage);
        tt.diagnostic(report.faults[0]?.message ?? "");
      });
    }
  });

  test(`${kind}: [ST-41] fsck compares states with what their events add up to`, async (t) => {
    const database = await makeDatabase(kind, t);
    const store = await database.open();
    await fill(store);
    const fold = (stream: string, events: readonly Json[]): Json | undefined =>
      stream === "change/a" ? { stream, version: events.length } : undefined;
    assert.equal((await fsck(store, { refold: fold })).ok, true);
    await accepted(store, {
      writes: [
        { ...counted("change/a", 5), state: { ...counted("change/a", 5).state, body: { stream: "change/a", version: 7 } } as never },
      ],
    });
    const report = await fsck(store, { refold: fold });
    assert.deepEqual(report.faults, [{ where: "streams/change/a", message: "its state is not what its events add up to" }]);
  });
}

function expectDamage(report: FsckReport, { first, where, last }: Damage): void {
  assert.equal(report.ok, false);
  assert.equal(report.firstBadIndex, first);
  const [fault] = report.faults;
  assert.equal(fault?.where, where);
  assert.equal(fault?.lastIndex, last);
}
