/** Starting and stopping a whole Pawl on a folder. */
import assert from "node:assert/strict";
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { loadSettings, type Settings } from "../../src/cli/settings.ts";
import { openKeys } from "../../src/keys.ts";
import { lockFolder } from "../../src/lock.ts";
import { startPawl } from "../../src/main.ts";
import { openStoreFor } from "../../src/on-disk.ts";
import { canonical } from "../../src/core/base/index.ts";
import { WORLD_DIRECTORY } from "../../src/testing/control-world.ts";
import { folder } from "./stores.ts";

const quiet = { log: () => undefined };

function settingsIn(path: string, more: object = {}): Settings {
  writeFileSync(join(path, "pawl.yaml"), JSON.stringify({ data_dir: join(path, "data"), listen: { port: 0 }, ...more }));
  const loaded = loadSettings({ cwd: path, env: {}, config: join(path, "pawl.yaml") });
  assert.ok(loaded.ok, JSON.stringify(loaded));
  return loaded.value.settings;
}

async function started(t: TestContext, settings: Settings) {
  const pawl = await startPawl(settings, quiet);
  assert.ok(pawl.ok, JSON.stringify(pawl));
  t.after(() => pawl.value.close());
  return pawl.value;
}

test("[CO-42] a folder is served by one process at a time, and is free again when that has ended", async (t) => {
  const settings = settingsIn(folder(t));
  const first = await started(t, settings);
  const second = await startPawl(settings, quiet);
  assert.deepEqual([second.ok, !second.ok && second.error.code], [false, "folder_in_use"]);
  assert.equal((await fetch(`${first.url}/v1/health`)).status, 200);
  await first.close();
  const third = await started(t, settings);
  assert.equal(third.firstStart, undefined);
  await third.close();
  const lock = lockFolder(settings.dataDir);
  assert.ok(lock.ok && !lockFolder(settings.dataDir).ok);
  lock.value();
});

test("[CO-42] a start that fails leaves nothing open", async (t) => {
  const path = folder(t);
  const other = createServer().listen(0, "127.0.0.1");
  t.after(() => other.close());
  await new Promise((resolve) => other.once("listening", resolve));
  const { port } = other.address() as AddressInfo;
  await assert.rejects(startPawl(settingsIn(path, { listen: { port } }), quiet), { code: "EADDRINUSE" });
  const repositories = [
    { name: "shop", url: "relative/../path", environment: "production" },
    { name: "shop", url: "/nowhere", environment: "production" },
  ];
  const unfit = await startPawl({ ...settingsIn(path), repositories }, quiet);
  assert.deepEqual([unfit.ok, !unfit.ok && unfit.error.code], [false, "repositories_invalid"]);
  const pawl = await started(t, settingsIn(path));
  assert.equal((await fetch(`${pawl.url}/v1/health`)).status, 200);
});

test("[CO-43] the first start makes keys, rules, tokens and a sample; later ones keep them", async (t) => {
  const settings = settingsIn(folder(t));
  const first = await started(t, settings);
  assert.ok(first.firstStart !== undefined);
  const { person, agent, sampleRepository } = first.firstStart;
  assert.ok(agent !== undefined && sampleRepository !== undefined && existsSync(sampleRepository));
  const authorization = `Bearer ${person.token}`;
  assert.equal((await fetch(`${first.url}/v1/whoami`, { headers: { authorization } })).status, 200);
  assert.equal(readFileSync(join(settings.dataDir, "tokens", person.id), "utf8"), person.token);
  const keys = readdirSync(join(settings.dataDir, "keys")).toSorted();
  assert.deepEqual(keys, ["grant.pem", "log.pem", "origin", "runner", "runner.pem", "secret.hex"]);
  for (const key of keys) assert.equal(statSync(join(settings.dataDir, "keys", key)).mode & 0o077, 0);
  const before = keys.map((key) => readFileSync(join(settings.dataDir, "keys", key), "utf8"));
  await first.close();
  const second = await started(t, settings);
  assert.equal(second.firstStart, undefined);
  assert.deepEqual(
    keys.map((key) => readFileSync(join(settings.dataDir, "keys", key), "utf8")),
    before,
  );
  assert.equal((await fetch(`${second.url}/v1/whoami`, { headers: { authorization } })).status, 200);
});

test("[CO-43] a first start that broke off before its tokens is a first start still", async (t) => {
  const settings = settingsIn(folder(t));
  mkdirSync(join(settings.dataDir, "sample", "half"), { recursive: true });
  const opened = await openStoreFor(settings);
  assert.ok(opened.ok);
  await opened.value.close();
  const pawl = await started(t, settings);
  assert.ok(pawl.firstStart?.agent !== undefined);
  assert.ok(!existsSync(join(settings.dataDir, "sample", "half")));
});

test("[CO-43] rules that are not valid are refused before anything comes into force, with every fault", async (t) => {
  const path = folder(t);
  const seeds = { policy: join(path, "policy.yaml"), directory: join(path, "directory.json") };
  writeFileSync(seeds.policy, "pawl: policy/v1\nname: x\nrules: [{ id: a, outcome: maybe, when: 7 }]\n");
  writeFileSync(seeds.directory, canonical(WORLD_DIRECTORY));
  const policy = await startPawl(settingsIn(path, { seeds }), quiet);
  assert.ok(!policy.ok && policy.error.code === "policy_invalid" && policy.error.where === seeds.policy);
  writeFileSync(seeds.policy, readFileSync(new URL("../../examples/policy/default.yaml", import.meta.url)));
  writeFileSync(seeds.directory, '{"persons": []}');
  const directory = await startPawl(settingsIn(path, { seeds }), quiet);
  assert.ok(!directory.ok && directory.error.code === "directory_invalid");
  writeFileSync(seeds.directory, canonical({ ...WORLD_DIRECTORY, persons: WORLD_DIRECTORY.persons.map((p) => ({ ...p, roles: [] })) }));
  const admin = await startPawl(settingsIn(path, { seeds }), quiet);
  assert.ok(!admin.ok && admin.error.code === "no_admin");
  writeFileSync(seeds.directory, canonical(WORLD_DIRECTORY));
  const pawl = await started(t, settingsIn(path, { seeds }));
  assert.deepEqual([pawl.firstStart?.person.id, pawl.firstStart?.agent], ["cy", undefined]);
});

test("[CO-43] keys are made once, whole, whoever makes them; an origin that was given is kept", async (t) => {
  const path = folder(t);
  let made = 0;
  const random = (bytes: number): Uint8Array => new Uint8Array(bytes).fill((made += 1));
  const first = openKeys(path, undefined, random);
  const second = openKeys(path, undefined, random);
  assert.ok(first.ok && second.ok);
  assert.deepEqual(
    [second.value.origin, second.value.runner, second.value.secret],
    [first.value.origin, first.value.runner, first.value.secret],
  );
  assert.deepEqual(second.value.log.publicKey, first.value.log.publicKey);
  const moved = openKeys(path, "elsewhere.example/log", random);
  assert.ok(!moved.ok && moved.error.code === "origin_moved");
});
