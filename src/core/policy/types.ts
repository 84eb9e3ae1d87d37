import type { Digest, Json, Millis } from "../base/index.ts";
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
  /** The step it is for, where it is not for the change as a whole; then its id begins with that. */
  readonly step?: string;
  /** The one seat of the emergency route. `alone`: also for a change of the sitter's own, if no machine had part in it. */
  readonly glass?: { readonly name: string; readonly alone: boolean };
}

/** A freeze that this change is under whenever its calendar is in force. */
export interface RouteFreeze {
  readonly name: string;
  readonly calendar: string;
  readonly zone: string;
  readonly reason: string;
}

/** A freeze that is in force. */
export interface Frozen {
  readonly name: string;
  readonly reason: string;
  /** Absent where no end is in sight. */
  readonly until?: Millis;
  /** The same on the calendar's wall: `until Mon 4 Jan 08:00 Europe/Oslo`. */
  readonly text: string;
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
  /** The steps on which it fired, of a rule that is judged for each. */
  readonly steps?: readonly string[];
}

/** The sealed part of the answer. Its canonical digest is the route digest. */
export interface Route {
  readonly outcome: Outcome;
  readonly seats: readonly Seat[];
  readonly reasons: readonly { readonly rule: string; readonly outcome: Outcome; readonly text: string }[];
  readonly instructions: readonly Instruction[];
  /** Names of holds of rules; a held change is authorised but does not start. */
  readonly holds: readonly string[];
  /** Whether one is in force is no part of this: a freeze that begins or ends voids no vote. Absent where there is none. */
  readonly freezes?: readonly RouteFreeze[];
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
