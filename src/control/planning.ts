import { assert, fail, ok, type ChangeId, type Digest, type GrantId, type Json, type Millis, type Refusal, type Result } from "../core/base/index.ts";
import { payloadOf, type Because, type ChangeCommand, type ChangeState } from "../core/change/index.ts";
import { assemblePlan, planDigest, present, presentationDigest, stateDigestOf, stepDigests, type Plan, type Proposal, type ProposalStep, type StepAnalysis } from "../core/plan/index.ts";
import { evaluate, factsOf, type Bundle, type Evaluation, type RuleTrace } from "../core/policy/index.ts";
import type { Directory } from "../core/review/index.ts";
import { commitChange, loadChange, type Intended } from "./commit.ts";
import { currentBundle, currentDirectory } from "./config.ts";
import type { Deps } from "./deps.ts";
import { bytesPayload, jsonPayload, readJson } from "./payloads.ts";
import type { Analysed, Payload } from "./ports.ts";
import { noSuchChange } from "./refusals.ts";
import type { ControlRefusal } from "./types.ts";

/** Shown beside a plan but outside its digests: when and from what it was derived, and how policy came to its answer. */
export interface PlanContext {
  readonly observedAt: number;
  readonly steps: Readonly<Record<string, Readonly<Record<string, string>>>>;
  readonly trace: readonly RuleTrace[];
}

const PLANNABLE: readonly ChangeState["status"][] = ["proposed", "planned", "stale", "awaiting", "authorised"];

/** Observe, derive, measure, evaluate and route, then write plan and route as one decision. */
export async function planChange(deps: Deps, id: ChangeId): Promise<Result<ChangeState, ControlRefusal>> {
  const before = await loadChange(deps, id);
  if (before === undefined) return fail(noSuchChange(id));
  if (!PLANNABLE.includes(before.status)) return ok(before);
  const proposal = await readJson<Proposal>(deps, before.proposal);
  assert(proposal !== undefined, "an open change keeps its proposal");
  const analysed = await analyseAll(deps, proposal);
  const derived = analysed.ok ? await derive(deps, before, proposal, analysed.value) : sendBack(before.revision, analysed.error);
  const committed = await commitChange(deps, id, async (state) => {
    // A revision or another planner came in between: its own job plans it.
    if (state === undefined || state.revision !== before.revision || !PLANNABLE.includes(state.status)) return ok<Intended>({ commands: [] });
    return ok(derived);
  });
  return committed.ok ? ok(committed.value.state) : committed;
}

interface StepPlan {
  readonly step: ProposalStep;
  readonly analysed: Analysed;
}

async function analyseAll(deps: Deps, proposal: Proposal): Promise<Result<readonly StepPlan[], readonly Refusal[]>> {
  const plans: StepPlan[] = [];
  const faults: Refusal[] = [];
  for (const step of proposal.steps) {
    const connector = deps.connectors.get(step.connector);
    if (connector === undefined) {
      faults.push({ code: "unknown_connector", message: `the connector "${step.connector}" is no longer configured`, where: step.id });
      continue;
    }
    const analysed = await connector.analyse(step.input, { timeoutMillis: deps.limits.planTimeoutMillis });
    if (analysed.ok) plans.push({ step, analysed: analysed.value });
    else faults.push({ ...analysed.error, where: `step ${step.id}${analysed.error.where === undefined ? "" : `: ${analysed.error.where}`}` });
  }
  return faults.length > 0 ? fail(faults) : ok(plans);
}

/** What cannot be planned goes back to its proposer with every fault, before any human's time is spent. */
function sendBack(revision: number, faults: readonly Refusal[]): Intended {
  const instructions = faults.map((f) => ({ rule: "plan", code: f.code, message: [f.message, f.remedy].filter(Boolean).join(": "), ...(f.where === undefined ? {} : { resource: f.where }) }));
  const evidence = jsonPayload({ instructions });
  return { commands: [{ type: "refuse_plan", revision, because: { code: faults[0]?.code ?? "unplannable", evidence: evidence.digest } }], payloads: [evidence] };
}

