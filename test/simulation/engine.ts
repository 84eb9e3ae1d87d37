/** One action in a world. */
import { never } from "../../src/core/base/index.ts";
import type { Action } from "./actions.ts";
import { send } from "./client.ts";
import { Broken, quiet, type Fate, type Parked } from "./scheduler.ts";
import type { World } from "./world.ts";

/** So much of what waits is let go by one `drain` at most. */
const DRAINED = 4_000;

export async function step(world: World, action: Action): Promise<void> {
  try {
    if (action.do === "drain") await drain(world, DRAINED);
    else if (action.do === "go") await go(world, action);
    else act(world, action);
  } catch (error) {
    world.broke(error);
  }
  await quiet();
}

async function go(world: World, { at, fate, times = 1 }: Extract<Action, { do: "go" }>): Promise<void> {
  const { ready } = world.scheduler;
  for (let left = times; left > 0 && world.failure === undefined; left--) {
    world.steps += 1;
    const chosen = at % Math.max(1, ready.length);
    const parked = chosen === 0 ? ready.shift() : ready.splice(chosen, 1)[0];
    if (parked !== undefined) letGo(world, parked, fate);
    if (left > 1) await quiet();
  }
}

function act(world: World, action: Exclude<Action, { do: "drain" | "go" }>): void {
  world.steps += 1;
  switch (action.do) {
    case "ask":
      return send(world, action);
    case "repeat": {
      const ask = world.requests.get(action.of);
      if (ask !== undefined) send(world, ask, action.node);
      return;
    }
    case "drift":
      world.outside.values.set(action.resource, action.value);
      return;
    case "tick":
      world.scheduler.pass(action.millis);
      return;
    case "clock":
      world.offsets[action.node] = action.offset;
      return;
    case "crash":
      return world.crash(action.node);
    case "restart":
      return world.restart(action.node);
    default:
      never(action, "action");
  }
}

function letGo(world: World, parked: Parked, fate: Fate | undefined): void {
  const node = parked.life?.node;
  const dies = node !== undefined && (fate === "crash" || fate === "crash_after");
  if (dies && fate === "crash" && parked.kind !== "touch") return world.crash(node);
  parked.go(dies ? undefined : fate);
  if (dies && parked.life?.over === false) world.crash(node);
}

/** Everything that waits, in its order, until nothing does; nothing goes wrong. */
export async function drain(world: World, most: number): Promise<void> {
  for (let left = most; left > 0 && world.failure === undefined; left--) {
    const parked = world.scheduler.ready.shift();
    if (parked === undefined) return;
    world.steps += 1;
    parked.go(undefined);
    await quiet();
  }
  if (world.failure === undefined)
    throw new Broken(17, `after ${most} steps there is still something to do: ${world.scheduler.ready[0]?.what}`);
}
