/** What was applied must hold for as long as the plan says, by what a runner tells a real desk. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Refusal, Result } from "../../src/core/base/index.ts";
import { abandonRunsOf } from "../../src/control/index.ts";
import type { RunDesk, RunReport, VerifyFault } from "../../src/control/ports.ts";
import { runChange, type RunnerDeps } from "../../src/runner/runner.ts";
import { changeOf, ControlWorld, good, idOf, set, type ChangeBody } from "../../src/testing/control-world.ts";

const TWO = changeOf(set("shop#src/a", "new"), set("shop#src/b", "new"));
const WATCH = { seconds: 60, every_seconds: 20 };

async function signed(body: ChangeBody = { ...TWO, watch: WATCH }) {
  const world = await ControlWorld.open();
  const change = await world.approve((await world.propose({ ...body, start: "on-request" })).id, "ed");
  assert.equal(change.status, "authorised");
  return { world, id: idOf(change), outside: world.outside };
}
type Signed = Awaited<ReturnType<typeof signed>>;

/** Lets time pass, a second at a time, until the run is over. */
async function through(world: ControlWorld, report: Promise<RunReport>, each: (elapsed: number) => Promise<void> = async () => undefined) {
  const turn = () => new Promise<"turn">((resolve) => void setImmediate(() => resolve("turn")));
  const settled = async (): Promise<boolean> => {
    for (let turns = 0; turns < 30; turns += 1) if ((await Promise.race([report, turn()])) !== "turn") return true;
    return false;
  };
  for (let elapsed = 0; !(await settled()); elapsed += 1_000) {
    await each(elapsed);
    world.time.pass(1_000);
  }
  return report;
}

const endOf = (report: RunReport): string => (report.kind === "ended" ? `${report.end} ${report.code}` : report.kind);
const run = (here: Signed, deps: Partial<RunnerDeps> = {}): Promise<RunReport> => runChange({ ...here.world.runner, ...deps }, here.id);
const checks = async ({ world, id }: Signed): Promise<readonly string[]> =>
  (await world.events(id)).flatMap((event) => (event.type === "checked" ? [`${event.n} ${event.result}`] : []));

/** Answers the n-th look at `b` otherwise. */
const answering =
  (fault: (look: number) => VerifyFault | undefined) =>
  ({ outside }: Signed): void => {
    let looks = 0;
    outside.before = async (operation, target) => {
      const error = operation === "verify" && target.endsWith("b") ? fault((looks += 1)) : undefined;
      return error === undefined ? undefined : { ok: false, error: { ...error, effect: "none" } };
    };
  };
const wrong: VerifyFault = { code: "wrong", message: "it does not answer" };
const unsure: VerifyFault = { code: "blind", message: "nobody could look", inconclusive: true };

test("[CO-71] that it held is on record look by look, and is verified only at the end of its window", async () => {
  const here = await signed();
  let [watching, waited] = [0, 0];
  const report = run(here, { watching: () => (watching += 1) });
  const end = await through(here.world, report, async (elapsed) => {
    waited = elapsed;
    const view = await here.world.view(here.id);
    assert.equal(view.status, "applied");
    assert.match(view.next, /watched until 2026-09-16T12:01:/);
  });
  assert.deepEqual([endOf(end), watching, waited], ["verified verified", 1, 59_000]);
  assert.deepEqual(await checks(here), ["1 held", "2 held", "3 held", "4 held"]);
  const { run: shown, status } = await here.world.view(here.id);
  assert.deepEqual([status, shown?.checked?.n, shown?.checked?.result], ["verified", 4, "held"]);
});

test("[CO-71] the window is in the plan that is reviewed, and in the grant", async () => {
  const { world, id } = await signed();
  const { plan, presentation } = good(await world.control.plan(world.as("ed"), id));
  assert.deepEqual(plan.watch, { seconds: 60, everySeconds: 20 });
  const undo = presentation.sections.find((section) => section.id === "undo");
  const text = "for 60 seconds after it is applied, every 20 seconds; a check that fails has it undone";
  assert.deepEqual(undo?.items.at(-1), { kind: "fact", label: "watched", text });
  const statement = Buffer.from(good(await world.control.grant(world.as("ed"), id)).payload, "base64").toString();
  assert.match(statement, /"watch":\{"everySeconds":20,"seconds":60\}/);
});

