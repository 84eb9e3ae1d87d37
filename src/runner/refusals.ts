/** Why a run does not go on, as it is told and as it is kept. */
import type { ChangeId, JsonObject, Refusal } from "../core/base/index.ts";

export const otherChange = (change: ChangeId): Refusal => ({
  code: "grant_other_change",
  message: `the grant is for change ${change}`,
  remedy: "ask the control plane why it offers another",
});

export const OUT_OF_TIME: Refusal = {
  code: "grant_expired",
  message: "the grant ended before this step, or may have",
  remedy: "plan the change again",
};
export const CLOCK_BEHIND: Refusal = {
  code: "clock_behind",
  message: "by this runner's clock the grant's time has not come",
  remedy: "set the clock right",
};

/** Canonical, bounded evidence of a refusal; its digest is what the ledger keeps. */
export function evidenceOf(error: Refusal): JsonObject {
  const details = error.details === undefined ? undefined : JSON.stringify(error.details).slice(0, 16_384).toWellFormed();
  return {
    code: error.code,
    message: error.message.slice(0, 4_096).toWellFormed(),
    ...(error.where === undefined ? {} : { where: error.where.slice(0, 1_024).toWellFormed() }),
    ...(details === undefined ? {} : { details }),
  };
}
