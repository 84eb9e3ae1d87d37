/** Invariant 17: once faults stop, every change reaches an end or waits for a human, within a bound. */
import { countSeats } from "../../src/core/review/index.ts";
import { isFinal, openFor, type ChangeState } from "../../src/core/change/index.ts";
import type { Deed, Intent } from "./actions.ts";
import { step } from "./engine.ts";
import { bundleDigest } from "./facts.ts";
import { Broken } from "./invariants.ts";
import type { World } from "./world.ts";

const ROUNDS = 60;

/** Clocks are right, messages arrive, holds have ended, and control and the runners do their part. */
export function settle(world: World, from: number): void {
  let n = from;
  const act = (deed: Deed): void => step(world, { n: ++n, ...deed });
  world.clocks.forEach((_, node) => act({ kind: "clock", node, offset: 0 }));
  act({ kind: "policy", bundle: { ...world.bundle, hold: false } });
  // A clock that was ahead has stamped its grants with times to come.
  act({ kind: "tick", millis: 11 * 60_000 });
  for (let round = 0; round < ROUNDS; round++) {
    for (const message of world.messages.keys()) act({ kind: "deliver", message, node: 0, loseReply: false });
    for (const state of world.system.changes()) {
      const intent = due(world, state);
      if (intent !== undefined) act({ kind: "act", change: state.id, by: "control", intent });
    }
    for (const runner of world.runners) {
      const ready = world.system.changes().find((state) => openFor(state).for === "start" && state.start === "when-authorised");
      act({ kind: "runner", runner: runner.id, ...(ready === undefined ? {} : { change: ready.id }) });
    }
    if (atRest(world)) return;
  }
  const restless = world.system.changes().find((state) => !rests(world, state));
  if (restless !== undefined)
    throw new Broken(17, `after ${ROUNDS} rounds ${restless.id} is ${restless.status}, waiting for ${openFor(restless).from}`, restless.id);
  throw new Broken(17, "messages never cease");
}

const atRest = (world: World): boolean =>
  world.messages.size === 0 &&
  world.runners.every((runner) => runner.job === undefined) &&
  world.system.changes().every((state) => rests(world, state));

function rests(world: World, state: ChangeState): boolean {
  return due(world, state) === undefined && !["control", "runner"].includes(openFor(state).from);
}

/** What control has to do for a change; nothing when it has ended or somebody else must move. */
function due(world: World, state: ChangeState): Intent | undefined {
  const held = world.runners.some((runner) => runner.job?.change === state.id);
  if (isFinal(state.status)) return undefined;
  if (!("run" in state) && world.now >= state.expiresAt) return { do: "expire" };
  switch (state.status) {
    case "proposed":
    case "planned":
    case "stale":
      return { do: "plan", only: false };
    case "awaiting":
      // Somebody came back whose vote had not counted for a while: no vote will follow, so the route must look again.
      return tallyOf(world, state).complete ? { do: "plan", only: false } : undefined;
    case "authorised": {
      const voided = tallyOf(world, state).voided.length > 0;
      if (voided) return { do: "recheck" };
      const old =
        state.review.bundle !== bundleDigest(world.bundle) || world.now >= state.grantExpiresAt - 60_000 || usedUp(world, state.grant);
      return old && !held ? { do: "plan", only: false } : undefined;
    }
    case "running":
    case "applied":
      return held ? undefined : { do: "abandon" };
    default:
      return undefined;
  }
}

/** Every runner has taken this grant up and let it go: its start was lost, and none of them will try it again. */
const usedUp = (world: World, grant: string): boolean => world.runners.some((runner) => [...runner.used].some((used) => used === grant));

function tallyOf(world: World, state: Extract<ChangeState, { readonly status: "awaiting" | "authorised" }>) {
  const { seats, votes, parties, reviewDigest } = state;
  return countSeats({ seats, votes, parties, reviewDigest, directory: world.people });
}
