import type { ASTNode } from "@marcbachmann/cel-js";
import { compileCall } from "./calls.ts";
import { compileMacro, isMacro } from "./macros.ts";
import { literal } from "./machine.ts";
import type { Run, Typed } from "./machine.ts";
import { compileBinary, compileIn, isBinary } from "./operators.ts";
import type { Patterns } from "./pattern.ts";
import type { Places } from "./places.ts";
import { buildMap, readEntry, readField, readItem, readSure, runAll, test } from "./reads.ts";
import { ANY, BOOL, CelError, INT, STRING, listOf, mapOf, nameOf, unify } from "./types.ts";
import type { CelType, CelValue, Fields, MessageType } from "./types.ts";
import { intOf } from "./values.ts";

/** Something of an expression that the profile does not have, by offsets into its text. */
export interface ProfileFault {
  readonly message: string;
  readonly start: number;
  readonly end: number;
}

interface Variable {
  readonly name: string;
  readonly type: CelType;
}

/** What conditions may look at, and the patterns compiled so far. */
export interface Surroundings {
  readonly roots: Fields;
  readonly places: Places;
  readonly patterns: Patterns;
}

/** Turns cel-js's checked tree into closures. What it does not know is a fault; nothing is passed through. */
export class Compiler {
  readonly faults: ProfileFault[] = [];
  readonly patterns: Patterns;
  readonly #roots: Fields;
  readonly #places: Places;
  /** Loop variables, outermost first: the index is the slot in the machine. */
  readonly #scope: Variable[] = [];

  constructor({ roots, places, patterns }: Surroundings) {
    this.#roots = roots;
    this.#places = places;
    this.patterns = patterns;
  }

  fault(node: ASTNode, message: string): undefined {
    // cel-js puts `pos` of a selection on the field's name.
    this.faults.push({ message, start: node.op === "." ? node.pos : node.start, end: node.end });
    return undefined;
  }

  /** Undefined after a fault: the caller stays silent about what follows from it. */
  compile(node: ASTNode): Typed | undefined {
    switch (node.op) {
      case "value":
        return this.#value(node);
      case "id":
        return this.#identifier(node);
      case ".":
        return this.#select(node, node.args[0], node.args[1]);
      case "[]":
        return this.#index(node);
      case "list":
        return this.#list(node.args);
      case "map":
        return this.#map(node.args);
      case "?:":
        return this.#ternary(node);
      case "||":
        return this.#logic(node.args, true);
      case "&&":
        return this.#logic(node.args, false);
      case "!_":
        return this.#not(node.args);
      case "-_":
        return this.#negate(node);
      case "in":
        return compileIn(this, node);
      case "call":
        return node.args[0] === "has" ? this.#has(node) : compileCall(this, node, node.args[0], undefined, node.args[1]);
      case "rcall":
        return this.#method(node, ...node.args);
      default:
        return isBinary(node) ? compileBinary(this, node) : this.fault(node, `${node.op} is not part of pawl-cel/1`);
    }
  }

  expect(node: ASTNode, type: CelType, what: string): Typed | undefined {
    const typed = this.compile(node);
    if (!typed) return undefined;
    return unify(typed.type, type) ? typed : this.fault(node, `${what} must be ${nameOf(type)}, not ${nameOf(typed.type)}`);
  }

  /** Compiles a loop's body with its variable in scope. */
  within<T>(name: string, type: CelType, body: (slot: number) => T): T {
    this.#scope.push({ name, type });
    const result = body(this.#scope.length - 1);
    this.#scope.pop();
    return result;
  }

  #method(node: ASTNode, name: string, receiver: ASTNode, args: readonly ASTNode[]): Typed | undefined {
    return isMacro(name) ? compileMacro(this, node, name, receiver, args) : compileCall(this, node, name, receiver, args);
  }

