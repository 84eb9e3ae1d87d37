import { fail, ok, refuse } from "../base/index.ts";
import type { Json, JsonObject, Refusal, Result } from "../base/index.ts";
import { expandJson, expandPath, expandTarget, expandText } from "./template.ts";
import type { Values } from "./template.ts";
import { readArguments } from "./parameters.ts";
import { operationName } from "./types.ts";
import type {
  Arguments,
  CommandOperation,
  CommandProbe,
  CommandSystem,
  Compare,
  Expectation,
  HttpOperation,
  HttpSystem,
  Idempotency,
  Program,
  ProbeTemplate,
  Select,
  State,
  System,
} from "./types.ts";

/** A request with nothing left to fill in, but for what is read right before it is sent. */
export interface HttpRequest {
  readonly method: string;
  /** Path and query, as they stand in the request's first line. */
  readonly target: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Json;
  readonly success: readonly number[];
  readonly refused: readonly number[];
  readonly compare?: Compare;
  readonly idempotency?: Idempotency;
}

export interface HttpLook {
  readonly target: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly select: Readonly<Record<string, Select>>;
  readonly absent: readonly number[];
}

/** What takes it back: ready to be done, or why nothing is. */
export type ResolvedUndo<T> =
  | { readonly kind: "planned"; readonly operation: string; readonly act: T }
  | { readonly kind: "manual" | "impossible"; readonly text: string };

export function resolveRequest(operation: HttpOperation, values: Values): Result<HttpRequest> {
  const { method, body: template, success, refused } = operation.request;
  const target = expandTarget(operation.request, values);
  if (!target.ok) return target;
  const headers = expandHeaders(operation.request.headers, values);
  if (!headers.ok) return headers;
  const body = template === undefined ? undefined : expandJson(template, values);
  if (body?.ok === false) return body;
  const { compare, idempotency } = operation;
  return ok({
    method,
    target: target.value,
    headers: headers.value,
    ...(body === undefined ? {} : { body: body.value }),
    success,
    refused,
    ...(compare && { compare }),
    ...(idempotency && { idempotency }),
  });
}

export function resolveLook(probe: ProbeTemplate, values: Values): Result<HttpLook> {
  const target = expandTarget(probe, values);
  if (!target.ok) return target;
  const headers = expandHeaders(probe.headers, values);
  return headers.ok ? ok({ target: target.value, headers: headers.value, select: probe.select, absent: probe.absent }) : headers;
}

/** A header is one line of printable ASCII, whatever the arguments hold. */
function expandHeaders(templates: Readonly<Record<string, string>>, values: Values): Result<Readonly<Record<string, string>>> {
  const headers: Record<string, string> = {};
  for (const [name, template] of Object.entries(templates)) {
    const value = expandText(template, values);
    if (!value.ok) return value;
    if (!/^[\x20-\x7e]*$/.test(value.value))
      return refuse("operation_header", `the header ${name} would hold something that a header cannot`, {
        remedy: "give arguments of printable ASCII, or declare a pattern",
      });
    headers[name] = value.value.trim();
  }
  return ok(headers);
}

/** A program's arguments, one for one as declared. */
export interface Command extends Omit<Program, "argv"> {
  readonly argv: readonly string[];
}

export interface CommandLook extends Command {
  readonly select?: Readonly<Record<string, Select>>;
  readonly absent: readonly number[];
}

export function resolveProgram<P extends Program>(program: P, values: Values): Result<P> {
  const argv: string[] = [];
  for (const template of program.argv) {
    const value = expandText(template, values);
    if (!value.ok) return value;
    // A value that is taken for an option does what nobody declared; behind `--` nothing is.
    if (value.value.startsWith("-") && !template.startsWith("-") && !argv.includes("--"))
      return refuse("operation_option", `the argument ${JSON.stringify(value.value.slice(0, 80))} would be taken for an option`, {
        remedy: "give one that does not begin with a dash, or declare -- before it",
      });
    argv.push(value.value);
  }
  return ok({ ...program, argv });
}

export const resolveCommandLook = (probe: CommandProbe, values: Values): Result<CommandLook> => resolveProgram(probe, values);

export function resolveExpectation(expected: Expectation, values: Values): Result<Expectation> {
  const fields = expandJson(expected.fields, values);
  return fields.ok ? ok({ present: expected.present, fields: fields.value as JsonObject }) : fields;
}

/** `http:tickets#issue/OPS-1`; what is filled in cannot add a part to it. */
export function resourceOf(system: System, operation: { readonly effect: { readonly resource: string } }, values: Values): Result<string> {
  const name = expandPath(operation.effect.resource, values);
  return name.ok ? ok(`${system.connector}:${system.name}#${name.value}`) : name;
}

export const resolveHttpUndo = (system: HttpSystem, operation: HttpOperation, args: Arguments, before: State): ResolvedUndo<HttpRequest> =>
  resolveUndo(system, operation, args, before, (other: HttpOperation, values) => {
    const request = resolveRequest(other, values);
    if (!request.ok || request.value.compare === undefined) return request;
    // What it is compared by comes from our own probe: another resource's version would pass for this one's.
    const [ours, its] = [operation.probe && resolveLook(operation.probe, { args }), other.probe && resolveLook(other.probe, values)];
    if (ours?.ok === true && its?.ok === true && ours.value.target === its.value.target) return request;
    return refuse("operation_compare", "it is compared by what another probe reads", { remedy: "give both operations the same probe" });
  });

export const resolveCommandUndo = (
  system: CommandSystem,
  operation: CommandOperation,
  args: Arguments,
  before: State,
): ResolvedUndo<{ readonly operation: CommandOperation; readonly run: Program }> =>
  resolveUndo(system, operation, args, before, (other: CommandOperation, values) => {
    const run = resolveProgram(other.run, values);
    return run.ok ? ok({ operation: other, run: run.value }) : run;
  });

/** The other operation's arguments come from ours and from the state before: what they are is judged like any other's. */
function resolveUndo<O extends HttpOperation | CommandOperation, T>(
  system: { readonly connector: System["connector"]; readonly name: string; readonly operations: readonly O[] },
  { undo }: O,
  args: Arguments,
  before: State,
  resolve: (operation: O, values: Values) => Result<T>,
): ResolvedUndo<T> {
  if (undo.kind !== "operation") return undo;
  const other = system.operations.find(({ name }) => name === undo.operation);
  const given = expandJson(undo.arguments, { args, before: before.fields });
  const read: Result<Arguments, readonly Refusal[]> = !given.ok ? fail([given.error]) : readArguments(other?.parameters ?? {}, given.value);
  const made = other === undefined || !read.ok ? undefined : resolve(other, { args: read.value });
  if (other !== undefined && made?.ok === true) return { kind: "planned", operation: operationName(system, other), act: made.value };
  const faults = read.ok ? (made?.ok === false ? [made.error] : []) : read.error;
  const why = faults.map(({ where, message }) => `${where ?? ""} ${message}`.trim()).join("; ");
  return {
    kind: "impossible",
    text: `${undo.operation}, which would take it back, cannot be asked for: ${why}`.slice(0, 2_000).toWellFormed(),
  };
}
