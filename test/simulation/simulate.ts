import type { Action } from "./actions.ts";
import { nextAction } from "./actors.ts";
import { newWorld, step } from "./engine.ts";
import { Broken } from "./invariants.ts";
import { Dice } from "../../src/testing/dice.ts";
import { settle } from "./settle.ts";
import { ClaimTaken, CoreSystem, type Decide, type System } from "./system.ts";
import type { World } from "./world.ts";

export interface Failure {
  readonly step: number;
  readonly invariant: number;
  readonly message: string;
  readonly change: string | undefined;
  readonly actions: readonly Action[];
}

export interface Outcome {
  readonly world: World;
  readonly failure: Failure | undefined;
}

const fresh = (decide?: Decide): System => new CoreSystem(decide);

/** Runs `steps` steps of the world that the seed makes, then lets the faults stop and waits for rest. */
export function simulate(seed: number, steps: number, decide?: Decide): Outcome {
  const world = newWorld(fresh(decide));
  const dice = new Dice(seed);
  const actions: Action[] = [];
  for (let n = 1; n <= steps; n++) {
    const action = nextAction(world, dice, n);
    actions.push(action);
    const broken = attempt(() => step(world, action));
    if (broken !== undefined) return { world, failure: failureOf(broken, actions) };
  }
  const broken = attempt(() => settle(world, steps));
  return { world, failure: broken && failureOf(broken, actions) };
}

/** The same actions again, or some of them. */
export function replay(actions: readonly Action[], decide?: Decide): Outcome {
  const world = newWorld(fresh(decide));
  const done: Action[] = [];
  for (const action of actions) {
    done.push(action);
    const broken = attempt(() => step(world, action));
    if (broken !== undefined) return { world, failure: failureOf(broken, done) };
  }
  const broken = attempt(() => settle(world, actions.at(-1)?.n ?? 0));
  return { world, failure: broken && failureOf(broken, done) };
}

/** A broken invariant of the world, or a crash of the code under test. */
function attempt(work: () => void): Broken | undefined {
  try {
    work();
    return undefined;
  } catch (error) {
    if (error instanceof Broken) return error;
    if (error instanceof ClaimTaken) return new Broken(8, error.message);
    return new Broken(0, error instanceof Error ? (error.stack ?? error.message) : String(error));
  }
}

function failureOf({ invariant, message, change }: Broken, actions: readonly Action[]): Failure {
  return { step: actions.at(-1)?.n ?? 0, invariant, message, change, actions: [...actions] };
}
