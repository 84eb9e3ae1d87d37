import type { Digest, Json } from "../base/index.ts";
import type { TextFault } from "../yaml/index.ts";

export type Outcome = "auto" | "review" | "escalate" | "revise" | "block";
/** Strictest last: the index is the rank. */
export const OUTCOMES: readonly Outcome[] = ["auto", "review", "escalate", "revise", "block"];

/** Who may sit in a seat; any one selector suffices. `owners` are resolved from the effects' owners when routing. */
export type Selector =
  | { readonly kind: "person"; readonly person: string }
  | { readonly kind: "group"; readonly group: string }
  | { readonly kind: "role"; readonly role: string }
  /** A CODEOWNERS handle, `@org/team`, `@login` or an e-mail address, resolved through the directory. */
  | { readonly kind: "owner"; readonly handle: string };

export type Strength = "session" | "passkey";

/** One required human decision. */
export interface Seat {
  readonly id: string;
  readonly who: readonly Selector[];
  readonly count: number;
  readonly strength: Strength;
  readonly channels: readonly string[];
}

/** Machine-readable instruction to the proposer. */
export interface Instruction {
  readonly rule: string;
  readonly code: string;
  readonly message: string;
  readonly resource?: string;
}

/** Why a rule fired or did not: its text, and the value of each part of its condition. */
export interface RuleTrace {
  readonly rule: string;
  readonly outcome: Outcome;
  readonly fired: boolean;
  /** The condition's text, as written. */
  readonly when: string;
  readonly reason: string;
  readonly parts: readonly { readonly text: string; readonly value: Json | { readonly error: string } }[];
  readonly error?: string;
  /** True when an index showed that the rule could not match, so that it was not evaluated. */
  readonly skipped?: boolean;
}

/** The sealed part of the answer. Its canonical digest is the route digest. */
export interface Route {
  readonly outcome: Outcome;
  readonly seats: readonly Seat[];
  readonly reasons: readonly { readonly rule: string; readonly outcome: Outcome; readonly text: string }[];
  readonly instructions: readonly Instruction[];
  /** Names of holds, such as a freeze window; a held change is authorised but does not start. */
  readonly holds: readonly string[];
}

export interface Evaluation {
  readonly route: Route;
  readonly routeDigest: Digest;
  readonly bundleDigest: Digest;
  readonly trace: readonly RuleTrace[];
}

/** One fault of a bundle at load. */
export type BundleFault = TextFault;

export interface CaseResult {
  readonly name: string;
  readonly passed: boolean;
  readonly expected: Json;
  readonly actual: Json;
}
