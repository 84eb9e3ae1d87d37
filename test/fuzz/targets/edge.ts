import assert from "node:assert/strict";
import * as fc from "fast-check";
import { listQuery } from "../../../src/api/contract/requests.ts";
import { queryReader } from "../../../src/api/query.ts";
import { readTree } from "../../../src/cli/settings-file.ts";
import { SETTINGS } from "../../../src/cli/settings.ts";
import { misfit } from "../../../src/cli/shapes.ts";
import { decodeBinary } from "../../../src/connectors/git/binary-patch.ts";
import { dependencyReport } from "../../../src/connectors/git/dependencies/index.ts";
import { linkTarget, pathFault, refFault } from "../../../src/connectors/git/names.ts";
import { readOwners } from "../../../src/connectors/git/owners.ts";
import { readPatch } from "../../../src/connectors/git/patch.ts";
import { decodePayload, encodePayload } from "../../../src/connectors/git/payload.ts";
import { digestOf } from "../../../src/core/base/index.ts";
import { parseCursor } from "../../../src/store/streams.ts";
import { anyJson, bytesTarget, isRefusal, jsonTarget, mangled, mangledBytes, mangledJson, textTarget, type Target } from "../target.ts";

const PATCHES = [
  "diff --git a/src/a.js b/src/a.js\nindex 1..2 100644\n--- a/src/a.js\n+++ b/src/a.js\n@@ -1,3 +1,4 @@\n one\n-two\n+2\n+2.5\n three\n",
  "diff --git a/old b/new\nsimilarity index 90%\nrename from old\nrename to new\n--- a/old\n+++ b/new\n@@ -1 +1 @@\n-x\n+y\n\\ No newline at end of file\n",
  "diff --git a/x b/x\nnew file mode 120000\n--- /dev/null\n+++ b/x\n@@ -0,0 +1 @@\n+/etc/passwd\n",
  "diff --git a/b.bin b/b.bin\nnew file mode 100644\nGIT binary patch\nliteral 5\nMcmZQzWMT#Y01f~L\n\nliteral 0\nHcmV?d00001\n\n",
  'From: somebody\nSubject: words\n\n---\n src/a.js | 2 +-\n\ndiff --git "a/sp\\303\\244ce" "b/sp\\303\\244ce"\ndeleted file mode 100644\n--- "a/sp\\303\\244ce"\n+++ /dev/null\n@@ -1 +0,0 @@\n-x\n',
];
const PATCH_WORDS = [
  "diff --git a/",
  "--- a/../x",
  "+++ b/.git/config",
  "@@ -1,99999999 +1 @@\n",
  "GIT binary patch\n",
  "delta 4294967295\n",
  "rename to /etc",
  "\\ No newline",
  "\n\n",
];
const OWNERS = [
  "*.js @shop/web\n/src/auth/ @shop/identity person@example.com\ndocs/** \n",
  "# words\n[a-z]* @x\n\\#file @y\n/a\\ b @z\n",
  "** @all\n!no @x\n",
];

const MANIFESTS: Readonly<Record<string, string>> = {
  "package.json":
    '{"name":"a","dependencies":{"left-pad":"^1.0.0","x":"git+https://example.com/x"},"scripts":{"postinstall":"node x"},"overrides":{"a":{"b":"1"}}}',
  "package-lock.json":
    '{"lockfileVersion":3,"packages":{"":{"dependencies":{"a":"1"}},"node_modules/a":{"version":"1.0.0","resolved":"https://example.com/a","integrity":"sha512-x"}}}',
  "requirements.txt":
    "flask==2.0 ; python_version > '3'\n-r other.txt\n-e git+https://example.com/x#egg=y\n--index-url https://example.com\n",
  "go.mod": "module example.com/a\n\ngo 1.22\n\nrequire (\n\texample.com/b v1.2.3 // indirect\n)\nreplace example.com/b => ../b\n",
  "Cargo.toml":
    '[package]\nname = "a"\n[dependencies]\nserde = { version = "1", git = "https://example.com" }\n[target.x.dependencies]\nb = "2"\n',
  "Cargo.lock": '[[package]]\nname = "serde"\nversion = "1.0.0"\nsource = "registry"\nchecksum = "x"\n',
};

const manifests = fc
  .constantFrom(...Object.entries(MANIFESTS))
  .chain(([name, text]) =>
    fc.tuple(mangled(fc.constant(text)), mangled(fc.constant(text))).map(([before, after]) => `${name}\0${before}\0${after}`),
  );

