import { isDigest, never, ok, type ChangeId, type Digest, type JsonObject, type Refusal, type Result } from "../core/base/index.ts";
import type { StepDigests } from "../core/change/index.ts";
import type { Watch } from "../core/plan/index.ts";
import {
  attested,
  verifyGrant,
  verifyUndoGrant,
  type Envelope,
  type GrantBody,
  type GrantTrust,
  type RunEvidence,
} from "../core/grant/index.ts";
import type {
  Clock,
  Connector,
  Performed,
  PerformFault,
  RunDesk,
  RunEnd,
  RunRef,
  RunReport,
  Timers,
  VerifyFault,
} from "../control/ports.ts";
import { CLOCK_BEHIND, evidenceOf, otherChange, OUT_OF_TIME } from "./refusals.ts";

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
  /** Signs what this runner says of a run, by its own key. */
  readonly attest?: (body: RunEvidence) => Envelope;
  /** Lines for whoever watches; no evidence of anything. */
  readonly progress?: (line: string) => void;
  /** Told when a run has nothing left to do but to look again from time to time. */
  readonly watching?: () => void;
  /** Aborted when the process is about to end: a run that only watches says so and goes. */
  readonly signal?: AbortSignal;
}

interface Step {
  readonly id: string;
  readonly connector: Connector;
  readonly state: Digest;
  readonly payload: Uint8Array;
  /** As the grant has it. */
  readonly approved: StepDigests;
}

interface Done extends Step {
  readonly performed: Performed;
}

/** What one look at everything that was applied found. */
type Look =
  | { readonly result: "held"; readonly facts: JsonObject }
  | { readonly result: "failed" | "unknown"; readonly facts: JsonObject; readonly error: Refusal };

/** Verify offline, consume, then per step: re-observe, compare, apply; verify at the end, and undo when verification fails. */
export async function runChange(deps: RunnerDeps, change: ChangeId): Promise<RunReport> {
  const offer = await deps.desk.offer(change, deps.trust.runner);
  if (!offer.ok) return { kind: "not_started", error: offer.error };
  const grant = verifyGrant(offer.value.envelope, deps.trust, offer.value.payloads, deps.clock.now());
  if (!grant.ok) return { kind: "not_started", error: grant.error };
  // What is told and undone is told and undone of the change that was asked for.
  if (grant.value.change !== change) return { kind: "not_started", error: otherChange(grant.value.change) };
  const steps = stepsOf(deps, grant.value, offer.value.payloads);
  if (!steps.ok) return { kind: "not_started", error: steps.error };
  const started = await deps.desk.start(change, grant.value.grant, deps.trust.runner);
  if (!started.ok) return { kind: "not_started", error: started.error };
  return new Run(deps, started.value, grant.value).all(steps.value);
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
    steps.push({ id: step.id, connector, state: step.state, payload, approved: step });
  }
  return ok(steps);
}

/** How long a report is repeated while the desk is away: an outage of a moment should not cost a human's judgement. */
const PATIENCE_MILLIS = [500, 2_000, 10_000];
/** How far behind the desk's clock may be about the end of a watch window before its word is not waited for any more. */
const PATIENT_MILLIS = 120_000;
const MOMENT_MILLIS = 5_000;
/** How often a run that watches asks whether it may go on. */
const STANDING_MILLIS = 15_000;

class Run {
  readonly #deps: RunnerDeps;
  readonly #ref: RunRef;
  readonly #grant: GrantBody;
  readonly #done: Done[] = [];

  constructor(deps: RunnerDeps, ref: RunRef, grant: GrantBody) {
    this.#deps = deps;
    this.#ref = ref;
    this.#grant = grant;
  }

  async all(steps: readonly Step[]): Promise<RunReport> {
    for (const step of steps) {
      const ended = await this.#one(step);
      if (ended !== undefined) return ended;
    }
    const { watch } = this.#grant;
    return watch === undefined ? this.#verify() : this.#watch(watch);
  }