test("[CO-71] what does not hold any more is undone, although it held before", async () => {
  const here = await signed();
  answering((look) => (look === 3 ? wrong : undefined))(here);
  assert.equal(endOf(await through(here.world, run(here))), "undone verification_failed");
  assert.deepEqual(await checks(here), ["1 held", "2 held", "3 failed"]);
  assert.deepEqual(here.outside.writes.slice(2), ["undo shop#src/b=", "undo shop#src/a="]);
  assert.deepEqual((await here.world.types(here.id)).slice(-4), ["checked", "undo_started", "undo_started", "undone"]);
});

test("[CO-72] a look that could not be carried out is no failure: the next one tells", async () => {
  const here = await signed();
  answering((look) => (look === 2 ? unsure : undefined))(here);
  assert.equal(endOf(await through(here.world, run(here))), "verified verified");
  assert.deepEqual(await checks(here), ["1 held", "2 unknown", "3 held", "4 held"]);
});

test("[CO-72] what nobody can look at to the end is undone", async () => {
  const here = await signed();
  answering((look) => (look > 2 ? unsure : undefined))(here);
  assert.equal(endOf(await through(here.world, run(here))), "undone verification_unavailable");
  assert.deepEqual(await checks(here), ["1 held", "2 held", "3 unknown", "4 unknown"]);
  const { because } = await here.world.view(here.id);
  assert.match(JSON.stringify(because?.details), /nobody could look/);
});

test("[CO-72] without a window, what cannot be looked at is tried for some seconds, and then undone", async () => {
  const twice = await signed(TWO);
  answering((look) => (look < 3 ? unsure : undefined))(twice);
  assert.equal(endOf(await through(twice.world, run(twice))), "verified verified");
  const never = await signed(TWO);
  answering(() => unsure)(never);
  assert.equal(endOf(await through(never.world, run(never))), "undone verification_unavailable");
  const silent = await signed(TWO);
  silent.outside.before = async (operation) => (operation === "verify" ? new Promise(() => undefined) : undefined);
  assert.equal(endOf(await through(silent.world, run(silent))), "undone verification_unavailable");
  assert.equal(silent.outside.count("verify"), 8, "both steps, four times");
});

test("[CO-72] what is surely wrong outweighs what cannot be told", async () => {
  const here = await signed(TWO);
  here.outside.before = async (operation, target) => {
    if (operation !== "verify") return undefined;
    return { ok: false, error: { ...(target.endsWith("a") ? unsure : wrong), effect: "none" } };
  };
  assert.equal(endOf(await through(here.world, run(here))), "undone verification_failed");
});

test("[CO-73] a process that ends while it watches says so", async () => {
  const here = await signed();
  const ending = new AbortController();
  const end = await through(here.world, run(here, { signal: ending.signal }), async (elapsed) => {
    if (elapsed === 25_000) ending.abort();
  });
  assert.equal(endOf(end), "indeterminate watch_interrupted");
  assert.deepEqual([await checks(here), here.outside.count("undo")], [["1 held", "2 held"], 0]);
  const before = await signed();
  assert.equal(endOf(await run(before, { signal: AbortSignal.abort() })), "indeterminate watch_interrupted");
});

test("[CO-73] [D30] a process that dies while it watches leaves a run that nobody goes on with", async () => {
  const here = await signed();
  void run(here);
  while ((await here.world.view(here.id)).status !== "applied") await new Promise<void>((resolve) => void setImmediate(resolve));
  const next = await here.world.restart();
  await next.settle();
  const now = await next.view(here.id);
  assert.deepEqual([now.status, now.because?.code, here.outside.count("apply")], ["indeterminate", "watch_interrupted", 2]);
  assert.match(now.next, /pawl reconcile/);
});

/** The real desk, with a word of its own for some calls. */
const telling = (real: RunDesk, say: Partial<RunDesk>): RunDesk => ({ ...real, ...say });
const refuse = (code: string): Result<never> => ({ ok: false, error: { code, message: code } satisfies Refusal });

