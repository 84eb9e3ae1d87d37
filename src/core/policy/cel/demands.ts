import type { ASTNode } from "@marcbachmann/cel-js";
import { never } from "../../base/index.ts";
import type { Places } from "./places.ts";
import type { CelMessage, CelType, CelValue, Fields } from "./types.ts";

/** That a fact is one of the values, or an int no less or no more than the only one; of a list, that an element is, or its `member`. */
export interface Possibility {
  /** The fact's place in the row. */
  readonly place: number;
  readonly path: string;
  readonly kind: "is" | "holds" | "least" | "most";
  readonly member?: string;
  readonly values: readonly Constant[];
}
type Constant = string | number | boolean;

/** What must be so for a condition to be true: at least one of these. */
export type Demand = readonly Possibility[];

interface Known {
  readonly roots: Fields;
  readonly places: Places;
  /** Inside a quantifier over a list: its variable, and what it stands for. */
  readonly variable?: { readonly name: string; readonly list: string; readonly type: CelType };
}

/**
 * Demands are made of `fact == constant`, `fact in [constants]`, `constant in fact`, comparisons of ints with constants and plain
 * bools, over facts that are always there: these cannot be errors, and what holds none of them true is false whatever the rest would be. Of what `&&` joins each side's demands
 * hold, of what `||` joins one of either side's, and an element that a quantifier finds meets what is demanded of it.
 */
export function demandsOf(node: ASTNode, known: Known): readonly Demand[] {
  switch (node.op) {
    case "&&":
      return [...demandsOf(node.args[0], known), ...demandsOf(node.args[1], known)];
    case "||":
      return either(demandsOf(node.args[0], known), demandsOf(node.args[1], known));
    case "==":
      return some(equality(node.args[0], node.args[1], known) ?? equality(node.args[1], node.args[0], known));
    case "<":
    case "<=":
    case ">":
    case ">=":
      return some(bound(node.op, node.args[0], node.args[1], known) ?? bound(MIRRORED[node.op], node.args[1], node.args[0], known));
    case "id":
    case ".":
      return some(oneOf(node, [true], known));
    case "!_":
      return node.args.op === "id" || node.args.op === "." ? some(oneOf(node.args, [false], known)) : [];
    case "in":
      return some(membership(node.args[0], node.args[1], known));
    case "rcall":
      return ["exists", "exists_one"].includes(node.args[0]) ? found(node.args[1], node.args[2], known) : [];
    default:
      return [];
  }
}

/** The operands of the `&&` at the top, in reading order. */
export const conjunctsOf = (node: ASTNode): readonly ASTNode[] => (node.op === "&&" ? node.args.flatMap(conjunctsOf) : [node]);

/** Whether all is said with the demand that a node makes: where it is met the node is true. */
export function isExact(node: ASTNode): boolean {
  if (node.op === "||") return node.args.every(isExact);
  return node.op !== "&&" && node.op !== "rcall";
}

/** The first demand that a reader sees at once: an equality or membership that the condition has as a conjunct. */
export function plainDemand(node: ASTNode, known: Known): Demand | undefined {
  if (node.op === "&&") return plainDemand(node.args[0], known) ?? plainDemand(node.args[1], known);
  return node.op === "==" || node.op === "in" ? demandsOf(node, known)[0] : undefined;
}

const some = (one: Possibility | undefined): readonly Demand[] => (one === undefined ? [] : [[one]]);

/** The one of each side with the fewest values, for it leaves the least open. */
function either(left: readonly Demand[], right: readonly Demand[]): readonly Demand[] {
  const [a, b] = [narrowest(left), narrowest(right)];
  return a !== undefined && b !== undefined ? [[...a, ...b]] : [];
}

function narrowest(demands: readonly Demand[]): Demand | undefined {
  const width = (demand: Demand): number => demand.reduce((sum, { values }) => sum + values.length, 0);
  return demands.toSorted((a, b) => width(a) - width(b))[0];
}

function found(receiver: ASTNode, [variable, predicate]: readonly ASTNode[], known: Known): readonly Demand[] {
  const list = factOf(receiver, known);
  // In a loop within a loop the facts of the outer element are no facts of the row.
  if (known.variable || list?.type.kind !== "list" || variable?.op !== "id" || !predicate) return [];
  return demandsOf(predicate, { ...known, variable: { name: variable.args, list: list.path, type: list.type.of } });
}

