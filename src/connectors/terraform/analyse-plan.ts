import { byText, isObject, keyedDigestOf, ok } from "../../core/base/index.ts";
import type { ForeignDocument, Json, KeyedDigest, Refusal, Result } from "../../core/base/index.ts";
import type { Effect, Finding, Statement } from "../../core/plan/index.ts";
import { PLAN_LIMITS, doneIn, effectsOf } from "./effects.ts";
import type { Done, EffectContext, PlanLimits } from "./effects.ts";
import { findingsOf, withExposure } from "./findings.ts";
import { Hidden } from "./hidden.ts";
import { readPlan } from "./plan-document.ts";
import type { OpenedPlan, PlanCode, PlanDocument } from "./plan-document.ts";
import { shownText } from "./shown.ts";

export interface PlanInput {
  readonly bytes: Uint8Array;
  readonly system: string;
  readonly environment: string;
  readonly provenance: Effect["provenance"];
  readonly secretKey: Uint8Array;
  readonly limits?: PlanLimits;
}

/** What a plan's document says, without a sensitive value in it. */
export interface PlanAnalysis {
  readonly format: string;
  readonly version: string;
  readonly effects: readonly Effect[];
  readonly findings: readonly Finding[];
  readonly impact: readonly Statement[];
  readonly unverified: readonly Statement[];
  /** Of everything but when it was made: two plans that say the same have the same. */
  readonly digest: KeyedDigest;
  /** Of the objects as the refresh before the plan saw them. */
  readonly seen: KeyedDigest;
  readonly complete: boolean;
  readonly applyable: boolean;
  /** Nothing happens to any resource, output or action. */
  readonly nothingToDo: boolean;
  readonly failingChecks: readonly string[];
  readonly secretVariables: readonly string[];
  /** Addresses by what happens to them. */
  readonly touched: readonly { readonly address: string; readonly type: string; readonly doing: Done["doing"] }[];
}

/** Pure: the same bytes give the same analysis. */
export function analysePlan(input: PlanInput): Result<PlanAnalysis, Refusal<PlanCode>> {
  const opened = readPlan(input.bytes);
  return opened.ok ? ok(analysed(opened.value, input)) : opened;
}

function analysed({ plan: document, document: source }: OpenedPlan, input: PlanInput): PlanAnalysis {
  const hidden = new Hidden(input.secretKey);
  for (const { change } of [...document.resources, ...document.drift, ...document.outputs]) hidden.learn(change);
  const context: EffectContext = {
    system: input.system,
    environment: input.environment,
    provenance: input.provenance,
    hidden,
    limits: input.limits ?? PLAN_LIMITS,
  };
  const done = doneIn(document.resources);
  const { effects, unlisted } = effectsOf(document, done, context);
  const findings = findingsOf(document, done, unlisted, context).map((one) => ({ ...one, provenance: input.provenance }));
  const changes = document.outputs.some(({ change }) => !change.actions.includes("no-op"));
  const nothingToDo = done.length === 0 && !changes && document.actions.length === 0;
  return {
    format: document.format,
    version: shownText(document.version).slice(0, 100),
    effects: withExposure(effects, findings),
    findings,
    impact: [{ topic: "terraform.counts", text: countsText(document, done), provenance: input.provenance, source: "terraform" }],
    unverified: unverifiedIn(document),
    ...digestsOf(source, input.secretKey),
    complete: document.complete,
    applyable: document.applyable,
    nothingToDo,
    failingChecks: document.checks.filter(({ status }) => status === "fail" || status === "error").map(({ address }) => shownText(address)),
    secretVariables: document.secretVariables,
    touched: done.map(({ resource, doing }) => ({ address: resource.address, type: resource.type, doing })),
  };
}

/** When it was made, in which order it was found out, and what is said elsewhere in it already. */
const NOT_MEANT: ReadonlySet<string> = new Set(["timestamp", "relevant_attributes", "planned_values"]);

/** Keyed: sensitive values are in it, and a short one could be guessed. */
function digestsOf(source: ForeignDocument, key: Uint8Array): Pick<PlanAnalysis, "digest" | "seen"> {
  const digestOfPart = (name: string): KeyedDigest => keyedDigestOf(key, source.raw(name) ?? "");
  const seen = digestOfPart("prior_state");
  const sums = source.names
    .filter((name) => !NOT_MEANT.has(name))
    .toSorted(byText)
    .map((name) => `${JSON.stringify(name)} ${name === "prior_state" ? seen : digestOfPart(name)}`);
  return { digest: keyedDigestOf(key, `pawl/terraform-plan/v1\n${sums.join("\n")}`), seen };
}

const counted = (count: number, what: string): string => `${count} to ${what}`;

function countsText({ outputs, drift }: PlanDocument, done: readonly Done[]): string {
  const counts = (["create", "update", "replace", "delete", "forget", "import", "move", "read"] as const)
    .map((what) => ({ what, count: done.filter(({ doing }) => doing === what).length }))
    .filter(({ count }) => count > 0)
    .map(({ what, count }) => counted(count, what));
  const changed = outputs.filter(({ change }) => !change.actions.includes("no-op")).length;
  return [
    counts.length === 0 ? "no resource changes" : counts.join(", "),
    ...(changed > 0 ? [`${changed} output${changed === 1 ? " changes" : "s change"}`] : []),
    ...(drift.length > 0 ? [`${drift.length} ${drift.length === 1 ? "was" : "were"} changed outside Terraform`] : []),
  ].join("; ");
}

function unverifiedIn(document: PlanDocument): readonly Statement[] {
  const open = (topic: string, text: string): Statement => ({ topic, text, provenance: "unknown", source: "terraform" });
  const late = document.resources.filter(({ change }) => hasUnknown(change.unknown)).length;
  return [
    ...(late > 0
      ? [open("terraform.unknown", `Values that are known only after the apply, in ${late} resource${late === 1 ? "" : "s"}`)]
      : []),
    ...(document.complete ? [] : [open("terraform.complete", "Whether the configuration is met afterwards: the plan is not complete")]),
  ];
}

function hasUnknown(unknown: Json): boolean {
  if (unknown === true) return true;
  if (Array.isArray(unknown)) return unknown.some(hasUnknown);
  if (isObject(unknown)) for (const name in unknown) if (hasUnknown(unknown[name] ?? false)) return true;
  return false;
}
