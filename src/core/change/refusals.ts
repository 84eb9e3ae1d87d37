import { fail } from "../base/index.ts";
import type { Refusal } from "../base/index.ts";
import type { VoteCode } from "../review/index.ts";

/** Why a command was refused. Closed: docs/spec/lifecycle.md says when each is given. */
export type ChangeCode =
  | VoteCode
  | "exists"
  | "unknown_change"
  | "ended"
  | "wrong_status"
  | "expired"
  | "not_expired"
  | "not_a_party"
  | "steps_invalid"
  | "revision_moved"
  | "plan_inconsistent"
  | "review_inconsistent"
  | "observation_stale"
  | "seats_invalid"
  | "no_vote"
  | "grant_unknown"
  | "grant_reused"
  | "grant_consumed"
  | "grant_expired"
  | "clock_behind"
  | "held"
  | "glass_needless"
  | "glass_overdue"
  | "no_glass"
  | "policy_moved"
  | "quorum_lost"
  | "other_run"
  | "step_out_of_order"
  | "stale_state"
  | "nothing_moved"
  | "effect_done"
  | "stopped"
  | "watch_open"
  | "check_failed"
  | "check_out_of_order"
  | "no_effect_begun"
  | "effects_unfinished"
  | "undo_begun"
  | "undo_unfinished";

export type ChangeRefusal = Refusal<ChangeCode>;

export interface Refused {
  readonly ok: false;
  readonly error: ChangeRefusal;
}

export const no = (code: ChangeCode, message: string, remedy: string, where?: string): Refused =>
  fail({ code, message, ...(where === undefined ? {} : { where }), remedy });
