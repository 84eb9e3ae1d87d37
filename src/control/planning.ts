import {
  assert,
  digestOf,
  fail,
  ok,
  type ChangeId,
  type Digest,
  type GrantId,
  type Millis,
  type Refusal,
  type Result,
} from "../core/base/index.ts";
import { payloadOf, stepDigests, type Because, type ChangeCommand, type ChangeState, type StepDigests } from "../core/change/index.ts";
import { assemblePlan, stateDigestOf, type Plan, type Proposal, type ProposalStep } from "../core/plan/index.ts";
import { evaluate, factsOf, type Bundle, type Evaluation, type RuleTrace } from "../core/policy/index.ts";
import { present } from "../core/presentation/index.ts";
import { commitChange, findChange, type Intended, type Known } from "./commit.ts";
import type { Rules } from "./config.ts";
import type { Deps } from "./deps.ts";
import { jsonPayload, readJson, salted } from "./payloads.ts";
import type { Admitted, Analysed, Payload } from "./ports.ts";
import { rulesFor } from "./standing.ts";
import type { ControlRefusal } from "./types.ts";

/** Shown beside a plan but outside its digests: when and from what it was derived, and by what policy came to its answer. */
export interface PlanContext {
  readonly observedAt: number;
  readonly steps: Readonly<Record<string, Readonly<Record<string, string>>>>;
  /** The policy's text and the moment: with the plan, all that the route was made from. */
  readonly judged?: { readonly policy: Digest; readonly at: Millis };
  /** How policy came to its answer, as earlier versions kept it. */
  readonly trace?: readonly RuleTrace[];
}

const PLANNABLE: readonly ChangeState["status"][] = ["proposed", "planned", "stale", "awaiting", "authorised"];
export const isPlannable = ({ status }: ChangeState): boolean => PLANNABLE.includes(status);

type Planned = Promise<Result<Known, ControlRefusal>>;
/** Nothing, where what was to be planned was never written. */
type UnderWay = Promise<Result<Known, ControlRefusal> | undefined>;
const underWay = new WeakMap<Deps, Map<ChangeId, UnderWay>>();

export const isBeingPlanned = (deps: Deps, id: ChangeId): boolean => underWay.get(deps)?.has(id) === true;

/** One planning per change at a time: whoever asks meanwhile gets the answer of the one under way. */
export function planChange(deps: Deps, id: ChangeId): Planned {
  return joinOr(deps, id, {});
}

/** The first planning of a revision: on several nodes two may be at it, and the later one must not take the earlier one's place. */
export function planFirst(deps: Deps, id: ChangeId): Planned {
  return joinOr(deps, id, { first: true });
}

/** What somebody else was refused is no answer to anybody who joined it. */
async function joinOr(deps: Deps, id: ChangeId, how: How): Planned {
  for (;;) {
    const other = underWay.get(deps)?.get(id);
    if (other === undefined) return holdWhile(deps, id, planNow(deps, id, how));
    const planned = await other;
    if (planned !== undefined) return planned;
  }
}

/**
 * For a proposal that is written before its connectors have answered: what is being looked at is planned on once both are done. Its
 * job joins this, so that nothing is looked at twice; should it fail, the job comes again.
 */
export function planAfter(deps: Deps, id: ChangeId, written: Promise<Result<Known, ControlRefusal>>, looked: Promise<Looked>): void {
  const before = underWay.get(deps)?.get(id);
  const planning = async (): UnderWay => {
    await before?.catch(() => undefined);
    const known = await written;
    return known.ok ? planNow(deps, id, { first: true, looking: { proposal: known.value.state.proposal, looked } }) : undefined;
  };
  holdWhile(deps, id, planning()).catch((error: unknown) => deps.report({ what: `planning ${id}`, error }));
}

function holdWhile<P extends UnderWay>(deps: Deps, id: ChangeId, planning: P): P {
  const all = underWay.get(deps) ?? new Map<ChangeId, UnderWay>();
  underWay.set(deps, all);
  const planned = planning.finally(() => {
    if (all.get(id) === planned) all.delete(id);
  }) as P;
  all.set(id, planned);
  return planned;
}

