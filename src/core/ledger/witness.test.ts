import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { MemoryLog, testEntries, testSigner } from "../../testing/ledger.ts";
import { toBase64, utf8 } from "../base/index.ts";
import {
  consistencyProof,
  cosignature,
  formatSubmission,
  openCheckpoint,
  openCosignatures,
  parseSubmission,
  parseVkey,
  parseWitnessKey,
  signCheckpoint,
  vkey,
  witness,
  witnessKey,
  type LogKey,
  type Submission,
  type WatchedLog,
} from "./index.ts";

const ORIGIN = "log.example/one";
const logSigner = testSigner(ORIGIN, 1);
const witnessSigner = testSigner("witness.example/w", 2);
const key = (line: string): LogKey => {
  const parsed = parseVkey(line);
  assert.ok(parsed.ok);
  return parsed.value;
};
const logKey = key(vkey(ORIGIN, logSigner.publicKey));

const logOf = (count: number, mark = ""): MemoryLog =>
  new MemoryLog().append(
    testEntries(count).map((entry, i) => (i === count - 1 ? utf8(`${mark}${new TextDecoder().decode(entry)}`) : entry)),
  );
const headOf = (log: MemoryLog, signer = logSigner): string => signCheckpoint({ origin: ORIGIN, size: log.size, root: log.root }, [signer]);
const watched = (seen?: MemoryLog): WatchedLog => ({ origin: ORIGIN, keys: [logKey], seen });
const submit = (seen: MemoryLog | undefined, submission: Submission) =>
  witness((origin) => (origin === ORIGIN ? watched(seen) : undefined), submission);
const codeOf = (answer: ReturnType<typeof submit>): string => (answer.ok ? "cosigned" : answer.error.code);

test("[LG-28] a submission is read as it is written, and nothing else is", () => {
  const log = logOf(9);
  const submission = { oldSize: 5, proof: consistencyProof(5, 9, log.readTile), note: headOf(log) };
  const text = formatSubmission(submission);
  const read = parseSubmission(utf8(text));
  assert.ok(read.ok);
  assert.deepEqual(read.value, submission);
  const hash = toBase64(new Uint8Array(32));
  const bad = [
    "",
    text.replace("old 5", "old 05"),
    text.replace("old 5", "old -5"),
    text.replace("old 5", "old 9999999999999999"),
    text.replace("old 5", "new 5"),
    text.replace("old 5\n", "old 5\n*\n"),
    text.replace("old 5\n", `old 5\n${toBase64(new Uint8Array(31))}\n`),
    text.replace("old 5\n", `old 5\n${`${hash}\n`.repeat(64)}`),
    "old 5\n",
    `${text}${"x".repeat(132 * 1024)}`,
  ];
  for (const each of bad) {
    const refused = parseSubmission(utf8(each));
    assert.equal(refused.ok ? "read" : refused.error.code, "request_malformed", each.slice(0, 60));
  }
  assert.equal(parseSubmission(Uint8Array.of(0x6f, 0xff)).ok, false);
});

test("[LG-29] [E41] a witness cosigns what extends the head it cosigned last, and nothing else", () => {
  const [five, nine] = [logOf(5), logOf(9)];
  const forked = logOf(5, "x");
  const grown = consistencyProof(5, 9, nine.readTile);
  const head = { proof: grown, note: headOf(nine) };
  assert.equal(codeOf(submit(undefined, { oldSize: 0, proof: [], note: headOf(nine) })), "cosigned");
  assert.equal(codeOf(submit(five, { oldSize: 5, ...head })), "cosigned");
  assert.equal(codeOf(submit(nine, { oldSize: 9, proof: [], note: headOf(nine) })), "cosigned", "the same head again");
  assert.equal(codeOf(submit(five, { oldSize: 4, ...head })), "size_moved");
  assert.equal(codeOf(submit(undefined, { oldSize: 5, ...head })), "size_moved");
  assert.equal(codeOf(submit(nine, { oldSize: 9, proof: [], note: headOf(five) })), "request_malformed", "a smaller log");
  assert.equal(codeOf(submit(nine, { oldSize: 5, proof: [], note: headOf(five) })), "size_moved", "a smaller log");
  assert.equal(codeOf(submit(forked, { oldSize: 5, ...head })), "proof_mismatch");
  assert.equal(codeOf(submit(five, { oldSize: 5, proof: [], note: headOf(forked) })), "checkpoint_fork");
  assert.equal(codeOf(submit(five, { oldSize: 5, proof: grown, note: headOf(five) })), "proof_malformed");
  assert.equal(codeOf(submit(five, { oldSize: 5, proof: grown.slice(1), note: headOf(nine) })), "proof_malformed");
  assert.equal(codeOf(submit(five, { oldSize: 5, proof: grown, note: headOf(nine, testSigner(ORIGIN, 9)) })), "note_untrusted");
  assert.equal(codeOf(submit(five, { oldSize: 5, proof: grown, note: headOf(nine).replace(ORIGIN, "log.example/two") })), "log_unknown");
});

