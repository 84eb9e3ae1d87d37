import assert from "node:assert/strict";
import { test } from "node:test";
import type { Digest } from "../../src/core/base/index.ts";
import {
  changeOf,
  ControlWorld,
  docs,
  good,
  ordinary,
  refusal,
  set,
  signIn,
  WORLD_DIRECTORY,
  WORLD_POLICY,
} from "../../src/testing/control-world.ts";
import { withPerson } from "../../src/testing/people.ts";

test("[CO-35] waiting ends when the change has moved past the version, at once if it has already", async () => {
  const world = await ControlWorld.open();
  const change = await world.propose(signIn());
  assert.equal(good(await world.control.wait(world.as("ed"), change.id, change.version - 1, 1_000)).version, change.version);
  const waiting = world.control.wait(world.as("ed"), change.id, change.version, 1_000);
  await world.vote("ed", change.id);
  assert.equal(good(await waiting).version, change.version + 1);
});

test("[CO-35] waiting ends with the change as it is when the time is up or the caller goes, and leaves nothing behind", async () => {
  const world = await ControlWorld.open({ worker: false });
  const { id, version } = good(await world.control.propose(world.as("agent:bot"), signIn()));
  let watchers = 0;
  world.between({
    watch: (listener) => {
      watchers += 1;
      const stop = world.store.watch(listener);
      return () => {
        watchers -= 1;
        stop();
      };
    },
  });
  const timed = world.control.wait(world.as("ed"), id, version, 1_000);
  const gone = new AbortController();
  const aborted = world.control.wait(world.as("ed"), id, version, 1_000_000, gone.signal);
  const dead = world.control.wait(world.as("ed"), id, version, 1_000_000, AbortSignal.abort());
  assert.equal(good(await dead).version, version);
  assert.equal(watchers, 2);
  world.time.pass(1_000);
  assert.equal(good(await timed).version, version);
  gone.abort();
  assert.equal(good(await aborted).version, version);
  assert.equal(refusal(await world.control.wait(world.as("ed"), "chg_000000", 0, 1_000)).code, "not_found");
  assert.equal(watchers, 0);
});

test("[CO-35] a move between the look and the wait is not missed", async () => {
  const world = await ControlWorld.open();
  const change = await world.propose(signIn());
  let moved = false;
  world.between({
    load: async (stream) => {
      const row = await world.store.load(stream);
      if (stream === `change/${change.id}` && !moved) {
        moved = true;
        good(await world.control.withdraw(world.as("ada"), change.id));
      }
      return row;
    },
  });
  assert.equal(good(await world.control.wait(world.as("ed"), change.id, change.version, 1e9)).status, "withdrawn");
});

test("[CO-36] what was erased reads as erased, and everything else about the change stays", async () => {
  const world = await ControlWorld.open();
  const change = await world.propose({ ...signIn(), title: "Personal matters of Hal" });
  good(await world.vote("ed", change.id, { decision: "reject", comment: "no" }));
  const other = await world.propose(signIn("other"));
  for (const { id } of [change, other]) {
    for (const event of await world.events(id)) {
      if (event.type === "proposed") assert.ok(await world.store.erase(event.proposal));
      if (event.type === "rejected") assert.ok(await world.store.erase(event.comment as Digest));
      if (event.type === "routed") assert.ok(await world.store.erase(event.review.plan));
    }
  }
  const now = await world.view(change.id);
  assert.deepEqual([now.title, now.summary, now.status, now.because], ["(erased)", "", "rejected", { code: "rejected" }]);
  const { code, reason, remedy } = refusal(await world.control.plan(world.as("ed"), other.id));
  assert.deepEqual([code, reason, typeof remedy], ["not_found", "erased", "string"]);
  assert.equal(refusal(await world.control.policyExplain(world.as("ed"), other.id)).reason, "erased");
  assert.equal(good(await world.control.list(world.as("ed"), { limit: 10 })).changes.length, 2);
});

