import { matchesPattern } from "../base/index.ts";
import { destroys } from "./scope.ts";
import type { Effect, Finding, PlanStep, Proposal, Statement } from "./types.ts";

export function claimStatements(proposal: Proposal, _steps: readonly PlanStep[]): readonly Statement[] {
  return proposal.claims.map((text) => ({ topic: "claim", text, provenance: "claimed", source: proposal.proposer }));
}

export function claimFindings(_proposal: Proposal, _steps: readonly PlanStep[]): readonly Finding[] {
  return [];
}
export { matchesPattern, destroys };
export type { Effect };