/** What is being looked at for one proposal, named by its digest. */
interface Looking {
  readonly proposal: Digest;
  readonly looked: Promise<Looked>;
}

interface How {
  readonly looking?: Looking;
  /** Only what nobody has planned yet. */
  readonly first?: true;
}

/** Observe, derive, measure, evaluate and route, then write plan and route as one decision. */
async function planNow(deps: Deps, id: ChangeId, { looking, first }: How = {}): Planned {
  const isWanted = (state: ChangeState): boolean => (first ? state.status === "proposed" : isPlannable(state));
  const found = await findChange(deps, id);
  if (!found.ok || !isWanted(found.value.state)) return found;
  const { revision, proposal: address } = found.value.state;
  // A revision or another planner may have come in between: its own job plans it.
  const write = (intend: (state: ChangeState) => Promise<Planning>): Planned =>
    commitChange(deps, id, async (state) => ok(state.revision === revision && isWanted(state) ? await intend(state) : { commands: [] }));
  const proposal = await readJson<Proposal>(deps, address);
  if (proposal === undefined) return write(async () => sendBack(deps, revision, [proposalErased]));
  const looked = await (looking?.proposal === address ? looking.looked : lookAgain(deps, proposal.steps));
  const { steps } = looked;
  const away = runnerAway(looked);
  if (away !== undefined) return fail(away);
  if (!steps.ok) return write(async () => sendBack(deps, revision, steps.error));
  const planned = await write(async (state) => {
    const rules = await rulesFor(deps, state);
    return { ...derive(deps, state, proposal, looked, rules), guards: rules.guards };
  });
  // What will never be written is not tried for ever: its proposer must hear of it.
  if (planned.ok || !(planned.error.code === "too_large" || planned.error.reason === "seats_invalid")) return planned;
  return write(async () => sendBack(deps, revision, [planned.error]));
}

/** What a planning intends with its change, less what that rests on. */
type Planning = Pick<Intended, "commands" | "payloads" | "guards">;

/** What the connectors answered, and when they were asked first. */
export interface Looked {
  readonly observedAt: Millis;
  readonly steps: Result<readonly StepMaterial[], readonly Refusal[]>;
}

/** A runner that is away has found nothing wrong with a change: it is looked at again when one is there. */
export function runnerAway({ steps }: Looked): ControlRefusal | undefined {
  const away = steps.ok ? undefined : steps.error.find(({ code }) => code === "runner_absent");
  return away && { ...away, code: "unavailable", reason: away.code };
}

/** A step as its connector admitted it. */
export interface AdmittedStep {
  readonly step: ProposalStep;
  readonly names: Admitted["names"];
}

interface StepMaterial extends AdmittedStep {
  readonly analysed: Analysed;
  /** Whose code derived it. */
  readonly code: Digest;
}

const proposalErased = { code: "proposal_erased", message: "what was proposed was erased", remedy: "propose it again" };

/** Has the connectors observe and derive; they change nothing. */
export async function look(deps: Deps, steps: readonly AdmittedStep[]): Promise<Looked> {
  const observedAt = deps.clock.now();
  return { observedAt, steps: await eachStep(steps, (admitted) => analyseStep(deps, admitted)) };
}

/** What was admitted once is admitted again: the declarations it was checked against may have changed since. */
async function lookAgain(deps: Deps, steps: readonly ProposalStep[]): Promise<Looked> {
  const observedAt = deps.clock.now();
  const analysed = await eachStep(
    steps.map((step) => ({ step })),
    async ({ step }) => {
      const connector = deps.connectors.get(step.connector);
      if (connector === undefined) return fail([gone(step)]);
      const admitted = await connector.admit(step.input);
      return admitted.ok ? analyseStep(deps, { step, names: admitted.value.names }) : admitted;
    },
  );
  return { observedAt, steps: analysed };
}

