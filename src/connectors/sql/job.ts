import type { Digest, JsonObject } from "../../core/base/index.ts";
import type { SqlPayload } from "./payload.ts";
import { planWork } from "./plan.ts";
import type { OpenSession } from "./session.ts";
import type { SqlInput } from "./types.ts";
import { applyWork, observeWork, undoWork, verifyWork } from "./perform.ts";
import type { Committing } from "./perform.ts";

/** One piece of work on one database, as it can travel to a process of its own. */
export type Job =
  | { readonly op: "plan"; readonly input: SqlInput }
  | { readonly op: "observe"; readonly payload: SqlPayload }
  | { readonly op: "apply"; readonly payload: SqlPayload; readonly expected: Digest }
  | { readonly op: "verify"; readonly payload: SqlPayload; readonly facts: JsonObject }
  | { readonly op: "undo"; readonly payload: SqlPayload; readonly facts: JsonObject };

export async function doJob(session: OpenSession, job: Job, committing: Committing): Promise<unknown> {
  try {
    switch (job.op) {
      case "plan":
        return await planWork(session, job.input);
      case "observe":
        return await observeWork(session, job.payload);
      case "apply":
        return await applyWork(session, job.payload, job.expected, committing);
      case "verify":
        return await verifyWork(session, job.payload, job.facts);
      default:
        return await undoWork(session, job.payload, job.facts, committing);
    }
  } finally {
    await session.close();
  }
}
