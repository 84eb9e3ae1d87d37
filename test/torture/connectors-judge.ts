/** Whether what the ledger says of a change is what its target holds. */
import type { ChangeView, OutcomeView } from "../../src/control/types.ts";
import type { Kind } from "./connectors-deployment.ts";
import type { Target } from "./connectors-target.ts";
import { tale } from "./check.ts";
import type { Evidence } from "./evidence.ts";
import { broken } from "./violation.ts";

/** One change of one round, and what was there before it. */
export interface Case {
  readonly kind: Kind;
  readonly target: Target;
  /** What it writes. */
  readonly value: string;
  readonly before: string;
  /** How often that had been written when the change was proposed. */
  readonly backs: number;
  readonly id: string;
}

/** Where a part of a write can be there: several steps, or several objects. */
const PARTLY: readonly Kind[] = ["terraform", "composite"];

export const isPartly = (value: string, { before, value: after }: Case): boolean => value !== before && value !== after;

/** What the target holds, which is what the record says; nothing was written twice, and nothing taken back without a record of it. */
export async function judge(evidence: Evidence, { status }: ChangeView, here: Case): Promise<string> {
  const { kind, target, value: after, before, backs, id } = here;
  const [value, writes, back] = [await target.value(), await target.writes(after), await target.writes(before)];
  const told = evidence.mirror.change(id);
  const wrong = (what: string): Error =>
    broken(
      `${kind}: ${what}: it is ${status}; ${before} was there, ${after} was to be; now ${value}, written ${writes} times\n${tale(told)}`,
    );
  if (told?.state.status !== status) throw wrong(`the ledger says ${told?.state.status}`);
  if (writes > 1) throw wrong("it was done twice");
  const types = told.events.map(({ type }) => type);
  const isUndone = back > backs || (kind !== "terraform" && writes > 0 && value === before);
  if (isUndone && !types.includes("undo_started")) throw wrong("it was taken back, and nothing permits that");
  switch (status) {
    case "verified":
      if (value !== after || writes !== 1) throw wrong("it is not there");
      return value;
    case "indeterminate":
      if (!types.includes("effect_started")) throw wrong("nothing had begun");
      if (isPartly(value, here) && !PARTLY.includes(kind)) throw wrong("it is something else");
      return value;
    case "undone":
      if (value !== before) throw wrong("it is not as it was");
      return value;
    default:
      if (value !== before || writes > 0) throw wrong("it is there");
      return value;
  }
}

/** What a person is shown who must find out: it is what the target holds. */
export function judgeOutcome({ steps }: OutcomeView, value: string, { kind, before }: Case): void {
  for (const { seen, fault } of steps) {
    if (fault !== undefined) throw broken(`${kind}: the outcome cannot be seen: ${fault.code} ${fault.message}`);
    // Terraform's own counter goes on also where all is as it was, and of several steps some may be.
    if (seen === undefined || PARTLY.includes(kind)) continue;
    if (seen.as_approved !== (value === before))
      throw broken(`${kind}: it is shown as ${seen.as_approved ? "" : "not "}it was, and the target holds ${value} after ${before}`);
  }
}
