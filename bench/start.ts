/** How long a command takes to begin, and the server to its first answer, beside what Node and a bare Fastify take. */
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { contest, type Probe, type Row } from "./measure.ts";

const place = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
const PAWL = place("../bin/pawl.js");
const BARE = `
import { fastify } from ${JSON.stringify(import.meta.resolve("fastify"))};
const app = fastify();
app.get("/v1/health", async () => ({ ok: true }));
console.log("at " + (await app.listen({ port: 0, host: "127.0.0.1" })));`;

export async function* benchStart(): AsyncGenerator<Row> {
  const folder = mkdtempSync(join(tmpdir(), "pawl-bench-"));
  const rounds = 11;
  const nothing = timed(() => ran(["-e", "0"]));
  try {
    yield await contest({
      name: "pawl --help",
      unit: "ms",
      against: "node -e 0",
      aim: { atMost: 2.5 },
      value: timed(() => ran([PAWL, "--help"])),
      ceiling: nothing,
      rounds,
    });
    // Keys, policy and first tokens are made once in a deployment's life.
    await firstAnswer([PAWL, "up"], folder);
    const server = timed(() => firstAnswer([PAWL, "up"], folder));
    const bare = timed(() => firstAnswer(["--input-type=module", "-e", BARE], folder));
    yield await contest({
      name: "pawl up, to its first answer",
      unit: "ms",
      against: "a bare Fastify server",
      value: server,
      ceiling: bare,
      rounds,
    });
    yield await contest({ name: "the same", unit: "ms", against: "node -e 0", value: server, ceiling: nothing, rounds });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Milliseconds of one time, whatever time there is. */
const timed =
  (work: () => void | Promise<void>): Probe =>
  async () => {
    const start = performance.now();
    await work();
    return performance.now() - start;
  };

function ran(argv: readonly string[]): void {
  const { status, stderr } = spawnSync(process.execPath, argv, { encoding: "utf8" });
  assert.equal(status, 0, stderr);
}

/** From its start until somebody who waits for its address was answered by it. */
async function firstAnswer(argv: readonly string[], cwd: string): Promise<void> {
  const env = { ...process.env, PAWL_LISTEN: "127.0.0.1:0" };
  const child = spawn(process.execPath, argv, { cwd, env, stdio: ["ignore", "pipe", "inherit"] });
  const ended = once(child, "exit");
  try {
    const url = await Promise.race([addressFrom(child.stdout), ended.then(() => assert.fail("it ended before it was asked"))]);
    assert.equal((await fetch(`${url}/v1/health`)).status, 200);
  } finally {
    child.kill("SIGKILL");
    await ended;
  }
}

async function addressFrom(said: NodeJS.ReadableStream): Promise<string> {
  let text = "";
  for await (const chunk of said) {
    text += String(chunk);
    const url = /\bat (http:\/\/\S+)\n/.exec(text)?.[1];
    if (url !== undefined) return url;
  }
  throw new Error(`no address in: ${text}`);
}