const SETTINGS_FILE = `data_dir: ./.pawl\nlisten: { host: 127.0.0.1, port: 7295 }\nrepositories:\n  - name: shop\n    url: ../shop.git\n    environment: production\n    branches: [main]\nlimits: { body_bytes: 65536 }\n`;
const payload = encodePayload(
  {
    schema: "pawl/git-payload/v1",
    repository: "shop",
    branch: "main",
    base_tree: "a".repeat(40),
    tree: "b".repeat(40),
    changes: digestOf("changes"),
    message: "words",
    author: { name: "Pawl", email: "pawl@localhost" },
  },
  Buffer.from("carried"),
);
const readList = queryReader(listQuery);
const ASKED = [
  "GET /v1/changes",
  "GET /v1/changes/chg_1/plan",
  "GET /v1/ledger/entries",
  "GET /v1/directory",
  "GET /v1/health",
  "GET /v1/tokens",
];

export const edge: readonly Target[] = [
  textTarget("patch", mangled(fc.constantFrom(...PATCHES), PATCH_WORDS), (text) => {
    const { faults, paths, encoded } = readPatch(text);
    assert.ok(faults.length <= 2 * text.split("\n").length, "no line has more than two faults");
    if (faults.length === 0) for (const path of paths) assert.equal(pathFault(path), undefined, JSON.stringify(path));
    for (const { bytes } of encoded) assert.ok(bytes.length <= 32 * 1024 * 1024);
  }),
  textTarget("binary-patch", mangled(fc.constantFrom("McmZQzWMT#Y01f~L", "HcmV?d00001\nzcmV?d00001")), (text) => {
    const decoded = decodeBinary(text.split("\n"), 1_000_000);
    assert.ok(decoded === undefined || decoded.length <= 1_000_000);
  }),
  textTarget("codeowners", mangled(fc.constantFrom(...OWNERS), ["[", "**/", "\\", "@a/b", "{a,b}", "[!a]"]), (text) => {
    const rules = readOwners(text);
    for (const path of [
      "src/auth/session.js",
      "a b",
      "#file",
      "docs/x/y",
      "__proto__",
      "\u202e",
      "a/".repeat(500),
      `${"a".repeat(250)}cd`,
    ]) {
      const owners = rules.owners(path);
      assert.ok(owners.every((owner) => typeof owner === "string"));
    }
    assert.ok(rules.faults.every(({ line, message }) => line >= 1 && message.length < 2_000));
  }),
  textTarget("git-names", mangled(fc.constantFrom("src/a.js", "release/1.0", "../x", ".git/config", "a/./b")), (text) => {
    for (const fault of [pathFault(text), refFault(text), linkTarget("src/link", text)])
      assert.ok(fault === undefined || typeof fault === "string");
    if (refFault(text) === undefined) assert.match(text, /^[A-Za-z0-9._/+@#=]/);
  }),
  bytesTarget("git-payload", mangledBytes(fc.constant(new Uint8Array(payload))), (bytes) => {
    const decoded = decodePayload(bytes);
    if (!decoded.ok) return isRefusal(decoded.error);
    const { payload: document, carried } = decoded.value;
    assert.deepEqual(decodePayload(new Uint8Array(encodePayload(document, carried))), decoded, "it says the same when it is written again");
  }),
  textTarget("manifests", manifests, (text) => {
    const [name = "", before, after] = text.split("\0");
    const report = dependencyReport(name, before, after);
    assert.ok(report === undefined || typeof report === "object");
  }),
  textTarget("settings", mangled(fc.constant(SETTINGS_FILE), ["&a ", "*a", "<<: ", "!!binary ", "- ", "? ", "\t"]), (text) => {
    const { faults, value } = readTree(SETTINGS, { text, file: "/x/pawl.yaml", base: "/x", cwd: "/x", overrides: new Map() });
    if (faults.length > 0) return isRefusal(faults);
    assert.notEqual((value["listen"] as { host: unknown }).host, "");
    assert.ok(Number.isSafeInteger((value["limits"] as Record<string, unknown>)["bodyBytes"]), "what is accepted has the table's kinds");
  }),
  textTarget(
    "query",
    mangled(fc.constantFrom("status=awaiting&limit=50&cursor=abc", "proposer=agent%3Abot", "limit=1e3"), [
      "%00",
      "%",
      "&",
      "=",
      "limit=",
      "[]",
    ]),
    (text) => {
      const read = readList(text);
      if (!read.ok) isRefusal({ code: "query", message: JSON.stringify(read.error) });
    },
  ),
  textTarget("cursor", mangled(fc.constantFrom("MTIzfmNoYW5nZS94", "MH54")), (text) => {
    const position = parseCursor(text);
    assert.ok(position === undefined || Number.isSafeInteger(position.createdAt));
  }),
  jsonTarget(
    "answers",
    fc.oneof(anyJson, mangledJson(fc.constant({ changes: [{ id: "chg_1", version: 1, status: "awaiting" }], checks: [], entries: [] }))),
    (value) => {
      for (const asked of ASKED) {
        const wrong = misfit(asked, value);
        assert.ok(wrong === undefined || wrong.length < 2_000);
      }
    },
  ),
];
