/** What a runner does with a grant, step by step, at a real desk. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Connector, PerformFault, RunDesk, RunReport } from "../../src/control/ports.ts";
import { digestOf, millis, type Digest, type Refusal, type Result } from "../../src/core/base/index.ts";
import { runChange } from "../../src/runner/runner.ts";
import { changeOf, ControlWorld, idOf, set } from "../../src/testing/control-world.ts";

const THREE = changeOf(set("shop#src/a", "new"), set("shop#src/b", "new"), set("shop#src/c", "new"));

async function signed() {
  const world = await ControlWorld.open();
  const change = await world.approve((await world.propose({ ...THREE, start: "on-request" })).id, "ed");
  assert.equal(change.status, "authorised");
  return { world, change, id: idOf(change), outside: world.outside };
}
type Signed = Awaited<ReturnType<typeof signed>>;

const fault = (code: string, effect: "none" | "possible"): Result<never, PerformFault> => ({
  ok: false,
  error: { code, message: code, effect },
});

/** A desk that answers as a test wants, for the first calls that it picks. */
function desk(
  real: RunDesk,
  pick: (method: keyof RunDesk, call: number) => Refusal | "throw" | undefined,
): { readonly desk: RunDesk; readonly calls: string[] } {
  const calls: string[] = [];
  const wrapped =
    (method: keyof RunDesk) =>
    async (...args: unknown[]) => {
      calls.push(method);
      const error = pick(method, calls.filter((each) => each === method).length);
      if (error === "throw") throw new Error("the connection broke");
      if (error !== undefined) return { ok: false, error };
      return (real[method] as (...all: unknown[]) => Promise<unknown>)(...args);
    };
  const methods: readonly (keyof RunDesk)[] = ["offer", "start", "begin", "finish", "check", "standing", "beginUndo", "stale", "report"];
  return { desk: Object.fromEntries(methods.map((method) => [method, wrapped(method)])) as unknown as RunDesk, calls };
}

const endOf = (report: RunReport): string => (report.kind === "ended" ? `${report.end} ${report.code}` : report.kind);

test("[CO-24] the steps run in their order, each observed, begun, applied and recorded before the next, and verified at the end", async () => {
  const { world, id, outside } = await signed();
  const seen = desk(world.runner.desk, () => undefined);
  assert.equal(endOf(await runChange({ ...world.runner, desk: seen.desk }, id)), "verified verified");
  assert.deepEqual(seen.calls, ["offer", "start", "begin", "finish", "begin", "finish", "begin", "finish", "report"]);
  const work = outside.calls.filter(([operation]) => operation !== "analyse").map(([operation, target]) => `${operation} ${target.at(-1)}`);
  assert.deepEqual(work, ["observe a", "apply a", "observe b", "apply b", "observe c", "apply c", "verify a", "verify b", "verify c"]);
});

test("[CO-24] a later step that meets another state has the earlier ones undone, latest first", async () => {
  const { world, id, outside } = await signed();
  outside.before = async (operation, target) => {
    if (operation === "observe" && target.endsWith("c") && outside.count("undo") === 0) outside.values.set(target, "moved");
  };
  assert.equal(endOf(await runChange(world.runner, id)), "undone stale_state");
  assert.deepEqual(outside.writes, ["apply shop#src/a=new", "apply shop#src/b=new", "undo shop#src/b=", "undo shop#src/a="]);
  assert.deepEqual((await world.types(id)).slice(-3), ["undo_started", "undo_started", "undone"]);
});

test("[CO-24] [B12] an apply that met another state, which a look does not show, makes the change stale; one that says less has failed", async () => {
  const met = digestOf("met");
  for (const [details, ends] of [
    [(expected: Digest) => ({ expected, observed: met }), "stale"],
    [(expected: Digest) => ({ expected, observed: expected }), "failed stale_state"],
    [() => ({ expected: met, observed: met }), "failed stale_state"],
  ] as const) {
    const { world, id, outside } = await signed();
    const wrap = (real: Connector): Connector => ({
      ...real,
      apply: async (_, expected) => ({
        ok: false,
        error: { code: "stale_state", message: "it moved", effect: "none", details: details(expected) },
      }),
    });
    const connectors = new Map([...world.runner.connectors].map(([name, real]) => [name, wrap(real)]));
    const report = await runChange({ ...world.runner, connectors }, id);
    assert.equal(endOf(report), ends);
    if (report.kind === "stale") assert.deepEqual([report.observed, (await world.view(id)).status], [met, "stale"]);
    assert.deepEqual(outside.writes, []);
  }
});

