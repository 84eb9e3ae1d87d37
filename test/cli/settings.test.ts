/** pawl.yaml and the environment: judged whole, and every fault says where it is. */
import assert from "node:assert/strict";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import test, { type TestContext } from "node:test";
import { loadSettings, SETTINGS, type Settings } from "../../src/cli/settings.ts";
import type { Setting, SettingsFault } from "../../src/cli/settings-file.ts";
import { folder, pawl } from "./world.ts";

type Env = Readonly<Record<string, string>>;

async function load(t: TestContext, text: string | Buffer, env: Env = {}): Promise<{ settings: Settings; dir: string }> {
  const dir = await folder(t);
  await writeFile(join(dir, "pawl.yaml"), text);
  const read = loadSettings({ cwd: dir, env });
  assert.ok(read.ok, JSON.stringify(read));
  return { settings: read.value.settings, dir };
}

async function faults(t: TestContext, text: string | Buffer, env: Env = {}): Promise<readonly SettingsFault[]> {
  const dir = await folder(t);
  await writeFile(join(dir, "pawl.yaml"), text);
  const read = loadSettings({ cwd: dir, env });
  assert.ok(!read.ok, "it was accepted");
  return read.error;
}

test("without a file and variables everything has its default", async (t) => {
  const dir = await folder(t);
  const read = loadSettings({ cwd: dir, env: { PAWL_DATA: "", PAWL_CONFIG: "" } });
  assert.ok(read.ok);
  const { settings, file } = read.value;
  assert.equal(file, undefined);
  assert.equal(settings.dataDir, join(dir, ".pawl"));
  assert.deepEqual(settings.listen, { host: "127.0.0.1", port: 7295 });
  assert.deepEqual(settings.database, { kind: "sqlite" });
  assert.deepEqual([settings.repositories, settings.trustedHosts, settings.seeds], [[], [], {}]);
  assert.equal(settings.limits.changeLifetimeSeconds, 7 * 86_400);
  assert.equal("publicUrl" in settings || "origin" in settings, false);
});

test("an empty file, and one of comments only, count as no settings", async (t) => {
  for (const text of ["", "# nothing yet\n", "---\n", "listen:\nrepositories:\nlimits:\n"]) {
    const { settings } = await load(t, text);
    assert.deepEqual([settings.listen.port, settings.repositories], [7295, []]);
  }
});

test("a whole file is read; relative paths start at its folder, and what git knows as an address stays", async (t) => {
  const { settings, dir } = await load(
    t,
    `data_dir: state
public_url: https://pawl.example.com/
trusted_hosts: [pawl.internal, "pawl.internal:8443"]
database: { kind: postgres, url: "postgres://pawl@db/pawl", pool_size: 3 }
origin: pawl.example.com/ledger
repositories:
  - { name: a, url: ../a.git, environment: production, branches: [main, "release/**"] }
  - { name: b, url: "git@example.com:acme/b.git", environment: test, verify: { argv: [npm, test] } }
  - { name: c, url: "https://example.com/c.git", environment: test }
  - { name: d, url: /srv/d.git, environment: test }
commit_identity: { name: Robot, email: robot@example.com }
limits: { clock_skew_seconds: 0 }
seeds: { policy: rules/first.yaml }
`,
  );
  assert.equal(settings.dataDir, join(dir, "state"));
  assert.equal(settings.publicUrl, "https://pawl.example.com");
  assert.deepEqual(settings.database, { kind: "postgres", url: "postgres://pawl@db/pawl", poolSize: 3 });
  assert.deepEqual(
    settings.repositories.map(({ url }) => url),
    [resolve(dir, "../a.git"), "git@example.com:acme/b.git", "https://example.com/c.git", "/srv/d.git"],
  );
  assert.deepEqual(settings.repositories[1]?.verify, { argv: ["npm", "test"], timeoutSeconds: 300 });
  assert.equal("verify" in (settings.repositories[0] ?? {}), false);
  assert.equal(settings.limits.clockSkewSeconds, 0);
  assert.deepEqual(settings.seeds, { policy: join(dir, "rules/first.yaml") });
});

