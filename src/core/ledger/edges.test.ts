import assert from "node:assert/strict";
import { test } from "node:test";
import { MemoryLog, testEntries, testEntry, testSigner } from "../../testing/ledger.ts";
import { toBase64, toHex, utf8 } from "../base/index.ts";
import {
  consistencyProof,
  cosignature,
  emptyRoot,
  entryBundle,
  formatCheckpoint,
  formatSubmission,
  frontierFromTiles,
  GrowingTree,
  inclusionProof,
  integrate,
  keyHash,
  leafHash,
  nodeHash,
  openCheckpoint,
  openCosignatures,
  openNote,
  parseCheckpoint,
  parseEntryBundle,
  parseSubmission,
  parseTilePath,
  parseVkey,
  parseVkeys,
  parseWitnessKey,
  signCheckpoint,
  signNote,
  tilePath,
  verifyConsistency,
  verifyInclusion,
  vkey,
  witnessKey,
} from "./index.ts";
import type { LogKey, Vkey } from "./index.ts";

type Answer = { readonly ok: true } | { readonly ok: false; readonly error: { readonly code: string; readonly message: string } };
const code = (answer: Answer): string => (answer.ok ? "" : answer.error.code);
const message = (answer: Answer): string => (answer.ok ? "" : answer.error.message);

const ORIGIN = "log.example/pawl";
const signer = testSigner(ORIGIN, 1);
const key: LogKey = { name: signer.name, publicKey: signer.publicKey, id: keyHash(signer.name, signer.publicKey) };
const logOf = (size: number): MemoryLog => new MemoryLog().append(testEntries(size));
const headOf = (log: MemoryLog): string => signCheckpoint({ origin: ORIGIN, size: log.size, root: log.root }, [signer]);

test("[LG-13] the longest name, and each way in which a key line is none", () => {
  const named = (length: number): string => vkey("n".repeat(length), signer.publicKey);
  assert.equal(code(parseVkey(named(255))), "");
  assert.throws(() => named(256), /invariant broken/);
  for (const length of [0, 31, 33]) assert.throws(() => vkey("n", new Uint8Array(length)), /invariant broken/);
  assert.throws(() => vkey("a b", signer.publicKey), /invariant broken/);
  const good = named(4);
  const short = `n+${toHex(new Uint8Array(4))}+${toBase64(new Uint8Array([1, ...signer.publicKey.slice(1)]))}`;
  for (const line of [
    "",
    "n",
    "n+00000000",
    "+00000000+AAAA",
    "n++",
    "n+zz+AAAA",
    `${good}x`,
    short,
    `n n+${good.slice(5)}`,
    good.replace("nnnn", "nnnm"),
    "x".repeat(384),
  ])
    assert.equal(code(parseVkey(line)), "key_malformed", line);
  assert.match(message(parseVkey("x".repeat(384))), /too long/);
  assert.doesNotMatch(message(parseVkey("x".repeat(383))), /too long/);
  const list = parseVkeys([good, "nonsense"]);
  assert.deepEqual(list.ok ? [] : [list.error.where, list.error.code], ["key 2", "key_malformed"]);
});

test("[LG-16] a note of the most signatures and bytes is opened, and one more is not", () => {
  const many = (count: number): string =>
    signNote(
      "text\n",
      Array.from({ length: count }, () => signer),
    );
  assert.equal(code(openNote(many(100), [key])), "");
  assert.throws(() => many(101), /invariant broken/);
  const rows = many(100).split("\n");
  assert.match(message(openNote(`${many(100)}${rows.at(-2)}\n`, [key])), /more than 100/);
  const long = (length: number): string => signNote(`${"x".repeat(length - signNote("\n", [signer]).length)}\n`, [signer]);
  assert.equal(code(openNote(long(128 * 1024), [key])), "");
  assert.match(message(openNote(long(128 * 1024 + 1), [key])), /longer than 131072 bytes/);
  assert.throws(() => signNote("text\n", [{ ...signer, sign: () => new Uint8Array(63) }]), /64 bytes/);
  assert.throws(() => signNote("text", [signer]), /invariant broken/);
});

test("[LG-14] a malformed note says which line is none of a signature", () => {
  const note = signNote("text\n", [signer]);
  const line = note.split("\n")[2] ?? "";
  const bad = (row: string): string => message(openNote(`text\n\n${line}\n${row}\n`, [key]));
  for (const row of [
    "x",
    "\u2014 name",
    `\u2014 name ${toBase64(new Uint8Array(4))}`,
    `${line} x`,
    "\u2014  AAAAAAAA",
    "\u2014 a\u00a0b AAAAAAAA",
  ])
    assert.equal(bad(row), "line 2 of the signatures is not a signature", row);
  assert.equal(bad(`\u2014 name ${toBase64(new Uint8Array(5))}`), "");
  for (const text of ["", "\n", "text\n", "text\n\n", `\n\n${line}`, `text\n${line}\n`, "\n\nx\n"])
    assert.equal(code(openNote(text, [key])), "note_malformed", JSON.stringify(text));
  const twice: readonly Vkey[] = [key, { ...key }];
  assert.match(message(openNote(note, twice)), new RegExp(`two trusted keys are named ${ORIGIN}`));
});