test("[CO-36] an approved change whose payload was erased does not run", async () => {
  const world = await ControlWorld.open();
  const change = await world.approve((await world.propose({ ...ordinary(), start: "on-request" })).id, "ed");
  const { plan } = good(await world.control.plan(world.as("ed"), change.id));
  assert.ok(await world.store.erase(plan.steps[0]?.payloadDigest as Digest));
  good(await world.control.run(world.as("ed"), change.id));
  await world.settle();
  assert.equal((await world.view(change.id)).status, "authorised");
  assert.deepEqual(world.outside.writes, []);
  assert.equal((world.problems[0]?.error as { code: string } | undefined)?.code, "payload_gone");
  good(await world.control.replan(world.as("ed"), change.id));
  good(await world.control.run(world.as("ed"), change.id));
  await world.settle();
  assert.equal((await world.view(change.id)).status, "verified");
});

test("[CO-37] lists page through every change once, newest first, and refuse a cursor they did not give", async () => {
  const world = await ControlWorld.open();
  for (let i = 0; i < 25; i += 1) {
    world.time.jump(i % 3);
    await world.propose(i % 2 === 0 ? signIn(`${i}`) : docs(`${i}`), i % 5 === 0 ? "flo" : "agent:bot");
  }
  const all: string[] = [];
  let cursor: string | undefined;
  do {
    const page = good(await world.control.list(world.as("ed"), { limit: 4, ...(cursor === undefined ? {} : { cursor }) }));
    all.push(...page.changes.map(({ id }) => id));
    cursor = page.cursor;
  } while (cursor !== undefined);
  assert.deepEqual([all.length, new Set(all).size], [25, 25]);
  const mine = good(await world.control.list(world.as("flo"), { limit: 50, mine: true, statuses: ["awaiting"] }));
  assert.ok(mine.changes.length > 0 && mine.changes.every(({ proposer, status }) => proposer === "human:flo" && status === "awaiting"));
  assert.equal(refusal(await world.control.list(world.as("ed"), { limit: 4, cursor: "bm9wZQ" })).reason, "bad_cursor");
});

test("[CO-20] a body from outside is read strictly: every fault at once, and no member that only every object has", async () => {
  const world = await ControlWorld.open();
  const change = await world.propose(signIn());
  const { code, faults } = refusal(
    await world.control.vote(world.as("ed"), change.id, { decision: "maybe", toString: "x", constructor: "y", comment: 7 }),
  );
  assert.equal(code, "invalid");
  assert.deepEqual(faults?.map(({ where }) => where).toSorted(), ["/comment", "/constructor", "/decision", "/review_digest", "/toString"]);
  for (const raw of [null, [], "x", 7]) assert.equal(refusal(await world.control.vote(world.as("ed"), change.id, raw)).code, "invalid");
});

test("[CO-20] ids from outside that are no ids are unknown, not looked up", async () => {
  const world = await ControlWorld.open();
  for (const id of ["", "chg", "../audit", "chg_\0", "CHG_000001", "chg_000001/x", "config/policy", "x".repeat(10_000)]) {
    for (const answer of [
      await world.control.read(world.as("ed"), id),
      await world.control.withdraw(world.as("ed"), id),
      await world.control.run(world.as("ed"), id),
    ]) {
      assert.equal(refusal(answer).code, "not_found");
    }
  }
});

test("[CO-39] a token is told once, kept as a digest, and good for as long as it and its principal are", async () => {
  const world = await ControlWorld.open();
  const { token, view } = good(await world.control.createToken(world.as("cy"), { principal: "human:ed", label: "laptop" }));
  const caller = good(await world.control.authenticate(token, "console"));
  assert.deepEqual(
    [caller.principal, caller.kind, caller.person, caller.channel, caller.identity],
    ["human:ed", "human", "ed", "console", `token:${view.id}`],
  );
  const stored = JSON.stringify(await world.store.load(`token/${view.id}`)) + JSON.stringify(await world.entries());
  assert.ok(!stored.includes(token.slice(-64)));
  const last = token.at(-1) === "0" ? "1" : "0";
  for (const bad of [
    "",
    "x",
    token.slice(0, -1),
    token.slice(0, -1) + last,
    token.toUpperCase(),
    `${token} `,
    token.replace(view.id, "tok_000000"),
  ]) {
    assert.equal(refusal(await world.control.authenticate(bad, "cli")).code, "unauthenticated");
  }
  await world.put("directory", withPerson("ed", { active: false }, WORLD_DIRECTORY));
  assert.equal(refusal(await world.control.authenticate(token, "cli")).code, "unauthenticated");
  await world.put("directory", WORLD_DIRECTORY);
  assert.ok((await world.control.authenticate(token, "cli")).ok);
  const answers = await Promise.all([1, 2, 3].map(() => world.control.revokeToken(world.as("ed"), view.id)));
  assert.ok(answers.every((answer) => good(answer).revoked));
  assert.equal(refusal(await world.control.authenticate(token, "cli")).reason, "bad_token");
});

