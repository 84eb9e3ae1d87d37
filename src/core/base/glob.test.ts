import assert from "node:assert/strict";
import test from "node:test";
import * as fc from "fast-check";
import { compileGlob, GLOB_MAX, matchesPattern } from "./index.ts";

const SEED = 7295;

const CASES: readonly (readonly [string, string, boolean])[] = [
  ["src/auth/session.ts", "src/auth/session.ts", true],
  ["src/auth/session.ts", "src/auth/Session.ts", false],
  ["src/*.ts", "src/a.ts", true],
  ["src/*.ts", "src/auth/a.ts", false],
  ["src/*", "src/", true],
  ["src/**", "src/auth/deep/a.ts", true],
  ["src/**", "src", false],
  ["**", "", true],
  ["**", "any/thing at all", true],
  ["**/a.ts", "a.ts", true],
  ["**/a.ts", "x/y/a.ts", true],
  ["**/a.ts", "xa.ts", false],
  ["src/**/a.ts", "src/a.ts", true],
  ["src/**/a.ts", "src/x/y/a.ts", true],
  ["src/**/a.ts", "src/xa.ts", false],
  ["git:shop#**/a.ts", "git:shop#a.ts", true],
  ["git:shop#**/a.ts", "git:shop#x/a.ts", true],
  ["git:*#src/**", "git:shop#src/a", true],
  ["a**b", "a/x/b", true],
  ["a**/b", "ab", false],
  ["?.ts", "😀.ts", true],
  ["?.ts", "/.ts", false],
  ["a[b]{c}.ts", "a[b]{c}.ts", true],
  ["a.ts", "axts", false],
  ["**/test/**/*.snap", "a/test/b/c/d.snap", true],
  ["*", "", true],
];

test("[PL-6] a pattern means: * within a segment, ** across, ? one character, all else as written", () => {
  for (const [pattern, text, expected] of CASES) assert.equal(matchesPattern(pattern, text), expected, `${pattern} on ${text}`);
});

/** The same meaning by JavaScript's regular expressions, which backtrack: an independent reading, for short texts. */
function reference(pattern: string): RegExp {
  const source = pattern.replaceAll(/(?<=^|[/:#])\*\*\/|\*\*|[*?]|[^]/gu, (part) => {
    if (part === "**/") return "(?:[^]*/)?";
    if (part === "**") return "[^]*";
    if (part === "*") return "[^/]*";
    return part === "?" ? "[^/]" : part.replace(/[\\^$.|+()[\]{}/]/, String.raw`\$&`);
  });
  return new RegExp(`^${source}$`, "u");
}

test("[PL-6] matching agrees with regular expressions on random patterns and texts", () => {
  const patterns = fc
    .array(fc.constantFrom("a", "b", "/", "#", "*", "**", "**/", "?", "."), { minLength: 1, maxLength: 9 })
    .map((parts) => parts.join(""));
  const texts = fc.array(fc.constantFrom("a", "b", "/", "#", ".", "\n"), { maxLength: 12 }).map((parts) => parts.join(""));
  fc.assert(
    fc.property(patterns, texts, (pattern, text) => {
      const compiled = compileGlob(pattern);
      if (!compiled.ok) return pattern.includes("***");
      return compiled.value.matches(text) === reference(pattern).test(text);
    }),
    { seed: SEED, numRuns: 8_000 },
  );
});

test("[PL-7, C23] a pattern that cannot be meant is refused when it is read", () => {
  for (const [pattern, code] of [
    ["", "glob_empty"],
    ["a".repeat(GLOB_MAX + 1), "glob_too_long"],
    ["a\nb", "glob_bad_text"],
    ["a\u0000", "glob_bad_text"],
    ["\uD800", "glob_bad_text"],
    ["src/***", "glob_three_stars"],
  ] as const) {
    const compiled = compileGlob(pattern);
    assert.equal(compiled.ok ? "accepted" : compiled.error.code, code);
  }
  assert.throws(() => matchesPattern("", "a"), /invariant broken/);
});

test("[PL-7, C23] the pattern that defeats backtracking costs its length times the text's, on a megabyte", () => {
  const compiled = compileGlob(`${"**a".repeat(6)}b`);
  assert.ok(compiled.ok);
  let reads = 0;
  const text = "a".repeat(1024 * 1024);
  // A string that counts how often it is walked: backtracking would walk it again and again.
  const counted = { [Symbol.iterator]: () => ((reads += 1), text[Symbol.iterator]()) } as unknown as string;
  assert.equal(compiled.value.matches(counted), false);
  assert.equal(reads, 1);
});
