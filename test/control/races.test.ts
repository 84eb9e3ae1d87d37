import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import type { ChangeEvent } from "../../src/core/change/index.ts";
import type { RunnerId } from "../../src/core/base/index.ts";
import type { RunReport } from "../../src/control/ports.ts";
import { runChange, type RunnerDeps } from "../../src/runner/runner.ts";
import { good, ordinary, refusal, type ControlWorld } from "../../src/testing/control-world.ts";
import { worldOn } from "./stores.ts";

/** Numbers that look like chance and are the same on every run. */
function chance(seed: number): (below: number) => number {
  let state = seed * 2_654_435_761 + 1;
  return (below) => {
    state = (Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + 0x9e3779b9) | 0;
    return (state >>> 0) % below;
  };
}

/** Moments in which others go on: microtasks where all is memory, turns of the event loop where a database answers. */
const MOMENTS = { memory: () => Promise.resolve(), sqlite: () => new Promise<void>((resolve) => void setImmediate(resolve)) };

const REVOKED: readonly ChangeEvent["type"][] = ["withdrawn", "rejected", "vote_withdrawn", "sent_back", "revised", "superseded"];

type Revoke = (world: ControlWorld, id: string, digest: string) => Promise<{ readonly ok: boolean }>;
const REVOKES: readonly Revoke[] = [
  (world, id) => world.control.withdraw(world.as("agent:bot"), id),
  (world, id, digest) => world.control.vote(world.as("di"), id, { decision: "reject", review_digest: digest }),
  (world, id) => world.control.withdrawVote(world.as("ed"), id),
  (world, id) => world.control.sendBack(world.as("di"), id, { reason: "not now" }),
  (world, id) => world.control.revise(world.as("agent:bot"), id, { ...ordinary("revised"), start: "on-request" }),
  (world, id) => world.control.propose(world.as("agent:bot"), { ...ordinary("other"), supersedes: id, start: "on-request" }),
];

/** Approve, revoke and consume at once, in an order that the seed decides; then the ledger must tell one story. */
async function race(world: ControlWorld, kind: keyof typeof MOMENTS, seed: number): Promise<void> {
  const random = chance(seed);
  const pause = async (): Promise<void> => {
    for (let left = random(120); left > 0; left -= 1) await MOMENTS[kind]();
  };
  const target = `shop#src/race-${seed}`;
  const body = {
    title: "race",
    start: "on-request",
    steps: [{ connector: "script", input: { target, set: "done", owners: ["@acme/identity"] } }],
  };
  const { id, review_digest: digest = "" } = await world.propose(body);
  const later = async <T>(work: () => Promise<T>): Promise<T> => {
    await pause();
    return work();
  };
  const consume = async (): Promise<RunReport> => {
    let report = await runChange(world.runner, id);
    for (let tries = 0; tries < 6 && report.kind === "not_started"; tries += 1) {
      await pause();
      report = await runChange(world.runner, id);
    }
    return report;
  };
  const how = random(REVOKES.length);
  const [, revoked, report] = await Promise.all([
    later(() => world.control.vote(world.as("ed"), id, { decision: "approve", review_digest: digest })),
    later(async () => REVOKES[how]?.(world, id, digest) ?? { ok: false }),
    later(consume),
  ]);
  await world.settle();
  await judge(
    world,
    id,
    `seed ${seed}, revoke ${how}`,
    revoked.ok,
    report,
    world.outside.writes.filter((write) => write.includes(`${target}=`)).length,
  );
}

async function judge(world: ControlWorld, id: string, what: string, revoked: boolean, report: RunReport, writes: number): Promise<void> {
  const types = await world.types(id);
  const started = types.indexOf("run_started");
  const stopped = types.findIndex((type) => (REVOKED as readonly string[]).includes(type));
  assert.ok(types.filter((type) => type === "run_started").length <= 1, what);
  assert.equal(writes, started < 0 ? 0 : 1, what);
  assert.equal(report.kind === "ended", started >= 0, what);
  if (started >= 0) {
    assert.equal(types.slice(0, started).lastIndexOf("authorised"), started - 1, `${what}: nothing came between authorisation and start`);
    assert.ok(!revoked || stopped < started, `${what}: a revoke that was accepted after the start`);
  }
  if (revoked && stopped >= 0 && started > stopped) assert.ok(types.slice(stopped, started).includes("authorised"), what);
}

