import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import type { AppendRequest } from "../../src/control/ports.ts";
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
  type ChangeBody,
} from "../../src/testing/control-world.ts";
import { worldOn } from "./stores.ts";

const PATIENCE = 200;
const until = async (reached: () => boolean): Promise<void> => {
  while (!reached()) await new Promise<void>((resolve) => void setImmediate(resolve));
};
const propose = (world: ControlWorld, body: ChangeBody, key?: string, by = "agent:bot") =>
  world.control.propose(world.as(by), body, key, PATIENCE);

/** Every append that was asked for, in order. */
function recorded(world: ControlWorld): AppendRequest[] {
  const asked: AppendRequest[] = [];
  world.between({
    append: (request) => {
      asked.push(request);
      return world.store.append(request);
    },
  });
  return asked;
}

const kinds = ({ outbox = [] }: AppendRequest): readonly string[] => outbox.map(({ kind }) => kind);

for (const kind of ["memory", "sqlite"] as const) {
  test(`[CO-49] on ${kind}, what nobody needs to look at is authorised in the append that accepts it, with its start as the one job`, async (t: TestContext) => {
    const world = await worldOn(t, kind, { worker: false });
    const asked = recorded(world);
    const view = good(await propose(world, docs()));
    assert.deepEqual([view.status, view.outcome, view.version], ["authorised", "auto", 4]);
    assert.deepEqual(await world.types(view.id), ["proposed", "planned", "routed", "authorised"]);
    assert.equal(asked.length, 1);
    assert.deepEqual(asked.flatMap(kinds), ["expire", "run"]);
    world.work();
    await world.settle();
    assert.equal((await world.view(view.id)).status, "verified");
  });
}

test("[CO-49] what people must sign waits for them at once, by the route that the outbox would have come to", async () => {
  const world = await ControlWorld.open();
  const at = good(await propose(world, signIn("one")));
  const later = await world.propose(signIn("two"));
  assert.deepEqual([at.status, at.seats, at.version], ["awaiting", later.seats, later.version]);
  assert.deepEqual((await world.approve(at.id, "ed", "cy")).status, "verified");
});

test("[CO-49] a revision is decided in one append too, under a new review digest", async () => {
  const world = await ControlWorld.open({ worker: false });
  const first = good(await propose(world, signIn("one")));
  const asked = recorded(world);
  const second = good(await world.control.revise(world.as("agent:bot"), first.id, docs(), PATIENCE));
  assert.deepEqual([second.status, second.revision], ["authorised", 2]);
  assert.deepEqual(asked.map(kinds), [["expire", "run"]]);
  assert.equal(
    refusal(await world.control.revise(world.as("flo"), good(await propose(world, ordinary())).id, docs(), PATIENCE)).reason,
    "not_a_party",
  );
});

test("[CO-49] [CO-3] other rules that come into force meanwhile are the ones it is judged by", async () => {
  const world = await ControlWorld.open({ worker: false });
  let append = 0;
  world.between({
    append: async (request) => {
      if ((append += 1) === 1) await world.put("policy", WORLD_POLICY.replace('"docs/**"', '"nowhere/**"'));
      return world.store.append(request);
    },
  });
  assert.equal(good(await propose(world, docs())).status, "awaiting");
  assert.equal(world.outside.count("analyse"), 1);
});

test("[CO-49] [CO-7] under one key it is decided once, and one change ends where another begins", async () => {
  const world = await ControlWorld.open({ worker: false });
  const answers = await Promise.all(Array.from({ length: 20 }, () => propose(world, signIn(), "key")));
  assert.equal(new Set(answers.map((answer) => good(answer).id)).size, 1);
  const old = good(await propose(world, signIn(), "key"));
  const next = good(await propose(world, { ...signIn("next"), supersedes: old.id }));
  assert.deepEqual([next.status, (await world.view(old.id)).status], ["awaiting", "superseded"]);
});

test("[CO-50] when connectors take longer the proposal is accepted alone, and what they find is planned on, looked at once", async () => {
  const world = await ControlWorld.open();
  const { promise, resolve } = Promise.withResolvers<void>();
  world.outside.before = async (operation) => (operation === "analyse" ? promise : undefined);
  const answer = propose(world, docs());
  await until(() => world.outside.count("analyse") === 1);
  world.time.pass(PATIENCE);
  const view = good(await answer);
  assert.deepEqual([view.status, view.version], ["proposed", 1]);
  resolve();
  assert.equal((await world.reaches(view.id, "verified")).status, "verified");
  await world.pass(10_000, 1_000);
  assert.equal(world.outside.count("analyse"), 1);
  assert.deepEqual(world.problems, []);
});

