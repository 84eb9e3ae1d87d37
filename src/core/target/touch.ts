import { byText, sortedSet } from "../base/index.ts";
import type { Effect, Plan } from "../plan/index.ts";

/** What a change touches in one target system: these resources, or more than can be listed. */
export interface Touch {
  readonly system: string;
  readonly resources: readonly string[] | "all";
}

/** Resources of one system that are told apart; a change that touches more touches the whole of it. */
export const MOST_RESOURCES = 256;

/** By system, in order. An effect that was not derived names what somebody thinks it touches: then it may be anything there. */
export function touchesOf({ steps }: Pick<Plan, "steps">): readonly Touch[] {
  const systems = new Map<string, Set<string> | "all">();
  for (const { system, resource, provenance } of steps.flatMap(({ effects }) => effects)) {
    const known = systems.get(system) ?? new Set();
    if (known === "all") continue;
    known.add(resource);
    systems.set(system, isSure(provenance) && known.size <= MOST_RESOURCES ? known : "all");
  }
  return [...systems]
    .toSorted(([a], [b]) => byText(a, b))
    .map(([system, resources]) => ({ system, resources: resources === "all" ? resources : sortedSet([...resources]) }));
}

const isSure = (provenance: Effect["provenance"]): boolean => provenance === "derived" || provenance === "attested";

/** What two changes both touch: nothing, when they have nothing to do with each other. */
export function overlap(one: readonly Touch[], other: readonly Touch[]): readonly Touch[] {
  const others = new Map(other.map(({ system, resources }) => [system, resources]));
  return one.flatMap(({ system, resources }): Touch[] => {
    const theirs = others.get(system);
    if (theirs === undefined) return [];
    const both = common(resources, theirs);
    return both.length === 0 ? [] : [{ system, resources: both }];
  });
}

/** Whole systems touch whatever is touched in them. */
export function common<T extends string>(one: readonly T[] | "all", other: readonly T[] | "all"): readonly T[] | "all" {
  if (one === "all") return other;
  if (other === "all") return one;
  const others = new Set(other);
  return one.filter((each) => others.has(each));
}
