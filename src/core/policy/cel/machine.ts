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

/** Facts that fit, and those of them that are always there in their row. */
export interface Seen {
  readonly facts: CelMessage;
  readonly row: readonly CelValue[];
}

/** What compiled expressions run on, one after the other: the facts, the loop variables by depth, and the steps that are left. */
export interface Machine extends Seen {
  readonly vars: CelValue[];
  left: number;
}
export const machineOn = ({ facts, row }: Seen): Machine => ({ facts, row, vars: [], left: 0 });

/** Runs within `most` steps, paid for out of the purse; the nodes of the expression itself cost a step each. */
export function runWithin({ run, size }: Typed, machine: Machine, purse: Purse, most: number = STEP_BOUND): Outcome {
  const steps = Math.min(most, purse.left);
  machine.left = steps;
  const value = charge(machine, size) ? run(machine) : EXHAUSTED;
  purse.left -= steps - machine.left;
  // An `||` may have swallowed the error, yet the bound was exceeded all the same.
  if (machine.left >= 0) return value;
  return steps < most ? SPENT : EXHAUSTED;
}

export type Run = (machine: Machine) => Outcome;

/** A compiled node: its type, its closure, and what is known of its value. */
export interface Typed {
  readonly type: CelType;
  readonly run: Run;
  /** The value where it is a literal. */
  readonly literal?: CelValue;
  /** The names of a fact that is always there, with dots between. */
  readonly path?: string;
  /** Where in the row it stands, if it has a place there. */
  readonly place?: number;
  /** Never an error. */
  readonly sure?: true;
  /** What `&&` joins at the top, in reading order; there are two at least. */
  readonly conjuncts?: readonly Typed[];
  /** The two operands of an `&&` or `||` that can take a third. */
  readonly joined?: { readonly decisive: boolean; readonly runs: readonly Run[] };
  /** Nodes below and including this one: what one run costs, loops and long values aside. */
  readonly size: number;
}

/** What is needed to run it, always in one form: the engine is slower with objects of many forms. */
export const runnable = ({ type, run, size }: Typed): Typed => ({ type, run, size });

export const literal = (type: CelType, value: CelValue): Typed => ({ type, run: () => value, literal: value, sure: true, size: 1 });

/** Charges for work in proportion to data. False when the bound is reached. */
export function charge(machine: Purse, steps: number): boolean {
  machine.left -= steps;
  return machine.left >= 0;
}
