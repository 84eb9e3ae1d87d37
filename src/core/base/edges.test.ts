import assert from "node:assert/strict";
import test from "node:test";
import {
  asciiLower,
  byText,
  compileGlob,
  concatBytes,
  fail,
  fromBase64,
  fromHex,
  GLOB_MAX,
  hiddenCharacters,
  isDigest,
  isId,
  isPrincipalId,
  lookAlikeLetters,
  matchesPattern,
  ok,
  refuse,
  sortedSet,
  toBase64,
  toHex,
  visible,
} from "./index.ts";
import { assert as invariant, never } from "./assert.ts";

test("[CJ-19] every byte is two lower-case digits of hexadecimal", () => {
  const all = Uint8Array.from({ length: 256 }, (_, i) => i);
  assert.equal(toHex(all), Buffer.from(all).toString("hex"));
  assert.deepEqual(fromHex(toHex(all)), all);
  assert.equal(toHex(new Uint8Array(0)), "");
  assert.deepEqual(fromHex(""), new Uint8Array(0));
  for (const text of ["000", "x00", "00x", "0x0", "A0"]) assert.equal(fromHex(text), undefined, text);
});

test("[CJ-19] base64 is in whole groups of four, whatever the length, and large input is no different", () => {
  for (const length of [0, 1, 2, 3, 4, 8191, 8192, 8193, 16_384, 16_385]) {
    const bytes = Uint8Array.from({ length }, (_, i) => (i * 131) % 256);
    assert.equal(toBase64(bytes), Buffer.from(bytes).toString("base64"), String(length));
    assert.deepEqual(fromBase64(toBase64(bytes)), bytes);
  }
  for (const text of ["!AAA", "AAA!", "AAAAA", "AA==AA", "A===", "AAAA====", "AAA", "\nAAA"])
    assert.equal(fromBase64(text), undefined, text);
  assert.deepEqual(concatBytes(), new Uint8Array(0));
});

test("[CJ-1] texts are ordered by their UTF-16 units, and a set has each once", () => {
  assert.deepEqual([byText("a", "b"), byText("b", "a"), byText("a", "a"), byText("", "a"), byText("Z", "a")], [-1, 1, 0, -1, -1]);
  assert.deepEqual(sortedSet(["b", "a", "b", "\u{1F600}", "\uFF61"]), ["a", "b", "\u{1F600}", "\uFF61"]);
  assert.equal(asciiLower("AZaz\u212A\u00C4[@"), "azaz\u212A\u00C4[@");
});

test("[CJ-15] ids, principals and digests have their forms, from end to end", () => {
  const hex = "0123456789abcdef".repeat(4);
  for (const good of [`sha256:${hex}`]) assert.ok(isDigest(good));
  for (const bad of [hex, `sha256:${hex}0`, `sha256:${hex.slice(1)}`, `sha256:${hex.toUpperCase()}`, ` sha256:${hex}`, `sha256:${hex}\n`])
    assert.ok(!isDigest(bad), bad);
  for (const good of ["chg_000001", "a_aaaaaa", `${"a".repeat(16)}_${"0".repeat(40)}`, "a1_abc123"]) assert.ok(isId(good), good);
  for (const bad of [
    "chg_00001",
    "1hg_000001",
    "CHG_000001",
    `${"a".repeat(17)}_000001`,
    `a_${"0".repeat(41)}`,
    "chg000001",
    "chg_00000A",
    " chg_000001",
  ])
    assert.ok(!isId(bad), bad);
  for (const good of ["human:a", "agent:a.b-c_d", "workload:9", `human:${"a".repeat(64)}`]) assert.ok(isPrincipalId(good), good);
  for (const bad of ["human:", "human:A", "human:.a", `human:${"a".repeat(65)}`, "robot:a", "xhuman:a", "human:a ", "human"])
    assert.ok(!isPrincipalId(bad), bad);
});

test("a broken invariant crashes where it is noticed, and says what", () => {
  invariant(1, "never seen");
  for (const falsy of [false, 0, "", null, undefined]) assert.throws(() => invariant(falsy, "x"), { message: "invariant broken: x" });
  assert.throws(() => never({ kind: "new" } as never, "token"), { message: 'invariant broken: unexpected token: {"kind":"new"}' });
});

