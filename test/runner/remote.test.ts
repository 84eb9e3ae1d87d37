/** The whole way of a change whose work a `pawl runner` elsewhere does: a process of its own, with the real git connector. */
import assert from "node:assert/strict";
import { createPublicKey } from "node:crypto";
import { once } from "node:events";
import { existsSync, watch } from "node:fs";
import { cp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer, type AddressInfo } from "node:net";
import { dirname, join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import { Connectors, dispatchRun, Exchange } from "../../src/control/index.ts";
import type { Json, JsonObject } from "../../src/core/base/index.ts";
import { factsOf, verifyEvidence } from "../../src/core/grant/index.ts";
import { startProxy } from "../../src/testing/proxy.ts";
import { changeOf, ControlWorld, idOf, set } from "../../src/testing/control-world.ts";
import type { ChangeView, EventView } from "../../src/control/types.ts";
import { BROKEN, CART, type Ran } from "../cli/world.ts";
import { fileAt, remoteWorld, type RemoteWorld } from "./world.ts";

// oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- it says what the caller expects to find
const document = <T>(ran: Ran): T => JSON.parse(ran.out) as T;

async function proposed(world: RemoteWorld, patch: string): Promise<string> {
  await writeFile(join(world.dir, "change.patch"), patch);
  const ran = await world.as(
    "agent",
    "propose",
    "--title",
    "A change",
    "--repo",
    "shop",
    "--branch",
    "main",
    "--patch",
    "change.patch",
    "--wait",
    "--quiet",
  );
  assert.equal(ran.code, 0, ran.err + ran.out);
  return ran.out.trim();
}

test("[RU-1] [RU-5] a change is analysed, run and proven where the credentials are, by a process that only dials out", async (t) => {
  const world = await remoteWorld(t);
  const runner = await world.enrol("cellar");
  const process = await world.start(t, "cellar");
  const id = await proposed(world, CART);
  const approved = await world.as("linus", "approve", id, "--yes", "--wait");
  assert.equal(approved.code, 0, approved.err + approved.out + process.said());
  assert.match(approved.out, /verified/);
  assert.match(fileAt(world.repository, "src/cart.js"), /Math\.round/);
  const { run } = document<{ change: ChangeView }>(await world.as("linus", "show", id, "--json")).change;
  assert.equal(run?.runner, runner);
  assert.match((await world.as("ada", "runner", "list")).out, new RegExp(`${runner} +connected +cellar +git`));
  const { events } = document<{ events: readonly EventView[] }>(await world.as("agent", "show", id, "--events", "--json"));
  assert.deepEqual(
    events.map(({ type }) => type),
    ["proposed", "planned", "routed", "voted", "authorised", "run_started", "effect_started", "effect_done", "applied", "verified"],
  );
  assert.equal(await process.stop(), 0);
});

test("[RU-6] without a runner nothing hangs: a proposal is refused for now, and what was proposed is planned when one is there", async (t) => {
  const world = await remoteWorld(t);
  await world.enrol("cellar");
  await writeFile(join(world.dir, "change.patch"), CART);
  const flags = ["--title", "A change", "--repo", "shop", "--branch", "main", "--patch", "change.patch"];
  const refused = await world.as("agent", "propose", ...flags, "--json");
  assert.equal(refused.code, 3, refused.out);
  assert.match(refused.out, /"code": "runner_absent"/);
  const first = await world.start(t, "cellar");
  const id = await proposed(world, CART);
  assert.equal(await first.stop(), 0);
  const approved = await world.as("linus", "approve", id, "--yes");
  assert.equal(approved.code, 0, approved.err);
  assert.equal(document<{ change: ChangeView }>(await world.as("linus", "show", id, "--json")).change.status, "authorised");
  // It begins to work for what waits for it, and not only when its job is looked at again.
  await world.start(t, "cellar");
  const watched = await world.as("agent", "watch", id);
  assert.equal(watched.code, 0, watched.err + watched.out);
  assert.match(watched.out, /verified/);
});

test("[RU-4] [RU-14] a runner admits nothing of an environment that it does not serve, and says how its work goes on", async (t) => {
  const world = await remoteWorld(t);
  await world.enrol("staging", { environments: "staging", settings: { runner: { environments: ["staging"] } } });
  const staging = await world.start(t, "staging");
  await writeFile(join(world.dir, "change.patch"), CART);
  const refused = await world.as(
    "agent",
    "propose",
    "--title",
    "A change",
    "--repo",
    "shop",
    "--branch",
    "main",
    "--patch",
    "change.patch",
  );
  assert.equal(refused.code, 1, refused.out);
  assert.match(refused.err, /does not serve the environment production/);
  await staging.stop();
  await world.enrol("cellar");
  await world.start(t, "cellar");
  const id = await proposed(world, CART);
  const watching = world.as("linus", "watch", id);
  assert.equal((await watching).code, 0);
  const events = await streamed(world, () => world.as("linus", "approve", id, "--yes", "--wait"));
  const said = events.flatMap(({ change, lines }) => (change === id ? lines : []));
  assert.ok(
    said.some((line) => line.includes("applying")),
    said.join("\n"),
  );
  assert.ok(events.every(({ lines }) => lines.length <= 100 && lines.every((line) => line.length <= 1_000)));
});

interface Told {
  readonly change: string;
  readonly lines: readonly string[];
}

/** The progress that is told while something is done. */
async function streamed(world: RemoteWorld, act: () => Promise<unknown>): Promise<readonly Told[]> {
  const token = (await readFile(join(world.dir, "data", "tokens", "linus"), "utf8")).trim();
  const over = new AbortController();
  const response = await fetch(`${world.url}/v1/stream`, { headers: { authorization: `Bearer ${token}` }, signal: over.signal });
  const { promise: ended, resolve } = Promise.withResolvers<void>();
  let text = "";
  const reading = (async () => {
    for await (const chunk of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
      text += chunk;
      if (text.includes("ended: verified")) resolve();
    }
  })().catch(() => undefined);
  await act();
  await ended;
  over.abort();
  await reading;
  return [...text.matchAll(/event: progress\ndata: (.*)\n/g)].map(([, data]) => JSON.parse(data ?? "") as Told);
}

test("[RU-11] what the ledger's evidence names is signed by the runner's own key, about exactly what is kept", async (t) => {
  const world = await remoteWorld(t);
  const runner = await world.enrol("cellar");
  await world.start(t, "cellar");
  const id = await proposed(world, CART);
  assert.equal((await world.as("linus", "approve", id, "--yes", "--wait")).code, 0);
  const pem = await readFile(join(world.dir, "cellar", "data", "runner", "key.pem"), "utf8");
  const key = new Uint8Array(createPublicKey(pem).export({ type: "spki", format: "der" }).subarray(-32));
  await world.running.close();
  const database = new DatabaseSync(join(world.dir, "data", "pawl.db"), { readOnly: true });
  const rows = database.prepare("SELECT bytes FROM payloads").all() as unknown as readonly { readonly bytes: Uint8Array }[];
  database.close();
  const attested = rows.flatMap(({ bytes }) => {
    const text = Buffer.from(bytes).toString("utf8");
    return text.includes('"attestation"') ? [JSON.parse(text) as JsonObject] : [];
  });
  assert.equal(attested.length, 3);
  const kinds = attested.map((facts) => {
    const read = verifyEvidence(facts["attestation"], new Map([[runner, key]]), factsOf(facts));
    assert.ok(read.ok, JSON.stringify(read));
    assert.deepEqual([read.value.runner, read.value.change, read.value.deployment], [runner, id, "shop.example/log"]);
    return read.value.kind;
  });
  assert.deepEqual(kinds.toSorted(), ["applied", "observed", "verified"]);
});

test("[RU-3] [D37] a runner that is revoked in the middle of a run does nothing more, and its run is for a person", async (t) => {
  const world = await remoteWorld(t);
  const gate = join(world.dir, "gate");
  const slow = [
    "node",
    "-e",
    `const fs = require("fs"); fs.writeFileSync(${JSON.stringify(`${gate}.reached`)}, ""); const until = () => fs.existsSync(${JSON.stringify(gate)}) ? process.exit(1) : setTimeout(until, 20); until();`,
  ];
  const repositories = [{ name: "shop", url: world.repository, environment: "production", verify: { argv: slow } }];
  const runner = await world.enrol("cellar", { settings: { repositories } });
  const process = await world.start(t, "cellar");
  const id = await proposed(world, CART);
  assert.equal((await world.as("linus", "approve", id, "--yes")).code, 0);
  await reached(`${gate}.reached`);
  assert.match(fileAt(world.repository, "src/cart.js"), /Math\.round/);
  const revoked = await world.as("ada", "runner", "revoke", runner);
  assert.equal(revoked.code, 0, revoked.err);
  await writeFile(gate, "");
  const watched = await world.as("agent", "watch", id);
  assert.equal(watched.code, 1);
  assert.match(watched.out, /indeterminate/);
  await process.says(/was revoked/);
  assert.equal(await process.ended, 1);
  // What it found wrong it would have undone, but not without a grant.
  assert.match(fileAt(world.repository, "src/cart.js"), /Math\.round/);
  const again = await world.at("cellar", "runner", "run");
  assert.equal(again.code, 1);
  assert.match(again.err, /this runner was revoked/);
});

/** A port that was free just now. */
async function freePort(): Promise<number> {
  const server = createServer();
  await once(server.listen(0, "127.0.0.1"), "listening");
  const { port } = server.address() as AddressInfo;
  await once(server.close(), "close");
  return port;
}

test("[RU-8] [D37] a runner that is cut off in the middle of a run is given up after its lease, and undoes nothing by itself", async (t) => {
  const port = await freePort();
  const proxy = await startProxy({ host: "127.0.0.1", port });
  t.after(() => proxy.close());
  const world = await remoteWorld(t, { port, hosts: [`127.0.0.1:${proxy.port}`], limits: { lease_seconds: 2 } });
  const gate = join(world.dir, "gate");
  const slow = `const fs = require("fs"); fs.writeFileSync(${JSON.stringify(`${gate}.reached`)}, ""); const until = () => fs.existsSync(${JSON.stringify(gate)}) ? process.exit(1) : setTimeout(until, 20); until();`;
  const repositories = [{ name: "shop", url: world.repository, environment: "production", verify: { argv: ["node", "-e", slow] } }];
  await world.enrol("cellar", { settings: { repositories, runner: { urls: [`http://127.0.0.1:${proxy.port}`] } } });
  const process = await world.start(t, "cellar");
  const id = await proposed(world, CART);
  assert.equal((await world.as("linus", "approve", id, "--yes")).code, 0);
  await reached(`${gate}.reached`);
  proxy.reset();
  const watched = await world.as("agent", "watch", id);
  assert.equal(watched.code, 1, watched.out);
  assert.match(watched.out, /indeterminate/);
  // What it finds wrong now it may not undo: nobody has permitted it.
  await writeFile(gate, "");
  proxy.heal();
  await process.says(/chg_\w+: stopped/);
  assert.match(fileAt(world.repository, "src/cart.js"), /Math\.round/);
});

/** Settles when a file is there. */
async function reached(path: string): Promise<void> {
  const watching = watch(dirname(path));
  const { promise, resolve } = Promise.withResolvers<void>();
  watching.on("change", () => existsSync(path) && resolve());
  if (!existsSync(path)) await promise;
  watching.close();
}

test("[RU-10] [D32] a runner's folder that was put back from a backup is not worked with, until it is enrolled anew", async (t) => {
  const world = await remoteWorld(t);
  const runner = await world.enrol("cellar");
  const folder = join(world.dir, "cellar", "data", "runner");
  await (await world.start(t, "cellar")).stop();
  await cp(folder, `${folder}.backup`, { recursive: true });
  await (await world.start(t, "cellar")).stop();
  await rm(folder, { recursive: true });
  await cp(`${folder}.backup`, folder, { recursive: true });
  const refused = await world.at("cellar", "runner", "run");
  assert.equal(refused.code, 1);
  assert.match(refused.err, /its folder is an earlier state of it, or a copy/);
  assert.match(refused.err, /revoke it and enrol it anew/);
  const twice = await world.at("cellar", "runner", "enrol", "--url", world.url, "--token", "pawl_enrol_rnr_000000_0");
  assert.match(twice.err, /holds an enrolled runner/);
  const anew = await world.enrol("cellar", { argv: ["--anew"] });
  assert.notEqual(anew, runner);
  await (await world.start(t, "cellar")).stop();
});

test("[RU-15] an enrolment that names other keys than those that came by another way is not taken", async (t) => {
  const world = await remoteWorld(t);
  const trust = JSON.parse(await readFile(join(world.dir, "data", "trust.json"), "utf8")) as { grant_keys: Record<string, string> };
  // As it stands where there are witnesses, too: they are nothing to a runner.
  await writeFile(join(world.dir, "witnessed.json"), JSON.stringify({ ...trust, witness_keys: ["w+1+x"], witness_quorum: 1 }));
  await world.enrol("cellar", { argv: ["--trust", join(world.dir, "witnessed.json")] });
  await writeFile(
    join(world.dir, "other.json"),
    JSON.stringify({ ...trust, grant_keys: { [Object.keys(trust.grant_keys)[0] ?? ""]: Buffer.alloc(32, 1).toString("base64") } }),
  );
  await assert.rejects(world.enrol("attic", { argv: ["--trust", join(world.dir, "other.json")] }), /trust_differs/);
  const started = await world.at("attic", "runner", "run");
  assert.match(started.err, /holds no enrolled runner/);
});

test("[RU-7] a change whose connectors are not all on one runner does not start, and says why", async (t) => {
  const world = await ControlWorld.open();
  const exchange = new Exchange({ clock: world.time, timers: world.deps.timers, nextId: () => "wrk_000001" });
  const connectors = new Connectors(exchange, ["far"]);
  connectors.set("script", world.outside.connector());
  const change = await world.approve(
    (await world.propose({ ...changeOf(set("shop#src/a", "new"), set("shop#src/b", "new")), start: "on-request" })).id,
    "ed",
  );
  const own = { connectors, silenceMillis: 1_000, run: async () => assert.fail("it must not start here") };
  const stored = await world.store.load(`change/${change.id}`);
  const state = stored?.body as unknown as { stepDigests: { connector: string }[] };
  const apart = { ...state, stepDigests: state.stepDigests.map((step, n) => (n === 0 ? step : { ...step, connector: "far" })) };
  const store = {
    ...world.store,
    load: async (stream: string) =>
      stream === `change/${change.id}` && stored ? { ...stored, body: apart as unknown as Json } : world.store.load(stream),
  };
  const report = await dispatchRun({ ...world.deps, store }, exchange, own, idOf(change));
  assert.equal(report.kind === "not_started" && report.error.code, "steps_apart");
  t.diagnostic(JSON.stringify(report));
});

test("[RU-5] what fails its verification elsewhere is undone there, under a grant of its own", async (t) => {
  const world = await remoteWorld(t);
  await world.enrol("cellar");
  const process = await world.start(t, "cellar");
  const before = fileAt(world.repository, "src/cart.js");
  const id = await proposed(world, BROKEN);
  const approved = await world.as("linus", "approve", id, "--yes", "--wait");
  assert.equal(approved.code, 1, approved.err + approved.out);
  assert.match(approved.out, /undone/, process.said());
  assert.equal(fileAt(world.repository, "src/cart.js"), before);
});
