import { never } from "../base/index.ts";
import type { Millis } from "../base/index.ts";
import { expire, supersede, withdraw } from "./ending.ts";
import { breakGlass, reviewGlass } from "./glass.ts";
import { plan, propose, refusePlan, revise, route } from "./planning.ts";
import { no } from "./refusals.ts";
import { abandon, beginEffect, beginUndo, finishEffect, reconcile, report, stale, start } from "./running.ts";
import { check, stop } from "./watching.ts";
import type { Decided } from "./shape.ts";
import type { ChangeCommand, ChangeState } from "./types.ts";
import { recheckVotes, sendBack, vote, withdrawVote } from "./voting.ts";

/** The one place where a change moves: a command becomes events, or is refused with a code and a remedy. */
export function decide(state: ChangeState | undefined, command: ChangeCommand, now: Millis): Decided {
  if (command.type === "propose") {
    return state === undefined ? propose(command, now) : no("exists", `change ${state.id} exists already`, "use another id", state.id);
  }
  return state === undefined ? no("unknown_change", "there is no such change", "propose it first") : move(state, command, now);
}

function move(state: ChangeState, command: Exclude<ChangeCommand, { readonly type: "propose" }>, now: Millis): Decided {
  switch (command.type) {
    case "plan":
      return plan(state, command, now);
    case "refuse_plan":
      return refusePlan(state, command, now);
    case "route":
      return route(state, command, now);
    case "vote":
      return vote(state, command, now);
    case "break_glass":
      return breakGlass(state, command, now);
    case "review_glass":
      return reviewGlass(state, command, now);
    case "withdraw_vote":
      return withdrawVote(state, command, now);
    case "send_back":
      return sendBack(state, command, now);
    case "revise":
      return revise(state, command, now);
    case "withdraw":
      return withdraw(state, command, now);
    case "supersede":
      return supersede(state, command, now);
    case "expire":
      return expire(state, now);
    case "start":
      return start(state, command, now);
    case "stale":
      return stale(state, command, now);
    case "begin_effect":
      return beginEffect(state, command, now);
    case "finish_effect":
      return finishEffect(state, command, now);
    case "check":
      return check(state, command, now);
    case "stop":
      return stop(state, command, now);
    case "begin_undo":
      return beginUndo(state, command, now);
    case "report":
      return report(state, command, now);
    case "abandon":
      return abandon(state, command, now);
    case "reconcile":
      return reconcile(state, command, now);
    case "recheck_votes":
      return recheckVotes(state, command, now);
    default:
      return never(command, "command");
  }
}
