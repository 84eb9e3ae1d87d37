import { assert, never } from "../base/index.ts";
import type { ChangeId, KeyedDigest, Millis, RunId } from "../base/index.ts";
import { common } from "./touch.ts";

/** Resources by digest, under a key: the ledger is public, and names can be guessed. */
export type Held = readonly KeyedDigest[] | "all";

/** A run that has begun and of which nobody has said how it ended. */
export interface Holder {
  readonly change: ChangeId;
  readonly run: RunId;
  readonly resources: Held;
}

/** Who holds what of one target system. */
export interface TargetState {
  readonly held: readonly Holder[];
}

export type TargetEvent = { readonly at: Millis; readonly change: ChangeId; readonly run: RunId } & (
  | { readonly type: "taken"; readonly resources: Held }
  | { readonly type: "released" }
);

export const NOTHING_HELD: TargetState = { held: [] };

/** Whoever holds any of these resources. */
export const holderAmong = ({ held }: TargetState, resources: Held): Holder | undefined =>
  held.find((holder) => common(holder.resources, resources).length > 0);

export const taken = ({ change, run, resources }: Holder, at: Millis): TargetEvent => ({ type: "taken", at, change, run, resources });

/** A run gives back all that it holds here, once; one that holds nothing has nothing to give back. */
export function released({ held }: TargetState, { change, run }: Pick<Holder, "change" | "run">, at: Millis): TargetEvent | undefined {
  return held.some((holder) => holder.run === run) ? { type: "released", at, change, run } : undefined;
}

export function targetAfter(state: TargetState, event: TargetEvent): TargetState {
  switch (event.type) {
    case "taken": {
      const { change, run, resources } = event;
      assert(holderAmong(state, resources) === undefined, "what is held is not taken");
      return { held: [...state.held, { change, run, resources }] };
    }
    case "released":
      return { held: state.held.filter(({ run }) => run !== event.run) };
    default:
      return never(event, "event of a target");
  }
}

export const foldTarget = (events: readonly TargetEvent[]): TargetState => events.reduce(targetAfter, NOTHING_HELD);