  #value(node: ASTNode & { op: "value" }): Typed | undefined {
    const { args } = node;
    if (typeof args === "boolean") return literal(BOOL, args);
    if (typeof args === "string")
      return args.isWellFormed() ? literal(STRING, args) : this.fault(node, "a string literal holds half of a surrogate pair");
    if (typeof args !== "bigint") return this.fault(node, `${literalKind(args)} literals are not part of pawl-cel/1`);
    const value = intOf(args);
    return value instanceof CelError ? this.fault(node, "the literal does not fit in 64 bits") : literal(INT, value);
  }

  #identifier(node: ASTNode & { op: "id" }): Typed | undefined {
    const slot = this.#scope.findLastIndex((variable) => variable.name === node.args);
    if (slot >= 0) return { type: (this.#scope[slot] as Variable).type, run: (m) => m.vars[slot] as CelValue, sure: true, size: 1 };
    const root = Object.hasOwn(this.#roots, node.args) ? this.#roots[node.args] : undefined;
    if (!root) return this.fault(node, `there is no fact ${node.args}`);
    const read = readField((m) => m.facts, node.args, root.optional);
    return root.optional ? { type: root.type, run: read, size: 1 } : this.#present(node.args, { type: root.type, run: read, size: 1 });
  }

  /** A fact that is always there is read from the row. */
  #present(path: string, typed: Typed): Typed {
    const place = this.#places.of(path);
    return place === undefined
      ? { ...typed, path, sure: true }
      : { ...typed, path, place, sure: true, run: (m) => m.row[place] as CelValue };
  }

  #select(node: ASTNode, of: ASTNode, name: string): Typed | undefined {
    const base = this.compile(of);
    if (!base) return undefined;
    const { type } = base;
    if (type.kind === "map" && unify(type.key, STRING)) return { type: type.of, run: readEntry(base.run, () => name), size: base.size + 1 };
    if (type.kind !== "message") return this.fault(node, `${nameOf(type)} has no fields, so there is no ${name}`);
    const found = this.#fieldOf(node, type, name);
    if (!found) return undefined;
    const typed: Typed = { type: found.type, run: readField(base.run, name, found.optional), size: base.size + 1 };
    if (found.optional || !base.sure) return typed;
    return base.path === undefined ? { ...typed, run: readSure(base.run, name), sure: true } : this.#present(`${base.path}.${name}`, typed);
  }

  #fieldOf(node: ASTNode, type: MessageType, name: string): Fields[string] | undefined {
    if (Object.hasOwn(type.fields, name)) return type.fields[name];
    return this.fault(node, `${type.name} has no field ${name}; it has ${Object.keys(type.fields).join(", ")}`);
  }

  #has(node: ASTNode & { op: "call" }): Typed | undefined {
    const [arg] = node.args[1];
    if (!arg || node.args[1].length !== 1 || arg.op !== ".")
      return this.fault(node, "has() takes one field selection, such as has(e.path)");
    const [of, name] = arg.args;
    const base = this.compile(of);
    if (!base) return undefined;
    const size = base.size + 1;
    if (base.type.kind === "map" && unify(base.type.key, STRING))
      return { type: BOOL, run: test(base.run, (map) => (map as ReadonlyMap<CelValue, CelValue>).has(name)), size };
    if (base.type.kind !== "message") return this.fault(arg, `${nameOf(base.type)} has no fields, so there is no ${name}`);
    if (!this.#fieldOf(arg, base.type, name)) return undefined;
    return { type: BOOL, run: test(base.run, (value) => (value as Readonly<Record<string, unknown>>)[name] !== undefined), size };
  }

  #index(node: ASTNode & { op: "[]" }): Typed | undefined {
    const base = this.compile(node.args[0]);
    const key = this.compile(node.args[1]);
    if (!base || !key) return undefined;
    const size = base.size + key.size + 1;
    if (base.type.kind === "list" && unify(key.type, INT)) return { type: base.type.of, run: readItem(base.run, key.run), size };
    if (base.type.kind === "map" && unify(base.type.key, key.type)) return { type: base.type.of, run: readEntry(base.run, key.run), size };
    return this.fault(node, `${nameOf(base.type)} cannot be indexed by ${nameOf(key.type)}`);
  }

  #list(nodes: readonly ASTNode[]): Typed | undefined {
    const items = this.#all(nodes);
    const of = items && this.#common(nodes, items, "list elements");
    if (!items || !of) return undefined;
    const runs = items.map((item) => item.run);
    const size = items.reduce((sum, item) => sum + item.size, 1);
    if (items.every((item) => item.literal !== undefined))
      return {
        ...literal(
          listOf(of),
          items.map((item) => item.literal as CelValue),
        ),
        size,
      };
    return { type: listOf(of), run: (m) => runAll(runs, m), size };
  }

  #map(entries: readonly (readonly [ASTNode, ASTNode])[]): Typed | undefined {
    const keyNodes = entries.map(([key]) => key);
    const valueNodes = entries.map(([, value]) => value);
    const keys = this.#all(keyNodes);
    const values = this.#all(valueNodes);
    if (!keys || !values) return undefined;
    const key = this.#common(keyNodes, keys, "map keys");
    const of = this.#common(valueNodes, values, "map values");
    if (!key || !of) return undefined;
    const bad = keys.findIndex((item) => item.type.kind === "list" || item.type.kind === "map" || item.type.kind === "message");
    if (bad >= 0) return this.fault(keyNodes[bad] as ASTNode, "map keys are bool, int or string");
    const size = [...keys, ...values].reduce((sum, item) => sum + item.size, 1);
    return {
      type: mapOf(key, of),
      run: buildMap(
        keys.map((k) => k.run),
        values.map((v) => v.run),
      ),
      size,
    };
  }

  #all(nodes: readonly ASTNode[]): Typed[] | undefined {
    const items = nodes.map((node) => this.compile(node));
    return items.every((item) => item !== undefined) ? items : undefined;
  }

  #common(nodes: readonly ASTNode[], items: readonly Typed[], what: string): CelType | undefined {
    let common: CelType = ANY;
    for (const [i, item] of items.entries()) {
      const next = unify(common, item.type);
      if (!next) return this.fault(nodes[i] as ASTNode, `${what} must have one type: ${nameOf(common)}, not ${nameOf(item.type)}`);
      common = next;
    }
    return common;
  }

  #ternary(node: ASTNode & { op: "?:" }): Typed | undefined {
    const condition = this.expect(node.args[0], BOOL, "the condition");
    const yes = this.compile(node.args[1]);
    const no = this.compile(node.args[2]);
    if (!condition || !yes || !no) return undefined;
    const type = unify(yes.type, no.type);
    if (!type) return this.fault(node, `the branches must have one type: ${nameOf(yes.type)}, not ${nameOf(no.type)}`);
    const run: Run = (m) => {
      const c = condition.run(m);
      return c === true ? yes.run(m) : c === false ? no.run(m) : c;
    };
    return { type, run, size: condition.size + yes.size + no.size + 1 };
  }

  /** `decisive` is the value that settles the operator whatever the other side is, an error included. */
  #logic(nodes: readonly [ASTNode, ASTNode], decisive: boolean): Typed | undefined {
    const left = this.expect(nodes[0], BOOL, "an operand");
    const right = this.expect(nodes[1], BOOL, "an operand");
    if (!left || !right) return undefined;
    return join(left, right, decisive);
  }

  #not(node: ASTNode): Typed | undefined {
    const typed = this.expect(node, BOOL, "the operand of !");
    if (!typed) return undefined;
    const run: Run = (m) => {
      const value = typed.run(m);
      return typeof value === "boolean" ? !value : value;
    };
    return { type: BOOL, run, ...(typed.sure ? { sure: typed.sure } : {}), size: typed.size + 1 };
  }

  #negate(node: ASTNode & { op: "-_" }): Typed | undefined {
    // The smallest int has no positive twin, so its sign belongs to the literal.
    if (node.args.op === "value" && typeof node.args.args === "bigint") {
      const value = intOf(-node.args.args);
      return value instanceof CelError ? this.fault(node, "the literal does not fit in 64 bits") : literal(INT, value);
    }
    const typed = this.expect(node.args, INT, "the operand of -");
    if (!typed) return undefined;
    const run: Run = (m) => {
      const value = typed.run(m);
      return value instanceof CelError ? value : intOf(-BigInt(value as number | bigint));
    };
    return { type: INT, run, size: typed.size + 1 };
  }
}

