import assert from "node:assert/strict";
import test from "node:test";
import * as fc from "fast-check";
import type { Digest } from "../base/index.ts";
import { bundle, bundleText, faultsOf } from "../../testing/policy.ts";
import { loadBundle } from "./index.ts";

const WHOLE = `pawl: policy/v1
name: small
surfaces:
  - name: auth
    paths: ["**/auth/**"]
defaults:
  seats:
    - id: owner
      who: [{ owners: true }]
rules:
  - id: docs
    outcome: auto
    when: effects.all(e, glob(e.path, "**/*.md"))
    reason: only documentation
cases:
  - name: a page
    expect: { outcome: auto }
`;

const codes = (text: string): string[] =>
  faultsOf(text).map(({ code, where, line, column }) => `${line}:${column} ${code} ${where ?? ""}`.trim());

test("[PO-1] a whole bundle is loaded", () => {
  const loaded = loadBundle(WHOLE);
  assert(loaded.ok);
  assert.equal(loaded.value.name, "small");
  assert.deepEqual(
    loaded.value.definition.rules.map(({ id, outcome }) => [id, outcome]),
    [["docs", "auto"]],
  );
});

test("[PO-1] [PO-3] unknown, missing and wrong members come out together, sorted by place", () => {
  const text = WHOLE.replace("name: small", "name: 7")
    .replace("reason: only documentation", "because: x")
    .replace("id: owner", "id: owner\n      counts: 2");
  assert.deepEqual(codes(text), [
    "2:7 bundle_shape name",
    "9:7 bundle_unknown_key defaults.seats[0].counts",
    "12:5 bundle_shape rules[0]",
    "15:5 bundle_unknown_key rules[0].because",
  ]);
});

test("[PO-1] every level names what it lacks and what it does not know", () => {
  assert.deepEqual(codes("[]"), ["1:1 bundle_shape"]);
  assert.deepEqual(codes("pawl: policy/v2\n"), ["1:1 bundle_shape", "1:1 bundle_shape", "1:1 bundle_shape", "1:7 bundle_shape pawl"]);
  const wrong = {
    who: [{ owners: false }, { group: 1 }, { person: "a", role: "b" }, { friend: "x" }],
    id: "s",
    count: 0,
    strength: "strong",
    channels: [],
  };
  const faults = faultsOf(bundleText([{ seats: [wrong], outcome: "review" }, { seats: [{ id: "s", who: [] }] }]));
  assert.deepEqual(
    faults.map(({ where }) => where),
    [
      "rules[0].seats[0].who[0].owners",
      "rules[0].seats[0].who[1].group",
      "rules[0].seats[0].who[2]",
      "rules[0].seats[0].who[3]",
      "rules[0].seats[0].who[3].friend",
      "rules[0].seats[0].count",
      "rules[0].seats[0].strength",
      "rules[0].seats[0].channels",
      "rules[1].seats[0].who",
    ],
  );
});

test("[PO-1] an empty text and a text of comments are no bundle", () => {
  for (const text of ["", "# nothing\n", "---\n", "~"]) assert.equal(loadBundle(text).ok, false, JSON.stringify(text));
});

test("[PO-2] YAML's extras are refused", () => {
  assert.deepEqual(codes(WHOLE.replace("name: small", "name: small\nname: other")), ["3:1 bundle_duplicate_key"]);
  assert.deepEqual(codes(WHOLE.replace("name: small", "name: &a small")), ["2:10 bundle_anchor"]);
  assert.deepEqual(codes(WHOLE.replace("name: small", "name: *a")), ["2:7 bundle_alias"]);
  assert.deepEqual(
    codes(WHOLE.replace("name: small", "name: !!str small")).map((code) => code.split(" ")[1]),
    ["bundle_tag"],
  );
  assert.deepEqual(codes(WHOLE.replace("name: small", "name: !secret small")).length > 0, true);
  assert.deepEqual(codes(`${WHOLE}<<: { a: 1 }\n`), ["18:1 bundle_unknown_key <<"]);
  assert.deepEqual(codes(`${WHOLE}1: x\n`), ["18:1 bundle_key"]);
  assert.equal(faultsOf(`${WHOLE}---\nname: other\n`)[0]?.code, "bundle_syntax");
  assert.equal(faultsOf("name: [\n")[0]?.code, "bundle_syntax");
  assert.equal(faultsOf(WHOLE.replace("small", "\ud800"))[0]?.code, "bundle_not_unicode");
  assert.equal(faultsOf(`${WHOLE}__proto__: {}\n`)[0]?.code, "bundle_key");
});

