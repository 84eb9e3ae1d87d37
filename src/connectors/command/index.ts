/** Connector `command`: runs the program that a declared operation says. Its rules are in docs/spec/operations.md. */
import { resolve } from "node:path";
import type { Admitted, Connector, PerformFault, Performed, RunLimits } from "../../control/ports.ts";
import { compileGlob, digestJson, fail, ok } from "../../core/base/index.ts";
import type { Json, Refusal, Result } from "../../core/base/index.ts";
import { readAsked, resolveProgram } from "../../core/operation/index.ts";
import { analyseAsked } from "./analyse.ts";
import { applyPayload, current, undoPayload, verifyPayload, type Execution } from "./execute.ts";
import { decodePayload } from "./payload.ts";
import type { CommandOptions } from "./types.ts";

export type { CommandOptions } from "./types.ts";

/** Raised with every change to what the connector derives or does. */
const VERSION = 1;

/** What is wrong with the operator's list of programs. */
export const checkPrograms = (programs: readonly string[]): readonly Refusal[] =>
  programs
    .map((pattern, i) => ({ pattern, i }))
    .filter(({ pattern }) => !pattern.startsWith("/") || !compileGlob(pattern).ok)
    .map(({ i }) => ({
      code: "command_declaration_invalid",
      message: "is no absolute path",
      where: `command.programs[${i}]`,
      remedy: "write /usr/bin/name; `*` stands for a part",
    }));

export function commandConnector(given: CommandOptions): Connector {
  const options = { ...given, workDir: resolve(given.workDir) };
  return {
    name: "command",
    digest: digestJson({ connector: "command", version: VERSION, programs: options.programs.toSorted(), pass: options.pass.toSorted() }),
    needs: { read: options.pass, write: options.pass },
    admit: (input) => admit(options, input),
    async analyse(input, run) {
      const asked = readAsked("command", input);
      if (!asked.ok) return fail(asked.error[0] ?? { code: "operation_input", message: "the input is not a command's" });
      const signal = deadline(run);
      return signal.aborted ? outOfTime : analyseAsked(options, asked.value, signal);
    },
    observe: async (payload, run) => {
      const execution = executionOf(options, payload, run);
      if (!execution.ok) return execution;
      const now = await current(execution.value);
      return now.ok ? ok({ stateDigest: now.value.digest, context: {} }) : now;
    },
    apply: (payload, expected, run) => writing(options, payload, run, (execution) => applyPayload(execution, expected)),
    verify: async (payload, _performed, run) => {
      const execution = executionOf(options, payload, run);
      return execution.ok ? verifyPayload(execution.value) : execution;
    },
    undo: (payload, performed, run) => writing(options, payload, run, (execution) => undoPayload(execution, performed)),
  };
}

async function admit(options: CommandOptions, input: Json): Promise<Result<Admitted, readonly Refusal[]>> {
  const asked = readAsked("command", input);
  if (!asked.ok) return asked;
  const { args, system, operation, resource } = asked.value;
  for (const [name, value] of Object.entries(args)) {
    const hits = await options.findSecrets(Array.isArray(value) ? value.join("\n") : String(value));
    if (hits.length > 0)
      return fail([
        {
          code: "operation_secret",
          message: "looks like a secret",
          where: `/arguments/${name}`,
          remedy: "take it out: what a command needs is a variable of the settings",
        },
      ]);
  }
  const run = resolveProgram(operation.run, { args });
  if (!run.ok) return fail([{ where: "/arguments", ...run.error }]);
  return ok({
    input: asked.value.input as unknown as Json,
    names: { system: `command:${system.name}`, environment: system.environment, resources: [resource] },
  });
}

const outOfTime = fail({ code: "connector_timeout", message: "the time for this had run out before it began", remedy: "try again" });

const deadline = (run: RunLimits): AbortSignal =>
  run.signal === undefined ? AbortSignal.timeout(run.timeoutMillis) : AbortSignal.any([run.signal, AbortSignal.timeout(run.timeoutMillis)]);

function executionOf(options: CommandOptions, bytes: Uint8Array, run: RunLimits): Result<Execution> {
  const payload = decodePayload(bytes);
  if (!payload.ok) return payload;
  const signal = deadline(run);
  return signal.aborted ? outOfTime : ok({ options, payload: payload.value, signal });
}

async function writing(
  options: CommandOptions,
  bytes: Uint8Array,
  run: RunLimits,
  work: (execution: Execution) => Promise<Result<Performed, PerformFault>>,
): Promise<Result<Performed, PerformFault>> {
  const execution = executionOf(options, bytes, run);
  return execution.ok ? work(execution.value) : fail({ ...execution.error, effect: "none" });
}
