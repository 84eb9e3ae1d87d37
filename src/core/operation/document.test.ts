import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";
import { NO_DECLARATIONS, loadDeclarations, runTests } from "./index.ts";

const EXAMPLE = readFileSync(new URL("../../../examples/connectors/tickets-and-flags.yaml", import.meta.url), "utf8");

function faultsOf(text: string): readonly string[] {
  const loaded = loadDeclarations(text);
  assert.ok(!loaded.ok, "it was to be refused");
  for (const { line, column, caret } of loaded.error) assert.ok(line >= 1 && column >= 1 && caret.endsWith("^"));
  return loaded.error.map(({ code, where, message }) => `${code} ${where ?? ""} ${message}`);
}

/** The example with a part of it replaced. */
function changed(from: string | RegExp, to: string): string {
  const text = EXAMPLE.replace(from, to);
  assert.notEqual(text, EXAMPLE, "the example holds what is to be replaced");
  return text;
}

test("[OP-1] the example loads, and its tests pass", () => {
  const loaded = loadDeclarations(EXAMPLE);
  assert.ok(loaded.ok, JSON.stringify(loaded));
  assert.deepEqual(
    loaded.value.systems.map(({ connector, name }) => `${connector}/${name}`),
    ["http/tickets", "http/flags", "command/shop"],
  );
  const results = runTests(loaded.value);
  assert.deepEqual(
    results.filter(({ passed }) => !passed),
    [],
  );
  assert.equal(results.length, 7);
});

test("[OP-1] JSON is read as well, and all faults come out at once with their places", () => {
  const faults = faultsOf(
    JSON.stringify({ pawl: "connectors/v2", http: [{ system: "A B", origin: "http://x.example", operations: {} }], more: 1 }, null, 1),
  );
  assert.deepEqual(
    faults.map((fault) => fault.split(" ").slice(0, 2).join(" ")).toSorted(),
    [
      "declaration_shape ",
      "declaration_shape http[0]",
      "declaration_shape http[0].operations",
      "declaration_shape http[0].origin",
      "declaration_shape http[0].system",
      "declaration_shape pawl",
      "declaration_unknown_key more",
    ].filter((each) => each !== "declaration_shape "),
  );
});

test("[OP-1] where a text stops being YAML, the first place is told and nothing after it", () => {
  const faults = faultsOf(changed("summary: Moves ticket {ticket} to {status}", "summary: {ticket} moves"));
  assert.equal(faults.length, 1);
  assert.match(faults[0] ?? "", /^declaration_syntax/);
});

test("[OP-1] texts have one form, and nothing in them is hidden", () => {
  assert.match(faultsOf(changed("Rotate the keys", "Rotate the ke\u0301ys")).join(), /declaration_not_normal/);
  assert.match(faultsOf(changed("Rotate the keys", "Rotate\u202Ethe keys")).join(), /declaration_hidden_character/);
});

test("[OP-2] an origin is https, exactly as it is sent, or this machine", () => {
  for (const origin of [
    "http://tickets.example.com",
    "https://Tickets.example.com",
    "https://t.example/x",
    "https://u@t.example",
    "ftp://x",
  ])
    assert.match(faultsOf(changed("https://tickets.example.com", origin)).join(), /http\[0\]\.origin/, origin);
  for (const origin of ["http://localhost:8080", "http://127.0.0.1", "http://[::1]:9", "https://10.0.0.1:8443"])
    assert.ok(loadDeclarations(changed("https://tickets.example.com", origin)).ok, origin);
});

test("[OP-2] a path is one path: no way up, no query, no fragment, no host", () => {
  for (const path of [
    "//evil.example/{ticket}",
    "/a/../{ticket}",
    "/a/%2E%2E/{ticket}",
    "/a?b={ticket}",
    "/a#{ticket}",
    "a/{ticket}",
    "/a\\\\b",
  ])
    assert.match(faultsOf(changed("path: /api/tickets/{ticket}/status", `path: "${path}"`)).join(), /request\.path/, path);
});

test("[OP-2] a declaration writes no header that frames, authorises or compares a request", () => {
  for (const header of [
    "host",
    "authorization",
    "cookie",
    "content-length",
    "transfer-encoding",
    "if-match",
    "proxy-connection",
    "X-Upper",
  ])
    assert.match(faultsOf(changed("method: PUT", `method: PUT\n          headers: { ${header}: x }`)).join(), /request\.headers/, header);
});

