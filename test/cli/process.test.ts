/** The program itself, as a process: first start, signals, pipes, a port that is taken, and what lies on the disk. */
import assert from "node:assert/strict";
import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { chmod, readdir, readFile, stat, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { dirname, join, resolve } from "node:path";
import test, { type TestContext } from "node:test";
import { folder, pawl as cli, world } from "./world.ts";

const bin = resolve(import.meta.dirname, "../../bin/pawl.js");

const env = (more: Readonly<Record<string, string>> = {}): NodeJS.ProcessEnv => ({
  PATH: [dirname(process.execPath), process.env["PATH"]].join(":"),
  HOME: process.env["HOME"],
  NO_COLOR: "1",
  PAWL_LISTEN: "127.0.0.1:0",
  ...more,
});

interface Started {
  readonly child: ChildProcess;
  /** What it printed until it ran. */
  readonly said: string;
  stop(signal?: NodeJS.Signals): Promise<{ readonly code: number | null; readonly err: string }>;
}

async function up(t: TestContext, cwd: string): Promise<Started> {
  const child = spawn(process.execPath, [bin, "up"], { cwd, env: env(), stdio: ["ignore", "pipe", "pipe"] });
  t.after(() => child.kill("SIGKILL"));
  const text = { out: "", err: "" };
  child.stderr.setEncoding("utf8").on("data", (chunk: string) => (text.err += chunk));
  const { promise, resolve: ready, reject } = Promise.withResolvers<void>();
  child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
    text.out += chunk;
    if (/^(Stop with|data in)/m.test(text.out)) ready();
  });
  child.on("exit", () => reject(new Error(`pawl up ended: ${text.err}`)));
  await promise;
  return {
    child,
    said: text.out,
    async stop(signal = "SIGINT") {
      child.kill(signal);
      const [code] = (await once(child, "exit")) as [number | null];
      return { code, err: text.err };
    },
  };
}

test("a newcomer pastes what the first start prints, and a change is proposed, read, signed, run and proven", async (t) => {
  const cwd = await folder(t);
  const first = await up(t, cwd);
  const commands = first.said.split("\n").flatMap((line) => /^ {2}((?:export|CHANGE=|node) ?.*)$/.exec(line)?.[1] ?? []);
  assert.equal(commands.length, 5, first.said);
  const script = commands.map((line) => line.replace(" approve ", " approve --yes ")).join("\n");
  const ran = spawnSync("bash", ["-euo", "pipefail", "-c", script], { cwd, env: env(), encoding: "utf8" });
  assert.equal(ran.status, 0, ran.stdout + ran.stderr);
  assert.match(ran.stdout, /What will change\?/);
  assert.match(ran.stdout, /verified +Done: applied exactly as approved/);
  assert.match(ran.stdout, /^✓ execution .*\n\neverything that was checked holds/m);
  assert.doesNotMatch(first.said, /pawl_tok_/);
  for (const name of await readdir(join(cwd, ".pawl", "tokens"))) {
    assert.equal((await stat(join(cwd, ".pawl", "tokens", name))).mode & 0o777, 0o600);
  }
  assert.deepEqual(await first.stop(), { code: 0, err: "stopping …\n" });

  const second = await up(t, cwd);
  assert.match(second.said, /^Pawl runs at http:\/\/127\.0\.0\.1:\d+\n.*\n$/);
  assert.equal((await second.stop("SIGTERM")).code, 0);
});

test("a port that is taken is told with what to do, and leaves nothing running", async (t) => {
  const other = createServer().listen(0, "127.0.0.1");
  await once(other, "listening");
  t.after(() => other.close());
  const { port } = other.address() as AddressInfo;
  const ran = spawnSync(process.execPath, [bin, "up"], {
    cwd: await folder(t),
    env: env({ PAWL_LISTEN: `127.0.0.1:${port}` }),
    encoding: "utf8",
    timeout: 60_000,
  });
  assert.deepEqual([ran.status, ran.stdout], [2, ""], ran.stderr);
  assert.match(ran.stderr, new RegExp(`^pawl: 127\\.0\\.0\\.1:${port} is taken\n {2}where: .*\n {2}remedy: .*PAWL_LISTEN`));
});

