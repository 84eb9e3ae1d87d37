import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { leafHash, openCheckpoint, parseEntryBundle, parseVkey, rootFromTiles, tilePath, verifyLog } from "./index.ts";
import { consistencyProof, inclusionProof, verifyConsistency, verifyInclusion } from "./index.ts";
import type { OpenCheckpoint, ReadTile } from "./index.ts";

/** A log that Tessera wrote, with a checkpoint and partial tiles for each of its sizes; the key is the one in Tessera's repository. */
const ORIGIN = "example.com/log/testdata";
const VKEY = "example.com/log/testdata+33d7b496+AeHTu4Q3hEIMHNqc6fASMsq3rKNx280NI+oO5xCFkkSx";
const SIZE = 15;

const corpus = join(
  process.env["PAWL_CORPUS"] ?? fileURLToPath(new URL("../../../../shared/corpus", import.meta.url)),
  "tlog-tessera/testdata/log",
);
const skip = existsSync(corpus) ? false : "the corpus tlog-tessera is not beside the checkout";
const read = (path: string): Uint8Array => new Uint8Array(readFileSync(join(corpus, path)));

function key(): NonNullable<Parameters<typeof openCheckpoint>[1][number]> {
  const parsed = parseVkey(VKEY);
  assert.ok(parsed.ok);
  return parsed.value;
}

function checkpoint(size: number): OpenCheckpoint {
  const opened = openCheckpoint(read(`checkpoint.${size}`), [key()], ORIGIN);
  assert.ok(opened.ok && opened.value.size === size);
  return opened.value;
}

const tileBytes = (width: number): Uint8Array => read(tilePath({ level: 0, index: 0, width }));
const bundleBytes = (width: number): Uint8Array => read(tilePath({ level: "entries", index: 0, width }));
const only =
  (bytes: Uint8Array): ReadTile =>
  (level, index) =>
    level === 0 && index === 0 ? bytes : new Uint8Array(0);

/** Everything that is published for one size, checked against everything else of that size. */
function accepts(size: number, note: Uint8Array, tile: Uint8Array, bundle: Uint8Array): boolean {
  const entries = parseEntryBundle(bundle, size);
  return entries.ok && verifyLog({ origin: ORIGIN, keys: [key()], head: note, entries: entries.value, readTile: only(tile) }).ok;
}

/** Of the whole log every byte; of each smaller size one in five, from another one on each time. */
function places(bytes: Uint8Array, size: number): number[] {
  const step = size === SIZE ? 1 : 5;
  return Array.from({ length: bytes.length }, (_, at) => at).filter((at) => at % step === size % step);
}

function alter(bytes: Uint8Array, at: number, xor: number): Uint8Array {
  return bytes.map((byte, i) => (i === at ? byte ^ xor : byte));
}

describe("a log that somebody else wrote", { skip }, () => {
  test("[LG-27] all sixteen checkpoints, tiles and bundles are accepted", () => {
    const checkpoints = Array.from({ length: SIZE + 1 }, (_, size) => read(`checkpoint.${size}`));
    const entries = parseEntryBundle(bundleBytes(SIZE), SIZE);
    assert.ok(entries.ok);
    const log = {
      origin: ORIGIN,
      keys: [key()],
      head: read("checkpoint"),
      checkpoints,
      entries: entries.value,
      readTile: only(tileBytes(SIZE)),
    };
    const verified = verifyLog(log);
    assert.ok(verified.ok);
    assert.deepEqual([verified.value.size, verified.value.checkpoints], [SIZE, SIZE + 1]);
    for (let size = 1; size <= SIZE; size++) assert.ok(accepts(size, read(`checkpoint.${size}`), tileBytes(size), bundleBytes(size)));
  });

  test("[LG-27] every size begins every later one, and every entry is in every tree that is large enough", () => {
    const readTile = only(tileBytes(SIZE));
    const entries = parseEntryBundle(bundleBytes(SIZE), SIZE);
    assert.ok(entries.ok);
    for (let to = 0; to <= SIZE; to++) {
      const { root } = checkpoint(to);
      const fromTiles = rootFromTiles(to, readTile);
      assert.deepEqual(fromTiles.ok && fromTiles.value, root);
      for (let from = 0; from <= to; from++) {
        const proof = consistencyProof(from, to, readTile);
        assert.ok(verifyConsistency({ from, to, fromRoot: checkpoint(from).root, toRoot: root, proof }).ok);
      }
      for (let index = 0; index < to; index++) {
        const proof = inclusionProof(index, to, readTile);
        assert.ok(verifyInclusion({ leafHash: leafHash(entries.value[index] ?? assert.fail()), index, size: to, root, proof }).ok);
      }
    }
  });

  test("[LG-27] [E39] no altered byte of any tile or bundle is accepted", () => {
    for (let size = 1; size <= SIZE; size++) {
      const note = read(`checkpoint.${size}`);
      const [tile, bundle] = [tileBytes(size), bundleBytes(size)];
      for (const at of places(tile, size)) assert.ok(!accepts(size, note, alter(tile, at, 1), bundle), `tile of ${size}, byte ${at}`);
      for (const at of places(bundle, size)) assert.ok(!accepts(size, note, tile, alter(bundle, at, 1)), `bundle of ${size}, byte ${at}`);
    }
  });

  test("[LG-27] no altered byte of any checkpoint is accepted, and no bit of the head", () => {
    const keys = [key()];
    for (let size = 0; size <= SIZE; size++) {
      const note = read(`checkpoint.${size}`);
      for (const at of places(note, size))
        assert.ok(!openCheckpoint(alter(note, at, 1), keys, ORIGIN).ok, `checkpoint ${size}, byte ${at}`);
    }
    const head = read("checkpoint");
    for (let bit = 0; bit < head.length * 8; bit++)
      assert.ok(!openCheckpoint(alter(head, bit >> 3, 1 << (bit & 7)), keys, ORIGIN).ok, `bit ${bit}`);
  });

  test("[LG-27] [E43] the checkpoint of one size does not pass for another's", () => {
    for (let size = 1; size <= SIZE; size++) {
      for (let other = 1; other <= SIZE; other++) {
        if (other !== size) assert.ok(!accepts(size, read(`checkpoint.${other}`), tileBytes(size), bundleBytes(size)));
      }
    }
  });
});