test("[D35] [CO-25] a runner whose own clock passes the grant between steps begins no further one, whatever the desk's clock says", async () => {
  const { world, id, outside } = await signed();
  let ahead = 0;
  outside.before = async (operation, target) => void (operation === "observe" && target.endsWith("b") && (ahead = 48 * 3_600_000));
  const clock = { now: () => millis(world.time.now() + ahead) };
  assert.equal(endOf(await runChange({ ...world.runner, clock }, id)), "undone grant_expired");
  assert.deepEqual(outside.writes, ["apply shop#src/a=new", "undo shop#src/a="]);
});

test("[D35] [CO-25] a runner whose own clock was put back between steps begins no further one: it may not be time yet", async () => {
  const { world, id, outside } = await signed();
  let behind = 0;
  outside.before = async (operation, target) => void (operation === "observe" && target.endsWith("b") && (behind = 48 * 3_600_000));
  const clock = { now: () => millis(world.time.now() - behind) };
  assert.equal(endOf(await runChange({ ...world.runner, clock }, id)), "undone clock_behind");
  assert.deepEqual(outside.writes, ["apply shop#src/a=new", "undo shop#src/a="]);
});

/** How each connector's answer at each place ends the run, and what is then left outside. */
const ENDS: readonly (readonly [string, (s: Signed) => void, string, number])[] = [
  [
    "the first look fails",
    ({ outside }) => (outside.before = async (op) => (op === "observe" ? fault("blind", "none") : undefined)),
    "failed blind",
    0,
  ],
  [
    "the first write is refused",
    ({ outside }) => (outside.before = async (op) => (op === "apply" ? fault("no_quota", "none") : undefined)),
    "failed no_quota",
    0,
  ],
  [
    "the first write is uncertain",
    ({ outside }) => (outside.before = async (op) => (op === "apply" ? fault("cut_off", "possible") : undefined)),
    "indeterminate cut_off",
    0,
  ],
  [
    "a connector throws while writing",
    ({ outside }) => (outside.before = async (op) => (op === "apply" ? Promise.reject(new Error("x")) : undefined)),
    "indeterminate connector_crashed",
    0,
  ],
  [
    "a connector throws after writing",
    ({ outside }) => (outside.after = async () => Promise.reject(new Error("x"))),
    "indeterminate connector_crashed",
    1,
  ],
  [
    "a later look fails",
    ({ outside }) => (outside.before = async (op, t) => (op === "observe" && t.endsWith("b") ? fault("blind", "none") : undefined)),
    "undone blind",
    2,
  ],
  [
    "a later write is refused",
    ({ outside }) => (outside.before = async (op, t) => (op === "apply" && t.endsWith("c") ? fault("no_quota", "none") : undefined)),
    "undone no_quota",
    4,
  ],
  [
    "a later write is uncertain",
    ({ outside }) => (outside.before = async (op, t) => (op === "apply" && t.endsWith("b") ? fault("cut_off", "possible") : undefined)),
    "indeterminate cut_off",
    1,
  ],
  [
    "verification fails",
    ({ outside }) => (outside.before = async (op, t) => (op === "verify" && t.endsWith("b") ? fault("wrong", "none") : undefined)),
    "undone verification_failed",
    6,
  ],
  [
    "an undo fails",
    ({ outside }) =>
      (outside.before = async (op, t) => (op === "verify" || (op === "undo" && t.endsWith("b")) ? fault("stuck", "none") : undefined)),
    "indeterminate stuck",
    4,
  ],
  [
    "an undo leaves another state",
    ({ outside }) => {
      outside.before = async (op) => (op === "verify" ? fault("wrong", "none") : undefined);
      outside.after = async (op, t) => (op === "undo" ? void outside.values.set(t, "leftover") : undefined);
    },
    "indeterminate undo_unverified",
    4,
  ],
];

for (const [what, prepare, end, writes] of ENDS) {
  test(`[CO-26] [CO-27] when ${what}, the run is ${end.split(" ")[0]}`, async () => {
    const here = await signed();
    prepare(here);
    assert.equal(endOf(await runChange(here.world.runner, here.id)), end);
    const now = await here.world.view(here.id);
    assert.equal(now.status, end.split(" ")[0]);
    assert.equal(now.because?.code, end.split(" ")[1]);
    assert.equal(here.outside.writes.length, writes);
  });
}

test("[CO-30] a connector that never answers is given up after its time: before the write cleanly, in it indeterminate", async () => {
  for (const [operation, expected] of [
    ["observe", "failed connector_timeout"],
    ["apply", "indeterminate connector_timeout"],
  ] as const) {
    const { world, id, outside } = await signed();
    outside.before = async (at) => (at === operation ? new Promise(() => undefined) : undefined);
    const report = runChange(world.runner, id);
    while (outside.count(operation) === 0) await new Promise<void>((resolve) => void setImmediate(resolve));
    world.time.pass(34_999);
    world.time.pass(1);
    assert.equal(endOf(await report), expected);
    assert.equal((await world.view(id)).status, expected.split(" ")[0]);
  }
});