test("a reader that has read enough ends a command quietly", async (t) => {
  const ran = spawnSync("bash", ["-c", `set -o pipefail; "${process.execPath}" "${bin}" --help | head -1`], {
    cwd: await folder(t),
    env: env(),
    encoding: "utf8",
  });
  assert.deepEqual([ran.status, ran.stdout, ran.stderr], [0, "Usage: pawl [options] [command]\n", ""]);
});

test("doctor finds all well with a running Pawl, and what is not well otherwise", async (t) => {
  const pawl = await world(t);
  const well = await pawl.as("ada", "doctor");
  assert.equal(well.code, 0, well.out + well.err);
  const names = [...well.out.matchAll(/^✓ (.+?) {2,}/gm)].map((match) => match[1]);
  assert.deepEqual(names.slice(0, 7), ["node", "git", "settings", "data folder", "keys", "database", "repository shop"], well.out);
  assert.match(well.out, /^✓ you +human:ada, admin$/m);

  await chmod(join(pawl.dir, "data"), 0o755);
  await chmod(join(pawl.dir, "data", "tokens", "ada"), 0o644);
  await writeFile(join(pawl.dir, "pawl.yaml"), (await readFile(join(pawl.dir, "pawl.yaml"), "utf8")).replace("./shop.git", "./gone.git"));
  const ill = await pawl.with({}, "doctor", "--token", "pawl_tok_00000000", "--json");
  assert.equal(ill.code, 1);
  const { findings } = JSON.parse(ill.out) as { findings: { name: string; state: string; remedy?: string }[] };
  const bad = findings.filter(({ state }) => state === "fail");
  assert.deepEqual(
    bad.map(({ name }) => name),
    ["data folder", "repository shop", "you"],
  );
  assert.ok(bad.every(({ remedy }) => remedy !== undefined));
});

test("doctor names every fault of the settings, each with its place", async (t) => {
  const cwd = await folder(t);
  await writeFile(join(cwd, "pawl.yaml"), "listen: { prot: 1 }\ndatabase: { kind: mysql }\n");
  const ran = await cli({ cwd }, "doctor");
  assert.equal(ran.code, 1);
  assert.match(ran.out, /^✗ settings +\S+:1:11 {2}listen\.prot is not a setting$/m);
  assert.match(ran.out, /^✗ settings +\S+:2:19 {2}database\.kind must be/m);
  assert.match(ran.out, /^2 things to mend$/m);
});

test("doctor looks before anything was ever started, and makes nothing", async (t) => {
  const cwd = await folder(t);
  const ran = await cli({ cwd, env: { PAWL_LISTEN: "127.0.0.1:1" } }, "doctor");
  assert.equal(ran.code, 0, ran.out);
  assert.match(ran.out, /^! server +cannot reach Pawl at/m);
  assert.deepEqual(await readdir(cwd), []);
});

test("db migrate says what form the database has; db move wants another database", async (t) => {
  const cwd = await folder(t);
  const migrated = await cli({ cwd }, "db", "migrate");
  assert.deepEqual(
    [migrated.code, /^the sqlite database has this version's form; its ledger has 0 entries\n$/.test(migrated.out)],
    [0, true],
    migrated.err,
  );
  for (const [to, what] of [
    ["sqlite", /is sqlite already/],
    ["mysql://x", /names no database/],
  ] as const) {
    const ran = await cli({ cwd }, "db", "move", "--to", to);
    assert.deepEqual([ran.code, what.test(ran.err)], [2, true], ran.err);
  }
  await writeFile(join(cwd, "pawl.yaml"), "origin: other.example.com/log\n");
  const foreign = await cli({ cwd }, "db", "migrate");
  assert.deepEqual([foreign.code, /origin/.test(foreign.err)], [2, true], foreign.err);
});
