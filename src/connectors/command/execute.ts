import type { Performed, PerformFault, VerifyFault } from "../../control/ports.ts";
import { compileGlob, fail, ok } from "../../core/base/index.ts";
import type { Digest, JsonObject, Refusal, Result } from "../../core/base/index.ts";
import { ABSENT, decodeOutput, differences, type CommandLook, type Program, type State } from "../../core/operation/index.ts";
import type { ExecutionOf } from "../operated.ts";
import type { ProgramDigest } from "./files.ts";
import { stateDigest, type Around, type CommandPayload } from "./payload.ts";
import { runCommand } from "./run.ts";
import type { CommandOptions } from "./types.ts";

export type Execution = ExecutionOf<CommandOptions, CommandPayload>;

interface Looking {
  readonly look?: CommandLook;
  readonly around: Around;
  readonly programs: readonly ProgramDigest[];
  readonly signal: AbortSignal;
}

/** The state as the declared command tells it; absent where none is declared. */
export async function lookBy(options: CommandOptions, { look, around, programs, signal }: Looking): Promise<Result<State>> {
  if (look === undefined) return ok(ABSENT);
  if (!mayLook(options.probes ?? [], look.argv))
    return fail({
      code: "command_not_a_probe",
      message: `${look.argv[0]} may not be run here with these arguments to look at anything`,
      remedy: "name the command line in command.probes, if it changes nothing",
    });
  const ended = await runCommand(options, { program: look, around, programs, signal });
  if (ended.kind === "unfinished") return fail({ ...ended.error, message: `the probe could not tell: ${ended.error.message}` });
  return decodeOutput(look, ended.code, ended.output);
}

const mayLook = (probes: readonly string[], argv: readonly string[]): boolean =>
  probes.some((line) => {
    const globs = line.split(" ").map(compileGlob);
    return globs.length === argv.length && globs.every((glob, n) => glob.ok && glob.value.matches(argv[n] ?? ""));
  });

export async function current({
  options,
  payload,
  signal,
}: Execution): Promise<Result<{ readonly digest: Digest; readonly state: State }>> {
  const { look, around, programs, operation } = payload;
  const state = await lookBy(options, { ...(look && { look }), around, programs, signal });
  return state.ok ? ok({ digest: stateDigest(options.secretKey, operation, look, state.value), state: state.value }) : state;
}

const none = (error: Refusal): Result<never, PerformFault> => fail({ ...error, effect: "none" });

export async function applyPayload(execution: Execution, expected: Digest): Promise<Result<Performed, PerformFault>> {
  const now = await current(execution);
  if (!now.ok) return none(now.error);
  if (now.value.digest !== expected) {
    const details = { expected, observed: now.value.digest };
    return none({
      code: "stale_state",
      message: "what is there is not what this was approved on",
      remedy: "plan the change again on what is there now",
      details,
    });
  }
  const { run, around } = execution.payload;
  return act(execution, run, around);
}

/** Runs what was declared to take it back, if nothing moved since. */
export async function undoPayload(execution: Execution, { facts }: Performed): Promise<Result<Performed, PerformFault>> {
  const { undo, look } = execution.payload;
  if (undo === undefined)
    return none({
      code: "command_no_undo",
      message: "nothing is declared that takes this back",
      remedy: "mend it by hand, or by a change",
    });
  const now = await current(execution);
  if (!now.ok) return none(now.error);
  if (look !== undefined && facts["after"] !== now.value.digest) {
    const message = typeof facts["after"] === "string" ? "somebody wrote since" : "what was there right after the command was not seen";
    return none({
      code: "undo_moved",
      message: `it is not taken back: ${message}`,
      remedy: "look at it, and mend it by a change",
      details: { expected: facts["after"] ?? null, observed: now.value.digest },
    });
  }
  return act(execution, undo.run, undo.around);
}

async function act(execution: Execution, program: Program, around: Around): Promise<Result<Performed, PerformFault>> {
  const { options, payload, signal } = execution;
  const ended = await runCommand(options, { program, around, programs: payload.programs, signal });
  if (ended.kind === "unfinished") return fail({ ...ended.error, details: ended.facts, effect: ended.started ? "possible" : "none" });
  const { code, facts } = ended;
  if (program.success.includes(code)) return ok({ facts: await withAfter(execution, facts) });
  const effect = program.refused.includes(code) ? "none" : "possible";
  const remedy = effect === "none" ? "look at the program's own log for why" : "look at what it did, and reconcile";
  return fail({ code: "command_exit", message: `the command ended with ${code}`, remedy, details: facts, effect });
}

async function withAfter(execution: Execution, facts: JsonObject): Promise<JsonObject> {
  if (execution.payload.look === undefined) return facts;
  const after = await current(execution);
  return after.ok ? { ...facts, after: after.value.digest } : facts;
}

export async function verifyPayload(execution: Execution): Promise<Result<Performed, VerifyFault>> {
  const { options, payload, signal } = execution;
  const { verify, check, around, programs } = payload;
  if (verify === undefined && check === undefined) return ok({ facts: { verified: "nothing is declared that verifies it" } });
  const facts: JsonObject = {};
  if (verify !== undefined) {
    const now = await current(execution);
    // A probe that could not tell has not said that it is otherwise. One that hangs is not waited for again and again.
    if (!now.ok) return fail(now.error.code === "command_timeout" ? now.error : { ...now.error, inconclusive: true });
    const wrong = differences(now.value.state, verify);
    if (wrong.length > 0)
      return fail({
        code: "command_not_as_planned",
        message: `afterwards it is not as it should be: ${wrong.join(", ")}`,
        remedy: "look at what the program did",
        details: { state: now.value.digest },
      });
    facts["state"] = now.value.digest;
  }
  if (check === undefined) return ok({ facts });
  const ended = await runCommand(options, { program: check, around, programs, signal });
  if (ended.kind === "unfinished")
    return fail({ ...ended.error, message: `the check could not tell: ${ended.error.message}`, details: ended.facts });
  if (check.success.includes(ended.code)) return ok({ facts: { ...facts, check: ended.facts } });
  return fail({
    code: "command_check_failed",
    message: `the check ended with ${ended.code}`,
    remedy: "look at what the program did",
    details: ended.facts,
  });
}
