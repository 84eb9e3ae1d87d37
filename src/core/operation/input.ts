import { digestOf, fail, isObject, ok } from "../base/index.ts";
import type { Digest, Json, JsonObject, Refusal, Result } from "../base/index.ts";
import { findOperation, loadDeclarations } from "./document.ts";
import type { Kinds } from "./document.ts";
import { readArguments } from "./parameters.ts";
import { resourceOf } from "./resolve.ts";
import type { Arguments, Declarations, Operation } from "./types.ts";

/** What a step asks for, and the declarations that it is read by. */
export interface Asked<C extends keyof Kinds> {
  /** Less the declarations: what is kept. */
  readonly input: { readonly system: string; readonly operation: string; readonly arguments: Arguments };
  readonly system: Kinds[C]["system"];
  readonly operation: Kinds[C]["operation"];
  readonly args: Arguments;
  readonly resource: string;
}

/** The last is for whoever has the declarations in force to add; nobody who proposes may. */
const MEMBERS = ["system", "operation", "arguments", "declarations"];

const remedy = 'send {"system", "operation", "arguments"} and nothing else: pawl connector list';

/** Reads a step's input with the text of the declarations in force, whole: an unknown name is answered with those that are known. */
export function readAsked<C extends keyof Kinds>(connector: C, raw: Json): Result<Asked<C>, readonly Refusal[]> {
  const wrong = (message: string, where = "", what = remedy) => fail([{ code: "operation_input", message, where, remedy: what }]);
  if (!isObject(raw)) return wrong("this does not name an operation");
  const odd = Object.keys(raw).find((key) => !MEMBERS.includes(key));
  if (odd !== undefined) return wrong("is no member of an operation's input", `/${odd.slice(0, 100)}`);
  const { system: systemName, operation: name, arguments: given, declarations: text } = raw;
  if (typeof text !== "string") return wrong("no declarations are in force here", "", "ask the server that has them");
  const declarations = declarationsOf(text);
  if (!declarations.ok) return wrong("the declarations in force cannot be read by this version", "", "bring both to the same version");
  if (typeof systemName !== "string" || typeof name !== "string") return wrong("must name a system and an operation of it");
  const found = findOperation(declarations.value, connector, systemName, name);
  if (found === undefined) return fail([unknownOperation(connector, systemName, name, declarations.value)]);
  const args = readArguments(found.operation.parameters, given ?? {});
  if (!args.ok) return fail(args.error.map((fault) => ({ ...fault, where: `/arguments${fault.where ?? ""}` })));
  const resource = resourceOf(found.system, found.operation, { args: args.value });
  if (!resource.ok) return fail([{ remedy: "give other arguments", ...resource.error, where: "/arguments" }]);
  const input = { system: systemName, operation: name, arguments: args.value };
  return ok({ input, system: found.system, operation: found.operation, args: args.value, resource: resource.value });
}

const loaded = new Map<Digest, ReturnType<typeof loadDeclarations>>();

/** The text in force is the same for one step after another. */
function declarationsOf(text: string): ReturnType<typeof loadDeclarations> {
  const digest = digestOf(text);
  const known = loaded.get(digest);
  if (known !== undefined) return known;
  const declarations = loadDeclarations(text);
  loaded.clear();
  loaded.set(digest, declarations);
  return declarations;
}

function unknownOperation(connector: string, systemName: string, name: string, { systems }: Declarations): Refusal {
  const own = systems.filter((each) => each.connector === connector);
  const system = own.find((each) => each.name === systemName);
  const names = system === undefined ? own.map((each) => each.name) : (system.operations as readonly Operation[]).map((each) => each.name);
  const shown = names.slice(0, 20).join(", ") || "none";
  const quoted = JSON.stringify((system === undefined ? systemName : name).slice(0, 100));
  return {
    code: "operation_unknown",
    message:
      system === undefined ? `no system of the connector ${connector} is called ${quoted}` : `${systemName} has no operation ${quoted}`,
    where: system === undefined ? "/system" : "/operation",
    remedy: `known: ${shown}; others are declared by a change: pawl connector propose`,
  };
}

/** A step's input with the declarations that it is to be read by; what a proposer wrote in their place is refused. */
export function withDeclarations(raw: Json, text: string): Result<JsonObject, readonly Refusal[]> {
  if (isObject(raw) && !Object.hasOwn(raw, "declarations")) return ok({ ...raw, declarations: text });
  const where = isObject(raw) ? "/declarations" : "";
  return fail([{ code: "operation_input", message: "this is not what an operation's input holds", where, remedy }]);
}
