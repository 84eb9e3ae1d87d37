import { never, ok } from "../base/index.ts";
import type { Millis } from "../base/index.ts";
import { admitUnbarred, countSeats } from "../review/index.ts";
import { no } from "./refusals.ts";
import type { Refused } from "./refusals.ts";
import { inStatus, isEmergency } from "./shape.ts";
import type { CommandOf, Decided, InStatus } from "./shape.ts";
import type { Authorised, ChangeState } from "./types.ts";
import { otherRun, runOf, stoppedRun } from "./run.ts";
import type { InRun } from "./run.ts";
import { isWatched, watchFault } from "./watching.ts";

/** How far the clocks of two of our own nodes may differ: a clock further behind than this decides nothing about a grant. */
export const CLOCK_SKEW_MILLIS = 60_000;

/** Consumes the grant, once. Everything that made it is looked at again as it stands now. */
export function start(state: ChangeState, command: CommandOf<"start">, at: Millis): Decided {
  if ("run" in state && state.grant === command.grant) {
    return no("grant_consumed", `grant ${command.grant} has started run ${state.run}`, "look at how that run ended", command.grant);
  }
  const open = inStatus(state, at, ["authorised"]);
  if (!open.ok) return open;
  const fault = startFault(open.value, command, at);
  if (fault !== undefined) return fault;
  const { grant, run, runner, targets = [] } = command;
  return ok([{ type: "run_started", at, grant, run, runner, ...(targets.length === 0 ? {} : { targets }) }]);
}

function startFault(state: InStatus<"authorised">, command: CommandOf<"start">, at: Millis): Refused | undefined {
  if (command.grant !== state.grant)
    return no("grant_unknown", `${command.grant} is not the standing grant`, "ask for the current one", command.grant);
  if (at >= state.grantExpiresAt)
    return no("grant_expired", `grant ${state.grant} has expired`, "plan and route the change again", state.grant);
  const behind = clockFault(state, at);
  if (behind !== undefined) return behind;
  if (state.holds.length > 0)
    return no("held", `held: ${state.holds.join(", ")}`, "route the change again once the hold has ended", state.id);
  const early = heldFault(state, command, at);
  if (early !== undefined) return early;
  if (command.bundle !== state.review.bundle)
    return no("policy_moved", "policy has changed since this was routed", "route the change again", state.id);
  if (!quorate(state, command))
    return no("quorum_lost", "not every seat is filled any more", "recheck the votes, then have the open seats signed", state.id);
  return undefined;
}

/** Not yet, or not now: what a clock holds it lets go by itself, and no vote is the worse for it. A broken glass is stronger than a freeze. */
function heldFault(state: InStatus<"authorised">, { frozen }: CommandOf<"start">, at: Millis): Refused | undefined {
  if (state.notBefore !== undefined && at < state.notBefore)
    return no("held", `not before ${new Date(state.notBefore).toISOString()}`, "it starts when it is due", state.id);
  return isEmergency(state) || frozen.length === 0
    ? undefined
    : no("held", `held by ${frozen.join(", ")}`, "it can start once the freeze has ended", state.id);
}

function clockFault({ authorisedAt, grant }: Pick<Authorised, "authorisedAt" | "grant">, at: Millis): Refused | undefined {
  if (at >= authorisedAt - CLOCK_SKEW_MILLIS) return undefined;
  return no("clock_behind", "this clock is behind the one that authorised it, or started it", "set the clock right", grant);
}

/** `auto` alone needs nobody; every other outcome needs every seat, counted afresh. */
function quorate(state: InStatus<"authorised">, { directory }: CommandOf<"start">): boolean {
  const { seats, votes, parties, reviewDigest } = state;
  if (state.outcome === "auto") return seats.length === 0;
  return countSeats({ seats, votes, parties, reviewDigest, directory }).complete;
}

/** The state moved. Under way, this is said while nothing has been done: the begun step's compare-and-set was refused. */
export function stale(state: ChangeState, command: CommandOf<"stale">, at: Millis): Decided {
  const { expected, observed, run } = command;
  const open = inStatus(state, at, run === undefined ? (["awaiting", "authorised"] as const) : (["running"] as const));
  if (!open.ok) return open;
  if (open.value.status === "running") {
    if (open.value.run !== run) return otherRun(open.value);
    if (open.value.stopped !== undefined) return stoppedRun(open.value);
    if (open.value.done.length > 0 || open.value.undoing.length > 0)
      return no("effect_done", "effects are done already", "undo them, or report the run as indeterminate", run);
  }
  const approved = [open.value.object.state, ...open.value.stepDigests.map((step) => step.state)].includes(expected);
  if (!approved) return no("plan_inconsistent", "this is not the state that was approved", "name the approved state", expected);
  if (expected === observed) return no("nothing_moved", "the state is what was approved", "go on", observed);
  return ok([{ type: "staled", at, expected, observed }]);
}

/** The durable intent before each effect: in order, one at a time, within the grant's time, on exactly the approved state. */
export function beginEffect(state: ChangeState, command: CommandOf<"begin_effect">, at: Millis): Decided {
  const running = runOf(state, command, at, ["running"]);
  if (!running.ok) return running;
  const { stepDigests, begun, done, undoing, grant, grantExpiresAt } = running.value;
  if (undoing.length > 0) return no("undo_begun", "this run is being undone", "finish undoing it", command.step);
  if (running.value.stopped !== undefined) return stoppedRun(running.value);
  const next = stepDigests[done.length];
  if (begun.length !== done.length || next?.id !== command.step)
    return no("step_out_of_order", `step ${command.step} is not next`, "finish the begun step, then take the next in order", command.step);
  if (at >= grantExpiresAt) return no("grant_expired", `grant ${grant} has expired`, "stop here; undo what is done", grant);
  const { authorisedAt, startedAt } = running.value;
  const behind = clockFault({ grant, authorisedAt: Math.max(authorisedAt, startedAt) as Millis }, at);
  if (behind !== undefined) return behind;
  if (command.observed !== next.state)
    return no(
      "stale_state",
      `step ${command.step} met ${command.observed}, approved was ${next.state}`,
      "report the change as stale",
      command.step,
    );
  const { run, step, observed, evidence } = command;
  return ok([{ type: "effect_started", at, run, step, observed, ...(evidence === undefined ? {} : { evidence }) }]);
}