test("[PO-2] an alias bomb is refused before it grows", () => {
  const bomb = [
    "a: &a [x,x,x,x,x,x,x,x,x]",
    ...Array.from("bcdefghi").map((name, i) => `${name}: &${name} [${Array.from({ length: 9 }, () => `*${"abcdefgh"[i]}`).join(",")}]`),
  ].join("\n");
  assert(faultsOf(bomb).some(({ code }) => code === "bundle_alias"));
});

test("[PO-2] bounds", () => {
  assert.equal(faultsOf(`# ${"x".repeat(600_000)}`)[0]?.code, "bundle_too_large");
  assert.equal(faultsOf(`x: ${"[".repeat(20)}${"]".repeat(20)}`)[0]?.code, "bundle_too_deep");
  assert.equal(faultsOf(`x: [${"a,".repeat(100_010)}]`)[0]?.code, "bundle_too_large");
  for (const hostile of ["[".repeat(8_000), "{".repeat(8_000), "- ".repeat(3_000), "? ".repeat(3_000)])
    assert(faultsOf(hostile).length > 0);
  assert.equal(
    faultsOf(bundleText(Array.from({ length: 2001 }, () => ({})).map((rule, i) => ({ ...rule, id: `x${i}` }))))[0]?.where,
    "rules",
  );
  assert.equal(
    faultsOf(bundleText([{ seats: Array.from({ length: 21 }, (_, i) => ({ id: `s${i}`, who: [{ group: "g" }] })) }]))[0]?.where,
    "rules[0].seats",
  );
});

test("[PO-3] a fault shows its line with a caret, and nothing in it can steer a terminal", () => {
  const [fault] = faultsOf(WHOLE.replace("outcome: auto\n", "outcome: \u202emaybe\n"));
  assert.equal(fault?.caret, `    outcome: ·maybe\n${" ".repeat(13)}^`);
  const [long] = faultsOf(`${WHOLE}other: { ${"a: 1, ".repeat(200)}a: 2 }\n`).filter(({ code }) => code === "bundle_duplicate_key");
  assert((long?.caret.split("\n")[0]?.length ?? 999) <= 160);
  assert.equal(faultsOf("a: 1\n".repeat(500)).length, 100);
});

/** The text from the place of a fault on. */
const pointedAt = (text: string): string => {
  const [fault] = faultsOf(text);
  assert(fault);
  return (text.split("\n")[fault.line - 1] ?? "").slice(fault.column - 1);
};

test("[PO-4] the place of a fault inside a condition is found in every style of YAML", () => {
  const styled = (when: string): string => WHOLE.replace(/when: .*/, () => `when: ${when}`);
  assert.equal(pointedAt(styled("summary.effects == 1 && nope")), "nope");
  assert.equal(pointedAt(styled("'summary.effects == 1 && \"it''s\" == nope'")), "nope'");
  assert.equal(pointedAt(styled('"summary.effects == 1 && \\"a\\\\tb\\" == nope"')), 'nope"');
  assert.equal(pointedAt(styled("|\n      summary.effects == 1 &&\n        nope")), "nope");
  assert.equal(pointedAt(styled(">-\n      summary.effects == 1 &&\n      true\n      && nope")), "nope");
  assert.equal(pointedAt(styled("summary.effects == 1 &&\n      nope || true")), "nope || true");
});

