import assert from "node:assert/strict";
import { test } from "node:test";
import type { Json, JsonObject } from "../../src/core/base/index.ts";
import { changeOf, ControlWorld, docs, good, ordinary, refusal, set, signIn } from "../../src/testing/control-world.ts";

test("[D34] [CO-7] the same key and body give the same change again, also after the reply was lost, and nothing is written", async () => {
  const world = await ControlWorld.open();
  const first = await world.propose(ordinary(), "agent:bot", "key-1");
  const { size } = await world.store.head();
  const again = good(await world.control.propose(world.as("agent:bot"), ordinary(), "key-1"));
  assert.equal(again.id, first.id);
  assert.equal(again.status, "awaiting");
  assert.equal((await world.store.head()).size, size);
  await world.approve(first.id, "ed");
  const done = good(await world.control.propose(world.as("agent:bot"), ordinary(), "key-1"));
  assert.deepEqual([done.id, done.status], [first.id, "verified"]);
  assert.deepEqual(world.outside.writes, ["apply shop#src/cart=new"]);
});

test("[D34] [CO-7] the same key with another body is refused, whatever became of the first", async () => {
  const world = await ControlWorld.open();
  await world.propose(ordinary(), "agent:bot", "key-1");
  for (const body of [ordinary("other"), { ...ordinary(), summary: "more" }, null, {}] as Json[]) {
    const { code, where } = refusal(await world.control.propose(world.as("agent:bot"), body, "key-1"));
    assert.deepEqual([code, where], ["idempotency_mismatch", "Idempotency-Key"]);
  }
  assert.notEqual(good(await world.control.propose(world.as("agent:sub"), ordinary(), "key-1")).proposer, "agent:bot");
});

test("[D34] [CO-7] a key is spent by an accepted proposal only", async () => {
  const world = await ControlWorld.open();
  assert.equal(refusal(await world.control.propose(world.as("agent:bot"), { title: "no steps" }, "key-1")).code, "invalid");
  assert.equal((await world.propose(ordinary(), "agent:bot", "key-1")).status, "awaiting");
});

test("[D34] [CO-7] of many proposals at once under one key one is made, and all are answered with it", async () => {
  const world = await ControlWorld.open();
  const answers = await Promise.all(Array.from({ length: 50 }, () => world.control.propose(world.as("agent:bot"), docs(), "key-1")));
  assert.equal(new Set(answers.map((answer) => good(answer).id)).size, 1);
  await world.settle();
  assert.equal(good(await world.control.list(world.as("hal"), { limit: 100 })).changes.length, 1);
  assert.deepEqual(world.outside.writes, ["apply shop#docs/guide=new"]);
});

test("[CO-4] [D34] an answer that was lost between store and control is looked up, and given", async () => {
  const world = await ControlWorld.open({ worker: false });
  let lose = 0;
  world.between({
    append: async (request) => {
      const answer = await world.store.append(request);
      if ((lose += 1) > 1 || !answer.ok) return answer;
      return { ok: false, error: { code: "store_unavailable", message: "the connection was lost", details: { outcome: "unknown" } } };
    },
  });
  const proposed = good(await world.control.propose(world.as("agent:bot"), ordinary()));
  assert.equal(lose, 1);
  assert.equal(good(await world.control.list(world.as("hal"), { limit: 10 })).changes.length, 1);
  lose = 0;
  assert.equal(good(await world.control.withdraw(world.as("agent:bot"), proposed.id)).status, "withdrawn");
  assert.deepEqual(await world.types(proposed.id), ["proposed", "withdrawn"]);
});

test("[CO-4] what was surely not written is refused as unavailable, with nothing done", async () => {
  const world = await ControlWorld.open();
  await world.store.close();
  const append = await world.deps.store.append({ writes: [{ stream: "audit", expected: "any", events: [{ type: "x" }] }] });
  assert.ok(!append.ok && append.error.code === "store_unavailable");
});

test("[CO-8] a proposal is its caller's, for a principal the directory lets it act for, and answered for by a person", async () => {
  const world = await ControlWorld.open();
  const own = await world.propose(ordinary("a"), "flo");
  assert.deepEqual([own.proposer, own.on_behalf_of, own.owner], ["human:flo", "human:flo", "human:flo"]);
  const sub = await world.propose(ordinary("b"), "agent:sub");
  assert.deepEqual([sub.proposer, sub.on_behalf_of, sub.owner], ["agent:sub", "human:ada", "human:ada"]);
  const forHal = await world.propose({ ...ordinary("c"), on_behalf_of: "human:hal" });
  assert.equal(forHal.on_behalf_of, "human:hal");
  for (const [name, whom] of [
    ["agent:bot", "human:ed"],
    ["flo", "human:hal"],
    ["workload:ci", "human:flo"],
  ] as const) {
    const { code, reason } = refusal(await world.control.propose(world.as(name), { ...ordinary(), on_behalf_of: whom }));
    assert.deepEqual([code, reason], ["forbidden", "not_acting_for"]);
  }
});

