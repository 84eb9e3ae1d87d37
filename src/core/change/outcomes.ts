import { never } from "../base/index.ts";
import type { Common, ChangeState, Running } from "./types.ts";

/**
 * What became of one step, as far as it is on record. `no_effect`: it was begun, and its target refused it. `unknown`: it may have
 * happened or not, and so may its undo.
 */
export type StepOutcome = "not_begun" | "under_way" | "done" | "no_effect" | "undoing" | "undone" | "unknown";

type Run = Common & Running & { readonly status: ChangeState["status"] };

/** Of each step of a run, in their order. Nothing is said of a step that the record does not say. */
export function stepOutcomes(state: Extract<ChangeState, Running>): readonly StepOutcome[] {
  return state.stepDigests.map(({ id }) => outcomeOf(state, id));
}

function outcomeOf(state: Extract<ChangeState, Running>, step: string): StepOutcome {
  switch (state.status) {
    case "running":
    case "applied":
      return onRecord(state, step, "under_way", "undoing");
    case "verified":
      // Also by the word of whoever reconciled; but that goes no further than what was begun.
      return state.begun.includes(step) ? "done" : "not_begun";
    case "failed":
      return state.begun.includes(step) ? "no_effect" : "not_begun";
    case "undone":
      // Whoever reconciles speaks of all that was begun.
      return state.because.code === "reconciled"
        ? onRecord(state, step, "undone", "undone", "undone")
        : onRecord(state, step, "no_effect", "undone");
    case "indeterminate":
      return onRecord(state, step, "unknown", "unknown");
    default:
      return never(state, "state with a run");
  }
}

/**
 * `open`: what was begun without being done is; `last`: what the latest undo is. What was undone before that one is known to be. Whoever
 * undoes what came before a begun step vouches that this one had no effect.
 */
function onRecord(
  { begun, done, undoing }: Run,
  step: string,
  open: StepOutcome,
  last: StepOutcome,
  finished: StepOutcome = "done",
): StepOutcome {
  if (!begun.includes(step)) return "not_begun";
  if (undoing.includes(step)) return undoing.at(-1) === step ? last : "undone";
  if (done.includes(step)) return finished;
  return undoing.length > 0 && finished === "done" ? "no_effect" : open;
}
