/** [D30] A runner that is gone at any moment of any run: at most one start, an end that is true, and nothing that is done a second time. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Connector, RunDesk } from "../../src/control/ports.ts";
import { changeOf, ControlWorld, good, set, type ChangeBody } from "../../src/testing/control-world.ts";
import { Outside } from "../../src/testing/scripted-connector.ts";

const TWO = changeOf(set("shop#src/a", "new"), set("shop#src/b", "new"));
const WATCHED = { ...TWO, watch: { seconds: 60, every_seconds: 20 } };
const never = new Promise<never>(() => undefined);

/** Ends the process at its n-th await of a desk, a connector or a timer, before the call or after it. */
class Mortal {
  readonly #at: number;
  readonly #end: () => void;
  awaits = 0;

  constructor(at: number, end: () => void) {
    this.#at = at;
    this.#end = end;
  }

  async pass(): Promise<void> {
    this.awaits += 1;
    if (this.awaits < this.#at) return;
    if (this.awaits === this.#at) this.#end();
    await never;
  }

  wrap<T extends object>(target: T, methods: readonly (keyof T & string)[]): T {
    const wrapped = Object.fromEntries(
      methods.map((method) => [
        method,
        async (...args: unknown[]): Promise<unknown> => {
          await this.pass();
          const answer = await (target[method] as (...all: unknown[]) => Promise<unknown>)(...args);
          await this.pass();
          return answer;
        },
      ]),
    );
    return { ...target, ...wrapped };
  }
}

const DESK: readonly (keyof RunDesk)[] = ["offer", "start", "begin", "finish", "check", "standing", "beginUndo", "stale", "report"];
const WORK: readonly (keyof Connector)[] = ["observe", "apply", "verify", "undo"];

/** A world whose runner dies at its n-th await; `none` of them is left when it lives to the end. */
async function lived(body: ChangeBody, at: number, prepare: (world: ControlWorld, outside: Outside, change: () => string) => void) {
  const outside = new Outside();
  const first = await ControlWorld.open({ outside });
  let id = "";
  prepare(first, outside, () => id);
  const mortal = new Mortal(at, () => first.life.end());
  const connectors = new Map([...first.runner.connectors].map(([name, each]) => [name, mortal.wrap(each, WORK)]));
  const { desk, timers } = first.runner;
  const mortalTimers = { after: (millis: number, fn: () => void) => timers.after(millis, () => void mortal.pass().then(fn)) };
  Object.assign(first.runner, { desk: mortal.wrap(desk, DESK), connectors, timers: mortalTimers });
  id = (await first.propose(body)).id;
  good(await first.vote("ed", id));
  await pass(first, 24);
  const survived = !first.life.over;
  const before = [...outside.writes];
  const started = JSON.stringify((await first.store.load(`change/${id}`))?.body).includes('"run":');
  outside.before = async () => undefined;
  const next = await first.restart();
  await pass(next, 24);
  return { world: next, id, outside, survived, started, before };
}

/** Five seconds at a time: a run that watches is never idle. */
async function pass(world: ControlWorld, times: number): Promise<void> {
  for (let n = 0; n < times && !world.life.over; n += 1) {
    await turns();
    world.time.pass(5_000);
  }
  await turns();
}

async function turns(): Promise<void> {
  for (let n = 0; n < 12; n += 1) await new Promise<void>((resolve) => void setImmediate(resolve));
}

/** What the record says is what happened, and nothing happened after the death. */
async function judge({ world, id, outside, started, before }: Awaited<ReturnType<typeof lived>>, at: number): Promise<string> {
  const { status, because } = await world.view(id);
  const types = await world.types(id);
  const said = `killed at await ${at}: ${status} ${because?.code ?? ""}, ${outside.writes.join("; ")}`;
  const starts = types.filter((type) => type === "run_started").length;
  assert.equal(starts, 1, said);
  const writes = outside.writes.filter((write, n) => outside.writes.indexOf(write) === n);
  assert.deepEqual(writes, outside.writes, `${said}: something was done twice`);
  const [applied, undone] = ["apply", "undo"].map((kind) => outside.writes.filter((write) => write.startsWith(kind)).length);
  if (started) assert.deepEqual(outside.writes, before, `${said}: after its death`);
  if (status === "verified") assert.deepEqual([applied, undone], [2, 0], said);
  else if (status === "failed") assert.deepEqual([applied, undone], [0, 0], said);
  else if (status === "undone") assert.equal(applied, undone, said);
  else assert.equal(status, "indeterminate", said);
  if (types.includes("verified") && types.includes("checked")) assert.equal(types.filter((type) => type === "checked").length, 4, said);
  return status;
}

const wrong = { ok: false, error: { code: "wrong", message: "wrong", effect: "none" } } as const;
const SCENES: readonly (readonly [string, ChangeBody, Parameters<typeof lived>[2], readonly string[]])[] = [
  ["goes well", TWO, () => undefined, ["failed", "indeterminate", "verified"]],
  ["is watched and holds", WATCHED, () => undefined, ["failed", "indeterminate", "verified"]],
  [
    "is watched and does not hold",
    WATCHED,
    (_, outside) => {
      outside.before = async (operation) => (operation === "verify" && outside.count("verify") > 3 ? wrong : undefined);
    },
    ["failed", "indeterminate", "undone", "verified"],
  ],
  [
    "is refused at its second step",
    TWO,
    (_, outside) => {
      outside.before = async (operation, target) => (operation === "apply" && target.endsWith("b") ? wrong : undefined);
    },
    ["failed", "indeterminate", "undone", "verified"],
  ],
  [
    "is stopped between its steps",
    TWO,
    (world, outside, change) => {
      outside.before = async (operation) => {
        if (operation === "observe" && outside.count("observe") === 2) good(await world.control.stop(world.as("ed"), change()));
      };
    },
    ["failed", "indeterminate", "undone", "verified"],
  ],
];

for (const [what, body, prepare, ends] of SCENES) {
  test(`[D30] [CO-29] a run that ${what} is killed at every await`, async () => {
    const met = new Set<string>();
    for (let at = 1; ; at += 1) {
      const life = await lived(body, at, prepare);
      met.add(await judge(life, at));
      if (life.survived) break;
      assert.ok(at < 200, "it comes to an end");
    }
    assert.deepEqual([...met].toSorted(), ends);
  });
}