function equality(left: ASTNode, right: ASTNode, known: Known): Possibility | undefined {
  const value = constantOf(right);
  return value === undefined ? undefined : oneOf(left, [value], known);
}

const MIRRORED = { "<": ">", "<=": ">=", ">": "<", ">=": "<=" } as const;

function bound(op: keyof typeof MIRRORED, left: ASTNode, right: ASTNode, known: Known): Possibility | undefined {
  const fact = factOf(left, known);
  const value = constantOf(right);
  if (fact?.place === undefined || typeof value !== "number") return undefined;
  const kind = op === "<" || op === "<=" ? "most" : "least";
  const beyond = op === "<" ? -1 : op === ">" ? 1 : 0;
  return { place: fact.place, path: fact.path, kind, values: [value + beyond] };
}

function membership(item: ASTNode, within: ASTNode, known: Known): Possibility | undefined {
  if (within.op === "list") {
    const values = within.args.map(constantOf).filter((value) => value !== undefined);
    return values.length === within.args.length ? oneOf(item, values, known) : undefined;
  }
  const value = constantOf(item);
  const list = factOf(within, known);
  if (value === undefined || list?.type.kind !== "list" || list.place === undefined) return undefined;
  return { place: list.place, path: list.path, kind: "holds", values: [value] };
}

/** The node, a fact or what a quantifier looks at, is one of the values. */
function oneOf(node: ASTNode, values: readonly Constant[], known: Known): Possibility | undefined {
  const element = elementOf(node, known);
  if (element) return { ...element, kind: "holds", values };
  const fact = factOf(node, known);
  return fact?.place === undefined ? undefined : { place: fact.place, path: fact.path, kind: "is", values };
}

function elementOf(node: ASTNode, { places, variable }: Known): Pick<Possibility, "place" | "path" | "member"> | undefined {
  const place = variable && places.of(variable.list);
  const [name, member, ...more] = segments(node) ?? [];
  if (!variable || place === undefined || name !== variable.name || more.length > 0) return undefined;
  if (member === undefined) return { place, path: variable.list };
  const field = variable.type.kind === "message" && Object.hasOwn(variable.type.fields, member) ? variable.type.fields[member] : undefined;
  return field && !field.optional ? { place, path: variable.list, member } : undefined;
}

function constantOf(node: ASTNode): Constant | undefined {
  if (node.op !== "value") return undefined;
  const { args } = node;
  if (typeof args === "string" || typeof args === "boolean") return args;
  return typeof args === "bigint" && args <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(args) : undefined;
}

interface Fact {
  readonly path: string;
  readonly type: CelType;
  readonly place?: number;
}

/** A fact that is always there. */
function factOf(node: ASTNode, { roots, places, variable }: Known): Fact | undefined {
  const path = segments(node);
  if (!path || path[0] === variable?.name) return undefined;
  let type: CelType = { kind: "message", name: "", fields: roots };
  for (const name of path) {
    const field: Fields[string] | undefined = type.kind === "message" && Object.hasOwn(type.fields, name) ? type.fields[name] : undefined;
    if (!field || field.optional) return undefined;
    ({ type } = field);
  }
  const joined = path.join(".");
  const place = places.of(joined);
  return { path: joined, type, ...(place === undefined ? {} : { place }) };
}

function segments(node: ASTNode): readonly string[] | undefined {
  if (node.op === "id") return [node.args];
  if (node.op !== ".") return undefined;
  const base = segments(node.args[0]);
  return base && [...base, node.args[1]];
}

/** Whether these facts meet what is demanded. */
export const meets = (demand: Demand, row: readonly CelValue[]): boolean => demand.some((one) => isSo(one, row));

function isSo({ place, kind, member, values }: Possibility, row: readonly CelValue[]): boolean {
  const value = row[place] as CelValue;
  switch (kind) {
    case "is":
      return values.includes(value as Constant);
    case "least":
      return (value as number) >= (values[0] as number);
    case "most":
      return (value as number) <= (values[0] as number);
    case "holds":
      return (value as readonly CelValue[]).some((item) =>
        values.includes((member === undefined ? item : (item as CelMessage)[member]) as Constant),
      );
    default:
      return never(kind, "demand");
  }
}
