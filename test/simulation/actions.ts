/** One thing that happens in a simulation, as data: a world can be made again from its actions, and shortened by leaving some out. */
import type { Bundle, Edit, Wish } from "./facts.ts";
import type { Fate } from "./scheduler.ts";

/** As a proposal says it. */
export interface WireWatch {
  readonly seconds: number;
  readonly every_seconds: number;
}

/** Not before and not after these moments, in milliseconds. */
export interface Times {
  readonly from?: number;
  readonly until?: number;
}

/** What somebody asks a process for. `slot`: the number of the action that proposed the change. */
export type Request =
  | {
      readonly ask: "propose";
      readonly wishes: readonly Wish[];
      readonly behalf?: string;
      readonly hours: number;
      readonly start: "when-authorised" | "on-request";
      readonly keyed: boolean;
      readonly leak: boolean;
      readonly patience?: number;
      readonly supersedes?: number;
      readonly watch?: WireWatch;
      readonly times?: Times;
    }
  | { readonly ask: "govern"; readonly what: Rule }
  | { readonly ask: "put"; readonly what: Rule }
  | {
      readonly ask: "revise";
      readonly slot: number;
      readonly wishes: readonly Wish[];
      readonly hours: number;
      readonly patience?: number;
      readonly watch?: WireWatch;
      readonly times?: Times;
    }
  | {
      readonly ask: "vote";
      readonly slot: number;
      readonly decision: "approve" | "reject";
      readonly page: "current" | "old";
      readonly seat?: string;
    }
  | {
      readonly ask:
        | "withdraw_vote"
        | "send_back"
        | "withdraw"
        | "replan"
        | "run"
        | "stop"
        | "reconcile"
        | "look"
        | "wait"
        | "break_glass"
        | "review_glass";
      readonly slot: number;
    }
  | { readonly ask: "make_token" | "revoke_token"; readonly principal: string }
  /** A runner that does not hold the run, or lies about it, speaks for it. */
  | {
      readonly ask: "intrude";
      readonly slot: number;
      readonly say: "begin" | "finish" | "undo" | "verified" | "failed" | "start";
      readonly as: "stranger" | "holder";
    };

/** Another policy or directory. */
export type Rule = { readonly kind: "policy"; readonly bundle: Bundle } | { readonly kind: "directory"; readonly edit: Edit };

export type Deed =
  /** The oldest but `at` of what waits is let go; as often as `times` says. */
  | { readonly do: "go"; readonly at: number; readonly fate?: Fate; readonly times?: number }
  /** Everything that waits is let go in its order, until nothing does. */
  | { readonly do: "drain" }
  | { readonly do: "ask"; readonly by: string; readonly via: string; readonly node: number; readonly request: Request }
  /** The same request once more, elsewhere. */
  | { readonly do: "repeat"; readonly of: number; readonly node: number }
  | { readonly do: "drift"; readonly resource: string; readonly value: string }
  | { readonly do: "tick"; readonly millis: number }
  | { readonly do: "clock"; readonly node: number; readonly offset: number }
  | { readonly do: "crash" | "restart"; readonly node: number };

/** `n` stays with an action when others are left out, and so does what is made from it. */
export type Action = Deed & { readonly n: number };

/** One line for a person. */
export function describe(action: Action): string {
  const { n, do: what, ...rest } = action;
  return `${String(n).padStart(6)}  ${what} ${JSON.stringify(rest)}`;
}

/** What a world stands on, beside its actions. */
export interface Ground {
  /** Commits wait for each other at the head's row; otherwise the later of two is told that it came too late. */
  readonly locked: boolean;
  /** The database answers reads at once, and a transaction stops only at its beginning and its commit: more happens in as many steps. */
  readonly coarse?: boolean;
}

/** A failure that is kept: its actions make it again. */
export interface Kept extends Ground {
  readonly what: string;
  readonly invariant: number;
  readonly actions: readonly Action[];
}
