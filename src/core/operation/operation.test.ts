import assert from "node:assert/strict";
import test from "node:test";
import * as fc from "fast-check";
import type { Json } from "../base/index.ts";
import { loadDeclarations, readArguments, readAsked, runTests, selected, valueAt, withDeclarations } from "./index.ts";
import { expandJson, expandPath, expandTarget, expandText, partsOf, percentEncoded } from "./template.ts";
import { resolveProgram } from "./resolve.ts";
import type { Parameter } from "./types.ts";

test("[OP-6] a placeholder alone keeps its type, one among words becomes text, and two braces are one", () => {
  const values = { args: { n: 5, yes: true, name: "a{n}b", many: ["x", "y"] }, before: { was: 3 } };
  const made = expandJson({ a: "{n}", b: "{yes}", c: "n is {n}", d: "{name}", e: "{many}", f: "{{n}}", g: ["{before.was}"] }, values);
  assert.deepEqual(made, { ok: true, value: { a: 5, b: true, c: "n is 5", d: "a{n}b", e: ["x", "y"], f: "{n}", g: [3] } });
  assert.equal(partsOf("a } b"), undefined);
  assert.equal(partsOf("{A}"), undefined);
  assert.equal(expandText("{before.gone}", values).ok, false);
});

test("[OP-12] what is filled into a path stays within its segment, whatever it is", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary", minLength: 1, maxLength: 30 }), (text) => {
      const value = text.toWellFormed();
      const path = expandPath("/a/{x}/b", { args: { x: value } });
      if (value === "." || value === "..") return assert.equal(path.ok, false);
      assert.ok(path.ok);
      const url = new URL(`https://h.example${path.value}`);
      assert.deepEqual([url.pathname, url.search, url.hash, url.host], [path.value, "", "", "h.example"]);
      assert.equal(decodeURIComponent(path.value.split("/")[2] ?? ""), value);
      assert.equal(path.value.split("/").length, 4);
    }),
    { seed: 20_261_120 },
  );
  assert.equal(expandPath("/a/{x}", { args: { x: "" } }).ok, false);
  assert.equal(percentEncoded("a b/!'()*"), "a%20b%2F%21%27%28%29%2A");
  const target = expandTarget({ path: "/a", query: { "q[]": "{x}", z: "1" } }, { args: { x: "a&b=c" } });
  assert.deepEqual(target, { ok: true, value: "/a?q%5B%5D=a%26b%3Dc&z=1" });
});

const PARAMETERS: Readonly<Record<string, Parameter>> = {
  word: { type: "string", maxLength: 5, pattern: "[a-z]+" },
  pick: { type: "string", maxLength: 20, oneOf: ["one", "two"] },
  text: { type: "string", maxLength: 50, lines: true },
  count: { type: "integer", min: 1, max: 9 },
  flag: { type: "boolean" },
  sum: { type: "money", digits: 2, max: 100 },
  many: { type: "list", of: { type: "integer", min: 0, max: 3 }, maxItems: 2 },
};
const GOOD = { word: "abc", pick: "one", text: "a\nb", count: 3, flag: false, sum: "99.95", many: [1, 2] };

test("[OP-11] arguments are of their type, and every fault is told with its place and what to give", () => {
  assert.deepEqual(readArguments(PARAMETERS, GOOD), { ok: true, value: GOOD });
  const bad: Readonly<Record<string, readonly Json[]>> = {
    word: ["", "abcdef", "ABC", "a\nb", "a\u0000", "abc\n", 5, null, ["a"]],
    pick: ["three", "one "],
    text: ["x\u202Ey", "e\u0301", "\u0007", "\ud800"],
    count: [0, 10, 1.5, "3", 2 ** 53],
    flag: ["true", 0, null],
    sum: ["100.01", "1", "01.00", "-1.00", "1e2", 5, "٣.00"],
    many: [[4], [1, 2, 3], "1", [[1]], [{ $secret: "x" }]],
  };
  for (const [name, values] of Object.entries(bad)) {
    for (const value of values) {
      const read = readArguments(PARAMETERS, { ...GOOD, [name]: value });
      assert.ok(
        !read.ok && read.error.length === 1 && read.error[0]?.where === `/${name}` && read.error[0].remedy,
        JSON.stringify([name, value]),
      );
    }
  }
  const all = readArguments(PARAMETERS, { word: 1, other: 1 });
  assert.deepEqual(!all.ok && all.error.map(({ where }) => where ?? "").toSorted((a, b) => (a < b ? -1 : 1)), [
    "/count",
    "/flag",
    "/many",
    "/other",
    "/pick",
    "/sum",
    "/text",
    "/word",
  ]);
  assert.equal(readArguments({}, { constructor: 1 }).ok, false);
  assert.equal(readArguments(PARAMETERS, null).ok, false);
});

test("[OP-14] a marked secret is no argument", () => {
  const read = readArguments(PARAMETERS, { ...GOOD, word: { $secret: { digest: `hmac-sha256:${"0".repeat(64)}` } } });
  assert.match(!read.ok ? (read.error[0]?.message ?? "") : "", /is a secret/);
});