test("[LG-18] a checkpoint is of three lines or more, each of its form", () => {
  const root = toBase64(logOf(3).root);
  const text = (lines: readonly string[], end = "\n"): string => code(parseCheckpoint(lines.join("\n") + end));
  assert.equal(text(["o", "3", root]), "");
  assert.equal(text(["o", "3", root, "more"]), "");
  for (const lines of [
    ["o"],
    ["o", "3"],
    ["", "3", root],
    ["o", "", root],
    ["o", "03", root],
    ["o", "-3", root],
    ["o", "x3", root],
    ["o", "3x", root],
    ["o", "9007199254740993", root],
    ["o", "3", ""],
    ["o", "3", "AAAA"],
    ["o", "3", root, ""],
    ["o", "0", root],
  ])
    assert.equal(text(lines), "checkpoint_malformed", lines.join("|"));
  assert.equal(text(["o", "3", root], ""), "checkpoint_malformed");
  assert.equal(text(["o", "3", root], "x\n"), "checkpoint_malformed");
  assert.equal(text(["o", "3", root.slice(0, -1)], "=x"), "checkpoint_malformed");
  for (const bad of [
    { size: -1 },
    { size: 1.5 },
    { origin: "" },
    { origin: "a\nb" },
    { extensions: [""] },
    { root: new Uint8Array(31) },
    { size: 0 },
  ])
    assert.throws(() => formatCheckpoint({ origin: "o", size: 3, root: logOf(3).root, ...bad }), /invariant broken/, JSON.stringify(bad));
  assert.equal(formatCheckpoint({ origin: "o", size: 0, root: emptyRoot() }), `o\n0\n${toBase64(emptyRoot())}\n`);
});

test("[LG-20] a key that may not sign a size says which it may", () => {
  const ranged = (more: Partial<LogKey>): string => message(openCheckpoint(headOf(logOf(9)), [{ ...key, ...more }], ORIGIN));
  assert.equal(ranged({ fromSize: 9 }), "");
  assert.equal(ranged({ untilSize: 10 }), "");
  assert.equal(ranged({ fromSize: 10 }), `size 9 is not for the key to sign: ${ORIGIN} (from size 10)`);
  assert.equal(ranged({ fromSize: 2, untilSize: 9 }), `size 9 is not for the key to sign: ${ORIGIN} (sizes 2 to 8)`);
});

test("[LG-6] tile paths at their bounds", () => {
  for (const path of ["tile/0/000", "tile/63/000", "tile/entries/x001/000", "tile/0/000.p/255", "tile/0/000.p/1", "tile/9/x999/x999/999"])
    assert.equal(code(parseTilePath(path)), "", path);
  const bad = [
    "",
    "x",
    "tile/64/000",
    "tile/00/000",
    "tile/0/00",
    "tile/0/000.p/256",
    "tile/0/000.p/0",
    "tile/0/000.p/",
    "tile/0/000.p/1x",
    "xtile/0/000",
    "tile/0/000x",
    "tile/0/x000/001",
    "tile/-1/000",
    "tile/0/x999/x999/x999/x999/x999/999",
    `tile/0/${"x001/".repeat(12)}000`,
  ];
  for (const path of bad) assert.equal(code(parseTilePath(path)), "path_malformed", path);
  for (const span of [
    { index: -1, width: 1 },
    { index: 0.5, width: 1 },
    { index: 0, width: 0 },
    { index: 0, width: 257 },
  ])
    assert.throws(() => tilePath({ level: 0, ...span }), /invariant broken/, JSON.stringify(span));
  assert.equal(tilePath({ level: "entries", index: 1_234_067, width: 256 }), "tile/entries/x001/x234/067");
});

