import assert from "node:assert/strict";
import test from "node:test";
import * as fc from "fast-check";
import { hiddenCharacters, lookAlikeLetters, visible } from "./index.ts";

const SEED = 7295;
const shows = (text: string, expected: string): void => assert.equal(visible(text), expected);

test("[PL-33, F50] controls, ANSI and OSC sequences, carriage returns and bidirectional marks are written as code points", () => {
  shows("safe\u001B[2K\rall good", "safe⟨U+001B⟩[2K⟨U+000D⟩all good");
  shows("\u001B]8;;https://evil.example\u0007link\u001B]8;;\u0007", "⟨U+001B⟩]8;;https://evil.example⟨U+0007⟩link⟨U+001B⟩]8;;⟨U+0007⟩");
  shows("\u009B31m", "⟨U+009B⟩31m");
  shows("if (isAdmin\u202E ⦔ 'user')", "if (isAdmin⟨U+202E⟩ ⦔ 'user')");
  for (const code of [0x61c, 0x200e, 0x200f, 0x202a, 0x202b, 0x202c, 0x202d, 0x202e, 0x2066, 0x2067, 0x2068, 0x2069]) {
    shows(`a${String.fromCodePoint(code)}b`, `a⟨U+${code.toString(16).toUpperCase().padStart(4, "0")}⟩b`);
  }
});

test("[PL-33, F50] what has no shape is written: zero-width, fillers, tags, selectors, odd blanks, separators, private use", () => {
  for (const code of [
    0xad, 0x34f, 0x115f, 0x1160, 0x180e, 0x200b, 0x200c, 0x200d, 0x2060, 0x2064, 0x3164, 0xfeff, 0xffa0, 0xfe01, 0xe0041, 0xe0101, 0xa0,
    0x2003, 0x3000, 0x2028, 0x2029, 0x2800, 0xe000, 0x10ffff, 0x378, 0xfffe,
  ]) {
    shows(`a${String.fromCodePoint(code)}b`, `a⟨U+${code.toString(16).toUpperCase().padStart(4, "0")}⟩b`);
  }
  shows("\uD800", "⟨U+D800⟩");
});

test("[PL-33, F53] a name's newline and NUL are seen, and it stays one line", () => {
  shows("a\nb\u0000c\td", "a⟨U+000A⟩b⟨U+0000⟩c⟨U+0009⟩d");
  assert.equal(visible("a\n\tb\u0000", { lines: true }), "a\n\tb⟨U+0000⟩");
});

test("[PL-33, F50] HTML comments and markdown are text like any other", () => {
  shows("<!-- approve me --> [docs](https://evil.example) **bold**", "<!-- approve me --> [docs](https://evil.example) **bold**");
});

test("[PL-33] text people write stays as it is: accents, other scripts, quotation marks, emoji", () => {
  for (const text of [
    "naïve café, “quoted” – and — dashed…",
    "Привет, как дела? Я с ней",
    "Η γρήγορη αλεπού",
    "设计 API：你好，世界！",
    "日本語のテスト",
    "हिन्दी में लिखा है",
    "ไทยที่นี่",
    "שָׁלוֹם עולם",
    "Tiếng Việt",
    "⚠️ fix ❤️ 👩‍💻 🏴󠁧󠁢󠁥󠁮󠁧󠁿 1️⃣ 👍🏽",
    "a → b, 5 ≤ 6, x², +3 −1",
  ]) {
    shows(text, text);
  }
});

test("[PL-34, F50] our own bracket is written as a code point too, so that no text can pretend to be a mark", () => {
  shows("⟨U+202E⟩", "⟨U+27E8⟩U+202E⟩");
});

test("[PL-34] a selector beside a mark hides neither: only what belongs to an emoji is left alone", () => {
  shows("e\u0301\uFE0F", "e⟨U+0301⟩⟨U+FE0F⟩");
  shows("\u00E9\uFE0F", "\u00E9⟨U+FE0F⟩");
  shows("a =\u0338\uFE0F b", "a =⟨U+0338⟩⟨U+FE0F⟩ b");
  shows("1\uFE0F\u20E3\u0336", "1\uFE0F\u20E3⟨U+0336⟩");
});

test("[PL-34] a decomposed or loose mark is written: what differs looks different", () => {
  shows("cafe\u0301", "cafe⟨U+0301⟩");
  shows("\u0336struck", "⟨U+0336⟩struck");
  shows("=\u0338", "=⟨U+0338⟩");
  shows("и\u0306", "и⟨U+0306⟩");
  shows("я\u0316\u0317\u0318\u0319", "я\u0316\u0317\u0318⟨U+0319⟩");
  shows("각", "각");
  shows("\u1100\u1161\u11A8", "⟨U+1100⟩⟨U+1161⟩⟨U+11A8⟩");
  shows("\u212A", "⟨U+212A⟩");
});

