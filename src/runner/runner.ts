import { never, type ChangeId, type Digest, type JsonObject, type Refusal, type Result } from "../core/base/index.ts";
import { verifyGrant, type GrantBody, type GrantTrust } from "../core/grant/index.ts";
import type { Clock, Connector, Performed, PerformFault, RunDesk, RunEnd, RunRef } from "../control/ports.ts";

/** What a runner has of its own. It trusts its keys, not the control plane that offers it work. */
export interface RunnerDeps {
  readonly desk: RunDesk;
  readonly connectors: ReadonlyMap<string, Connector>;
  readonly trust: GrantTrust;
  readonly clock: Clock;
  readonly timeoutMillis: number;
  /** Serialises runs that touch the same target here; held from the re-read to the report. */
  readonly lock: <T>(key: string, work: () => Promise<T>) => Promise<T>;
}

export type RunReport =
  | { readonly kind: "not_started"; readonly error: Refusal }
  | { readonly kind: "stopped"; readonly error: Refusal }
  | { readonly kind: "stale"; readonly expected: Digest; readonly observed: Digest }
  | { readonly kind: "ended"; readonly end: RunEnd; readonly code: string };

interface Step {
  readonly id: string;
  readonly connector: Connector;
  readonly state: Digest;
  readonly payload: Uint8Array;
}

interface Done extends Step {
  readonly performed: Performed;
}

/** Verify offline, consume, then per step: re-observe, compare, apply, verify; undo when verification fails. */
export async function runChange(deps: RunnerDeps, change: ChangeId): Promise<RunReport> {
  const offer = await deps.desk.offer(change, deps.trust.runner);
  if (!offer.ok) return { kind: "not_started", error: offer.error };
  const grant = verifyGrant(offer.value.envelope, deps.trust, offer.value.payloads, deps.clock.now());
  if (!grant.ok) return { kind: "not_started", error: grant.error };
  const steps = stepsOf(deps, grant.value, offer.value.payloads);
  if (!steps.ok) return { kind: "not_started", error: steps.error };
  return deps.lock(lockKey(steps.value), async () => {
    const started = await deps.desk.start(change, grant.value.grant, deps.trust.runner);
    if (!started.ok) return { kind: "not_started", error: started.error };
    return new Run(deps, started.value).all(steps.value);
  });
}

function lockKey(steps: readonly Step[]): string {
  return [...new Set(steps.map((s) => s.connector.name))].sort().join("+");
}

function stepsOf(deps: RunnerDeps, grant: GrantBody, payloads: readonly Uint8Array[]): Result<readonly Step[]> {
  const steps: Step[] = [];
  for (const [position, step] of grant.steps.entries()) {
    const connector = deps.connectors.get(step.connector);
    const payload = payloads[position];
    if (connector === undefined || payload === undefined) {
      return { ok: false, error: { code: "unknown_connector", message: `this runner has no connector "${step.connector}"`, remedy: "declare it on this runner, or send the change to one that has it" } };
    }
    steps.push({ id: step.id, connector, state: step.state, payload });
  }
  return { ok: true, value: steps };
}

class Run {
  readonly #deps: RunnerDeps;
  readonly #ref: RunRef;
  readonly #done: Done[] = [];

  constructor(deps: RunnerDeps, ref: RunRef) {
    this.#deps = deps;
    this.#ref = ref;
  }

  async all(steps: readonly Step[]): Promise<RunReport> {
    for (const step of steps) {
      const stopped = await this.#one(step);
      if (stopped !== undefined) return stopped;
    }
    return this.#verify();
  }

