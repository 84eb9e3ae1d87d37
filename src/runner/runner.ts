import { never, ok, type ChangeId, type Digest, type JsonObject, type Refusal, type Result } from "../core/base/index.ts";
import { verifyGrant, type GrantBody, type GrantTrust } from "../core/grant/index.ts";
import type { Clock, Connector, Performed, PerformFault, RunDesk, RunEnd, RunRef, RunReport, Timers } from "../control/ports.ts";

/** What a runner has of its own. It trusts its keys, not the control plane that offers it work. */
export interface RunnerDeps {
  readonly desk: RunDesk;
  /** Each answers in time and does not throw. */
  readonly connectors: ReadonlyMap<string, Connector>;
  readonly trust: GrantTrust;
  readonly clock: Clock;
  readonly timers: Timers;
  /** For each call of a connector. */
  readonly timeoutMillis: number;
}

interface Step {
  readonly id: string;
  readonly connector: Connector;
  readonly state: Digest;
  readonly payload: Uint8Array;
}

interface Done extends Step {
  readonly performed: Performed;
}

/** Verify offline, consume, then per step: re-observe, compare, apply; verify at the end, and undo when verification fails. */
export async function runChange(deps: RunnerDeps, change: ChangeId): Promise<RunReport> {
  const offer = await deps.desk.offer(change, deps.trust.runner);
  if (!offer.ok) return { kind: "not_started", error: offer.error };
  const grant = verifyGrant(offer.value.envelope, deps.trust, offer.value.payloads, deps.clock.now());
  if (!grant.ok) return { kind: "not_started", error: grant.error };
  const steps = stepsOf(deps, grant.value, offer.value.payloads);
  if (!steps.ok) return { kind: "not_started", error: steps.error };
  const started = await deps.desk.start(change, grant.value.grant, deps.trust.runner);
  if (!started.ok) return { kind: "not_started", error: started.error };
  return new Run(deps, started.value, grant.value.expiresAt).all(steps.value);
}

function stepsOf(deps: RunnerDeps, grant: GrantBody, payloads: readonly Uint8Array[]): Result<readonly Step[]> {
  const steps: Step[] = [];
  for (const [position, step] of grant.steps.entries()) {
    const connector = deps.connectors.get(step.connector);
    const payload = payloads[position];
    if (connector === undefined || payload === undefined) {
      const message = `this runner has no connector "${step.connector}"`;
      const remedy = "declare it on this runner, or send the change to one that has it";
      return { ok: false, error: { code: "unknown_connector", message, remedy } };
    }
    if (connector.digest !== step.code) {
      const message = `the connector "${step.connector}" of this runner is not the one that derived step ${step.id}`;
      const details = { expected: step.code, observed: connector.digest };
      return {
        ok: false,
        error: { code: "connector_differs", message, details, remedy: "plan the change again, with the connector as it is now" },
      };
    }
    steps.push({ id: step.id, connector, state: step.state, payload });
  }
  return ok(steps);
}

/** How long a report is repeated while the desk is away: an outage of a moment should not cost a human's judgement. */
const PATIENCE_MILLIS = [500, 2_000, 10_000];

const OUT_OF_TIME: Refusal = {
  code: "grant_expired",
  message: "the grant ended, or may have, before this step",
  remedy: "plan the change again",
};

class Run {
  readonly #deps: RunnerDeps;
  readonly #ref: RunRef;
  /** When the grant ends. */
  readonly #until: number;
  readonly #done: Done[] = [];

  constructor(deps: RunnerDeps, ref: RunRef, until: number) {
    this.#deps = deps;
    this.#ref = ref;
    this.#until = until;
  }

  async all(steps: readonly Step[]): Promise<RunReport> {
    for (const step of steps) {
      const ended = await this.#one(step);
      if (ended !== undefined) return ended;
    }
    return this.#verify();
  }