test("[CO-71] a desk whose clock is behind is asked again for two minutes, and never told that it held all the same", async () => {
  const here = await signed();
  const { desk } = here.world.runner;
  let left = 3;
  const late = telling(desk, {
    report: async (...told) => (told[1] === "verified" && left-- > 0 ? refuse("watch_open") : desk.report(...told)),
  });
  assert.equal(endOf(await through(here.world, run(here, { desk: late }))), "verified verified");
  assert.equal((await checks(here)).length, 7);
  const stuck = await signed();
  const real = stuck.world.runner.desk;
  const never = telling(real, { report: async (...told) => (told[1] === "verified" ? refuse("watch_open") : real.report(...told)) });
  assert.equal(endOf(await through(stuck.world, run(stuck, { desk: never }))), "indeterminate watch_open");
});

test("[CO-71] a runner that says too early that it held is not believed", async () => {
  const here = await signed();
  const { desk } = here.world.runner;
  const codes = new Set<string>();
  const hasty = telling(desk, {
    check: async (ref, ...rest) => {
      const told = await desk.check(ref, ...rest);
      const early = await desk.report(ref, "verified", "verified", {});
      codes.add(early.ok ? "believed" : early.error.code);
      return told;
    },
  });
  void run(here, { desk: hasty });
  while (codes.size === 0) await new Promise<void>((resolve) => void setImmediate(resolve));
  assert.deepEqual([[...codes], (await here.world.view(here.id)).status], [["watch_open"], "applied"]);
});

test("[CO-73] however many are watched, other work goes on", async () => {
  const world = await ControlWorld.open();
  const turns = async (): Promise<void> => {
    for (let n = 0; n < 40; n += 1) await new Promise<void>((resolve) => void setImmediate(resolve));
  };
  const many = ["a", "b", "c", "d", "e", "f"].map((name) => ({ ...changeOf(set(`shop#docs/${name}`, "new")), watch: WATCH }));
  const watched = [];
  for (const body of many) {
    watched.push(good(await world.control.propose(world.as("agent:bot"), body)).id);
    await turns();
  }
  for (const id of watched) assert.equal((await world.view(id)).status, "applied");
  const other = good(await world.control.propose(world.as("agent:bot"), changeOf(set("shop#docs/other", "new"))));
  await turns();
  assert.equal((await world.view(other.id)).status, "verified");
  for (let second = 0; second < 70; second += 1) {
    world.time.pass(1_000);
    await turns();
  }
  for (const id of watched) assert.equal((await world.view(id)).status, "verified");
});

test("[CO-74] a stop is met long before the next look, and so is the end of the run", async () => {
  for (const [stop, end] of [
    [true, "undone stopped"],
    [false, "stopped"],
  ] as const) {
    const here = await signed({ ...TWO, watch: { seconds: 7_200, every_seconds: 3_600 } });
    let waited = 0;
    const report = await through(here.world, run(here), async (elapsed) => {
      waited = elapsed;
      if (elapsed !== 20_000) return;
      if (stop) good(await here.world.control.stop(here.world.as("ed"), here.id));
      else await abandonRunsOf(here.world.deps, here.world.runner.trust.runner);
    });
    assert.deepEqual([endOf(report), waited <= 30_000, await checks(here)], [end, true, ["1 held"]]);
  }
});

test("[CO-74] a desk that cannot be asked whether it may go on stops nothing", async () => {
  const here = await signed();
  const { desk } = here.world.runner;
  const away = telling(desk, { standing: async () => refuse("unavailable") });
  assert.equal(endOf(await through(here.world, run(here, { desk: away }))), "verified verified");
});

test("[CO-76] what a run is at is told line by line, and what its connectors say under the name of their step", async () => {
  const here = await signed();
  const lines: string[] = [];
  const { connectors } = here.world.runner;
  const chatty = new Map(
    [...connectors].map(([name, each]) => {
      const apply: typeof each.apply = (payload, expected, limits) => {
        limits.progress?.("half way");
        return each.apply(payload, expected, limits);
      };
      return [name, { ...each, apply }];
    }),
  );
  await through(here.world, run(here, { connectors: chatty, progress: (line) => lines.push(line) }));
  const told = (step: string): string[] => ["reading the state", "applying", "half way", "applied"].map((line) => `${step}: ${line}`);
  assert.deepEqual(lines.slice(0, 8), [...told("step-1"), ...told("step-2")]);
  assert.deepEqual(lines.slice(8), [
    "check 1: held",
    "check 2: held",
    "check 3: held",
    "verifying",
    "check 4: held",
    "ended: verified, verified",
  ]);
});
