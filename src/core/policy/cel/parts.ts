import type { ASTNode } from "@marcbachmann/cel-js";
import { serialize } from "@marcbachmann/cel-js";
import type { Json } from "../../base/index.ts";
import { Compiler } from "./compile.ts";
import type { Surroundings } from "./compile.ts";
import { EXHAUSTED, runWithin, runnable } from "./machine.ts";
import type { Machine, Purse } from "./machine.ts";
import { isMacro } from "./macros.ts";
import { isBinary } from "./operators.ts";
import { CelError } from "./types.ts";
import type { CelMessage, CelType, CelValue, Outcome } from "./types.ts";
import { clip } from "./values.ts";

/** One piece of a condition that can be shown with its value. */
export interface Part {
  readonly text: string;
  readonly run: (machine: Machine, purse: Purse) => Outcome;
  /** Says nothing when it is an empty list. */
  readonly witness?: true;
}

const PARTS = 40;
const TEXT = 200;
const EXPLAIN_STEPS = 200_000;

/** The leaves of the boolean structure in reading order, each followed by what it compares or by what decided it. */
export function partsOf(node: ASTNode, within: Surroundings, parse: (text: string) => ASTNode): readonly Part[] {
  return leaves(node)
    .flatMap((leaf) => [...[leaf, ...operands(leaf)].map((piece) => partOf(piece, within)), ...witnesses(leaf, within, parse)])
    .slice(0, PARTS);
}

function leaves(node: ASTNode): ASTNode[] {
  switch (node.op) {
    case "&&":
    case "||":
      return [...leaves(node.args[0]), ...leaves(node.args[1])];
    case "!_":
      return leaves(node.args);
    case "?:":
      return node.args.flatMap(leaves);
    default:
      return [node];
  }
}

/** What a comparison or a call looks at: its operands that are not constants, and the list a macro runs over stays out. */
function operands(leaf: ASTNode): ASTNode[] {
  if (isBinary(leaf) || leaf.op === "in") return (leaf.args as readonly ASTNode[]).filter((arg) => !isConstant(arg));
  if (leaf.op !== "rcall" || isMacro(leaf.args[0])) return [];
  return isConstant(leaf.args[1]) ? [] : [leaf.args[1]];
}

/** Which elements made a quantifier true or false, by the names that a reader knows them by. */
function witnesses(leaf: ASTNode, within: Surroundings, parse: (text: string) => ASTNode): readonly Part[] {
  if (leaf.op !== "rcall" || !["all", "exists", "exists_one"].includes(leaf.args[0])) return [];
  const [name, receiver, [variable, predicate]] = leaf.args;
  const type = new Compiler(within).compile(receiver)?.type;
  if (type?.kind !== "list" || !variable || !predicate) return [];
  const item = serialize(variable);
  const label = labelOf(type.of);
  const kept = name === "all" ? `!(${serialize(predicate)})` : serialize(predicate);
  const list = serialize(receiver);
  const node = parse(`(${list}).filter(${item}, ${kept})${label === undefined ? "" : `.map(${item}, ${item}.${label})`}`);
  return [{ ...partOf(node, within), text: clip(`${list} where this ${name === "all" ? "does not hold" : "holds"}`, TEXT), witness: true }];
}

/** The field by which a reader knows an element. */
function labelOf(type: CelType): string | undefined {
  if (type.kind !== "message") return undefined;
  return ["resource", "code", "topic"].find((name) => type.fields[name]?.optional === false);
}

function isConstant(node: ASTNode): boolean {
  if (node.op === "value") return true;
  if (node.op === "list") return node.args.every(isConstant);
  return node.op === "-_" && isConstant(node.args);
}

function partOf(node: ASTNode, within: Surroundings): Part {
  const made = new Compiler(within).compile(node);
  const typed = made && runnable(made);
  const text = clip(serialize(node), TEXT);
  const run: Part["run"] = (machine, purse) => (typed ? runWithin(typed, machine, purse, EXPLAIN_STEPS) : EXHAUSTED);
  return { text, run };
}

const ITEMS = 8;
const VALUE_TEXT = 120;

/** A value as an explanation carries it: JSON, bounded in length and depth. */
export function shown(value: Outcome): Json | { readonly error: string } {
  return value instanceof CelError ? { error: clip(value.message, VALUE_TEXT) } : bounded(value, 0);
}

function bounded(value: CelValue, depth: number): Json {
  if (typeof value === "string") return clip(value, VALUE_TEXT);
  if (typeof value === "bigint") return value.toString();
  if (typeof value !== "object") return value;
  if (depth > 1) return "…";
  if (Array.isArray(value))
    return some(
      (value as readonly CelValue[]).slice(0, ITEMS).map((item) => bounded(item, depth + 1)),
      value.length,
    );
  const entries = value instanceof Map ? [...value] : Object.entries(value as CelMessage);
  const kept = entries.filter((entry): entry is [CelValue & string, CelValue] => entry[1] !== undefined).slice(0, ITEMS);
  return Object.fromEntries(kept.map(([key, item]) => [clip(String(key), VALUE_TEXT), bounded(item, depth + 1)]));
}

const some = (items: Json[], length: number): Json[] => (length > ITEMS ? [...items, `… ${length - ITEMS} more`] : items);
