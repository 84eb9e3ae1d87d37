/** The world that changes are about: a few named values, and a connector to them that things go wrong with. */
import { canonical, digestOf, fail, ok, utf8, type Digest, type Json, type Result } from "../../src/core/base/index.ts";
import type { Admitted, Analysed, Connector, Observed, Performed, PerformFault } from "../../src/control/ports.ts";
import type { Effect, StepAnalysis } from "../../src/core/plan/index.ts";
import type { Wish } from "./facts.ts";
import { Away, type Fate, type Life, type Scheduler } from "./scheduler.ts";

interface Input extends Wish {
  readonly tag: number;
}

interface Payload {
  readonly before: string;
  readonly resource: string;
  readonly tag: number;
  readonly value: string;
}

/** One try to write to the target, by a process. */
export interface Touch {
  readonly kind: "apply" | "undo";
  readonly life: Life;
  /** Of the proposal or revision that asked for it. */
  readonly tag: number;
  readonly resource: string;
  readonly payload: Digest;
}

/** Is told of everything that really happens. */
export interface Witness {
  /** A process has read a resource for a payload. */
  looked(life: Life, payload: Digest, state: Digest): void;
  /** A process sends a write on its way. */
  sending(touch: Touch): void;
  /** It arrived and took effect. */
  touched(touch: Touch, state: Digest): void;
}

const stateOf = (resource: string, value: string): Digest => digestOf(`${resource} is ${value}`);

export class Outside {
  readonly values = new Map<string, string>();
  /** Writes that were sent and have not arrived, by tag. */
  readonly wire = new Map<number, number>();
  readonly #scheduler: Scheduler;
  readonly #witness: Witness;

  constructor(scheduler: Scheduler, witness: Witness, values: readonly string[]) {
    this.#scheduler = scheduler;
    this.#witness = witness;
    for (const each of values) this.values.set(each, "1");
  }

  state(resource: string): Digest {
    return stateOf(resource, this.values.get(resource) ?? "");
  }

  connector(life: Life): Connector {
    const look = <T>(what: string, work: () => Result<T>): Promise<Result<T>> =>
      this.#scheduler.park(life, "look", what, (fate) => (fate === undefined || fate === "late" || isSilent(fate) ? work() : unseen(fate)));
    return {
      name: "sim",
      digest: digestOf("simulated"),
      admit: async (input) => ok(admitted(input as unknown as Input)),
      analyse: (input) => look("analyse", () => ok(this.#analyse(input as unknown as Input))),
      observe: (bytes) => look("observe", () => this.#observe(life, bytes)),
      apply: (bytes, expected) => this.#write("apply", life, bytes, expected),
      verify: (bytes) => look("verify", () => this.#verify(bytes)),
      undo: (bytes) => this.#write("undo", life, bytes),
    };
  }

  #analyse(input: Input): Analysed {
    const { resource, tag, value } = input;
    const before = this.values.get(resource) ?? "";
    const payload = utf8(canonical({ before, resource, tag, value }));
    return { payload, freshForMillis: 600_000, analysis: analysisOf(input, before, stateOf(resource, before), digestOf(payload)) };
  }

  #observe(life: Life, bytes: Uint8Array): Result<Observed> {
    const { resource } = payloadOf(bytes);
    const stateDigest = this.state(resource);
    this.#witness.looked(life, digestOf(bytes), stateDigest);
    return ok({ stateDigest, context: {} });
  }

  #verify(bytes: Uint8Array): Result<Performed> {
    const { resource, value } = payloadOf(bytes);
    if (this.values.get(resource) === value) return ok({ facts: { resource } });
    return fail({ code: "not_as_planned", message: `${resource} is not ${value}` });
  }

  /** What was sent may arrive although its sender is gone by then. */
  async #write(kind: Touch["kind"], life: Life, bytes: Uint8Array, expected?: Digest): Promise<Result<Performed, PerformFault>> {
    const { before, resource, tag, value } = payloadOf(bytes);
    const touch: Touch = { kind, life, tag, resource, payload: digestOf(bytes) };
    this.#witness.sending(touch);
    this.wire.set(tag, (this.wire.get(tag) ?? 0) + 1);
    const [from, to] = kind === "apply" ? [expected ?? stateOf(resource, before), value] : [stateOf(resource, value), before];
    return this.#scheduler.park(life, "touch", `${kind} ${resource}`, (fate) => {
      this.wire.set(tag, (this.wire.get(tag) ?? 1) - 1);
      return this.#arrive(touch, from, to, fate);
    });
  }

  #arrive(touch: Touch, from: Digest, to: string, fate: Fate | undefined): Result<Performed, PerformFault> {
    const { resource } = touch;
    if (fate === "fail") return fail({ code: "target_refused", message: "the target refused it", effect: "none" });
    if (fate === "lost" || fate === "silent") return unanswered;
    const state = this.state(resource);
    if (state !== from)
      return fail({ code: "stale_state", message: `${resource} has moved`, effect: "none", details: { expected: from, observed: state } });
    this.values.set(resource, to);
    this.#witness.touched(touch, state);
    if (fate === "done_lost") return unanswered;
    if (fate === "twice") throw new Away("the target hung up after it was done");
    return ok({ facts: { resource, value: to } });
  }
}

const isSilent = (fate: Fate): boolean => fate === "silent" || fate === "done_silent";
const unanswered: Result<Performed, PerformFault> = fail({ code: "no_answer", message: "the target did not answer", effect: "possible" });

function unseen(fate: Fate): Result<never> {
  if (fate === "twice") throw new Away("the target hung up");
  return fail({ code: "unreachable", message: "the target cannot be read" });
}

export const payloadOf = (bytes: Uint8Array): Payload => JSON.parse(new TextDecoder().decode(bytes)) as Payload;

function admitted(input: Input): Admitted {
  return { input: input as unknown as Json, names: { system: "sim", environment: "production", resources: [`sim:${input.resource}`] } };
}

function analysisOf(
  { resource, value, risk, known, stray }: Input,
  before: string,
  stateDigest: Digest,
  payloadDigest: Digest,
): StepAnalysis {
  const effect = (name: string): Effect => ({
    kind: "update",
    resource: `sim:${name}`,
    resourceKind: "value",
    system: "sim",
    environment: "production",
    summary: `sets ${name}`,
    fields: [{ path: "value", before: { kind: "json", value: before }, after: { kind: "json", value } }],
    detail: { kind: "none" },
    reversibility: "reversible",
    exposure: "internal",
    privilege: "none",
    surfaces: risk === "high" ? ["auth"] : [],
    owners: ["@acme/identity"],
    provenance: known,
  });
  return {
    step: {
      operation: "set",
      target: { name: resource },
      stateDigest,
      payloadDigest,
      observations: [{ subject: resource, value: { kind: "json", value: before }, method: "read", provenance: "derived" }],
      effects: stray ? [effect(resource), effect("elsewhere")] : [effect(resource)],
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
