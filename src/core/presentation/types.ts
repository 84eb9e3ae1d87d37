import type { ChangeId, Digest, PrincipalId } from "../base/index.ts";
import type { Effect, Observation, Provenance, Severity, Undo } from "../plan/index.ts";
import type { Outcome, Seat } from "../policy/index.ts";

export const PRESENTATION_SCHEMA = "pawl/presentation/v1";

/**
 * Everything a reviewer is shown, as one canonical document: its digest is part of what a vote signs. It is made of the plan
 * and the route alone. Texts in it are as they came; whoever shows them passes each through `visible`.
 */
export interface Presentation {
  readonly schema: typeof PRESENTATION_SCHEMA;
  readonly change: ChangeId;
  readonly plan: Digest;
  readonly state: Digest;
  readonly route: Digest;
  readonly proposal: Digest;
  readonly title: string;
  /** Who wrote what is asked: the proposer, unless somebody else revised it. */
  readonly author: PrincipalId;
  readonly proposer: PrincipalId;
  readonly onBehalfOf: PrincipalId;
  readonly outcome: Outcome;
  /** What nobody may miss: findings that are dangerous or that refuse execution. */
  readonly alerts: readonly ItemOf<"finding">[];
  readonly sections: readonly Section[];
}

export type SectionId = "changes" | "asked" | "reach" | "known" | "unchecked" | "policy" | "undo" | "signers";

export interface Section {
  readonly id: SectionId;
  readonly question: string;
  /** The shortest true answer. */
  readonly answer: string;
  readonly items: readonly Item[];
}

/** How an effect is to be read at a glance; the order is the order of showing. */
export type Tone = "destructive" | "outward" | "changing" | "adding";

export type Item =
  | {
      readonly kind: "step";
      readonly step: string;
      readonly connector: string;
      readonly operation: string;
      readonly target: Readonly<Record<string, string>>;
      readonly stateDigest: Digest;
      readonly payloadDigest: Digest;
    }
  | { readonly kind: "effect"; readonly step: string; readonly tone: Tone; readonly consequence: string; readonly effect: Effect }
  | {
      readonly kind: "finding";
      readonly code: string;
      readonly severity: Severity;
      readonly message: string;
      readonly resources: readonly string[];
      readonly remedy?: string;
      readonly provenance: Provenance;
    }
  /** What somebody said, in their words; `revising` names whose proposal they put it into. */
  | { readonly kind: "words"; readonly by: PrincipalId; readonly revising?: PrincipalId; readonly text: string }
  | { readonly kind: "fact"; readonly label: string; readonly text: string }
  | {
      readonly kind: "statement";
      readonly topic: string;
      readonly text: string;
      readonly resources: readonly string[];
      readonly provenance: Provenance;
      readonly source: string;
    }
  | { readonly kind: "observation"; readonly step: string; readonly observation: Observation }
  | { readonly kind: "reason"; readonly rule: string; readonly outcome: Outcome; readonly text: string }
  | { readonly kind: "instruction"; readonly rule: string; readonly code: string; readonly message: string; readonly resource?: string }
  | { readonly kind: "undo"; readonly step: string; readonly undo: Undo }
  | { readonly kind: "seat"; readonly seat: Seat }
  | { readonly kind: "note"; readonly text: string };

export type ItemOf<K extends Item["kind"]> = Extract<Item, { readonly kind: K }>;
