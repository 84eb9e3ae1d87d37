import type { ASTNode } from "@marcbachmann/cel-js";
import type { CelMessage, CelType, CelValue, Fields } from "./types.ts";

/** A necessary condition: the fact at `path` is one of `values` (or, for a list, holds one of them). */
export interface Guard {
  readonly path: readonly string[];
  readonly kind: "equals" | "holds";
  readonly values: readonly Constant[];
  readonly meets: (facts: CelMessage) => boolean;
}
type Constant = string | number | boolean;

function guard(path: readonly string[], kind: Guard["kind"], values: readonly Constant[]): readonly [Guard] {
  const meets: Guard["meets"] = (facts) => {
    const value = factAt(path, facts);
    return kind === "equals" ? values.includes(value as Constant) : (value as readonly CelValue[]).includes(values[0] as Constant);
  };
  return [{ path, kind, values, meets }];
}

/**
 * Conjuncts of the form `path == constant`, `path in [constants]` and `constant in path`, over facts that are always present:
 * such a conjunct cannot be an error, so where it is false the whole condition is false, whatever the rest would be.
 */
export function guardsOf(node: ASTNode, roots: Fields): readonly Guard[] {
  if (node.op === "&&") return [...guardsOf(node.args[0], roots), ...guardsOf(node.args[1], roots)];
  if (node.op === "==") return equality(node.args[0], node.args[1], roots) ?? equality(node.args[1], node.args[0], roots) ?? [];
  return node.op === "in" ? membership(node.args[0], node.args[1], roots) : [];
}

function equality(left: ASTNode, right: ASTNode, roots: Fields): readonly Guard[] | undefined {
  const path = pathOf(left, roots);
  const value = constantOf(right);
  return path?.kind === "scalar" && value !== undefined ? guard(path.path, "equals", [value]) : undefined;
}

function membership(item: ASTNode, within: ASTNode, roots: Fields): readonly Guard[] {
  if (within.op === "list") {
    const path = pathOf(item, roots);
    const values = within.args.map(constantOf);
    const known = values.every((value) => value !== undefined);
    return path?.kind === "scalar" && known ? guard(path.path, "equals", values) : [];
  }
  const path = pathOf(within, roots);
  const value = constantOf(item);
  return path?.kind === "list" && value !== undefined ? guard(path.path, "holds", [value]) : [];
}

function constantOf(node: ASTNode): Constant | undefined {
  if (node.op !== "value") return undefined;
  const { args } = node;
  if (typeof args === "string" || typeof args === "boolean") return args;
  return typeof args === "bigint" && args <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(args) : undefined;
}

function pathOf(node: ASTNode, roots: Fields): { readonly path: readonly string[]; readonly kind: "scalar" | "list" } | undefined {
  const path = segments(node);
  if (!path) return undefined;
  let fields: Fields | undefined = roots;
  for (const [i, name] of path.entries()) {
    const found: Fields[string] | undefined = fields && Object.hasOwn(fields, name) ? fields[name] : undefined;
    if (!found || found.optional) return undefined;
    const type: CelType = found.type;
    if (i === path.length - 1) return type.kind === "list" ? { path, kind: "list" } : { path, kind: "scalar" };
    fields = type.kind === "message" ? type.fields : undefined;
  }
  return undefined;
}

function segments(node: ASTNode): readonly string[] | undefined {
  if (node.op === "id") return [node.args];
  if (node.op !== ".") return undefined;
  const base = segments(node.args[0]);
  return base && [...base, node.args[1]];
}

export function factAt(path: readonly string[], facts: CelMessage): CelValue {
  let value: CelValue | undefined = facts;
  for (const name of path) value = (value as CelMessage)[name];
  return value as CelValue;
}