test("[LG-29] of two logs that part, no witness cosigns both, whatever is submitted in whatever order", () => {
  const step = fc.record({ log: fc.integer({ min: 0, max: 1 }), size: fc.integer({ min: 1, max: 12 }) });
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 12 }), fc.array(step, { maxLength: 20 }), (parts, steps) => {
      const entries = [testEntries(12), testEntries(12).map((entry, i) => (i < parts ? entry : utf8(`other ${i}`)))];
      const at = (which: number, size: number): MemoryLog => new MemoryLog().append(entries[which]?.slice(0, size) ?? []);
      let seen: MemoryLog | undefined;
      for (const { log, size } of steps) {
        const candidate = at(log, size);
        const oldSize = Math.min(seen?.size ?? 0, size);
        const answer = submit(seen, { oldSize, proof: consistencyProof(oldSize, size, candidate.readTile), note: headOf(candidate) });
        if (!answer.ok) continue;
        const before = seen?.entries ?? [];
        assert.deepEqual(candidate.entries.slice(0, before.length), before);
        seen = candidate;
      }
    }),
    { seed: 41, numRuns: 100 },
  );
});

test("[LG-30] a cosignature is over the checkpoint and the time, by a key of its own kind", () => {
  const note = headOf(logOf(3));
  const both = `${note}${cosignature(note, witnessSigner, 1_700_000_000)}`;
  const trusted = parseWitnessKey(witnessKey(witnessSigner.name, witnessSigner.publicKey));
  assert.ok(trusted.ok);
  const opened = openCosignatures(both, [trusted.value]);
  assert.ok(opened.ok);
  assert.deepEqual(opened.value, [{ witness: trusted.value, seconds: 1_700_000_000 }]);
  assert.ok(openCheckpoint(both, [logKey], ORIGIN).ok, "the log's own signature stands beside it");
  assert.deepEqual(openCosignatures(both, []), { ok: true, value: [] });
  assert.equal(parseVkey(witnessKey(witnessSigner.name, witnessSigner.publicKey)).ok, false, "a witness's key signs no notes");
  assert.equal(parseWitnessKey(vkey(ORIGIN, logSigner.publicKey)).ok, false, "a log's key signs no cosignatures");
  const other = headOf(logOf(4));
  const moved = openCosignatures(`${other}${cosignature(note, witnessSigner, 1)}`, [trusted.value]);
  assert.equal(moved.ok ? "" : moved.error.code, "note_bad_signature", "it is of another checkpoint");
  const line = cosignature(note, witnessSigner, 1);
  const start = line.lastIndexOf(" ") + 1;
  for (let at = start + 8; at < line.length - 3; at += 7) {
    const changed = `${line.slice(0, at)}${line[at] === "A" ? "B" : "A"}${line.slice(at + 1)}`;
    assert.equal(openCosignatures(`${note}${changed}`, [trusted.value]).ok, false, `with character ${at} changed`);
  }
});

test("[LG-29] [LG-34] [E46] a witness that was told of a new key cosigns what it signs, and no new size of the old one's", () => {
  const [old, next] = [logOf(6), logOf(9)];
  const newSigner = testSigner(ORIGIN, 3);
  const keys = [
    { ...logKey, untilSize: 8 },
    { ...key(vkey(ORIGIN, newSigner.publicKey)), fromSize: 8 },
  ];
  const proof = consistencyProof(6, 9, next.readTile);
  const asked = (note: string) => codeOf(witness(() => ({ origin: ORIGIN, keys, seen: old }), { oldSize: 6, proof, note }));
  assert.equal(asked(headOf(next)), "key_not_valid");
  assert.equal(asked(headOf(next, newSigner)), "cosigned");
  assert.ok(openCheckpoint(headOf(old), keys, ORIGIN).ok, "what it cosigned last was signed by the old key");
});
