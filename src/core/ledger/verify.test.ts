import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { MemoryLog, testEntries, testEntry, testSigner } from "../../testing/ledger.ts";
import { emptyRoot, firstDifference, keyHash, leafHash, signCheckpoint, startVerification, verifyLog } from "./index.ts";
import type { LedgerFault, LogKey, ReadTile, StoredEntry, StoredLog } from "./index.ts";

const ORIGIN = "log.example/pawl";
const [first, second] = [testSigner(ORIGIN, 1), testSigner(ORIGIN, 2)];
const trusted = ({ name, publicKey }: typeof first): LogKey => ({ name, publicKey, id: keyHash(name, publicKey) });
const key = trusted(first);

/** A log of `size` entries with a checkpoint at each of the sizes, the last of them its head. */
function published(
  size: number,
  sizes: readonly number[] = [],
): StoredLog & { rows: StoredEntry[]; log: MemoryLog; checkpoints: string[] } {
  const log = new MemoryLog();
  const checkpoints = [...sizes, size].map((at) => {
    log.append(testEntries(at).slice(log.size));
    return signCheckpoint({ origin: ORIGIN, size: at, root: log.root }, [first]);
  });
  const rows = log.entries.map((bytes, index) => ({ index, bytes, leafHash: leafHash(bytes) }));
  return { origin: ORIGIN, keys: [key], head: checkpoints.at(-1) ?? "", checkpoints, entries: rows, rows, log, readTile: log.readTile };
}

function fault(log: StoredLog): LedgerFault {
  const verified = verifyLog(log);
  assert.ok(!verified.ok, "the log was accepted");
  return verified.error;
}

const SIZE = 700;
const whole = published(SIZE, [1, 255, 256, 300, 600]);
const places = [0, 1, 254, 255, 256, 299, 300, 511, 512, 599, 600, SIZE - 1];
const { rows } = whole;
const bytesOnly = rows.map(({ bytes }) => bytes);
/** Ways in which the same log can be stored. Tiles name the first bad entry exactly, leaf hashes in the rows nearly always. */
const ways: Record<string, (entries: readonly StoredEntry[]) => StoredLog> = {
  "rows with leaf hashes": (entries) => ({ ...whole, entries, readTile: undefined }),
  "bytes and tiles": (entries) => ({ ...whole, entries: entries.map(({ bytes }) => bytes) }),
  "rows, leaf hashes and tiles": (entries) => ({ ...whole, entries }),
};

describe("accepting", () => {
  test("[LG-21] every checkpoint's root is recomputed from the entries' bytes", () => {
    for (const [name, way] of Object.entries(ways)) {
      const verified = verifyLog(way(rows));
      assert.ok(verified.ok, name);
      assert.deepEqual([verified.value.size, verified.value.root, verified.value.checkpoints], [SIZE, whole.log.root, 6]);
      assert.deepEqual(verified.value.head.signers, [key]);
    }
    assert.ok(verifyLog({ ...whole, entries: bytesOnly, readTile: undefined, checkpoints: undefined }).ok);
    assert.ok(verifyLog({ ...whole, checkpoints: whole.checkpoints.toReversed() }).ok, "checkpoints come in any order");
  });

  test("[LG-21] logs of every size up to two tiles, the empty one included", () => {
    for (const size of [0, 1, 2, 3, 255, 256, 257, 511, 512, 513]) assert.ok(verifyLog(published(size, [0])).ok, String(size));
  });
});