/** Faults are told of all steps, each with its place. */
async function eachStep<S extends { readonly step: ProposalStep }>(
  steps: readonly S[],
  work: (step: S) => Promise<Result<StepMaterial, readonly Refusal[]>>,
): Promise<Looked["steps"]> {
  const done: StepMaterial[] = [];
  const faults: Refusal[] = [];
  for (const each of steps) {
    const made = await work(each).catch((error: unknown) => fail([garbled(each.step, error)]));
    if (made.ok) done.push(made.value);
    else faults.push(...made.error.map((f) => ({ ...f, where: `step ${each.step.id}${f.where === undefined ? "" : `: ${f.where}`}` })));
  }
  return faults.length > 0 ? fail(faults) : ok(done);
}

/** An answer that none of ours gives. */
const garbled = ({ connector }: ProposalStep, error: unknown): Refusal => ({
  code: "connector_crashed",
  message: `what the connector "${connector}" answered makes no sense: ${String(error)}`.slice(0, 1_000).toWellFormed(),
});

const gone = ({ connector }: ProposalStep): Refusal => ({
  code: "unknown_connector",
  message: `the connector "${connector}" is no longer configured`,
  remedy: "propose it for one that is",
});

async function analyseStep(deps: Deps, { step, names }: AdmittedStep): Promise<Result<StepMaterial, readonly Refusal[]>> {
  const connector = deps.connectors.get(step.connector);
  if (connector === undefined) return fail([gone(step)]);
  const analysed = await connector.analyse(step.input, { timeoutMillis: deps.limits.planTimeoutMillis });
  if (!analysed.ok) return fail([analysed.error]);
  // The bytes that are stored and executed are those whose digest is reviewed.
  if (digestOf(analysed.value.payload) !== analysed.value.analysis.step.payloadDigest) {
    return fail([{ code: "payload_mismatch", message: `the connector "${step.connector}" names another payload than it gave` }]);
  }
  return ok({ step, names, analysed: analysed.value, code: analysed.value.code ?? connector.digest });
}

/** What cannot be planned goes back to its proposer with every fault, before any human's time is spent. */
function sendBack(deps: Deps, revision: number, faults: readonly Refusal[]): Planning {
  const instructions = faults.map(({ code, message, remedy, where }) => ({
    rule: "plan",
    code,
    message: remedy === undefined ? message : `${message}: ${remedy}`,
    ...(where === undefined ? {} : { resource: where }),
  }));
  const evidence = jsonPayload(salted(deps, { instructions }));
  const because = { code: faults[0]?.code ?? "unplannable", evidence: evidence.digest };
  return { commands: [{ type: "refuse_plan", revision, because }], payloads: [evidence] };
}

/** What of a change its plan and its route are made from. */
export type Subject = Pick<ChangeState, "id" | "revision" | "proposal" | "parties">;

/** Whatever breaks between a connector's answer and the route ends in a refusal: never in a route, and never in a change that waits for ever. */
export function derive(deps: Deps, subject: Subject, proposal: Proposal, { observedAt, steps }: Looked, rules: Rules): Planning {
  if (!steps.ok) return sendBack(deps, subject.revision, steps.error);
  try {
    return planAndRoute(deps, subject, proposal, { observedAt, steps: steps.value }, rules);
  } catch (error) {
    deps.report({ what: `planning ${subject.id}`, error });
    return sendBack(deps, subject.revision, [
      { code: "planning_failed", message: "no plan could be made of what the connector found", remedy: "tell the operator" },
    ]);
  }
}

interface Material {
  readonly observedAt: Millis;
  readonly steps: readonly StepMaterial[];
}

