import { ok } from "../base/index.ts";
import type { Millis, PersonId, Result } from "../base/index.ts";
import { eligible, identify, isParty } from "../review/index.ts";
import { no } from "./refusals.ts";
import type { ChangeRefusal, Refused } from "./refusals.ts";
import { runOf, stoppedRun } from "./run.ts";
import type { InRun } from "./run.ts";
import { inStatus } from "./shape.ts";
import type { CommandOf, Decided } from "./shape.ts";
import type { ChangeState } from "./types.ts";

/** A look at what was applied. One that failed is the last: what is wrong once is undone, not looked at until it is right. */
export function check(state: ChangeState, command: CommandOf<"check">, at: Millis): Decided {
  const applied = runOf(state, command, at, ["applied"]);
  if (!applied.ok) return applied;
  const { undoing, stopped, checked } = applied.value;
  const { run, n, result, evidence } = command;
  if (undoing.length > 0) return no("undo_begun", "this run is being undone", "finish undoing it", run);
  if (stopped !== undefined) return stoppedRun(applied.value);
  if (checked?.result === "failed") return checkFailed(applied.value);
  const next = (checked?.n ?? 0) + 1;
  if (n !== next) return no("check_out_of_order", `check ${n} is not next`, `the next is check ${next}`, run);
  return ok([{ type: "checked", at, run, n, result, evidence }]);
}

const checkFailed = ({ run, checked }: InRun): Refused =>
  no("check_failed", `check ${checked?.n} failed`, "undo the run, or report it as indeterminate", run);

/** Why it cannot count as verified yet: it must have held at the end of its window, and been found so. */
export function watchFault(state: InRun, at: Millis): Refused | undefined {
  const { run, stopped, checked, watch, appliedAt } = state;
  if (stopped !== undefined) return stoppedRun(state);
  if (checked?.result === "failed") return checkFailed(state);
  if (watch === undefined || appliedAt === undefined) return undefined;
  const until = appliedAt + watch.seconds * 1000;
  if (checked?.result === "held" && checked.at >= until && at >= until) return undefined;
  return no("watch_open", "it has not been found to hold at the end of its watch window", "go on watching, then look once more", run);
}

/** Its window is open, and nothing is wrong so far: every effect is done and on record. */
export const isWatched = ({ status, watch, undoing }: InRun): boolean =>
  status === "applied" && watch !== undefined && undoing.length === 0;

/** A brake: it gives nothing to anybody, so that whoever has a say in the change may pull it. Pulled again, it stays as it is. */
export function stop(state: ChangeState, command: CommandOf<"stop">, at: Millis): Decided {
  const open = inStatus(state, at, ["running", "applied"]);
  if (!open.ok) return open;
  const person = mayStop(open.value, command);
  if (!person.ok) return person;
  if (open.value.stopped !== undefined) return ok([]);
  return ok([{ type: "stop_requested", at, run: open.value.run, by: person.value }]);
}

/** A person who made the change, may sit in one of its seats, or administers: a brake does not ask who else had a part in it. */
function mayStop({ parties, seats }: InRun, { by, identity, directory }: CommandOf<"stop">): Result<PersonId, ChangeRefusal> {
  const identified = identify({ voter: by, identity }, directory);
  if (!identified.ok) return identified;
  const person = identified.value;
  if (!person.active) return no("inactive_person", `${person.id} is not active`, "ask somebody who is", person.id);
  const may = isParty(parties, by) || person.roles.includes("admin") || seats.some((seat) => eligible(seat, person, directory));
  if (may) return ok(person.id);
  const message = `${by} neither made this change, nor may sit in one of its seats, nor administers`;
  return no("not_a_party", message, "ask its proposer, one of its reviewers, or an administrator", by);
}