test("[CO-50] what was being looked at when the process died is looked at by the next", async () => {
  const world = await ControlWorld.open();
  world.outside.before = async (operation) => (operation === "analyse" ? new Promise(() => undefined) : undefined);
  const answer = propose(world, docs());
  await until(() => world.outside.count("analyse") === 1);
  world.time.pass(PATIENCE);
  const { id } = good(await answer);
  world.outside.before = async () => undefined;
  const next = await world.restart();
  await next.pass(120_000);
  assert.equal((await next.view(id)).status, "verified");
});

test("[CO-50] a planning that follows a slow look and fails is told of, and its job comes again", async () => {
  const world = await ControlWorld.open();
  const { promise, resolve } = Promise.withResolvers<void>();
  world.outside.before = async (operation) => (operation === "analyse" ? promise : undefined);
  const answer = propose(world, docs());
  await until(() => world.outside.count("analyse") === 1);
  world.time.pass(PATIENCE);
  const { id } = good(await answer);
  let broken = true;
  world.between({
    payload: async (digest) => {
      if (broken) throw new Error("the disk has a bad sector");
      return world.store.payload(digest);
    },
  });
  resolve();
  await until(() => world.problems.length > 0);
  broken = false;
  await world.pass(10_000, 1_000);
  assert.equal((await world.view(id)).status, "verified");
});

test("[CO-50] looks within requests are bounded: who finds no place in time is accepted alone, and the next have theirs", async () => {
  const world = await ControlWorld.open({ worker: false });
  const { promise, resolve } = Promise.withResolvers<void>();
  world.outside.before = async (operation) => (operation === "analyse" ? promise : undefined);
  const busy = Array.from({ length: 8 }, (_, i) =>
    world.control.propose(world.as(i % 2 === 0 ? "agent:bot" : "agent:sub"), docs(`busy ${i}`), undefined, 10 * PATIENCE),
  );
  await until(() => world.outside.count("analyse") === 8);
  const ninth = propose(world, docs("ninth"));
  const tenth = world.control.propose(world.as("agent:bot"), docs("tenth"), undefined, 10 * PATIENCE);
  await new Promise<void>((done) => void setImmediate(done));
  world.time.pass(PATIENCE);
  assert.deepEqual([good(await ninth).status, world.outside.count("analyse")], ["proposed", 8]);
  resolve();
  for (const answer of await Promise.all([...busy, tenth])) assert.equal(good(answer).status, "authorised");
  assert.equal(good(await propose(world, docs("eleventh"))).status, "authorised");
});

test("[CO-61] nobody takes more than half of the places: while one's connectors hang, another is answered at once", async () => {
  const world = await ControlWorld.open({ worker: false });
  const { promise, resolve } = Promise.withResolvers<void>();
  world.outside.before = async (operation, target) => (operation === "analyse" && target === "slow" ? promise : undefined);
  const busy = Array.from({ length: 20 }, (_, i) =>
    world.control.propose(world.as("agent:bot"), changeOf(set("slow", `${i}`)), undefined, 10 * PATIENCE),
  );
  await until(() => world.outside.count("analyse") === 4);
  assert.equal(good(await propose(world, docs(), undefined, "agent:sub")).status, "authorised");
  assert.equal(world.outside.count("analyse"), 5);
  resolve();
  for (const answer of await Promise.all(busy)) assert.equal(good(answer).status, "awaiting");
});

test("[CO-61] while one's connectors hang in jobs, another's are planned, and all of it is once they answer", async () => {
  const world = await ControlWorld.open();
  const { promise, resolve } = Promise.withResolvers<void>();
  world.outside.before = async (operation, target) => (operation === "analyse" && target === "slow" ? promise : undefined);
  const slow = [];
  for (let n = 0; n < 10; n += 1)
    slow.push(good(await world.control.propose(world.as("agent:bot"), changeOf(set("slow", `${n}`)), undefined, 0)));
  await until(() => world.outside.count("analyse") === 2);
  const { id } = good(await world.control.propose(world.as("agent:sub"), ordinary(), undefined, 0));
  assert.equal((await world.reaches(id, "awaiting")).status, "awaiting");
  assert.equal(world.outside.count("analyse"), 3);
  resolve();
  await world.settle();
  for (const each of slow) assert.equal((await world.view(each.id)).status, "awaiting");
});