for (const [kind, count] of [
  ["memory", 300],
  ["sqlite", 40],
] as const) {
  test(`[B16] ${kind}: in ${count} interleavings of approve, revoke and consume, a revoke ordered first means no execution`, async (t) => {
    const world = await worldOn(t, kind);
    // How often which side is first depends on the machine: it goes on until both have been.
    const both = (raced: number): boolean => world.outside.writes.length > 0 && world.outside.writes.length < raced;
    let seed = 0;
    while (seed < count || (!both(seed) && seed < 10 * count)) await race(world, kind, (seed += 1));
    assert.ok(both(seed), `${world.outside.writes.length} of ${seed} ran, so there was no race`);
  });
}

async function signed(t: TestContext, kind: "memory" | "sqlite") {
  const world = await worldOn(t, kind);
  const change = await world.approve((await world.propose({ ...ordinary(), start: "on-request" })).id, "ed");
  assert.equal(change.status, "authorised");
  return { world, change };
}

for (const [kind, count] of [
  ["memory", 1_000],
  ["sqlite", 200],
] as const) {
  test(`[D31] [CO-5] ${kind}: of ${count} runners at once on one grant one starts, and applies once`, async (t) => {
    const { world, change } = await signed(t, kind);
    const runners = Array.from({ length: count }, (_, i): RunnerDeps => {
      const runner = `rnr_parallel${String(i).padStart(4, "0")}` as RunnerId;
      return { ...world.runner, trust: { ...world.runner.trust, runner } };
    });
    const reports = await Promise.all(runners.map((runner) => runChange(runner, change.id)));
    assert.equal(reports.filter(({ kind: end }) => end === "ended").length, 1);
    const codes = new Set(reports.flatMap((report) => (report.kind === "not_started" ? [report.error.code] : [])));
    assert.ok(
      [...codes].every((code) => code === "grant_consumed" || code === "not_authorised" || code === "contended"),
      [...codes].join(" "),
    );
    assert.deepEqual(world.outside.writes, ["apply shop#src/cart=new"]);
    assert.equal((await world.types(change.id)).filter((type) => type === "run_started").length, 1);
    assert.equal((await world.store.claim("consume", change.grant ?? ""))?.value, (await world.view(change.id)).run?.id);
  });
}

test("[D31] a used grant starts nothing again: not after a failure, a stale state, or by another runner", async (t) => {
  const { world, change } = await signed(t, "memory");
  world.outside.before = async (operation) =>
    operation === "apply" ? { ok: false, error: { code: "no_quota", message: "refused", effect: "none" } } : undefined;
  const failed = await runChange(world.runner, change.id);
  assert.deepEqual(failed, { kind: "ended", end: "failed", code: "no_quota" });
  for (const runner of [world.runner.trust.runner, "rnr_other000001" as RunnerId]) {
    const again = await world.runner.desk.start(change.id, change.grant as never, runner);
    assert.equal(!again.ok && again.error.code, "grant_consumed");
  }
});

test("[CO-21] [D31] asked for by many at once and by itself, a start is one start, and one job", async (t) => {
  const { world, change } = await signed(t, "memory");
  const from = (await world.store.head()).size;
  const answers = await Promise.all(
    ["agent:bot", "ada", "ed", "di", "agent:bot"].map((name) => world.control.run(world.as(name), change.id)),
  );
  assert.ok(answers.every((answer) => answer.ok));
  await world.settle();
  assert.equal((await world.view(change.id)).status, "verified");
  assert.deepEqual(world.outside.writes, ["apply shop#src/cart=new"]);
  const asked = (await world.entries(from)).filter(({ stream }) => stream === "audit");
  assert.deepEqual(
    asked.map(({ event }) => [event["type"], event["grant"]]),
    [["run_requested", change.grant]],
  );
});

