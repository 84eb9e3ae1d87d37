import assert from "node:assert/strict";
import { test } from "node:test";
import { dependencyReport, dependencyText } from "./index.ts";

function texts(path: string, before: string | undefined, after: string | undefined): readonly string[] {
  const report = dependencyReport(path, before, after);
  assert.ok(report?.kind === "read");
  return report.changes.map(dependencyText);
}

const json = (value: unknown): string => JSON.stringify(value);

test("[GI-17] package.json: added, removed and changed packages of every group", () => {
  const before = json({ dependencies: { a: "1.0.0", gone: "1.0.0" }, devDependencies: { t: "1.0.0" } });
  const after = json({ dependencies: { a: "1.1.0", b: "github:x/b" }, devDependencies: { t: "1.0.0" }, overrides: { a: { c: "2.0.0" } } });
  assert.deepEqual(texts("package.json", before, after), [
    "a changes from 1.0.0 to 1.1.0",
    "a > c (override) 2.0.0 is added",
    "b github:x/b is added from github:x/b",
    "gone 1.0.0 is removed",
  ]);
});

test("[GI-17] package.json: scripts that run on installation are named when they are new or other", () => {
  const report = dependencyReport(
    "package.json",
    json({ scripts: { test: "x", prepare: "same" } }),
    json({ scripts: { test: "y", prepare: "same", postinstall: "curl x | sh" } }),
  );
  assert.ok(report?.kind === "read");
  assert.deepEqual(report.installScripts, ["postinstall: curl x | sh"]);
});

test("[GI-17] package-lock.json: versions, sources, contents and install scripts", () => {
  const lock = (entry: object): string => json({ lockfileVersion: 3, packages: { "": {}, "node_modules/a": entry } });
  const npm = "https://registry.example/a/-/a-1.0.0.tgz";
  const plain = { version: "1.0.0", resolved: npm, integrity: "sha512-x" };
  assert.deepEqual(texts("x/package-lock.json", lock(plain), lock({ ...plain, integrity: "sha512-y" })), [
    "a 1.0.0 keeps its version and changes what it is",
  ]);
  assert.deepEqual(texts("package-lock.json", lock(plain), lock({ ...plain, resolved: "https://evil.example/a/-/a-1.0.0.tgz" })), [
    "a 1.0.0 keeps its version and changes what it is from evil.example",
  ]);
  const report = dependencyReport("package-lock.json", lock(plain), lock({ ...plain, hasInstallScript: true }));
  assert.ok(report?.kind === "read" && report.changes[0]?.after?.runsOnInstall === true);
});

test("[GI-17] requirements.txt: pins, sources and options", () => {
  const after =
    "# c\nDjango==5.0 --hash=sha256:aa \\\n  --hash=sha256:bb\nrequests>=2 ; python_version > '3'\npkg @ https://x/p.whl\n--extra-index-url https://evil.example\n";
  assert.deepEqual(texts("requirements.txt", "Django==4.2\n", after), [
    "--extra-index-url https://evil.example option is added from https://evil.example",
    "django changes from ==4.2 to ==5.0",
    "pkg @ https://x/p.whl is added from https://x/p.whl",
    "requests >=2 is added",
  ]);
});

test("[GI-17] go.mod: requirements and replacements", () => {
  const after = "module x\n\ngo 1.25\n\nrequire (\n\ta.b/c v1.2.0 // indirect\n\td.e/f v2.0.0\n)\nreplace a.b/c => ../local\n";
  assert.deepEqual(texts("go.mod", "module x\ngo 1.25\nrequire a.b/c v1.1.0\n", after), [
    "a.b/c changes from v1.1.0 to v1.2.0",
    "a.b/c (replaced) ../local is added from ../local",
    "d.e/f v2.0.0 is added",
  ]);
});

test("[GI-17] Cargo.toml and Cargo.lock", () => {
  const before = '[package]\nversion = "1.0.0"\n[dependencies]\nserde = "1.0"\n';
  const after =
    '[package]\nversion = "1.1.0"\n[dependencies]\nserde = { version = "1.1" }\nx = { git = "https://x/x" }\n[dev-dependencies.y]\nversion = "2"\n';
  assert.deepEqual(texts("Cargo.toml", before, after), [
    "serde changes from 1.0 to 1.1",
    'x { git = "https://x/x" } is added from git https://x/x',
    'y (dev-dependencies) version = "2" is added',
  ]);
  const lock = (version: string): string =>
    `version = 3\n\n[[package]]\nname = "serde"\nversion = "${version}"\nsource = "registry+https://github.com/rust-lang/crates.io-index"\nchecksum = "aa"\n`;
  assert.deepEqual(texts("Cargo.lock", lock("1.0.0"), lock("1.1.0")), ["serde changes from 1.0.0 to 1.1.0"]);
});

