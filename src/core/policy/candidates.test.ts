import assert from "node:assert/strict";
import test from "node:test";
import * as fc from "fast-check";
import { indexOf } from "./candidates.ts";
import { profileOver } from "./cel/profile.ts";
import type { Expression } from "./cel/profile.ts";
import { BOOL, INT, STRING, field, listOf, messageOf } from "./cel/types.ts";
import type { CelMessage } from "./cel/types.ts";

const ITEM = messageOf("Item", { name: field(STRING, ""), count: field(INT, "") });
const profile = profileOver({
  n: field(INT, ""),
  m: field(INT, ""),
  s: field(STRING, ""),
  yes: field(BOOL, ""),
  tags: field(listOf(STRING), ""),
  items: field(listOf(ITEM), ""),
});
const FACTS: CelMessage = { n: 5, m: 0, s: "a", yes: true, tags: ["x", "y"], items: [{ name: "i", count: 2 }] };

function condition(text: string): Expression {
  const made = profile.condition(text);
  assert(made.ok, text);
  return made.value;
}

function bits(words: readonly number[]): number[] {
  return words.flatMap((word, w) =>
    Array.from({ length: 32 }, (_, bit) => bit)
      .filter((bit) => (word & (1 << bit)) !== 0)
      .map((bit) => w * 32 + bit),
  );
}

/** The rules that an index lets through, which one by one it lets through as well. */
function candidates(texts: readonly string[], given: CelMessage = {}): number[] {
  const index = indexOf(texts.map(condition));
  const row = profile.places.row({ ...FACTS, ...given });
  const found = bits(index.candidates(row));
  assert.deepEqual(
    texts.flatMap((_, i) => (index.canMatch(i, row) ? [i] : [])),
    found,
  );
  return found;
}

test("[PO-51] a rule is looked at where its demand is met, and only there", () => {
  for (const [text, meeting, not] of [
    ["n == 5", [{ n: 5 }], [{ n: 4 }, { n: 6 }, { m: 5, n: 0 }]],
    ["n in [4, 6]", [{ n: 4 }, { n: 6 }], [{ n: 5 }]],
    ["s == 'a'", [{ s: "a" }], [{ s: "b" }, { s: "" }]],
    ["yes", [{ yes: true }], [{ yes: false }]],
    ["!yes", [{ yes: false }], [{ yes: true }]],
    ["'x' in tags", [{ tags: ["x"] }, { tags: ["y", "x"] }], [{ tags: [] }, { tags: ["y"] }]],
    [
      "items.exists(i, i.name == 'i')",
      [
        {
          items: [
            { name: "j", count: 0 },
            { name: "i", count: 0 },
          ],
        },
      ],
      [{ items: [] }, { items: [{ name: "j", count: 0 }] }],
    ],
    ["items.exists(i, i.count == 2)", [{ items: [{ name: "j", count: 2 }] }], [{ items: [{ name: "2", count: 3 }] }]],
    ["n >= 3", [{ n: 3 }, { n: 4 }, { n: 900 }], [{ n: 2 }, { n: -9 }, { n: -3 }]],
    ["n > 3", [{ n: 4 }], [{ n: 3 }]],
    ["n <= 3", [{ n: 3 }, { n: -900 }, { n: 0 }], [{ n: 4 }, { n: 900 }]],
    ["n < 3", [{ n: 2 }], [{ n: 3 }]],
    [
      "n == 5 || s == 'b'",
      [
        { n: 5, s: "c" },
        { n: 1, s: "b" },
      ],
      [{ n: 1, s: "c" }],
    ],
  ] as const) {
    for (const given of meeting) assert.deepEqual(candidates([text], given), [0], `${text} of ${JSON.stringify(given)}`);
    for (const given of not) assert.deepEqual(candidates([text], given), [], `${text} of ${JSON.stringify(given)}`);
  }
  assert.deepEqual(candidates(["s.contains('zz')", "true"]), [0, 1]);
});

