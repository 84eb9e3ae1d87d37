import assert from "node:assert/strict";
import { describe, test } from "node:test";
import * as fc from "fast-check";
import { testSigner } from "../../testing/ledger.ts";
import { fromBase64, utf8 } from "../base/index.ts";
import { keyHash, openNote, parseVkey, parseVkeys, signNote, vkey } from "./index.ts";
import type { LedgerCode, Vkey } from "./index.ts";

const SEED = 7295;
const PETER = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
const ENOCH = "EnochRoot+af0cfe78+ATtqJ7zOtqQtYqOo0CpvDXNlMhV3HeJDpjrASKGLWdop";
const PETER_SEED = "AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz";
const TEXT = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n";
const peterSig = "\u2014 PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";
const enochSig = "\u2014 EnochRoot rwz+eBzmZa0SO3NbfRGzPCpDckykFXSdeX+MNtCOXm2/5n2tiOHp+vAF1aGrQ5ovTG01oOTGwnWLox33WWd1RvMc+QQ=\n";

function key(line: string): Vkey {
  const parsed = parseVkey(line);
  assert.ok(parsed.ok);
  return parsed.value;
}

function refused(note: string | Uint8Array, code: LedgerCode, trusted: readonly Vkey[] = [key(PETER)]): void {
  const opened = openNote(note, trusted);
  assert.equal(opened.ok ? "accepted" : opened.error.code, code, JSON.stringify(note.slice(-60)));
}

describe("verifier keys", () => {
  test("[LG-13] the keys of Go's sumdb/note are read and written again", () => {
    for (const line of [PETER, ENOCH]) {
      const { name, publicKey, id } = key(line);
      assert.equal(vkey(name, publicKey), line);
      assert.equal(keyHash(name, publicKey), id);
    }
    assert.equal(key(PETER).id, 0xc74f20a3);
  });

  test("[LG-13] any other form is refused", () => {
    const bad = [
      "",
      "+",
      "++",
      "PeterNeumann",
      `${PETER} `,
      ` ${PETER}`,
      `${PETER}\n`,
      PETER.replace("c74f", "c74e"),
      PETER.replace("c74f", "C74F"),
      PETER.replace("c74f20a3", "c74f20"),
      PETER.replace("Peter", "Petra"),
      PETER.replace("PeterNeumann", ""),
      PETER.replace("Peter", "Peter "),
      PETER.replace("Peter", "Peter\u00a0"),
      PETER.replace("+ARp", "+BRp"),
      PETER.slice(0, -1),
      PETER.replaceAll("+", "-"),
      `${PETER}+x`,
      "PeterNeumann+cc469956+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TWBADKEY==",
      "PeterNeumann+173116ae+ZRpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
      "x".repeat(10_000),
    ];
    for (const line of bad) assert.equal(parseVkey(line).ok, false, line.slice(0, 90));
    const list = parseVkeys([PETER, "nonsense"]);
    assert.deepEqual(!list.ok && [list.error.code, list.error.where], ["key_malformed", "key 2"]);
    assert.deepEqual(parseVkeys([PETER, ENOCH]), { ok: true, value: [key(PETER), key(ENOCH)] });
  });

  test("[LG-13] any altered character of a key line is refused", () => {
    for (let i = 0; i < PETER.length; i++) {
      for (const c of ["A", "b", "+", "/", "=", " ", "\n", "\u00e9"]) {
        if (PETER[i] !== c) assert.equal(parseVkey(PETER.slice(0, i) + c + PETER.slice(i + 1)).ok, false, `${i} ${c}`);
      }
    }
  });
});

describe("signing", () => {
  test("[LG-17] the note of Go's sumdb/note, byte for byte", () => {
    const seed = fromBase64(PETER_SEED)?.slice(1) ?? assert.fail();
    const signer = testSigner("PeterNeumann", seed);
    assert.equal(vkey(signer.name, signer.publicKey), PETER);
    assert.equal(signNote(TEXT, [signer]), `${TEXT}\n${peterSig}`);
  });

  test("[LG-17] what is signed opens, with any text and several signers, in their order", () => {
    const signers = [testSigner("log.example/a", 1), testSigner("log.example/b", 2), testSigner("log.example/a", 3)];
    const trusted = signers.map(({ name, publicKey }) => key(vkey(name, publicKey)));
    const text = fc.string({ unit: "grapheme", maxLength: 60 }).map((line) => `${line.replaceAll(/\p{Cc}/gu, "\n")}\n`);
    fc.assert(
      fc.property(text, (body) => {
        const opened = openNote(signNote(body, signers), trusted);
        assert.deepEqual(opened, { ok: true, value: { text: body, signers: trusted, strangers: [] } });
      }),
      { seed: SEED, numRuns: 50 },
    );
  });

  test("[LG-17] what could not be opened is never signed", () => {
    const signer = testSigner("a", 1);
    for (const text of ["", "no newline", "tab\t\n", "\u001b[1m\n", "\ud800\n", "\r\n"])
      assert.throws(() => signNote(text, [signer]), /invariant broken/);
    for (const name of ["", "a b", "a+b", "a\n", "a\u2028", "\ud800", "x".repeat(256)])
      assert.throws(() => signNote("x\n", [{ ...signer, name }]), /invariant broken/);
    assert.throws(() => signNote("x\n", []), /invariant broken/);
    assert.throws(() => signNote("x\n", [{ ...signer, sign: () => new Uint8Array(63) }]), /invariant broken/);
  });
});

