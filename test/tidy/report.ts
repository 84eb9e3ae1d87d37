import assert from "node:assert/strict";

/** Fails with every fault at once: one run, one list to mend. */
export function none(faults: readonly string[]): void {
  if (faults.length > 0) assert.fail(`${faults.length} to mend:\n${faults.map((fault) => `  ${fault}`).join("\n")}`);
}