test("[PO-51] many rules share a column, and each is found by its bit", () => {
  const same = Array.from({ length: 100 }, (_, i) => `n == ${i % 3}`);
  for (const n of [0, 1, 2])
    assert.deepEqual(
      candidates(same, { n }),
      Array.from({ length: 100 }, (_, i) => i).filter((i) => i % 3 === n),
    );
  assert.deepEqual(candidates(same, { n: 3 }), []);
  const apart = Array.from({ length: 70 }, (_, i) => (i % 33 === 0 ? "n == 1" : "s == 'none'"));
  assert.deepEqual(candidates(apart, { n: 1 }), [0, 33, 66]);
  const bounds = [5, 1, 3, 3, 9, 0].flatMap((limit) => [`n >= ${limit}`, `n <= ${limit}`]);
  assert.deepEqual(candidates(bounds, { n: 3 }), [1, 2, 4, 5, 6, 7, 9, 10]);
  assert.deepEqual(candidates(bounds, { n: -5 }), [1, 3, 5, 7, 9, 11]);
  assert.deepEqual(candidates(bounds, { n: 50 }), [0, 2, 4, 6, 8, 10]);
});

test("[PO-51] of its demands a rule stands under the one that the fewest rules share, and under a bound only for want of another", () => {
  // Of these facts nobody has the tag, and everybody the rest.
  const given = { n: 5, m: 0, s: "a", tags: [] };
  const crowd = Array.from({ length: 5 }, () => "s == 'a'");
  assert.deepEqual(candidates([...crowd, "s == 'a' && 'rare' in tags"], given), [0, 1, 2, 3, 4]);
  assert.deepEqual(candidates([...crowd, "'rare' in tags && s == 'a'"], given), [0, 1, 2, 3, 4]);
  assert.deepEqual(candidates([...crowd, "n >= 1 && s == 'b'"], given), [0, 1, 2, 3, 4]);
  assert.deepEqual(candidates([...crowd, "n <= 9 && s == 'b'"], given), [0, 1, 2, 3, 4]);
  const others = Array.from({ length: 5 }, () => "s == 'b'");
  for (const bound of ["n >= 6", "n <= 4"]) {
    // The bound is not met, but what is asked first is what others ask too.
    assert.deepEqual(candidates([`${bound} && s == 'a'`], given), [0], bound);
    assert.deepEqual(candidates([`s == 'a' && ${bound}`], given), [0], bound);
    assert.deepEqual(candidates([`(${bound} || yes) && s == 'a'`], given), [0], bound);
  }
  // A demand with many values counts each of them.
  assert.deepEqual(candidates([...others, "s in ['a', 'c', 'd'] && m in [1, 2]"], given), []);
  assert.deepEqual(candidates(["m in [1, 2, 3] && s == 'a'"], given), [0]);
  assert.deepEqual(candidates(["s == 'a' && m in [1, 2, 3]"], given), [0]);
  // 1 and '1' are not the same value, nor are the places of one value.
  assert.deepEqual(candidates([...Array.from({ length: 5 }, () => "m == 1"), "s == '1' && n in [5, 6]"], given), []);
});

test("[PO-51] what can match is always among the candidates", () => {
  const ints = fc.integer({ min: -2, max: 4 });
  const leaf = fc.oneof(
    fc
      .tuple(fc.constantFrom("n", "m"), fc.constantFrom("==", "!=", "<", "<=", ">", ">="), ints)
      .map(([name, op, i]) => `${name} ${op} ${i}`),
    fc.tuple(fc.constantFrom("n", "m"), fc.array(ints, { maxLength: 3 })).map(([name, list]) => `${name} in [${list.join()}]`),
    fc.constantFrom("s == 'a'", "s == 'b'", "yes", "!yes", "'x' in tags", "'y' in tags"),
    fc.constantFrom(
      "items.exists(i, i.name == 'i')",
      "items.exists(i, i.count >= 2 && i.name == 'j')",
      "items.exists_one(i, i.count == 1)",
    ),
  );
  const texts = fc.array(
    fc
      .array(fc.array(leaf, { minLength: 1, maxLength: 2 }), { minLength: 1, maxLength: 3 })
      .map((all) => all.map((any) => `(${any.join(" || ")})`).join(" && ")),
    { minLength: 1, maxLength: 40 },
  );
  const facts = fc.record({
    n: ints,
    m: ints,
    s: fc.constantFrom("a", "b", "c"),
    yes: fc.boolean(),
    tags: fc.subarray(["x", "y", "z"]),
    items: fc.array(fc.record({ name: fc.constantFrom("i", "j"), count: ints }), { maxLength: 3 }),
  });
  fc.assert(
    fc.property(texts, facts, (all, given) => {
      const conditions = all.map(condition);
      const index = indexOf(conditions);
      const found = new Set(bits(index.candidates(profile.places.row(given))));
      for (const [i, { text, run }] of conditions.entries()) if (run(given) === true) assert(found.has(i), text);
    }),
    { seed: 20261120, numRuns: 300 },
  );
});