test("results and refusals are what they say", () => {
  assert.deepEqual(ok(1), { ok: true, value: 1 });
  assert.deepEqual(fail("x"), { ok: false, error: "x" });
  assert.deepEqual(refuse("code", "what"), { ok: false, error: { code: "code", message: "what" } });
  assert.deepEqual(refuse("code", "what", { where: "/a", remedy: "mend" }), {
    ok: false,
    error: { code: "code", message: "what", where: "/a", remedy: "mend" },
  });
});

test("[PL-7] [PL-6] the longest pattern is compiled, characters are counted, and a refusal says what to write", () => {
  assert.ok(compileGlob("a".repeat(GLOB_MAX)).ok && compileGlob("😀".repeat(GLOB_MAX)).ok);
  const told = (pattern: string): string[] => {
    const compiled = compileGlob(pattern);
    return compiled.ok ? [] : [compiled.error.code, compiled.error.remedy ?? ""];
  };
  assert.deepEqual(told(""), ["glob_empty", "write ** to match everything"]);
  assert.deepEqual(told("😀".repeat(GLOB_MAX + 1)), ["glob_too_long", "use fewer, wider patterns"]);
  assert.deepEqual(told("***"), ["glob_three_stars", "write * (one segment) or ** (any)"]);
  const compiled = compileGlob("a/**");
  assert.ok(compiled.ok && compiled.value.pattern === "a/**");
});

const MEANS: readonly (readonly [pattern: string, yes: readonly string[], no: readonly string[]])[] = [
  ["a", ["a"], ["", "aa", "A", "b"]],
  ["a*", ["a", "ab", "abc"], ["a/b", "ba", ""]],
  ["*a", ["a", "ba"], ["b/a", "ab"]],
  ["a?c", ["abc", "a😀c"], ["ac", "a/c", "abbc"]],
  ["**/", ["", "a/", "a/b/"], ["a", "a/b"]],
  ["x**/", ["x/", "xy/", "x/y/"], ["x", ""]],
  ["x:**/a", ["x:a", "x:b/a", "x:b/c/a"], ["x:ba", "xa"]],
  ["x#**/a", ["x#a", "x#b/a"], ["x#ba"]],
  ["x/**/a", ["x/a", "x/b/a"], ["x/ba", "xa"]],
  ["x**a", ["xa", "x/a", "xya"], ["x", "a"]],
  ["**", ["", "/", "a/b"], []],
  ["*", ["", "a"], ["/", "a/"]],
  ["**/*", ["", "a", "a/b"], []],
  ["*/*", ["/", "a/b"], ["a", "a/b/c"]],
];

test("[PL-6] what each pattern matches, and what it does not", () => {
  for (const [pattern, yes, no] of MEANS) {
    for (const text of yes) assert.ok(matchesPattern(pattern, text), `${pattern} on ${text}`);
    for (const text of no) assert.ok(!matchesPattern(pattern, text), `${pattern} not on ${text}`);
  }
});

const NAMED: Readonly<Record<string, string>> = {
  "0000": "NUL",
  "0008": "BACKSPACE",
  "000D": "CARRIAGE RETURN",
  "001B": "ESCAPE",
  "007F": "DELETE",
  "00AD": "SOFT HYPHEN",
  "200D": "ZERO WIDTH JOINER",
  "200E": "LEFT-TO-RIGHT MARK",
  "200F": "RIGHT-TO-LEFT MARK",
  "2028": "LINE SEPARATOR",
  "2029": "PARAGRAPH SEPARATOR",
  "202A": "LEFT-TO-RIGHT EMBEDDING",
  "202B": "RIGHT-TO-LEFT EMBEDDING",
  "202D": "LEFT-TO-RIGHT OVERRIDE",
  "202E": "RIGHT-TO-LEFT OVERRIDE",
  "2060": "WORD JOINER",
  "2066": "LEFT-TO-RIGHT ISOLATE",
  "2067": "RIGHT-TO-LEFT ISOLATE",
  "2069": "POP DIRECTIONAL ISOLATE",
  "3164": "HANGUL FILLER",
  "0090": "CONTROL CHARACTER",
  "2061": "FORMAT CHARACTER",
  FE0F: "VARIATION SELECTOR",
  E0100: "VARIATION SELECTOR",
  E0000: "TAG CHARACTER",
  E007F: "TAG CHARACTER",
  D800: "LONE SURROGATE",
  "1D159": "INVISIBLE CHARACTER",
};

