/** bin/pawl.js on a Node that is too old: hand over to the one beside the package, or say what to do. */
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import test, { type TestContext } from "node:test";

const root = resolve(import.meta.dirname, "../..");

/** A package with the real launcher, and a command line that only says how it was called. */
function packageFolder(t: TestContext, main: string): string {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), "pawl-bin-")));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  mkdirSync(join(folder, "bin"));
  mkdirSync(join(folder, "src", "cli"), { recursive: true });
  for (const file of ["pawl.js", "package.json"]) copyFileSync(join(root, "bin", file), join(folder, "bin", file));
  writeFileSync(join(folder, "package.json"), `{ "type": "module" }\n`);
  writeFileSync(join(folder, "src", "cli", "main.ts"), main);
  // Makes this Node call itself old, unless it was started without the preload.
  writeFileSync(join(folder, "old.cjs"), `Object.defineProperty(process, "versions", { value: { node: "20.20.2" } });\n`);
  return folder;
}

/** A Node beside the package, as `npm ci` puts it there. */
function ownNode(folder: string, version: string): void {
  mkdirSync(join(folder, "node_modules", ".bin"), { recursive: true });
  mkdirSync(join(folder, "node_modules", "node"), { recursive: true });
  writeFileSync(join(folder, "node_modules", "node", "package.json"), JSON.stringify({ version }));
  symlinkSync(process.execPath, join(folder, "node_modules", ".bin", "node"));
}

const SAYS_ARGUMENTS = `console.log(JSON.stringify(process.argv.slice(2))); process.exitCode = 7;\n`;
const asOld = (folder: string, ...args: string[]): string[] => [
  "--require",
  join(folder, "old.cjs"),
  join(folder, "bin", "pawl.js"),
  ...args,
];

test("a Node that is new enough runs the command line itself", (t) => {
  const folder = packageFolder(t, SAYS_ARGUMENTS);
  const run = spawnSync(process.execPath, [join(folder, "bin", "pawl.js"), "show", "x y"], { encoding: "utf8" });
  assert.deepEqual([run.status, run.stdout], [7, `["show","x y"]\n`]);
});

test("an old Node hands over to the Node beside the package, with arguments and exit code", (t) => {
  const folder = packageFolder(t, SAYS_ARGUMENTS);
  ownNode(folder, "26.10.0");
  const run = spawnSync(process.execPath, asOld(folder, "show", "x y"), { encoding: "utf8" });
  assert.deepEqual([run.status, run.stdout], [7, `["show","x y"]\n`]);
});

test("an old Node without another says what it found, what is needed and what to do, and ends with 2", (t) => {
  const folder = packageFolder(t, SAYS_ARGUMENTS);
  const run = spawnSync(process.execPath, asOld(folder), { encoding: "utf8" });
  assert.deepEqual([run.status, run.stdout], [2, ""]);
  assert.match(run.stderr, /this is Node 20\.20\.2/);
  assert.match(run.stderr, /needed: Node 24\.15 or later of 24, or Node 26 or later/);
  assert.match(run.stderr, /remedy: run `npm ci` in /);
});

test("a Node beside the package that is itself too old is not handed over to", (t) => {
  const folder = packageFolder(t, SAYS_ARGUMENTS);
  ownNode(folder, "24.14.0");
  assert.equal(spawnSync(process.execPath, asOld(folder), { encoding: "utf8" }).status, 2);
});

test("a signal to the launcher reaches the command line, and its end is the launcher's end", async (t) => {
  const main = `process.on("SIGTERM", () => { console.log("asked to stop"); process.exit(3); }); setInterval(() => {}, 1000); console.log("up");\n`;
  const folder = packageFolder(t, main);
  ownNode(folder, "26.10.0");
  const child = spawn(process.execPath, asOld(folder), { stdio: ["ignore", "pipe", "inherit"] });
  let said = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    said += text;
    if (text.includes("up")) child.kill("SIGTERM");
  });
  const { promise, resolve: done } = Promise.withResolvers<number | null>();
  child.on("close", done);
  assert.equal(await promise, 3);
  assert.equal(said, "up\nasked to stop\n");
});

test("the launcher runs on the Node that is on the machine", (t) => {
  const folder = packageFolder(t, SAYS_ARGUMENTS);
  ownNode(folder, "26.10.0");
  chmodSync(join(folder, "bin", "pawl.js"), 0o755);
  const system = (process.env["PATH"] ?? "")
    .split(":")
    .filter((part) => !part.includes("node_modules"))
    .join(":");
  const run = spawnSync(join(folder, "bin", "pawl.js"), ["list"], { env: { PATH: system }, encoding: "utf8" });
  if (run.status === 127 || run.error) return t.skip("no other Node on this machine");
  assert.deepEqual([run.status, run.stdout], [7, `["list"]\n`]);
});
