/** Stops a loop that a mutant made endless, without ending the process. */
import { Script } from "node:vm";

const CALL = new Script("globalThis.__call__()");
const holder = globalThis as unknown as Record<string, (() => unknown) | undefined>;

export class TooLong extends Error {}

/** Calls synchronously, and gives up on what has not returned in time. What it awaits is for Stryker to end. */
export function within(milliseconds: number, call: () => unknown): unknown {
  holder["__call__"] = call;
  try {
    return CALL.runInThisContext({ timeout: Math.ceil(milliseconds) });
  } catch (error) {
    throw (error as { code?: unknown }).code === "ERR_SCRIPT_EXECUTION_TIMEOUT" ? new TooLong() : error;
  }
}
