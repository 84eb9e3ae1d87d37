import type { Json } from "../base/index.ts";
import type { Instruction, Outcome, Strength } from "./types.ts";

/** A bundle as its author wrote it, checked in shape; what evaluation needs of it is compiled beside. */
export interface Definition {
  readonly name: string;
  readonly surfaces: readonly SurfaceDefinition[];
  readonly defaults: { readonly seats: readonly SeatDefinition[]; readonly unowned: readonly Who[] };
  readonly rules: readonly RuleDefinition[];
  readonly cases: readonly CaseDefinition[];
}

/** Part of the never-automate list: what matches any of these is never `auto`. */
export interface SurfaceDefinition {
  readonly name: string;
  readonly paths: readonly string[];
  readonly resources: readonly string[];
  readonly tags: readonly string[];
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
  readonly when: string;
  readonly reason: string;
  readonly seats: readonly SeatDefinition[];
  readonly instruction?: Pick<Instruction, "code" | "message">;
  readonly holds: readonly string[];
}

export interface CaseDefinition {
  readonly name: string;
  readonly facts: Json;
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
