import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { canonical, digestJson } from "./canonical.ts";
import { sha256 } from "./hash.ts";
import { parseJson } from "./json.ts";

const corpus = join(
  process.env["PAWL_CORPUS"] ?? fileURLToPath(new URL("../../../../shared/corpus", import.meta.url)),
  "canonical-json-rfc8785",
  "testdata",
);
const skip = existsSync(corpus) ? false : "the corpus canonical-json-rfc8785 is not beside the checkout";

test("[CJ-1] [F49] RFC 8785 vectors: byte-equal output, and the strict reader takes the same text or refuses it", { skip }, () => {
  const refusals: Record<string, string> = {};
  for (const file of readdirSync(join(corpus, "input"))) {
    const input = readFileSync(join(corpus, "input", file));
    const expected = readFileSync(join(corpus, "output", file));
    assert.equal(Buffer.compare(Buffer.from(canonical(JSON.parse(input.toString("utf8")))), expected), 0, file);
    const read = parseJson(input);
    if (read.ok) assert.equal(Buffer.compare(Buffer.from(canonical(read.value)), expected), 0, file);
    else refusals[file] = read.error.code;
  }
  // unicode.json has a decomposed letter, weird.json U+FB33, which NFC decomposes; values.json has 333333333.33333329.
  assert.deepEqual(refusals, { "unicode.json": "json_not_nfc", "values.json": "json_inexact_number", "weird.json": "json_not_nfc" });
});

test("[CJ-1] [F49] RFC 8785 outputs are read whole, except the two that are not NFC, and written again byte-equal", { skip }, () => {
  for (const file of readdirSync(join(corpus, "output"))) {
    const output = readFileSync(join(corpus, "output", file));
    const read = parseJson(output);
    if (file === "unicode.json" || file === "weird.json") assert.ok(!read.ok && read.error.code === "json_not_nfc");
    else assert.equal(read.ok && canonical(read.value), output.toString("utf8"), file);
  }
});

/** The first doubles of the published sequence of the RFC 8785 reference tests that come from its hash chain. */
function* chainedDoubles(): Generator<number> {
  let block: Uint8Array = new Uint8Array(32);
  for (;;) {
    block = sha256(block);
    const view = new DataView(block.buffer, block.byteOffset);
    for (let i = 0; i < 4; i++) {
      const value = view.getFloat64(i * 8, true);
      if (value !== 0 && Number.isFinite(value)) yield value;
    }
  }
}

test("[CJ-1] numbers: every double reads back from its canonical text", () => {
  let count = 0;
  for (const value of chainedDoubles()) {
    const read = parseJson(canonical(value));
    assert.ok(read.ok && Object.is(read.value, value), String(value));
    if (++count === 20_000) break;
  }
  assert.deepEqual([-0, 1e21, 1e-7, 0.000001, 5e-324, 2 ** 53].map(canonical), [
    "0",
    "1e+21",
    "1e-7",
    "0.000001",
    "5e-324",
    "9007199254740992",
  ]);
});

test("[CJ-2] only JSON values have canonical bytes; a member that is undefined is absent", () => {
  for (const value of [undefined, Number.NaN, Number.POSITIVE_INFINITY, "\ud800", { "\udc00": 1 }, 1n, [1n], () => 1])
    assert.throws(() => canonical(value));
  assert.equal(canonical({ b: undefined, a: 1 }), '{"a":1}');
});

test("[CJ-15] digests: sha256 over the UTF-8 of the canonical text, the same for every order of members", () => {
  assert.equal(digestJson({}), "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a");
  assert.equal(digestJson({ b: "é", a: [1.0] }), digestJson(JSON.parse('{ "a": [1], "b": "\\u00e9" }')));
  assert.notEqual(digestJson({ a: 1 }), digestJson({ a: "1" }));
});
