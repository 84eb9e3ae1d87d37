/** Deciding a proposal in the append that accepts it, when its connectors answer while the caller waits. */
import type { ChangeId, Result } from "../core/base/index.ts";
import type { Proposal } from "../core/plan/index.ts";
import type { Intended, Known } from "./commit.ts";
import type { Rules } from "./config.ts";
import type { Deps } from "./deps.ts";
import { derive, look, planAfter, type AdmittedStep, type Looked, type Subject } from "./planning.ts";
import type { Timers } from "./ports.ts";
import type { ControlRefusal } from "./types.ts";

/** Looks taken within requests at a time. Beyond them proposals are planned from the outbox, which bounds its own. */
const PLACES = 8;
const taken = new WeakMap<Deps, number>();

/** What the connectors answered in time, or what they are still at. */
export type Glance =
  | { readonly kind: "seen"; readonly looked: Looked }
  | { readonly kind: "looking"; readonly looked: Promise<Looked> }
  | { readonly kind: "none" };

export async function glance(deps: Deps, steps: readonly AdmittedStep[], patienceMillis: number): Promise<Glance> {
  const busy = taken.get(deps) ?? 0;
  if (patienceMillis <= 0 || busy >= PLACES) return { kind: "none" };
  taken.set(deps, busy + 1);
  const looked = look(deps, steps).finally(() => taken.set(deps, (taken.get(deps) ?? 1) - 1));
  const seen = await inTime(deps.timers, looked, patienceMillis);
  return seen === undefined ? { kind: "looking", looked } : { kind: "seen", looked: seen };
}

async function inTime<T>(timers: Timers, work: Promise<T>, millis: number): Promise<T | undefined> {
  const { promise: late, resolve: giveUp } = Promise.withResolvers<undefined>();
  const cancel = timers.after(millis, () => giveUp(undefined));
  try {
    return await Promise.race([work, late]);
  } finally {
    cancel();
  }
}

type Written = Promise<Result<Known, ControlRefusal>>;

/** Writes a proposal: together with plan and route when what they are made from is there, and alone otherwise. */
export async function accept(deps: Deps, id: ChangeId, seen: Glance, write: (looked?: Looked) => Written): Written {
  if (seen.kind === "none") return write();
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
