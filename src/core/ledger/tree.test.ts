import assert from "node:assert/strict";
import { describe, test } from "node:test";
import * as fc from "fast-check";
import { MemoryLog, referenceRoot, testEntries, testEntry } from "../../testing/ledger.ts";
import { toHex, utf8 } from "../base/index.ts";
import { emptyRoot, frontierFromTiles, frontierRoot, integrate, leafHash, nodeHash, rightEdge, rootFromTiles } from "./index.ts";

const SEED = 7295;
const none = (): Uint8Array => new Uint8Array(0);

describe("hashes", () => {
  test("[LG-1] leaf, node and empty tree as RFC 6962 has them (vectors of Certificate Transparency)", () => {
    assert.equal(toHex(emptyRoot()), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    assert.equal(toHex(leafHash(new Uint8Array(0))), "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d");
    assert.equal(toHex(leafHash(utf8("L123456"))), "395aa064aa4c29f7010acfe3f25db9485bbd4b91897b6ad7ad547639252b4d56");
    assert.throws(() => nodeHash(utf8("N123"), utf8("N456")), /two hashes/);
  });

  test("[LG-1] leaves of any length, short and long, one after the other", () => {
    for (const length of [0, 1, 4094, 4095, 4096, 70_000, 3]) {
      const entry = new Uint8Array(length).fill(length);
      assert.deepEqual(leafHash(entry), referenceRoot([entry]));
    }
  });

  test("[LG-1] [E42] a leaf is never a node: an entry made of two hashes has another hash than their node", () => {
    const [a, b] = [leafHash(testEntry(0)), leafHash(testEntry(1))];
    assert.notDeepEqual(leafHash(new Uint8Array([...a, ...b])), nodeHash(a, b));
    assert.notDeepEqual(leafHash(new Uint8Array([1, ...a, ...b])), nodeHash(a, b));
  });

  test("[LG-2] [E42] roots of the eight inputs of Certificate Transparency's tests", () => {
    const inputs = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"];
    const roots = [
      "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
      "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
      "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
      "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
      "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
      "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
      "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
      "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    ];
    const log = new MemoryLog();
    for (const [i, input] of inputs.entries()) assert.equal(toHex(log.append([new Uint8Array(Buffer.from(input, "hex"))]).root), roots[i]);
  });

  test("[LG-2] [E42] the odd leaf is not doubled, and no tree has the empty root but the empty one", () => {
    const three = new MemoryLog().append(testEntries(3));
    const doubled = new MemoryLog().append([...testEntries(3), testEntry(2)]);
    assert.notDeepEqual(three.root, doubled.root);
    assert.notDeepEqual(new MemoryLog().append([new Uint8Array(0)]).root, emptyRoot());
    assert.deepEqual(integrate(0, none, []).root, emptyRoot());
  });
});

describe("tiles", () => {
  test("[LG-2] [LG-4] however the entries arrive, root and tiles are those of RFC 6962", () => {
    const batches = fc.array(fc.oneof(fc.nat({ max: 3 }), fc.nat({ max: 300 }), fc.constantFrom(255, 256, 257, 512)), { maxLength: 6 });
    fc.assert(
      fc.property(batches, (sizes) => {
        const log = new MemoryLog();
        for (const size of sizes) log.append(testEntries(log.size + size).slice(log.size));
        const whole = new MemoryLog().append(testEntries(log.size));
        assert.deepEqual(log.root, referenceRoot(log.entries));
        assert.deepEqual(log.root, whole.root);
        assert.deepEqual(log.tiles, whole.tiles);
      }),
      { seed: SEED, numRuns: 60 },
    );
  });

  test("[LG-3] each hash of each tile is the root of its own entries; widths follow from the size", () => {
    const entries = testEntries(256 * 256 + 256 + 44);
    const log = new MemoryLog().append(entries);
    assert.equal(log.tiles.size, 257 + 1 + 2 + 1);
    const widths = ["0/0", "0/256", "0/257", "1/0", "1/1", "2/0"].map((key) => (log.tiles.get(key)?.length ?? 0) / 32);
    assert.deepEqual(widths, [256, 256, 44, 256, 1, 1]);
    for (const [level, index, at] of [
      [0, 0, 0],
      [0, 255, 255],
      [0, 257, 43],
      [1, 0, 0],
      [1, 0, 255],
      [1, 1, 0],
      [2, 0, 0],
    ] as const) {
      const span = 256 ** level;
      const first = (index * 256 + at) * span;
      const hash = log.tiles.get(`${level}/${index}`)?.slice(at * 32, at * 32 + 32);
      assert.deepEqual(hash, referenceRoot(entries.slice(first, first + span)), `${level}/${index} ${at}`);
    }
  });

  test("[LG-4] appending reads only the right edge, and only tiles that are there", () => {
    const log = new MemoryLog().append(testEntries(256 * 3 + 17));
    log.append([testEntry(785)]);
    assert.deepEqual(new Set(log.reads), new Set(["0/3", "1/0"]));
    const full = new MemoryLog().append(testEntries(512));
    full.append(testEntries(300));
    assert.deepEqual(new Set(full.reads), new Set(["1/0"]));
  });

  test("[LG-4] the frontier of one call saves the next one its reading, and changes nothing", () => {
    const log = new MemoryLog().append(testEntries(700));
    const known = frontierFromTiles(700, log.readTile);
    assert.ok(known.ok);
    assert.deepEqual(frontierRoot(known.value), log.root);
    log.reads = [];
    const leaves = testEntries(1000).slice(700).map(leafHash);
    const quick = integrate(700, log.readTile, leaves, known.value);
    assert.deepEqual(new Set(log.reads), new Set(["0/2", "1/0"]));
    assert.deepEqual(quick, integrate(700, log.readTile, leaves));
    assert.deepEqual(quick.root, referenceRoot(testEntries(1000)));
    assert.throws(() => integrate(699, log.readTile, leaves, known.value), /frontier/);
  });

  test("[LG-4] a stored edge that is shorter than the size says is a broken invariant", () => {
    const log = new MemoryLog().append(testEntries(10));
    assert.throws(() => integrate(11, log.readTile, [leafHash(testEntry(0))]), /invariant broken/);
    assert.throws(() => integrate(10, log.readTile, [new Uint8Array(31)]), /32 bytes/);
    assert.throws(() => integrate(-1, log.readTile, []), /whole number/);
    assert.throws(() => integrate(0.5, log.readTile, []), /whole number/);
  });

  test("[LG-5] the root of every size up to the tiles' own comes from the right edge alone", () => {
    const log = new MemoryLog().append(testEntries(600));
    for (const size of [0, 1, 2, 255, 256, 257, 511, 512, 513, 599, 600]) {
      log.reads = [];
      const root = rootFromTiles(size, log.readTile);
      assert.deepEqual(root.ok && root.value, referenceRoot(log.entries.slice(0, size)));
      const edge = new Set(rightEdge(size).map(({ level, index }) => `${level}/${index}`));
      assert.deepEqual(new Set(log.reads), edge);
    }
  });

  test("[LG-5] tiles that are missing, cut off, overlong or not whole hashes are refused", () => {
    const log = new MemoryLog().append(testEntries(300));
    const tile = log.tiles.get("0/1") ?? none();
    for (const bytes of [
      none(),
      tile.slice(0, 43 * 32),
      tile.slice(0, 44 * 32 - 1),
      new Uint8Array(257 * 32),
      new Uint8Array(44 * 32 + 1),
    ]) {
      const root = rootFromTiles(300, (level, index) => (level === 0 && index === 1 ? bytes : log.readTile(level, index)));
      assert.equal(!root.ok && root.error.code, "tile_short");
    }
  });

  test("[LG-3] the right edge of a log of 70,000 is the one of the tlog-tiles specification", () => {
    assert.deepEqual(rightEdge(70_000), [
      { level: 0, index: 273, width: 112 },
      { level: 1, index: 1, width: 17 },
      { level: 2, index: 0, width: 1 },
    ]);
    assert.deepEqual(rightEdge(256), [{ level: 1, index: 0, width: 1 }]);
    assert.deepEqual(rightEdge(0), []);
    assert.equal(rightEdge(Number.MAX_SAFE_INTEGER).length, 7);
  });
});
