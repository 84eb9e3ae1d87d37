import type { Action } from "./actions.ts";
import { replay, type Failure } from "./simulate.ts";
import { shrink } from "./shrink.ts";
import type { Decide } from "./system.ts";

const TRIES = { changes: 200, actions: 800 };

/** The same failure in as few actions as a search finds: first with fewer changes, then with fewer actions. */
export function shortest(failure: Failure, decide?: Decide): Failure {
  const same = (actions: readonly Action[]): Failure | undefined => {
    const again = replay(actions, decide).failure;
    return again?.invariant === failure.invariant ? again : undefined;
  };
  const changes = [...new Set(failure.actions.flatMap((action) => (action.kind === "act" ? [action.change] : [])))];
  const about = (kept: readonly string[]): readonly Action[] =>
    attached(failure.actions.filter((action) => action.kind !== "act" || kept.includes(action.change)));
  const needed = shrink(changes, (kept) => (same(about(kept)) === undefined ? undefined : kept), TRIES.changes);
  const start = same(about(needed)) ?? failure;
  const least = shrink(start.actions, (actions) => same(attached(actions))?.actions, TRIES.actions);
  return same(least) ?? start;
}

/** Without what is done to messages that nobody sends any more. */
function attached(actions: readonly Action[]): readonly Action[] {
  const senders = new Set<number>();
  return actions.filter((action) => {
    const kept = !("message" in action) || senders.has(action.message);
    if (kept && (action.kind === "act" || action.kind === "runner" || action.kind === "duplicate")) senders.add(action.n);
    return kept;
  });
}
