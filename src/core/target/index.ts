/** The door of core/target: what changes touch, and who holds it while they run. See docs/spec/targets.md. */
export { foldTarget, holderAmong, NOTHING_HELD, released, taken, targetAfter } from "./holding.ts";
export type { Held, Holder, TargetEvent, TargetState } from "./holding.ts";
export { MOST_RESOURCES, overlap, touchesOf } from "./touch.ts";
export type { Touch } from "./touch.ts";
