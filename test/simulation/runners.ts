/** Runners as the world has them: they verify, consume, look, apply, look again, and undo; they crash and wait in vain. */
import { digestOf, fromBase64, millis, never, toBase64, utf8, type Digest, type Millis } from "../../src/core/base/index.ts";
import type { ChangeCommand } from "../../src/core/change/index.ts";
import { verifyGrant, type Envelope } from "../../src/core/grant/index.ts";
import { trust } from "../../src/testing/grants.ts";
import type { Action, RunnerFault } from "./actions.ts";
import { evidence, payloadBytes, runId, stateDigest, type Wish } from "./facts.ts";
import type { Effect, Job, Phase, Runner, World } from "./world.ts";

type Turn = Extract<Action, { readonly kind: "runner" }>;

export function stepRunner(world: World, turn: Turn): void {
  const runner = world.runner(turn.runner);
  const { job } = runner;
  if (job === undefined) return claim(world, runner, turn);
  if (job.waiting !== undefined && job.answer === undefined) {
    // The answer is lost when nothing of the question is under way any more: nobody knows what came of it, so stop.
    if (![...world.messages.values()].some((message) => message.answers === job.waiting)) runner.job = undefined;
    return;
  }
  const accepted = job.answer === undefined || job.answer.ok;
  job.waiting = undefined;
  job.answer = undefined;
  const turner = new Turner(world, runner, job, turn);
  if (accepted && turn.fault === "lying") lie(turner);
  else proceed(turner, accepted);
}

/** A runner that is out of its mind says what the log already knows to be wrong; it touches nothing and then stops. */
function lie(turner: Turner): void {
  const { job, turn } = turner;
  const finished = job.phase === "finishing" ? job.done.length : job.done.length - 1;
  const expected = job.grant.steps[0]?.state ?? evidence(turn.n);
  const lies: (() => void)[] = [];
  if (finished < job.grant.steps.length) lies.push(() => turner.report("verified", "lie"));
  if (finished > 0) lies.push(() => turner.report("failed", "lie"));
  if (finished > 0) lies.push(() => turner.tell("reporting", { type: "stale", expected, observed: evidence(turn.n), run: job.run }));
  if (job.phase !== "undoing") lies.push(() => turner.report("undone", "lie"));
  const chosen = lies[turn.n % lies.length];
  if (chosen === undefined) turner.stop();
  else chosen();
}

function claim(world: World, runner: Runner, { n, change, fault }: Turn): void {
  const envelope = change === undefined ? undefined : world.system.issue(change, runner.id);
  const state = change === undefined ? undefined : world.system.read(change);
  if (envelope === undefined || state === undefined || change === undefined) return;
  const { wishes } = world.specOf(state);
  const payloads = wishes.map((wish, at) => (fault === "tampered_payload" && at === 0 ? utf8("tampered") : payloadBytes(wish)));
  const offered = fault === "tampered_grant" ? tampered(envelope, n) : envelope;
  const grant = verifyGrant(offered, { ...trust, runner: runner.id }, payloads, clockOf(world, runner));
  if (!grant.ok || runner.used.has(grant.value.grant)) return;
  runner.used.add(grant.value.grant);
  const tamperedWishes = wishes.map((wish, at) => (fault === "tampered_payload" && at === 0 ? { ...wish, value: "tampered" } : wish));
  const job: Job = {
    change,
    run: runId(n),
    grant: grant.value,
    wishes: tamperedWishes,
    done: [],
    phase: "starting",
    waiting: undefined,
    answer: undefined,
  };
  runner.job = job;
  new Turner(world, runner, job, { kind: "runner", n, runner: runner.id }).tell("starting", {
    type: "start",
    grant: grant.value.grant,
    run: job.run,
    runner: runner.id,
    directory: world.people,
    bundle: grant.value.review.bundle,
  });
}

function tampered(envelope: Envelope, n: number): Envelope {
  const bytes = fromBase64(envelope.payload) ?? new Uint8Array(1);
  bytes[n % bytes.length] = (bytes[n % bytes.length] ?? 0) ^ 1;
  return { ...envelope, payload: toBase64(bytes) };
}

const clockOf = (world: World, runner: Runner): Millis => millis(world.now + runner.offset);

/** One turn of one runner at its job. */
class Turner {
  readonly world: World;
  readonly runner: Runner;
  readonly job: Job;
  readonly turn: Turn;
  constructor(world: World, runner: Runner, job: Job, turn: Turn) {
    this.world = world;
    this.runner = runner;
    this.job = job;
    this.turn = turn;
  }

  get fault(): RunnerFault | undefined {
    return this.turn.fault;
  }

