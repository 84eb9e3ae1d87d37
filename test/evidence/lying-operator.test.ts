/** An operator who holds every key writes a log of things that did not happen as told: what does not follow from it is still noticed. */
import assert from "node:assert/strict";
import { before, test } from "node:test";
import { canonical, toHex, utf8, type Json, type JsonObject } from "../../src/core/base/index.ts";
import { approvalOf, evolve, type ChangeEvent, type ChangeState } from "../../src/core/change/index.ts";
import type { EvidenceBundle } from "../../src/core/evidence/index.ts";
import { inclusionProof, signCheckpoint } from "../../src/core/ledger/index.ts";
import { good, ordinary, signIn, worldIdentity } from "../../src/testing/control-world.ts";
import { MemoryLog } from "../../src/testing/ledger.ts";
import { bundleOf, checks, resealed, travelled, trustOf, type BundleWorld } from "./world.ts";

let made: BundleWorld;
let text: string;
before(async () => {
  made = await travelled();
  text = await bundleOf(made);
});

type Lie = (event: JsonObject, stream: string) => JsonObject;

/** The whole log with other events, its proofs made anew and its head signed with the log's own key. */
async function retold(lie: Lie): Promise<string> {
  const rows = await made.world.store.entries(0, 1_000);
  const log = new MemoryLog();
  const texts = withApprovals(rows.map(({ bytes, stream }) => altered(new TextDecoder().decode(bytes), stream, lie)));
  log.append(texts.map(utf8));
  const { size, root } = log;
  const proven = ({ index }: EvidenceBundle["entries"][number]) => ({
    index,
    entry: texts[index] ?? "",
    proof: inclusionProof(index, size, log.readTile).map(toHex),
  });
  return resealed(made, text, (bundle) => {
    bundle.checkpoint = signCheckpoint({ origin: worldIdentity.origin, size, root }, [worldIdentity.signer]);
    bundle.entries = bundle.entries.map(proven);
    bundle.context = bundle.context.map(proven);
  });
}

function altered(entry: string, stream: string, lie: Lie): string {
  const read = JSON.parse(entry) as { event: JsonObject };
  return canonical({ ...read, event: lie(read.event, stream) });
}

/** Who lies about who approved makes the authorisation say the same. */
function withApprovals(texts: readonly string[]): readonly string[] {
  let state: ChangeState | undefined;
  return texts.map((entry) => {
    const read = JSON.parse(entry) as { event: JsonObject; stream: string };
    if (read.stream !== `change/${made.change}`) return entry;
    if (read.event["type"] === "authorised" && state?.status === "awaiting") read.event["approval"] = approvalOf(state, state.stepDigests);
    try {
      state = evolve(state, read.event as unknown as ChangeEvent);
    } catch {
      // It does not follow: that is for the verifier to say.
    }
    return canonical(read);
  });
}

const on =
  (type: string, change: (event: JsonObject) => Readonly<Record<string, Json>>): Lie =>
  (event) =>
    event["type"] === type ? { ...event, ...change(event) } : event;
const vote = (more: Readonly<Record<string, Json>>): Lie =>
  on("voted", ({ vote: told }): Readonly<Record<string, Json>> => {
    const by = told as JsonObject;
    return by["person"] === "bo" ? { vote: { ...by, ...more } } : {};
  });

