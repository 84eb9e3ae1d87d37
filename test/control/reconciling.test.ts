/** What a person rests on who says how a run did end: words, and a file beside them. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { digestOf, toBase64, utf8, type Json } from "../../src/core/base/index.ts";
import { ControlWorld, good, ordinary, refusal } from "../../src/testing/control-world.ts";
import { checks, trustOf } from "../evidence/world.ts";

async function lost() {
  const world = await ControlWorld.open();
  world.outside.before = async (operation) =>
    operation === "apply" ? { ok: false, error: { code: "connection_lost", message: "no answer", effect: "possible" } } : undefined;
  const change = await world.propose(ordinary("lost"));
  const ended = await world.approve(change.id, "ed");
  assert.equal(ended.status, "indeterminate");
  return { world, id: change.id, said: { as: "verified", run: ended.run?.id ?? "", evidence: "I looked at the log" } };
}

const LOG = "12:00 applied\n";
const file = (bytes: Uint8Array, name = "apply.log"): Json => ({ name, base64: toBase64(bytes) });

test("[LC-34] a file that a person rests on is in the ledger by its digest, is kept, and goes into the bundle", async () => {
  const { world, id, said } = await lost();
  const answer = good(await world.control.reconcile(world.as("hal"), id, { ...said, file: file(utf8(LOG)) }));
  assert.equal(answer.status, "verified");
  const event = (await world.events(id)).find(({ type }) => type === "reconciled");
  assert.ok(event?.type === "reconciled");
  assert.equal(event.file, digestOf(LOG));
  const words = await world.store.payload(event.evidence);
  assert.ok(words !== undefined && words !== "erased");
  const told = JSON.parse(new TextDecoder().decode(words.bytes)) as Record<string, unknown>;
  assert.deepEqual([told["words"], told["file"]], [said.evidence, { name: "apply.log", bytes: LOG.length, digest: digestOf(LOG) }]);
  const bundle = good(await world.control.bundle(world.as("ed"), id));
  assert.ok(bundle.includes("12:00 applied"));
  assert.equal(checks(bundle, trustOf(world)).find(({ name }) => name === "documents")?.holds, true);
});

test("[LC-34] a file is of 1 byte to 1 MiB, is read strictly, and holds no secret; what is refused is kept nowhere", async () => {
  const { world, id, said } = await lost();
  const before = await world.store.head();
  for (const bad of [
    file(new Uint8Array()),
    file(new Uint8Array(1024 * 1024 + 1)),
    file(utf8(LOG), ""),
    file(utf8(LOG), "x".repeat(201)),
    { name: "a", base64: "no base64!" },
    { name: "a" },
    { ...(file(utf8(LOG)) as object), more: 1 },
    "apply.log",
    null,
  ])
    assert.equal(refusal(await world.control.reconcile(world.as("hal"), id, { ...said, file: bad })).reason, "invalid");
  const secret = await world.control.reconcile(world.as("hal"), id, { ...said, file: file(utf8("password hunter2")) });
  assert.equal(refusal(secret).reason, "secret_in_words");
  assert.equal((await world.store.head()).size, before.size);
  assert.equal(await world.store.payload(digestOf("password hunter2")), undefined);
  good(await world.control.reconcile(world.as("hal"), id, { ...said, file: file(new Uint8Array(1024 * 1024).fill(255)) }));
});
