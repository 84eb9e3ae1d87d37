import { never } from "../../base/index.ts";
import { CelError } from "./types.ts";
import type { CelInt, CelType, CelValue, Outcome } from "./types.ts";

const MIN = -(2n ** 63n);
const MAX = 2n ** 63n - 1n;
const OVERFLOW = new CelError("integer overflow");
const DIVISION = new CelError("division by zero");
const MODULUS = new CelError("modulus by zero");

/** The one form of an int, or an overflow beyond 64 bits. */
export function intOf(value: bigint): CelInt | CelError {
  if (value < MIN || value > MAX) return OVERFLOW;
  return value >= BigInt(Number.MIN_SAFE_INTEGER) && value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : value;
}

export type Arithmetic = "+" | "-" | "*" | "/" | "%";

/** While operands and result are safe integers, a double computes exactly what 64 bits would; beyond, bigints do. */
export function arithmetic(op: Arithmetic, a: CelInt, b: CelInt): Outcome {
  if (typeof a === "number" && typeof b === "number") {
    if (op === "/") return b === 0 ? DIVISION : (a - (a % b)) / b + 0;
    if (op === "%") return b === 0 ? MODULUS : (a % b) + 0;
    const fast = op === "+" ? a + b : op === "-" ? a - b : a * b;
    if (Number.isSafeInteger(fast)) return fast + 0;
  }
  return slowArithmetic(op, BigInt(a), BigInt(b));
}

function slowArithmetic(op: Arithmetic, a: bigint, b: bigint): Outcome {
  switch (op) {
    case "+":
      return intOf(a + b);
    case "-":
      return intOf(a - b);
    case "*":
      return intOf(a * b);
    case "/":
      return b === 0n ? DIVISION : intOf(a / b);
    case "%":
      // The quotient overflows, so CEL calls the modulus an overflow too, where the hardware would trap.
      return b === 0n ? MODULUS : a === MIN && b === -1n ? OVERFLOW : intOf(a % b);
    default:
      return never(op, "operator");
  }
}

/** CEL orders strings by code point; JavaScript's own order differs above U+FFFF. */
export function compareStrings(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const left = a.charCodeAt(i);
    const right = b.charCodeAt(i);
    if (left !== right) return rank(left) - rank(right);
  }
  return a.length - b.length;
}

/** Moves surrogates, which stand for code points above U+FFFF, behind the rest of the units. */
const rank = (unit: number): number => (unit >= 0xe000 ? unit - 0x800 : unit >= 0xd800 ? unit + 0x2000 : unit);

export function codePoints(text: string): number {
  let count = text.length;
  for (let i = 1; i < text.length; i++) {
    if ((text.charCodeAt(i) & 0xfc00) === 0xdc00 && (text.charCodeAt(i - 1) & 0xfc00) === 0xd800) count--;
  }
  return count;
}

type Equals = (a: CelValue, b: CelValue) => boolean;
const identical: Equals = (a, b) => a === b;

/** Equality of two values of one type; messages have none. */
export function equalsOf(type: CelType): Equals {
  if (type.kind === "list") {
    const same = equalsOf(type.of);
    return (a, b) => {
      const left = a as readonly CelValue[];
      const right = b as readonly CelValue[];
      return left.length === right.length && left.every((item, i) => same(item, right[i] as CelValue));
    };
  }
  if (type.kind === "map") {
    const same = equalsOf(type.of);
    return (a, b) => {
      const left = a as ReadonlyMap<CelValue, CelValue>;
      const right = b as ReadonlyMap<CelValue, CelValue>;
      if (left.size !== right.size) return false;
      for (const [key, value] of left) {
        const other = right.get(key);
        if (other === undefined || !same(value, other)) return false;
      }
      return true;
    };
  }
  return identical;
}

/** What a comparison of two values costs, in steps. */
export function weight(value: CelValue): number {
  if (typeof value === "string") return 1 + (value.length >> 6);
  if (Array.isArray(value)) return (value as readonly CelValue[]).reduce((sum: number, item) => sum + weight(item), 1);
  if (value instanceof Map) return 1 + value.size;
  return 1;
}

/** Cut by code points, with a mark that says so. */
export const clip = (text: string, length: number): string =>
  text.length <= length ? text : `${text.slice(0, length - 1).toWellFormed()}…`;
