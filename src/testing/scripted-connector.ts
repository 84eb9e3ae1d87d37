/** An outside world of named values, and a connector to it that does what a test tells it to. */
import {
  canonical,
  digestJson,
  digestOf,
  fail,
  isObject,
  ok,
  parseJson,
  type Digest,
  type Json,
  type JsonObject,
  type Result,
} from "../core/base/index.ts";
import type { Effect, StepAnalysis } from "../core/plan/index.ts";
import type { Admitted, Analysed, Connector, Observed, Performed, PerformFault, RunLimits } from "../control/ports.ts";

type Operation = "admit" | "analyse" | "observe" | "apply" | "verify" | "undo";
type Call = readonly [operation: Operation, target: string];

/** What a step asks: set a value, on something that has owners and touches surfaces. */
interface Input {
  readonly target: string;
  readonly set: string;
  readonly owners?: readonly string[];
  readonly surfaces?: readonly string[];
  readonly environment?: string;
}

interface Payload extends Pick<Input, "target" | "set"> {
  readonly before: string | null;
}

const MEMBERS = ["target", "set", "owners", "surfaces", "environment"];
const remedy = 'send {"target", "set", "owners"?, "surfaces"?, "environment"?}';

/** Lives as long as a test wants: longer than the process that works on it. */
export class Outside {
  readonly values = new Map<string, string>();
  /** Every write that took effect, in order. */
  readonly writes: string[] = [];
  readonly calls: Call[] = [];
  /** Runs before an operation; throws, waits or answers in its place. */
  before: (operation: Operation, target: string) => Promise<Result<never, PerformFault> | void> = async () => undefined;
  /** Runs after a write took effect, before the connector answers. */
  after: (operation: Operation, target: string) => Promise<void> = async () => undefined;

  state(target: string): Digest {
    return digestJson({ target, value: this.values.get(target) ?? null });
  }

  count(operation: Operation): number {
    return this.calls.filter(([each]) => each === operation).length;
  }

  connector(name = "script"): Connector {
    return {
      name,
      digest: digestOf(`scripted ${name}`),
      admit: async (input) => admit(input),
      analyse: (input, limits) =>
        this.#run("analyse", (input as unknown as Input).target, limits, async () => ok(this.#analyse(input as unknown as Input))),
      observe: (bytes, limits) =>
        this.#with("observe", bytes, limits, async ({ target }) => ok<Observed>({ stateDigest: this.state(target), context: {} })),
      apply: (bytes, expected, limits) =>
        this.#with("apply", bytes, limits, async ({ target, set }) => this.#swap("apply", target, expected, set)),
      verify: (bytes, _performed, limits) => this.#with("verify", bytes, limits, async (payload) => this.#verify(payload)),
      undo: (bytes, _performed, limits) =>
        this.#with("undo", bytes, limits, async ({ target, set, before }) =>
          this.#swap("undo", target, digestJson({ target, value: set }), before),
        ),
    };
  }

  async #run<T>(
    operation: Operation,
    target: string,
    { signal }: RunLimits,
    work: () => Promise<Result<T, PerformFault>>,
  ): Promise<Result<T, PerformFault>> {
    if (signal?.aborted === true) return fail({ code: "out_of_time", message: "the time had run out", effect: "none" });
    this.calls.push([operation, target]);
    return (await this.before(operation, target)) ?? (await work());
  }

  async #with<T>(
    operation: Operation,
    bytes: Uint8Array,
    limits: RunLimits,
    work: (payload: Payload) => Promise<Result<T, PerformFault>>,
  ): Promise<Result<T, PerformFault>> {
    const payload = readPayload(bytes);
    if (payload === undefined)
      return fail({ code: "not_a_payload", message: "these are not bytes that were planned here", effect: "none" });
    return this.#run(operation, payload.target, limits, () => work(payload));
  }

  #analyse(input: Input): Analysed {
    const { target, set } = input;
    const payload = new TextEncoder().encode(canonical({ target, set, before: this.values.get(target) ?? null }));
    return { payload, freshForMillis: 60_000, analysis: analysisOf(input, this.values.get(target), this.state(target), digestOf(payload)) };
  }

  async #swap(
    operation: "apply" | "undo",
    target: string,
    expected: Digest,
    value: string | null,
  ): Promise<Result<Performed, PerformFault>> {
    if (this.state(target) !== expected) {
      const details = { expected, observed: this.state(target) };
      return fail({
        code: "stale_state",
        message: `${target} is not as it was when this was approved`,
        remedy: "plan it again",
        details,
        effect: "none",
      });
    }
    if (value === null) this.values.delete(target);
    else this.values.set(target, value);
    this.writes.push(`${operation} ${target}=${value ?? ""}`);
    await this.after(operation, target);
    return ok({ facts: { target, value } });
  }

  async #verify({ target, set }: Payload): Promise<Result<Performed, PerformFault>> {
    if (this.values.get(target) === set) return ok({ facts: { target } });
    return fail({ code: "not_as_planned", message: `${target} is ${this.values.get(target) ?? "absent"}, not ${set}`, effect: "none" });
  }
}

function readPayload(bytes: Uint8Array): Payload | undefined {
  const raw = parseJson(bytes);
  if (!raw.ok || raw.value === null || typeof raw.value !== "object" || Array.isArray(raw.value)) return undefined;
  const { target, set, before } = raw.value;
  if (typeof target !== "string" || typeof set !== "string" || (before !== null && typeof before !== "string")) return undefined;
  return canonical({ target, set, before }) === new TextDecoder().decode(bytes) ? { target, set, before } : undefined;
}

function admit(raw: Json): Result<Admitted, readonly { readonly code: string; readonly message: string; readonly remedy: string }[]> {
  const input = isObject(raw) ? raw : undefined;
  const texts =
    input !== undefined && [input["target"], input["set"]].every((each) => typeof each === "string" && each.isWellFormed() && each !== "");
  if (!texts || Object.keys(input).some((key) => !MEMBERS.includes(key)))
    return fail([{ code: "invalid_input", message: "this step says nothing that can be done", remedy }]);
  const { target, environment } = input as JsonObject & Input;
  return ok({ input, names: { system: "script", environment: environment ?? "production", resources: [`script:${target}`] } });
}

function analysisOf(
  { target, set, owners = ["@acme/identity"], surfaces = [], environment = "production" }: Input,
  now: string | undefined,
  stateDigest: Digest,
  payloadDigest: Digest,
): StepAnalysis {
  const effect: Effect = {
    kind: now === undefined ? "create" : "update",
    resource: `script:${target}`,
    resourceKind: "value",
    system: "script",
    environment,
    summary: `sets ${target}`,
    fields: [
      { path: "value", ...(now === undefined ? {} : { before: { kind: "json", value: now } }), after: { kind: "json", value: set } },
    ],
    detail: { kind: "none" },
    reversibility: "reversible",
    exposure: "internal",
    privilege: "none",
    surfaces,
    owners,
    provenance: "derived",
  };
  return {
    step: {
      operation: "set",
      target: { name: target, environment },
      stateDigest,
      payloadDigest,
      observations: [{ subject: target, value: { kind: "json", value: now ?? null }, method: "read", provenance: "derived" }],
      effects: [effect],
      undo: { kind: "planned", text: "put back what was there", provenance: "derived" },
    },
    findings: [],
    impact: [],
    evidence: [],
    unverified: [],
    assumptions: [],
    context: {},
  };
}
