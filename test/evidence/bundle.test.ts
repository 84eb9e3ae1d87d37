/** A bundle holds on a machine that has only the keys; whatever is altered in it, by whomever, is noticed. */
import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import { canonical, digestOf, toBase64, utf8, type Digest, type JsonObject } from "../../src/core/base/index.ts";
import { verifyBundle, type EvidenceBundle, type EvidencePayload } from "../../src/core/evidence/index.ts";
import { sealEvidence, type RunEvidence } from "../../src/core/grant/index.ts";
import { cosignature, parseWitnessKey, witnessKey, type Vkey } from "../../src/core/ledger/index.ts";
import { good, ordinary, refusal, signIn, WORLD_POLICY } from "../../src/testing/control-world.ts";
import { Dice } from "../../src/testing/dice.ts";
import { testSigner } from "../../src/testing/ledger.ts";
import { bundleOf, checks, fault, resealed, travelled, trustOf, type BundleWorld } from "./world.ts";

type Loose = { -readonly [K in keyof EvidenceBundle]: EvidenceBundle[K] };

let made: BundleWorld;
let text: string;
before(async () => {
  made = await travelled();
  text = await bundleOf(made);
});

const named = (all: ReturnType<typeof checks>, name: string) => all.find((check) => check.name === name);

test("[EV-1] [EV-5] every check of a bundle holds, and what none can show is said", () => {
  const all = checks(text, made.trust);
  assert.deepEqual(
    all.filter(({ holds }) => holds === false),
    [],
  );
  const open = all.filter(({ holds }) => holds === undefined).map(({ name }) => name);
  assert.deepEqual(open, ["witnesses", "signatures", "reports", "whole log"]);
  for (const name of [
    "seal",
    "inclusion",
    "chain",
    "lifecycle",
    "documents",
    "request",
    "plan",
    "policy",
    "route",
    "shown",
    "review",
    "votes",
    "tokens",
    "seats",
    "grant",
    "execution",
    "end",
  ])
    assert.equal(named(all, name)?.holds, true, name);
  assert.match(named(all, "signatures")?.text ?? "", /2 votes given in a session: .* no signature of the person's own/);
});

test("[EV-2] the same bundle is the same bytes, whoever exports it, until the log grows", async () => {
  assert.equal(await bundleOf(made), text);
  assert.equal(text, canonical(JSON.parse(text)));
});

/** Every byte but most of those inside of digests and longer texts, of which one in so many is taken. */
function* positions(dice: Dice): Generator<number> {
  const SPARSE = 61;
  let long = 0;
  for (const [string] of text.matchAll(/"(?:[^"\\]|\\.)*"|[^"]+/g)) {
    const until = long + Buffer.byteLength(string);
    const every = until - long > 60 ? SPARSE : 1;
    for (let at = long; at < until; at++) if (every === 1 || at - long < 2 || until - at < 3 || dice.below(every) === 0) yield at;
    long = until;
  }
}

test("[EV-3] [E43] any byte altered is noticed: every byte of the structure, and a seeded sample of digests and long texts", () => {
  const bytes = Buffer.from(text);
  const dice = new Dice(20_269);
  for (const at of positions(dice)) {
    const altered = Buffer.from(bytes);
    altered[at] = (altered[at] ?? 0) ^ (1 << dice.below(8));
    assert.notEqual(fault(altered, made.trust), "", `byte ${at}`);
  }
});

test("[EV-3] a bundle that is cut off, added to, spelled otherwise or of another form is none", () => {
  const bytes = Buffer.from(text);
  const spelled = [
    text.slice(0, -1),
    `${text}\n`,
    ` ${text}`,
    JSON.stringify(JSON.parse(text), null, 1),
    text.replace('{"assertions":[]', '{"assertions":[],"assertions":[]'),
    text.replace('{"assertions":[]', '{"assertions":[],"more":1'),
    text.replace('"assertions":[],', ""),
    "{}",
    "[]",
    "",
    "null",
  ];
  for (const each of spelled) assert.equal(fault(each, made.trust), "form", each.slice(0, 40));
  assert.equal(fault(new Uint8Array([0xff, ...bytes]), made.trust), "form");
});