test("[PL-40] a hidden character is told by its code point and name", () => {
  for (const [hex, name] of Object.entries(NAMED)) {
    const found = hiddenCharacters(`ab\n${String.fromCodePoint(Number.parseInt(hex, 16))}`);
    assert.deepEqual(found, [{ codePoint: `U+${hex}`, name, line: 2, column: 1 }], hex);
  }
  assert.deepEqual(hiddenCharacters("a\r\nb\tc\n"), []);
  assert.equal(hiddenCharacters("é\rb").length, 1, "a carriage return alone is no line end");
  assert.deepEqual(
    hiddenCharacters("😀\u200B\u202E").map(({ column }) => column),
    [2, 3],
    "a column is one code point",
  );
});

test("[PL-33] [PL-34] nothing is written as a code point where nothing can deceive", () => {
  for (const text of ["", " ", "~", "a\u0301".normalize("NFC"), "я\u0316\u0317\u0318", "👩\u200D💻", "1\uFE0F\u20E3"])
    assert.equal(visible(text), text);
  assert.equal(visible("\t\n"), "⟨U+0009⟩⟨U+000A⟩");
  assert.equal(visible("é\t\n\r", { lines: true }), "é\t\n⟨U+000D⟩");
  assert.equal(visible("я\u0316\u0317\u0318\u0319\u031C"), "я\u0316\u0317\u0318⟨U+0319⟩⟨U+031C⟩");
  assert.equal(visible("👩\u200Dx"), "👩⟨U+200D⟩x");
  assert.equal(visible("\u3000x"), "⟨U+3000⟩x");
});

test("[PL-35] twins of each script are written where nothing else of it is, and kept where there is", () => {
  for (const [twin, own] of [
    ["\u0430\u0441", "\u0430\u0441 \u0436"],
    ["\u03BF\u03BD", "\u03BF\u03BD \u03BB"],
    ["\u0585\u057D", "\u0585\u057D \u0561"],
  ] as const) {
    assert.equal(visible(twin).includes("⟨"), true, twin);
    assert.equal(visible(own), own);
  }
  assert.equal(visible("x\u0436"), "x⟨U+0436⟩");
  assert.equal(visible("a\u6F22\u3042\u30A2\uD55C"), "a\u6F22\u3042\u30A2\uD55C", "written beside Latin letters");
});

test("[PL-35] stand-in signs are written, but for wide ones in wide text and a minus before a digit", () => {
  for (const sign of [
    "\u01C3",
    "\u02D0",
    "\u2010",
    "\u2012",
    "\u2043",
    "\u2044",
    "\u2215",
    "\u2216",
    "\u2223",
    "\u2236",
    "\u2024",
    "\u29F5",
    "\u29F8",
    "\u29F9",
    "\uA789",
  ])
    assert.notEqual(visible(`1 ${sign} 2`), `1 ${sign} 2`, sign);
  assert.equal(visible("\u22121"), "\u22121");
  assert.equal(visible("\u2212x"), "⟨U+2212⟩x");
  assert.equal(visible("a\uFF0Fb"), "a⟨U+FF0F⟩b");
  assert.equal(visible("\u6F22\uFF0Fb"), "\u6F22\uFF0Fb");
  assert.equal(visible("a\uFF0F\u6F22"), "a\uFF0F\u6F22");
});

test("[PL-33] a look-alike letter is told by its column, counted in code points", () => {
  assert.deepEqual(lookAlikeLetters("😀p\u0430y"), [{ column: 3, codePoint: "U+0430" }]);
  assert.deepEqual(lookAlikeLetters("😀\u202E\u2215"), [], "what is no letter is not told here");
});
