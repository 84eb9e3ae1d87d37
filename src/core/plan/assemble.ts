import { assert } from "../base/index.ts";
import type { ChangeId } from "../base/index.ts";
import { claimFindings, claimStatements, openClaims } from "./claims.ts";
import { normalPlan, normalScope } from "./normal.ts";
import { derivedScope, scopeFindings } from "./scope.ts";
import type { ScopeNames } from "./scope.ts";
import { PLAN_SCHEMA } from "./types.ts";
import type { Intent, Plan, PlanStep, Proposal, Statement, StepAnalysis } from "./types.ts";
import { missingEvidence } from "./unverified.ts";

export interface AssembleInput {
  readonly change: ChangeId;
  readonly proposal: Proposal;
  /** One for each step of the proposal, in its order. */
  readonly analyses: readonly { readonly id: string; readonly connector: string; readonly analysis: StepAnalysis }[];
  /** What the request itself names: bounds the change when the proposal gives no scope. */
  readonly names: readonly ScopeNames[];
}

/** Makes the one plan of a change out of what was asked and what the connectors found. */
export function assemblePlan({ change, proposal, analyses, names }: AssembleInput): Plan {
  const asked = proposal.steps.map(({ id, connector }) => `${id} ${connector}`).join("\n");
  assert(asked === analyses.map(({ id, connector }) => `${id} ${connector}`).join("\n"), "one analysis for each step, in order");
  const { title, summary, proposer, onBehalfOf } = proposal;
  const scope = normalScope(proposal.scope === undefined ? derivedScope(names) : { ...proposal.scope, origin: "given" });
  const intent: Intent = { title, summary, proposer, onBehalfOf, scope };
  const steps = analyses.map(({ id, connector, analysis }): PlanStep => ({ ...analysis.step, id, connector }));
  const all = (list: "impact" | "evidence" | "unverified" | "assumptions"): readonly Statement[] => analyses.flatMap(({ analysis }) => analysis[list]);
  const evidence = [...all("evidence"), ...claimStatements(proposal)];
  return normalPlan({
    schema: PLAN_SCHEMA,
    change,
    intent,
    steps,
    findings: [...analyses.flatMap(({ analysis }) => analysis.findings), ...scopeFindings(scope, steps), ...claimFindings(proposal, steps)],
    impact: all("impact"),
    evidence,
    unverified: [...all("unverified"), ...openClaims(proposal, steps), ...missingEvidence(scope, steps, evidence)],
    assumptions: all("assumptions"),
  });
}
