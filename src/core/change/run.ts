import type { Millis, Result } from "../base/index.ts";
import { no } from "./refusals.ts";
import type { ChangeRefusal, Refused } from "./refusals.ts";
import { inStatus, wrongStatus } from "./shape.ts";
import type { InStatus } from "./shape.ts";
import type { ChangeState } from "./types.ts";

export type InRun = InStatus<"running" | "applied">;

/** The run that asks, if it holds the change. */
export function runOf<S extends "running" | "applied">(
  state: ChangeState,
  command: { readonly run: string; readonly runner: string },
  at: Millis,
  statuses: readonly S[],
): Result<InStatus<S>, ChangeRefusal> {
  const open = inStatus(state, at, statuses);
  if (!open.ok) return open;
  const run: InRun = open.value;
  return run.run === command.run && run.runner === command.runner ? open : otherRun(run);
}

/** Another run holds the change, or this one is over. */
export const otherRun = (state: InRun): Refused =>
  no("other_run", `run ${state.run} holds this change`, "stop: another run took over, or this one ended", state.run);

/** Somebody said stop: what is done is undone, and nothing else begins. */
export const stoppedRun = (state: InRun): Refused =>
  no("stopped", `${state.stopped} stopped run ${state.run}`, "begin nothing more; undo what is done", state.run);

/** Why a run may not go on as it is: it does not hold the change any more, or somebody stopped it. */
export function runFault(
  state: ChangeState,
  { run, runner }: { readonly run: string; readonly runner: string },
): ChangeRefusal | undefined {
  if (state.status !== "running" && state.status !== "applied") return wrongStatus(state, ["running", "applied"]).error;
  if (state.run !== run || state.runner !== runner) return otherRun(state).error;
  return state.stopped === undefined ? undefined : stoppedRun(state).error;
}
