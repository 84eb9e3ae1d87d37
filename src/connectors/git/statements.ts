import type { Effect, StepAnalysis } from "../../core/plan/index.ts";
import type { OwnerRules } from "./owners.ts";
import type { GitInput, GitRepository, TreeChange } from "./types.ts";

export interface StatementsInput {
  readonly input: GitInput;
  readonly repository: GitRepository;
  readonly changes: readonly TreeChange[];
  readonly effects: readonly Effect[];
  readonly owners: OwnerRules;
}

export type Statements = Pick<StepAnalysis, "impact" | "evidence" | "unverified" | "assumptions">;

export function statementsOf(_input: StatementsInput): Statements {
  return { impact: [], evidence: [], unverified: [], assumptions: [] };
}
