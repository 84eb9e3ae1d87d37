/** The log's key is given up for another: what it signed still verifies, what it signs from then on does not. */
import assert from "node:assert/strict";
import { createPrivateKey, sign } from "node:crypto";
import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { openCheckpoint, parseCheckpoint, parseVkeys, signCheckpoint, type LogKey } from "../../src/core/ledger/index.ts";
import { startPawl } from "../../src/main.ts";
import { CART, GUIDE, world, type PawlWorld } from "../cli/world.ts";

const trusted = (dir: string): { readonly origin: string; readonly keys: readonly LogKey[] } => {
  const { origin, log_keys: lines } = JSON.parse(readFileSync(join(dir, "data", "trust.json"), "utf8")) as {
    origin: string;
    log_keys: string[];
  };
  const keys = parseVkeys(lines);
  assert.ok(keys.ok);
  return { origin, keys: keys.value };
};

const rotated = (pawl: PawlWorld) => pawl.with({}, "keys", "rotate", "--json");

test("[LG-34] [LG-35] [E46] after a rotation the old key signs no new size; what it signed, and bundles from before, still verify", async (t) => {
  const pawl = await world(t);
  const id = await pawl.proposed(CART);
  assert.equal((await pawl.as("linus", "approve", id, "--yes")).code, 0);
  assert.equal((await pawl.as("linus", "watch", id)).code, 0);
  assert.equal((await pawl.as("linus", "bundle", id, "-o", "before.json")).code, 0);
  const running = await rotated(pawl);
  assert.notEqual(running.code, 0, "while Pawl runs, its key stays");
  await pawl.running.close();
  const old = readFileSync(join(pawl.dir, "data", "keys", "log.pem"), "utf8");

  const done = await rotated(pawl);
  assert.equal(done.code, 0, done.err);
  const { entry, from } = JSON.parse(done.out) as { entry: number; from: number };
  assert.equal(from, entry + 2);
  assert.notEqual(readFileSync(join(pawl.dir, "data", "keys", "log.pem"), "utf8"), old);
  assert.equal((await pawl.with({}, "ledger", "fsck")).code, 0);

  const again = await startPawl(pawl.settings, { log: (line) => t.diagnostic(line) });
  assert.ok(again.ok, again.ok ? "" : again.error.message);
  t.after(() => again.value.close());
  const url = again.value.url;
  const as = (name: string, ...argv: string[]) => pawl.with({ env: { PAWL_URL: url } }, ...argv, "--as", name);
  const made = await pawl.with(
    { env: { PAWL_URL: url }, stdin: GUIDE },
    "propose",
    "--as",
    "agent",
    "--title",
    "Later",
    "--repo",
    "shop",
    "--branch",
    "main",
    "--patch",
    "-",
    "--wait",
    "--quiet",
  );
  assert.equal(made.code, 0, made.err);
  assert.equal((await as("linus", "bundle", made.out.trim(), "-o", "after.json")).code, 0);
  for (const file of ["before.json", "after.json"]) {
    const verified = await as("linus", "verify", file);
    assert.equal(verified.code, 0, verified.out + verified.err);
  }
  assert.equal((await as("linus", "verify", id, "--whole")).code, 0);

  const { origin, keys } = trusted(pawl.dir);
  const head = await (await fetch(`${url}/checkpoint`)).text();
  const read = parseCheckpoint(head.slice(0, head.indexOf("\n\n") + 1));
  assert.ok(read.ok && read.value.size >= from);
  assert.ok(openCheckpoint(head, keys, origin).ok);
  const stolen = createPrivateKey(old);
  const former = keys.find(({ untilSize }) => untilSize === from);
  assert.ok(former !== undefined && keys.some(({ fromSize }) => fromSize === from));
  const signer = { name: origin, publicKey: former.publicKey, sign: (message: Uint8Array) => sign(null, message, stolen) };
  const forged = (size: number) => openCheckpoint(signCheckpoint({ origin, size, root: read.value.root }, [signer]), keys, origin);
  for (const size of [from, from + 1, 1_000_000]) {
    const answer = forged(size);
    assert.equal(answer.ok ? "accepted" : answer.error.code, "key_not_valid", String(size));
  }
  assert.ok(forged(from - 1).ok);

  const bundle = readFileSync(join(pawl.dir, "after.json"), "utf8");
  const { checkpoint } = JSON.parse(bundle) as { checkpoint: string };
  const resigned = signCheckpoint({ ...read.value, extensions: [] }, [signer]);
  writeFileSync(join(pawl.dir, "forged.json"), bundle.replace(JSON.stringify(checkpoint), JSON.stringify(resigned)));
  const bad = await as("linus", "verify", "forged.json");
  assert.match(bad.out, /✗ checkpoint +the head is not signed as trusted: size \d+ is not for the key to sign/);
});

test("[LG-35] a rotation that broke off between giving up the old key and placing the new one is noticed, and finished", async (t) => {
  const pawl = await world(t);
  await pawl.running.close();
  const keys = join(pawl.dir, "data", "keys");
  const old = readFileSync(join(keys, "log.pem"), "utf8");
  const done = await rotated(pawl);
  assert.equal(done.code, 0, done.err);
  // As if the power had failed before the last rename.
  renameSync(join(keys, "log.pem"), join(keys, "log.next.pem"));
  writeFileSync(join(keys, "log.pem"), old);
  const started = await startPawl(pawl.settings, { log: () => undefined });
  assert.equal(started.ok ? "started" : started.error.code, "rotation_unfinished");
  const finished = await rotated(pawl);
  assert.deepEqual(JSON.parse(finished.out), JSON.parse(done.out));
  assert.equal(existsSync(join(keys, "log.next.pem")), false);
  const again = await startPawl(pawl.settings, { log: () => undefined });
  assert.ok(again.ok, again.ok ? "" : again.error.message);
  await again.value.close();

  const second = await rotated(pawl);
  assert.equal(second.code, 0, second.err);
  const lines = (JSON.parse(second.out) as { log_keys: string[] }).log_keys.map((line) => line.replace(/^\S+/, ""));
  const first = (JSON.parse(done.out) as { from: number }).from;
  const next = (JSON.parse(second.out) as { from: number }).from;
  assert.deepEqual(lines, [` from=${next}`, ` until=${first}`, ` from=${first} until=${next}`]);
});
