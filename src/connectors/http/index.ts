/** Connector `http`: asks an API what a declared operation says. Its rules are in docs/spec/operations.md. */
import type { Admitted, Connector, PerformFault, Performed, RunLimits } from "../../control/ports.ts";
import { assert, digestJson, fail, ok } from "../../core/base/index.ts";
import type { Json, Refusal, Result } from "../../core/base/index.ts";
import { readAsked } from "../../core/operation/index.ts";
import { analyseAsked } from "./analyse.ts";
import { checkHttp } from "./credentials.ts";
import { applyPayload, current, undoPayload, verifyPayload, type Execution } from "./execute.ts";
import { decodePayload } from "./payload.ts";
import type { HttpOptions } from "./types.ts";

export { checkHttp } from "./credentials.ts";
export type { Address, Credential, HttpOptions } from "./types.ts";

/** Raised with every change to what the connector derives or does. */
const VERSION = 1;

export function httpConnector(options: HttpOptions): Connector {
  const faults = checkHttp(options);
  assert(faults.length === 0, `the credentials were checked when they were read: ${faults[0]?.message ?? ""}`);
  const variables = options.credentials.flatMap(({ valueEnv }) => valueEnv ?? []);
  return {
    name: "http",
    digest: digestJson({
      connector: "http",
      version: VERSION,
      allow_private: options.allowPrivate.toSorted(),
      credentials: options.credentials.map(({ name, origins, header, scheme }) => ({
        name,
        origins: origins.toSorted(),
        header,
        scheme: scheme ?? null,
      })),
    }),
    needs: { read: variables, write: variables },
    admit: (input) => admit(options, input),
    async analyse(input, run) {
      const asked = readAsked("http", input);
      if (!asked.ok) return fail(asked.error[0] ?? { code: "operation_input", message: "the input is not a step of HTTP" });
      const signal = deadline(run);
      return signal.aborted ? outOfTime : analyseAsked(options, asked.value, signal);
    },
    observe: async (payload, run) => {
      const execution = executionOf(options, payload, run);
      if (!execution.ok) return execution;
      const now = await current(execution.value);
      return now.ok ? ok({ stateDigest: now.value.digest, context: contextOf(execution.value, now.value.seen?.etag) }) : now;
    },
    apply: (payload, expected, run) => writing(options, payload, run, (execution) => applyPayload(execution, expected)),
    verify: async (payload, _performed, run) => {
      const execution = executionOf(options, payload, run);
      return execution.ok ? verifyPayload(execution.value) : execution;
    },
    undo: (payload, performed, run) => writing(options, payload, run, (execution) => undoPayload(execution, performed)),
  };
}

async function admit(options: HttpOptions, input: Json): Promise<Result<Admitted, readonly Refusal[]>> {
  const asked = readAsked("http", input);
  if (!asked.ok) return asked;
  const { args, system, resource } = asked.value;
  for (const [name, value] of Object.entries(args)) {
    const hits = await options.findSecrets(Array.isArray(value) ? value.join("\n") : String(value));
    if (hits.length > 0)
      return fail([
        {
          code: "operation_secret",
          message: "looks like a secret",
          where: `/arguments/${name}`,
          remedy: "take it out: what requests must carry is a credential of the settings",
        },
      ]);
  }
  return ok({
    input: asked.value.input as unknown as Json,
    names: { system: `http:${system.name}`, environment: system.environment, resources: [resource] },
  });
}

const outOfTime = fail({ code: "connector_timeout", message: "the time for this had run out before it began", remedy: "try again" });

const deadline = (run: RunLimits): AbortSignal =>
  run.signal === undefined ? AbortSignal.timeout(run.timeoutMillis) : AbortSignal.any([run.signal, AbortSignal.timeout(run.timeoutMillis)]);

function executionOf(options: HttpOptions, bytes: Uint8Array, run: RunLimits): Result<Execution> {
  const payload = decodePayload(bytes);
  if (!payload.ok) return payload;
  const signal = deadline(run);
  return signal.aborted ? outOfTime : ok({ options, payload: payload.value, signal });
}

async function writing(
  options: HttpOptions,
  bytes: Uint8Array,
  run: RunLimits,
  work: (execution: Execution) => Promise<Result<Performed, PerformFault>>,
): Promise<Result<Performed, PerformFault>> {
  const execution = executionOf(options, bytes, run);
  return execution.ok ? work(execution.value) : fail({ ...execution.error, effect: "none" });
}

function contextOf({ payload: { origin, look } }: Execution, etag: string | undefined): Readonly<Record<string, string>> {
  return look === undefined ? {} : { looked_at: `${origin}${look.target}`, ...(etag === undefined ? {} : { etag: etag.slice(0, 200) }) };
}
