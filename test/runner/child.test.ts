/** Connectors in processes of their own: what they see, and what becomes of those that misbehave. */
import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import type { Connector, Timers } from "../../src/control/ports.ts";
import { digestOf, utf8, type JsonObject } from "../../src/core/base/index.ts";
import { inChildren } from "../../src/runner/child.ts";
import { probe, SEEN } from "./child-probe.ts";

/** As the real ones, but a connector that hangs need not be waited for so long. */
const timersWithin = (most: number): Timers => ({
  after(millis, fn) {
    const timer = setTimeout(fn, Math.min(millis, most));
    return () => clearTimeout(timer);
  },
});
const SOON = 3_000;

const SECRETS = {
  PATH: process.env["PATH"] ?? "",
  READ_TOKEN: "r",
  WRITE_TOKEN: "w",
  PROD_TOKEN: "p",
  NODE_OPTIONS: "--no-warnings",
  LD_PRELOAD: "",
};

async function worked(t: TestContext, needs?: Connector["needs"], most = SOON) {
  const folder = await mkdtemp(join(tmpdir(), "pawl-child-"));
  const said: string[] = [];
  const { connectors, close } = inChildren([probe({}, needs)], {
    entry: join(import.meta.dirname, "child-entry.ts"),
    init: {},
    folder: join(folder, "work"),
    memoryMib: 96,
    env: SECRETS,
    timers: timersWithin(most),
    log: (line) => said.push(line),
  });
  t.after(async () => {
    close();
    await rm(folder, { recursive: true, force: true });
  });
  const connector = connectors.get("probe");
  assert.ok(connector !== undefined);
  return { connector, folder, said };
}

const LIMITS = { timeoutMillis: 1_000 };
const apply = (connector: Connector, word: string) => connector.apply(utf8(word), SEEN, LIMITS);
const factsOf = async (connector: Connector, word: string): Promise<JsonObject> => {
  const applied = await apply(connector, word);
  assert.ok(applied.ok, JSON.stringify(applied));
  return applied.value.facts;
};
const faultOf = async (connector: Connector, word: string): Promise<string> => {
  const applied = await apply(connector, word);
  assert.ok(!applied.ok, JSON.stringify(applied));
  return `${applied.error.code} ${applied.error.effect}`;
};

test("[RU-12] each call is answered as the connector answers, with its refusals and its progress", async (t) => {
  const { connector } = await worked(t);
  assert.deepEqual(await connector.admit("good"), {
    ok: true,
    value: { input: "good", names: { system: "probe", environment: "test", resources: ["probe:a"] } },
  });
  assert.deepEqual(await connector.admit("bad"), { ok: false, error: [{ code: "not_good", message: "this is not good", where: "/text" }] });
  const analysed = await connector.analyse("good", LIMITS);
  assert.deepEqual(analysed, {
    ok: false,
    error: { code: "no_plan", message: "this makes no plans", details: { because: ["it", "does", "not"] } },
  });
  const lines: string[] = [];
  const observed = await connector.observe(utf8("nothing"), { ...LIMITS, progress: (line) => lines.push(line) });
  assert.deepEqual(observed, { ok: true, value: { stateDigest: SEEN, context: { seen: "{}" } } });
  assert.deepEqual(lines, ["looking"]);
  assert.deepEqual(await connector.verify(utf8("nothing"), { facts: {} }, LIMITS), { ok: true, value: { facts: {} } });
});

test("[RU-12] [B20] [J76] a connector sees what it needs to look while it looks, what it needs to write while it writes, and nobody else's", async (t) => {
  const { connector } = await worked(t, { read: ["READ_TOKEN"], write: ["WRITE_TOKEN"] });
  const observed = await connector.observe(utf8("look"), LIMITS);
  assert.ok(observed.ok);
  const looking = JSON.parse(observed.value.context["seen"] ?? "") as { env: Record<string, string>; cwd: string };
  const writing = (await factsOf(connector, "look")) as unknown as typeof looking;
  const names = ({ env }: typeof looking): string[] => Object.keys(env).toSorted();
  assert.deepEqual(names(looking), ["HOME", "PATH", "READ_TOKEN", "TMPDIR"]);
  assert.deepEqual(names(writing), ["HOME", "PATH", "READ_TOKEN", "TMPDIR", "WRITE_TOKEN"]);
  assert.notEqual(looking.cwd, writing.cwd);
  for (const { env, cwd } of [looking, writing]) assert.deepEqual([env["HOME"], env["TMPDIR"]], [join(cwd, "home"), join(cwd, "tmp")]);
});