const otherEntry = (bundle: Loose, at: number, more: Partial<EvidenceBundle["entries"][number]>): void => {
  bundle.entries = bundle.entries.map((each, n) => (n === at ? { ...each, ...more } : each));
};
const first = (bundle: Loose) => bundle.entries[0] as EvidenceBundle["entries"][number];

/** By somebody who holds the key that exports, but not that of the log. */
const FORGERIES: Readonly<Record<string, readonly [fault: string, alter: (bundle: Loose) => void]>> = {
  "an entry says otherwise": ["inclusion", (b) => otherEntry(b, 3, { entry: first(b).entry.replace(/"at":\d/, '"at":9') })],
  "an entry stands at another index": ["inclusion", (b) => otherEntry(b, 0, { index: first(b).index + 1 })],
  "an entry of another place is shown with its own proof": [
    "chain",
    (b) => (b.entries = [...b.entries.slice(0, 3), ...b.entries.slice(4)]),
  ],
  "the order is another": ["chain", (b) => (b.entries = b.entries.toReversed())],
  "an entry is shown twice": ["chain", (b) => (b.entries = [first(b), ...b.entries])],
  "no entry is shown": ["chain", (b) => (b.entries = [])],
  "another's entry is passed for the change's": ["chain", (b) => (b.entries = [...b.entries, b.context[0] as never])],
  "rules and people are shown in another order": ["chain", (b) => (b.context = b.context.toReversed())],
  "rules are shown twice": ["chain", (b) => (b.context = [b.context[0] as never, ...b.context])],
  "it is told of another change": ["chain", (b) => (b.change = b.change.replace(/.$/, "z") as never)],
  "it is told of another log": ["origin", (b) => (b.origin = "pawl.test/other")],
  "the head has another size": ["checkpoint", (b) => (b.checkpoint = b.checkpoint.replace(/\n\d+\n/, "\n99\n"))],
  "a document says otherwise": [
    "documents",
    (b) => (b.payloads = b.payloads.map((p) => (p.as === "text" ? { ...p, text: p.text.replace("e", "f") } : p))),
  ],
  "a document is missing": ["documents", (b) => (b.payloads = b.payloads.slice(1))],
  "a document that no entry names is added": [
    "documents",
    (b) => (b.payloads = [...b.payloads, ofText("zzz")].toSorted((x, y) => (x.digest < y.digest ? -1 : 1))),
  ],
  "a document stands twice": ["documents", (b) => (b.payloads = [b.payloads[0] as EvidencePayload, ...b.payloads])],
  "the directory's entry is left out": ["documents", (b) => (b.context = b.context.slice(2))],
  "the tokens are left out": ["tokens", (b) => (b.context = b.context.slice(0, 2))],
  "the grant is missing": ["grant", (b) => (b.grant = null)],
  "the grant is altered": ["grant", (b) => (b.grant = { ...(b.grant as NonNullable<Loose["grant"]>), payload: toBase64(utf8("{}")) })],
};

function ofText(words: string): EvidencePayload {
  return { digest: digestOf(words), as: "text", media_type: "text/plain", text: words };
}

test("[EV-4] [E40] what the key of the exporter can forge, the log's key and the digests refuse", () => {
  for (const [what, [name, alter]] of Object.entries(FORGERIES)) {
    const forged = resealed(made, text, alter);
    assert.equal(fault(forged, made.trust), name, what);
  }
});

test("[EV-4] [E43] every node of every proof, and every byte of every entry, is held to the signed root", () => {
  const bundle = JSON.parse(text) as EvidenceBundle;
  for (const list of ["entries", "context"] as const) {
    for (const [n, entry] of bundle[list].entries()) {
      const put = (more: Partial<typeof entry>): string =>
        resealed(made, text, (b) => (b[list] = b[list].map((each, at) => (at === n ? { ...each, ...more } : each))));
      for (const [i, node] of entry.proof.entries()) {
        const other = `${node.slice(0, 10)}${node[10] === "0" ? "1" : "0"}${node.slice(11)}`;
        assert.equal(fault(put({ proof: entry.proof.with(i, other) }), made.trust), "inclusion");
      }
      for (const proof of [entry.proof.slice(1), [...entry.proof, "0".repeat(64)], []])
        assert.equal(fault(put({ proof }), made.trust), "inclusion");
      for (let at = 1; at < entry.entry.length; at += 37)
        assert.equal(fault(put({ entry: `${entry.entry.slice(0, at)}~${entry.entry.slice(at + 1)}` }), made.trust), "inclusion");
    }
  }
});

