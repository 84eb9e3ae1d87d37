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
const RESOURCES = { maxOldGenerationSizeMb: 3_072, maxYoungGenerationSizeMb: 192, stackSizeMb: 8 };
/** A thread that has nothing to do for so long gives its memory back. */
const IDLE_MILLIS = 30_000;

/** Reads a plan without keeping others waiting. A large plan's bytes may go with it: nobody reads them afterwards. */
export async function analyseApart(input: PlanInput): Promise<Result<PlanAnalysis>> {
  if (input.bytes.length <= SMALL) return analysePlan(input);
  const turn = last.then(() => inThread(input));
  last = turn.catch(() => undefined);
  try {
    return await turn;
  } catch (error) {
    const why = error instanceof Error ? error.message : "unknown";
    return refuse("terraform_plan_too_large", `the plan could not be analysed: ${why}`, { remedy: "split the configuration" });
  }
}

/** One plan after the other: two large ones at once would need twice the memory. */
let last: Promise<unknown> = Promise.resolve();
let kept: Worker | undefined;
let idle: NodeJS.Timeout | undefined;

function inThread(input: PlanInput): Promise<Result<PlanAnalysis>> {
  clearTimeout(idle);
  const worker = (kept ??= new Worker(THREAD, { resourceLimits: RESOURCES, env: {} }));
  worker.ref();
  const { promise, resolve, reject } = Promise.withResolvers<Result<PlanAnalysis>>();
  const over = (error: unknown): void => {
    kept = undefined;
    reject(error instanceof Error ? error : new Error("its thread ended without an answer"));
  };
  worker.once("message", resolve).once("error", over).once("exit", over);
  const whole = input.bytes.byteOffset === 0 && input.bytes.byteLength === input.bytes.buffer.byteLength;
  worker.postMessage(input, whole && input.bytes.buffer instanceof ArrayBuffer ? [input.bytes.buffer] : []);
  return promise.finally(() => {
    worker.off("message", resolve).off("error", over).off("exit", over);
    worker.unref();
    idle = setTimeout(() => {
      kept = undefined;
      void worker.terminate();
    }, IDLE_MILLIS).unref();
  });
}
