import type { ASTNode } from "@marcbachmann/cel-js";
import { never } from "../../base/index.ts";
import type { Compiler } from "./compile.ts";
import { EXHAUSTED, charge } from "./machine.ts";
import type { Run, Typed } from "./machine.ts";
import { againstLiteral, scalarWithin } from "./quick.ts";
import { BOOL, CelError, holdsMessage, nameOf, unify } from "./types.ts";
import type { CelInt, CelType, CelValue } from "./types.ts";
import { arithmetic, compareStrings, equalsOf, weight } from "./values.ts";
import type { Arithmetic } from "./values.ts";

const BINARY = ["==", "!=", "<", "<=", ">", ">=", "+", "-", "*", "/", "%"] as const;
type BinaryOp = (typeof BINARY)[number];
type BinaryNode = ASTNode & { op: BinaryOp };

export const isBinary = (node: ASTNode): node is BinaryNode => (BINARY as readonly string[]).includes(node.op);

type Strict = (a: CelValue, b: CelValue) => ReturnType<Run>;

/** Both operands, left first; the first error is the result. */
function strict(left: Typed, right: Typed, fn: Strict): Run {
  return (m) => {
    const a = left.run(m);
    if (a instanceof CelError) return a;
    const b = right.run(m);
    return b instanceof CelError ? b : fn(a, b);
  };
}

/** As `strict`, for operations whose work grows with their operands. */
function weighed(left: Typed, right: Typed, fn: Strict): Run {
  return (m) => {
    const a = left.run(m);
    if (a instanceof CelError) return a;
    const b = right.run(m);
    if (b instanceof CelError) return b;
    return charge(m, weight(a) + weight(b)) ? fn(a, b) : EXHAUSTED;
  };
}

export function compileBinary(compiler: Compiler, node: BinaryNode): Typed | undefined {
  const left = compiler.compile(node.args[0]);
  const right = compiler.compile(node.args[1]);
  if (!left || !right) return undefined;
  const type = unify(left.type, right.type);
  if (!type) return compiler.fault(node, `${nameOf(left.type)} ${node.op} ${nameOf(right.type)} is not defined`);
  const size = left.size + right.size + 1;
  const made = isOrder(node.op) ? compare(node.op, type) : compute(node.op, type);
  if (!made) return compiler.fault(node, `${node.op} is not defined for ${nameOf(type)}`);
  const quick = isOrder(node.op) ? againstLiteral(node.op, left, right, type) : undefined;
  if (quick) return { type: BOOL, run: quick, sure: true, size };
  const scalar = type.kind === "bool" || type.kind === "int";
  return { type: made.type, run: (scalar ? strict : weighed)(left, right, made.fn), size };
}

export type Order = "==" | "!=" | "<" | "<=" | ">" | ">=";
const isOrder = (op: BinaryOp): op is Order => !["+", "-", "*", "/", "%"].includes(op);

function compare(op: Order, type: CelType): { type: CelType; fn: Strict } | undefined {
  if (op === "==" || op === "!=") {
    if (holdsMessage(type)) return undefined;
    const same = equalsOf(type);
    return { type: BOOL, fn: op === "==" ? same : (a, b) => !same(a, b) };
  }
  if (type.kind === "string") return { type: BOOL, fn: orderBy(op, (a, b) => compareStrings(a as string, b as string)) };
  if (type.kind === "int") return { type: BOOL, fn: orderBy(op, (a, b) => ((a as CelInt) < (b as CelInt) ? -1 : a === b ? 0 : 1)) };
  if (type.kind === "bool") return { type: BOOL, fn: orderBy(op, (a, b) => Number(a) - Number(b)) };
  return undefined;
}

function orderBy(op: Exclude<Order, "==" | "!=">, order: (a: CelValue, b: CelValue) => number): Strict {
  switch (op) {
    case "<":
      return (a, b) => order(a, b) < 0;
    case "<=":
      return (a, b) => order(a, b) <= 0;
    case ">":
      return (a, b) => order(a, b) > 0;
    case ">=":
      return (a, b) => order(a, b) >= 0;
    default:
      return never(op, "operator");
  }
}

function compute(op: Exclude<BinaryOp, Order>, type: CelType): { type: CelType; fn: Strict } | undefined {
  if (type.kind === "int") return { type, fn: (a, b) => arithmetic(op satisfies Arithmetic, a as CelInt, b as CelInt) };
  if (op !== "+") return undefined;
  if (type.kind === "string") return { type, fn: (a, b) => (a as string) + (b as string) };
  if (type.kind === "list") return { type, fn: (a, b) => [...(a as readonly CelValue[]), ...(b as readonly CelValue[])] };
  return undefined;
}

export function compileIn(compiler: Compiler, node: ASTNode & { op: "in" }): Typed | undefined {
  const item = compiler.compile(node.args[0]);
  const within = compiler.compile(node.args[1]);
  if (!item || !within) return undefined;
  const size = item.size + within.size + 1;
  const { type } = within;
  if (type.kind === "map" && unify(item.type, type.key)) {
    return { type: BOOL, run: weighed(item, within, (a, b) => (b as ReadonlyMap<CelValue, CelValue>).has(a)), size };
  }
  const of = type.kind === "list" ? unify(item.type, type.of) : undefined;
  if (!of || holdsMessage(of)) return compiler.fault(node, `${nameOf(item.type)} in ${nameOf(type)} is not defined`);
  const quick = scalarWithin(item, within, of);
  if (quick) return { type: BOOL, run: quick, sure: true, size };
  const same = equalsOf(of);
  const fn: Strict = (a, b) => (b as readonly CelValue[]).some((other) => same(a, other));
  return { type: BOOL, run: weighed(item, within, fn), size };
}