test("[EV-4] a flipped byte that is sealed again is noticed wherever it proves something", () => {
  const dice = new Dice(7_295);
  const { payloads, entries, context, checkpoint } = JSON.parse(text) as EvidenceBundle;
  const parts = [
    ...payloads.flatMap((p) => (p.as === "text" ? [p.text] : [])),
    ...[...entries, ...context].map(({ entry }) => entry),
    checkpoint,
  ];
  for (const part of parts) {
    for (let n = 0; n < 12; n++) {
      const at = dice.below(part.length);
      const other = `${part.slice(0, at)}${part[at] === "q" ? "r" : "q"}${part.slice(at + 1)}`;
      const altered = resealed(made, text, (b) =>
        Object.assign(b, JSON.parse(JSON.stringify(b).replace(JSON.stringify(part), () => JSON.stringify(other)))),
      );
      assert.notEqual(fault(altered, made.trust), "", `${part.slice(0, 60)} at ${at}`);
    }
  }
});

describe("[EV-6] keys", () => {
  test("without grant keys nothing of the grant or the seal is claimed", () => {
    const all = checks(text, { ...made.trust, grantKeys: new Map() });
    assert.deepEqual([named(all, "seal")?.holds, named(all, "grant")?.holds], [undefined, undefined]);
    assert.equal(
      all.some(({ holds }) => holds === false),
      false,
    );
  });

  test("a stranger's keys prove nothing: the log's, the grant's", () => {
    const stranger = testSigner(made.trust.origin, 99);
    const [own] = made.trust.logKeys;
    assert.equal(fault(text, { ...made.trust, logKeys: [{ ...(own as Vkey), publicKey: stranger.publicKey }] }), "checkpoint");
    assert.equal(fault(text, { ...made.trust, grantKeys: new Map([[`${made.trust.origin}/grants`, stranger.publicKey]]) }), "seal");
  });
});

describe("[EV-7] witnesses", () => {
  const signers = [1, 2, 3].map((n) => testSigner(`witness.example/${n}`, 40 + n));
  const keys = signers.map(({ name, publicKey }) => {
    const key = parseWitnessKey(witnessKey(name, publicKey));
    assert.ok(key.ok);
    return key.value;
  });

  test("as many as the verifier asks for must have cosigned; the newest head that most have is shown", async () => {
    const { checkpoint } = await made.world.store.head();
    const notes = signers.slice(0, 2).map((signer) => `${checkpoint}${cosignature(checkpoint, signer, 1_800_000_000)}`);
    Object.assign(made.world.deps, { cosigned: () => notes });
    const cosigned = await bundleOf(made);
    Object.assign(made.world.deps, { cosigned: undefined });
    const asking = (quorum: number) => checks(cosigned, { ...made.trust, witnesses: keys, quorum });
    for (const [quorum, holds] of [
      [0, true],
      [2, true],
      [3, false],
    ] as const)
      assert.equal(named(asking(quorum), "witnesses")?.holds, holds, String(quorum));
    assert.match(
      named(asking(2), "witnesses")?.text ?? "",
      /^2 of 3 trusted witnesses have cosigned: witness\.example\/1, witness\.example\/2$/,
    );
    assert.equal(fault(text, { ...made.trust, witnesses: keys, quorum: 1 }), "witnesses");
  });

  test("[E41] a cosignature under a trusted name that is of another head fails the bundle", async () => {
    const { checkpoint } = await made.world.store.head();
    const other = checkpoint.replace(/\n\d+\n/, "\n3\n");
    const line = cosignature(other, signers[0] as (typeof signers)[0], 1_800_000_000);
    const forged = resealed(made, text, (b) => (b.checkpoint = `${b.checkpoint}${line}`));
    assert.equal(fault(forged, { ...made.trust, witnesses: keys, quorum: 0 }), "witnesses");
  });
});