function planAndRoute(deps: Deps, state: Subject, proposal: Proposal, { observedAt, steps }: Material, rules: Rules): Planning {
  const analyses = steps.map(({ step, analysed }) => ({ id: step.id, connector: step.connector, analysis: analysed.analysis }));
  const plan = assemblePlan({
    change: state.id,
    proposal,
    proposalDigest: state.proposal,
    analyses,
    names: steps.map(({ names }) => names),
  });
  const at = deps.clock.now();
  const evaluation = evaluatePlan(rules.bundle, plan, state, at);
  const { route, routeDigest, bundleDigest } = evaluation;
  const context: PlanContext = {
    observedAt,
    steps: Object.fromEntries(analyses.map(({ id, analysis }) => [id, analysis.context])),
    judged: { policy: rules.policy, at },
  };
  // Each document is written once, and its digest is that of what is stored.
  const planned = jsonPayload(plan);
  const object = { plan: planned.digest, state: stateDigestOf(plan) };
  const presentation = jsonPayload(present(plan, route, { ...object, route: routeDigest }));
  const sealed = jsonPayload(salted(deps, context));
  const reasons = reasonsOf(deps, evaluation);
  const fresh = Math.min(...steps.map(({ analysed }) => analysed.freshForMillis));
  return {
    commands: [
      { ...planCommand(state.revision, codedSteps(plan, steps), object, sealed.digest, (observedAt + fresh) as Millis), ...watchOf(plan) },
      {
        type: "route",
        review: { ...object, route: routeDigest, bundle: bundleDigest, presentation: presentation.digest },
        outcome: route.outcome,
        seats: route.seats,
        holds: route.holds,
        ...(route.freezes === undefined ? {} : { freezes: route.freezes.map(({ name }) => name) }),
        ...(reasons === undefined ? {} : { because: reasons.because }),
        directory: rules.directory,
        ...newGrant(deps),
      },
    ],
    payloads: [
      planned,
      jsonPayload(route, routeDigest),
      presentation,
      sealed,
      ...(reasons === undefined ? [] : [reasons.payload]),
      // Under the digest that was compared when they came.
      ...steps.map(({ analysed: { analysis, payload } }) => stepPayload(analysis.step.payloadDigest, payload)),
    ],
  };
}

const stepPayload = (digest: Digest, bytes: Uint8Array): Payload => ({ digest, mediaType: "application/octet-stream", bytes });

export function evaluatePlan(bundle: Bundle, plan: Plan, state: Pick<Subject, "revision" | "parties">, now: Millis): Evaluation {
  return evaluate(bundle, factsOf(plan, { revision: state.revision, parties: state.parties, now }));
}

const codedSteps = (plan: Plan, steps: readonly StepMaterial[]): readonly StepDigests[] => {
  const codes = new Map(steps.map(({ step, code }) => [step.id, code]));
  return stepDigests(plan, (id) => {
    const code = codes.get(id);
    assert(code !== undefined, "every planned step was analysed by some code");
    return code;
  });
};

function planCommand(
  revision: number,
  steps: readonly StepDigests[],
  object: { readonly plan: Digest; readonly state: Digest },
  context: Digest,
  freshUntil: Millis,
): ChangeCommand {
  return { type: "plan", revision, object, payload: payloadOf(steps), stepDigests: steps, context, freshUntil };
}

const watchOf = ({ watch }: Plan): Pick<Plan, "watch"> => (watch === undefined ? {} : { watch });

/** A grant id is offered with every decision that might authorise; it is used only if it does. */
export function newGrant(deps: Deps): { readonly grant: GrantId; readonly grantExpiresAt: Millis } {
  return { grant: deps.ids.next("grt") as GrantId, grantExpiresAt: (deps.clock.now() + deps.limits.grantLifetimeMillis) as Millis };
}

/** For `revise` and `block`: the rules that decided, and what the proposer can do about it. */
function reasonsOf(deps: Deps, evaluation: Evaluation): { readonly because: Because; readonly payload: Payload } | undefined {
  const { outcome, reasons, instructions } = evaluation.route;
  if (outcome !== "revise" && outcome !== "block") return undefined;
  const decisive = reasons.filter((r) => r.outcome === outcome);
  const payload = jsonPayload(salted(deps, { instructions, reasons: decisive }));
  return { because: { code: decisive[0]?.rule ?? outcome, evidence: payload.digest }, payload };
}