test("all faults are told at once, each with its line, its column and a caret below the place", async (t) => {
  const found = await faults(
    t,
    `listne: {}
listen:
  prot: 80
  port: seventy
database: { kind: mysql }
repositories:
  - name: Shop
    url: shop.git
  - { name: a, url: a, environment: x }
  - { name: a, url: b, environment: x }
limits: []
trusted_hosts: host
commit_identity: { name: "two\\nlines" }
`,
  );
  assert.deepEqual(
    found.map(({ line, column, code, where }) => `${line}:${column} ${code} ${where}`),
    [
      "1:1 setting_unknown listne",
      "3:3 setting_unknown listen.prot",
      "4:9 setting_invalid listen.port",
      "5:19 setting_invalid database.kind",
      "7:11 setting_invalid repositories[0].name",
      "7:5 setting_missing repositories[0].environment",
      "10:5 setting_invalid repositories[2].name",
      "11:9 setting_invalid limits",
      "12:16 setting_invalid trusted_hosts",
      "13:26 setting_invalid commit_identity.name",
    ],
  );
  assert.equal(found[1]?.remedy, "did you mean listen.port?");
  assert.equal(found[0]?.remedy, "did you mean listen?");
  assert.equal(found[2]?.caret, "  port: seventy\n        ^");
  assert.ok(found.every(({ file, remedy }) => file?.endsWith("pawl.yaml") && remedy !== undefined));
});

test("the fault list is printed with place, line and caret, and ends with 2", async (t) => {
  const dir = await folder(t);
  await writeFile(join(dir, "pawl.yaml"), "listen:\n  prot: 80\n");
  const ran = await pawl({ cwd: dir }, "list");
  assert.equal(ran.code, 2);
  assert.equal(ran.out, "");
  assert.match(ran.err, /^pawl: the settings have 1 fault\n/);
  assert.match(ran.err, /pawl\.yaml:2:3 {2}listen\.prot is not a setting\n {8}prot: 80\n {8}\^\n {6}remedy: did you mean listen\.port\?\n/);
});

test("numbers outside their range, and texts where numbers belong, are refused", async (t) => {
  for (const [text, where] of [
    ["listen: { port: 65536 }", "listen.port"],
    ["listen: { port: 1.5 }", "listen.port"],
    ["listen: { port: -1 }", "listen.port"],
    ["limits: { run_timeout_seconds: 0 }", "limits.run_timeout_seconds"],
    ["limits: { body_bytes: 1e99 }", "limits.body_bytes"],
    ["listen: { host: 7 }", "listen.host"],
    ["listen: { host: 'a b' }", "listen.host"],
    ["public_url: https://pawl.example.com/path", "public_url"],
    ["public_url: ftp://pawl.example.com", "public_url"],
    ["public_url: https://me:secret@pawl.example.com", "public_url"],
    ["commit_identity: { email: nobody }", "commit_identity.email"],
    ["repositories: [{ name: a, url: b, environment: c, branches: [] }]", "repositories[0].branches"],
    ["repositories: [{ name: a, url: b, environment: c, verify: { argv: [npm, 1] } }]", "repositories[0].verify.argv"],
    ["data_dir: [a]", "data_dir"],
    ["data_dir: ''", "data_dir"],
  ] as const) {
    assert.deepEqual(
      (await faults(t, text)).map((fault) => fault.where),
      [where],
      text,
    );
  }
});

test("what is not YAML as settings need it is refused with its place: syntax, double keys, aliases, tags, several documents", async (t) => {
  for (const [text, line] of [
    ["listen: {\n  port: 1\n", 3],
    ["listen:\n  port: 1\n  port: 2\n", 3],
    ["a: &x 1\ndata_dir: *x\n", 2],
    ["listen: !!js/function x\n", 1],
    ["---\nlisten: {}\n---\nlisten: {}\n", 3],
    ["- listen\n", 1],
    ["just words\n", 1],
  ] as const) {
    const found = await faults(t, text);
    assert.ok(
      found.some((fault) => fault.line === line),
      `${text}: ${JSON.stringify(found)}`,
    );
  }
});

test("[F53] a file with control characters is told without them", async (t) => {
  const dir = await folder(t);
  await writeFile(join(dir, "pawl.yaml"), "\u001b[31mred: 1\n");
  const ran = await pawl({ cwd: dir }, "list");
  assert.equal(ran.code, 2);
  // oxlint-disable-next-line no-control-regex
  assert.doesNotMatch(ran.err, /[\u0000-\u0009\u000b-\u001f]/);
});

test("a file that cannot be read says why: missing, too large, not UTF-8, a folder", async (t) => {
  const dir = await folder(t);
  await mkdir(join(dir, "d"));
  await writeFile(join(dir, "big"), `# ${"x".repeat(300_000)}`);
  await writeFile(join(dir, "latin"), Buffer.from([0x23, 0xe9]));
  for (const [name, why] of [
    ["none", "no such file"],
    ["big", "is the bound"],
    ["latin", "UTF-8"],
    ["d", "EISDIR"],
  ] as const) {
    const read = loadSettings({ cwd: dir, env: {}, config: name });
    assert.ok(
      !read.ok && read.error[0]?.code === "settings_unreadable" && read.error[0].message.includes(why),
      `${name}: ${JSON.stringify(read)}`,
    );
  }
});

