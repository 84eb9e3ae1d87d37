import assert from "node:assert/strict";
import { randomInt } from "node:crypto";
import { spawnSync } from "node:child_process";
import { resolve } from "node:path";
import { test } from "node:test";
import { decide, type ChangeEvent } from "../../src/core/change/index.ts";
import { describe } from "./actions.ts";
import { Dice } from "../../src/testing/dice.ts";
import { shortest } from "./shortest.ts";
import { shrink } from "./shrink.ts";
import { replay, simulate, type Failure } from "./simulate.ts";
import type { Decide } from "./system.ts";

const told = (seed: number, failure: Failure | undefined): string =>
  failure === undefined ? "" : `seed ${seed}, step ${failure.step}: ${failure.message}; see npm run simulate -- --seed ${seed}`;

test("[LC-1] [LC-14] [LC-26] [LC-27] [LC-29] [LC-33] [A1, A2, A7, B12, B13, D31, D35] 20,000 steps of a fixed seed keep every invariant", () => {
  const { world, failure } = simulate(7295, 20_000);
  assert.equal(told(7295, failure), "");
  const seen = new Set<string>(world.system.entries.map(({ event }) => event.type));
  const all = [
    "proposed",
    "planned",
    "routed",
    "blocked",
    "sent_back",
    "voted",
    "vote_withdrawn",
    "votes_voided",
    "rejected",
    "authorised",
    "revised",
    "staled",
    "expired",
  ];
  const more = [
    "withdrawn",
    "superseded",
    "run_started",
    "effect_started",
    "effect_done",
    "undo_started",
    "applied",
    "verified",
    "failed",
    "undone",
    "indeterminate",
    "reconciled",
  ];
  assert.deepEqual(
    [...all, ...more].filter((type) => !seen.has(type)),
    [],
    "the world is too quiet to show anything",
  );
  assert.ok(
    world.effects.filter((effect) => effect.kind === "apply").length > 50 && world.effects.some((effect) => effect.kind === "undo"),
  );
});

test("[LC-1] a fresh seed keeps every invariant", (t) => {
  const seed = randomInt(2 ** 32);
  t.diagnostic(`seed ${seed}`);
  assert.equal(told(seed, simulate(seed, 8000).failure), "");
});

test("the same seed makes the same world, and its actions make it again", () => {
  const [one, two] = [simulate(5, 1500), simulate(5, 1500)];
  assert.deepEqual(one.world.system.entries, two.world.system.entries);
  assert.notDeepEqual(one.world.system.entries, simulate(6, 1500).world.system.entries);
});

/** Faults planted in the decision, each of which breaks one invariant. */
const SABOTAGES: readonly { readonly what: string; readonly breaks: number; readonly decide: Decide }[] = [
  {
    what: "an unknown outcome is called a failure",
    breaks: 10,
    decide: (state, command, at) =>
      command.type === "abandon" && state?.status === "running"
        ? { ok: true, value: [{ type: "failed", at, run: state.run, because: command.because }] }
        : decide(state, command, at),
  },
  {
    what: "a start does not look at policy again",
    breaks: 11,
    decide: (state, command, at) =>
      decide(state, command.type === "start" && state?.status === "authorised" ? { ...command, bundle: state.review.bundle } : command, at),
  },
  {
    what: "a start does not look at people again",
    breaks: 4,
    decide: (state, command, at) => {
      const decided = decide(state, command, at);
      if (decided.ok || decided.error.code !== "quorum_lost" || command.type !== "start") return decided;
      const { grant, run, runner } = command;
      return { ok: true, value: [{ type: "run_started", at, grant, run, runner }] };
    },
  },
  {
    what: "a plan of an earlier revision is taken",
    breaks: 3,
    decide: (state, command, at) =>
      decide(state, command.type === "plan" && state !== undefined ? { ...command, revision: state.revision } : command, at),
  },
  {
    what: "votes outlive what they were about",
    breaks: 6,
    decide: (state, command, at) => {
      const decided = decide(state, command, at);
      const standing = (state?.status === "planned" && state.previous?.votes) || [];
      const keepAll = (event: ChangeEvent): ChangeEvent =>
        event.type === "routed" ? { ...event, kept: standing.map((vote) => vote.person) } : event;
      return decided.ok ? { ok: true, value: decided.value.map(keepAll) } : decided;
    },
  },
];

for (const { what, breaks, decide: sabotaged } of SABOTAGES) {
  test(`the simulator notices when ${what}, and shows a short history of it`, () => {
    let found: Failure | undefined;
    for (let seed = 1; seed <= 8 && found === undefined; seed++) found = simulate(seed, 20_000, sabotaged).failure;
    assert.ok(found);
    assert.equal(found.invariant, breaks, found.message);
    const least = shortest(found, sabotaged);
    assert.equal(replay(least.actions, sabotaged).failure?.invariant, breaks);
    assert.ok(least.actions.length <= 30, `${least.actions.length} actions:\n${least.actions.map(describe).join("\n")}`);
    assert.equal(replay(least.actions).failure, undefined, "without the fault nothing is wrong with it");
  });
}

test("shrinking leaves out whatever the failure does not need", () => {
  const actions = Array.from({ length: 400 }, (_, n) => ({ n, kind: "tick" as const, millis: n }));
  const needed = [17, 200, 399];
  const least = shrink(actions, (some) => (needed.every((n) => some.some((action) => action.n === n)) ? some : undefined), 2000);
  assert.deepEqual(
    least.map((action) => action.n),
    needed,
  );
});

test("choices follow their weights and nothing else", () => {
  const dice = new Dice(1);
  const seen = new Map<string, number>();
  for (let n = 0; n < 10_000; n++) {
    const key = dice.weighted({ often: 9, rarely: 1, never: 0 });
    seen.set(key, (seen.get(key) ?? 0) + 1);
  }
  assert.deepEqual([...seen.keys()].toSorted(), ["often", "rarely"]);
  assert.ok(Math.abs((seen.get("rarely") ?? 0) - 1000) < 150);
});

test("npm run simulate prints its seed and says what held; a wrong argument is refused with the usage", () => {
  const run = (...args: string[]) => spawnSync(process.execPath, [resolve(import.meta.dirname, "main.ts"), ...args], { encoding: "utf8" });
  const good = run("--seed", "3", "--steps", "300");
  assert.equal(good.status, 0, good.stderr);
  assert.match(good.stdout, /^seed 3, 300 steps\n[^]*every invariant held\n$/);
  for (const args of [
    ["--steps", "many"],
    ["--sede", "1"],
    ["--seed", "-1"],
  ]) {
    const bad = run(...args);
    assert.equal(bad.status, 2);
    assert.match(bad.stderr, /usage: npm run simulate/);
  }
});
