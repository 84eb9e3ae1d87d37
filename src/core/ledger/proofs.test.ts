import assert from "node:assert/strict";
import { describe, test } from "node:test";
import * as fc from "fast-check";
import { MemoryLog, referenceConsistency, referenceInclusion, referenceRoot, testEntries } from "../../testing/ledger.ts";
import { consistencyProof, consistencyTiles, emptyRoot, inclusionProof, inclusionTiles, leafHash, nodeHash } from "./index.ts";
import { verifyConsistency, verifyInclusion } from "./index.ts";
import type { Consistency, Inclusion, ReadTile } from "./index.ts";

const SEED = 7295;
const big = new MemoryLog().append(testEntries(1300));
const roots = new Map<number, Uint8Array>();

function rootAt(size: number): Uint8Array {
  const root = roots.get(size) ?? referenceRoot(big.entries.slice(0, size));
  roots.set(size, root);
  return root;
}

function inclusion(index: number, size: number, log = big): Inclusion {
  const root = log === big ? rootAt(size) : referenceRoot(log.entries.slice(0, size));
  return { leafHash: leafHash(log.entries[index] as Uint8Array), index, size, root, proof: inclusionProof(index, size, log.readTile) };
}

function consistency(from: number, to: number, log = big): Consistency {
  const root = (size: number): Uint8Array => (log === big ? rootAt(size) : referenceRoot(log.entries.slice(0, size)));
  const [fromRoot, toRoot] = [root(from), root(to)];
  return { from, to, fromRoot, toRoot, proof: consistencyProof(from, to, log.readTile) };
}

const flipped = (bytes: Uint8Array, byte = 0): Uint8Array => bytes.map((value, i) => (i === byte ? value ^ 1 : value));
const code = (verdict: ReturnType<typeof verifyInclusion>): string => (verdict.ok ? "accepted" : verdict.error.code);
const refusedInclusion = (claim: Inclusion): void => assert.notEqual(code(verifyInclusion(claim)), "accepted");
const refusedConsistency = (claim: Consistency): void => assert.notEqual(code(verifyConsistency(claim)), "accepted");

describe("making proofs", () => {
  test("[LG-8] [LG-11] every inclusion proof of every small tree is RFC 6962's, and verifies", () => {
    for (let size = 1; size <= 33; size++) {
      for (let index = 0; index < size; index++) {
        const claim = inclusion(index, size);
        assert.deepEqual(claim.proof, referenceInclusion(index, big.entries.slice(0, size)));
        assert.equal(code(verifyInclusion(claim)), "accepted");
      }
    }
  });

  test("[LG-9] [LG-12] every consistency proof of every small tree is RFC 6962's, and verifies", () => {
    for (let to = 0; to <= 33; to++) {
      for (let from = 0; from <= to; from++) {
        const claim = consistency(from, to);
        assert.deepEqual(claim.proof, referenceConsistency(from, big.entries.slice(0, to)));
        assert.equal(code(verifyConsistency(claim)), "accepted", `${from} ${to}`);
      }
    }
  });

  test("[LG-8] [LG-9] the same over tile borders", () => {
    const sizes = fc.oneof(fc.constantFrom(255, 256, 257, 511, 512, 513, 1024, 1300), fc.integer({ min: 1, max: 1300 }));
    fc.assert(
      fc.property(sizes, fc.nat(), (size, n) => {
        const entries = big.entries.slice(0, size);
        const claim = inclusion(n % size, size);
        assert.deepEqual(claim.proof, referenceInclusion(n % size, entries));
        assert.equal(code(verifyInclusion(claim)), "accepted");
        const prefix = consistency(n % (size + 1), size);
        assert.deepEqual(prefix.proof, referenceConsistency(prefix.from, entries));
        assert.equal(code(verifyConsistency(prefix)), "accepted");
      }),
      { seed: SEED, numRuns: 25 },
    );
  });

  test("[LG-10] the tiles named beforehand suffice, at the width of the tree's size", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1300 }), fc.nat(), (size, n) => {
        const index = n % size;
        const only = (refs: ReturnType<typeof inclusionTiles>): ReadTile => {
          const stored = new Map(
            refs.map((ref) => [`${ref.level}/${ref.index}`, big.tiles.get(`${ref.level}/${ref.index}`)?.slice(0, ref.width * 32)]),
          );
          assert.equal(stored.size, refs.length);
          assert.ok(refs.every((ref) => stored.get(`${ref.level}/${ref.index}`)?.length === ref.width * 32));
          return (level, tile) => stored.get(`${level}/${tile}`) ?? new Uint8Array(0);
        };
        assert.deepEqual(inclusionProof(index, size, only(inclusionTiles(index, size))), inclusionProof(index, size, big.readTile));
        assert.deepEqual(consistencyProof(index, size, only(consistencyTiles(index, size))), consistencyProof(index, size, big.readTile));
      }),
      { seed: SEED, numRuns: 200 },
    );
  });

  test("[LG-8] [LG-9] an index or size that is not in the log is a broken invariant", () => {
    for (const [index, size] of [
      [5, 5],
      [-1, 5],
      [0, 0],
      [1.5, 5],
      [Number.NaN, 5],
      [0, 2 ** 53],
    ] as const) {
      assert.throws(() => inclusionTiles(index, size), /invariant broken/);
    }
    for (const [from, to] of [
      [6, 5],
      [-1, 5],
      [0.5, 5],
    ] as const)
      assert.throws(() => consistencyTiles(from, to), /invariant broken/);
    assert.throws(() => inclusionProof(3, 20, () => new Uint8Array(0)), /0 bytes/);
  });

  test("[LG-10] proofs of the largest log need a handful of tiles", () => {
    const size = Number.MAX_SAFE_INTEGER;
    assert.ok(inclusionTiles(size - 1, size).length <= 7);
    assert.ok(inclusionTiles(0, size).length <= 7 + 7);
    assert.ok(consistencyTiles(2 ** 40 + 1, size).length <= 14);
  });
});