export function finishEffect(state: ChangeState, command: CommandOf<"finish_effect">, at: Millis): Decided {
  const running = runOf(state, command, at, ["running"]);
  if (!running.ok) return running;
  const { stepDigests, begun, done, undoing } = running.value;
  const { run, step, evidence } = command;
  if (undoing.length > 0) return no("undo_begun", "this run is being undone", "finish undoing it", step);
  if (begun.length !== done.length + 1 || begun.at(-1) !== step)
    return no("step_out_of_order", `step ${step} is not under way`, "begin it first", step);
  const last = done.length + 1 === stepDigests.length;
  return ok([{ type: "effect_done", at, run, step, evidence }, ...(last ? [{ type: "applied", at, run } as const] : [])]);
}

/** Undoing is an effect too, so its intent is durable first. Latest first; an expired grant does not forbid undoing what it did. */
export function beginUndo(state: ChangeState, command: CommandOf<"begin_undo">, at: Millis): Decided {
  const run = runOf(state, command, at, ["running", "applied"]);
  if (!run.ok) return run;
  const { begun, done, undoing } = run.value;
  const { step, because } = command;
  const later = begun.slice(begun.indexOf(step) + 1);
  const next = begun.includes(step) && !undoing.includes(step) && later.every((each) => undoing.includes(each) || !done.includes(each));
  if (!next) return no("step_out_of_order", `step ${step} is not the next to undo`, "undo begun steps only, the latest first", step);
  return ok([{ type: "undo_started", at, run: command.run, step, because }]);
}

export function report(state: ChangeState, command: CommandOf<"report">, at: Millis): Decided {
  const inRun = runOf(state, command, at, ["running", "applied"]);
  if (!inRun.ok) return inRun;
  const fault = reportFault(inRun.value, command, at);
  if (fault !== undefined) return fault;
  const { run, evidence, outcome } = command;
  const because = { evidence, ...command.because };
  switch (outcome) {
    case "verified":
      return ok([{ type: "verified", at, run, evidence }]);
    case "failed":
    case "undone":
    case "indeterminate":
      return ok([{ type: outcome, at, run, because }]);
    default:
      return never(outcome, "outcome of a run");
  }
}

/** What a runner may say is bounded by what is durable; that it does not know, it may always say. */
function reportFault(run: InRun, { outcome }: CommandOf<"report">, at: Millis): Refused | undefined {
  const { done, undoing } = run;
  if (outcome === "verified") {
    if (undoing.length > 0) return no("undo_begun", "this run is being undone", "report it as undone, or as indeterminate", run.run);
    if (run.status !== "applied") return no("effects_unfinished", "not every step is done", "finish the steps, or undo them", run.run);
    return watchFault(run, at);
  }
  if (outcome === "failed" && (done.length > 0 || undoing.length > 0)) {
    return no("effect_done", "effects are done, so this did not fail before any", "undo them, or report the run as indeterminate", run.run);
  }
  if (outcome === "undone") {
    if (undoing.length === 0)
      return no("no_effect_begun", "nothing has been undone", "report the run as failed, or begin the undo", run.run);
    if (!done.every((step) => undoing.includes(step)))
      return no("undo_unfinished", "not every done step is undone", "undo the others, or report the run as indeterminate", run.run);
  }
  return undefined;
}

/** The runner is gone. Without a begun effect the run failed cleanly; with one, nobody knows, and nothing is tried again. */
export function abandon(state: ChangeState, command: CommandOf<"abandon">, at: Millis): Decided {
  const open = inStatus(state, at, ["running", "applied"]);
  if (!open.ok) return open;
  const { run, begun } = open.value;
  if (run !== command.run) return otherRun(open.value);
  const because = isWatched(open.value) ? { ...command.because, code: "watch_interrupted" } : command.because;
  if (begun.length > 0) return ok([{ type: "indeterminate", at, run, because }]);
  return ok([{ type: "failed", at, run, because: { ...command.because, code: "runner_lost_before_effect" } }]);
}

/** A person who has no part in the change says, on evidence, what really happened. */
export function reconcile(state: ChangeState, command: CommandOf<"reconcile">, at: Millis): Decided {
  const open = inStatus(state, at, ["indeterminate"]);
  if (!open.ok) return open;
  const { run, as, evidence, file } = command;
  const { done } = open.value;
  if (open.value.run !== run) return no("other_run", `run ${open.value.run} is indeterminate`, "name that run", open.value.run);
  if (as === "failed" && done.length > 0)
    return no("effect_done", `step ${done.at(-1)} is on record as done`, "`failed` is before any effect: say verified or undone", run);
  const admitted = admitUnbarred({ voter: command.by, identity: command.identity }, state.parties, command.directory);
  if (!admitted.ok) return admitted;
  return ok([{ type: "reconciled", at, run, as, by: admitted.value.id, evidence, ...(file === undefined ? {} : { file }) }]);
}