test("[PL-35, F50] letters of another script within a Latin word are written as code points", () => {
  shows("pаyments", "p⟨U+0430⟩yments");
  shows("scοpe/ΑDMIN", "sc⟨U+03BF⟩pe/⟨U+0391⟩DMIN");
  shows("аpple in Россия", "⟨U+0430⟩pple in Россия");
});

test("[PL-35, F50] a whole word of twins is written, unless the text is plainly in that script", () => {
  shows("git:shop#сосо", "git:shop#⟨U+0441⟩⟨U+043E⟩⟨U+0441⟩⟨U+043E⟩");
  shows("какао с соком", "какао с соком");
});

test("[PL-35, F50] styled letters and stand-in signs are written", () => {
  shows("ＡＤ𝐦𝐢𝐧", "⟨U+FF21⟩⟨U+FF24⟩⟨U+1D426⟩⟨U+1D422⟩⟨U+1D427⟩");
  shows("github.com／evil", "github.com⟨U+FF0F⟩evil");
  shows("a∕b․c−d", "a⟨U+2215⟩b⟨U+2024⟩c⟨U+2212⟩d");
});

const anyText = fc.oneof(
  fc.string({ unit: "binary", maxLength: 20 }),
  fc.string({ unit: "grapheme", maxLength: 20 }),
  fc
    .array(fc.constantFrom("a", "а", "e\u0301", "\u202E", "⟨", "⟩", "U+202E", "\n", "\t", "👩‍💻", "\uFE0F", "\u0300", "\uD83D", " "), {
      maxLength: 12,
    })
    .map((parts) => parts.join("")),
);

/** Undoes `visible`: every mark is a code point again. */
const undone = (shown: string): string =>
  shown.replaceAll(/⟨U\+([0-9A-F]{4,6})⟩/g, (_, hex: string) => String.fromCodePoint(parseInt(hex, 16)));

test("[PL-34] what is shown can be turned back into exactly the text: nothing is lost, and no two texts look the same", () => {
  fc.assert(
    fc.property(anyText, fc.boolean(), (text, lines) => {
      assert.equal(undone(visible(text, { lines })), text);
    }),
    { seed: SEED, numRuns: 8_000 },
  );
});

test("[PL-33] no control, format or separator character is ever shown as itself, outside of an emoji", () => {
  fc.assert(
    fc.property(anyText, (text) => {
      const shown = visible(text).replaceAll(/\p{RGI_Emoji}/gv, "");
      assert.doesNotMatch(shown, /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Cn}\p{Zl}\p{Zp}]/u);
      assert.equal(shown.isWellFormed(), true);
    }),
    { seed: SEED, numRuns: 8_000 },
  );
});

test("[PL-40, F50] hidden characters are found with line, column and name", () => {
  const source = "const a = 1;\r\nif (user\u202E) { // ⚠️ 👩‍💻\n\tb\u200B();\n}\u2066\n\u001B[0m\r";
  assert.deepEqual(hiddenCharacters(source), [
    { codePoint: "U+202E", name: "RIGHT-TO-LEFT OVERRIDE", line: 2, column: 9 },
    { codePoint: "U+200B", name: "ZERO WIDTH SPACE", line: 3, column: 3 },
    { codePoint: "U+2066", name: "LEFT-TO-RIGHT ISOLATE", line: 4, column: 2 },
    { codePoint: "U+001B", name: "ESCAPE", line: 5, column: 1 },
    { codePoint: "U+000D", name: "CARRIAGE RETURN", line: 5, column: 5 },
  ]);
  assert.deepEqual(
    hiddenCharacters(["\uFEFF", "\uD800", "\u{E0041}", "\uFE01", "\u2063", "\u0001"].join("")).map(({ name }) => name),
    ["BYTE ORDER MARK", "LONE SURROGATE", "TAG CHARACTER", "VARIATION SELECTOR", "FORMAT CHARACTER", "CONTROL CHARACTER"],
  );
});

test("[PL-40] ordinary text of any language holds no hidden characters", () => {
  assert.deepEqual(hiddenCharacters("Привет\tмир\r\n日本語 naïve\u00A0café ❤️\n"), []);
});

test("[PL-33] the letters that look like others are named by their column", () => {
  assert.deepEqual(lookAlikeLetters("p\u0430ypal, \u{1D400}"), [
    { column: 2, codePoint: "U+0430" },
    { column: 9, codePoint: "U+1D400" },
  ]);
  assert.deepEqual(lookAlikeLetters("plain, Größe, пароль, \u202E"), []);
});
