/** A write set as a program, and what its reply means. */
import type { Outcome, WriteSet } from "../model.ts";
import { WAS_COMMITTED } from "../sql/reads.ts";
import { HEAD_STEP, stepsOf } from "../sql/statements.ts";
import { rowsOf, type Connection, type ProgramStep, type Reply } from "./program.ts";

export const programOf = (set: WriteSet): ProgramStep[] =>
  stepsOf(set).map(({ statement, rows, expect }) => ({ sql: statement.one, rows, ...(expect !== undefined && { expect }) }));

/** A commit of which nobody knows whether it took place is looked up. */
export function outcomeOf(reader: Connection, reply: Reply, set: WriteSet): Outcome {
  switch (reply.kind) {
    case "done":
      return { kind: "committed" };
    case "conflict":
      return { kind: reply.step === HEAD_STEP ? "moved" : "conflict" };
    case "unknown":
      return wasCommitted(reader, set) ? { kind: "committed" } : reply;
    default:
      return reply;
  }
}

function wasCommitted(reader: Connection, { head: { size, batch } }: WriteSet): boolean {
  try {
    return rowsOf(reader, WAS_COMMITTED, [size, batch, batch]).length > 0;
  } catch {
    return false;
  }
}
