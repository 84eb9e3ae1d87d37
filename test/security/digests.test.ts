/** What digests tell of what they stand for: nothing to whoever has no key, and still all that a proof needs. */
import assert from "node:assert/strict";
import { createHash, createHmac } from "node:crypto";
import { test } from "node:test";
import { canonical, digestOf, type Digest, type Json } from "../../src/core/base/index.ts";
import { secretDigest } from "../../src/core/plan/index.ts";
import { leafHash, openCheckpoint, parseVkey, verifyInclusion } from "../../src/core/ledger/index.ts";
import { fsck } from "../../src/store/index.ts";
import { refold } from "../../src/control/index.ts";
import { ControlWorld, good, ordinary } from "../../src/testing/control-world.ts";

const hex = (algorithm: string, text: string): string => createHash(algorithm).update(text).digest("hex");

/** Everything that leaves the process or is stored, as one text. */
async function published(world: ControlWorld, ...changes: readonly string[]): Promise<string> {
  const entries = (await world.store.entries(0, 1_000)).map(({ bytes }) => new TextDecoder().decode(bytes));
  const rows = await world.store.list({ prefix: "", limit: 200 });
  const views = await Promise.all(changes.map(async (id) => [await world.view(id), await world.control.plan(world.as("hal"), id)]));
  return [...entries, JSON.stringify(rows), JSON.stringify(views)].join("\n");
}

test("[K79] [PL-27] a secret of four digits cannot be found out by trying them all without the key", async () => {
  const world = await ControlWorld.open();
  const script = world.deps.connectors.get("script");
  assert.ok(script !== undefined);
  // The step says what the secret is replaced by, so that all that is made of it is published.
  const telling = { ...script, admit: (input: Json) => script.admit({ target: "shop#src/cart", set: canonical(input) }) };
  Object.assign(world.deps, { connectors: new Map([["script", telling]]) });
  const secret = "7291";
  const step = { connector: "script", input: { pin: { $secret: secret } } };
  const change = await world.propose({ title: "Set a pin", steps: [step] }, "agent:bot", "key-of-it");
  const text = await published(world, change.id);
  assert.ok(
    text.includes(secretDigest(world.deps.secretKey, secret).slice("hmac-sha256:".length)),
    "its keyed digest is there to be attacked",
  );
  const wrongKey = new Uint8Array(32);
  for (let n = 0; n < 10_000; n++) {
    const guess = String(n).padStart(4, "0");
    const forms = [
      guess,
      JSON.stringify(guess),
      canonical({ $secret: guess }),
      canonical({ pin: { $secret: guess } }),
      canonical(step.input),
    ];
    const digests = [
      ...forms.map((form) => hex("sha256", form)),
      hex("md5", guess),
      hex("sha1", guess),
      digestOf(`pawl/secret/v1\n${guess}`).slice("sha256:".length),
      secretDigest(wrongKey, guess).slice("hmac-sha256:".length),
      createHmac("sha256", world.deps.origin).update(`pawl/secret/v1\n${guess}`).digest("hex"),
    ];
    for (const digest of digests) assert.ok(!text.includes(digest), `${guess} gives itself away`);
  }
  await world.close();
});

test("[K79] short words that people wrote cannot be guessed from the ledger", async () => {
  const world = await ControlWorld.open();
  const change = await world.propose(ordinary());
  const words = ["no", "yes", "ok", "lgtm", "not today"];
  good(await world.vote("di", change.id, { comment: "lgtm" }));
  await world.settle();
  const entries = (await world.store.entries(0, 1_000)).map(({ bytes }) => new TextDecoder().decode(bytes)).join("\n");
  assert.match(entries, /"comment":"sha256:/);
  for (const word of words)
    for (const form of [word, JSON.stringify(word), canonical({ words: word }), canonical({ salt: "", words: word })])
      assert.ok(!entries.includes(hex("sha256", form)), form);
  await world.close();
});

test("[K81] when payloads are erased, log, proofs and states still verify, and what is gone is said to be gone", async () => {
  const world = await ControlWorld.open();
  const change = await world.propose(ordinary());
  await world.approve(change.id, "di");
  const ended = await world.reaches(change.id, "verified");
  const entries = await world.store.entries(0, 1_000);
  const text = entries.map(({ bytes }) => new TextDecoder().decode(bytes)).join("\n");
  const digests = [...new Set(text.match(/sha256:[0-9a-f]{64}/g))] as Digest[];
  const before = await world.store.head();
  let erased = 0;
  for (const digest of digests) if (await world.store.erase(digest)) erased += 1;
  assert.ok(erased >= 5, `${erased} payloads were erased`);
  const report = await fsck(world.store, { refold });
  assert.deepEqual({ ok: report.ok, faults: report.faults }, { ok: true, faults: [] });
  const key = parseVkey(world.deps.logKeys[0] ?? "");
  assert.ok(key.ok);
  const head = openCheckpoint(before.checkpoint, [key.value], world.deps.origin);
  assert.ok(head.ok);
  const { ledger } = world.control;
  const { size, root } = head.value;
  for (const { index, bytes } of entries) {
    const { proof } = good(await ledger.inclusion(index, size));
    const nodes = proof.map((node) => Buffer.from(node, "hex"));
    assert.ok(verifyInclusion({ leafHash: leafHash(bytes), index, size, root, proof: nodes }).ok, `entry ${index}`);
  }
  const plan = await world.control.plan(world.as("hal"), ended.id);
  assert.equal(plan.ok ? "" : plan.error.reason, "erased");
  assert.equal((await world.events(ended.id)).at(-1)?.type, "verified");
  await world.close();
});
