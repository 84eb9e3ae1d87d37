import assert from "node:assert/strict";
import { test } from "node:test";
import canonicalize from "canonicalize";
import * as fc from "fast-check";
import { canonical } from "./canonical.ts";
import { FOREIGN, inOrder } from "./member-order.ts";

const SEED = 20261120;
/** The reference implementation's text; undefined where it refuses. */
function reference(value: unknown): string | undefined {
  try {
    return canonicalize(value);
  } catch {
    return undefined;
  }
}
function ours(value: unknown): string | undefined {
  try {
    return canonical(value);
  } catch {
    return undefined;
  }
}

/** Keys that an object orders in its own way, that sort by UTF-16 units otherwise than by code points, that mean something. */
const keys = fc.oneof(
  fc.constantFrom("a", "b", "id", "z", "aa", "A", "", "10", "9", "0", "-1", "01", "4294967295", "__proto__", "toJSON", "constructor"),
  fc.constantFrom("é", "\u{1f600}", "\ue000", "\ud7ff", "\u2028", '"', "\\", "\\ud800", "length", "\u0000"),
  fc.string({ unit: "binary", maxLength: 4 }),
);
const leaves = fc.oneof(
  fc.string({ unit: "binary", maxLength: 12 }),
  fc.constantFrom("\\ud8", "\\\\ud800", "\u{10ffff}", "\u007f\u0080", null, true, false, undefined, -0, 1e21, 5e-324),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.integer(),
);
const bad = fc.constantFrom<unknown>(
  Number.NaN,
  Number.POSITIVE_INFINITY,
  "\ud800",
  "a\udc00b",
  1n,
  () => 1,
  Symbol("s"),
  new Date(0),
  new Map([[1, 2]]),
  Object.assign([2, 1], { toJSON: () => ({ b: 1, a: 2 }) }),
  { b: 1, toJSON: () => ({ d: 1, c: 2 }) },
  new (class Point {
    y = 1;
    x = 2;
  })(),
  Object.assign(Object.create(null) as object, { b: 1, a: [2] }),
  Object("boxed"),
  Array(2),
);
const documents = (leaf: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> =>
  fc.letrec<{ value: unknown }>((tie) => ({
    value: fc.oneof(
      { depthSize: "small", withCrossShrink: true },
      leaf,
      fc.array(tie("value"), { maxLength: 5 }),
      fc.uniqueArray(fc.tuple(keys, tie("value")), { maxLength: 6, selector: ([key]) => key }).map(built),
    ),
  })).value;
/** Members in the order given, `__proto__` one of them. */
function built(entries: readonly (readonly [string, unknown])[]): object {
  const object = {};
  for (const [key, value] of entries) Object.defineProperty(object, key, { value, enumerable: true, configurable: true, writable: true });
  return object;
}

test("[CJ-1] the canonical text of any JSON value is the reference implementation's", () => {
  fc.assert(
    fc.property(documents(leaves), (value) => {
      assert.equal(ours(value), reference(value));
    }),
    { seed: SEED, numRuns: 3000 },
  );
});

test("[CJ-2] what is not JSON, at any depth, is refused or written as the reference implementation does", () => {
  fc.assert(
    fc.property(documents(fc.oneof(leaves, bad)), (value) => {
      assert.equal(ours(value), reference(value));
    }),
    { seed: SEED, numRuns: 2000 },
  );
});

test("[CJ-1] what is in order is not copied, and nothing that is copied is changed", () => {
  const sorted = { a: [{ b: 1, c: { d: "x" } }], e: null };
  assert.equal(inOrder(sorted), sorted);
  const frozen = Object.freeze({ b: Object.freeze([Object.freeze({ z: 1, y: Object.freeze({}) })]), a: 1 });
  assert.equal(JSON.stringify(inOrder(frozen)), '{"a":1,"b":[{"y":{},"z":1}]}');
  const inner = { a: { z: 1, y: 2 }, b: 3 };
  assert.equal(canonical(inner), '{"a":{"y":2,"z":1},"b":3}');
  assert.equal(JSON.stringify(inner), '{"a":{"z":1,"y":2},"b":3}');
});

test("[CJ-1] keys that an object would order by itself are left to the reference implementation", () => {
  for (const value of [{ "10": 1, "9": 2 }, { b: 1, "1": 2, "-": 3 }, { a: [{ c: 1, "7": 2, "+": 3 }] }]) {
    assert.equal(inOrder(value), FOREIGN);
    assert.equal(canonical(value), canonicalize(value));
  }
  assert.notEqual(inOrder({ "1": 1, "2": 2, a: 3 }), FOREIGN);
});

test("[CJ-1] `__proto__` is a member as any other", () => {
  const members = [
    ["b", 1],
    ["__proto__", { d: 1, c: 2 }],
    ["a", 3],
  ] as const;
  assert.equal(canonical(built(members)), '{"__proto__":{"c":2,"d":1},"a":3,"b":1}');
  assert.equal(canonical(built(members.slice(1))), '{"__proto__":{"c":2,"d":1},"a":3}');
});

test("[CJ-1] [CJ-2] what nests deep has canonical bytes, and what holds itself has none", () => {
  let deep: unknown = { b: 1, a: 2 };
  for (let i = 0; i < 5_000; i++) deep = [deep];
  assert.equal(canonical(deep), canonicalize(deep));
  const loop: { self?: unknown } = {};
  loop.self = [loop];
  assert.throws(() => canonical(loop), /Circular/);
});

test("[CJ-1] more forms of objects than are remembered change nothing", () => {
  for (let i = 0; i < 3_000; i++) {
    assert.equal(canonical({ [`k${i}`]: 1, a: 2 }), `{"a":2,"k${i}":1}`);
    assert.equal(canonical({ z: 1, [`k${i}`]: 2 }), `{"k${i}":2,"z":1}`);
  }
  const wide = Object.fromEntries(Array.from({ length: 100 }, (_, i) => [`m${99 - i}`, i]));
  assert.equal(canonical(wide), canonicalize(wide));
  assert.equal(canonical({ ["x".repeat(200)]: 1, a: 2 }), `{"a":2,"${"x".repeat(200)}":1}`);
});

test("[CJ-1] a value of very many forms is left to the reference implementation", () => {
  const forms = (count: number, name: string): object[] => Array.from({ length: count }, (_, i) => ({ [`${name}${i}`]: 1, a: 2 }));
  assert.notEqual(inOrder(forms(100, "few")), FOREIGN);
  const many = forms(101, "many");
  assert.equal(inOrder(many), FOREIGN);
  assert.equal(canonical(many), canonicalize(many));
  // One by one they may come, and what came before is known.
  assert.notEqual(inOrder(many.slice(50)), FOREIGN);
});
