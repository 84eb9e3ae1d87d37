import assert from "node:assert/strict";
import { test } from "node:test";
import { MemoryLog, testEntries, testEntry, testSigner } from "../../testing/ledger.ts";
import { firstDifference, keyHash, leafHash, signCheckpoint, startVerification, verifyLog } from "./index.ts";
import type { LogKey, StoredLog } from "./index.ts";

const ORIGIN = "log.example/pawl";
const signer = testSigner(ORIGIN, 1);
const key: LogKey = { name: signer.name, publicKey: signer.publicKey, id: keyHash(signer.name, signer.publicKey) };
const logOf = (size: number): MemoryLog => new MemoryLog().append(testEntries(size));
const headOf = (log: MemoryLog): string => signCheckpoint({ origin: ORIGIN, size: log.size, root: log.root }, [signer]);

const stored = (size: number, more: Partial<StoredLog> = {}): StoredLog => {
  const log = logOf(size);
  return { origin: ORIGIN, keys: [key], head: headOf(log), entries: log.entries, readTile: log.readTile, ...more };
};
const faultOf = (log: StoredLog): unknown[] => {
  const verified = verifyLog(log);
  return verified.ok ? [] : [verified.error.code, verified.error.index, verified.error.lastIndex];
};

test("[LG-22] what is stored in the wrong place is told as missing or as altered, from where on", () => {
  const rows = logOf(5).entries.map((bytes, index) => ({ bytes, index }));
  assert.deepEqual(faultOf(stored(5, { entries: rows })), []);
  assert.deepEqual(faultOf(stored(5, { entries: rows.filter(({ index }) => index !== 2) })), ["log_entry_missing", 2, undefined]);
  assert.deepEqual(faultOf(stored(5, { entries: [...rows.slice(0, 3), ...rows.slice(1)] })), ["log_entry_altered", 1, undefined]);
  assert.deepEqual(faultOf(stored(5, { entries: rows.slice(0, 4) })), ["log_entry_missing", 4, undefined]);
  assert.deepEqual(faultOf(stored(5, { entries: rows.slice(0, 4), readTile: undefined })), ["log_entry_missing", 0, 4]);
  const words = (entries: StoredLog["entries"]): string => {
    const verified = verifyLog(stored(5, { entries }));
    return verified.ok ? "" : verified.error.message;
  };
  assert.equal(words(rows.filter(({ index }) => index !== 2)), "entry 2 is missing: entry 3 follows");
  assert.equal(words([...rows.slice(0, 3), ...rows.slice(1)]), "entry 1 is stored twice or out of order");
  const hashed = rows.map((row) => ({ ...row, leafHash: leafHash(row.bytes) }));
  assert.deepEqual(faultOf(stored(5, { entries: hashed, readTile: undefined })), []);
  const wrong = hashed.with(3, { ...hashed[3]!, leafHash: leafHash(testEntry(9)) });
  assert.deepEqual(faultOf(stored(5, { entries: wrong, readTile: undefined })), ["log_entry_altered", 3, undefined]);
});

test("[LG-22] an entry that is not the signed one lies between two signed sizes", () => {
  const note = (size: number): string => headOf(logOf(size));
  const alter = (at: number): StoredLog =>
    stored(6, { entries: testEntries(6).with(at, testEntry(99)), readTile: undefined, checkpoints: [note(3), note(4)] });
  const told = (at: number): unknown[] => {
    const verified = verifyLog(alter(at));
    return verified.ok ? [] : [verified.error.index, verified.error.lastIndex, verified.error.message];
  };
  assert.deepEqual(told(1), [0, 2, "one of the entries 0 to 2 is not what was signed at size 3"]);
  assert.deepEqual(told(3), [3, 3, "entry 3 is not what was signed at size 4"]);
  assert.deepEqual(told(5), [4, 5, "one of the entries 4 to 5 is not what was signed at size 6"]);
});

test("[LG-23] [LG-25] a checkpoint that is wrong is told by its number, and a verifier that met a fault keeps it", () => {
  const started = (checkpoints: readonly string[], head = headOf(logOf(6))): unknown => {
    const verifier = startVerification({ origin: ORIGIN, keys: [key], head, checkpoints });
    return verifier.ok ? "" : [verifier.error.code, verifier.error.where];
  };
  assert.deepEqual(started([headOf(logOf(3)), "x"]), ["note_malformed", "checkpoint 1"]);
  assert.deepEqual(started([headOf(logOf(7))]), ["checkpoint_ahead", "checkpoint 0"]);
  const other = signCheckpoint({ origin: ORIGIN, size: 6, root: logOf(5).root }, [signer]);
  assert.deepEqual(started([headOf(logOf(3)), other]), ["checkpoint_fork", "checkpoint 1"]);
  assert.deepEqual(started([], "x"), ["note_malformed", "head"]);
  const verifier = startVerification({ origin: ORIGIN, keys: [key], head: headOf(logOf(2)) });
  assert.ok(verifier.ok);
  assert.equal(verifier.value.add(testEntry(0)), undefined);
  const fault = verifier.value.altered();
  assert.deepEqual([fault.code, fault.index], ["log_entry_altered", 0]);
  assert.equal(verifier.value.add(testEntry(1)), fault);
  const finished = verifier.value.finish();
  assert.ok(!finished.ok && finished.error === fault);
});

test("[LG-24] the first tile that is not that of the entries is told by the entry it begins with", () => {
  const log = logOf(700);
  const tiles = (change: (level: number, index: number, bytes: Uint8Array) => Uint8Array): StoredLog =>
    stored(700, { readTile: (level, index) => change(level, index, log.readTile(level, index).slice()) });
  const flipped = (bytes: Uint8Array, hash: number): Uint8Array => bytes.with(hash * 32, (bytes[hash * 32] ?? 0) ^ 1);
  assert.deepEqual(faultOf(tiles((level, _, bytes) => (level === 1 ? flipped(bytes, 1) : bytes))), ["log_tile_altered", 256, undefined]);
  assert.deepEqual(faultOf(tiles((level, _, bytes) => (level === 1 ? flipped(bytes, 0) : bytes))), ["log_tile_altered", 0, undefined]);
  assert.deepEqual(faultOf(tiles((level, _, bytes) => (level === 1 ? new Uint8Array([...bytes, ...bytes]) : bytes))), [
    "log_tile_altered",
    512,
    undefined,
  ]);
  const wide = verifyLog(
    tiles((level, index, bytes) => (level === 0 && index === 2 ? new Uint8Array([...bytes, ...new Uint8Array(32)]) : bytes)),
  );
  assert.deepEqual(wide.ok ? [] : [wide.error.code, wide.error.index, wide.error.message], [
    "log_tile_altered",
    700,
    "tile 2 of level 0 has 6048 bytes instead of 6016",
  ]);
  const tile = { level: 0, index: 0, bytes: new Uint8Array(64).fill(1) };
  assert.equal(firstDifference(tile, tile.bytes.slice()), undefined);
  assert.equal(firstDifference(tile, tile.bytes.slice(0, 63)), 1);
  assert.equal(firstDifference(tile, tile.bytes.slice(0, 32)), 1);
  assert.equal(firstDifference(tile, new Uint8Array([...tile.bytes, 0])), 2);
});