test("[CO-61] a job takes no place for what is being looked at within a request", async () => {
  const world = await ControlWorld.open();
  const { promise, resolve } = Promise.withResolvers<void>();
  world.outside.before = async (operation, target) => (operation === "analyse" && target === "slow" ? promise : undefined);
  const answers = Array.from({ length: 4 }, (_, i) => propose(world, changeOf(set("slow", `${i}`))));
  await until(() => world.outside.count("analyse") === 4);
  world.time.pass(PATIENCE);
  for (const answer of answers) assert.equal(good(await answer).status, "proposed");
  await world.settle();
  const { id } = good(await world.control.propose(world.as("agent:bot"), ordinary(), undefined, 0));
  assert.equal((await world.reaches(id, "awaiting")).status, "awaiting");
  resolve();
  for (const answer of answers) assert.equal((await world.reaches(good(await answer).id, "awaiting")).status, "awaiting");
});

test("[CO-62] whoever holds a caller and is closing lets go: the proposal is accepted alone", async () => {
  const world = await ControlWorld.open({ worker: false });
  world.outside.before = async (operation) => (operation === "analyse" ? new Promise(() => undefined) : undefined);
  const closing = new AbortController();
  const held = world.control.propose(world.as("agent:bot"), docs(), undefined, 1e6, closing.signal);
  await until(() => world.outside.count("analyse") === 1);
  closing.abort();
  assert.equal(good(await held).status, "proposed");
  assert.equal(good(await world.control.propose(world.as("agent:bot"), docs(), undefined, 1e6, closing.signal)).status, "proposed");
  assert.equal(world.outside.count("analyse"), 1);
});

test("[CO-50] many at once are all decided, a few at a time", async () => {
  const world = await ControlWorld.open({ worker: false });
  const answers = await Promise.all(Array.from({ length: 100 }, (_, i) => propose(world, docs(`${i}`))));
  for (const answer of answers) assert.equal(good(answer).status, "authorised");
});

test("[CO-50] who has no patience is answered before anything is looked at", async () => {
  const world = await ControlWorld.open({ worker: false });
  assert.equal(good(await world.control.propose(world.as("agent:bot"), docs(), undefined, 0)).status, "proposed");
  assert.equal(world.outside.count("analyse"), 0);
});

test("[CO-51] what cannot be planned is accepted and sent back in one append, with every fault", async () => {
  const world = await ControlWorld.open({ worker: false });
  const asked = recorded(world);
  world.outside.before = async (operation, target) => {
    if (operation === "analyse" && target === "broken") throw new Error("no such thing");
    return operation === "analyse" && target === "shut"
      ? { ok: false, error: { code: "shut", message: "it is shut", effect: "none" } }
      : undefined;
  };
  const view = good(await propose(world, changeOf(set("broken", "x"), set("shut", "x"))));
  assert.deepEqual([view.status, view.instructions?.map(({ code }) => code)], ["sent_back", ["connector_crashed", "shut"]]);
  assert.deepEqual(await world.types(view.id), ["proposed", "sent_back"]);
  assert.deepEqual(asked.map(kinds), [["expire"]]);
});

test("[CO-51] a plan that cannot be written does not take the proposal with it", async () => {
  const world = await ControlWorld.open({ worker: false });
  let appends = 0;
  world.between({
    append: async (request) => {
      appends += 1;
      const error = { code: "payload_too_large" as const, message: "a payload is too large" };
      return (request.payloads?.length ?? 0) > 1 ? { ok: false, error } : world.store.append(request);
    },
  });
  const view = good(await propose(world, docs()));
  assert.deepEqual([view.status, appends], ["proposed", 2]);
  world.work();
  await world.settle();
  const after = await world.view(view.id);
  assert.deepEqual([after.status, after.because?.code], ["sent_back", "too_large"]);
});

test("[CO-51] [LC-10] what was seen too long ago to route on is looked at again, from the outbox", async () => {
  const world = await ControlWorld.open({ worker: false });
  world.outside.before = async (operation) => {
    if (operation === "analyse" && world.outside.count("analyse") === 1) world.time.jump(3_600_000);
    return undefined;
  };
  const view = good(await propose(world, docs()));
  assert.equal(view.status, "proposed");
  world.work();
  await world.settle();
  assert.equal((await world.view(view.id)).status, "verified");
});

