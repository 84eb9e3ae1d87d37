/** Deciding a proposal in the append that accepts it, when its connectors answer while the caller waits. */
import type { ChangeId, PrincipalId, Result } from "../core/base/index.ts";
import type { Proposal } from "../core/plan/index.ts";
import type { Intended, Known } from "./commit.ts";
import type { Rules } from "./config.ts";
import type { Deps } from "./deps.ts";
import { derive, look, planAfter, runnerAway, type AdmittedStep, type Looked, type Subject } from "./planning.ts";
import type { ControlRefusal } from "./types.ts";

/** Looks taken within requests at a time. Who finds no place in time is planned from the outbox, which bounds its own. */
const PLACES = 8;

interface Waiting {
  readonly whose: PrincipalId;
  readonly enter: (mine: true) => void;
}

interface Places {
  /** Whose each taken place is. */
  readonly taken: PrincipalId[];
  readonly waiting: Waiting[];
}
const places = new WeakMap<Deps, Places>();

/** Nobody has more than half: one whose connectors hang leaves places for others. */
const isRoom = ({ taken }: Places, whose: PrincipalId): boolean =>
  taken.length < PLACES && taken.filter((each) => each === whose).length < PLACES / 2;

/** What the connectors answered in time, or what they are still at. */
export type Glance =
  | { readonly kind: "seen"; readonly looked: Looked }
  | { readonly kind: "looking"; readonly looked: Promise<Looked> }
  | { readonly kind: "none" };

/** How long a caller waits; `closing`: whoever holds it may have to let go. */
export interface Patience {
  readonly millis: number;
  readonly closing?: AbortSignal;
}

export async function glance(
  deps: Deps,
  whose: PrincipalId,
  steps: readonly AdmittedStep[],
  { millis, closing }: Patience,
): Promise<Glance> {
  if (millis <= 0 || closing?.aborted === true) return { kind: "none" };
  const { promise: late, resolve } = Promise.withResolvers<undefined>();
  const giveUp = (): void => resolve(undefined);
  const cancel = deps.timers.after(millis, giveUp);
  closing?.addEventListener("abort", giveUp, { once: true });
  try {
    const leave = await enter(deps, whose, late);
    if (leave === undefined) return { kind: "none" };
    const looked = look(deps, steps).finally(leave);
    const seen = await Promise.race([looked, late]);
    return seen === undefined ? { kind: "looking", looked } : { kind: "seen", looked: seen };
  } finally {
    cancel();
    closing?.removeEventListener("abort", giveUp);
  }
}

/** A place, as the function that leaves it. */
async function enter(deps: Deps, whose: PrincipalId, late: Promise<undefined>): Promise<(() => void) | undefined> {
  const all = places.get(deps) ?? { taken: [], waiting: [] };
  places.set(deps, all);
  const leave = (): void => {
    all.taken.splice(all.taken.indexOf(whose), 1);
    const next = all.waiting.find((each) => isRoom(all, each.whose));
    if (next === undefined) return;
    all.waiting.splice(all.waiting.indexOf(next), 1);
    all.taken.push(next.whose);
    next.enter(true);
  };
  if (isRoom(all, whose)) {
    all.taken.push(whose);
    return leave;
  }
  const { promise: mine, resolve } = Promise.withResolvers<true>();
  const waiting: Waiting = { whose, enter: resolve };
  all.waiting.push(waiting);
  if ((await Promise.race([mine, late])) === true) return leave;
  const position = all.waiting.indexOf(waiting);
  // A place that was handed over at the last moment goes to the next.
  if (position < 0) leave();
  else all.waiting.splice(position, 1);
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
