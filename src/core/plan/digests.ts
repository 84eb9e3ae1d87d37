import { digestJson } from "../base/index.ts";
import type { Digest } from "../base/index.ts";
import type { Plan } from "./types.ts";

/** H of the plan's canonical bytes. The plan is in normal form, so an equivalent re-plan has the same digest. */
export const planDigest = (plan: Plan): Digest => digestJson(plan);

/** H over the state digests of all steps, in their order: what must still be true when the change runs. */
export const stateDigestOf = (plan: Plan): Digest => digestJson(plan.steps.map((step) => step.stateDigest));
