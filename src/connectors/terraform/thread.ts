import { Worker } from "node:worker_threads";
import { refuse } from "../../core/base/index.ts";
import type { Result } from "../../core/base/index.ts";
import { analysePlan } from "./analyse-plan.ts";
import type { PlanAnalysis, PlanInput } from "./analyse-plan.ts";

/** A path in a string is not rewritten when TypeScript is compiled. */
const THREAD = import.meta.url.endsWith(".ts")
  ? new URL("./analyse-worker.ts", import.meta.url)
  : new URL("./analyse-worker.js", import.meta.url);

/** Below this, a thread costs more than what it would keep away from others. */
const SMALL = 128 * 1024;
/** What a plan of the largest size needs, with room. A plan that needs more is refused, and nobody else is harmed. */
const RESOURCES = { maxOldGenerationSizeMb: 3_072, maxYoungGenerationSizeMb: 128, stackSizeMb: 8 };

/** Reads a plan without keeping others waiting. */
export async function analyseApart(input: PlanInput): Promise<Result<PlanAnalysis>> {
  if (input.bytes.length <= SMALL) return analysePlan(input);
  const worker = new Worker(THREAD, { workerData: input, resourceLimits: RESOURCES, env: {} });
  try {
    return await new Promise((resolve, reject) => {
      worker.once("message", resolve);
      worker.once("error", reject);
      worker.once("exit", () => reject(new Error("it ended without an answer")));
    });
  } catch (error) {
    const why = error instanceof Error ? error.message : "unknown";
    return refuse("terraform_plan_too_large", `the plan could not be analysed: ${why}`, { remedy: "split the configuration" });
  } finally {
    await worker.terminate();
  }
}