const DIGEST = `sha256:${"7".repeat(64)}`;
const LIES: Readonly<Record<string, readonly [fault: string, lie: Lie]>> = {
  "somebody without the seat is said to have signed": ["seats", vote({ person: "flo" })],
  "the change's own principal is said to have signed": ["seats", vote({ person: "ada" })],
  "a token of another person is said to have signed": [
    "tokens",
    (event, stream) => (stream.startsWith("token/") && event["principal"] === "human:bo" ? { ...event, principal: "human:hal" } : event),
  ],
  "a vote is said to be for what is under review, and was not": ["votes", vote({ reviewDigest: DIGEST })],
  "fewer people are said to have been asked": ["route", on("routed", (event) => ({ seats: (event["seats"] as Json[]).slice(0, 1) }))],
  "a rule is said to have accepted it": ["route", on("routed", () => ({ outcome: "auto", seats: [] }))],
  "another policy is said to have been in force": [
    "documents",
    (event, stream) => (stream === "config/policy" ? { ...event, digest: DIGEST } : event),
  ],
  "it is said to have begun on another state": ["execution", on("effect_started", () => ({ observed: DIGEST }))],
  "it is said to have been asked by somebody else": [
    "request",
    on("proposed", (event) => ({ parties: { ...(event["parties"] as JsonObject), proposer: "agent:other" } })),
  ],
  "an event in the middle is said to be another": ["lifecycle", on("applied", () => ({ type: "authorised" }))],
  "another payload is said to have been planned": ["lifecycle", on("planned", () => ({ payload: DIGEST }))],
  "what was reviewed is said to be something else": ["lifecycle", on("routed", () => ({ reviewDigest: DIGEST }))],
};

test("[EV-4] [E40] what an operator with every key makes up does not follow from the rest, and the check that finds it is named", async () => {
  assert.deepEqual(
    checks(await retold((event) => event), made.trust).filter(({ holds, name }) => holds === false && name !== "grant"),
    [],
    "the log told as it was, under a head of its own",
  );
  for (const [what, [name, lie]] of Object.entries(LIES)) {
    const found = checks(await retold(lie), made.trust).filter(({ holds }) => holds === false);
    assert.ok(
      found.some((check) => check.name === name),
      `${what}: ${JSON.stringify(found)}`,
    );
  }
});

test("[EV-9] whatever became of a change, its bundle holds: taken back, lost, withdrawn, of Pawl's own rules", async () => {
  const { world } = await travelled();
  const trust = trustOf(world);
  const identities = new Map<string, string>();
  for (const person of ["bo", "di", "ed"]) {
    const { view } = good(await world.control.createToken(world.as("cy"), { principal: `human:${person}` }));
    identities.set(person, `token:${view.id}`);
  }
  const approve = async (change: string, ...people: readonly string[]) => {
    for (const person of people) good(await world.vote(person, change, {}, { identity: identities.get(person) ?? "" }));
    await world.settle();
  };
  world.outside.before = async (operation, target) =>
    operation === "apply" && target === "lost"
      ? { ok: false, error: { code: "lost", message: "no answer", effect: "possible" } }
      : undefined;
  const signed = await world.propose({ ...signIn("two"), start: "on-request" });
  await approve(signed.id, "bo", "di");
  const lost = await world.propose({ title: "lose it", steps: [{ connector: "script", input: { target: "lost", set: "new" } }] });
  await approve(lost.id, "ed");
  const gone = await world.propose(ordinary("three"));
  good(await world.control.withdraw(world.as("ada"), gone.id));
  const policy = new TextDecoder().decode(((await world.store.payload(await policyNow(world))) as { bytes: Uint8Array }).bytes);
  const rules = await world.propose(
    { title: "rename", steps: [{ connector: "pawl", input: { kind: "policy", text: policy.replace("name: world", "name: other") } }] },
    "flo",
  );
  await approve(rules.id, "ed");
  const ends: string[] = [];
  for (const { id } of [signed, lost, gone, rules]) {
    ends.push((await world.view(id)).status);
    const failing = checks(good(await world.control.bundle(world.as("ed"), id)), trust).filter(({ holds }) => holds === false);
    assert.deepEqual(failing, [], id);
  }
  assert.deepEqual(ends, ["awaiting", "indeterminate", "withdrawn", "verified"]);
});

async function policyNow(world: BundleWorld["world"]) {
  const row = await world.store.load("config/policy");
  assert.ok(row !== undefined);
  return (row.body as { digest: never }).digest;
}