  async #one(step: Step): Promise<RunReport | undefined> {
    const observed = await step.connector.observe(step.payload, this.#limits());
    if (!observed.ok) return this.#giveUp(observed.error);
    if (observed.value.stateDigest !== step.state) return this.#moved(step, observed.value.stateDigest);
    if (this.#isLate()) return this.#giveUp(OUT_OF_TIME);
    const begun = await this.#tell((desk, ref) => desk.begin(ref, step.id, observed.value.stateDigest));
    // Nothing of this step was done, and nothing will be.
    if (!begun.ok) return this.#giveUp(begun.error);
    // The desk may have taken its time to answer.
    if (this.#isLate()) return this.#giveUp(OUT_OF_TIME);
    const applied = await step.connector.apply(step.payload, step.state, this.#limits());
    if (!applied.ok) return this.#applyFailed(step, applied.error);
    this.#done.push({ ...step, performed: applied.value });
    const finished = await this.#tell((desk, ref) => desk.finish(ref, step.id, applied.value.facts));
    // Done, but not on record: whatever comes next would rest on something that nobody can prove.
    return finished.ok
      ? undefined
      : this.#end("indeterminate", "report_refused", { cause: evidenceOf(finished.error), done: applied.value.facts });
  }

  /** By its own clock: the desk's may be behind. */
  #isLate(): boolean {
    return this.#deps.clock.now() >= this.#until - this.#deps.trust.skewMillis;
  }

  async #applyFailed(step: Step, error: PerformFault): Promise<RunReport> {
    switch (error.effect) {
      case "possible":
        return this.#end("indeterminate", error.code, evidenceOf(error));
      case "none": {
        if (this.#done.length > 0) return this.#undoAll(error.code, error);
        const now = await step.connector.observe(step.payload, this.#limits());
        if (now.ok && now.value.stateDigest !== step.state) return this.#moved(step, now.value.stateDigest);
        return this.#end("failed", error.code, evidenceOf(error));
      }
      default:
        return never(error.effect, "effect certainty");
    }
  }

  async #moved(step: Step, observed: Digest): Promise<RunReport> {
    if (this.#done.length > 0) {
      return this.#undoAll("stale_state", { code: "stale_state", message: `step ${step.id} met another state than was approved` });
    }
    const told = await this.#tell((desk, ref) => desk.stale(ref, step.state, observed));
    return told.ok ? { kind: "stale", expected: step.state, observed } : { kind: "stopped", error: told.error };
  }

  async #verify(): Promise<RunReport> {
    const evidence: Record<string, JsonObject> = {};
    for (const done of this.#done) {
      const seen = await done.connector.verify(done.payload, done.performed, this.#limits());
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
      const begun = await this.#tell((desk, ref) => desk.beginUndo(ref, done.id, code, evidenceOf(error)));
      const back: Result<Performed> = begun.ok ? await this.#undo(done) : begun;
      if (!back.ok) return this.#end("indeterminate", back.error.code, { cause: evidenceOf(error), undo: evidenceOf(back.error) });
      undone[done.id] = back.value.facts;
    }
    return this.#end("undone", code, { cause: evidenceOf(error), undone });
  }

  async #undo(done: Done): Promise<Result<Performed>> {
    const back = await done.connector.undo(done.payload, done.performed, this.#limits());
    if (!back.ok) return back;
    const seen = await done.connector.observe(done.payload, this.#limits());
    if (seen.ok && seen.value.stateDigest === done.state) return back;
    const details = seen.ok ? { details: { expected: done.state, observed: seen.value.stateDigest } } : {};
    return {
      ok: false,
      error: { code: "undo_unverified", message: "after the undo, the state is not the one that was approved", ...details },
    };
  }

  async #end(end: RunEnd, code: string, evidence: JsonObject): Promise<RunReport> {
    const told = await this.#tell((desk, ref) => desk.report(ref, end, code, evidence));
    return told.ok ? { kind: "ended", end, code } : { kind: "stopped", error: told.error };
  }

  /** A desk that is away is asked again; one that refuses is not. */
  async #tell(say: (desk: RunDesk, ref: RunRef) => Promise<Result<void>>): Promise<Result<void>> {
    for (const pause of PATIENCE_MILLIS) {
      const told = await this.#say(say);
      if (told.ok || told.error.code !== "unavailable") return told;
      await new Promise<void>((resolve) => void this.#deps.timers.after(pause, resolve));
    }
    return this.#say(say);
  }

  async #say(say: (desk: RunDesk, ref: RunRef) => Promise<Result<void>>): Promise<Result<void>> {
    try {
      return await say(this.#deps.desk, this.#ref);
    } catch (error) {
      return { ok: false, error: { code: "unavailable", message: String(error) } };
    }
  }

  #limits() {
    return { timeoutMillis: this.#deps.timeoutMillis };
  }
}

/** Canonical, bounded evidence of a refusal; its digest is what the ledger keeps. */
function evidenceOf(error: Refusal): JsonObject {
  const details = error.details === undefined ? undefined : JSON.stringify(error.details).slice(0, 16_384).toWellFormed();
  return {
    code: error.code,
    message: error.message.slice(0, 4_096).toWellFormed(),
    ...(error.where === undefined ? {} : { where: error.where.slice(0, 1_024).toWellFormed() }),
    ...(details === undefined ? {} : { details }),
  };
}
