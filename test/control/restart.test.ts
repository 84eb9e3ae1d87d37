/** A process may die anywhere. The next one must tell the truth about what it finds, and repeat nothing. */
import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { canonical, type RunnerId } from "../../src/core/base/index.ts";
import { isFinal, type Status } from "../../src/core/change/index.ts";
import { changeOf, ControlWorld, docs, good, idOf, ordinary, refusal, set, type ChangeBody } from "../../src/testing/control-world.ts";
import { folder, sqliteIn } from "./stores.ts";

const TWO = changeOf(set("shop#docs/one", "new"), set("shop#docs/two", "new"));
const until = async (reached: () => boolean): Promise<void> => {
  while (!reached()) await new Promise<void>((resolve) => void setImmediate(resolve));
};

/** What may be said of a run, by what took effect outside. Undone counts as nothing left. */
function truthful(status: Status, writes: readonly string[], what: string): void {
  const applied = writes.filter((write) => write.startsWith("apply")).length;
  assert.equal(new Set(writes).size, writes.length, `${what}: nothing is done twice: ${writes.join(" ")}`);
  if (status === "failed") assert.equal(applied, 0, `${what}: failed means that nothing was done`);
  if (status === "verified") assert.equal(applied, 2, `${what}: verified means that everything was done`);
  if (applied > 0) assert.ok(["verified", "indeterminate", "undone"].includes(status), `${what}: ${status} although something was done`);
}

/** From proposal to end, by processes of which the first dies at the n-th append, before or after it is durable. */
async function dieAt(n: number, phase: "before" | "after", body: ChangeBody, prepare: (world: ControlWorld) => void): Promise<boolean> {
  const first = await ControlWorld.open();
  prepare(first);
  let appends = 0;
  first.life.onAppend = (at) => {
    if (at === phase && (appends += 1) === n) first.life.end();
  };
  await Promise.race([first.propose(body, "agent:bot", "the key"), first.life.ended]);
  await first.settle();
  const died = first.life.over;
  const second = await first.restart();
  const { id } = await second.propose(body, "agent:bot", "the key");
  await second.pass(10 * 60_000);
  const what = `died ${phase} append ${n}`;
  const { status } = await second.view(id);
  assert.ok(
    isFinal(status) || status === "indeterminate" || status === "stale",
    `${what}: it ends or waits for somebody, but is ${status}`,
  );
  truthful(status, second.outside.writes, what);
  assert.ok((await second.types(id)).filter((type) => type === "run_started").length <= 1, what);
  assert.equal(good(await second.control.list(second.as("hal"), { limit: 10 })).changes.length, 1, what);
  return died;
}

for (const [name, prepare] of [
  ["that goes well", () => undefined],
  [
    "that is found wrong and undone",
    (world: ControlWorld) => {
      world.outside.before = async (operation) =>
        operation === "verify" ? { ok: false, error: { code: "looks_wrong", message: "wrong", effect: "none" } } : undefined;
    },
  ],
] as const) {
  test(`[CO-29] [CO-32] whatever append of a run ${name} a process dies at, the next tells the truth and repeats nothing`, async () => {
    for (const phase of ["before", "after"] as const) {
      let n = 1;
      while (await dieAt(n, phase, TWO, prepare)) n += 1;
      assert.ok(n > 8, `${n - 1} appends of a whole life were tried`);
    }
  });
}

/** Dies while the connector is at an operation, which never answers. */
async function dieIn(t: TestContext, operation: string, after: boolean, expected: Status, writes: number): Promise<void> {
  const path = folder(t);
  const first = await ControlWorld.open({ store: await sqliteIn(path) });
  let reached = false;
  const hang = async (at: string): Promise<void> => {
    if (at !== operation) return;
    reached = true;
    await new Promise(() => undefined);
  };
  first.outside.before = async (at) => {
    if (at === "verify" && operation === "undo") return { ok: false, error: { code: "looks_wrong", message: "wrong", effect: "none" } };
    return after ? undefined : hang(at);
  };
  if (after) first.outside.after = hang;
  const proposed = good(await first.control.propose(first.as("agent:bot"), docs()));
  await until(() => reached);
  first.life.end();
  await first.store.close();
  first.outside.before = async () => undefined;
  first.outside.after = async () => undefined;
  const second = await ControlWorld.open({ store: await sqliteIn(path), time: first.time, outside: first.outside });
  t.after(() => second.close());
  await second.pass(10 * 60_000);
  const view = await second.view(proposed.id);
  assert.equal(view.status, expected, operation);
  assert.equal(second.outside.writes.length, writes, operation);
  assert.equal((await second.types(proposed.id)).filter((type) => type === "run_started").length, 1);
  if (expected !== "indeterminate") return;
  const reconciled = await second.control.reconcile(second.as("ed"), proposed.id, {
    as: "undone",
    run: view.run?.id ?? "",
    evidence: "I looked at it",
  });
  assert.equal(good(reconciled).status, "undone");
}

for (const [operation, after, expected, writes] of [
  ["analyse", false, "verified", 1],
  ["observe", false, "failed", 0],
  ["apply", false, "indeterminate", 0],
  ["apply", true, "indeterminate", 1],
  ["verify", false, "indeterminate", 1],
  ["undo", false, "indeterminate", 1],
  ["undo", true, "indeterminate", 2],
] as const) {
  test(`[CO-29] killed ${after ? "after" : "in"} ${operation} and opened again from SQLite, a change is ${expected}`, async (t) => {
    await dieIn(t, operation, after, expected, writes);
  });
}

