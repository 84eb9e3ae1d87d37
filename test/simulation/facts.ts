/** The small world that changes happen in: people, policy, and a target made of a few named values. */
import { canonical, digestJson, digestOf, never, utf8, type Digest, type GrantId, type RunId } from "../../src/core/base/index.ts";
import { payloadOf, type StepDigests } from "../../src/core/change/index.ts";
import type { Outcome, Seat } from "../../src/core/policy/index.ts";
import type { Directory, ReviewObject } from "../../src/core/review/index.ts";
import { people, person, seat } from "../../src/testing/people.ts";

export const MINUTE = 60_000;
const padded = (n: number): string => String(n).padStart(7, "0");
export const grantId = (n: number): GrantId => `grt_${padded(n)}` as GrantId;
export const runId = (n: number): RunId => `run_${padded(n)}` as RunId;
export const evidence = (n: number): Digest => digestOf(`evidence ${n}`);

export const RESOURCES = ["alpha", "beta", "gamma", "delta"] as const;
export const VALUES = ["1", "2", "3"] as const;
export const PROPOSERS = ["agent:bot", "agent:sub", "human:hal", "human:bo"] as const;
export const VOTERS = [...people.persons.map(({ id }) => `human:${id}`), "agent:bot", "workload:ci", "human:nobody"];
export const CHANNELS = ["console", "cli", "mail"] as const;

/** Everybody, and a second account of Bo's under another name until somebody notices. */
export const directory: Directory = {
  ...people,
  persons: [...people.persons, { id: person("bo2"), name: "Bo", active: true, identities: ["@bo-private"], roles: [] }],
};

/** What is asked for, by step: set this resource to this value. */
export interface Wish {
  readonly resource: string;
  readonly value: string;
}
export interface Spec {
  readonly wishes: readonly Wish[];
  readonly risk: "low" | "high";
}

/** Policy as one number and what it says about the two kinds of change there are. */
export interface Bundle {
  readonly n: number;
  readonly low: Outcome;
  readonly high: "review" | "escalate";
  readonly hold: boolean;
}
export const FIRST_BUNDLE: Bundle = { n: 0, low: "auto", high: "review", hold: false };
export const bundleDigest = (bundle: Bundle): Digest => digestJson(bundle);

export function evaluate(
  bundle: Bundle,
  spec: Spec,
): { readonly outcome: Outcome; readonly seats: readonly Seat[]; readonly holds: readonly string[] } {
  const outcome = spec.risk === "low" ? bundle.low : bundle.high;
  const holds = bundle.hold ? ["freeze"] : [];
  switch (outcome) {
    case "review":
      return { outcome, holds, seats: [seat("security"), seat("identity", { who: [{ kind: "owner", handle: "@acme/identity" }] })] };
    case "escalate":
      return { outcome, holds, seats: [seat("security", { count: 2, channels: ["console"] })] };
    case "auto":
    case "revise":
    case "block":
      return { outcome, holds, seats: [] };
    default:
      return never(outcome, "outcome");
  }
}

/** The fingerprint of a resource, and the exact bytes that set it. */
export const stateDigest = (resource: string, value: string): Digest => digestOf(`${resource} is ${value}`);
export const payloadBytes = (wish: Wish): Uint8Array => utf8(canonical({ resource: wish.resource, value: wish.value }));

function stepDigests(spec: Spec, values: ReadonlyMap<string, string>): readonly StepDigests[] {
  return spec.wishes.map((wish, n) => ({
    id: `step${n}`,
    connector: "sim",
    operation: "set",
    state: stateDigest(wish.resource, values.get(wish.resource) ?? ""),
    payload: digestOf(payloadBytes(wish)),
  }));
}

export interface Derived {
  readonly steps: readonly StepDigests[];
  readonly payload: Digest;
  readonly review: ReviewObject;
}

/** The plan as digests. Nothing in it depends on when it was derived, so an equivalent re-plan is identical. */
export function derive(spec: Spec, values: ReadonlyMap<string, string>, bundle: Bundle): Derived {
  const steps = stepDigests(spec, values);
  const plan = digestJson({ plan: steps.map((step) => step.payload), risk: spec.risk });
  const { outcome, seats } = evaluate(bundle, spec);
  const route = digestJson({ outcome, seats });
  const review = {
    plan,
    state: digestJson(steps.map((step) => step.state)),
    route,
    bundle: bundleDigest(bundle),
    presentation: digestJson({ shown: plan, route }),
  };
  return { steps, payload: payloadOf(steps), review };
}
