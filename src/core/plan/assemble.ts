import { assert, canonical, digestOf } from "../base/index.ts";
import type { ChangeId, Digest, Json } from "../base/index.ts";
import { PLAN_BOUNDS } from "./bounds.ts";
import { claimStatements, judgeClaims } from "./claims.ts";
import { meetingFindings } from "./meeting.ts";
import { normalAround, normalScope, normalStep } from "./normal.ts";
import { wordFindings } from "./said.ts";
import { shapeFaults } from "./schema.ts";
import { derivedScope, scopeFindings } from "./scope.ts";
import type { ScopeNames } from "./scope.ts";
import { PLAN_SCHEMA } from "./types.ts";
import type { Detail, Effect, Intent, Plan, PlanStep, PlanValue, Proposal, Statement, StepAnalysis } from "./types.ts";
import { TOO_LARGE, missingEvidence } from "./unverified.ts";

export interface AssembleInput {
  readonly change: ChangeId;
  readonly proposal: Proposal;
  /** Under which the salted proposal is stored. */
  readonly proposalDigest: Digest;
  /** One for each step of the proposal, in its order. */
  readonly analyses: readonly { readonly id: string; readonly connector: string; readonly analysis: StepAnalysis }[];
  /** What the request itself names: bounds the change when the proposal gives no scope. */
  readonly names: readonly ScopeNames[];
}

/** Makes the one plan of a change out of what was asked and what the connectors found. */
export function assemblePlan({ change, proposal, proposalDigest, analyses, names }: AssembleInput): Plan {
  const asked = proposal.steps.map(({ id, connector }) => `${id} ${connector}`).join("\n");
  assert(asked === analyses.map(({ id, connector }) => `${id} ${connector}`).join("\n"), "one analysis for each step, in order");
  const { title, summary, author, proposer, onBehalfOf } = proposal;
  const scope = normalScope(proposal.scope === undefined ? derivedScope(names) : { ...proposal.scope, origin: "given" });
  const intent: Intent = { title, summary, proposal: proposalDigest, author, proposer, onBehalfOf, scope };
  const steps = analyses.map(({ id, connector, analysis }) => normalStep(boundedStep({ ...analysis.step, id, connector })));
  const all = (list: "impact" | "evidence" | "unverified" | "assumptions"): readonly Statement[] =>
    analyses.flatMap(({ analysis }) => analysis[list]);
  const evidence = [...all("evidence"), ...claimStatements(proposal)];
  const found = analyses.flatMap(({ analysis }) => analysis.findings);
  const claims = judgeClaims(proposal, steps);
  const plan = normalAround({
    schema: PLAN_SCHEMA,
    change,
    intent,
    steps,
    ...(proposal.schedule === undefined ? {} : { schedule: proposal.schedule }),
    ...(proposal.watch === undefined ? {} : { watch: proposal.watch }),
    findings: [...found, ...wordFindings(proposal), ...scopeFindings(scope, steps), ...meetingFindings(steps), ...claims.findings],
    impact: all("impact"),
    evidence,
    unverified: [...all("unverified"), ...claims.open, ...missingEvidence(scope, steps, evidence)],
    assumptions: all("assumptions"),
  });
  // Its form need not be asked again: it has just been given the normal one.
  const faults = shapeFaults(plan);
  assert(
    faults.length === 0,
    `a connector keeps to the plan's shape: ${faults.map(({ where, message }) => `${where} ${message}`).join("; ")}`,
  );
  return plan;
}

/** What is too large to be read is not cut: it is marked as something that was not shown. */
function boundedStep(step: PlanStep): PlanStep {
  return {
    ...step,
    observations: step.observations.map((seen) => ({ ...seen, value: boundedValue(seen.value) })),
    effects: step.effects.map(boundedEffect),
  };
}

function boundedEffect(effect: Effect): Effect {
  const fields = effect.fields.map(({ path, before, after }) => ({
    path,
    ...(before === undefined ? {} : { before: boundedValue(before) }),
    ...(after === undefined ? {} : { after: boundedValue(after) }),
  }));
  return { ...effect, fields, detail: boundedDetail(effect.detail) };
}

function boundedDetail(detail: Detail): Detail {
  if (detail.kind !== "diff" || detail.text.length <= PLAN_BOUNDS.diff) return detail;
  const { text, added, removed } = detail;
  return {
    kind: "uninspectable",
    reason: `the difference has ${text.length} characters (${added} lines added, ${removed} removed), more than the ${PLAN_BOUNDS.diff} that are shown`,
  };
}

function boundedValue(value: PlanValue): PlanValue {
  if (value.kind !== "json" || isShort(value.value)) return value;
  const text = canonical(value.value);
  if (text.length <= PLAN_BOUNDS.value) return value;
  return { kind: "bytes", digest: digestOf(text), size: new TextEncoder().encode(text).length, mediaType: TOO_LARGE };
}

/** Most values are: one character takes at most six of JSON. */
const isShort = (value: Json): boolean => typeof value === "string" && value.length * 6 + 2 <= PLAN_BOUNDS.value;