test("[CO-39] an admin makes tokens for anybody, others for themselves and for the machines they own", async () => {
  const world = await ControlWorld.open();
  const may = async (by: string, principal: string) => (await world.control.createToken(world.as(by), { principal })).ok;
  assert.deepEqual([await may("cy", "human:ed"), await may("ed", "human:ed"), await may("ada", "agent:bot")], [true, true, true]);
  assert.deepEqual([await may("ed", "human:bo"), await may("ed", "agent:bot"), await may("ada", "agent:sub")], [false, false, false]);
  for (const principal of ["human:gus", "human:nobody", "workload:ci"]) {
    assert.equal(refusal(await world.control.createToken(world.as("cy"), { principal })).reason, "unknown_principal");
  }
  const owned = good(await world.control.listTokens(world.as("ada")));
  assert.deepEqual(
    owned.map(({ principal }) => principal),
    ["agent:bot"],
  );
  const all = good(await world.control.listTokens(world.as("cy")));
  assert.equal(all.length, 3);
  const theirs = all.find(({ principal }) => principal === "human:ed")?.id ?? "";
  for (const id of [theirs, "tok_000000", "x"])
    assert.equal(refusal(await world.control.revokeToken(world.as("ada"), id)).code, "not_found");
});

test("[CO-40] whoever subscribes hears of each move with its version, and of nothing after leaving", async () => {
  const world = await ControlWorld.open();
  const heard: string[] = [];
  const leave = world.control.subscribe(({ change, version, status }) => heard.push(`${change} ${version} ${status}`));
  const change = await world.propose(changeOf(set("shop#src/cart", "x")));
  await world.reaches(change.id, "awaiting");
  for (let i = 0; i < 5; i += 1) await new Promise<void>((resolve) => void setImmediate(resolve));
  assert.ok(heard.includes(`${change.id} ${change.version} awaiting`));
  leave();
  const before = heard.length;
  good(await world.control.withdraw(world.as("ada"), change.id));
  for (let i = 0; i < 5; i += 1) await new Promise<void>((resolve) => void setImmediate(resolve));
  assert.equal(heard.length, before);
});

test("[CO-41] the ledger answers with proofs that hold, and refuses what lies outside it", async () => {
  const world = await ControlWorld.open();
  await world.propose(docs());
  const { ledger } = world.control;
  const size = await ledger.size();
  for (let index = 0; index < size; index += 1) assert.equal(good(await ledger.inclusion(index)).size, size);
  assert.ok((await ledger.consistency(1, size)).ok);
  for (const bad of [-1, size, 0.5, Number.NaN]) assert.equal(refusal(await ledger.inclusion(bad)).reason, "outside_log");
  for (const [from, to] of [
    [0, size + 1],
    [3, 2],
    [-1, 1],
  ] as const)
    assert.equal(refusal(await ledger.consistency(from, to)).reason, "outside_log");
  assert.equal(refusal(await ledger.inclusion(0, size + 1)).reason, "outside_log");
});

test("[CO-52] how policy came to a route is told by the policy and the moment of that route, whatever came into force since", async () => {
  const world = await ControlWorld.open({ worker: false });
  const plan = async (id: string) => good(await world.control.plan(world.as("hal"), id));
  const { id } = good(await world.control.propose(world.as("agent:bot"), docs(), undefined, 200));
  const { trace } = await plan(id);
  assert.ok(trace.some(({ rule, fired, parts }) => rule === "docs" && fired && parts.length > 0));
  await world.put("policy", WORLD_POLICY.replace("id: docs", "id: papers"));
  world.time.jump(24 * 3_600_000);
  assert.deepEqual((await plan(id)).trace, trace);
  const entries = await world.entries();
  const seeded = entries.find(({ stream }) => stream === "config/policy")?.event["digest"] as Digest;
  const again = await world.restart({ worker: false });
  assert.ok(await again.store.erase(seeded));
  const after = good(await again.control.plan(again.as("hal"), id));
  assert.deepEqual([after.trace, after.plan.change], [[], id]);
});
