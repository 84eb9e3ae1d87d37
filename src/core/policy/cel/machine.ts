import { CelError } from "./types.ts";
import type { CelMessage, CelType, CelValue, Outcome } from "./types.ts";

/** Steps one rule may take. Past them it counts as an error, which only makes the outcome stricter. */
export const STEP_BOUND = 1_000_000;
export const EXHAUSTED = new CelError(`the cost bound of ${STEP_BOUND} steps was exceeded`);
const SPENT = new CelError("too costly: the steps for all rules together are used up");

/** Steps that several runs have together. At 0 or below each further run is an error. */
export interface Purse {
  left: number;
}

/** What a compiled expression runs on: the facts, the loop variables by depth, and the steps that are left. */
export interface Machine {
  readonly facts: CelMessage;
  readonly vars: CelValue[];
  left: number;
}

/** Runs within `most` steps, paid for out of the purse; the nodes of the expression itself cost a step each. */
export function runWithin({ run, size }: Typed, facts: CelMessage, purse: Purse, most: number = STEP_BOUND): Outcome {
  const steps = Math.min(most, purse.left);
  const machine: Machine = { facts, vars: [], left: steps };
  const value = charge(machine, size) ? run(machine) : EXHAUSTED;
  purse.left -= steps - machine.left;
  // An `||` may have swallowed the error, yet the bound was exceeded all the same.
  if (machine.left >= 0) return value;
  return steps < most ? SPENT : EXHAUSTED;
}

export type Run = (machine: Machine) => Outcome;

/** A compiled node: its type, its closure, and its value where it is a literal. */
export interface Typed {
  readonly type: CelType;
  readonly run: Run;
  readonly literal?: CelValue;
  /** Nodes below and including this one: what one run costs, loops and long values aside. */
  readonly size: number;
}

export const literal = (type: CelType, value: CelValue): Typed => ({ type, run: () => value, literal: value, size: 1 });

/** Charges for work in proportion to data. False when the bound is reached. */
export function charge(machine: Purse, steps: number): boolean {
  machine.left -= steps;
  return machine.left >= 0;
}