describe("[E43] refusing proofs", () => {
  const sizes = [1, 2, 3, 7, 8, 13, 64, 300];

  test("[LG-11] [E43] an altered byte of any node, of the leaf or of the root", () => {
    for (const size of sizes) {
      for (const index of [0, Math.floor(size / 2), size - 1]) {
        const claim = inclusion(index, size);
        for (let i = 0; i < claim.proof.length; i++) {
          for (const byte of [0, 15, 31])
            refusedInclusion({ ...claim, proof: claim.proof.map((node, k) => (k === i ? flipped(node, byte) : node)) });
        }
        for (const byte of [0, 31]) {
          assert.equal(code(verifyInclusion({ ...claim, root: flipped(claim.root, byte) })), "proof_mismatch");
          assert.equal(code(verifyInclusion({ ...claim, leafHash: flipped(claim.leafHash, byte) })), "proof_mismatch");
        }
      }
    }
  });

  test("[LG-11] [E43] a proof for another index, another size, another log, or an unrelated entry that is in the log", () => {
    const claim = inclusion(5, 13);
    for (let index = 0; index < 13; index++) if (index !== 5) refusedInclusion({ ...claim, index });
    for (let size = 1; size < 40; size++) {
      if (size === 13) continue;
      refusedInclusion({ ...claim, size, root: rootAt(size) });
      if (size <= 5) assert.equal(code(verifyInclusion({ ...claim, size })), "out_of_range");
    }
    const unrelated = inclusion(6, 13);
    refusedInclusion({ ...claim, leafHash: unrelated.leafHash });
    refusedInclusion({ ...claim, proof: unrelated.proof });
    const foreign = new MemoryLog().append(testEntries(40).slice(20));
    refusedInclusion({ ...inclusion(5, 13, foreign), root: claim.root });
    refusedInclusion({ ...claim, root: foreign.root });
  });

  test("[LG-11] [E43] nodes dropped, added, doubled, swapped, cut or of another length; no proof at all", () => {
    const claim = inclusion(5, 13);
    const { proof } = claim;
    const [first = emptyRoot(), second = emptyRoot(), ...rest] = proof;
    for (const other of [[], proof.slice(1), proof.slice(0, -1), [...proof, first], [first, ...proof], [second, first, ...rest]])
      refusedInclusion({ ...claim, proof: other });
    assert.equal(code(verifyInclusion({ ...claim, proof: [first.slice(1), ...proof.slice(1)] })), "proof_malformed");
    assert.equal(code(verifyInclusion({ ...claim, proof: Array.from({ length: 1000 }, () => first) })), "proof_malformed");
    assert.equal(code(verifyInclusion({ ...claim, leafHash: new Uint8Array(0) })), "proof_malformed");
    refusedInclusion({ ...inclusion(0, 1), proof: [first] });
  });

  test("[LG-11] [E42] a node passed off as a leaf: the second preimage with a shorter tree", () => {
    const four = inclusion(0, 4);
    const [leaf1 = emptyRoot(), right = emptyRoot()] = four.proof;
    const node = nodeHash(four.leafHash, leaf1);
    assert.equal(
      code(verifyInclusion({ leafHash: node, index: 0, size: 2, root: four.root, proof: [right] })),
      "accepted",
      "as hashes they are equal",
    );
    refusedInclusion({
      leafHash: leafHash(new Uint8Array([...four.leafHash, ...leaf1])),
      index: 0,
      size: 2,
      root: four.root,
      proof: [right],
    });
  });

  test("[LG-11] [LG-12] numbers that are no index or size", () => {
    const claim = inclusion(5, 13);
    for (const bad of [-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53]) {
      assert.equal(code(verifyInclusion({ ...claim, index: bad })), "out_of_range");
      assert.equal(code(verifyInclusion({ ...claim, size: bad })), "out_of_range");
      assert.equal(code(verifyConsistency({ ...consistency(5, 13), from: bad })), "out_of_range");
      assert.equal(code(verifyConsistency({ ...consistency(5, 13), to: bad })), "out_of_range");
    }
  });

  test("[LG-12] [E43] consistency: altered nodes and roots, other sizes, a fork", () => {
    for (const [from, to] of [
      [1, 2],
      [3, 7],
      [4, 7],
      [8, 13],
      [6, 8],
      [256, 300],
      [257, 1300],
    ] as const) {
      const claim = consistency(from, to);
      assert.equal(code(verifyConsistency(claim)), "accepted");
      for (let i = 0; i < claim.proof.length; i++) {
        refusedConsistency({ ...claim, proof: claim.proof.map((node, k) => (k === i ? flipped(node, 31) : node)) });
        refusedConsistency({ ...claim, proof: claim.proof.filter((_, k) => k !== i) });
      }
      refusedConsistency({ ...claim, proof: [...claim.proof, emptyRoot()] });
      refusedConsistency({ ...claim, proof: [] });
      refusedConsistency({ ...claim, fromRoot: flipped(claim.fromRoot) });
      refusedConsistency({ ...claim, toRoot: flipped(claim.toRoot) });
      refusedConsistency({ ...claim, fromRoot: claim.toRoot, toRoot: claim.fromRoot });
      refusedConsistency({ ...claim, from: from - 1, fromRoot: rootAt(from - 1) });
      refusedConsistency({ ...claim, to: to - 1, toRoot: rootAt(to - 1) });
      assert.equal(code(verifyConsistency({ ...claim, from: to + 1 })), "out_of_range");
      const fork = new MemoryLog().append(testEntries(1301).slice(1));
      refusedConsistency({ ...claim, toRoot: referenceRoot(fork.entries.slice(0, to)) });
      refusedConsistency({ ...consistency(from, to, fork), fromRoot: claim.fromRoot });
    }
  });

  test("[LG-12] the empty log begins every log and equal sizes have equal roots, without any proof", () => {
    const claim = consistency(0, 7);
    assert.equal(code(verifyConsistency(claim)), "accepted");
    refusedConsistency({ ...claim, fromRoot: claim.toRoot });
    refusedConsistency({ ...claim, proof: [claim.toRoot] });
    const same = consistency(7, 7);
    assert.equal(code(verifyConsistency(same)), "accepted");
    refusedConsistency({ ...same, toRoot: flipped(same.toRoot) });
    refusedConsistency({ ...same, proof: [same.toRoot] });
  });

  test("[LG-11] [LG-12] [E43] random hashes in place of any proof never verify", () => {
    const node = fc.uint8Array({ minLength: 32, maxLength: 32 });
    fc.assert(
      fc.property(fc.constantFrom(2, 3, 8, 255, 256, 257, 700, 1300), fc.nat(), fc.array(node, { maxLength: 14 }), (size, n, proof) => {
        refusedInclusion({ ...inclusion(n % size, size), proof });
        refusedConsistency({ ...consistency(1 + (n % (size - 1)), size), proof });
      }),
      { seed: SEED, numRuns: 100 },
    );
  });
});