test("[CO-29] a process that starts gives up its own runs and leaves those of others", async (t) => {
  const path = folder(t);
  const store = await sqliteIn(path);
  const other = await ControlWorld.open({ store, runner: "rnr_other000001" as RunnerId });
  const mine = await ControlWorld.open({ store, time: other.time, outside: other.outside, worker: false });
  const ids: string[] = [];
  for (const world of [other, mine]) {
    const change = await other.approve(
      (await other.propose({ ...changeOf(set(world.runner.trust.runner, "new")), start: "on-request" })).id,
      "ed",
    );
    assert.ok((await world.runner.desk.start(idOf(change), change.grant as never, world.runner.trust.runner)).ok);
    ids.push(change.id);
  }
  mine.life.end();
  const restarted = await ControlWorld.open({ store, time: other.time, outside: other.outside });
  t.after(() => restarted.close());
  const [theirs, own] = await Promise.all(ids.map((id) => restarted.view(id)));
  assert.deepEqual([theirs?.status, own?.status, own?.because?.code], ["running", "failed", "runner_lost_before_effect"]);
});

test("[CO-29] a run that was verified but for the last word is nobody's guess after a restart", async () => {
  const world = await ControlWorld.open();
  const change = await world.approve((await world.propose({ ...ordinary(), start: "on-request" })).id, "ed");
  const { desk, trust } = world.runner;
  const ref = good(await desk.start(idOf(change), change.grant as never, trust.runner));
  good(await desk.begin(ref, "step-1", world.outside.state("shop#src/cart")));
  good(await desk.finish(ref, "step-1", {}));
  assert.equal((await world.view(change.id)).status, "applied");
  const next = await world.restart();
  const now = await next.view(change.id);
  assert.deepEqual([now.status, now.because?.code], ["indeterminate", "runner_restarted"]);
  assert.equal((await next.runner.desk.report(ref, "verified", "verified", {})).ok, false);
});

/** Writes past everything, as a disk or a hand might. */
function tamper(path: string, sql: string, ...params: string[]): void {
  const database = new DatabaseSync(join(path, "pawl.db"));
  assert.equal(database.prepare(sql).run(...params).changes, 1);
  database.close();
}

test("[F55] [CO-6] a stored change that cannot be trusted is set aside at the restart, and the others go on", async (t) => {
  const path = folder(t);
  const first = await ControlWorld.open({ store: await sqliteIn(path) });
  const [bad, good1, stopped] = [
    await first.propose(ordinary("bad")),
    await first.propose(ordinary("good")),
    await first.propose({ ...ordinary("run"), start: "on-request" }),
  ];
  const signed = await first.approve(stopped.id, "ed");
  assert.ok((await first.runner.desk.start(idOf(stopped), signed.grant as never, first.runner.trust.runner)).ok);
  first.life.end();
  await first.store.close();
  tamper(path, "UPDATE streams SET body = replace(body, 'awaiting', 'verified') WHERE stream = ?", `change/${bad.id}`);
  const second = await ControlWorld.open({ store: await sqliteIn(path), time: first.time, outside: first.outside });
  t.after(() => second.close());
  const { code, reason, message } = refusal(await second.control.read(second.as("ed"), bad.id));
  assert.deepEqual([code, reason], ["unavailable", "quarantined"]);
  assert.match(message, /does not match its seal/);
  for (const answer of [
    await second.control.withdraw(second.as("ada"), bad.id),
    await second.control.replan(second.as("ada"), bad.id),
    await second.control.run(second.as("ada"), bad.id),
  ]) {
    assert.equal(refusal(answer).reason, "quarantined");
  }
  assert.ok((await second.types(bad.id)).includes("routed"), "what happened stays readable");
  assert.equal((await second.view(stopped.id)).status, "failed");
  await second.put("policy", (await second.control.policy(second.as("ed")).then(good)).text.replace("name: world", "name: next"));
  await second.settle();
  const listed = good(await second.control.list(second.as("ed"), { limit: 10 }));
  assert.deepEqual(listed.changes.map(({ id }) => id).toSorted(), [good1.id, stopped.id].toSorted());
  assert.ok(second.problems.some(({ what }) => what === `listing change/${bad.id}`));
  assert.equal((await second.approve(good1.id, "ed")).status, "verified");
});

test("[F55] a change whose stored state is sound by its seal but nonsense is set aside too", async () => {
  const world = await ControlWorld.open();
  const change = await world.propose(ordinary());
  const state = { body: {}, status: "awaiting", proposer: "agent:bot", createdAt: world.time.now(), updatedAt: world.time.now() };
  for (const [id, body] of [
    ["chg_nonsense1", {}],
    ["chg_nonsense2", { id: "chg_nonsense2", version: 1, status: "awaiting" }],
    ["chg_nonsense3", { id: "chg_nonsense3", version: 1, status: "future" }],
  ] as const) {
    const status = canonical(body).includes("future") ? "future" : "awaiting";
    const written = await world.store.append({
      writes: [{ stream: `change/${id}`, expected: 0, events: [{ type: "x", at: 1 }], state: { ...state, body, status } }],
    });
    assert.ok(written.ok);
  }
  assert.equal(refusal(await world.control.read(world.as("ed"), "chg_nonsense1")).reason, "quarantined");
  assert.match(refusal(await world.control.read(world.as("ed"), "chg_nonsense3")).message, /does not know the status future/);
  const listed = good(await world.control.list(world.as("ed"), { limit: 10 }));
  assert.deepEqual(
    listed.changes.map(({ id }) => id),
    [change.id],
  );
  assert.equal(world.problems.filter(({ what }) => what.startsWith("listing change/chg_nonsense")).length, 3);
  const next = await world.restart();
  assert.equal((await next.approve(change.id, "ed")).status, "verified");
});
