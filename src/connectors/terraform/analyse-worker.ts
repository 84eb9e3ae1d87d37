/** The thread that reads large plans. */
import { parentPort } from "node:worker_threads";
import { assert } from "../../core/base/index.ts";
import { analysePlan } from "./analyse-plan.ts";
import type { PlanInput } from "./analyse-plan.ts";

const port = parentPort;
assert(port, "a large plan is read in a thread of its own");
port.on("message", (input: PlanInput) => port.postMessage(analysePlan(input)));
