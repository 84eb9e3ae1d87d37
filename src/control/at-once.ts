/** Deciding a proposal in the append that accepts it, when its connectors answer while the caller waits. */
import type { ChangeId, Result } from "../core/base/index.ts";
import type { Proposal } from "../core/plan/index.ts";
import type { Intended, Known } from "./commit.ts";
import type { Rules } from "./config.ts";
import type { Deps } from "./deps.ts";
import { derive, look, planAfter, runnerAway, type AdmittedStep, type Looked, type Subject } from "./planning.ts";
import type { ControlRefusal } from "./types.ts";

/** Looks taken within requests at a time. Who finds no place in time is planned from the outbox, which bounds its own. */
const PLACES = 8;

interface Places {
  taken: number;
  readonly waiting: ((mine: true) => void)[];
}
const places = new WeakMap<Deps, Places>();

/** What the connectors answered in time, or what they are still at. */
export type Glance =
  | { readonly kind: "seen"; readonly looked: Looked }
  | { readonly kind: "looking"; readonly looked: Promise<Looked> }
  | { readonly kind: "none" };

export async function glance(deps: Deps, steps: readonly AdmittedStep[], patienceMillis: number): Promise<Glance> {
  if (patienceMillis <= 0) return { kind: "none" };
  const { promise: late, resolve: giveUp } = Promise.withResolvers<undefined>();
  const cancel = deps.timers.after(patienceMillis, () => giveUp(undefined));
  try {
    const leave = await enter(deps, late);
    if (leave === undefined) return { kind: "none" };
    const looked = look(deps, steps).finally(leave);
    const seen = await Promise.race([looked, late]);
    return seen === undefined ? { kind: "looking", looked } : { kind: "seen", looked: seen };
  } finally {
    cancel();
  }
}

/** A place, as the function that leaves it. */
async function enter(deps: Deps, late: Promise<undefined>): Promise<(() => void) | undefined> {
  const all = places.get(deps) ?? { taken: 0, waiting: [] };
  places.set(deps, all);
  const leave = (): void => {
    const next = all.waiting.shift();
    if (next === undefined) all.taken -= 1;
    else next(true);
  };
  if (all.taken < PLACES) {
    all.taken += 1;
    return leave;
  }
  const { promise: mine, resolve } = Promise.withResolvers<true>();
  all.waiting.push(resolve);
  if ((await Promise.race([mine, late])) === true) return leave;
  const at = all.waiting.indexOf(resolve);
  // A place that was handed over at the last moment goes to the next.
  if (at < 0) leave();
  else all.waiting.splice(at, 1);
  return undefined;
}

export type Written = Promise<Result<Known, ControlRefusal>>;

/** Writes a proposal: together with plan and route when what they are made from is there, and alone otherwise. */
export async function accept(deps: Deps, id: ChangeId, seen: Glance, write: (looked?: Looked) => Written): Written {
  if (seen.kind === "none" || (seen.kind === "seen" && runnerAway(seen.looked) !== undefined)) return write();
  if (seen.kind === "looking") {
    const written = write();
    planAfter(deps, id, written, seen.looked);
    return written;
  }
  const together = await write(seen.looked);
  // A proposal does not fall with its plan: accepted alone, it is planned from the outbox, which tells its proposer what is wrong.
  return together.ok || together.error.code === "unavailable" || together.error.reason === "claim_taken" ? together : write();
}

/** A proposal's own intention, and what its plan and route add to it. */
export function withPlan(deps: Deps, first: Intended, subject: Subject, proposal: Proposal, looked: Looked, rules: Rules): Intended {
  const { commands, payloads = [] } = derive(deps, subject, proposal, looked, rules);
  return { ...first, commands: [...first.commands, ...commands], payloads: [...(first.payloads ?? []), ...payloads] };
}
