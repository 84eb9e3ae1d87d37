/** Connectors whose work an enrolled runner does, and the runs that go to it. */
import {
  digestJson,
  digestOf,
  fail,
  ok,
  toBase64,
  type ChangeId,
  type Digest,
  type Json,
  type Refusal,
  type Result,
  type RunnerId,
} from "../core/base/index.ts";
import type { ChangeState } from "../core/change/index.ts";
import {
  exactly,
  objectOf,
  readAdmitted,
  readAnalysed,
  readObserved,
  readRefusal,
  serves,
  type Declaration,
} from "../core/runner/index.ts";
import { findChange } from "./commit.ts";
import type { Deps } from "./deps.ts";
import { readJson } from "./payloads.ts";
import type { PlanContext } from "./planning.ts";
import type { Admitted, Connector, PerformFault, RunLimits, RunReport } from "./ports.ts";
import { gone, type Exchange, type Present } from "./runners-exchange.ts";

const ADMIT_MILLIS = 20_000;
/** What a runner may take beyond the time that its connector was given. */
const GRACE_MILLIS = 5_000;
/** Which runner admitted or made what, for as long as it is likely to be asked for. */
const MOST_HOMES = 10_000;
/** Beside a step's plan: who derived it, and so has what it needs to run. */
const CONTEXT_MEMBER = "runner";

const strange = (connector: string): Refusal => ({
  code: "runner_strange",
  message: `what the runner answered for the connector "${connector}" makes no sense`,
  remedy: "look at the versions of Pawl here and there",
});

/** The connectors of this process, and those that runners declare; `left` are left to runners even where this process has them. */
export class Connectors extends Map<string, Connector> {
  readonly #exchange: Exchange;
  readonly #remote = new Map<string, Connector>();
  readonly #left: ReadonlySet<string>;
  readonly #wrap: (connector: Connector) => Connector;

  constructor(exchange: Exchange, left: readonly string[], wrap: (connector: Connector) => Connector = (connector) => connector) {
    super();
    this.#exchange = exchange;
    this.#wrap = wrap;
    // Its own rules are changed here and nowhere else.
    this.#left = new Set(left.filter((name) => name !== "pawl"));
  }

  /** Whether this process does the work itself. */
  isOwn(name: string): boolean {
    return super.has(name);
  }

  override set(name: string, connector: Connector): this {
    return this.#left.has(name) ? this : super.set(name, connector);
  }

  override get(name: string): Connector | undefined {
    const own = super.get(name);
    if (own !== undefined || !this.has(name)) return own;
    const known = this.#remote.get(name) ?? this.#wrap(remoteConnector(name, this.#exchange));
    this.#remote.set(name, known);
    return known;
  }

  override has(name: string): boolean {
    return super.has(name) || this.#left.has(name) || this.#declared().includes(name);
  }

