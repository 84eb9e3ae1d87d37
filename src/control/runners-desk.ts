/** The desk at which runs are reported, as a runner elsewhere reaches it: nothing is taken but in its own name, and over its own signature. */
import { fail, isDigest, isId, ok, refuse, toBase64 } from "../core/base/index.ts";
import type { ChangeId, Digest, GrantId, Json, JsonObject, Result, RunId, RunnerId } from "../core/base/index.ts";
import { factsOf, verifyEvidence, type RunEvidence } from "../core/grant/index.ts";
import type { Plan } from "../core/plan/index.ts";
import { exactly, objectOf, textOf, toWire, wholeOf } from "../core/runner/index.ts";
import { findChange } from "./commit.ts";
import type { Deps } from "./deps.ts";
import { readJson } from "./payloads.ts";
import type { Guard, RunDesk, RunEnd, RunRef } from "./ports.ts";
import { invalid } from "./refusals.ts";
import { keyOf, runnerStream, type RunnerState } from "./runners-state.ts";
import { findRunner, lifeFault } from "./runners.ts";
import type { Signed } from "./runners-types.ts";
import { runDesk } from "./running.ts";
import type { Answer } from "./types.ts";

const ENDS: readonly RunEnd[] = ["verified", "failed", "undone", "indeterminate"];
const RESULTS = ["held", "failed", "unknown"] as const;
const FACTS = new Set(["finish", "check", "beginUndo", "report"]);

/** The members of a call, by their names alone: no name has two meanings. */
interface Members {
  readonly change: ChangeId;
  readonly run: RunId;
  readonly grant: GrantId;
  /** Of the runner's own making: the same start asked for again, because its answer was lost. */
  readonly key: string;
  readonly step: string;
  readonly code: string;
  readonly observed: Digest;
  readonly expected: Digest;
  readonly n: number;
  readonly result: (typeof RESULTS)[number];
  readonly end: RunEnd;
  readonly evidence: JsonObject;
}

const CALLS: Readonly<Record<string, readonly string[]>> = {
  offer: ["change"],
  start: ["change", "grant", "key"],
  begin: ["change", "run", "step", "observed", "evidence?"],
  finish: ["change", "run", "step", "evidence"],
  check: ["change", "run", "n", "result", "evidence"],
  standing: ["change", "run"],
  beginUndo: ["change", "run", "step", "code", "evidence"],
  stale: ["change", "run", "expected", "observed"],
  report: ["change", "run", "end", "code", "evidence"],
};

const isOne = (value: Json, of: readonly string[]): boolean => typeof value === "string" && of.includes(value);
const isSomeId = (value: Json): boolean => typeof value === "string" && isId(value);
const isSomeDigest = (value: Json): boolean => typeof value === "string" && isDigest(value);
const isSomeText = (value: Json): boolean => textOf(value, 1_024) !== undefined;

const FITS: Readonly<Record<keyof Members, (value: Json) => boolean>> = {
  change: isSomeId,
  run: isSomeId,
  grant: isSomeId,
  key: (value) => typeof value === "string" && /^[0-9a-f]{32}$/.test(value),
  step: isSomeText,
  code: isSomeText,
  observed: isSomeDigest,
  expected: isSomeDigest,
  n: (value) => wholeOf(value) !== undefined,
  result: (value) => isOne(value, RESULTS),
  end: (value) => isOne(value, ENDS),
  evidence: (value) => objectOf(value) !== undefined,
};

interface Call {
  readonly name: string;
  readonly members: Members;
}

function readCall(raw: Json): Call | undefined {
  const name = objectOf(raw)?.["call"];
  const names = typeof name === "string" && Object.hasOwn(CALLS, name) ? CALLS[name] : undefined;
  const body = names && exactly(raw, ["call", ...names]);
  if (body === undefined || typeof name !== "string") return undefined;
  const { call: _, ...members } = body;
  const fits = Object.entries(members).every(([key, value]) => FITS[key as keyof Members](value));
  return fits ? { name, members: members as unknown as Members } : undefined;
}

export async function deskCall(deps: Deps, signed: Signed, raw: Json): Answer<{ readonly result: Json }> {
  const call = readCall(raw);
  const held = await findRunner(deps, signed.runner);
  if (call === undefined || held === undefined) return fail(invalid("this is no call of the desk, or not with these members"));
  // Its request was let in before its body came, which may have taken its time.
  const over = lifeFault(held.state, signed);
  if (over !== undefined) return fail(over);
  const fault = (await placeFault(deps, held.state, call)) ?? (await evidenceFault(deps, held.state, call));
  const guards = [{ stream: runnerStream(signed.runner), version: held.version }];
  return ok({ result: toWire(fault ?? (await made({ deps, guards }, signed, call))) });
}

/** What is written for a runner is written while it is still enrolled, and in this life of it. */
interface Standing {
  readonly deps: Deps;
  readonly guards: readonly Guard[];
}

