import { assert, fail, ok, type Digest, type Json } from "../core/base/index.ts";
import type { Plan } from "../core/plan/index.ts";
import { explain, loadBundle, runCases, type BundleFault, type CaseResult, type Outcome, type RuleTrace } from "../core/policy/index.ts";
import { changeStream, findChange } from "./commit.ts";
import { readConfig, rulesInForce } from "./config.ts";
import type { Deps } from "./deps.ts";
import { erased, readJson } from "./payloads.ts";
import { evaluatePlan } from "./planning.ts";
import { invalid } from "./refusals.ts";
import type { Answer } from "./types.ts";

export async function policy(deps: Deps): Answer<{ readonly text: string; readonly digest: Digest; readonly name: string }> {
  const { text } = await readConfig(deps, "policy");
  const bundle = loadBundle(text);
  assert(bundle.ok, "the policy in force was checked before it was put in force");
  return ok({ text, digest: bundle.value.digest, name: bundle.value.name });
}

export async function policyCheck(text: string): Answer<{ readonly faults: readonly BundleFault[]; readonly digest?: Digest }> {
  const bundle = loadBundle(text);
  return ok(bundle.ok ? { faults: [], digest: bundle.value.digest } : { faults: bundle.error });
}

export async function policyTest(
  text: string,
): Answer<{ readonly faults: readonly BundleFault[]; readonly results: readonly CaseResult[] }> {
  const bundle = loadBundle(text);
  return ok(bundle.ok ? { faults: [], results: runCases(bundle.value) } : { faults: bundle.error, results: [] });
}

/** Evaluates what is known of a change now, without changing anything: by the policy in force, or by a draft. */
export async function policyExplain(
  deps: Deps,
  change: string,
  text?: string,
): Answer<{ readonly outcome: Outcome; readonly lines: readonly string[]; readonly trace: readonly RuleTrace[] }> {
  const found = await findChange(deps, change);
  if (!found.ok) return found;
  const address = await planAddress(deps, change);
  if (address === undefined) {
    const message = `change ${change} was never planned, so no rule was evaluated`;
    return fail({ code: "not_now", reason: "no_plan", message, remedy: "`pawl show` tells why" });
  }
  const plan = await readJson<Plan>(deps, address);
  if (plan === undefined) return erased(`the plan of change ${change}`);
  const draft = text === undefined ? undefined : loadBundle(text);
  if (draft !== undefined && !draft.ok) return fail(invalid("the policy cannot be loaded", draft.error));
  const bundle = draft?.value ?? (await rulesInForce(deps)).bundle;
  const evaluation = evaluatePlan(bundle, plan, found.value.state, deps.clock.now());
  return ok({ outcome: evaluation.route.outcome, lines: explain(evaluation), trace: evaluation.trace });
}

/** A blocked or sent-back change keeps no plan in its state; its ledger entries name the last one. */
async function planAddress(deps: Deps, change: string): Promise<Digest | undefined> {
  let found: Digest | undefined;
  for (let from = 0; ; from += 200) {
    const entries = await deps.store.history(changeStream(change), from, 200);
    for (const { bytes } of entries) {
      const { event } = JSON.parse(new TextDecoder().decode(bytes)) as { event: { type: string; object?: { plan: Digest } } & Json };
      if (event.type === "planned") found = event.object?.plan;
    }
    if (entries.length < 200) return found;
  }
}