test("[CO-9] all faults of all steps are told at once, with their place, and nothing is stored", async () => {
  const world = await ControlWorld.open();
  const { size } = await world.store.head();
  const steps = [
    set("shop#a", "ok"),
    { connector: "nowhere", input: {} },
    { connector: "script", input: { set: 1 } },
    { connector: "pawl", input: { kind: "x", text: 7 } },
  ];
  const { code, faults } = refusal(await world.control.propose(world.as("agent:bot"), { title: "many faults", steps } as Json));
  assert.equal(code, "invalid");
  assert.deepEqual(
    faults?.map(({ where }) => where),
    ["/steps/1/connector", "/steps/2/input", "/steps/3/input/kind", "/steps/3/input/text"],
  );
  assert.ok(faults?.every(({ remedy }) => remedy !== undefined));
  assert.equal((await world.store.head()).size, size);
});

test("[CO-10] the open changes of one proposer are bounded; what has ended makes room", async () => {
  const world = await ControlWorld.open({ limits: { openChangesPerProposer: 3 } });
  const first = await world.propose(ordinary("1"));
  for (const value of ["2", "3"]) await world.propose(ordinary(value));
  assert.equal(refusal(await world.control.propose(world.as("agent:bot"), ordinary("4"))).reason, "too_many_open");
  assert.equal((await world.propose(ordinary("5"), "agent:sub")).status, "awaiting");
  good(await world.control.withdraw(world.as("ada"), first.id));
  assert.equal((await world.propose(ordinary("6"))).status, "awaiting");
});

test("[CO-12] a revision keeps who asked and how it starts: said otherwise, it is refused", async () => {
  const world = await ControlWorld.open();
  const change = await world.propose({ ...ordinary(), start: "on-request" });
  const fixed = { on_behalf_of: "human:hal", start: "when-authorised", supersedes: "chg_000001" };
  for (const [name, value] of Object.entries(fixed)) {
    const { code, faults } = refusal(await world.control.revise(world.as("agent:bot"), change.id, { ...ordinary("2"), [name]: value }));
    assert.deepEqual([code, faults?.map(({ where }) => where)], ["invalid", [`/${name}`]]);
  }
  const same = { ...ordinary("2"), on_behalf_of: "human:ada", start: "on-request" };
  assert.equal(good(await world.control.revise(world.as("agent:bot"), change.id, same)).revision, 2);
  await world.settle();
  assert.equal((await world.approve(change.id, "ed")).status, "authorised");
});

test("[CO-12] who neither made a change nor may review it does not revise it, and a machine never does so as a reviewer", async () => {
  const world = await ControlWorld.open();
  const change = await world.propose(ordinary());
  for (const name of ["hal", "bo", "agent:sub", "workload:ci"]) {
    const { code, reason } = refusal(await world.control.revise(world.as(name), change.id, ordinary("2")));
    assert.deepEqual([code, reason], ["forbidden", "not_a_party"]);
  }
  for (const name of ["ada", "agent:bot", "ed"]) {
    good(await world.control.revise(world.as(name), change.id, ordinary(`by ${name}`)));
    await world.settle();
  }
});

test("[CO-12] whatever a revision is made of, it is planned anew, also when a planning of the earlier one is under way", async () => {
  const world = await ControlWorld.open();
  const gate = Promise.withResolvers<void>();
  world.outside.before = async (operation) => (operation === "analyse" ? gate.promise : undefined);
  const change = good(await world.control.propose(world.as("agent:bot"), docs("1")));
  while (world.outside.count("analyse") === 0) await Promise.resolve();
  good(await world.control.revise(world.as("agent:bot"), change.id, signIn("2")));
  gate.resolve();
  await world.settle();
  await world.pass(5_000, 1_000);
  const now = await world.view(change.id);
  assert.deepEqual([now.status, now.revision, now.outcome], ["awaiting", 2, "escalate"]);
  assert.deepEqual(world.outside.writes, []);
});