function made(standing: Standing, { runner }: Signed, { name, members }: Call): Promise<Result<unknown>> {
  const desk = runDesk(standing.deps, standing.guards);
  const { change, run, grant, key, step, code, observed, expected, n, result, end, evidence } = members;
  const ref: RunRef = { change, run, runner };
  switch (name) {
    case "offer":
      return offered(desk, ref);
    case "start":
      return started(standing, { change, grant, key, runner });
    case "begin":
      return desk.begin(ref, step, observed, evidence);
    case "finish":
      return desk.finish(ref, step, evidence);
    case "check":
      return desk.check(ref, n, result, evidence);
    case "standing":
      return desk.standing(ref);
    case "beginUndo":
      return desk.beginUndo(ref, step, code, evidence);
    case "stale":
      return desk.stale(ref, expected, observed);
    default:
      return desk.report(ref, end, code, evidence);
  }
}

interface Starting {
  readonly change: ChangeId;
  readonly grant: GrantId;
  readonly key: string;
  readonly runner: RunnerId;
}

/** By which key each grant was started here, for as long as an answer may have been lost on its way. */
const keys = new WeakMap<Deps, Map<GrantId, string>>();
const MOST_KEYS = 10_000;

/** One start for one grant. The one who made it may ask again for its answer; to everybody else it is used. */
async function started({ deps, guards }: Standing, { change, grant, key, runner }: Starting): Promise<Result<RunRef>> {
  const known = keys.get(deps) ?? new Map<GrantId, string>();
  keys.set(deps, known);
  const begun = await runDesk(deps, guards).start(change, grant, runner);
  if (begun.ok) {
    known.set(grant, key);
    const [oldest] = known.keys();
    if (known.size > MOST_KEYS && oldest !== undefined) known.delete(oldest);
    return begun;
  }
  if (begun.error.code !== "grant_consumed" || known.get(grant) !== key) return begun;
  const found = await findChange(deps, change);
  const state = found.ok && found.value.state.status === "running" ? found.value.state : undefined;
  const mine = state?.grant === grant && state.runner === runner && state.begun.length === 0;
  return mine ? ok({ change, run: state.run, runner }) : begun;
}

async function offered(desk: RunDesk, { change, runner }: RunRef): Promise<Result<unknown>> {
  const offer = await desk.offer(change, runner);
  return offer.ok ? ok({ envelope: offer.value.envelope, payloads: offer.value.payloads.map(toBase64) }) : offer;
}

const PLACED: readonly string[] = ["offer", "start"];

/** A change is offered to those it could have gone to: a runner that has its connectors, and may work where it takes effect. */
async function placeFault(deps: Deps, { allowed, declared }: RunnerState, { name, members }: Call): Promise<Result<never> | undefined> {
  const found = PLACED.includes(name) ? await findChange(deps, members.change) : undefined;
  if (found?.ok !== true || found.value.state.status !== "authorised") return undefined;
  const { stepDigests, object } = found.value.state;
  const has = stepDigests.every((step) => declared?.connectors.some((each) => each.name === step.connector && each.digest === step.code));
  if (!has)
    return refuse("not_placed", "this runner does not declare the connectors that derived this change", {
      where: members.change,
      remedy: "it is for a runner that has them",
    });
  const environments = declared === undefined || declared.environments.length === 0 ? allowed : declared.environments;
  if (environments.length === 0) return undefined;
  const plan = await readJson<Plan>(deps, object.plan);
  const elsewhere = plan?.steps.flatMap(({ effects }) => effects).find(({ environment }) => !environments.includes(environment));
  if (plan !== undefined && elsewhere === undefined) return undefined;
  return refuse("not_placed", `this runner does not serve the environment ${elsewhere?.environment ?? "that was erased"}`, {
    where: members.change,
    remedy: "it is for a runner that serves it",
  });
}

/** Facts are taken with the runner's statement about them, of this run and no other: they become evidence. */
async function evidenceFault(deps: Deps, state: RunnerState, { name, members }: Call): Promise<Result<never> | undefined> {
  const { evidence, change, run, step } = members;
  if (evidence === undefined && !FACTS.has(name)) return undefined;
  const read = verifyEvidence(evidence["attestation"], new Map([[state.runner, keyOf(state)]]), factsOf(evidence));
  if (!read.ok)
    return refuse("evidence_refused", read.error.message, { where: "evidence", remedy: "a runner signs what it tells with its own key" });
  const { deployment, runner } = read.value;
  const same = deployment === deps.origin && runner === state.runner && read.value.change === change && read.value.run === run;
  if (same && read.value.step === step && (await isOfItsBytes(deps, change, read.value))) return undefined;
  return refuse("evidence_refused", "the statement is about another run, step or bytes", {
    where: "evidence",
    remedy: "tell each run's own",
  });
}

/** What was approved, of the step or of all: a statement about other bytes is none about this run. */
async function isOfItsBytes(deps: Deps, change: ChangeId, { step, payload }: RunEvidence): Promise<boolean> {
  const found = await findChange(deps, change);
  const state = found.ok && "run" in found.value.state ? found.value.state : undefined;
  const approved = step === undefined ? state?.payload : state?.stepDigests.find(({ id }) => id === step)?.payload;
  // Without a run it is the lifecycle that says what is wrong.
  return state === undefined || approved === payload;
}
