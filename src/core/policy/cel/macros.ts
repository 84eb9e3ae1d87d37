import type { ASTNode } from "@marcbachmann/cel-js";
import type { Compiler } from "./compile.ts";
import { EXHAUSTED, charge } from "./machine.ts";
import type { Machine, Run, Typed } from "./machine.ts";
import { BOOL, CelError, listOf, nameOf } from "./types.ts";
import type { CelType, CelValue, Outcome } from "./types.ts";

const MACROS = ["all", "exists", "exists_one", "filter", "map"] as const;
type Macro = (typeof MACROS)[number];
export const isMacro = (name: string): name is Macro => (MACROS as readonly string[]).includes(name);

interface Loop {
  readonly over: Run;
  readonly slot: number;
  readonly body: Run;
  /** `map` with a filter: elements that it drops are not mapped. */
  readonly keep?: Run;
  /** Steps of one round. */
  readonly cost: number;
}

export function compileMacro(
  compiler: Compiler,
  node: ASTNode,
  name: Macro,
  receiver: ASTNode,
  args: readonly ASTNode[],
): Typed | undefined {
  const [variable, first, second] = args;
  if (!variable || !first || args.length > (name === "map" ? 3 : 2))
    return compiler.fault(node, `${name}() takes a variable and an expression`);
  if (variable.op !== "id") return compiler.fault(variable, "the loop variable must be a plain name");
  const over = compiler.compile(receiver);
  if (!over) return undefined;
  const element = elementOf(over.type);
  if (!element) return compiler.fault(receiver, `${name}() runs over a list or a map, not ${nameOf(over.type)}`);
  return compiler.within(variable.args, element, (slot) => {
    const keep = second && compiler.expect(first, BOOL, "the filter");
    const body = name === "map" ? compiler.compile(second ?? first) : compiler.expect(first, BOOL, "the predicate");
    if (!body || (second && !keep)) return undefined;
    const cost = body.size + (keep?.size ?? 0);
    const loop: Loop = { over: over.run, slot, body: body.run, cost, ...(keep ? { keep: keep.run } : {}) };
    const type = name === "map" ? listOf(body.type) : name === "filter" ? listOf(element) : BOOL;
    return { type, run: RUNS[name](loop), size: over.size + cost + 1 };
  });
}

function elementOf(type: CelType): CelType | undefined {
  if (type.kind === "list") return type.of;
  return type.kind === "map" ? type.key : undefined;
}

/** Runs `visit` for each element until it settles the result; `undefined` means go on. */
function each(loop: Loop, m: Machine, visit: (result: Outcome, item: CelValue) => Outcome | undefined, end: () => Outcome): Outcome {
  const over = loop.over(m);
  if (over instanceof CelError) return over;
  const items: Iterable<CelValue> = over instanceof Map ? (over as ReadonlyMap<CelValue, CelValue>).keys() : (over as readonly CelValue[]);
  for (const item of items) {
    if (!charge(m, loop.cost)) return EXHAUSTED;
    m.vars[loop.slot] = item;
    const settled = visit(loop.body(m), item);
    if (settled !== undefined) return settled;
  }
  return end();
}

/** all and exists: one decisive element outweighs any error. */
function quantifier(loop: Loop, decisive: boolean): Run {
  const { body, slot, cost } = loop;
  return (m) => {
    const over = loop.over(m);
    if (over instanceof CelError) return over;
    const items = over instanceof Map ? [...(over as ReadonlyMap<CelValue, CelValue>).keys()] : (over as readonly CelValue[]);
    let error: CelError | undefined;
    for (let i = 0; i < items.length; i++) {
      if (!charge(m, cost)) return EXHAUSTED;
      m.vars[slot] = items[i] as CelValue;
      const result = body(m);
      if (result === decisive) return decisive;
      if (typeof result !== "boolean") error ??= result as CelError;
    }
    return error ?? !decisive;
  };
}

function exactlyOne(loop: Loop): Run {
  return (m) => {
    let count = 0;
    const visit = (result: Outcome): Outcome | undefined => {
      if (result instanceof CelError) return result;
      if (result === true) count++;
      return undefined;
    };
    return each(loop, m, visit, () => count === 1);
  };
}

function filter(loop: Loop): Run {
  return (m) => {
    const kept: CelValue[] = [];
    const visit = (result: Outcome, item: CelValue): Outcome | undefined => {
      if (result instanceof CelError) return result;
      if (result === true) kept.push(item);
      return undefined;
    };
    return each(loop, m, visit, () => kept);
  };
}

function map(loop: Loop): Run {
  const { keep } = loop;
  const body: Run = keep
    ? (m) => {
        const wanted = keep(m);
        return wanted === true ? loop.body(m) : wanted === false ? DROPPED : wanted;
      }
    : loop.body;
  return (m) => {
    const mapped: CelValue[] = [];
    const visit = (result: Outcome): Outcome | undefined => {
      if (result === DROPPED) return undefined;
      if (result instanceof CelError) return result;
      mapped.push(result);
      return undefined;
    };
    return each({ ...loop, body }, m, visit, () => mapped);
  };
}
const DROPPED = new CelError("dropped");

const RUNS: Readonly<Record<Macro, (loop: Loop) => Run>> = {
  all: (loop) => quantifier(loop, false),
  exists: (loop) => quantifier(loop, true),
  exists_one: exactlyOne,
  filter,
  map,
};