  #declared(): readonly string[] {
    return this.#exchange.present().flatMap(({ declared }) => declared.connectors.map((each) => each.name));
  }

  override keys(): MapIterator<string> {
    return new Set([...super.keys(), ...this.#left, ...this.#declared()]).values();
  }
}

const codeIn = ({ connectors }: Declaration, name: string): Digest | undefined => connectors.find((each) => each.name === name)?.digest;

/** One connector, as whichever runner has it answers; what it executes is executed there, under a grant, and nowhere else. */
function remoteConnector(name: string, exchange: Exchange): Connector {
  const homes = new Map<Digest, RunnerId>();
  const remember = (of: Digest, runner: RunnerId): void => {
    homes.delete(of);
    homes.set(of, runner);
    const [oldest] = homes.keys();
    if (homes.size > MOST_HOMES && oldest !== undefined) homes.delete(oldest);
  };
  const having = (): readonly Present[] => exchange.present().filter(({ declared }) => codeIn(declared, name) !== undefined);
  const absent = gone(`none that has the connector "${name}" is connected`);
  /** Where it was admitted or made, if that is still there, and otherwise wherever it could be. */
  const candidates = (of: Digest): readonly Present[] => {
    const home = having().find(({ runner }) => runner === homes.get(of));
    return home === undefined ? having() : [home];
  };

  /** The first that admits it: runners that do not know of what is named say so. */
  async function admit(input: Json): Promise<Result<Admitted, readonly Refusal[]>> {
    let refusal: readonly Refusal[] = [absent];
    for (const { runner, declared } of having()) {
      const answer = await exchange.ask(runner, { kind: "admit", connector: name, input }, { timeoutMillis: ADMIT_MILLIS });
      const read = answer.ok ? (readAdmitted(answer.value) ?? fail([strange(name)])) : fail([answer.error]);
      const judged = read.ok && !serves(declared, read.value.names.environment) ? fail([notServed(read.value.names.environment)]) : read;
      if (judged.ok) {
        remember(digestJson(input), runner);
        remember(digestJson(judged.value.input), runner);
        return judged;
      }
      refusal = judged.error;
    }
    return fail(refusal);
  }

  async function analyse(input: Json, limits: RunLimits) {
    const [home] = candidates(digestJson(input));
    if (home === undefined) return fail(absent);
    const { timeoutMillis } = limits;
    const answer = await exchange.ask(home.runner, { kind: "analyse", connector: name, input, timeoutMillis }, patient(limits));
    if (!answer.ok) return answer;
    const read = readAnalysed(answer.value) ?? fail(strange(name));
    if (!read.ok) return read;
    const { analysis, payload } = read.value;
    remember(digestOf(payload), home.runner);
    const code = codeIn(home.declared, name);
    return ok({
      ...read.value,
      analysis: { ...analysis, context: { ...analysis.context, [CONTEXT_MEMBER]: home.runner } },
      ...(code && { code }),
    });
  }

  async function observe(payload: Uint8Array, limits: RunLimits) {
    const [home] = candidates(digestOf(payload));
    if (home === undefined) return fail(absent);
    const wanted = { kind: "observe", connector: name, payload: toBase64(payload), timeoutMillis: limits.timeoutMillis } as const;
    const answer = await exchange.ask(home.runner, wanted, patient(limits));
    return answer.ok ? (readObserved(answer.value) ?? fail(strange(name))) : answer;
  }

  const elsewhere = async () => fail<PerformFault>({ ...gone("this is done by the runner that has the grant"), effect: "none" });
  return { name, digest: digestOf(`remote ${name}`), admit, analyse, observe, apply: elsewhere, verify: elsewhere, undo: elsewhere };
}

const patient = ({ timeoutMillis, signal }: RunLimits) => ({ timeoutMillis: timeoutMillis + GRACE_MILLIS, ...(signal && { signal }) });

const notServed = (environment: string): Refusal => ({
  code: "environment_not_served",
  message: `no runner serves the environment ${environment} here`,
  remedy: "name it in the settings of the runner that is to serve it (runner.environments)",
});

export interface OwnRunner {
  readonly connectors: Connectors;
  readonly run: (change: ChangeId) => Promise<RunReport>;
  /** How long a runner elsewhere may be silent before its run is given up. */
  readonly silenceMillis: number;
  /** Called when the run is somebody else's, and needs no place of this process any more. */
  readonly rest?: () => void;
}

/** Has an authorised change run where its connectors are: here, or on the one runner that has all of them. */
export async function dispatchRun(deps: Deps, exchange: Exchange, own: OwnRunner, change: ChangeId): Promise<RunReport> {
  const found = await findChange(deps, change);
  if (!found.ok) return { kind: "not_started", error: found.error };
  const { state } = found.value;
  if (state.status !== "authorised") return own.run(change);
  const here = state.stepDigests.filter(({ connector }) => own.connectors.isOwn(connector));
  if (here.length === state.stepDigests.length) return own.run(change);
  if (here.length > 0) return { kind: "not_started", error: apart(state) };
  const chosen = await runnerFor(deps, exchange, state);
  if (!chosen.ok) return { kind: "not_started", error: chosen.error };
  own.rest?.();
  const answer = await exchange.run(chosen.value, change, own.silenceMillis);
  return answer.ok ? readReport(answer.value) : { kind: "stopped", error: answer.error };
}

type Authorised = Extract<ChangeState, { readonly status: "authorised" }>;

const apart = ({ id, stepDigests }: Pick<Authorised, "id" | "stepDigests">): Refusal => ({
  code: "steps_apart",
  message: `no one runner has all connectors of change ${id}: ${stepDigests.map(({ id: step, connector }) => `${step} (${connector})`).join(", ")}`,
  remedy: "declare them on one runner, or propose a change for each",
});

/** The one that derived all steps, if it is there and its code is still what was approved; otherwise any whose code is. */
async function runnerFor(deps: Deps, exchange: Exchange, state: Authorised): Promise<Result<RunnerId>> {
  const context = await readJson<PlanContext>(deps, state.context);
  const derivedBy = [...new Set(state.stepDigests.map(({ id }) => context?.steps[id]?.[CONTEXT_MEMBER] ?? ""))];
  const able = exchange
    .present()
    .filter(({ declared }) => state.stepDigests.every(({ connector, code }) => codeIn(declared, connector) === code));
  const chosen = able.find(({ runner }) => derivedBy.length === 1 && runner === derivedBy[0]) ?? able[0];
  if (chosen !== undefined) return ok(chosen.runner);
  if (derivedBy.length > 1) return fail(apart(state));
  return fail(gone(`none is connected whose connectors are those that derived change ${state.id} (${derivedBy.join(", ")})`));
}

/** A runner's account of its run; what is true of the change is what it reported at the desk. */
function readReport(value: Json): RunReport {
  const raw = objectOf(value);
  const error = readRefusal(raw?.["error"]);
  if (raw?.["kind"] === "not_started" && error !== undefined) return { kind: "not_started", error };
  if (raw?.["kind"] === "stopped" && error !== undefined) return { kind: "stopped", error };
  const stale = exactly(value, ["kind", "expected", "observed"]);
  if (stale?.["kind"] === "stale") return value as unknown as RunReport;
  const ended = exactly(value, ["kind", "end", "code"]);
  if (ended?.["kind"] === "ended") return value as unknown as RunReport;
  return { kind: "stopped", error: strange("of its run") };
}
