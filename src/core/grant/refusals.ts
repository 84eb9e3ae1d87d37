import { fail } from "../base/index.ts";
import type { Refusal } from "../base/index.ts";

const REMEDIES = {
  grant_malformed: "ask for the grant again; if it stays so, the control plane and this runner are of different versions",
  grant_untrusted: "do not run it; configure the control plane's grant key if you trust it",
  grant_foreign: "send it to a runner of its own deployment",
  grant_other_runner: "only the runner it names may run it",
  grant_expired: "have the change planned and routed again",
  grant_not_yet_valid: "set this machine's clock right",
  payload_mismatch: "do not run it; what was approved is not what is here",
  review_mismatch: "do not run it; the votes are not about what the grant permits",
  vote_invalid: "do not run it; a vote in it cannot count",
  seat_unfilled: "do not run it; a required human decision is missing",
  authorisation_unproven: "do not run it; ask the operator of the log why this authorisation is not in it",
  undo_other_step: "do not undo by it; ask for one for the step that was done",
  undo_unproven: "do not undo by it; ask the operator of the log why this undo is not in it",
  evidence_mismatch: "do not rely on it; ask the runner's operator what it really said",
} as const;

export type GrantCode = keyof typeof REMEDIES;
export type GrantRefusal = Refusal<GrantCode>;

export const no = (code: GrantCode, message: string, where?: string): { readonly ok: false; readonly error: GrantRefusal } =>
  fail({ code, message, ...(where === undefined ? {} : { where }), remedy: REMEDIES[code] });