test("[CO-2] a hundred writers of one change each get an answer, and every accepted one is in the ledger once", async (t) => {
  const world = await worldOn(t, "memory");
  const change = await world.propose(ordinary());
  const votes = await Promise.all(
    Array.from({ length: 50 }, (_, i) => [
      world.vote(i % 2 === 0 ? "ed" : "di", change.id, {}, { identity: `token:tok_many${i}` }),
      world.control.withdrawVote(world.as("ed"), change.id),
    ]).flat(),
  );
  await world.settle();
  const events = await world.events(change.id);
  const [cast, taken] = [votes.filter((_, i) => i % 2 === 0), votes.filter((_, i) => i % 2 === 1)].map(
    (each) => each.filter(({ ok }) => ok).length,
  );
  assert.equal(events.filter(({ type }) => type === "voted").length, cast);
  assert.equal(events.filter(({ type }) => type === "vote_withdrawn").length, taken);
  const reasons = new Set(votes.flatMap((vote) => (vote.ok ? [] : [vote.error.reason])));
  for (const reason of reasons)
    assert.ok(["already_voted", "seat_filled", "no_vote", "wrong_status", "ended", "contended"].includes(reason), reason);
});

test("[CO-11] one change takes another's place in one write, or not at all", async (t) => {
  const world = await worldOn(t, "memory");
  const old = await world.propose(ordinary("old"));
  const stranger = await world.control.propose(world.as("flo"), { ...ordinary("mine"), supersedes: old.id });
  assert.deepEqual([refusal(stranger).code, refusal(stranger).reason], ["forbidden", "not_a_party"]);
  assert.equal(
    refusal(await world.control.propose(world.as("agent:bot"), { ...ordinary("new"), supersedes: "chg_000000" })).reason,
    "unknown_change",
  );
  const next = await world.propose({ ...ordinary("new"), supersedes: old.id });
  const gone = await world.view(old.id);
  assert.deepEqual([gone.status, gone.superseded_by], ["superseded", next.id]);
  const entries = await world.entries();
  const at = (stream: string, type: string) =>
    entries.findIndex((entry) => entry.stream === `change/${stream}` && entry.event["type"] === type);
  assert.equal(Math.abs(at(old.id, "superseded") - at(next.id, "proposed")), 1);
  assert.equal(refusal(await world.control.propose(world.as("agent:bot"), { ...ordinary("newer"), supersedes: old.id })).reason, "ended");
});

test("[CO-2] [CO-11] when the change to be replaced moves meanwhile, the replacement is decided again", async (t) => {
  for (const how of ["vote", "withdraw"] as const) {
    const world = await worldOn(t, "memory");
    const old = await world.propose({ ...ordinary("old"), start: "on-request" });
    let done = false;
    world.life.onAppend = async (phase) => {
      if (phase === "after" || done) return;
      done = true;
      good(how === "vote" ? await world.vote("ed", old.id) : await world.control.withdraw(world.as("ada"), old.id));
    };
    const answer = await world.control.propose(world.as("agent:bot"), { ...ordinary("new"), supersedes: old.id });
    if (how === "vote") assert.equal(good(answer).status, "proposed");
    else assert.equal(refusal(answer).reason, "ended");
    assert.equal((await world.view(old.id)).status, how === "vote" ? "superseded" : "withdrawn");
    assert.equal(good(await world.control.list(world.as("hal"), { limit: 10 })).changes.length, how === "vote" ? 2 : 1);
  }
});

test("[CO-2] of many replacements of one change at once, one is made", async (t) => {
  const world = await worldOn(t, "memory");
  const old = await world.propose({ ...ordinary("old"), start: "on-request" });
  const answers = await Promise.all(
    Array.from({ length: 20 }, (_, i) => world.control.propose(world.as("agent:bot"), { ...ordinary(`new ${i}`), supersedes: old.id })),
  );
  assert.equal(answers.filter(({ ok }) => ok).length, 1);
  assert.equal(good(await world.control.list(world.as("hal"), { limit: 50 })).changes.length, 2);
});
