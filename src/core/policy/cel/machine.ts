import { CelError } from "./types.ts";
import type { CelMessage, CelType, CelValue, Outcome } from "./types.ts";

/** Steps one rule may take. Past them it counts as an error, which only makes the outcome stricter. */
const STEP_BOUND = 1_000_000;
export const EXHAUSTED = new CelError(`the cost bound of ${STEP_BOUND} steps was exceeded`);

/** What a compiled expression runs on: the facts, the loop variables by depth, and the steps that are left. */
export interface Machine {
  readonly facts: CelMessage;
  readonly vars: CelValue[];
  left: number;
}
export const machineOn = (facts: CelMessage, steps: number = STEP_BOUND): Machine => ({ facts, vars: [], left: steps });

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
export function charge(machine: Machine, steps: number): boolean {
  machine.left -= steps;
  return machine.left >= 0;
}
