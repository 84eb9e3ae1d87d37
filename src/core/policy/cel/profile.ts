import { Environment } from "@marcbachmann/cel-js";
import type { ASTNode } from "@marcbachmann/cel-js";
import { fail, ok } from "../../base/index.ts";
import type { Result } from "../../base/index.ts";
import { Compiler, without } from "./compile.ts";
import type { ProfileFault } from "./compile.ts";
import { STEP_BOUND, machineOn, runWithin, runnable } from "./machine.ts";
import type { Purse, Typed } from "./machine.ts";
import { partsOf } from "./parts.ts";
import { Patterns } from "./pattern.ts";
import type { Part } from "./parts.ts";
import { Places } from "./places.ts";
import { conjunctsOf, demandsOf, isExact, plainDemand } from "./demands.ts";
import type { Demand } from "./demands.ts";
import { BOOL, nameOf, unify } from "./types.ts";
import type { CelMessage, CelType, Fields, MessageType, Outcome } from "./types.ts";

export const PROFILE = "pawl-cel/1";
const TEXT_BOUND = 4096;
const LIMITS = { maxAstNodes: 1000, maxDepth: 32, maxListElements: 500, maxMapEntries: 100, maxCallArguments: 4 };

export type { ProfileFault };

/** An expression of the profile, parsed, type-checked and compiled. */
export interface Expression {
  readonly text: string;
  readonly type: CelType;
  /** Without a purse it has the steps of one condition. */
  readonly run: (facts: CelMessage, purse?: Purse) => Outcome;
  /** For whoever runs many over the same facts. */
  readonly typed: Typed;
  /** The leaves of its boolean structure, for explanations. */
  readonly parts: readonly Part[];
  /** Without any one of these it is false, for the index. */
  readonly demands: readonly Demand[];
  /** The one of them that explains by itself why it is false. */
  readonly plain?: Demand;
  /** What is left to ask where one of the demands is met. */
  readonly beyond: (demand: Demand) => Typed;
}

/** Compiles expressions over the declared facts. Making one is dear; using it is cheap. */
export interface Profile {
  readonly places: Places;
  compile(text: string, patterns?: Patterns): Result<Expression, readonly ProfileFault[]>;
  /** As `compile`; the result must be a bool. */
  condition(text: string, patterns?: Patterns): Result<Expression, readonly ProfileFault[]>;
}

export function profileOver(roots: Fields): Profile {
  const environment = environmentOf(roots);
  const places = new Places(roots);
  const compile: Profile["compile"] = (text, patterns = new Patterns()) => {
    const node = checked(environment, text);
    if (!node.ok) return node;
    const surroundings = { roots, places, patterns };
    const compiler = new Compiler(surroundings);
    const typed = compiler.compile(node.value);
    if (!typed || compiler.faults.length > 0) return fail(compiler.faults);
    const parts = partsOf(node.value, surroundings, (part) => environment.parse(part).ast);
    const run: Expression["run"] = (facts, purse = { left: STEP_BOUND }) =>
      runWithin(typed, machineOn({ facts, row: places.row(facts) }), purse);
    const plain = plainDemand(node.value, surroundings);
    const conjuncts = conjunctsOf(node.value).map((conjunct) => ({ exact: isExact(conjunct), demands: demandsOf(conjunct, surroundings) }));
    const demands = conjuncts.flatMap((conjunct) => conjunct.demands);
    const beyond: Expression["beyond"] = (demand) => {
      const said = conjuncts.findIndex((conjunct) => conjunct.exact && conjunct.demands[0] === demand);
      return runnable(said < 0 ? typed : without(typed, said));
    };
    return ok({ text, type: typed.type, run, typed: runnable(typed), parts, demands, beyond, ...(plain ? { plain } : {}) });
  };
  const condition: Profile["condition"] = (text, patterns) => {
    const made = compile(text, patterns);
    if (!made.ok || unify(made.value.type, BOOL)) return made;
    return fail([{ message: `a condition must be bool, not ${nameOf(made.value.type)}`, start: 0, end: text.length }]);
  };
  return { places, compile, condition };
}

/** Parsed and type-checked by cel-js. Whatever it throws is a fault of the expression, never of the caller. */
function checked(environment: Environment, text: string): Result<ASTNode, readonly ProfileFault[]> {
  if (text.length > TEXT_BOUND) return fail([{ message: `the expression is longer than ${TEXT_BOUND} characters`, start: 0, end: 0 }]);
  try {
    const parsed = environment.parse(text);
    const verdict = parsed.check();
    return verdict.valid ? ok(parsed.ast) : fail([faultOf(verdict.error, text)]);
  } catch (error) {
    return fail([faultOf(error, text)]);
  }
}

function faultOf(error: unknown, text: string): ProfileFault {
  const known = error as { readonly summary?: unknown; readonly range?: { readonly start: number; readonly end: number } } | undefined;
  const message = typeof known?.summary === "string" ? known.summary : "the expression cannot be checked";
  const start = Math.min(known?.range?.start ?? 0, text.length);
  return { message, start, end: Math.max(start, Math.min(known?.range?.end ?? start, text.length)) };
}

function environmentOf(roots: Fields): Environment {
  const environment = new Environment({ limits: LIMITS });
  const known = new Set<string>();
  for (const [, { type }] of Object.entries(roots)) declare(environment, type, known);
  for (const [name, { type }] of Object.entries(roots)) environment.registerVariable(name, nameOf(type));
  environment.registerFunction("glob(string, string): bool", () => false).registerFunction("glob(string, list<string>): bool", () => false);
  return environment;
}

function declare(environment: Environment, type: CelType, known: Set<string>): void {
  if (type.kind === "list") return declare(environment, type.of, known);
  if (type.kind === "map") return declare(environment, type.of, known);
  if (type.kind === "message") declareMessage(environment, type, known);
}

function declareMessage(environment: Environment, type: MessageType, known: Set<string>): void {
  if (known.has(type.name)) return;
  known.add(type.name);
  for (const { type: inner } of Object.values(type.fields)) declare(environment, inner, known);
  const fields = Object.fromEntries(Object.entries(type.fields).map(([name, { type: inner }]) => [name, nameOf(inner)]));
  environment.registerType(type.name, { fields });
}
