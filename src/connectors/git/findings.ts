import { ok } from "../../core/base/index.ts";
import type { Result } from "../../core/base/index.ts";
import type { Effect, Finding } from "../../core/plan/index.ts";
import type { AnalyseContext } from "./analyse.ts";
import type { OwnerRules } from "./owners.ts";
import type { Quarantine } from "./result-tree.ts";
import type { TreeChange } from "./types.ts";

export interface FindingsInput extends AnalyseContext {
  readonly changes: readonly TreeChange[];
  readonly effects: readonly Effect[];
  readonly owners: OwnerRules;
  readonly tree: string;
  readonly quarantine: Quarantine;
}

export interface Found {
  /** The effects, with secrets taken out of what they show. */
  readonly effects: readonly Effect[];
  readonly findings: readonly Finding[];
}

export async function findingsOf(input: FindingsInput): Promise<Result<Found>> {
  return ok({ effects: input.effects, findings: [] });
}