  async #one(step: Step): Promise<RunReport | undefined> {
    this.#progress(`${step.id}: reading the state`);
    const observed = await step.connector.observe(step.payload, this.#limits(step));
    if (!observed.ok) return this.#giveUp(observed.error);
    if (observed.value.stateDigest !== step.state) return this.#moved(step, observed.value.stateDigest);
    const early = this.#untimely();
    if (early !== undefined) return this.#giveUp(early);
    const seen = this.#deps.attest === undefined ? undefined : this.#signed("observed", { ...observed.value }, step);
    const begun = await this.#tell((desk, ref) => desk.begin(ref, step.id, observed.value.stateDigest, seen));
    // Nothing of this step was done, and nothing will be.
    if (!begun.ok) return this.#giveUp(begun.error);
    // The desk may have taken its time to answer.
    const late = this.#untimely();
    if (late !== undefined) return this.#giveUp(late);
    this.#progress(`${step.id}: applying`);
    const applied = await step.connector.apply(step.payload, step.state, this.#limits(step));
    if (!applied.ok) return this.#applyFailed(step, applied.error);
    this.#done.push({ ...step, performed: applied.value });
    this.#progress(`${step.id}: applied`);
    const facts = this.#signed("applied", applied.value.facts, step);
    const finished = await this.#tell((desk, ref) => desk.finish(ref, step.id, facts));
    // Done, but not on record: whatever comes next would rest on something that nobody can prove.
    return finished.ok
      ? undefined
      : this.#end("indeterminate", "report_refused", { cause: evidenceOf(finished.error), done: applied.value.facts });
  }

  /** By its own clock: the desk's may be behind. One that was put back since it started knows no better than before whether it is time. */
  #untimely(): Refusal | undefined {
    const { expiresAt, issuedAt, notBefore = issuedAt } = this.#grant;
    const [now, skew] = [this.#deps.clock.now(), this.#deps.trust.skewMillis];
    if (now >= expiresAt - skew) return OUT_OF_TIME;
    return now < Math.max(issuedAt, notBefore) - skew ? CLOCK_BEHIND : undefined;
  }

  async #applyFailed(step: Step, error: PerformFault): Promise<RunReport> {
    switch (error.effect) {
      case "possible":
        return this.#end("indeterminate", error.code, evidenceOf(error));
      case "none": {
        if (this.#done.length > 0) return this.#undoAll(error.code, error);
        const met = metBy(step, error);
        if (met !== undefined) return this.#moved(step, met);
        const now = await step.connector.observe(step.payload, this.#limits(step));
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
    if (told.ok) return { kind: "stale", expected: step.state, observed };
    // What a person stopped is not planned again by itself.
    return told.error.code === "stopped" ? this.#giveUp(told.error) : { kind: "stopped", error: told.error };
  }

  async #verify(): Promise<RunReport> {
    const look = await this.#lookUntilKnown();
    return look.result === "held" ? this.#verified(look.facts) : this.#undoAll(codeOf(look), look.error);
  }

  /** Looks again and again until what was applied has held for its whole window, by time that has passed rather than by a clock. */
  async #watch({ seconds, everySeconds }: Watch): Promise<RunReport> {
    this.#deps.watching?.();
    const [window, every] = [seconds * 1000, everySeconds * 1000];
    let waited = 0;
    for (let n = 1; ; n += 1) {
      const isLast = waited >= window;
      const look = await (isLast ? this.#lookUntilKnown() : this.#look());
      this.#progress(`check ${n}: ${look.result}`);
      const told = await this.#check(n, look);
      if (!told.ok) return this.#notGoneOn(told.error);
      if (look.result === "failed" || (isLast && look.result === "unknown")) return this.#undoAll(codeOf(look), look.error);
      const ended = isLast ? await this.#verified(look.facts) : undefined;
      const isOpen = ended?.kind === "stopped" && ended.error.code === "watch_open";
      if (ended !== undefined && !isOpen) return ended;
      // The desk's clock may be behind, but it is not waited for for ever.
      if (waited >= window + PATIENT_MILLIS) return this.#end("indeterminate", "watch_open", { waited, checks: n });
      const pause = isLast ? Math.min(every, MOMENT_MILLIS) : Math.min(every, window - waited);
      const rested = await this.#rest(pause);
      if (rested === "over") return this.#end("indeterminate", "watch_interrupted", { waited, checks: n });
      if (rested !== undefined) return this.#notGoneOn(rested);
      waited += pause;
    }
  }

  /** A stop is not met with the next look only, which may be an hour away. */
  async #rest(millis: number): Promise<Refusal | "over" | undefined> {
    for (let left = millis; left > 0; left -= STANDING_MILLIS) {
      if (!(await this.#pause(Math.min(left, STANDING_MILLIS)))) return "over";
      const standing = left > STANDING_MILLIS ? await this.#say((desk, ref) => desk.standing(ref)) : undefined;
      if (standing?.ok === false && standing.error.code !== "unavailable") return standing.error;
    }
    return undefined;
  }

  #check(n: number, look: Look): Promise<Result<void>> {
    const facts = this.#signed("checked", look.result === "held" ? look.facts : { ...look.facts, fault: evidenceOf(look.error) });
    return this.#tell((desk, ref) => desk.check(ref, n, look.result, facts));
  }

  /** All that was done, as it is now. What is surely wrong outweighs what cannot be told. */
  async #look(): Promise<Look> {
    const facts: Record<string, JsonObject> = {};
    let unknown: VerifyFault | undefined;
    for (const done of this.#done) {
      const seen = await done.connector.verify(done.payload, done.performed, this.#limits(done));
      if (seen.ok) facts[done.id] = seen.value.facts;
      else if (seen.error.inconclusive !== true) return { result: "failed", facts, error: seen.error };
      else unknown ??= seen.error;
    }
    return unknown === undefined ? { result: "held", facts } : { result: "unknown", facts, error: unknown };
  }

  /** A look that could not be carried out is no failure yet: it changes nothing, so it is tried again for some seconds. */
  async #lookUntilKnown(): Promise<Look> {
    this.#progress("verifying");
    for (const pause of PATIENCE_MILLIS) {
      const look = await this.#look();
      if (look.result !== "unknown") return look;
      await this.#pause(pause);
    }
    return this.#look();
  }

  async #verified(facts: JsonObject): Promise<RunReport> {
    const ended = await this.#end("verified", "verified", facts);
    return ended.kind === "stopped" ? this.#notGoneOn(ended.error) : ended;
  }

  /** A person's stop is answered by undoing; another refusal means that this run holds the change no more, or not yet long enough. */
  async #notGoneOn(error: Refusal): Promise<RunReport> {
    return error.code === "stopped" ? this.#undoAll(error.code, error) : { kind: "stopped", error };
  }