test("[B16] [CO-25] a desk that refuses the intent has had no effect, whatever refused it", async () => {
  for (const code of ["other_run", "ended", "grant_expired", "wrong_status", "step_out_of_order"]) {
    const { world, id, outside } = await signed();
    const seen = desk(world.runner.desk, (method) => (method === "begin" ? { code, message: code } : undefined));
    assert.equal(endOf(await runChange({ ...world.runner, desk: seen.desk }, id)), `failed ${code}`);
    assert.deepEqual([outside.writes, (await world.view(id)).status], [[], "failed"]);
  }
});

test("[B16] [CO-25] a run that was given up behind the runner's back does nothing more, and undoes nothing without a record", async () => {
  const { world, id, outside } = await signed();
  outside.before = async (operation, target) => {
    if (operation !== "observe" || !target.endsWith("b")) return;
    const { run } = await world.view(id);
    const { abandonRunsOf } = await import("../../src/control/index.ts");
    assert.ok(run !== undefined);
    await abandonRunsOf(world.deps, world.runner.trust.runner);
  };
  const report = await runChange(world.runner, id);
  assert.equal(report.kind, "stopped");
  assert.deepEqual(outside.writes, ["apply shop#src/a=new"]);
  const now = await world.view(id);
  assert.deepEqual([now.status, now.because?.code], ["indeterminate", "runner_restarted"]);
});

test("[CO-28] a desk that is away for a moment is asked again, and costs nothing", async () => {
  for (const trouble of [{ code: "unavailable", message: "the store does not answer" }, "throw"] as const) {
    const { world, id, outside } = await signed();
    const seen = desk(world.runner.desk, (method, call) =>
      ["begin", "finish", "report"].includes(method) && call % 3 !== 0 ? trouble : undefined,
    );
    const report = runChange({ ...world.runner, desk: seen.desk }, id);
    const turn = () => new Promise<"turn">((resolve) => void setImmediate(() => resolve("turn")));
    while ((await Promise.race([report, turn()])) === "turn") world.time.pass(500);
    assert.equal(endOf(await report), "verified verified");
    assert.equal(outside.writes.length, 3);
  }
});

test("[CO-28] an effect that cannot be recorded stops the run: indeterminate if that can be said, stopped if not", async () => {
  const refused = { code: "too_large", message: "too much evidence" };
  const first = await signed();
  const once = desk(first.world.runner.desk, (method) => (method === "finish" ? refused : undefined));
  assert.equal(endOf(await runChange({ ...first.world.runner, desk: once.desk }, first.id)), "indeterminate report_refused");
  const second = await signed();
  const never = desk(second.world.runner.desk, (method) => (method === "finish" || method === "report" ? refused : undefined));
  const report = await runChange({ ...second.world.runner, desk: never.desk }, second.id);
  assert.deepEqual(report, { kind: "stopped", error: refused });
  assert.equal((await second.world.view(second.id)).status, "running");
  for (const { outside } of [first, second]) assert.deepEqual(outside.writes, ["apply shop#src/a=new"]);
});

test("[CO-23] a runner without a connector, an offer, or a start has touched nothing", async () => {
  const { world, id, outside } = await signed();
  const bare = await runChange({ ...world.runner, connectors: new Map() }, id);
  assert.equal(bare.kind === "not_started" && bare.error.code, "unknown_connector");
  const gone = desk(world.runner.desk, (method) => (method === "start" ? { code: "grant_unknown", message: "replaced" } : undefined));
  const late = await runChange({ ...world.runner, desk: gone.desk }, id);
  assert.equal(late.kind === "not_started" && late.error.code, "grant_unknown");
  assert.equal((await runChange(world.runner, "chg_000000" as typeof id)).kind, "not_started");
  assert.deepEqual([outside.count("observe"), outside.writes, (await world.view(id)).status], [0, [], "authorised"]);
});

test("[CO-27] the evidence of how a run ended is kept, bounded, and shown", async () => {
  const { world, id, outside } = await signed();
  const long = "x".repeat(100_000);
  outside.before = async (op) =>
    op === "apply"
      ? { ok: false, error: { code: "long_story", message: long, where: long, details: { long }, effect: "possible" } }
      : undefined;
  await runChange(world.runner, id);
  const { because } = await world.view(id);
  assert.equal(because?.code, "long_story");
  const details = because?.details as { message: string; where: string; details: string };
  assert.deepEqual([details.message.length, details.where.length, details.details.length], [4_096, 1_024, 16_384]);
  assert.equal(because?.text, "x".repeat(4_096));
  assert.ok(digestOf(long) !== "");
});
