/** One step of a simulation, as data: a run can be replayed from its actions, and shortened by leaving some out. */
import type { ChangeId, RunnerId } from "../../src/core/base/index.ts";
import type { Bundle, Wish } from "./facts.ts";

/** What somebody wants to do with a change, before it is known how the change stands when they look at it. */
export type Intent =
  | {
      readonly do: "propose";
      readonly behalf: string;
      readonly wishes: readonly Wish[];
      readonly risk: "low" | "high";
      readonly hours: number;
      readonly start: "when-authorised" | "on-request";
    }
  /** `only`: write the plan and the route in two goes, so that others come in between. */
  | { readonly do: "plan"; readonly only: boolean }
  | { readonly do: "route" }
  | { readonly do: "refuse_plan" }
  | {
      readonly do: "vote";
      readonly identity: string;
      readonly decision: "approve" | "reject";
      readonly tab: "current" | "old";
      readonly seat?: string;
      readonly channel: string;
    }
  | { readonly do: "withdraw_vote" | "send_back"; readonly identity: string }
  | { readonly do: "revise"; readonly wishes: readonly Wish[]; readonly hours: number }
  | { readonly do: "withdraw" }
  | { readonly do: "supersede"; readonly with: ChangeId }
  | { readonly do: "expire" }
  | { readonly do: "recheck" }
  | { readonly do: "watch" }
  | { readonly do: "abandon" }
  | { readonly do: "reconcile"; readonly identity: string }
  /** A runner that does not hold the run speaks for it. */
  | { readonly do: "intrude"; readonly what: "begin" | "finish" | "undo" | "report" };

/** What goes wrong with a runner in one turn: with what it is given, with its target, or with itself. */
export const RUNNER_FAULTS = [
  "tampered_payload",
  "tampered_grant",
  "effect_unknown",
  "effect_unknown_done",
  "verification",
  "blind",
  "hasty",
  "lying",
] as const;
export type RunnerFault = (typeof RUNNER_FAULTS)[number];

export type Deed =
  /** Somebody reads the change now and sends what they want; it arrives later, or not. */
  | { readonly kind: "act"; readonly change: ChangeId; readonly by: string; readonly intent: Intent }
  | { readonly kind: "deliver"; readonly message: number; readonly node: number; readonly loseReply: boolean }
  | { readonly kind: "duplicate" | "lose"; readonly message: number }
  | { readonly kind: "runner"; readonly runner: RunnerId; readonly change?: ChangeId; readonly fault?: RunnerFault }
  | { readonly kind: "crash"; readonly runner: RunnerId }
  | { readonly kind: "active"; readonly person: string; readonly active: boolean }
  | { readonly kind: "member"; readonly group: string; readonly person: string; readonly member: boolean }
  | { readonly kind: "identity"; readonly person: string; readonly identity: string; readonly has: boolean }
  | { readonly kind: "policy"; readonly bundle: Bundle }
  | { readonly kind: "drift"; readonly resource: string; readonly value: string }
  | { readonly kind: "tick"; readonly millis: number }
  | { readonly kind: "clock"; readonly node: number; readonly offset: number };

/** `n` stays with an action when others are left out, and so do the ids that are made from it. */
export type Action = Deed & { readonly n: number };

export const changeId = (n: number): ChangeId => `chg_${String(n).padStart(7, "0")}` as ChangeId;

/** One line for a person. */
export function describe(action: Action): string {
  const { n, kind, ...rest } = action;
  return `${String(n).padStart(6)}  ${kind} ${JSON.stringify(rest)}`;
}
