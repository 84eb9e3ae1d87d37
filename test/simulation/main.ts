/** `npm run simulate -- --seed N --steps M`: a seeded world over the lifecycle, with the invariants checked after every step. */
import { parseArgs } from "node:util";
import { describe } from "./actions.ts";
import { shortest } from "./shortest.ts";
import { replay, simulate } from "./simulate.ts";

function read(args: readonly string[]): { seed: number; steps: number } | string {
  try {
    const { values } = parseArgs({ args: [...args], options: { seed: { type: "string" }, steps: { type: "string" } } });
    const seed = values.seed === undefined ? Math.floor(Math.random() * 2 ** 32) : Number(values.seed);
    const steps = values.steps === undefined ? 20_000 : Number(values.steps);
    const whole = (n: number): boolean => Number.isSafeInteger(n) && n >= 0;
    return whole(seed) && whole(steps) ? { seed, steps } : "--seed and --steps are whole numbers";
  } catch (error) {
    return String(error instanceof Error ? error.message : error);
  }
}

function main(args: readonly string[]): number {
  const options = read(args);
  if (typeof options === "string") {
    console.error(`${options}\nusage: npm run simulate -- [--seed N] [--steps M]`);
    return 2;
  }
  const { seed, steps } = options;
  console.log(`seed ${seed}, ${steps} steps`);
  const { failure, world } = simulate(seed, steps);
  if (failure === undefined) {
    const ends = Map.groupBy(world.system.changes(), (state) => state.status);
    console.log(
      `${world.system.entries.length} events, ${world.effects.length} effects, changes: ${[...ends].map(([status, states]) => `${states.length} ${status}`).join(", ")}`,
    );
    console.log("every invariant held");
    return 0;
  }
  console.log(`seed ${seed}, step ${failure.step}: ${failure.message}`);
  const least = shortest(failure);
  console.log(`the shortest history found, ${least.actions.length} of ${failure.actions.length} actions:`);
  for (const action of least.actions) console.log(describe(action));
  console.log(replay(least.actions).world.outcomes.join("\n"));
  console.log(least.message);
  return 1;
}

process.exitCode = main(process.argv.slice(2));
