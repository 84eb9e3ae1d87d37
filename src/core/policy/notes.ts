import type { Misfit } from "./fit.ts";
import type { Verdict } from "./judge.ts";
import { MOST } from "./seats.ts";
import type { Seating } from "./seats.ts";
import type { Outcome } from "./types.ts";

/** What the floor adds that no condition over the facts can say. */
export interface Note {
  readonly rule: string;
  readonly outcome: Outcome;
  readonly when: string;
  readonly reason: string;
  readonly fired: boolean;
}

export const errorNote = (failed: readonly Verdict[]): Note => ({
  rule: "builtin:rule-error",
  outcome: "review",
  when: "a rule cannot be evaluated",
  reason: `what cannot be evaluated is never passed automatically: ${failed.map(({ rule }) => rule.id).join(", ")}`,
  fired: failed.length > 0,
});

export const defaultNote = (silent: boolean): Note => ({
  rule: "builtin:default",
  outcome: "review",
  when: "no rule of the bundle fires",
  reason: "nothing is automatic unless a rule says so",
  fired: silent,
});

export const unownedNote = ({ unowned }: Seating): Note => ({
  rule: "builtin:unowned",
  outcome: "escalate",
  when: "a seat has no sitter, because nobody owns what is touched",
  reason: `nobody owns ${unowned.slice(0, 5).join(", ")}${unowned.length > 5 ? ` and ${unowned.length - 5} more` : ""}, and the policy names nobody in their stead`,
  fired: unowned.length > 0,
});

export const seatsNote = ({ tooMany }: Seating): Note => ({
  rule: "builtin:too-many-seats",
  outcome: "block",
  when: "the change asks for more signatures than anybody can gather",
  reason: `the change would need more than ${MOST.seats} seats or ${MOST.signatures} signatures, or one seat more than ${MOST.sitters} names: propose it in parts`,
  fired: tooMany,
});

export const misfitNote = (misfit: Misfit): Note => ({
  rule: "builtin:facts",
  outcome: "block",
  when: "the facts are not as declared",
  reason: `the facts cannot be judged: ${misfit.message}`,
  fired: true,
});