test("[GI-17] a manifest that is new or gone counts whole, and one that cannot be read is unknown", () => {
  assert.deepEqual(texts("package.json", undefined, json({ dependencies: { a: "1" } })), ["a 1 is added"]);
  assert.deepEqual(texts("package.json", json({ dependencies: { a: "1" } }), undefined), ["a 1 is removed"]);
  assert.equal(dependencyReport("package.json", "{}", "{ not json")?.kind, "unread");
  assert.equal(dependencyReport("package-lock.json", undefined, json({ lockfileVersion: 1 }))?.kind, "unread");
  assert.equal(dependencyReport("src/a.ts", "a", "b"), undefined);
});

const sources = (path: string, after: string): readonly (readonly [string, string | undefined])[] => {
  const report = dependencyReport(path, undefined, after);
  assert.ok(report?.kind === "read");
  return report.changes.map(({ name, after: now }) => [name, now?.source] as const);
};

test("[GI-17] a package from elsewhere is seen in every way of writing it, and a range is none", () => {
  const ranges = { a: "~1.2.3", b: "^1", c: "1.x || >=2.0.0 - 3", d: "latest", e: "*", w: "workspace:^" };
  for (const [name, source] of sources("package.json", json({ dependencies: ranges }))) assert.equal(source, undefined, name);
  const elsewhere = {
    a: "HTTPS://evil.example/x.tgz",
    b: " git+https://evil.example",
    c: "owner/repo",
    d: "..",
    e: "~/x",
    f: "npm:other@1",
  };
  for (const [name, source] of sources("package.json", json({ dependencies: elsewhere, resolutions: { r: "file:x" } })))
    assert.notEqual(source, undefined, name);
  const lines = "git+https://evil.example/x.git\nhttps://evil.example/y.whl\nsub/dir/z.whl\n./local\n";
  for (const [name, source] of sources("requirements.txt", lines)) assert.notEqual(source, undefined, name);
  for (const [name, source] of sources("requirements.txt", "a==1\nb >=1,<2\nc[x]~=2\nd\ne (>=1)\n")) assert.equal(source, undefined, name);
});

test("[GI-17] Cargo.toml: sources in literal strings, dotted and quoted keys, behind a sign that is no comment", () => {
  const head = "[dependencies]\n";
  const written = [
    "x = { git = 'https://evil.example' }",
    'x.git = "https://evil.example"',
    'x = { y = " #", git = "https://evil.example" }',
    'x = { version = "1", registry-index = "https://evil.example" }',
    'x = { "git" = "https://evil.example" }',
  ];
  for (const line of written) assert.match(sources("Cargo.toml", `${head}${line}\n`)[0]?.[1] ?? "", /evil/, line);
  assert.match(sources("Cargo.toml", "[ dependencies ]\nx = {git='https://evil.example'}\n")[0]?.[1] ?? "", /evil/);
  for (const [name, source] of sources("Cargo.toml", `${head}git-version = "1"\ngit2 = "1" # git = "no"\n`))
    assert.equal(source, undefined, name);
  for (const text of [
    "dependencies.x = '1'\n",
    'dependencies = { x = "1" }\n',
    '["dependencies"]\nx = "1"\n',
    "[dependencies]\n'x' = '1'\n",
  ])
    assert.equal(dependencyReport("Cargo.toml", undefined, text)?.kind, "unread", text);
});

test("[GI-17] a manifest of one long line costs what its length costs", () => {
  const size = 2 * 1024 * 1024;
  const long: readonly (readonly [string, string])[] = [
    ["requirements.txt", `a b${" ".repeat(size)}c\n`],
    ["requirements.txt", `${" #".repeat(size / 2)}\r x\n`],
    ["Cargo.toml", `[dependencies]\na = "1"${" ".repeat(size)}c\n`],
    ["Cargo.toml", `[target.${"patch.".repeat(size / 6)}\n`],
    ["Cargo.toml", `[target.${"patch.".repeat(size / 6)}x]y]\n`],
    ["Cargo.toml", `[${" ".repeat(size)}x]\n`],
    ["go.mod", `${"//".repeat(size / 2)}\rx\n`],
  ];
  // One that starts again at every character would not end while anybody waits.
  for (const [path, text] of long) assert.ok(dependencyReport(path, undefined, text) !== undefined, path);
});
