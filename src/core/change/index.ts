/** The door of core/change: a change's lifecycle. See docs/spec/lifecycle.md. */
export { decide } from "./decide.ts";
export { evolve, fold } from "./evolve.ts";
export { stepOutcomes } from "./outcomes.ts";
export type { StepOutcome } from "./outcomes.ts";
export type { ChangeCode, ChangeRefusal } from "./refusals.ts";
export { CLOCK_SKEW_MILLIS } from "./running.ts";
export { runFault } from "./run.ts";
export { approvalOf, isEmergency, isFinal, payloadOf, stepDigests } from "./shape.ts";
export type * from "./glass-types.ts";
export type * from "./types.ts";
export { openFor } from "./waiting.ts";
export type { Waits } from "./waiting.ts";
