import assert from "node:assert/strict";
import * as fc from "fast-check";
import { canonical, compileGlob, hiddenCharacters, lookAlikeLetters, parseJson, visible } from "../../../src/core/base/index.ts";
import { anyJson, bytesTarget, isRefusal, mangled, mangledBytes, textTarget, type Target } from "../target.ts";

const documents = anyJson.map((value) => JSON.stringify(value) ?? "null");
const deep = fc.tuple(fc.constantFrom("[", '{"a":', "[{}", "[["), fc.nat(400)).map(([open, times]) => open.repeat(times));
const numbers = fc.oneof(fc.double().map(String), fc.stringMatching(/^-?[0-9]{1,30}(\.[0-9]{1,30})?([eE][+-]?[0-9]{1,4})?$/));
const json = fc.oneof(
  { weight: 6, arbitrary: mangled(documents, ["\\u0000", "\\ud800", '"a":1,"a":2', "/**/"]) },
  deep,
  numbers,
  fc.string({ unit: "binary" }),
);

/** JSON.parse and RFC 8785 must agree with whatever is accepted. */
function strictJson(source: string | Uint8Array): void {
  const read = parseJson(source);
  if (!read.ok) return isRefusal(read.error);
  const text = typeof source === "string" ? source : new TextDecoder("utf-8", { fatal: true }).decode(source);
  // Written again, since the two zeros are one.
  assert.equal(JSON.stringify(read.value), JSON.stringify(JSON.parse(text)));
  const bytes = canonical(read.value);
  const again = parseJson(bytes);
  assert.ok(again.ok, "what is written canonically is accepted");
  assert.equal(canonical(again.value), bytes);
}

const segments = fc.constantFrom("**", "*", "src", "?", "[a-z]", "{a,b}", "***", "a*b*c*d*e*f*g*h", ".", "..", "");
const glob = fc.tuple(
  mangled(fc.array(segments, { maxLength: 12 }).map((all) => all.join("/"))),
  fc.string({ maxLength: 200 }),
  fc.nat(2_000),
);

export const base: readonly Target[] = [
  textTarget("json", json, strictJson),
  bytesTarget("json-bytes", mangledBytes(documents.map((text) => new TextEncoder().encode(text))), strictJson),
  textTarget(
    "glob",
    glob.map(([pattern, text, times]) => `${pattern}\0${text.repeat(Math.max(1, times))}`.slice(0, 100_000)),
    (both) => {
      const at = both.indexOf("\0");
      const compiled = compileGlob(both.slice(0, at));
      if (!compiled.ok) return isRefusal(compiled.error);
      assert.equal(typeof compiled.value.matches(both.slice(at + 1)), "boolean");
    },
  ),
  textTarget("visible", mangled(fc.string({ unit: "binary", maxLength: 400 })), (text) => {
    const shown = visible(text);
    assert.ok(shown.isWellFormed());
    // oxlint-disable-next-line no-control-regex -- these are what must not be there
    assert.doesNotMatch(shown, /[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]/);
    hiddenCharacters(text);
    lookAlikeLetters(text);
  }),
];