test("[EV-8] [K81] what was erased is named as erased, and everything else still holds", async () => {
  const world = await travelled();
  const whole = JSON.parse(await bundleOf(world)) as EvidenceBundle;
  const events = whole.entries.map(({ entry }) => (JSON.parse(entry) as { event: JsonObject }).event);
  const [proposed] = events;
  const planned = events.find(({ type }) => type === "planned") as { object?: { plan: Digest } } | undefined;
  const erased = [proposed?.["proposal"] as Digest, planned?.object?.plan as Digest];
  for (const digest of erased) assert.equal(await world.world.store.erase(digest), true);
  const bundle = await bundleOf(world);
  const all = checks(bundle, world.trust);
  assert.deepEqual(
    all.filter(({ holds }) => holds === false),
    [],
  );
  for (const name of ["inclusion", "chain", "votes", "seats", "grant", "execution"]) assert.equal(named(all, name)?.holds, true, name);
  for (const digest of erased) assert.ok(named(all, "documents")?.text.includes(`${digest} was erased`));
  assert.match(named(all, "request")?.text ?? "", /what was proposed was erased/);
  assert.equal(named(all, "plan")?.holds, undefined);
});

test("[EV-9] a change that has not ended is shown as far as it is, and that more may follow is said", async () => {
  const { world } = await travelled();
  const { id } = await world.propose(ordinary("another"));
  const bundle = good(await world.control.bundle(world.as("ed"), id));
  const all = checks(bundle, trustOf(world));
  assert.deepEqual(
    all.filter(({ holds }) => holds === false),
    [],
  );
  assert.match(named(all, "end")?.text ?? "", /awaiting is no end: later events than entry \d+ may exist and are not shown/);
  assert.equal(named(all, "grant"), undefined);
});

test("[EV-9] a change that was stale, planned again and signed again, one that was sent back, and one that a rule accepted", async () => {
  const { world } = await travelled();
  const trust = trustOf(world);
  const { id } = await world.propose(signIn("other"));
  good(await world.control.replan(world.as("hal"), id));
  good(await world.control.sendBack(world.as("di"), id, { reason: "say why" }));
  const bundle = good(await world.control.bundle(world.as("ed"), id));
  const failing = checks(bundle, trust).filter(({ holds }) => holds === false);
  assert.deepEqual(failing, []);
});

test("[EV-9] broken glass is told as what it is, and that somebody else must still look at it", async () => {
  const { world } = await travelled();
  const glass = "break_glass: { name: incident, who: [{ group: admins }], second: { within: 24h, who: [{ group: security }] } }\n";
  await world.put("policy", `${WORLD_POLICY}${glass}`);
  const { id, review_digest } = await world.propose(signIn("mended"));
  const { view } = good(await world.control.createToken(world.as("cy"), { principal: "human:cy" }));
  const caller = world.as("cy", { identity: `token:${view.id}` });
  good(await world.control.glass.break(caller, id, { reason: "the shop is down", review_digest: review_digest ?? "" }));
  await world.settle();
  const all = checks(good(await world.control.bundle(world.as("ed"), id)), trustOf(world));
  assert.deepEqual(
    all.filter(({ holds }) => holds === false),
    [],
  );
  assert.match(named(all, "route")?.text ?? "", /the glass was broken: one person decided in an emergency/);
  assert.match(named(all, "end")?.text ?? "", /verified is an end, and a review of the broken glass is owed/);
});

test("[EV-10] a bundle of a change that nobody knows is refused as any other question about it", async () => {
  const { world } = made;
  assert.equal(refusal(await world.control.bundle(world.as("ed"), "chg_nobodyknows1")).reason, "unknown_change");
});

test("[EV-4] a token of somebody else's, or one that was revoked before the vote, fails the bundle", async () => {
  const world = await travelled();
  const bundle = await bundleOf(world);
  const bundleTokens = resealed(
    world,
    bundle,
    (b) => (b.context = b.context.filter(({ entry }) => !entry.includes('"principal":"human:bo"'))),
  );
  assert.equal(fault(bundleTokens, world.trust), "tokens");
  const verified = verifyBundle(Buffer.from(bundle), world.trust);
  assert.ok(verified.ok);
});

