/** The door of core/plan: from what was asked and found to the one document that people sign. */
export { assemblePlan } from "./assemble.ts";
export type { AssembleInput } from "./assemble.ts";
export { PLAN_BOUNDS } from "./bounds.ts";
export { diffPlans } from "./diff.ts";
export type { Changed, Delta, EffectChange, ListedStatement, PlanDiff, StatementList, StepEffect } from "./diff.ts";
export { planDigest, stateDigestOf } from "./digests.ts";
export { PROPOSAL_BOUNDS, PROPOSAL_SCHEMA, momentsOf, parseProposal } from "./proposal.ts";
export type { ProposalInput } from "./proposal.ts";
export { planJsonSchema, validatePlan } from "./schema.ts";
export { EFFECT_KINDS } from "./schema-parts.ts";
export { UNLISTED, destroys, standsFor } from "./scope.ts";
export type { ScopeNames } from "./scope.ts";
export { sealSecrets, secretDigest, secretValue } from "./secrets.ts";
export type { Sealed } from "./secrets.ts";
export type { ShapeCode } from "./shape.ts";
export * from "./types.ts";
export { isBlind } from "./unverified.ts";
