import { ok } from "../base/index.ts";
import type { Millis } from "../base/index.ts";
import { isParty } from "../review/index.ts";
import { no } from "./refusals.ts";
import { inStatus, STOPPABLE, wrongStatus } from "./shape.ts";
import type { CommandOf, Decided } from "./shape.ts";
import type { ChangeState, Status } from "./types.ts";

export function withdraw(state: ChangeState, command: CommandOf<"withdraw">, at: Millis): Decided {
  const open = inStatus(state, at, STOPPABLE);
  if (!open.ok) return open;
  if (!isParty(state.parties, command.by)) {
    return no(
      "not_a_party",
      `${command.by} did not propose this change`,
      "only its proposer, its owner or whoever it acts for withdraws it; a reviewer rejects it",
      command.by,
    );
  }
  return ok([{ type: "withdrawn", at, by: command.by }]);
}

export function supersede(state: ChangeState, command: CommandOf<"supersede">, at: Millis): Decided {
  const open = inStatus(state, at, STOPPABLE);
  if (!open.ok) return open;
  if (!isParty(state.parties, command.proposer) || command.by === state.id) {
    return no(
      "not_a_party",
      `${command.proposer} may not replace this change by ${command.by}`,
      "only those who made a change replace it, by another",
      command.proposer,
    );
  }
  return ok([{ type: "superseded", at, by: command.by }]);
}

/** Records that time ran out. The decision does not wait for it: past its expiry a change already takes no other command. */
export function expire(state: ChangeState, at: Millis): Decided {
  if (!(STOPPABLE as readonly Status[]).includes(state.status)) return wrongStatus(state, STOPPABLE);
  return at >= state.expiresAt
    ? ok([{ type: "expired", at }])
    : no("not_expired", `change ${state.id} has time left`, "wait until it expires, or withdraw it", state.id);
}