test("[OP-2] an undo asks for an operation of its system with exactly its parameters, filled from what is seen", () => {
  const undo = 'undo: { operation: transition, arguments: { ticket: "{ticket}", status: "{before.status}" } }';
  const other = (text: string) => faultsOf(changed(undo, text)).join();
  assert.match(other('undo: { operation: reopen, arguments: { ticket: "{ticket}" } }'), /has no operation reopen/);
  assert.match(other('undo: { operation: transition, arguments: { ticket: "{ticket}" } }'), /must be those of transition: ticket, status/);
  assert.match(
    other('undo: { operation: transition, arguments: { ticket: "{ticket}", status: "{before.secret}" } }'),
    /before\.secret.* is no field/,
  );
  assert.match(other("undo: { operation: transition, manual: by hand }"), /must have one of/);
  const masked = EXAMPLE.replace("select: { status: /status,", "select: { status: { at: /status, masked: true },");
  assert.match(faultsOf(masked).join(), /before\.status.* is no field/);
});

test("[OP-2] names stand once, and what is compared needs a probe", () => {
  assert.match(faultsOf(changed("system: flags", "system: tickets")).join(), /tickets stands twice/);
  assert.match(faultsOf(changed("name: comment", "name: transition")).join(), /transition stands twice/);
  assert.match(faultsOf(changed("idempotency: { header: idempotency-key }", "compare: etag")).join(), /compare needs a probe/);
  assert.match(faultsOf(changed("member: version }", "member: rollout }")).join(), /without a member rollout/);
  assert.match(faultsOf(changed("verify: { fields: { status:", "verify: { fields: { state:")).join(), /selects no field state/);
});

test("[OP-2] a field of the state has a name that the plan does not use otherwise", () => {
  for (const name of ["request", "rows", "money"])
    assert.match(faultsOf(changed("title: /title }", `title: /title, ${name}: /x }`)).join(), /a field \w+ of its own/);
});

test("[OP-3] an operation without a test is refused, and so is a test that expects nothing", () => {
  assert.match(faultsOf(changed(/tests:\n {10}- name: a comment[\s\S]*?\n\n/, "tests: []\n\n")).join(), /tests is empty/);
  assert.match(faultsOf(changed("expect: { refused: [version] }", "expect: {}")).join(), /expects nothing/);
});

test("[OP-6] templates name what there is, and a brace alone is a fault", () => {
  assert.match(faultsOf(changed("to {status}", "to {stauts}")).join(), /\{stauts\} is no parameter/);
  assert.match(faultsOf(changed("to {status}", "to {before.status}")).join(), /is no field/);
  assert.match(faultsOf(changed("to {status}", "to } done")).join(), /brace that is no placeholder/);
  assert.match(faultsOf(changed('rollout: { percent: "{percent}" } }', "rollout: { percent: .inf } }")).join(), /JSON has none of/);
});

test("[OP-53] a command begins with an absolute path as it is, and is given no variable that loads code", () => {
  for (const first of ["shop-release", "./shop-release", '"{version}"', "/bin/../x", '"/x{version}"'])
    assert.match(
      faultsOf(changed("argv: [/usr/local/bin/shop-release, --to,", `argv: [${first}, --to,`)).join(),
      /run\.argv must begin/,
      first,
    );
  for (const name of [
    "LD_PRELOAD",
    "PATH",
    "NODE_OPTIONS",
    "BASH_ENV",
    "PYTHONPATH",
    "GIT_SSH_COMMAND",
    "OPENSSL_CONF",
    "DOTNET_STARTUP_HOOKS",
    "LUA_INIT",
    "PHPRC",
    "ZDOTDIR",
  ])
    assert.match(faultsOf(changed("pass: [SHOP_RELEASE_TOKEN]", `env: { ${name}: x }`)).join(), /run something else/, name);
  assert.match(faultsOf(changed("pass: [SHOP_RELEASE_TOKEN]", "directory: /srv\n        files: []")).join(), /directory and files/);
});

test("[OP-5] where nothing was ever declared, nothing may be asked", () => {
  const none = loadDeclarations(NO_DECLARATIONS);
  assert.deepEqual(none.ok && none.value.systems, []);
});