test("[PO-5] ids and names are unique and plain", () => {
  assert.deepEqual(
    faultsOf(bundleText([{ id: "a" }, { id: "a" }])).map(({ where }) => where),
    ["rules[1].id"],
  );
  assert.deepEqual(
    faultsOf(bundleText([{ id: "builtin:x" }, { id: "Ä" }])).map(({ where }) => where),
    ["rules[0].id", "rules[1].id"],
  );
  const twice = {
    surfaces: [{ name: "a" }, { name: "a" }],
    cases: [
      { name: "c", expect: { outcome: "auto" } },
      { name: "c", expect: { outcome: "auto" } },
    ],
  };
  assert.deepEqual(
    faultsOf(bundleText([], twice)).map(({ where }) => where),
    ["surfaces[1].name", "cases[1].name"],
  );
});

test("[PO-6] each outcome has the keys that mean something for it", () => {
  const seats = [{ id: "s", who: [{ group: "g" }] }];
  const instruction = { code: "mend", message: "mend it" };
  const faulty = (rule: object): (string | undefined)[] => faultsOf(bundleText([{ ...rule }])).map(({ where }) => where);
  for (const outcome of ["auto", "revise", "block"]) assert.deepEqual(faulty({ outcome, seats }), ["rules[0].seats"]);
  for (const outcome of ["auto", "review", "escalate"]) assert.deepEqual(faulty({ outcome, instruction }), ["rules[0].instruction"]);
  assert.deepEqual(faulty({ outcome: "auto", holds: ["freeze"] }), ["rules[0].holds"]);
  assert.deepEqual(faulty({ outcome: "escalate", seats: undefined }), ["rules[0]"]);
  assert.deepEqual(faulty({ outcome: "revise", instruction: undefined }), ["rules[0]"]);
  assert.deepEqual(faulty({ reason: undefined }), ["rules[0]"]);
});

test("[PO-7] [C23] a glob that might mean something else is refused where it stands", () => {
  for (const glob of ["src/[ab].ts", "*.{js,ts}", "!docs/**", "a\\*b", "a***", "", "x".repeat(513)]) {
    assert.equal(faultsOf(bundleText([], { surfaces: [{ name: "s", paths: [glob] }] }))[0]?.where, "surfaces[0].paths[0]", glob);
    assert.equal(faultsOf(bundleText([{ when: `glob("a", ${JSON.stringify(glob)})` }]))[0]?.where, "rules[0].when", glob);
  }
});

test("[PO-8] the digest is that of what the text says", () => {
  const digest = (text: string): string => {
    const loaded = loadBundle(text);
    assert(loaded.ok);
    return loaded.value.digest;
  };
  const whole = digest(WHOLE);
  assert.equal(digest(`# a comment\n${WHOLE.replace("    outcome: auto\n    when", "    outcome:   auto # yes\n    when")}\n\n`), whole);
  assert.equal(digest(WHOLE.replace("pawl: policy/v1\nname: small", "name: small\npawl: policy/v1")), whole);
  for (const [from, to] of [
    ["small", "other"],
    ["auth/**", "auth/*"],
    ["only documentation", "documentation"],
    ["*.md", "*.txt"],
    ["a page", "one page"],
    ["id: owner", "id: owners"],
  ] as const) {
    assert.notEqual(digest(WHOLE.replace(from, to)), whole, to);
  }
});

test("[C27] [PO-9] a bundle that is torn anywhere is refused whole", () => {
  const loaded = loadBundle(WHOLE);
  assert(loaded.ok);
  const { digest } = loaded.value;
  assert(loadBundle(WHOLE, digest).ok);
  for (let length = 0; length < WHOLE.length; length++) {
    const torn = loadBundle(WHOLE.slice(0, length), digest);
    assert(!torn.ok || torn.value.digest === digest, `cut at ${length}`);
    if (torn.ok) assert.equal(WHOLE.slice(length).trim(), "", "only white space may be missing");
  }
});