test("[RU-12] [D38] what it is told is data: no argument of its process, and no shell, ever has it", async (t) => {
  const { connector, folder } = await worked(t);
  const seen = await factsOf(connector, `look;touch\t${join(folder, "shell")} --eval=1 $(id)`);
  assert.deepEqual(seen, {});
  assert.deepEqual((await factsOf(connector, "look"))["argv"], []);
  assert.equal(existsSync(join(folder, "shell")), false);
});

for (const [word, code] of [
  ["exit", "connector_died"],
  ["hang", "connector_timeout"],
  ["hoard", "connector_died"],
  ["forge", "connector_died"],
  ["flood", "connector_died"],
] as const)
  test(`[RU-12] [RU-13] one that does "${word}" while it applies may have done something; the next call has a process again`, async (t) => {
    // A heap takes its time to fill, and a process that hangs need not have it.
    const { connector, folder, said } = await worked(t, undefined, word === "hoard" ? 60_000 : SOON);
    assert.equal(await faultOf(connector, word), `${code} possible`);
    assert.match(said.join("\n"), /the process of the connector probe \(write\) is gone/);
    assert.deepEqual(await factsOf(connector, "nothing"), {});
    const observed = await connector.observe(utf8(word), LIMITS);
    assert.ok(!observed.ok);
    assert.equal("effect" in observed.error, false);
    assert.ok(readdirSync(join(folder, "work")).length <= 1, "the folders of those that are gone are gone");
  });

test("[RU-13] what a connector had started ends with it", async (t) => {
  const { connector, folder } = await worked(t);
  const path = join(folder, "orphan");
  await factsOf(connector, `orphan ${path}`);
  const orphan = await reached(path);
  const gone = once(orphan, "close");
  assert.equal(await faultOf(connector, "hang"), "connector_timeout possible");
  await gone;
});

test("[RU-13] also where it ended by itself", async (t) => {
  const { connector, folder } = await worked(t);
  const path = join(folder, "orphan");
  await factsOf(connector, `orphan ${path}`);
  const orphan = await reached(path);
  const gone = once(orphan, "close");
  assert.equal(await faultOf(connector, "exit"), "connector_died possible");
  await gone;
});

/** A connection to whoever listens there, as soon as somebody does. */
async function reached(path: string): Promise<Socket> {
  for (;;) {
    const socket = connect(path);
    const { promise, resolve } = Promise.withResolvers<boolean>();
    socket.once("connect", () => resolve(true));
    socket.on("error", () => resolve(false));
    if (await promise) return socket;
  }
}

test("[RU-12] what it prints is no answer", async (t) => {
  const { connector } = await worked(t);
  assert.deepEqual(await factsOf(connector, "print"), {});
});

test("[RU-12] calls of one connector take turns", async (t) => {
  const { connector, folder } = await worked(t);
  const path = join(folder, "turns");
  await Promise.all([apply(connector, `write ${path}`), connector.observe(utf8("nothing"), LIMITS), apply(connector, `write ${path}`)]);
  assert.equal(readFileSync(path, "utf8"), "again");
});

test("[J75] a process whose connector is another than the runner started with does nothing", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "pawl-child-"));
  const other = { ...probe({}), digest: digestOf("another") };
  const { connectors, close } = inChildren([other], {
    entry: join(import.meta.dirname, "child-entry.ts"),
    init: {},
    folder,
    memoryMib: 96,
    env: SECRETS,
    timers: timersWithin(SOON),
    log: () => undefined,
  });
  t.after(async () => {
    close();
    await rm(folder, { recursive: true, force: true });
  });
  const path = join(folder, "written");
  const applied = await connectors.get("probe")?.apply(utf8(`write ${path}`), SEEN, LIMITS);
  assert.ok(applied !== undefined && !applied.ok);
  assert.equal(applied.error.code, "connector_differs");
  assert.equal(existsSync(path), false);
});