test("[CO-51] [CO-4] an answer that was lost is looked up: nothing is proposed twice", async () => {
  const world = await ControlWorld.open({ worker: false });
  let appends = 0;
  world.between({
    append: async (request) => {
      const answer = await world.store.append(request);
      if ((appends += 1) > 1 || !answer.ok) return answer;
      return { ok: false, error: { code: "store_unavailable", message: "the connection was lost", details: { outcome: "unknown" } } };
    },
  });
  assert.equal(good(await propose(world, docs())).status, "authorised");
  assert.equal(good(await world.control.list(world.as("hal"), { limit: 10 })).changes.length, 1);
  world.between({
    append: async () => ({ ok: false, error: { code: "store_unavailable", message: "away", details: { outcome: "none" } } }),
  });
  assert.equal(refusal(await propose(world, docs("two"))).code, "unavailable");
  assert.equal(appends, 1);
});

const HOLDS = 30_000;
/** Connectors answer when a test says so. */
function gated(world: ControlWorld): () => void {
  const gate = Promise.withResolvers<void>();
  world.outside.before = async (operation) => (operation === "analyse" ? gate.promise : undefined);
  return () => gate.resolve();
}

test("[CO-39] [CO-49] whose token is revoked, or who is no longer active, while connectors look proposes nothing", async () => {
  const world = await ControlWorld.open();
  const made = good(await world.control.createToken(world.as("hal", { roles: ["admin"] }), { principal: "agent:bot" }));
  const bot = good(await world.control.authenticate(made.token, "api"));
  const standing = good(await propose(world, signIn()));
  const open = gated(world);
  const asked = [
    world.control.propose(bot, docs(), undefined, HOLDS),
    world.control.propose(world.as("flo"), docs(), undefined, HOLDS),
    world.control.revise(bot, standing.id, docs(), HOLDS),
  ];
  await until(() => world.outside.count("analyse") === 4);
  good(await world.control.revokeToken(world.as("hal", { roles: ["admin"] }), made.view.id));
  const persons = WORLD_DIRECTORY.persons.map((person) => (person.id === "flo" ? { ...person, active: false } : person));
  await world.put("directory", { ...WORLD_DIRECTORY, persons });
  open();
  for (const answer of await Promise.all(asked)) assert.equal(refusal(answer).reason, "bad_token");
  assert.deepEqual(world.outside.writes, []);
});

test("[CO-49] connectors are not asked for what will be refused", async () => {
  const world = await ControlWorld.open({ worker: false });
  const change = good(await propose(world, ordinary()));
  const looks = world.outside.count("analyse");
  const asked = await Promise.all([
    world.control.revise(world.as("flo"), change.id, docs(), HOLDS),
    world.control.revise(world.as("flo"), "chg_0000000000", docs(), HOLDS),
    propose(world, { ...docs(), on_behalf_of: "human:ed" }),
    propose(world, { ...docs(), supersedes: change.id }, undefined, "flo"),
  ]);
  assert.deepEqual(
    asked.map((answer) => refusal(answer).reason),
    ["not_a_party", "unknown_change", "not_acting_for", "not_a_party"],
  );
  assert.equal(world.outside.count("analyse"), looks);
});

test("[CO-15] [CO-50] whoever joins the planning of a revision that is refused after all is not given that refusal", async () => {
  const world = await ControlWorld.open({ worker: false });
  const change = good(await propose(world, signIn()));
  const open = gated(world);
  const slow = world.control.replan(world.as("hal"), change.id);
  const revised = world.control.revise(world.as("agent:bot"), change.id, docs(), PATIENCE);
  await until(() => world.outside.count("analyse") === 3);
  world.between({ append: async () => ({ ok: false, error: { code: "entry_too_large", message: "no" } }) });
  world.time.pass(PATIENCE);
  assert.equal(refusal(await revised).code, "too_large");
  world.between({ append: (request) => world.store.append(request) });
  const joined = world.control.replan(world.as("hal"), change.id);
  open();
  for (const answer of [await slow, await joined]) assert.equal(good(answer).status, "awaiting");
});

test("[CO-14] [CO-51] an answer of a connector that makes no sense sends the change back", async () => {
  const world = await ControlWorld.open({ worker: false });
  world.outside.before = async () => ({ ok: true, value: {} }) as never;
  const view = good(await propose(world, docs()));
  assert.deepEqual([view.status, view.because?.code], ["sent_back", "connector_crashed"]);
});
