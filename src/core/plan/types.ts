import type { ChangeId, Digest, Json, KeyedDigest, PrincipalId } from "../base/index.ts";

/** How a statement is known. Claims never lower risk; unknowns are listed, never dropped. */
export type Provenance = "derived" | "attested" | "claimed" | "unknown";

export type EffectKind = "create" | "update" | "delete" | "replace" | "send" | "grant" | "revoke" | "execute";
export type Reversibility = "reversible" | "compensable" | "irreversible" | "unknown";
export type Exposure = "none" | "internal" | "external" | "public" | "unknown";
export type Privilege = "none" | "gained" | "lost" | "unknown";

/** The bounded intent: what this change may touch. Every effect outside is a finding. */
export interface Scope {
  readonly origin: "given" | "derived";
  /** Patterns (`*` within a segment, `**` across). An empty list permits nothing. */
  readonly systems: readonly string[];
  readonly environments: readonly string[];
  readonly operations: readonly EffectKind[];
  readonly resources: readonly string[];
  /** Upper bounds by name: `effects`, `deletes`, `recipients`, `rows`, `money`. */
  readonly limits: Readonly<Record<string, number>>;
}

/** A value as a plan may carry it: a secret is never here, only its digest under the deployment's key. */
export type PlanValue =
  | { readonly kind: "json"; readonly value: Json }
  | { readonly kind: "secret"; readonly digest: KeyedDigest }
  | { readonly kind: "bytes"; readonly digest: Digest; readonly size: number; readonly mediaType: string };

export interface FieldChange {
  readonly path: string;
  readonly before?: PlanValue;
  readonly after?: PlanValue;
}

/** What a reviewer needs to see of one effect, or why it cannot be seen. */
export type Detail =
  | { readonly kind: "diff"; readonly text: string; readonly added: number; readonly removed: number }
  | { readonly kind: "uninspectable"; readonly reason: string }
  | { readonly kind: "none" };

export interface Effect {
  readonly kind: EffectKind;
  /** Stable name of what is touched: `git:shop#src/auth/session.ts`. */
  readonly resource: string;
  readonly resourceKind: string;
  readonly system: string;
  readonly environment: string;
  readonly summary: string;
  readonly fields: readonly FieldChange[];
  readonly detail: Detail;
  readonly reversibility: Reversibility;
  readonly exposure: Exposure;
  readonly privilege: Privilege;
  readonly surfaces: readonly string[];
  readonly owners: readonly string[];
  readonly provenance: Provenance;
}

/** What a connector saw of the current state. `value` is sealed; when and how it was seen stand in PlanContext. */
export interface Observation {
  readonly subject: string;
  readonly value: PlanValue;
  readonly method: string;
  readonly provenance: Provenance;
}

export type Severity = "info" | "warning" | "danger" | "refused";

/** Something wrong or remarkable. `refused` means that the connector will not execute this as it stands. */
export interface Finding {
  readonly code: string;
  readonly severity: Severity;
  readonly message: string;
  readonly resource?: string;
  /** What the proposer can do about it: machine-readable when it is sent back. */
  readonly remedy?: string;
  readonly provenance: Provenance;
}

/** One sentence with its provenance and source: evidence, impact, assumptions, what nobody verified. */
export interface Statement {
  readonly topic: string;
  readonly text: string;
  readonly resource?: string;
  readonly provenance: Provenance;
  readonly source: string;
}

export interface Undo {
  readonly kind: "planned" | "manual" | "impossible";
  readonly text: string;
  readonly provenance: Provenance;
}

export interface PlanStep {
  readonly id: string;
  readonly connector: string;
  /** Connector operation, e.g. `merge`. The grant is bound to it. */
  readonly operation: string;
  readonly target: Readonly<Record<string, string>>;
  /** H(what must still be true when it runs). */
  readonly stateDigest: Digest;
  /** H(exactly what will be executed). */
  readonly payloadDigest: Digest;
  readonly observations: readonly Observation[];
  readonly effects: readonly Effect[];
  readonly undo: Undo;
}

/** When a change may start, in RFC 3339 with an offset, as it was asked: not before one moment, not after the other. */
export interface Schedule {
  readonly notBefore?: string;
  readonly notAfter?: string;
}

export interface Intent {
  readonly title: string;
  readonly summary: string;
  /** The salted proposal's digest: for want of the salt, a guess at the plan cannot be held against the plan's public digest. */
  readonly proposal: Digest;
  /** Whose words, claims and steps these are: the proposer's, unless somebody else wrote this revision. */
  readonly author: PrincipalId;
  readonly proposer: PrincipalId;
  readonly onBehalfOf: PrincipalId;
  readonly scope: Scope;
}

/** How long what was applied must hold before it counts as verified, in whole seconds, and how often it is looked at. */
export interface Watch {
  readonly seconds: number;
  readonly everySeconds: number;
}

/**
 * The AI Change Plan: the review object. Everything in it is sealed by its digest; nothing in it depends on when it was
 * derived, so an equivalent re-plan has the same digest.
 */
export interface Plan {
  readonly schema: typeof PLAN_SCHEMA;
  readonly change: ChangeId;
  readonly intent: Intent;
  readonly steps: readonly PlanStep[];
  readonly schedule?: Schedule;
  readonly watch?: Watch;
  readonly findings: readonly Finding[];
  readonly impact: readonly Statement[];
  readonly evidence: readonly Statement[];
  readonly unverified: readonly Statement[];
  readonly assumptions: readonly Statement[];
}

export const PLAN_SCHEMA = "pawl/change-plan/v1";

/** What a connector makes of one step. Pure data; raw until `assemblePlan` has normalised it. */
export interface StepAnalysis {
  readonly step: Omit<PlanStep, "id" | "connector">;
  readonly findings: readonly Finding[];
  readonly impact: readonly Statement[];
  readonly evidence: readonly Statement[];
  readonly unverified: readonly Statement[];
  readonly assumptions: readonly Statement[];
  /** Volatile facts shown beside the plan but outside its digest: the base commit, when it was seen. */
  readonly context: Readonly<Record<string, string>>;
}

/** The proposal as accepted at the edge: what was asked. Stored by digest as its canonical bytes. */
export interface Proposal {
  readonly title: string;
  readonly summary: string;
  /** Who wrote this revision. */
  readonly author: PrincipalId;
  readonly proposer: PrincipalId;
  readonly onBehalfOf: PrincipalId;
  readonly scope?: Omit<Scope, "origin">;
  readonly steps: readonly ProposalStep[];
  /** Said by the proposer; shown as claims, never used to lower risk. */
  readonly claims: readonly string[];
  /** Start as soon as authorised, or wait for `run`. */
  readonly start: "when-authorised" | "on-request";
  /** Asked for by the proposer; part of what is reviewed. */
  readonly schedule?: Schedule;
  readonly watch?: Watch;
  readonly salt: string;
}

export interface ProposalStep {
  /** `step-1`, `step-2`, …: it stands in public events, so nobody chooses its words. */
  readonly id: string;
  readonly connector: string;
  /** The connector's own input, parsed by it. */
  readonly input: Json;
}