test("[C27] [PO-9] an older version is not the one that is in force, however valid it is", () => {
  const older = bundleText([{ id: "a" }]);
  const { digest } = bundle([{ id: "a" }, { id: "b" }]);
  const refused = loadBundle(older, digest);
  assert(!refused.ok);
  assert.equal(refused.error[0]?.code, "bundle_digest");
  assert(loadBundle(older, bundle([{ id: "a" }]).digest).ok);
  assert.equal(loadBundle(older, "sha256:0" as Digest).ok, false);
});

test("[PO-3] whatever the text, loading it answers", () => {
  const edit = fc.tuple(
    fc.nat(WHOLE.length),
    fc.nat(12),
    fc.constantFrom(
      "",
      " ",
      "\n",
      ":",
      "-",
      "{",
      "[",
      '"',
      "'",
      "&",
      "*",
      "!",
      "|",
      "#",
      "%",
      "0",
      "true",
      "null",
      "when",
      "\t",
      "\u0000",
      "é",
    ),
  );
  fc.assert(
    fc.property(fc.array(edit, { minLength: 1, maxLength: 4 }), (edits) => {
      const text = edits.reduce((whole, [at, drop, put]) => whole.slice(0, at) + put + whole.slice(at + drop), WHOLE);
      const loaded = loadBundle(text);
      if (loaded.ok) return;
      assert(loaded.error.length > 0);
      for (const { line, column, caret, message } of loaded.error)
        assert(line >= 1 && column >= 1 && message !== "" && caret.endsWith("^"), text);
    }),
    { seed: 20261120, numRuns: 400 },
  );
});

test("[PO-19] nothing in a bundle reads otherwise than it looks", () => {
  assert.deepEqual(codes(WHOLE.replace("name: small", "name: small # \u202e gnihton")), ["2:15 bundle_hidden_character"]);
  assert.deepEqual(codes(WHOLE.replace("only documentation", "é \u{1f600} only\u200b documentation")), ["14:22 bundle_hidden_character"]);
  assert.equal(codes(`\ufeff${WHOLE}`)[0], "1:1 bundle_hidden_character");
  assert.deepEqual(codes(WHOLE.replace("only documentation", String.raw`"only\u202e documentation"`)), [
    "14:13 bundle_shape rules[0].reason",
  ]);
  assert.deepEqual(codes(WHOLE.replace("only documentation", String.raw`"\ud800"`)), ["14:13 bundle_shape rules[0].reason"]);
  assert.deepEqual(
    codes(
      WHOLE.replace(
        "- name: a page",
        String.raw`- name: a page
    facts: { proposer: { id: "\udc00" } }`,
      ),
    ),
    ["17:30 bundle_shape cases[0].facts.proposer.id"],
  );
  assert(loadBundle(WHOLE.replace("only documentation", "только документация 👨‍👩‍👧")).ok);
});

test("[PO-2] texts that are all marks are refused before they are parsed", () => {
  for (const text of ["[1,".repeat(60_000), "{".repeat(60_001), "\n".repeat(60_001), "- [".repeat(60_001)])
    assert.deepEqual(
      faultsOf(text).map(({ code }) => code),
      ["bundle_too_large"],
    );
  for (const text of ["[".repeat(15_000), "{a: ".repeat(15_000), "- ".repeat(30_000)]) assert.ok(faultsOf(text).length > 0);
});

test("[PO-15] the patterns of a bundle are bounded together, and each text counts once", () => {
  const rules = (pattern: (i: number) => string): Record<string, unknown>[] =>
    Array.from({ length: 100 }, (_, i) => ({ outcome: "review", when: `effects.exists(e, e.kind.matches('${pattern(i)}'))` }));
  assert.equal(loadBundle(bundleText(rules(() => "(?:abc){900}"))).ok, true);
  const faults = faultsOf(bundleText(rules((i) => `(?:abc){${800 + i}}`)));
  assert.match(faults.at(-1)?.message ?? "", /^too costly: /);
  assert.ok(faults.length < 60);
});
