import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { randomInt } from "node:crypto";
import { globSync, readFileSync } from "node:fs";
import { basename, resolve } from "node:path";
import { test } from "node:test";
import { Dice } from "../../src/testing/dice.ts";
import { describe, type Action, type Kept } from "./actions.ts";
import { campaign } from "./campaign.ts";
import { shortest } from "./shortest.ts";
import { shrink } from "./shrink.ts";
import { replay, simulate, type Failure, type Options } from "./simulate.ts";
import type { World } from "./world.ts";

const FRESH_STEPS = 200_000;
const told = (failure: Failure | undefined): string =>
  failure === undefined ? "" : `seed ${failure.seed}, step ${failure.step}, invariant ${failure.invariant}: ${failure.message}`;
const main = resolve(import.meta.dirname, "main.ts");

test(`[LC-1] ${FRESH_STEPS} steps of fresh seeds keep every invariant`, { timeout: 170_000 }, async (t) => {
  const seeds = [randomInt(2 ** 32), randomInt(2 ** 32)];
  t.diagnostic(`seeds ${seeds.join(" and ")}`);
  const runs = await Promise.all(
    seeds.map(async (seed) => {
      const child = spawn(process.execPath, [main, "--seed", String(seed), "--steps", String(FRESH_STEPS / seeds.length), "--json"]);
      let output = "";
      for (const pipe of [child.stdout, child.stderr]) pipe.setEncoding("utf8").on("data", (text: string) => (output += text));
      const code = await new Promise((done) => child.on("close", done));
      return { code, output, seed };
    }),
  );
  for (const { code, output, seed } of runs)
    assert.equal(code, 0, `npm run simulate -- --seed ${seed} --steps ${FRESH_STEPS / 2}\n${output.slice(0, 4_000)}`);
});

const KINDS = [
  ["proposed", "planned", "routed", "blocked", "sent_back", "voted", "vote_withdrawn", "votes_voided", "rejected", "authorised", "revised"],
  ["staled", "expired", "withdrawn", "superseded", "run_started", "effect_started", "effect_done", "undo_started", "applied", "verified"],
  ["failed", "undone", "indeterminate", "reconciled", "checked", "stop_requested", "glass_broken", "glass_reviewed"],
].flat();

test("[LC-14] [LC-26] [LC-27] [LC-29] [LC-33] [A1, A2, A7, B12, B13, D31, D35] a fixed seed keeps every invariant, and everything that can happen happens", async () => {
  const { failure, tally } = await campaign(1, 70_000);
  assert.equal(told(failure), "");
  assert.deepEqual(
    KINDS.filter((type) => !tally.events_seen.has(type)),
    [],
    "the worlds are too quiet to show anything",
  );
  assert.ok(tally.effects > 50);
});

test("the same seed makes the same world, and its actions make it again", async () => {
  const bytes = ({ disk }: World): readonly string[] => disk.entries.map((entry) => new TextDecoder().decode(entry.bytes));
  const [one, two, other] = [await simulate(5, 1500), await simulate(5, 1500), await simulate(6, 1500)];
  assert.deepEqual(bytes(one.world), bytes(two.world));
  assert.notDeepEqual(bytes(one.world), bytes(other.world));
});

for (const path of globSync("regressions/*.json", { cwd: import.meta.dirname }).toSorted()) {
  const kept = JSON.parse(readFileSync(resolve(import.meta.dirname, path), "utf8")) as Kept;
  test(`kept: ${basename(path, ".json")}: ${kept.what}`, async () => {
    assert.equal(told((await replay(kept.actions, kept)).failure), "");
  });
}

/** Worlds that are spoilt behind production's back: each breaks one invariant. */
const SPOILS: readonly { readonly what: string; readonly breaks: number; readonly spoil: (world: World) => void }[] = [
  {
    what: "the database says that it has committed, and has not",
    breaks: 10,
    spoil: ({ disk }) => {
      const commit = disk.commit.bind(disk);
      disk.commit = (set) =>
        set.entries.some(({ bytes }) => new TextDecoder().decode(bytes).includes('"withdrawn"')) ? { kind: "committed" } : commit(set);
    },
  },
  {
    what: "the database loses the jobs that are due at once",
    breaks: 17,
    spoil: ({ disk }) => {
      disk.takeDue = () => [];
    },
  },
  {
    what: "the database alters what was stored",
    breaks: 13,
    spoil: ({ disk }) => {
      const { watch } = disk;
      disk.watch = (set) => {
        watch(set);
        const last = disk.entries.at(-1);
        if (disk.entries.length > 24 && last !== undefined)
          disk.entries[disk.entries.length - 1] = { ...last, bytes: last.bytes.toReversed() };
      };
    },
  },
];

for (const { what, breaks, spoil } of SPOILS) {
  test(`the simulator notices when ${what}, and shows a short history of it`, async () => {
    const options: Options = { spoil };
    let found: Failure | undefined;
    for (let seed = 1; seed <= 40 && found === undefined; seed++) found = (await simulate(seed, 800, options)).failure;
    assert.ok(found);
    assert.equal(found.invariant, breaks, found.message);
    const least = await shortest(found, 120_000, options);
    assert.equal((await replay(least.actions, least, options)).failure?.invariant, breaks);
    assert.ok(least.actions.length <= 30, `${least.actions.length} actions:\n${least.actions.map(describe).join("\n")}`);
    assert.equal(told((await replay(least.actions, least)).failure), "", "without the fault nothing is wrong with it");
  });
}

test("shrinking leaves out whatever the failure does not need", async () => {
  const actions: Action[] = Array.from({ length: 400 }, (_, n) => ({ n, do: "tick", millis: n }));
  const needed = [17, 200, 399];
  const fails = async (some: readonly Action[]) => (needed.every((n) => some.some((action) => action.n === n)) ? some : undefined);
  const least = await shrink(actions, fails, 2000);
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
  const run = (...args: string[]) => spawnSync(process.execPath, [main, ...args], { encoding: "utf8" });
  const good = run("--seed", "3", "--steps", "300");
  assert.equal(good.status, 0, good.stderr);
  assert.match(good.stdout, /^seed 3, 300 steps\n[^]*steps a second of one core\n[^]*every invariant held\n$/);
  assert.match(run("--seed", "3", "--steps", "300", "--json").stdout, /^\{"ok":true,"seed":3,"steps":\d+,"stepsPerSecond":\d+\}\n$/);
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
