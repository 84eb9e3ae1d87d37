import type { Analysed } from "../../control/ports.ts";
import { canonical, digestOf, fail, ok } from "../../core/base/index.ts";
import type { Json, JsonObject, Result } from "../../core/base/index.ts";
import {
  afterLooking,
  differences,
  effectOf,
  maskedValue,
  operationName,
  resolveCommandLook,
  resolveCommandUndo,
  resolveExpectation,
  resolveProgram,
  type Asked,
  type CommandLook,
  type CommandOperation,
  type Expectation,
  type Program,
  type Select,
  type State,
} from "../../core/operation/index.ts";
import type { Observation, Statement, StepAnalysis } from "../../core/plan/index.ts";
import { lookBy } from "./execute.ts";
import { programAt, readOnce, type ProgramDigest } from "./files.ts";
import { encodePayload, stateDigest, type Around, type CommandPayload } from "./payload.ts";
import { COMMAND_LIMITS, type CommandOptions } from "./types.ts";

const FRESH_MILLIS = 5 * 60_000;

/** Everything that is known before anything is run. */
interface Prepared {
  readonly asked: Asked<"command">;
  readonly run: Program;
  readonly look?: CommandLook;
  readonly check?: Program;
  readonly expected?: Expectation;
  readonly around: Around;
}

export async function analyseAsked(options: CommandOptions, asked: Asked<"command">, signal: AbortSignal): Promise<Result<Analysed>> {
  const prepared = await prepare(asked);
  if (!prepared.ok) return prepared;
  const { run, look, check, expected, around } = prepared.value;
  const programs = await digests(options, [run, ...(look ? [look] : []), ...(check ? [check] : [])]);
  if (!programs.ok) return programs;
  const state = await lookBy(options, { ...(look && { look }), around, programs: programs.value, signal });
  if (!state.ok) return state;
  if (expected !== undefined && differences(state.value, expected).length === 0)
    return fail({ code: "no_change", message: "what was asked for is already so", remedy: "nothing needs to be proposed" });
  return analysed(options, prepared.value, programs.value, state.value);
}

async function prepare(asked: Asked<"command">): Promise<Result<Prepared>> {
  const { operation, args } = asked;
  const run = resolveProgram(operation.run, { args });
  if (!run.ok) return run;
  const look = operation.probe && resolveCommandLook(operation.probe, { args });
  if (look?.ok === false) return look;
  const check = operation.check && resolveProgram(operation.check, { args });
  if (check?.ok === false) return check;
  const expected = operation.verify && resolveExpectation(operation.verify, { args });
  if (expected?.ok === false) return expected;
  const around = await aroundOf(operation);
  if (!around.ok) return around;
  const more = { ...(look && { look: look.value }), ...(check && { check: check.value }), ...(expected && { expected: expected.value }) };
  return ok({ asked, run: run.value, around: around.value, ...more });
}

/** What surrounds a command, with each file by what is in it now. */
async function aroundOf({ directory, files, env, pass }: CommandOperation): Promise<Result<Around>> {
  const digested: { readonly from: string; readonly as: string; readonly digest: Around["files"][number]["digest"] }[] = [];
  for (const { from, as } of files) {
    const read = await readOnce(from, COMMAND_LIMITS.file);
    if (!read.ok) return read;
    digested.push({ from, as, digest: read.value.digest });
  }
  return ok({ ...(directory === undefined ? {} : { directory }), files: digested, env, pass });
}

/** Every program by what is in it now, each once. */
async function digests(options: CommandOptions, all: readonly Program[]): Promise<Result<readonly ProgramDigest[]>> {
  const paths = [...new Set(all.map(({ argv }) => argv[0] ?? ""))].toSorted();
  const found: ProgramDigest[] = [];
  for (const path of paths) {
    const program = await programAt(path, options.programs);
    if (!program.ok) return program;
    found.push(program.value);
  }
  return ok(found);
}

async function analysed(
  options: CommandOptions,
  prepared: Prepared,
  programs: readonly ProgramDigest[],
  state: State,
): Promise<Result<Analysed>> {
  const { asked, run, look, check, expected, around } = prepared;
  const { system, operation, args } = asked;
  const undo = resolveCommandUndo(system, operation, args, state);
  const back = undo.kind === "planned" ? await aroundOf(undo.act.operation) : undefined;
  if (back?.ok === false) return back;
  const more = undo.kind === "planned" ? await digests(options, [undo.act.run]) : ok([]);
  if (!more.ok) return more;
  const name = operationName(system, operation);
  const before = stateDigest(options.secretKey, name, look, state);
  const content: Omit<CommandPayload, "schema"> = {
    operation: name,
    around,
    programs: [...programs, ...more.value.filter(({ path }) => !programs.some((each) => each.path === path))],
    run,
    ...(look && { look }),
    ...(expected && { verify: expected }),
    ...(check && { check }),
    ...(undo.kind === "planned" && back && { undo: { operation: undo.operation, around: back.value, run: undo.act.run } }),
    before,
  };
  const payload = encodePayload(content);
  const effect = effectOf({
    system,
    operation,
    values: { args },
    before: state,
    ...(expected && { expected }),
    select: selectOf(look),
    asked: { path: "command", after: { kind: "json", value: shownCommand(content) } },
    // What a program does, nobody but its declaration says; where nothing looks at it, not even that.
    provenance: look === undefined ? "unknown" : "claimed",
    secretKey: options.secretKey,
  });
  if (!effect.ok) return effect;
  const analysis: StepAnalysis = {
    step: {
      operation: operation.name,
      target: { system: system.name, environment: system.environment, program: run.argv[0] ?? "" },
      stateDigest: before,
      payloadDigest: digestOf(payload),
      observations: look === undefined ? [] : [observation(options, asked.resource, look, state)],
      effects: [effect.value],
      undo: {
        kind: undo.kind,
        text:
          undo.kind === "planned"
            ? `${undo.operation}: ${canonical([...undo.act.run.argv])}${givenTo(back?.value)}, ${afterLooking(look !== undefined)}`
                .slice(0, 8_000)
                .toWellFormed()
            : undo.text,
        provenance: undo.kind === "impossible" ? "derived" : "claimed",
      },
    },
    findings: [],
    ...statementsOf(prepared),
    context: {},
  };
  return ok({ analysis, payload, freshForMillis: FRESH_MILLIS });
}

