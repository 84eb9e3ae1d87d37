/** A node dies while an operation is under way: what began is indeterminate, and is not begun again. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, watch, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { test, type TestContext } from "node:test";
import { folder, pawl, type Ran } from "../cli/world.ts";
import { world as commandWorld, RELEASE_V2 } from "./command/world.ts";
import { Api } from "./http/api.ts";
import { CANARY, exampleAt, MOVE } from "./http/world.ts";

const bin = join(import.meta.dirname, "../../bin/pawl.js");

const DIRECTORY = {
  persons: ["ada", "linus"].map((id) => ({ id, name: id, active: true, identities: [], roles: id === "ada" ? ["admin"] : [] })),
  machines: [{ id: "agent:support", owner: "human:ada", actsFor: [], active: true }],
  groups: ["admins", "identity", "security", "maintainers"].map((name) => ({
    name,
    members: [name === "maintainers" ? "linus" : "ada"],
    handles: name === "maintainers" ? ["@shop/maintainers"] : [],
  })),
};

interface Node {
  readonly as: (name: string, argv: readonly string[], stdin?: string) => Promise<Ran>;
  readonly kill: () => Promise<void>;
}

async function start(t: TestContext, cwd: string): Promise<Node> {
  const env = {
    PATH: [dirname(process.execPath), process.env["PATH"]].join(":"),
    PAWL_LISTEN: "127.0.0.1:0",
    NO_COLOR: "1",
    RELEASE_TOKEN: CANARY,
  };
  const child = spawn(process.execPath, [bin, "up"], { cwd, env, stdio: ["ignore", "pipe", "inherit"] });
  t.after(() => child.kill("SIGKILL"));
  const { promise, resolve: ready, reject } = Promise.withResolvers<string>();
  let said = "";
  child.on("exit", () => reject(new Error(said)));
  child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
    said += chunk;
    const url = /http:\/\/127\.0\.0\.1:\d+/.exec(said)?.[0];
    if (url !== undefined && /^(Stop with|data in)/m.test(said)) ready(url);
  });
  const url = await promise;
  return {
    as: (name, argv, stdin = "") => pawl({ cwd, env: { PAWL_URL: url }, stdin }, ...argv, "--as", name),
    async kill() {
      child.kill("SIGKILL");
      await once(child, "exit");
    },
  };
}

/** Signed, started, and killed once the effect has begun; what a new node makes of it. */
async function killedWhile(t: TestContext, text: string, more: object, step: object, begun: () => Promise<void>): Promise<Ran> {
  const cwd = await folder(t);
  writeFileSync(join(cwd, "connectors.yaml"), text);
  writeFileSync(join(cwd, "directory.json"), JSON.stringify(DIRECTORY));
  writeFileSync(join(cwd, "token"), CANARY);
  const seeds = { directory: "directory.json", connectors: "connectors.yaml" };
  writeFileSync(join(cwd, "pawl.yaml"), JSON.stringify({ data_dir: "data", seeds, ...more }));
  const first = await start(t, cwd);
  for (const [name, who] of Object.entries({ agent: "agent:support", linus: "human:linus" }))
    await first.as("ada", ["token", "create", "--for", who, "--save", name]);
  const body = JSON.stringify({ title: "Ask for an operation", steps: [step] });
  const proposed = await first.as("agent", ["propose", "--file", "-", "--wait", "--quiet"], body);
  assert.equal(proposed.code, 0, proposed.err);
  const id = proposed.out.trim();
  const under = begun();
  const approved = await first.as("linus", ["approve", id, "--yes", "--quiet"]);
  assert.equal(approved.code, 0, approved.err);
  await under;
  await first.kill();
  const second = await start(t, cwd);
  return second.as("linus", ["watch", id]);
}

test("[D30, OP-24] killed while a request is under way: indeterminate, and one request", async (t) => {
  const api = await Api.open(t);
  api.misbehave = "is-slow";
  const credentials = [{ name: "tickets", origins: [api.origin], value_file: "token" }];
  const begun = () => new Promise<void>((resolve) => (api.meanwhile = resolve));
  const watched = await killedWhile(
    t,
    exampleAt(api.origin),
    { credentials, http: { allow_private: [api.origin] } },
    { connector: "http", input: MOVE },
    begun,
  );
  assert.match(watched.out, /indeterminate/, watched.err);
  assert.equal(api.writes.length, 1);
});

test("[D30, OP-58] killed while a command runs: indeterminate, and one run", async (t) => {
  const shop = commandWorld(t);
  shop.flag("hangs");
  const begun = async (): Promise<void> => {
    const watcher = watch(shop.state);
    while (!existsSync(join(shop.state, "pid"))) await once(watcher, "change");
    watcher.close();
  };
  const command = { programs: [shop.program], probes: [`${shop.program} --current`], pass: ["RELEASE_TOKEN"] };
  try {
    const watched = await killedWhile(t, shop.text, { command }, { connector: "command", input: RELEASE_V2 }, begun);
    assert.match(watched.out, /indeterminate/, watched.err);
    assert.equal(shop.version(), "v1");
  } finally {
    // A node that is killed ends nothing.
    if (existsSync(join(shop.state, "pid"))) process.kill(shop.sleeper(), "SIGKILL");
  }
});