async function derive(deps: Deps, state: ChangeState, proposal: Proposal, plans: readonly StepPlan[]): Promise<Intended> {
  const analyses = plans.map(({ step, analysed }) => ({ id: step.id, connector: step.connector, analysis: analysed.analysis as StepAnalysis }));
  const names = await Promise.all(plans.map(async ({ step }) => namesOf(deps, step)));
  const plan = assemblePlan({ change: state.id, proposal, analyses, names: names.flat() });
  const [bundle, directory] = [await currentBundle(deps), await currentDirectory(deps)];
  const now = deps.clock.now();
  const evaluation = evaluatePlan(bundle, plan, state, now);
  const presentation = present(plan, evaluation.route);
  const context: PlanContext = {
    observedAt: now,
    steps: Object.fromEntries(analyses.map(({ id, analysis }) => [id, analysis.context])),
    trace: evaluation.trace,
  };
  const documents = [plan, evaluation.route, presentation, context].map(jsonPayload);
  const because = reasonsOf(evaluation);
  return {
    commands: [planCommand(state.revision, plan, documents[3]!.digest, now, plans), routeCommand(deps, plan, evaluation, presentationDigest(presentation), directory, because)],
    payloads: [...documents, ...(because === undefined ? [] : [because.payload]), ...plans.map(({ analysed }) => bytesPayload(analysed.payload, "application/octet-stream"))],
  };
}

async function namesOf(deps: Deps, step: ProposalStep) {
  const admitted = await deps.connectors.get(step.connector)?.admit(step.input);
  return admitted?.ok ? [admitted.value.names] : [];
}

export function evaluatePlan(bundle: Bundle, plan: Plan, state: ChangeState, now: Millis): Evaluation {
  return evaluate(bundle, factsOf(plan, { revision: state.revision, parties: state.parties, now }));
}

function planCommand(revision: number, plan: Plan, context: Digest, now: Millis, plans: readonly StepPlan[]): ChangeCommand {
  const steps = stepDigests(plan);
  const fresh = Math.min(...plans.map(({ analysed }) => analysed.freshForMillis));
  return {
    type: "plan",
    revision,
    object: { plan: planDigest(plan), state: stateDigestOf(plan) },
    payload: payloadOf(steps),
    stepDigests: steps,
    context,
    freshUntil: (now + fresh) as Millis,
  };
}

function routeCommand(deps: Deps, plan: Plan, evaluation: Evaluation, presentation: Digest, directory: Directory, because: { because: Because } | undefined): ChangeCommand {
  return {
    type: "route",
    review: { plan: planDigest(plan), state: stateDigestOf(plan), route: evaluation.routeDigest, bundle: evaluation.bundleDigest, presentation },
    outcome: evaluation.route.outcome,
    seats: evaluation.route.seats,
    holds: evaluation.route.holds,
    ...(because === undefined ? {} : { because: because.because }),
    directory,
    ...newGrant(deps),
  };
}

/** A grant id is offered with every decision that might authorise; it is used only if it does. */
export function newGrant(deps: Deps): { readonly grant: GrantId; readonly grantExpiresAt: Millis } {
  return { grant: deps.ids.next("grt") as GrantId, grantExpiresAt: (deps.clock.now() + deps.limits.grantLifetimeMillis) as Millis };
}

/** For `revise` and `block`: the rules that decided, and what the proposer can do about it. */
function reasonsOf(evaluation: Evaluation): { readonly because: Because; readonly payload: Payload } | undefined {
  const { outcome, reasons, instructions } = evaluation.route;
  if (outcome !== "revise" && outcome !== "block") return undefined;
  const decisive = reasons.filter((r) => r.outcome === outcome);
  const payload = jsonPayload({ instructions, reasons: decisive as unknown as Json });
  return { because: { code: decisive[0]?.rule ?? outcome, evidence: payload.digest }, payload };
}
