/** A patch, and what the connector says of it. */
import assert from "node:assert/strict";
import type { Connector } from "../../../src/control/ports.ts";
import type { Json } from "../../../src/core/base/index.ts";
import type { Finding, StepAnalysis } from "../../../src/core/plan/index.ts";
import { LIMITS, planOf } from "./world.ts";

export const patchInput = (patch: string, message = "Change it"): Json => ({ repository: "shop", branch: "main", patch, message });

export async function plan(connector: Connector, input: Json): Promise<StepAnalysis> {
  const answer = await connector.analyse(input, LIMITS);
  assert.ok(answer.ok, answer.ok ? "" : answer.error.message);
  planOf(answer.value.analysis);
  return answer.value.analysis;
}

export const codes = (analysis: StepAnalysis, path: string): readonly string[] =>
  analysis.findings.filter(({ resource }) => resource === `git:shop#${path}`).map(({ code }: Finding) => code);