/** What an undo has around it, which may be other than what the command has. */
function givenTo(around: Around | undefined): string {
  if (around === undefined) return "";
  const { directory, files, env, pass } = around;
  const given = {
    ...(directory === undefined ? {} : { directory }),
    ...(files.length === 0 ? {} : { files: files.map((file) => ({ ...file })) }),
    ...(Object.keys(env).length === 0 ? {} : { env: { ...env } }),
    ...(pass.length === 0 ? {} : { pass: [...pass] }),
  };
  return Object.keys(given).length === 0 ? "" : ` with ${canonical(given)}`;
}

const OUTPUT: Readonly<Record<string, Select>> = { output: { at: "", masked: false } };
const selectOf = (look: CommandLook | undefined): Readonly<Record<string, Select>> => look?.select ?? OUTPUT;

/** The command as it will be run, with every program and file by its digest: nothing of it is hidden from whoever signs. */
function shownCommand({ run, around, programs }: Omit<CommandPayload, "schema">): JsonObject {
  const program = programs.find(({ path }) => path === run.argv[0]);
  return {
    argv: [...run.argv],
    program: JSON.parse(JSON.stringify(program ?? {})) as Json,
    ...(around.directory === undefined ? {} : { directory: around.directory }),
    ...(around.files.length === 0 ? {} : { files: around.files.map((file) => ({ ...file })) }),
    ...(Object.keys(around.env).length === 0 ? {} : { env: { ...around.env } }),
    ...(around.pass.length === 0 ? {} : { pass: [...around.pass] }),
    timeout_seconds: run.timeoutSeconds,
  };
}

function observation({ secretKey }: CommandOptions, subject: string, look: CommandLook, state: State): Observation {
  const shown = Object.entries(state.fields).map(([name, value]) => {
    const masked = maskedValue(look.select?.[name], value, secretKey);
    return [name, masked.kind === "secret" ? { $secret: { digest: masked.digest } } : value];
  });
  const value: Json = state.present ? (Object.fromEntries(shown) as JsonObject) : { absent: true };
  return { subject, value: { kind: "json", value }, method: look.argv.join(" ").slice(0, 1_000).toWellFormed(), provenance: "claimed" };
}

const SOURCE = "connector command";
const unknown = (topic: string, text: string, resource: string): Statement => ({
  topic,
  text,
  resource,
  provenance: "unknown",
  source: SOURCE,
});

function statementsOf({
  asked,
  look,
  expected,
  check,
  around,
}: Prepared): Pick<StepAnalysis, "impact" | "evidence" | "unverified" | "assumptions"> {
  const { resource } = asked;
  const open = [
    unknown("effect", "What the program does: nothing is known of it but what its declaration says", resource),
    unknown("window", "Whether it moves between the last look and the command: a command compares nothing", resource),
    unknown("libraries", "What the program loads beside itself: only its own bytes and its interpreter's are bound", resource),
    ...(look === undefined
      ? [unknown("state", "What is there now, and whether it is still so when this runs: nothing is declared that looks at it", resource)]
      : []),
    ...(expected === undefined && check === undefined
      ? [unknown("outcome", "Whether it had the effect: nothing is declared that verifies it", resource)]
      : []),
    ...(around.directory === undefined ? [] : [unknown("directory", `What is in ${around.directory} when it runs`, resource)]),
  ];
  const evidence: Statement = {
    topic: "operation tests",
    text: "the tests of this operation passed when it was declared",
    resource,
    provenance: "derived",
    source: SOURCE,
  };
  return { impact: [], evidence: [evidence], unverified: open, assumptions: afterwards(expected, check, resource) };
}

/** What a run is held to; a probe that lies is believed. */
function afterwards(expected: Expectation | undefined, check: Program | undefined, resource: string): readonly Statement[] {
  const wanted = Object.entries(expected?.fields ?? {}).map(([name, value]) => `${name} ${canonical(value)}`);
  const state = expected && (expected.present ? `this must be so: ${wanted.join(", ")}` : "it must be gone");
  const succeeds = check && `${canonical([...check.argv])} must succeed`;
  const all = [state, succeeds].filter((each) => each !== undefined);
  if (all.length === 0) return [];
  const text = `After it ran, ${all.join(", and ").slice(0, 4_000).toWellFormed()}, or the change is taken back`;
  return [{ topic: "check", text, resource, provenance: "derived", source: SOURCE }];
}
