import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";
import { digestOf, ok } from "../../core/base/index.ts";
import { loadDeclarations, type Declarations } from "../../core/operation/index.ts";
import { declarationEffects, declarationFindings } from "./declarations.ts";
import { pawlConnector } from "./index.ts";

const TEXT = readFileSync(new URL("../../../examples/connectors/tickets-and-flags.yaml", import.meta.url), "utf8");

function read(text: string): Declarations {
  const loaded = loadDeclarations(text);
  assert.ok(loaded.ok, JSON.stringify(loaded));
  return loaded.value;
}

const BEFORE = read(TEXT);
function after(from: string | RegExp, to: string): Declarations {
  const text = TEXT.replace(from, to);
  assert.notEqual(text, TEXT);
  return read(text);
}

const found = (next: Declarations): readonly string[] =>
  declarationFindings(BEFORE, next).map(({ code, severity }) => `${severity} ${code}`);

test("[PW-8] each operation that comes, goes or becomes another is one effect with the whole of it", () => {
  const none = read("pawl: connectors/v1\n");
  assert.deepEqual(
    declarationEffects(none, BEFORE).map(({ kind, resource, privilege }) => `${kind} ${resource} ${privilege}`),
    [
      "create pawl:connectors#command/shop/release gained",
      "create pawl:connectors#http/flags/roll-out gained",
      "create pawl:connectors#http/tickets/comment gained",
      "create pawl:connectors#http/tickets/transition gained",
    ],
  );
  assert.ok(declarationEffects(BEFORE, none).every(({ kind, privilege }) => kind === "delete" && privilege === "lost"));
  const [effect, ...others] = declarationEffects(BEFORE, after("max_length: 2000", "max_length: 4000"));
  assert.deepEqual([effect?.kind, effect?.resource, others.length], ["update", "pawl:connectors#http/tickets/comment", 0]);
  const sides = effect?.fields.map(({ before, after: now }) => [
    JSON.stringify(before).includes("2000"),
    JSON.stringify(now).includes("4000"),
  ]);
  assert.deepEqual(sides, [[true, true]]);
  assert.equal(declarationEffects(BEFORE, after("environment: production", "environment: staging")).length, 2);
});

test("[PW-9] what reaches further or is looked at less is a danger with what was and what would be", () => {
  for (const [from, to, code] of [
    ["https://tickets.example.com", "https://tickets.example.org", "danger pawl.operation_host"],
    ["credential: tickets", "credential: flags", "danger pawl.operation_credential"],
    [/ {8}compare: etag\n/, "", "danger pawl.operation_compare"],
    [/ {8}verify: \{ fields: \{ status.*\n/, "", "danger pawl.operation_verify"],
    ["select: { status: /status, title: /title }", "select: { status: /status }", "danger pawl.operation_probe"],
    ["path: /api/tickets/{ticket}/status", "path: /api/tickets/{ticket}/state", "danger pawl.operation_request"],
    ["max: 100 }", "max: 1000 }", "danger pawl.operation_parameters"],
    [
      "undo: { impossible: whoever watches the ticket has read it }",
      "undo: { manual: ask the watchers to forget it }",
      "danger pawl.operation_undo",
    ],
    ["argv: [/usr/local/bin/shop-release, --to,", "argv: [/usr/local/bin/other, --to,", "danger pawl.operation_run"],
    ["pass: [SHOP_RELEASE_TOKEN]", "pass: [SHOP_RELEASE_TOKEN, OTHER]", "danger pawl.operation_environment"],
    [/ {8}check: .*\n/, "", "danger pawl.operation_verify"],
  ] as const) {
    let text = TEXT.replace(from, to);
    // The tests of the example follow what it declares.
    if (code.endsWith("_request")) text = text.replaceAll("OPS-1/status", "OPS-1/state");
    if (code.endsWith("_probe"))
      text = text.replace("{ status: doing, title: Rotate the keys }\n              undo", "{ status: doing }\n              undo");
    if (code.endsWith("_run")) text = text.replaceAll("[/usr/local/bin/shop-release, --to, v1", "[/usr/local/bin/other, --to, v1");
    assert.notEqual(text, TEXT, code);
    assert.ok(found(read(text)).includes(code), `${code}: ${found(read(text)).join()}`);
  }
  assert.deepEqual(found(BEFORE), []);
  assert.deepEqual(found(read("pawl: connectors/v1\n")), []);
  const from = read("pawl: connectors/v1\n");
  assert.ok(declarationFindings(from, BEFORE).some(({ message }) => message === "http/tickets/comment is new and has no probe"));
});

test("[PW-10] declarations whose own tests fail are not put before people", async () => {
  const desk = { current: async () => ({ digest: digestOf(TEXT), text: TEXT }), replace: async () => ok(undefined) };
  const connector = pawlConnector(desk);
  const text = TEXT.replace("state: { percent: 5 }", "state: { percent: 6 }");
  const admitted = await connector.admit({ kind: "connectors", text });
  assert.deepEqual(!admitted.ok && admitted.error.map(({ code, message }) => `${code} ${message}`), [
    'test_failed http/flags/roll-out: test "a number stays a number" expected ' +
      '{"request":{"body":{"rollout":{"percent":25}},"method":"PATCH","target":"/v2/flags/new-cart"},"state":{"percent":6},"undo":{"body":{"rollout":{"percent":5}},"method":"PATCH","target":"/v2/flags/new-cart"}}' +
      ' and got {"request":{"body":{"rollout":{"percent":25}},"method":"PATCH","target":"/v2/flags/new-cart"},"state":{"percent":5},"undo":{"body":{"rollout":{"percent":5}},"method":"PATCH","target":"/v2/flags/new-cart"}}',
  ]);
  const torn = await connector.admit({ kind: "connectors", text: "pawl: connectors/v1\nhttp: 5\n" });
  assert.ok(!torn.ok && torn.error[0]?.where === "/text http");
});
