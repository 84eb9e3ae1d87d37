import type { Json } from "../base/index.ts";
import type { Instruction, Outcome, Strength } from "./types.ts";

/** A bundle as its author wrote it, checked in shape; what evaluation needs of it is compiled beside. */
export interface Definition {
  readonly name: string;
  readonly surfaces: readonly SurfaceDefinition[];
  readonly defaults: { readonly seats: readonly SeatDefinition[]; readonly unowned: readonly Who[] };
  readonly rules: readonly RuleDefinition[];
  /** These three only where there are some: a bundle without keeps its digest. */
  readonly calendars?: readonly CalendarDefinition[];
  readonly freezes?: readonly FreezeDefinition[];
  readonly breakGlass?: BreakGlassDefinition;
  readonly cases: readonly CaseDefinition[];
}

/** Part of the never-automate list: what matches any of these is never `auto`. */
export interface SurfaceDefinition {
  readonly name: string;
  readonly paths: readonly string[];
  readonly resources: readonly string[];
  readonly tags: readonly string[];
}

/** Windows on the wall of one IANA time zone: `Fri 16:00` each week, `2026-12-23` or `2026-12-23 16:00` once. */
export interface CalendarDefinition {
  readonly name: string;
  readonly zone: string;
  readonly weekly: readonly { readonly from: string; readonly to: string }[];
  readonly dates: readonly { readonly from: string; readonly to: string }[];
}

/** What matches does not start while the calendar is in force. */
export interface FreezeDefinition {
  readonly name: string;
  readonly calendar: string;
  readonly when: string;
  readonly reason: string;
}

/** The emergency route: one of these decides now, and somebody of `second` looks at it afterwards. */
export interface BreakGlassDefinition {
  readonly name: string;
  readonly who: readonly Who[];
  /** Whether somebody may break it for a change of their own. */
  readonly alone: "allowed" | "refused";
  readonly strength: Strength;
  readonly channels: readonly string[];
  readonly second: { readonly within: string; readonly who: readonly Who[] };
}

export type Who =
  | { readonly owners: true }
  | { readonly person: string }
  | { readonly group: string }
  | { readonly role: string }
  | { readonly owner: string };

export interface SeatDefinition {
  readonly id: string;
  readonly who: readonly Who[];
  /** Who sits for what nobody owns, where `who` says owners. */
  readonly fallback: readonly Who[];
  readonly count: number;
  readonly strength: Strength;
  readonly channels: readonly string[];
}

export interface RuleDefinition {
  readonly id: string;
  readonly outcome: Outcome;
  /** Judged for each step by itself, and signed for each. */
  readonly each?: "step";
  readonly when: string;
  readonly reason: string;
  readonly seats: readonly SeatDefinition[];
  readonly instruction?: Pick<Instruction, "code" | "message">;
  readonly holds: readonly string[];
}

export interface CaseDefinition {
  readonly name: string;
  readonly facts: Json;
  /** When it is judged, in RFC 3339. */
  readonly at?: string;
  readonly expect: CaseExpectation;
}

export interface CaseExpectation {
  readonly outcome: Outcome;
  /** The bundle's own rules that fire, no more and no fewer. */
  readonly rules?: readonly string[];
  readonly seats?: readonly string[];
  readonly holds?: readonly string[];
  /** Codes of the instructions. */
  readonly instructions?: readonly string[];
}

export const CHANNELS = ["console", "cli", "api", "slack", "teams", "github", "email"] as const;
