/** A check that cannot fail is worse than none: every tidy test is shown a tree with its own fault in it. */
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { globSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import test from "node:test";

const root = resolve(import.meta.dirname, "../..");
const undone = ["TO", "DO"].join("");

const FAULTY: Readonly<Record<string, string>> = {
  "tsconfig.json": `{ "compilerOptions": { "module": "nodenext", "noEmit": true, "allowImportingTsExtensions": true }, "include": ["src", "test"] }\n`,
  "package.json": `{ "dependencies": { "loose": "^1.0.0" }, "allowScripts": { "gone": true } }\n`,
  "package-lock.json": `{ "packages": { "": {}, "node_modules/half": { "hasInstallScript": true, "optionalDependencies": { "half-darwin": "1.0.0" } } } }\n`,
  "src/main.ts": `export const main = 1;\n`,
  "src/core/b/index.ts": `export const b = 1;\n`,
  "src/core/b/inner.ts": `export const inner = 1;\n`,
  "src/core/a/index.ts": `import { inner } from "../b/inner.ts";\nimport { readFileSync } from "node:fs";\nimport { x } from "../../store/x.ts";\nexport const a = [inner, readFileSync, x, Date.now(), new Date()];\nexport const b = process.env;\n`,
  "src/store/x.ts": `import { y } from "../api/y.ts";\nimport { fake } from "../testing/fake.ts";\nimport { main } from "../main.ts";\nexport const x = [y, fake, main, Math.random()];\n`,
  "src/api/y.ts": `export const y = 1;\n`,
  "src/odd/z.ts": `export { y } from "../api/y.ts";\n`,
  "src/testing/fake.ts": `export const fake = 1;\n`,
  "src/store/long.ts": `export function long(): void {\n${"  void 0;\n".repeat(69)}}\n${"// more\n".repeat(330)}`,
  "src/cli/settings.ts": `export const SETTINGS = [{ name: "data.folder" }];\n`,
  "src/cli/show.ts": `declare const program: { option(flags: string): void };\nprogram.option("-j, --json");\n`,
  "src/cli/program.ts": `export const COMMANDS = [{ name: "show", load: () => import("./show.ts") }, { name: "ledger", load: () => import("./commands/ledger.ts") }];\n`,
  "src/cli/commands/ledger.ts": `declare const command: { command(name: string): void };\ncommand.command("head [x]");\n`,
  "test/a.test.ts": `import test from "node:test";\ntest("[XX-9] cites nothing", () => {});\n`,
  "test/tidy/exceptions.json": `[{ "check": "file-lines", "where": "src/gone.ts", "count": 500, "reason": "old" }]\n`,
  "docs/spec/x.md": `- **XX-1** A rule.\n- **XX-1** The same number again.\n`,
  "docs/cli.md": `There is no \`--unknown\`, but \`pawl ledger\` and \`pawl vanish\`.\n`,
  "docs/adr/0001-long.md": `# 1\n${"word ".repeat(400).trim()}\n`,
  "README.md": `[nowhere](gone.md) ${undone} \n`,
};

/** Lays the files out as a repository, runs the tidy tests over it and answers what they said. */
function tidy(files: Readonly<Record<string, string>>): string {
  const folder = mkdtempSync(join(tmpdir(), "pawl-tidy-"));
  try {
    execFileSync("git", ["init", "-q", folder]);
    for (const [path, text] of Object.entries(files)) {
      mkdirSync(dirname(join(folder, path)), { recursive: true });
      writeFileSync(join(folder, path), text);
    }
    const paths = globSync("test/tidy/*.test.ts", { cwd: root });
    const flags = ["--test", "--test-isolation=none", "--test-reporter=./test/reporter.ts"];
    const env = { ...process.env, PAWL_TIDY_ROOT: folder, NODE_TEST_CONTEXT: undefined };
    return spawnSync(process.execPath, [...flags, ...paths], { cwd: root, env, encoding: "utf8" }).stdout;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

test("every tidy test fails on a tree that holds its fault, and names the place", () => {
  const said = tidy(FAULTY);
  assert.match(said, /^0 passed, \d+ failed, 0 skipped$/m, said);
  const places = [
    "src/core/a/index.ts:1: import src/core/b/index.ts",
    "src/core/a/index.ts:2: the core may not import node:fs",
    "src/core/a/index.ts:3: src/core may not import src/store/x.ts",
    "src/core/a/index.ts:4: Date.now",
    "src/core/a/index.ts:4: new Date()",
    "src/core/a/index.ts:5: process",
    "src/store/x.ts:1: src/store may not import src/api/y.ts",
    "src/store/x.ts:2: take the real thing",
    "src/store/x.ts:3: what is wired",
    "src/store/x.ts: 1, allowed 0",
    "src/odd/z.ts:1: src/odd has no place",
    "src/store/long.ts: 401, allowed 400",
    "src/store/long.ts#long: 71, allowed 70",
    "src/gone.ts: needs its exception no more",
    "file-lines src/gone.ts: give the reason",
    "docs/spec/x.md:2: XX-1 stands already",
    "docs/spec/x.md:1: no test name holds [XX-1]",
    "test/a.test.ts: [XX-9] is in no file",
    "docs/settings.md: explain `data.folder`",
    "docs/cli.md: explain --json",
    "docs/cli.md: there is no --unknown",
    "docs/cli.md: explain `pawl show` (src/cli/program.ts)",
    "docs/cli.md: explain `pawl ledger head` (src/cli/commands/ledger.ts)",
    "docs/cli.md: there is no `pawl vanish`",
    "docs/adr/0001-long.md: 402 words",
    "docs/adr/0001-long.md: add it to",
    "package.json: loose ^1.0.0; pin",
    "node_modules/half: no integrity",
    "node_modules/half: its platform package half-darwin is missing",
    "package.json: allowScripts lacks half",
    "package.json: allowScripts names gone",
    "README.md:1: gone.md leads nowhere",
    `README.md:1: "${undone}"`,
    "README.md:1: blanks at the end",
  ];
  for (const place of places) assert.ok(said.includes(place), `nobody said "${place}":\n${said}`);
});