test("[LG-7] a bundle holds exactly the entries it should, whole", () => {
  const bundle = entryBundle([testEntry(0), new Uint8Array(0), testEntry(300)]);
  const read = parseEntryBundle(bundle, 3);
  assert.deepEqual(read.ok && read.value.map((entry) => [...entry]), [[...testEntry(0)], [], [...testEntry(300)]]);
  assert.match(message(parseEntryBundle(bundle, 2)), /^more than 2 entries/);
  assert.match(message(parseEntryBundle(bundle, 4)), /^3 entries are in the bundle instead of 4/);
  assert.match(message(parseEntryBundle(bundle.slice(0, -1), 3)), /^entry 2 of the bundle is cut off/);
  for (const width of [2, 4]) assert.equal(code(parseEntryBundle(bundle, width)), "bundle_malformed");
  assert.equal(code(parseEntryBundle(bundle.slice(0, -1), 3)), "bundle_malformed");
  const large = new Uint8Array(65_535).fill(7);
  const alone = parseEntryBundle(entryBundle([large]), 1);
  assert.ok(alone.ok && alone.value[0]?.length === 65_535);
  assert.throws(() => entryBundle([new Uint8Array(65_536)]), /invariant broken/);
  assert.throws(() => entryBundle(testEntries(257)), /invariant broken/);
});

test("[LG-8] [LG-9] proofs are of sizes that exist", () => {
  const log = logOf(5);
  for (const [index, size] of [
    [-1, 5],
    [5, 5],
    [0.5, 5],
    [0, 2 ** 53],
  ] as const)
    assert.throws(() => inclusionProof(index, size, log.readTile), /invariant broken/, `${index} ${size}`);
  for (const [from, to] of [
    [-1, 5],
    [6, 5],
    [0.5, 5],
  ] as const)
    assert.throws(() => consistencyProof(from, to, log.readTile), /invariant broken/);
});

test("[LG-11] each way in which an inclusion proof is none has its code", () => {
  const log = logOf(5);
  const claim = { leafHash: leafHash(testEntry(2)), index: 2, size: 5, root: log.root, proof: inclusionProof(2, 5, log.readTile) };
  const verdict = (more: Partial<typeof claim>): string => code(verifyInclusion({ ...claim, ...more }));
  assert.equal(verdict({}), "");
  for (const more of [{ index: 5 }, { index: -1 }, { index: 1.5 }, { size: 0 }, { size: 2 ** 53 }])
    assert.equal(verdict(more), "out_of_range");
  for (const proof of [
    [],
    claim.proof.slice(1),
    [...claim.proof, log.root],
    Array.from({ length: 65 }, () => log.root),
    claim.proof.map((hash) => hash.slice(1)),
  ])
    assert.equal(verdict({ proof }), "proof_malformed", String(proof.length));
  assert.equal(verdict({ root: log.root.slice(1) }), "proof_malformed");
  assert.equal(verdict({ leafHash: new Uint8Array(0) }), "proof_malformed");
  assert.equal(verdict({ root: claim.leafHash }), "proof_mismatch");
  assert.equal(verdict({ index: 3 }), "proof_mismatch");
  assert.equal(
    code(verifyInclusion({ leafHash: leafHash(testEntry(0)), index: 0, size: 1, root: logOf(1).root, proof: [log.root] })),
    "proof_malformed",
  );
});

test("[LG-12] each way in which a consistency proof is none has its code", () => {
  const [three, four, five] = [logOf(3), logOf(4), logOf(5)];
  const claim = { from: 3, to: 5, fromRoot: three.root, toRoot: five.root, proof: consistencyProof(3, 5, five.readTile) };
  const verdict = (more: Partial<typeof claim>): string => code(verifyConsistency({ ...claim, ...more }));
  assert.equal(verdict({}), "");
  for (const more of [{ from: 6 }, { from: -1 }, { to: 2 ** 53 }, { from: 0.5 }]) assert.equal(verdict(more), "out_of_range");
  for (const proof of [
    [],
    claim.proof.slice(1),
    [...claim.proof, five.root],
    Array.from({ length: 65 }, () => five.root),
    claim.proof.map((hash) => hash.slice(1)),
  ])
    assert.equal(verdict({ proof }), "proof_malformed", String(proof.length));
  assert.equal(verdict({ fromRoot: three.root.slice(1) }), "proof_malformed");
  assert.equal(verdict({ toRoot: new Uint8Array(33) }), "proof_malformed");
  assert.equal(verdict({ fromRoot: four.root }), "proof_mismatch");
  assert.equal(verdict({ toRoot: four.root }), "proof_mismatch");
  assert.equal(verdict({ from: 0, fromRoot: three.root, proof: [] }), "proof_mismatch");
  assert.equal(verdict({ from: 5, fromRoot: four.root, proof: [] }), "proof_mismatch");
  assert.equal(verdict({ from: 0, fromRoot: emptyRoot() }), "proof_malformed");
  assert.equal(verdict({ from: 4, fromRoot: four.root, proof: [] }), "proof_malformed");
  assert.equal(verdict({ from: 5, fromRoot: five.root, proof: [] }), "");
});