  /** Sends a command and waits for its answer in the given phase. */
  tell(phase: Phase, command: ChangeCommand): void {
    const { world, runner, job, turn } = this;
    job.phase = phase;
    job.waiting = turn.n;
    world.send({
      id: turn.n,
      change: job.change,
      by: runner.id,
      seen: world.system.read(job.change),
      commands: [command],
      runner: runner.id,
    });
  }

  who() {
    return { run: this.job.run, runner: this.runner.id };
  }

  report(outcome: "verified" | "failed" | "undone" | "indeterminate", code: string): void {
    this.tell("reporting", { type: "report", ...this.who(), outcome, because: { code }, evidence: evidence(this.turn.n) });
  }

  stop(): void {
    this.runner.job = undefined;
  }

  late(): boolean {
    return clockOf(this.world, this.runner) >= this.job.grant.expiresAt - trust.skewMillis;
  }

  observed(wish: Wish): Digest {
    return stateDigest(wish.resource, this.world.values.get(wish.resource) ?? "");
  }
}

function proceed(turner: Turner, accepted: boolean): void {
  const { job } = turner;
  switch (job.phase) {
    case "starting":
      return accepted ? look(turner) : turner.stop();
    case "ready":
      return look(turner);
    case "beginning":
      if (accepted) return perform(turner);
      return job.done.length === 0 ? turner.stop() : undo(turner);
    case "finishing":
      return accepted ? look(turner) : turner.stop();
    case "undoing":
      return accepted ? performUndo(turner) : turner.stop();
    case "reporting":
      return turner.stop();
    default:
      return never(job.phase, "phase");
  }
}

/** Re-reads the state, and begins only on exactly what was approved. */
function look(turner: Turner): void {
  const { job } = turner;
  const at = job.done.length;
  const [wish, step] = [job.wishes[at], job.grant.steps[at]];
  if (wish === undefined || step === undefined) return verify(turner);
  if (turner.late()) return giveUp(turner, "late");
  const observed = turner.observed(wish);
  const last = job.grant.steps.at(-1);
  if (turner.fault === "hasty" && last !== undefined) {
    return turner.tell("reporting", { type: "begin_effect", ...turner.who(), step: last.id, observed: last.state });
  }
  if (observed !== step.state && turner.fault !== "blind") return moved(turner, step.state, observed);
  turner.tell("beginning", { type: "begin_effect", ...turner.who(), step: step.id, observed });
}

function moved(turner: Turner, expected: Digest, observed: Digest): void {
  if (turner.job.done.length > 0) return undo(turner);
  turner.tell("reporting", { type: "stale", expected, observed, run: turner.job.run });
}

function giveUp(turner: Turner, code: string): void {
  if (turner.job.done.length > 0) undo(turner);
  else turner.report("failed", code);
}

/** The target compares and sets; an answer that is lost on the way leaves the runner knowing nothing. */
function perform(turner: Turner): void {
  const { world, job, runner, turn } = turner;
  const at = job.done.length;
  const [wish, step] = [job.wishes[at], job.grant.steps[at]];
  if (wish === undefined || step === undefined) return turner.stop();
  if (turner.late()) return giveUp(turner, "late");
  const observed = turner.observed(wish);
  if (observed !== step.state) return moved(turner, step.state, observed);
  if (turner.fault === "effect_unknown") return turner.report("indeterminate", "no_answer");
  const before = world.values.get(wish.resource) ?? "";
  const place = { at: world.now, change: job.change, run: job.run, runner: runner.id, step: step.id, resource: wish.resource };
  const effect: Effect = { kind: "apply", ...place, before, after: wish.value, payload: digestOf(payloadBytes(wish)) };
  world.values.set(wish.resource, wish.value);
  world.record(effect);
  if (turner.fault === "effect_unknown_done") return turner.report("indeterminate", "no_answer");
  job.done.push(effect);
  turner.tell("finishing", { type: "finish_effect", ...turner.who(), step: step.id, evidence: evidence(turn.n) });
}

function verify(turner: Turner): void {
  const { world, job } = turner;
  const holds = job.done.every((effect) => world.values.get(effect.resource) === effect.after);
  if (!holds || turner.fault === "verification") return undo(turner);
  turner.report("verified", "verified");
}

function undo(turner: Turner): void {
  const last = turner.job.done.at(-1);
  if (last === undefined) return turner.report("undone", "undone");
  turner.tell("undoing", { type: "begin_undo", ...turner.who(), step: last.step, because: { code: "undo" } });
}

function performUndo(turner: Turner): void {
  const { world, job, runner } = turner;
  const last = job.done.pop();
  if (last === undefined) return turner.report("undone", "undone");
  if (world.values.get(last.resource) !== last.after) return turner.report("indeterminate", "undo_refused");
  world.values.set(last.resource, last.before);
  world.record({ ...last, kind: "undo", at: world.now, runner: runner.id, before: last.after, after: last.before });
  undo(turner);
}
