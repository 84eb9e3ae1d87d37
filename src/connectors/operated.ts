/** What the connectors of declared operations share: their input is an operation's, and their payload says all that a run needs. */
import type { Admitted, Analysed, Connector, Observed, PerformFault, Performed, RunLimits, VerifyFault } from "../control/ports.ts";
import { fail, ok } from "../core/base/index.ts";
import type { Digest, Json, Refusal, Result } from "../core/base/index.ts";
import { readAsked } from "../core/operation/index.ts";
import type { Asked } from "../core/operation/index.ts";
import { deadline } from "./kit.ts";

/** What a run starts from. */
export interface ExecutionOf<Options, Payload> {
  readonly options: Options;
  readonly payload: Payload;
  readonly signal: AbortSignal;
}

type Performing<Options, Payload> = (execution: ExecutionOf<Options, Payload>) => Promise<Result<Performed, PerformFault>>;

/** What a connector of declared operations does of its own. */
export interface Operated<Name extends "http" | "command", Options, Payload> {
  readonly name: Name;
  readonly options: Options;
  /** Where a secret belongs that somebody wrote into an argument. */
  readonly secretsPlace: string;
  /** What else is wrong with what was asked. */
  readonly fault?: (asked: Asked<Name>) => Refusal | undefined;
  readonly analyse: (options: Options, asked: Asked<Name>, signal: AbortSignal) => Promise<Result<Analysed>>;
  readonly decode: (bytes: Uint8Array) => Result<Payload>;
  readonly observe: (execution: ExecutionOf<Options, Payload>) => Promise<Result<Observed>>;
  readonly apply: (execution: ExecutionOf<Options, Payload>, expected: Digest) => Promise<Result<Performed, PerformFault>>;
  readonly verify: (execution: ExecutionOf<Options, Payload>) => Promise<Result<Performed, VerifyFault>>;
  readonly undo: (execution: ExecutionOf<Options, Payload>, performed: Performed) => Promise<Result<Performed, PerformFault>>;
}

interface Scanning {
  readonly findSecrets: (text: string) => Promise<readonly unknown[]>;
}

const outOfTime = fail({ code: "connector_timeout", message: "the time for this had run out before it began", remedy: "try again" });

export function operated<Name extends "http" | "command", Options extends Scanning, Payload>(
  own: Operated<Name, Options, Payload>,
): Omit<Connector, "digest" | "needs"> {
  const executionOf = (bytes: Uint8Array, run: RunLimits): Result<ExecutionOf<Options, Payload>> => {
    const payload = own.decode(bytes);
    if (!payload.ok) return payload;
    const signal = deadline(run);
    return signal.aborted ? outOfTime : ok({ options: own.options, payload: payload.value, signal });
  };
  const performing = async (bytes: Uint8Array, run: RunLimits, work: Performing<Options, Payload>) => {
    const execution = executionOf(bytes, run);
    return execution.ok ? work(execution.value) : fail<PerformFault>({ ...execution.error, effect: "none" });
  };
  return {
    name: own.name,
    admit: (input) => admit(own, input),
    async analyse(input, run) {
      const asked = readAsked(own.name, input);
      if (!asked.ok) return fail(asked.error[0] ?? { code: "operation_input", message: "the input is no operation's" });
      const signal = deadline(run);
      return signal.aborted ? outOfTime : own.analyse(own.options, asked.value, signal);
    },
    async observe(bytes, run) {
      const execution = executionOf(bytes, run);
      return execution.ok ? own.observe(execution.value) : execution;
    },
    apply: (bytes, expected, run) => performing(bytes, run, (execution) => own.apply(execution, expected)),
    async verify(bytes, _performed, run) {
      const execution = executionOf(bytes, run);
      return execution.ok ? own.verify(execution.value) : execution;
    },
    undo: (bytes, performed, run) => performing(bytes, run, (execution) => own.undo(execution, performed)),
  };
}

async function admit<Name extends "http" | "command", Options extends Scanning, Payload>(
  { name, options, secretsPlace, fault }: Operated<Name, Options, Payload>,
  input: Json,
): Promise<Result<Admitted, readonly Refusal[]>> {
  const asked = readAsked(name, input);
  if (!asked.ok) return asked;
  const { args, system, resource } = asked.value;
  for (const [argument, value] of Object.entries(args)) {
    const hits = await options.findSecrets(Array.isArray(value) ? value.join("\n") : String(value));
    if (hits.length === 0) continue;
    const remedy = `take it out: ${secretsPlace}`;
    return fail([{ code: "operation_secret", message: "looks like a secret", where: `/arguments/${argument}`, remedy }]);
  }
  const wrong = fault?.(asked.value);
  if (wrong !== undefined) return fail([{ where: "/arguments", ...wrong }]);
  return ok({
    input: asked.value.input as unknown as Json,
    names: { system: `${name}:${system.name}`, environment: system.environment, resources: [resource] },
  });
}
