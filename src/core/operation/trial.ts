import { canonical, fail, ok, parseJson } from "../base/index.ts";
import type { Json, JsonObject, Result } from "../base/index.ts";
import { readArguments } from "./parameters.ts";
import {
  resolveCommandLook,
  resolveCommandUndo,
  resolveHttpUndo,
  resolveLook,
  resolveProgram,
  resolveRequest,
  resourceOf,
} from "./resolve.ts";
import type { HttpRequest } from "./resolve.ts";
import { ABSENT, selected } from "./state.ts";
import { operationName } from "./types.ts";
import type {
  Arguments,
  CommandOperation,
  CommandSystem,
  Declarations,
  HttpOperation,
  HttpSystem,
  Operation,
  OperationTest,
  State,
  System,
  TestResult,
} from "./types.ts";

/** Runs the tests of every operation, offline: what would be asked, what would be read from the answer, and what would take it back. */
export function runTests({ systems }: Declarations): readonly TestResult[] {
  return systems.flatMap((system) =>
    (system.operations as readonly Operation[]).flatMap((operation) => operation.tests.map((test) => resultOf(system, operation, test))),
  );
}

function resultOf(system: System, operation: Operation, test: OperationTest): TestResult {
  const found = outcome(system, operation, test);
  // Of what came out, as much as the test speaks of.
  const actual = Object.fromEntries(Object.keys(test.expect).map((key) => [key, found[key] ?? null]));
  const refused = Object.hasOwn(found, "refused") && !Object.hasOwn(test.expect, "refused");
  const shown: JsonObject = refused ? { refused: found["refused"] ?? null } : actual;
  return {
    operation: operationName(system, operation),
    name: test.name,
    passed: canonical(shown) === canonical(test.expect),
    expected: test.expect,
    actual: shown,
  };
}

/** Everything that comes of one test's arguments, or `refused` with the names of the arguments at fault, or why. */
function outcome(system: System, operation: Operation, test: OperationTest): JsonObject {
  const args = readArguments(operation.parameters, test.arguments);
  if (!args.ok) return { refused: args.error.map(({ where, message }) => where?.slice(1) || message) };
  const made =
    system.connector === "http"
      ? httpOutcome(system, operation as HttpOperation, args.value, test)
      : commandOutcome(system, operation as CommandOperation, args.value, test);
  return made.ok ? made.value : { refused: [made.error.message] };
}

function httpOutcome(system: HttpSystem, operation: HttpOperation, args: Arguments, { before }: OperationTest): Result<JsonObject> {
  const request = resolveRequest(operation, { args });
  if (!request.ok) return request;
  const look = operation.probe && resolveLook(operation.probe, { args });
  if (look?.ok === false) return look;
  const resource = resourceOf(system, operation, { args });
  if (!resource.ok) return resource;
  const state = httpState(operation, before);
  if (!state.ok) return state;
  const undo = resolveHttpUndo(system, operation, args, state.value);
  return ok({
    request: shownRequest(request.value),
    probe: look === undefined ? null : look.value.target,
    state: shownState(state.value),
    undo: undo.kind === "planned" ? shownRequest(undo.act) : undo.kind,
    resource: resource.value,
  });
}

/** What stands in the request, less what is empty. */
function shownRequest({ method, target, headers, body }: HttpRequest): JsonObject {
  return { method, target, ...(Object.keys(headers).length === 0 ? {} : { headers }), ...(body === undefined ? {} : { body }) };
}

const shownState = ({ present, fields }: State): Json => (present ? fields : "absent");

function httpState({ probe }: HttpOperation, before: OperationTest["before"]): Result<State> {
  if (probe === undefined || before === undefined || probe.absent.includes(before["status"] as number)) return ok(ABSENT);
  const { status = 200, body = null } = before;
  // As when it is asked for: no other answer is a state.
  if (status === 200) return selected(body, probe.select);
  return fail({ code: "operation_probe", message: `the probe is answered with ${canonical(status)}`, remedy: "give what the API answers" });
}

function commandOutcome(
  system: CommandSystem,
  operation: CommandOperation,
  args: Arguments,
  { before }: OperationTest,
): Result<JsonObject> {
  const run = resolveProgram(operation.run, { args });
  if (!run.ok) return run;
  const look = operation.probe && resolveCommandLook(operation.probe, { args });
  if (look?.ok === false) return look;
  const resource = resourceOf(system, operation, { args });
  if (!resource.ok) return resource;
  const output = typeof before?.["output"] === "string" ? before["output"] : "";
  const exit = typeof before?.["exit"] === "number" ? before["exit"] : 0;
  const state = look === undefined || before === undefined ? ok(ABSENT) : decodeOutput(look.value, exit, output);
  if (!state.ok) return state;
  const undo = resolveCommandUndo(system, operation, args, state.value);
  return ok({
    argv: [...run.value.argv],
    probe: look === undefined ? null : [...look.value.argv],
    state: shownState(state.value),
    undo: undo.kind === "planned" ? [...undo.act.run.argv] : undo.kind,
    resource: resource.value,
  });
}

const MOST_OUTPUT = 4_000;

/** The state as a probing command prints it. */
export function decodeOutput(
  { select, absent, success }: Pick<NonNullable<CommandOperation["probe"]>, "select" | "absent" | "success">,
  exit: number,
  output: string,
): Result<State> {
  const remedy = "mend the probe, or what it looks at";
  if (absent.includes(exit)) return ok(ABSENT);
  if (!success.includes(exit)) return fail({ code: "operation_probe", message: `the probe ended with ${exit}`, remedy });
  if (select === undefined) {
    const text = output.replace(/\n$/, "");
    if (text.length > MOST_OUTPUT || !text.isWellFormed())
      return fail({
        code: "operation_probe",
        message: `the probe printed more than ${MOST_OUTPUT} characters of text`,
        remedy: "have it print less, or JSON",
      });
    return ok({ present: true, fields: { output: text } });
  }
  const document = parseJson(output, { bytes: 1024 * 1024 });
  if (!document.ok)
    return fail({ code: "operation_probe", message: `what the probe printed is not JSON: ${document.error.message}`, remedy });
  return selected(document.value, select);
}