test("which file: --config, then PAWL_CONFIG, then ./pawl.yaml", async (t) => {
  const dir = await folder(t);
  for (const [name, port] of [
    ["pawl.yaml", 1],
    ["two.yaml", 2],
    ["three.yaml", 3],
  ])
    await writeFile(join(dir, String(name)), `listen: { port: ${port} }`);
  const port = (env: Env, config?: string): number | undefined => {
    const read = loadSettings({ cwd: dir, env, ...(config === undefined ? {} : { config }) });
    return read.ok ? read.value.settings.listen.port : undefined;
  };
  assert.deepEqual([port({}), port({ PAWL_CONFIG: "two.yaml" }), port({ PAWL_CONFIG: "two.yaml" }, "three.yaml")], [1, 2, 3]);
});

test("variables win over the file", async (t) => {
  const env = { PAWL_DATA: "elsewhere", PAWL_LISTEN: "[::1]:80", PAWL_DATABASE_URL: "postgres://db/pawl", PAWL_PUBLIC_URL: "http://x" };
  const { settings, dir } = await load(t, "data_dir: here\nlisten: { host: localhost, port: 1 }\n", env);
  assert.equal(settings.dataDir, join(dir, "elsewhere"));
  assert.deepEqual(settings.listen, { host: "::1", port: 80 });
  assert.deepEqual(settings.database, { kind: "postgres", url: "postgres://db/pawl", poolSize: 10 });
  for (const [text, listen] of [
    [":9", { host: "localhost", port: 9 }],
    ["9", { host: "localhost", port: 9 }],
    ["pawl.local", { host: "pawl.local", port: 1 }],
  ] as const) {
    assert.deepEqual((await load(t, "listen: { host: localhost, port: 1 }", { PAWL_LISTEN: text })).settings.listen, listen);
  }
});

test("a bad variable is a fault like one of the file, named by the variable", async (t) => {
  const found = await faults(t, "listne: 1\n", { PAWL_LISTEN: "a:b:c", PAWL_PUBLIC_URL: "nope" });
  assert.deepEqual(
    found.map(({ where }) => where),
    ["PAWL_PUBLIC_URL", "listne", "PAWL_LISTEN"],
  );
});

test("postgres needs its url and sqlite has none; a password is never repeated", async (t) => {
  assert.deepEqual(
    (await faults(t, "database: { kind: postgres }")).map((fault) => fault.where),
    ["database.url"],
  );
  assert.deepEqual(
    (await faults(t, "database: { url: 'postgres://u:hunter2@db/x' }")).map((fault) => fault.where),
    ["database.kind"],
  );
  const dir = await folder(t);
  await writeFile(join(dir, "pawl.yaml"), "database: { kid: x, url: 'mysql://u:hunter2@db/x' }\n");
  for (const env of [{}, { PAWL_DATABASE_URL: "mysql://u:hunter2@db/x" }]) {
    const ran = await pawl({ cwd: dir, env }, "list");
    assert.equal(ran.code, 2);
    assert.doesNotMatch(ran.err + ran.out, /hunter2/);
  }
});

test("a repository's address is one that git may be given: no credentials, no helper, no other protocol", async (t) => {
  for (const url of ["https://u:pw@h/x.git", "http://h/x.git", "ext::sh -c x", "git://h/x", "h:x.git"])
    assert.deepEqual(
      (await faults(t, `repositories: [{ name: a, url: "${url}", environment: c }]`)).map(({ where, line }) => [where, line]),
      [["repositories[0].url", 1]],
      url,
    );
});

test("docs/settings.md says of each setting what the table says: default, range, variable and text", async () => {
  const row = ({ name, default: standard, required, least, most, env, text }: Setting): string => {
    const shown =
      standard === undefined ? (required === true ? "required" : "") : Array.isArray(standard) ? "none" : `\`${String(standard)}\``;
    const range = least === undefined ? "" : ` (${least} to ${most})`;
    return `| \`${name}\` | ${shown}${range} | ${env === undefined ? "" : `\`${env}\``} | ${text} |`;
  };
  const lines = (await readFile(resolve(import.meta.dirname, "../../docs/settings.md"), "utf8")).split("\n");
  assert.deepEqual(
    lines.filter((line) => line.startsWith("| `")),
    SETTINGS.map(row),
  );
});