test("[CO-19] no event holds a word that anybody wrote", async () => {
  const world = await ControlWorld.open();
  const WORDS = "xylophone";
  const change = await world.propose({ ...changeOf(set("shop#src/cart", "new")), title: WORDS, summary: WORDS, claims: [WORDS] });
  const { review_digest = "" } = change;
  good(await world.control.sendBack(world.as("ed"), change.id, { reason: WORDS, code: WORDS, resource: WORDS }));
  good(await world.control.revise(world.as("agent:bot"), change.id, { ...ordinary(WORDS), title: WORDS }));
  await world.settle();
  good(await world.vote("di", change.id, { decision: "reject", comment: WORDS }));
  good(await world.control.createToken(world.as("cy"), { principal: "agent:bot", label: WORDS }));
  assert.ok(review_digest !== "");
  const log = (await world.entries()).map(({ event }) => JSON.stringify(event)).join("\n");
  assert.ok(!log.includes(WORDS));
  const rejected = await world.view(change.id);
  assert.deepEqual(rejected.because, { code: "rejected", text: WORDS });
});

test("[PL-43] [PL-44] [CO-19] the same said twice has other plan digests; what was observed, will run and was routed is as it is", async () => {
  const world = await ControlWorld.open();
  const [one, two] = [await world.propose(ordinary(), "agent:bot"), await world.propose(ordinary(), "agent:bot")];
  const digests = [];
  for (const { id } of [one, two]) {
    const { plan, digests: shown } = good(await world.control.plan(world.as("ed"), id));
    const { event } = (await world.entries()).find((entry) => entry.event.type === "proposed" && entry.event.change === id)!;
    assert.ok(event.type === "proposed" && event.proposal === plan.intent.proposal);
    digests.push({ ...shown, proposal: plan.intent.proposal });
  }
  const [first, second] = digests;
  for (const name of ["proposal", "plan", "presentation", "review"] as const) assert.notEqual(first?.[name], second?.[name], name);
  for (const name of ["state", "payload", "route", "bundle"] as const) assert.equal(first?.[name], second?.[name], name);
});

test("[PL-26] [PL-27] a marked secret reaches neither connector nor store; another secret is another proposal", async () => {
  const world = await ControlWorld.open();
  const canary = "canary-4f1d-5e77";
  const seen: Json[] = [];
  const script = world.deps.connectors.get("script");
  assert.ok(script !== undefined);
  const watched = {
    ...script,
    admit: (input: Json) => (seen.push(input), script.admit({ target: "shop#src/cart", set: JSON.stringify(input) })),
  };
  Object.assign(world.deps, { connectors: new Map([["script", watched]]) });
  const asks = (secret: string) => ({ title: "Set a key", steps: [{ connector: "script", input: { key: { $secret: secret } } }] });
  const first = await world.propose(asks(canary), "agent:bot", "key-1");
  const second = await world.propose(asks(`${canary}2`), "agent:bot", "key-2");
  assert.match(JSON.stringify(seen[0]), /^\{"key":\{"\$secret":\{"digest":"hmac-sha256:[0-9a-f]{64}"\}\}\}$/);
  assert.notDeepEqual(seen[0], seen.at(-1));
  const plans = await Promise.all([first, second].map(async ({ id }) => good(await world.control.plan(world.as("hal"), id))));
  assert.notEqual(plans[0]?.digests.plan, plans[1]?.digests.plan);
  const entries = (await world.store.entries(0, 500)).map(({ bytes }) => new TextDecoder().decode(bytes));
  const told = [
    ...entries,
    ...plans.map((plan) => JSON.stringify(plan)),
    JSON.stringify(await world.store.list({ prefix: "change/", limit: 50 })),
  ];
  for (const text of told) assert.ok(!text.includes(canary), "the secret was written somewhere");
});

test("[CO-48] words that hold what looks like a secret are refused before anything is written, and told by place only", async () => {
  const world = await ControlWorld.open();
  const { size } = await world.store.head();
  for (const more of [{ title: "use hunter2" }, { summary: "use hunter2" }, { claims: ["it works", "with hunter2"] }] as JsonObject[]) {
    const refused = refusal(await world.control.propose(world.as("agent:bot"), { ...ordinary(), ...more }));
    assert.equal(refused.reason, "secret_in_words");
    assert.ok(!JSON.stringify(refused).includes("hunter2"));
  }
  assert.equal((await world.store.head()).size, size);
  const change = await world.propose(ordinary());
  const vote = { decision: "approve", review_digest: change.review_digest ?? "", comment: "hunter2 is it" };
  assert.equal(refusal(await world.control.vote(world.as("ed"), change.id, vote)).reason, "secret_in_words");
  assert.equal(refusal(await world.control.sendBack(world.as("ed"), change.id, { reason: "not hunter2" })).reason, "secret_in_words");
  assert.equal((await world.view(change.id)).status, "awaiting");
});