test("[OP-13] a header is one line of printable ASCII", () => {
  const text = ticketText('headers: { x-note: "{status}" }');
  const asked = (status: string) => readAndRun(text, status);
  assert.equal(asked("plain"), "passed");
  assert.match(asked("日本"), /header x-note/);
});

/** One operation, with a request of one's own. */
const ticketText = (request: string): string => `
pawl: connectors/v1
http:
  - system: t
    origin: https://t.example
    environment: e
    operations:
      - name: move
        summary: moves
        parameters: { status: { type: string } }
        effect: { kind: update, resource: "s/{status}" }
        request:
          method: POST
          path: /x
          ${request}
        tests:
          - { name: one, arguments: { status: STATUS }, expect: { probe: null } }
`;

function readAndRun(text: string, status: string): string {
  const loaded = loadDeclarations(text.replace("STATUS", JSON.stringify(status)));
  assert.ok(loaded.ok, JSON.stringify(loaded));
  const [result] = runTests(loaded.value);
  return result?.passed === true ? "passed" : JSON.stringify(result?.actual);
}

test("[OP-3] a test compares what it speaks of, and shows what came out otherwise", () => {
  const loaded = loadDeclarations(
    ticketText("body: { a: 1 }").replace("STATUS", "x").replace("{ probe: null }", "{ resource: other, undo: impossible }"),
  );
  assert.ok(loaded.ok, JSON.stringify(loaded));
  assert.deepEqual(runTests(loaded.value), [
    {
      operation: "http/t/move",
      name: "one",
      passed: false,
      expected: { resource: "other", undo: "impossible" },
      actual: { resource: "http:t#s/x", undo: "impossible" },
    },
  ]);
});

test("[OP-3, OP-29] a test whose probe is answered as no state is one fails, as it would when it is asked for", () => {
  const probed = (before: string) => {
    const text = ticketText("body: { a: 1 }")
      .replace("STATUS", "x")
      .replace("{ probe: null }", `{ state: { s: 1 } }, before: ${before}`)
      .replace("        request:", "        probe: { path: /p, select: { s: /s } }\n        request:");
    const loaded = loadDeclarations(text);
    assert.ok(loaded.ok, JSON.stringify(loaded));
    return runTests(loaded.value)[0]?.passed;
  };
  assert.deepEqual(
    ["{ status: 200, body: { s: 1 } }", "{ body: { s: 1 } }", "{ status: 500, body: { s: 1 } }", "{ status: 302, body: { s: 1 } }"].map(
      probed,
    ),
    [true, true, false, false],
  );
});

test("[OP-10] an input names a system and an operation; who names another is told which there are, and nobody brings declarations", () => {
  const text = ticketText("body: { a: 1 }").replace("STATUS", "x");
  const read = (input: Json) => {
    const whole = withDeclarations(input, text);
    return whole.ok ? readAsked("http", whole.value) : whole;
  };
  const good = read({ system: "t", operation: "move", arguments: { status: "a/b" } });
  assert.ok(good.ok);
  assert.equal(good.value.resource, "http:t#s/a%2Fb");
  for (const [input, where] of [
    [{ system: "u", operation: "move" }, "/system"],
    [{ system: "t", operation: "drop" }, "/operation"],
    [{ system: "t", operation: "move", arguments: { status: "x" }, url: "https://evil.example" }, "/url"],
    [{ system: "t", operation: "move", arguments: { status: 5 } }, "/arguments/status"],
    [{ system: "t", operation: "move", arguments: { status: ".." } }, "/arguments"],
    [{ system: "t", operation: "move", declarations: "pawl: connectors/v1" }, "/declarations"],
    [null, ""],
  ] as const) {
    const refused = read(input);
    assert.ok(!refused.ok && refused.error[0]?.where === where && refused.error[0].remedy, JSON.stringify([input, refused]));
  }
  assert.equal(readAsked("command", { system: "t", operation: "move", declarations: text }).ok, false);
  assert.equal(readAsked("http", { system: "t", operation: "move" }).ok, false);
});

test("[OP-52] a value that begins with a dash stands only behind --", () => {
  const program = { timeoutSeconds: 1, success: [0], refused: [] };
  const made = (argv: readonly string[], x: string) => resolveProgram({ ...program, argv }, { args: { x } }).ok;
  assert.deepEqual(
    [made(["/p", "{x}"], "-f"), made(["/p", "--", "{x}"], "-f"), made(["/p", "--f={x}"], "-f"), made(["/p", "{x}"], "f")],
    [false, true, true, true],
  );
});

test("[OP-21] a pointer leads to own members and elements only", () => {
  const document = { a: [{ "b/c": 1, "d~e": 2 }], f: null };
  assert.deepEqual(
    ["/a/0/b~1c", "/a/0/d~0e", "/f", "", "/a/1", "/a/00", "/constructor", "/a/length", "/f/x"].map((pointer) => valueAt(document, pointer)),
    [1, 2, null, document, undefined, undefined, undefined, undefined, undefined],
  );
  const huge = selected({ a: "x".repeat(70_000) }, { a: { at: "/a", masked: false } });
  assert.equal(!huge.ok && huge.error.code, "operation_state_too_large");
});