  async #one(step: Step): Promise<RunReport | undefined> {
    const observed = await guarded(() => step.connector.observe(step.payload, this.#limits()));
    if (!observed.ok) return this.#giveUp(observed.error);
    if (observed.value.stateDigest !== step.state) return this.#moved(step, observed.value.stateDigest);
    const begun = await this.#deps.desk.begin(this.#ref, step.id, observed.value.stateDigest);
    if (!begun.ok) return this.#done.length === 0 ? { kind: "stopped", error: begun.error } : this.#undoAll("revoked", begun.error);
    const applied = await this.#apply(step);
    if (!applied.ok) return this.#applyFailed(step, applied.error);
    this.#done.push({ ...step, performed: applied.value });
    const finished = await this.#deps.desk.finish(this.#ref, step.id, applied.value.facts);
    return finished.ok ? undefined : { kind: "stopped", error: finished.error };
  }

  /** A connector that throws has told us nothing: the effect may have happened. */
  async #apply(step: Step): Promise<Result<Performed, PerformFault>> {
    try {
      return await step.connector.apply(step.payload, step.state, this.#limits());
    } catch (error) {
      return { ok: false, error: { code: "connector_crashed", message: String(error), effect: "possible" } };
    }
  }

  async #applyFailed(step: Step, error: PerformFault): Promise<RunReport> {
    switch (error.effect) {
      case "possible":
        return this.#end("indeterminate", error.code, evidenceOf(error));
      case "none": {
        if (this.#done.length > 0) return this.#undoAll(error.code, error);
        const now = await guarded(() => step.connector.observe(step.payload, this.#limits()));
        if (now.ok && now.value.stateDigest !== step.state) return this.#moved(step, now.value.stateDigest);
        return this.#end("failed", error.code, evidenceOf(error));
      }
      default:
        return never(error.effect, "effect certainty");
    }
  }

  async #moved(step: Step, observed: Digest): Promise<RunReport> {
    if (this.#done.length > 0) return this.#undoAll("stale_state", { code: "stale_state", message: `step ${step.id} met another state than was approved` });
    const told = await this.#deps.desk.stale(this.#ref, step.state, observed);
    return told.ok ? { kind: "stale", expected: step.state, observed } : { kind: "stopped", error: told.error };
  }

  async #verify(): Promise<RunReport> {
    const evidence: Record<string, JsonObject> = {};
    for (const done of this.#done) {
      const seen = await guarded(() => done.connector.verify(done.payload, done.performed, this.#limits()));
      if (!seen.ok) return this.#undoAll("verification_failed", seen.error);
      evidence[done.id] = seen.value.facts;
    }
    return this.#end("verified", "verified", evidence);
  }

  async #giveUp(error: Refusal): Promise<RunReport> {
    return this.#done.length > 0 ? this.#undoAll(error.code, error) : this.#end("failed", error.code, evidenceOf(error));
  }

  /** Latest first. What cannot be undone for certain leaves the run indeterminate, for a human to reconcile. */
  async #undoAll(code: string, error: Refusal): Promise<RunReport> {
    const undone: Record<string, JsonObject> = {};
    for (const done of this.#done.toReversed()) {
      const begun = await this.#deps.desk.beginUndo(this.#ref, done.id, code, evidenceOf(error));
      if (!begun.ok) return { kind: "stopped", error: begun.error };
      const back = await this.#undo(done);
      if (!back.ok) return this.#end("indeterminate", back.error.code, { cause: evidenceOf(error), undo: evidenceOf(back.error) });
      undone[done.id] = back.value.facts;
    }
    return this.#end("undone", code, { cause: evidenceOf(error), undone });
  }

  async #undo(done: Done): Promise<Result<Performed>> {
    const back = await guarded(() => done.connector.undo(done.payload, done.performed, this.#limits()));
    if (!back.ok) return back;
    const seen = await guarded(() => done.connector.observe(done.payload, this.#limits()));
    if (seen.ok && seen.value.stateDigest === done.state) return back;
    return { ok: false, error: { code: "undo_unverified", message: "after the undo, the state is not the one that was approved", ...(seen.ok ? { details: { expected: done.state, observed: seen.value.stateDigest } } : {}) } };
  }

  async #end(end: RunEnd, code: string, evidence: JsonObject): Promise<RunReport> {
    const told = await this.#deps.desk.report(this.#ref, end, code, evidence);
    return told.ok ? { kind: "ended", end, code } : { kind: "stopped", error: told.error };
  }

  #limits() {
    return { timeoutMillis: this.#deps.timeoutMillis };
  }
}

async function guarded<T>(work: () => Promise<Result<T>>): Promise<Result<T>> {
  try {
    return await work();
  } catch (error) {
    return { ok: false, error: { code: "connector_crashed", message: String(error) } };
  }
}

/** Canonical, bounded evidence of a refusal; its digest is what the ledger keeps. */
function evidenceOf(error: Refusal): JsonObject {
  const details = error.details === undefined ? undefined : JSON.stringify(error.details).slice(0, 16_384);
  return {
    code: error.code,
    message: error.message.slice(0, 4_096),
    ...(error.where === undefined ? {} : { where: error.where.slice(0, 1_024) }),
    ...(details === undefined ? {} : { details }),
  };
}