describe("[EV-14] what a runner signed", () => {
  const runner = testSigner("rnr_world0001", 77);
  const trusting = (trust: BundleWorld["trust"], publicKey = runner.publicKey) => ({
    ...trust,
    runnerKeys: new Map([[runner.name, publicKey]]),
  });

  test("counts by a trusted key, about this run and these facts; without a key it is open, by another it fails", async () => {
    const world = await travelled({}, (body) => sealEvidence(body, runner));
    const bundle = await bundleOf(world);
    const of = (trust: BundleWorld["trust"]) => named(checks(bundle, trust), "evidence");
    assert.equal(of(trusting(world.trust))?.holds, true);
    assert.match(of(trusting(world.trust))?.text ?? "", /^\d statements about this run and these facts, signed by rnr_world0001$/);
    assert.equal(of(world.trust)?.holds, undefined);
    assert.equal(of(trusting(world.trust, testSigner("x", 78).publicKey))?.holds, false);
  });

  test("counts by the key that the log enrolled, where the verifier brings none, and that is said", async () => {
    const enrol = (key: Uint8Array) => async (world: BundleWorld["world"]) => {
      const event = { type: "runner_enrolled", runner: runner.name, key: toBase64(key), at: world.time.now() };
      assert.ok((await world.store.append({ writes: [{ stream: `runner/${runner.name}`, expected: "any", events: [event] }] })).ok);
    };
    const told = async (key: Uint8Array) => {
      const world = await travelled({}, (body) => sealEvidence(body, runner), enrol(key));
      return named(checks(await bundleOf(world), world.trust), "evidence");
    };
    const enrolled = await told(runner.publicKey);
    assert.equal(enrolled?.holds, true);
    assert.match(enrolled?.text ?? "", /signed by rnr_world0001, by the key that the log enrolled$/);
    assert.equal((await told(testSigner("x", 78).publicKey))?.holds, false);
  });

  test("by another runner's key it fails, though that runner is trusted too", async () => {
    const other = testSigner("rnr_other00001", 79);
    const world = await travelled({}, (body) => sealEvidence(body, other));
    const runnerKeys = new Map([runner, other].map(({ name, publicKey }) => [name, publicKey]));
    assert.equal(named(checks(await bundleOf(world), { ...world.trust, runnerKeys }), "evidence")?.holds, false);
  });

  test("what is named as erased takes nothing from what is here", async () => {
    const world = await travelled({}, (body) => sealEvidence(body.kind === "observed" ? body : { ...body, kind: "failed" }, runner));
    const bundle = await bundleOf(world);
    const { entries } = JSON.parse(bundle) as EvidenceBundle;
    const seen = entries
      .map(({ entry }) => (JSON.parse(entry) as { event: JsonObject }).event)
      .find(({ type }) => type === "effect_started");
    const hidden = resealed(world, bundle, (b) => {
      b.payloads = b.payloads.map((each) => (each.digest === seen?.["evidence"] ? { digest: each.digest, as: "erased" } : each));
    });
    assert.equal(named(checks(hidden, trusting(world.trust)), "evidence")?.holds, false);
  });

  test("about another run, deployment or change, or other facts, it fails", async () => {
    const lies: readonly Partial<RunEvidence>[] = [
      { run: "run_another00001" as RunEvidence["run"] },
      { deployment: "pawl.test/other" },
      { change: "chg_another00001" as RunEvidence["change"] },
      { runner: "rnr_another00001" as RunEvidence["runner"] },
      { facts: digestOf("other") },
      // What it said of one event is not what it says of another: a failure is no success.
      { kind: "verified" },
      { kind: "failed" },
      { step: "another" },
      { payload: digestOf("other") },
    ];
    for (const lie of lies) {
      const world = await travelled({}, (body) => sealEvidence({ ...body, ...lie }, runner));
      assert.equal(named(checks(await bundleOf(world), trusting(world.trust)), "evidence")?.holds, false, JSON.stringify(lie));
    }
  });
});