describe("opening", () => {
  test("[LG-15] one trusted signature is enough, others say nothing; the vectors of Go's sumdb/note", () => {
    const note = `${TEXT}\n${peterSig}${enochSig}`;
    assert.deepEqual(openNote(note, [key(PETER)]), { ok: true, value: { text: TEXT, signers: [key(PETER)], strangers: ["EnochRoot"] } });
    assert.deepEqual(openNote(utf8(note), [key(PETER), key(ENOCH)]), {
      ok: true,
      value: { text: TEXT, signers: [key(PETER), key(ENOCH)], strangers: [] },
    });
    assert.deepEqual(openNote(`${TEXT}\n${peterSig}${peterSig}`, [key(PETER)]), {
      ok: true,
      value: { text: TEXT, signers: [key(PETER)], strangers: [] },
    });
    refused(note, "note_untrusted", []);
    refused(`${TEXT}\n${enochSig}`, "note_untrusted");
  });

  test("[LG-15] a bad signature in a trusted name refuses the note, also beside a good one", () => {
    const bad = `${peterSig.slice(0, 60)}ABCD${peterSig.slice(60)}`;
    refused(`${TEXT}\n${bad}`, "note_bad_signature");
    refused(`${TEXT}\n${peterSig}${bad}`, "note_bad_signature");
    refused(`${TEXT}\n${bad}${enochSig}`, "note_bad_signature", [key(PETER), key(ENOCH)]);
    refused(`${TEXT}.\n\n${peterSig}`, "note_bad_signature");
    refused(`${TEXT}\n${peterSig.replace("PeterNeumann", "CarmenSandiego")}`, "note_untrusted");
  });

  test("[LG-15] two trusted keys of one name and id are refused, if the note uses them", () => {
    refused(`${TEXT}\n${enochSig}`, "key_ambiguous", [key(ENOCH), key(PETER), key(ENOCH)]);
    assert.ok(openNote(`${TEXT}\n${peterSig}`, [key(ENOCH), key(PETER), key(ENOCH)]).ok);
  });

  test("[LG-14] any other form is refused", () => {
    const bad: (string | Uint8Array)[] = [
      "",
      "\n\n",
      TEXT,
      `${TEXT}\n`,
      `${TEXT}${peterSig}`,
      `${TEXT}\n${peterSig.slice(0, -1)}`,
      `\u0001${TEXT}\n${peterSig}`,
      `a\r\n${TEXT}\n${peterSig}`,
      `${TEXT}\n${peterSig}\n`,
      `${TEXT}\n${peterSig}Unexpected line.\n`,
      `${TEXT}\n${peterSig.replace("\u2014", "-")}`,
      `${TEXT}\n${peterSig.replace("\u2014 ", "\u2014")}`,
      `${TEXT}\n${peterSig.replace("Neumann ", "Neumann  ")}`,
      `${TEXT}\n${peterSig.replace("Peter", "Peter ")}`,
      `${TEXT}\n${peterSig.replace("Peter", "Peter+")}`,
      `${TEXT}\n${peterSig.replace("Peter", "Peter\u00a0")}`,
      `${TEXT}\n${peterSig.replace("AM=", "AN=")}`,
      `${TEXT}\n${peterSig.replace("AM=", "AM")}`,
      `${TEXT}\n\u2014 PeterNeumann x08gow==\n`,
      `${TEXT}\n\u2014 PeterNeumann \n`,
      `\ud800${TEXT}\n${peterSig}`,
      new Uint8Array([0xff, ...utf8(`${TEXT}\n${peterSig}`)]),
    ];
    for (const note of bad) refused(note, "note_malformed");
  });

  test("[LG-16] more than 100 signatures, or more than 128 KiB, are refused", () => {
    const note = (count: number): string => `${TEXT}\n${enochSig.repeat(count)}${peterSig}`;
    assert.ok(openNote(note(99), [key(PETER)]).ok);
    refused(note(100), "note_malformed");
    refused(`${"x".repeat(128 * 1024)}\n\n${peterSig}`, "note_malformed");
    refused(new Uint8Array(1 << 20).fill(10), "note_malformed");
  });

  test("[LG-14] [LG-15] no altered bit of a note is accepted", () => {
    const note = utf8(`${TEXT}\n${peterSig}`);
    for (let bit = 0; bit < note.length * 8; bit++) {
      const altered = note.map((byte, i) => (i === bit >> 3 ? byte ^ (1 << (bit & 7)) : byte));
      assert.ok(!openNote(altered, [key(PETER)]).ok, `bit ${bit & 7} of byte ${bit >> 3}`);
    }
  });
});
