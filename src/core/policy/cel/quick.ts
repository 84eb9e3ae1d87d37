/**
 * What policies ask most, a fact against a constant, takes no detour: no call for a value whose place is known, and no look for an
 * error where there can be none. It costs what the long way costs; that the steps are used up is noticed where the condition ends.
 */
import { never } from "../../base/index.ts";
import type { Run, Typed } from "./machine.ts";
import type { Order } from "./operators.ts";
import type { CelInt, CelType, CelValue } from "./types.ts";
import { weight } from "./values.ts";

/** Undefined where there is no such short way. The result is never an error. */
export function againstLiteral(op: Order, left: Typed, right: Typed, type: CelType): Run | undefined {
  if (!left.sure || right.literal === undefined) return undefined;
  const equality = op === "==" || op === "!=";
  if (type.kind === "int" || (equality && type.kind === "bool")) return scalarAgainst(op, left, right.literal as CelInt);
  return equality && type.kind === "string" ? textAgainst(op === "==", left, right.literal as string) : undefined;
}

function textAgainst(same: boolean, { run, place }: Typed, constant: string): Run {
  const cost = weight(constant) + 1;
  if (place !== undefined) {
    return (m) => {
      const value = m.row[place] as string;
      m.left -= cost + (value.length >> 6);
      return (value === constant) === same;
    };
  }
  return (m) => {
    const value = run(m) as string;
    m.left -= cost + (value.length >> 6);
    return (value === constant) === same;
  };
}

function scalarAgainst(op: Order, { run, place }: Typed, constant: CelInt): Run {
  const placed = place !== undefined;
  switch (op) {
    case "==":
      return placed ? (m) => m.row[place] === constant : (m) => run(m) === constant;
    case "!=":
      return placed ? (m) => m.row[place] !== constant : (m) => run(m) !== constant;
    case "<":
      return placed ? (m) => (m.row[place] as CelInt) < constant : (m) => (run(m) as CelInt) < constant;
    case "<=":
      return placed ? (m) => (m.row[place] as CelInt) <= constant : (m) => (run(m) as CelInt) <= constant;
    case ">":
      return placed ? (m) => (m.row[place] as CelInt) > constant : (m) => (run(m) as CelInt) > constant;
    case ">=":
      return placed ? (m) => (m.row[place] as CelInt) >= constant : (m) => (run(m) as CelInt) >= constant;
    default:
      return never(op, "operator");
  }
}

/** `in` for a scalar and a list, neither of which can be an error. */
export function scalarWithin(item: Typed, within: Typed, of: CelType): Run | undefined {
  const scalar = of.kind === "string" || of.kind === "int" || of.kind === "bool";
  if (!scalar || !item.sure || !within.sure) return undefined;
  const { literal } = item;
  const { place } = within;
  if (literal !== undefined && place !== undefined) return (m) => found(m, literal, m.row[place] as readonly CelValue[]);
  const one = item.run;
  const list = within.run;
  return (m) => found(m, one(m) as CelValue, list(m) as readonly CelValue[]);
}

function found(m: { left: number }, value: CelValue, others: readonly CelValue[]): boolean {
  let cost = 1 + weightOf(value);
  let is = false;
  for (let i = 0; i < others.length; i++) {
    const other = others[i] as CelValue;
    cost += weightOf(other);
    is ||= other === value;
  }
  m.left -= cost;
  return is;
}

const weightOf = (scalar: CelValue): number => (typeof scalar === "string" ? 1 + (scalar.length >> 6) : 1);
