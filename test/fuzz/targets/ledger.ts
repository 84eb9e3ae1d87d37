import assert from "node:assert/strict";
import * as fc from "fast-check";
import { utf8 } from "../../../src/core/base/index.ts";
import {
  consistencyProof,
  cosignature,
  entryBundle,
  formatSubmission,
  inclusionProof,
  leafHash,
  openCheckpoint,
  openCosignatures,
  openNote,
  parseEntryBundle,
  parseSubmission,
  parseTilePath,
  parseVkey,
  parseWitnessKey,
  signCheckpoint,
  tilePath,
  verifyConsistency,
  verifyInclusion,
  vkey,
  witnessKey,
  type LogKey,
} from "../../../src/core/ledger/index.ts";
import { MemoryLog, testEntries, testSigner } from "../../../src/testing/ledger.ts";
import { bytesTarget, isRefusal, mangled, mangledBytes, textTarget, type Target } from "../target.ts";

const ORIGIN = "fuzz.example/log";
const signer = testSigner(ORIGIN, 3);
const witness = testSigner("fuzz.example/witness", 4);
const logs = [1, 2, 3, 7, 8, 255, 256, 300].map((size) => new MemoryLog().append(testEntries(size)));
const notes = logs.map(({ size, root }) => signCheckpoint({ origin: ORIGIN, size, root }, [signer]));
const known = parseVkey(vkey(ORIGIN, signer.publicKey));
const knownWitness = parseWitnessKey(witnessKey(witness.name, witness.publicKey));
assert.ok(known.ok && knownWitness.ok);
const keys: readonly LogKey[] = [known.value];
const cosigned = notes.map((note) => note + cosignature(note, witness, 1_700_000_000));
const DASH = "\u2014 ";

/** What the log has really signed: nothing else may be believed. */
const texts = new Set(notes.map((note) => note.slice(0, note.indexOf("\n\n") + 1)));

const submissions = fc.constantFrom(...logs.slice(1)).chain((log) =>
  fc.nat(log.size).map((oldSize) => {
    const note = notes[logs.indexOf(log)] ?? "";
    return formatSubmission({ oldSize, proof: consistencyProof(oldSize, log.size, log.readTile), note });
  }),
);

interface Proven {
  readonly leaf: string;
  readonly index: number;
  readonly size: number;
  readonly root: string;
  readonly proof: readonly string[];
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
const unhex = (text: unknown): Uint8Array => new Uint8Array(Buffer.from(String(text), "hex"));
const inclusions = fc.constantFrom(...logs).chain((log) =>
  fc.nat(log.size - 1).map((index): Proven => {
    const proof = inclusionProof(index, log.size, log.readTile).map(hex);
    return { leaf: hex(leafHash(log.entries[index] ?? new Uint8Array())), index, size: log.size, root: hex(log.root), proof };
  }),
);

/** A proof that verifies says what is true of one of our logs. */
function provenInclusion(text: string): void {
  const [leaf = "", index, size, root = "", ...proof] = text.split("\n");
  const claim = { leafHash: unhex(leaf), index: Number(index), size: Number(size), root: unhex(root), proof: proof.map(unhex) };
  const verdict = verifyInclusion(claim);
  if (!verdict.ok) return isRefusal(verdict.error);
  const log = logs.find((each) => hex(each.root) === hex(claim.root));
  if (log === undefined || log.size !== claim.size) return assert.ok(claim.proof.length < 64, "a proof about a root that nobody signed");
  assert.equal(hex(leafHash(log.entries[claim.index] ?? new Uint8Array())), hex(claim.leafHash));
}

/** A proof that verifies against a root of ours says which root the log had at that size. */
function provenGrowth(text: string): void {
  const [from = "", to, fromRoot = "", toRoot = "", ...proof] = text.split("\n");
  const claim = { from: Number(from), to: Number(to), fromRoot: unhex(fromRoot), toRoot: unhex(toRoot), proof: proof.map(unhex) };
  const verdict = verifyConsistency(claim);
  if (!verdict.ok) return isRefusal(verdict.error);
  const log = logs.find(({ size, root }) => size === claim.to && hex(root) === hex(claim.toRoot));
  if (log === undefined) return;
  assert.equal(hex(claim.fromRoot), hex(new MemoryLog().append(log.entries.slice(0, claim.from)).root));
}

const growths = fc.constantFrom(...logs).chain((log) =>
  fc.nat(log.size).map((from) => {
    const old = new MemoryLog().append(log.entries.slice(0, from));
    return [from, log.size, hex(old.root), hex(log.root), ...consistencyProof(from, log.size, log.readTile).map(hex)].join("\n");
  }),
);

export const ledger: readonly Target[] = [
  textTarget("note", mangled(fc.constantFrom(...notes, ...cosigned), [DASH, ORIGIN, "\n\n"]), (text) => {
    const opened = openNote(text, keys);
    if (!opened.ok) return isRefusal(opened.error);
    assert.ok(texts.has(opened.value.text), "a text that was never signed is believed");
  }),
  textTarget("checkpoint", mangled(fc.constantFrom(...notes, ...cosigned), [DASH, "0", "00"]), (text) => {
    const opened = openCheckpoint(text, keys, ORIGIN);
    if (!opened.ok) return isRefusal(opened.error);
    assert.ok(logs.some(({ size, root }) => size === opened.value.size && hex(root) === hex(opened.value.root)));
  }),
  textTarget("cosignatures", mangled(fc.constantFrom(...cosigned), [DASH]), (text) => {
    const opened = openCosignatures(text, [knownWitness.value]);
    if (!opened.ok) return isRefusal(opened.error);
    for (const { seconds } of opened.value) assert.equal(seconds, 1_700_000_000);
  }),
  textTarget(
    "verifier-key",
    mangled(fc.constantFrom(vkey(ORIGIN, signer.publicKey), witnessKey(witness.name, witness.publicKey)), ["+"]),
    (line) => {
      for (const parsed of [parseVkey(line), parseWitnessKey(line)]) {
        if (parsed.ok) assert.equal(parsed.value.publicKey.length, 32);
        else isRefusal(parsed.error);
      }
    },
  ),
  bytesTarget("submission", mangledBytes(submissions.map(utf8)), (bytes) => {
    const parsed = parseSubmission(bytes);
    if (!parsed.ok) return isRefusal(parsed.error);
    assert.deepEqual(parseSubmission(utf8(formatSubmission(parsed.value))), parsed);
  }),
  textTarget(
    "tile-path",
    mangled(fc.constantFrom("tile/0/x001/234", "tile/1/000.p/12", "tile/entries/x001/x234/567"), [".p/", "x", "entries"]),
    (path) => {
      const parsed = parseTilePath(path);
      if (!parsed.ok) return isRefusal(parsed.error);
      assert.equal(tilePath(parsed.value), path);
    },
  ),
  bytesTarget("entry-bundle", mangledBytes(fc.nat(20).map((count) => entryBundle(testEntries(count)))), (bytes) => {
    for (const width of [0, 1, 5, 20, 256]) {
      const parsed = parseEntryBundle(bytes, width);
      if (!parsed.ok) isRefusal(parsed.error);
      else assert.deepEqual(entryBundle(parsed.value), bytes);
    }
  }),
  textTarget(
    "inclusion-proof",
    mangled(inclusions.map(({ leaf, index, size, root, proof }) => [leaf, index, size, root, ...proof].join("\n"))),
    provenInclusion,
  ),
  textTarget("consistency-proof", mangled(growths), provenGrowth),
];
