import type { ASTNode } from "@marcbachmann/cel-js";
import { serialize } from "@marcbachmann/cel-js/serialize";
import type { Json } from "../../base/index.ts";
import { Compiler } from "./compile.ts";
import { EXHAUSTED, machineOn } from "./machine.ts";
import { isMacro } from "./macros.ts";
import { isBinary } from "./operators.ts";
import { CelError } from "./types.ts";
import type { CelMessage, CelValue, Fields, Outcome } from "./types.ts";

/** One piece of a condition that can be shown with its value. */
export interface Part {
  readonly text: string;
  readonly run: (facts: CelMessage) => Outcome;
}

const PARTS = 40;
const TEXT = 200;
const EXPLAIN_STEPS = 200_000;

/** The leaves of the boolean structure in reading order, each followed by what it compares. */
export function partsOf(node: ASTNode, roots: Fields): readonly Part[] {
  return leaves(node)
    .flatMap((leaf) => [leaf, ...operands(leaf)])
    .slice(0, PARTS)
    .map((piece) => partOf(piece, roots));
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

function isConstant(node: ASTNode): boolean {
  if (node.op === "value") return true;
  if (node.op === "list") return node.args.every(isConstant);
  return node.op === "-_" && isConstant(node.args);
}

function partOf(node: ASTNode, roots: Fields): Part {
  const typed = new Compiler(roots).compile(node);
  const text = clip(serialize(node), TEXT);
  const run = (facts: CelMessage): Outcome => {
    const machine = machineOn(facts, EXPLAIN_STEPS);
    const value = typed?.run(machine) ?? EXHAUSTED;
    return machine.left < 0 ? EXHAUSTED : value;
  };
  return { text, run };
}

/** Cut by code points, with a mark that says so. */
export const clip = (text: string, length: number): string =>
  text.length <= length ? text : `${text.slice(0, length - 1).toWellFormed()}…`;

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