describe("[E39] stored rows: the first bad index is named", () => {
  const cases: Record<string, (at: number) => readonly StoredEntry[]> = {
    flip: (at) => rows.map((row) => (row.index === at ? { ...row, bytes: row.bytes.map((byte, i) => (i === 0 ? byte ^ 1 : byte)) } : row)),
    "flip, with a leaf hash to match": (at) =>
      rows.map((row) => (row.index === at ? { index: at, bytes: testEntry(9999), leafHash: leafHash(testEntry(9999)) } : row)),
    delete: (at) => rows.filter(({ index }) => index !== at),
    "delete and renumber": (at) => rows.filter(({ index }) => index !== at).map((row, index) => ({ ...row, index })),
    duplicate: (at) => rows.flatMap((row) => (row.index === at ? [row, row] : [row])),
    truncate: (at) => rows.slice(0, at),
  };
  for (const [name, attack] of Object.entries(cases)) {
    test(`[LG-22] [E39] ${name}`, () => {
      for (const at of places) {
        for (const [kind, way] of Object.entries(ways)) {
          const found = fault(way(attack(at)));
          const exact = name === "duplicate" && kind === "bytes and tiles" ? at + 1 : at;
          const { index = -1, lastIndex = index } = found;
          assert.ok(index <= exact && exact <= lastIndex, `${kind} at ${at}: ${found.code} ${index} ${lastIndex}`);
          // The hash in a row moves with the row: only tiles and signed roots can tell then.
          assert.ok(index === lastIndex || kind === "rows with leaf hashes", `${kind} names a range`);
        }
      }
    });
  }

  test("[LG-22] [E39] reorder: two entries swapped, with and without their numbers", () => {
    for (const at of places.slice(0, -1)) {
      const swapped = rows.with(at, rows[at + 1] as StoredEntry).with(at + 1, rows[at] as StoredEntry);
      assert.equal(fault({ ...whole, entries: swapped }).index, at);
      assert.equal(fault({ ...whole, entries: swapped.map(({ bytes }) => bytes) }).index, at);
    }
  });

  test("[LG-22] [E39] an entry after the signed head", () => {
    const found = fault({ ...whole, entries: [...rows, { index: SIZE, bytes: testEntry(SIZE) }] });
    assert.deepEqual([found.code, found.index], ["log_entry_unsigned", SIZE]);
    assert.match(found.remedy, /no checkpoint/);
  });

  test("[LG-22] without stored hashes the bad entry lies between two signed sizes; a signed size for each entry is exact", () => {
    const forged = bytesOnly.with(270, testEntry(9999));
    const found = fault({ ...whole, entries: forged, readTile: undefined });
    assert.deepEqual([found.code, found.index, found.lastIndex], ["log_root_mismatch", 256, 299]);
    const dense = published(
      20,
      Array.from({ length: 20 }, (_, i) => i),
    );
    const exact = fault({ ...dense, entries: dense.log.entries.with(7, testEntry(9999)), readTile: undefined });
    assert.deepEqual([exact.index, exact.lastIndex], [7, 7]);
    assert.match(exact.message, /^entry 7 is not what was signed at size 8$/);
  });

  test("[LG-22] [E39] the whole log rewritten consistently, tiles and hashes too, fails at the first signed root", () => {
    const forged = new MemoryLog().append(bytesOnly.with(270, testEntry(9999)));
    const found = fault({ ...whole, entries: forged.entries, readTile: forged.readTile });
    assert.deepEqual([found.code, found.index, found.lastIndex], ["log_root_mismatch", 256, 299]);
  });
});

describe("stored tiles", () => {
  const withTile =
    (level: number, index: number, change: (bytes: Uint8Array) => Uint8Array): ReadTile =>
    (l, i) => {
      const bytes = whole.log.readTile(l, i);
      return l === level && i === index ? change(bytes) : bytes;
    };
  const flip =
    (byte: number) =>
    (bytes: Uint8Array): Uint8Array =>
      bytes.map((value, i) => (i === byte ? value ^ 0x80 : value));

  test("[LG-24] [E39] an altered hash of any level, with the first entry under it", () => {
    for (const at of places) {
      const found = fault({ ...whole, entries: bytesOnly, readTile: withTile(0, at >> 8, flip((at % 256) * 32 + 31)) });
      assert.equal(found.index, at);
      const beside = fault({ ...whole, readTile: withTile(0, at >> 8, flip((at % 256) * 32)) });
      assert.deepEqual([beside.code, beside.index], ["log_entry_altered", at]);
    }
    for (const hash of [0, 1]) {
      const found = fault({ ...whole, readTile: withTile(1, 0, flip(hash * 32)) });
      assert.deepEqual([found.code, found.index], ["log_tile_altered", hash * 256]);
    }
  });

  test("[LG-24] a tile that is missing, cut off, or has hashes of entries that are not there", () => {
    const cut = (bytes: Uint8Array): Uint8Array => bytes.slice(0, -32);
    const grown = (bytes: Uint8Array): Uint8Array => new Uint8Array([...bytes, ...emptyRoot()]);
    const gone = (): Uint8Array => new Uint8Array(0);
    assert.equal(fault({ ...whole, readTile: withTile(0, 1, cut) }).index, 511);
    assert.equal(fault({ ...whole, readTile: withTile(0, 1, gone) }).index, 256);
    assert.equal(fault({ ...whole, readTile: withTile(0, 2, cut) }).index, SIZE - 1);
    assert.equal(fault({ ...whole, readTile: withTile(0, 2, grown) }).index, SIZE);
    assert.equal(fault({ ...whole, readTile: withTile(1, 0, cut) }).index, 256);
    assert.equal(fault({ ...whole, readTile: withTile(1, 0, gone) }).index, 0);
    assert.equal(fault({ ...whole, readTile: withTile(1, 0, grown) }).code, "log_tile_altered");
    const even = published(512);
    assert.equal(fault({ ...even, readTile: (l, i) => (l === 0 && i === 2 ? emptyRoot() : even.log.readTile(l, i)) }).index, 512);
  });

  test("[LG-24] tiles can be compared one at a time", () => {
    const tile = { level: 1, index: 0, bytes: new Uint8Array(96).fill(1) };
    assert.equal(firstDifference(tile, tile.bytes), undefined);
    assert.equal(firstDifference(tile, tile.bytes.with(40, 2)), 1);
    assert.equal(firstDifference(tile, tile.bytes.slice(0, 95)), 2);
    assert.equal(firstDifference(tile, new Uint8Array(128).fill(1)), 3);
    assert.equal(firstDifference(tile, new Uint8Array(0)), 0);
  });
});

