/** An operator who holds every key writes a log of things that did not happen as told: what does not follow from it is still noticed. */
import assert from "node:assert/strict";
import { before, test } from "node:test";
import { canonical, digestJson, digestOf, toHex, utf8, type Digest, type Json, type JsonObject } from "../../src/core/base/index.ts";
import { approvalOf, evolve, type ChangeEvent, type ChangeState } from "../../src/core/change/index.ts";
import { completeness, readEntry, verifyBundle, type EvidenceBundle } from "../../src/core/evidence/index.ts";
import type { Plan } from "../../src/core/plan/index.ts";
import type { Route } from "../../src/core/policy/index.ts";
import { present } from "../../src/core/presentation/index.ts";
import { reviewDigest, type ReviewObject } from "../../src/core/review/index.ts";
import { inclusionProof, signCheckpoint } from "../../src/core/ledger/index.ts";
import { good, ordinary, signIn, worldIdentity } from "../../src/testing/control-world.ts";
import { WORLD_DIRECTORY } from "../../src/testing/world-rules.ts";
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
  "it is said to have begun long after its grant had ended": [
    "execution",
    on("run_started", ({ at }) => ({ at: (at as number) + 30 * 86_400_000 })),
  ],
  "a step is said to have been done that never began": ["execution", on("effect_started", () => ({ type: "stop_requested", by: "di" }))],
  "it is said to be verified, and not all of it was done": ["execution", on("applied", () => ({ type: "stop_requested", by: "di" }))],
  "who voted is said to be known by no token": ["tokens", vote({ identity: "console:bo" })],
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
    const found = checks(await retold(lie), made.trust).filter(({ holds }) => holds !== true);
    assert.ok(
      found.some((check) => check.name === name && (check.holds === false || check.name === "tokens")),
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

test("[EV-4] [E40] a route that asks fewer people than the policy does is found, though every document and digest says the same", async () => {
  const bundle = JSON.parse(text) as EvidenceBundle;
  const events = bundle.entries.map(({ entry }) => (JSON.parse(entry) as { event: JsonObject }).event);
  const routed = events.find(({ type }) => type === "routed") as unknown as { review: ReviewObject; seats: Json[]; reviewDigest: string };
  const document = (digest: string): JsonObject => {
    const found = bundle.payloads.find((each) => each.digest === digest);
    assert.ok(found?.as === "text");
    return JSON.parse(found.text) as JsonObject;
  };
  const { review } = routed;
  const route = { ...document(review.route), seats: routed.seats.slice(0, 1) };
  const plan = document(review.plan) as unknown as Plan;
  const shown = present(plan, route as unknown as Route, { plan: review.plan, state: review.state, route: digestJson(route) });
  const forged = { ...review, route: digestJson(route), presentation: digestJson(shown) };
  const reviewed = reviewDigest(forged);
  const lie: Lie = (event) => {
    if (event["type"] === "routed") return { ...event, review: forged, reviewDigest: reviewed, seats: route.seats };
    if (event["type"] === "authorised") return { ...event, reviewDigest: reviewed };
    const by = event["vote"] as JsonObject | undefined;
    return event["type"] === "voted" && by !== undefined ? { ...event, vote: { ...by, reviewDigest: reviewed } } : event;
  };
  const told = resealed(made, await retold(lie), (b) => {
    const others = b.payloads.filter(({ digest }) => digest !== review.route && digest !== review.presentation);
    const texts = [route, shown as unknown as Json].map((each) => canonical(each));
    const own = texts.map((each) => ({ digest: digestOf(each), as: "text", media_type: "application/json", text: each }) as const);
    b.payloads = [...others, ...own].toSorted((x, y) => (x.digest < y.digest ? -1 : 1));
  });
  const found = checks(told, made.trust).filter(({ holds }) => holds === false);
  assert.match(
    found.find(({ name }) => name === "route")?.text ?? JSON.stringify(found),
    /the policy comes to escalate with 2 seats; the entry says escalate with 1/,
  );
});

test("[EV-12] [E40] a newer directory that the bundle leaves out is found by whoever has all entries", async () => {
  const first = (world: BundleWorld["world"]) =>
    world.put("directory", { ...WORLD_DIRECTORY, groups: WORLD_DIRECTORY.groups.toReversed() });
  const changed = await travelled({}, undefined, first);
  const rows = await changed.world.store.entries(0, 1_000);
  const all = rows.map(({ index, bytes }) => {
    const entry = readEntry({ index, entry: new TextDecoder().decode(bytes) });
    assert.ok(entry !== undefined);
    return entry;
  });
  const whole = async (alter: (bundle: { context: EvidenceBundle["context"]; payloads: EvidenceBundle["payloads"] }) => void) => {
    const { story } = verified(resealed(changed, await bundleOf(changed), alter), changed);
    return completeness(story, all);
  };
  assert.equal((await whole(() => undefined)).holds, true);
  const log = new MemoryLog();
  log.append(rows.map(({ bytes }) => bytes));
  const directories = all.filter(({ stream }) => stream === "config/directory");
  assert.equal(directories.length, 2);
  const [older, newer] = directories;
  const { bytes } = (await changed.world.store.payload(older?.event["digest"] as Digest)) as { bytes: Uint8Array };
  const was = {
    digest: older?.event["digest"] as Digest,
    as: "text",
    media_type: "application/json",
    text: new TextDecoder().decode(bytes),
  } as const;
  const turned = await whole((bundle) => {
    bundle.context = bundle.context
      .map((entry) => {
        if (entry.index !== newer?.index) return entry;
        const index = older?.index ?? 0;
        const told = new TextDecoder().decode(rows[index]?.bytes);
        return { index, entry: told, proof: inclusionProof(index, log.size, log.readTile).map(toHex) };
      })
      .toSorted((a, b) => a.index - b.index);
    bundle.payloads = [...bundle.payloads.filter(({ digest }) => digest !== newer?.event["digest"]), was].toSorted((a, b) =>
      a.digest < b.digest ? -1 : 1,
    );
  });
  assert.deepEqual(
    [turned.holds, /is the directory in force at entry \d+, and is not in it/.test(turned.text)],
    [false, true],
    turned.text,
  );
});

function verified(bundle: string, { trust }: BundleWorld) {
  const read = verifyBundle(Buffer.from(bundle), trust);
  assert.ok(read.ok && read.value.story !== undefined);
  assert.deepEqual(
    read.value.checks.filter(({ holds }) => holds === false),
    [],
    "without all entries nothing is seen",
  );
  return { story: read.value.story };
}