function join(left: Typed, right: Typed, decisive: boolean): Typed {
  const conjuncts = decisive ? {} : { conjuncts: [...conjunctsOf(left), ...conjunctsOf(right)] };
  const sure = sureLogic(left, right, decisive);
  if (sure) return { ...sure, ...conjuncts };
  const run: Run = (m) => {
    const l = left.run(m);
    if (l === decisive) return l;
    const r = right.run(m);
    return r === decisive || typeof l === "boolean" ? r : l;
  };
  return { type: BOOL, run, size: left.size + right.size + 1, ...conjuncts };
}

const conjunctsOf = (typed: Typed): readonly Typed[] => typed.conjuncts ?? [typed];

/** What is left of a condition when one of its conjuncts is known to be true. It costs what the whole costs. */
export function without(typed: Typed, conjunct: number): Typed {
  const others = conjunctsOf(typed).toSpliced(conjunct, 1);
  const rest = others.length === 0 ? literal(BOOL, true) : others.reduce((a, b) => join(a, b, false));
  return { ...rest, size: typed.size };
}

/** Where no operand can be an error there is nothing to weigh, and what is joined three at a time takes fewer calls. */
function sureLogic(left: Typed, right: Typed, decisive: boolean): Typed | undefined {
  if (!left.sure || !right.sure) return undefined;
  const size = left.size + right.size + 1;
  const [a, b, c] = left.joined?.decisive === decisive ? [...left.joined.runs, right.run] : [left.run, right.run];
  if (!a || !b) return undefined;
  const run: Run = c ? (m) => (a(m) === decisive || b(m) === decisive ? decisive : c(m)) : (m) => (a(m) === decisive ? decisive : b(m));
  return { type: BOOL, run, sure: true, size, ...(c ? {} : { joined: { decisive, runs: [a, b] } }) };
}

function literalKind(value: unknown): string {
  if (value === null) return "null";
  if (typeof value === "number") return "double";
  return value instanceof Uint8Array ? "bytes" : "unsigned";
}
