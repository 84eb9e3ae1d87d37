import assert from "node:assert/strict";
import { describe, test } from "node:test";
import * as fc from "fast-check";
import { testEntries } from "../../testing/ledger.ts";
import { MAX_ENTRY_BYTES, entryBundle, parseEntryBundle, parseTilePath, tilePath } from "./index.ts";

const SEED = 7295;

describe("paths", () => {
  test("[LG-6] the examples of the tlog-tiles specification", () => {
    assert.equal(tilePath({ level: 0, index: 1234067, width: 256 }), "tile/0/x001/x234/067");
    assert.equal(tilePath({ level: 1, index: 1234067, width: 8 }), "tile/1/x001/x234/067.p/8");
    assert.equal(tilePath({ level: "entries", index: 0, width: 255 }), "tile/entries/000.p/255");
    assert.equal(tilePath({ level: 63, index: 1000, width: 1 }), "tile/63/x001/000.p/1");
    assert.throws(() => tilePath({ level: 0, index: 0, width: 0 }), /invariant broken/);
    assert.throws(() => tilePath({ level: 0, index: 0.5, width: 1 }), /invariant broken/);
  });

  test("[LG-6] what is written is read again", () => {
    const level = fc.oneof(fc.constant("entries" as const), fc.integer({ min: 0, max: 63 }));
    const index = fc.oneof(fc.nat({ max: 2000 }), fc.integer({ min: 0, max: 2 ** 45 - 1 }));
    fc.assert(
      fc.property(level, index, fc.integer({ min: 1, max: 256 }), (l, i, w) => {
        const path = { level: l, index: i, width: w };
        assert.deepEqual(parseTilePath(tilePath(path)), { ok: true, value: path });
      }),
      { seed: SEED, numRuns: 500 },
    );
  });

  test("[LG-6] any other spelling is refused", () => {
    const bad = [
      "",
      "tile",
      "tile/0",
      "tile/0/",
      "/tile/0/000",
      "tile/0/000/",
      "tile/00/000",
      "tile/64/000",
      "tile/-1/000",
      "tile/data/000",
      "tile/8/0/000",
      "tile/0/0",
      "tile/0/00",
      "tile/0/0000",
      "tile/0/x000/001",
      "tile/0/001/002",
      "tile/0/x001",
      "tile/0/X001/000",
      "tile/0/000.p",
      "tile/0/000.p/",
      "tile/0/000.p/0",
      "tile/0/000.p/01",
      "tile/0/000.p/256",
      "tile/0/000.p/257",
      "tile/0/000.p/1/",
      "tile/0/000.p/1x",
      "tile/0/x001.p/1/000",
      "tile/0/../000",
      "tile/0/%30%30%30",
      "tile/0/000?x",
      "tile/0/000\n",
      "tile/0/\u0660\u0660\u0660",
      `tile/0/${"x999/".repeat(5)}999`,
      `tile/0/${"x001/".repeat(50)}000`,
      "x".repeat(100_000),
    ];
    for (const path of bad) assert.equal(parseTilePath(path).ok, false, path.slice(0, 80));
  });
});

describe("bundles", () => {
  test("[LG-7] entries behind their lengths, read again at exactly their number", () => {
    assert.deepEqual(
      entryBundle([new Uint8Array([7]), new Uint8Array(0), new Uint8Array([8, 9])]),
      new Uint8Array([0, 1, 7, 0, 0, 0, 2, 8, 9]),
    );
    const large = new Uint8Array(MAX_ENTRY_BYTES).fill(3);
    const entries = [large, ...testEntries(255)];
    const read = parseEntryBundle(entryBundle(entries), 256);
    assert.deepEqual(read.ok && read.value.map((entry) => new Uint8Array(entry)), entries);
    assert.throws(() => entryBundle([new Uint8Array(MAX_ENTRY_BYTES + 1)]), /at most 65535/);
    assert.throws(() => entryBundle(testEntries(257)), /at most 256/);
  });

  test("[LG-7] a bundle that is cut off, overlong, or of another width is refused", () => {
    const bundle = entryBundle(testEntries(3));
    for (let length = 0; length < bundle.length; length++) assert.equal(parseEntryBundle(bundle.subarray(0, length), 3).ok, false);
    for (const width of [0, 1, 2, 4, 256]) assert.equal(parseEntryBundle(bundle, width).ok, false);
    for (const tail of [[0], [0, 0], [0, 5, 1], [255, 255]])
      assert.equal(parseEntryBundle(new Uint8Array([...bundle, ...tail]), 3).ok, false);
    assert.deepEqual(parseEntryBundle(new Uint8Array(0), 0), { ok: true, value: [] });
  });
});
