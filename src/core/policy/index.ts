/** The door of core/policy: bundle in, route with reasons out. See docs/spec/policy.md. */
export * as cel from "./cel/types.ts";
export { PROFILE, profileOver } from "./cel/profile.ts";
export type { Expression, Profile, ProfileFault } from "./cel/profile.ts";
export { loadBundle } from "./bundle.ts";
export type { Bundle, Case, Rule } from "./bundle.ts";
export { CHANNELS } from "./definition.ts";
export type { Definition, RuleDefinition, SeatDefinition, SurfaceDefinition, Who } from "./definition.ts";
export { CASE_BASE } from "./cases.ts";
export { evaluate, routeOf, strictest } from "./evaluate.ts";
export { explain, runCases } from "./explain.ts";
export { FACTS, STEP_FACT, factsOf } from "./facts.ts";
export type { Facts, MoreFacts } from "./facts.ts";
export { frozenAt } from "./freezing.ts";
export { glassRoute } from "./glass.ts";
export type { Glass } from "./glass.ts";
export { checked, firing } from "./judge.ts";
export { selectorText } from "./seats.ts";
export * from "./types.ts";