test("[LG-4] [LG-5] a tree grows from a whole size, and its right edge is as wide as the size says", () => {
  const log = logOf(300);
  for (const size of [-1, 0.5, Number.NaN]) {
    assert.throws(() => frontierFromTiles(size, log.readTile), /invariant broken/);
    assert.throws(() => integrate(size, log.readTile, []), /invariant broken/);
  }
  const known = frontierFromTiles(300, log.readTile);
  assert.ok(known.ok);
  assert.throws(() => integrate(299, log.readTile, [], known.value), /invariant broken/);
  assert.throws(() => new GrowingTree({ size: 3, hashes: new Uint8Array(32) }, log.readTile), /invariant broken/);
  const grown = new GrowingTree(known.value, log.readTile);
  assert.deepEqual(grown.frontier(), known.value);
  assert.deepEqual(grown.append([]).tiles, [], "what did not grow is not told again");
  const short = new GrowingTree(known.value, () => new Uint8Array(32));
  assert.throws(() => short.append([leafHash(testEntry(300))]), /44 hashes wide/);
  assert.deepEqual(grown.append([leafHash(testEntry(300))]).root, logOf(301).root);
  for (const pair of [
    [31, 32],
    [32, 31],
  ] as const)
    assert.throws(() => nodeHash(new Uint8Array(pair[0]), new Uint8Array(pair[1])), /invariant broken/);
});

test("[LG-30] a cosignature is by the key it names, whole, and at a time", () => {
  const note = headOf(logOf(3));
  const [one, two] = [testSigner("witness.example/one", 2), testSigner("witness.example/two", 3)];
  const trusted = [one, two].map(({ name, publicKey }) => {
    const parsed = parseWitnessKey(witnessKey(name, publicKey));
    assert.ok(parsed.ok);
    return parsed.value;
  });
  const both = `${note}${cosignature(note, two, 0)}${cosignature(note, one, 5)}`;
  const opened = openCosignatures(both, trusted);
  assert.deepEqual(opened.ok && opened.value.map(({ witness, seconds }) => [witness.name, seconds]), [
    [two.name, 0],
    [one.name, 5],
  ]);
  const line = cosignature(note, one, 5);
  const [dash, name, base64 = ""] = line.trim().split(" ");
  const bytes = Buffer.from(base64, "base64");
  const short = `${note}${dash} ${name} ${bytes.subarray(0, 20).toString("base64")}\n`;
  assert.equal(code(openCosignatures(short, trusted)), "note_bad_signature");
  assert.equal(
    code(openCosignatures(`${note}${dash} ${name} ${bytes.subarray(0, -1).toString("base64")}\n`, trusted)),
    "note_bad_signature",
  );
  const otherName = { ...trusted[1]!, name: one.name };
  assert.deepEqual(openCosignatures(`${note}${line}`, [otherName]), { ok: true, value: [] }, "another key under that name");
  assert.deepEqual(
    openCosignatures(`${note}${line}`, [{ ...trusted[0]!, name: "other" }]),
    { ok: true, value: [] },
    "that key under another name",
  );
  assert.equal(code(openCosignatures("x", trusted)), "note_malformed");
  assert.equal(code(openCosignatures(signNote("no checkpoint\n", [signer]), trusted)), "checkpoint_malformed");
  for (const seconds of [-1, 0.5, 2 ** 53]) assert.throws(() => cosignature(note, one, seconds), /invariant broken/);
  assert.throws(() => cosignature("x", one, 1), /invariant broken/);
});

test("[LG-28] a submission of any size, of the most hashes and bytes is read, and one more is not", () => {
  const note = headOf(logOf(3));
  const read = (oldSize: number, hashes = 0, more = ""): string => {
    const proof = Array.from({ length: hashes }, () => emptyRoot());
    const parsed = parseSubmission(utf8(formatSubmission({ oldSize, proof, note: note + more })));
    return parsed.ok ? `${parsed.value.oldSize} ${parsed.value.proof.length}` : parsed.error.code;
  };
  for (const size of [0, 7, 10, 12, 300, 1_234_567_890]) assert.equal(read(size), `${size} 0`);
  assert.deepEqual([read(7, 63), read(7, 64)], ["7 63", "request_malformed"]);
  const room = 132 * 1024 - utf8(formatSubmission({ oldSize: 7, proof: [], note })).length;
  assert.deepEqual([read(7, 0, "x".repeat(room)), read(7, 0, "x".repeat(room + 1))], ["7 0", "request_malformed"]);
  for (const text of [`xold 7\n\n${note}`, `old 7x\n\n${note}`, `\n\n${note}`, `old 7\n${note}x`])
    assert.equal(code(parseSubmission(utf8(text))), "request_malformed", JSON.stringify(text.slice(0, 12)));
});