  async #giveUp(error: Refusal): Promise<RunReport> {
    return this.#done.length > 0 ? this.#undoAll(error.code, error) : this.#end("failed", error.code, evidenceOf(error));
  }

  /** Latest first. What cannot be undone for certain leaves the run indeterminate, for a human to reconcile. */
  async #undoAll(code: string, error: Refusal): Promise<RunReport> {
    const undone: Record<string, JsonObject> = {};
    for (const done of this.#done.toReversed()) {
      const back = await this.#undo(done, code, error);
      if (!back.ok) return this.#end("indeterminate", back.error.code, { cause: evidenceOf(error), undo: evidenceOf(back.error), undone });
      undone[done.id] = back.value.facts;
    }
    return this.#end("undone", code, { cause: evidenceOf(error), undone });
  }

  /** An undo is an effect of its own: it has a grant of its own, which is verified before it touches anything. */
  async #undo(done: Done, code: string, error: Refusal): Promise<Result<Performed>> {
    const facts = this.#signed("failed", evidenceOf(error), done);
    const granted = await this.#tell((desk, ref) => desk.beginUndo(ref, done.id, code, facts));
    if (!granted.ok) return granted;
    const { change, run } = this.#ref;
    const known = { change, run, grant: this.#grant.grant, step: done.approved };
    const verified = verifyUndoGrant(granted.value, this.#deps.trust, known);
    if (!verified.ok) return verified;
    this.#progress(`${done.id}: undoing, because ${code}`);
    const back = await done.connector.undo(done.payload, done.performed, this.#limits(done));
    if (!back.ok) return back;
    const seen = await done.connector.observe(done.payload, this.#limits(done));
    if (seen.ok && seen.value.stateDigest === done.state) return back;
    const details = seen.ok ? { details: { expected: done.state, observed: seen.value.stateDigest } } : {};
    return {
      ok: false,
      error: { code: "undo_unverified", message: "after the undo, the state is not the one that was approved", ...details },
    };
  }

  async #end(end: RunEnd, code: string, evidence: JsonObject): Promise<RunReport> {
    const facts = this.#signed(end, evidence);
    const told = await this.#tell((desk, ref) => desk.report(ref, end, code, facts));
    if (told.ok) this.#progress(`ended: ${end}, ${code}`);
    return told.ok ? { kind: "ended", end, code } : { kind: "stopped", error: told.error };
  }

  /** The facts, with this runner's signature over them where it has a key. */
  #signed(kind: RunEvidence["kind"], facts: JsonObject, step?: Step): JsonObject {
    const { attest, clock, trust } = this.#deps;
    if (attest === undefined) return facts;
    const payload = step === undefined ? this.#grant.payload : step.approved.payload;
    const about = { deployment: trust.deployment, ...this.#ref, ...(step === undefined ? {} : { step: step.id }) };
    return attested(facts, { ...about, kind, payload, at: clock.now() }, attest);
  }

  #progress(line: string): void {
    this.#deps.progress?.(line);
  }

  /** False where the process ends meanwhile. */
  #pause(millis: number): Promise<boolean> {
    const { timers, signal } = this.#deps;
    const { promise, resolve } = Promise.withResolvers<boolean>();
    if (signal?.aborted === true) return Promise.resolve(false);
    const end = (): void => {
      cancel();
      resolve(false);
    };
    const cancel = timers.after(millis, () => {
      signal?.removeEventListener("abort", end);
      resolve(true);
    });
    signal?.addEventListener("abort", end, { once: true });
    return promise;
  }

  /** A desk that is away is asked again; one that refuses is not. */
  async #tell<T>(say: (desk: RunDesk, ref: RunRef) => Promise<Result<T>>): Promise<Result<T>> {
    for (const pause of PATIENCE_MILLIS) {
      const told = await this.#say(say);
      if (told.ok || told.error.code !== "unavailable") return told;
      await new Promise<void>((resolve) => void this.#deps.timers.after(pause, resolve));
    }
    return this.#say(say);
  }

  async #say<T>(say: (desk: RunDesk, ref: RunRef) => Promise<Result<T>>): Promise<Result<T>> {
    try {
      return await say(this.#deps.desk, this.#ref);
    } catch (error) {
      return { ok: false, error: { code: "unavailable", message: String(error) } };
    }
  }

  #limits(step: Step) {
    const { timeoutMillis } = this.#deps;
    if (this.#deps.progress === undefined) return { timeoutMillis };
    return { timeoutMillis, progress: (line: string) => this.#progress(`${step.id}: ${line}`) };
  }
}

/** Why what does not hold is undone: it is wrong, or nobody could find out whether it is right. */
const codeOf = ({ result }: Look): string => (result === "failed" ? "verification_failed" : "verification_unavailable");

/** The state that an apply met in place of the approved one, where it says so: it looked at what it would have written to. */
function metBy({ state }: Step, { code, details }: PerformFault): Digest | undefined {
  const [expected, observed] = [details?.["expected"], details?.["observed"]];
  const isTold = code === "stale_state" && expected === state && typeof observed === "string" && isDigest(observed);
  return isTold && observed !== state ? observed : undefined;
}