describe("checkpoints", () => {
  test("[LG-23] two roots for one size are a fork; a signed size beyond the head is a log cut short", () => {
    const other = signCheckpoint({ origin: ORIGIN, size: 300, root: emptyRoot() }, [first]);
    assert.equal(fault({ ...whole, checkpoints: [...whole.checkpoints, other] }).code, "checkpoint_fork");
    const ahead = signCheckpoint({ origin: ORIGIN, size: SIZE + 1, root: emptyRoot() }, [first]);
    const found = fault({ ...whole, checkpoints: [ahead] });
    assert.deepEqual([found.code, found.where], ["checkpoint_ahead", "checkpoint 0"]);
  });

  test("[LG-23] every checkpoint is opened as the head is: signature, origin, key", () => {
    const foreign = signCheckpoint({ origin: "log.example/other", size: 1, root: emptyRoot() }, [first]);
    const unsigned = signCheckpoint({ origin: ORIGIN, size: 1, root: emptyRoot() }, [second]);
    for (const [note, code] of [
      [foreign, "checkpoint_foreign"],
      [unsigned, "note_untrusted"],
      ["", "note_malformed"],
    ] as const) {
      assert.deepEqual(
        [fault({ ...whole, checkpoints: [...whole.checkpoints, note] }).code, fault({ ...whole, head: note }).code],
        [code, code],
      );
    }
    assert.equal(fault({ ...whole, head: unsigned }).where, "head");
  });

  test("[LG-20] [E46] a log whose key was replaced verifies whole; the old key past its end does not", () => {
    const log = new MemoryLog();
    const sign = (size: number, signer: typeof first): string =>
      signCheckpoint({ origin: ORIGIN, size, root: log.append(testEntries(size).slice(log.size)).root }, [signer]);
    const checkpoints = [sign(10, first), sign(20, first), sign(30, second)];
    const keys = [
      { ...trusted(first), untilSize: 21 },
      { ...trusted(second), fromSize: 21 },
    ];
    const stored = { origin: ORIGIN, keys, head: checkpoints[2] ?? "", checkpoints, entries: log.entries, readTile: log.readTile };
    assert.ok(verifyLog(stored).ok);
    const late = signCheckpoint({ origin: ORIGIN, size: 30, root: log.root }, [first]);
    assert.equal(fault({ ...stored, head: late }).code, "key_not_valid");
    assert.equal(fault({ ...stored, checkpoints: [...checkpoints, late] }).code, "key_not_valid");
  });
});

describe("one entry at a time", () => {
  test("[LG-25] after the first fault the verifier takes nothing more and repeats it", () => {
    const started = startVerification(whole);
    assert.ok(started.ok);
    const verifier = started.value;
    for (const { bytes, index, leafHash: stored } of rows.slice(0, 400)) {
      assert.equal(verifier.add(bytes, index, stored), undefined);
      assert.deepEqual(verifier.leaf, stored);
    }
    assert.equal(verifier.size, 400);
    const found = verifier.add(testEntry(400), 401);
    assert.deepEqual([found?.code, found?.index], ["log_entry_missing", 400]);
    assert.equal(verifier.add(testEntry(400), 400), found);
    assert.equal(verifier.size, 400);
    const finished = verifier.finish();
    assert.equal(!finished.ok && finished.error, found);
  });

  test("[LG-25] finished early, the log is cut off at the next entry", () => {
    const started = startVerification({ origin: ORIGIN, keys: [key], head: whole.head });
    assert.ok(started.ok);
    for (const { bytes } of rows.slice(0, 650)) started.value.add(bytes);
    const finished = started.value.finish();
    assert.deepEqual(!finished.ok && [finished.error.code, finished.error.index, finished.error.lastIndex], ["log_entry_missing", 0, 650]);
  });

  test("[LG-25] the upper tiles are there to be compared; they are one hash for 256 entries", () => {
    const started = startVerification(whole);
    assert.ok(started.ok);
    for (const { bytes } of rows) started.value.add(bytes);
    assert.ok(started.value.finish().ok);
    assert.deepEqual(started.value.upperTiles(), [{ level: 1, index: 0, bytes: whole.log.tiles.get("1/0") }]);
  });
});
