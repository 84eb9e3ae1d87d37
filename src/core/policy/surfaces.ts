import { assert, sortedSet } from "../base/index.ts";
import { anyOf, globOf } from "./cel/pattern.ts";
import type { Purse } from "./cel/machine.ts";
import type { Pattern } from "./cel/pattern.ts";
import type { SurfaceDefinition } from "./definition.ts";
import type { EffectFacts, Facts } from "./facts.ts";

export interface Surface {
  readonly name: string;
  readonly matches: (effect: EffectFacts, purse: Purse) => boolean;
}

/**
 * Patterns of the never-automate list are read without regard to case: `Auth/` and `auth/` are one directory on some machines,
 * and this list errs on the strict side.
 */
export function surfaceOf({ name, paths, resources, tags }: SurfaceDefinition): Surface {
  const path = folded(paths);
  const resource = folded(resources);
  const known = new Set([name, ...tags]);
  const matches: Surface["matches"] = (effect, purse) =>
    effect.surfaces.some((tag) => known.has(tag)) ||
    (effect.path !== undefined && path.test(effect.path.toLowerCase(), purse)) ||
    resource.test(effect.resource.toLowerCase(), purse);
  return { name, matches };
}

function folded(sources: readonly string[]): Pattern {
  const patterns = sources.map((source) => {
    const pattern = globOf(source.toLowerCase());
    assert(typeof pattern !== "string", "patterns were checked when the bundle was read");
    return pattern;
  });
  return anyOf(patterns);
}

/**
 * The facts with the bundle's surfaces added to what the connectors found. Where the steps do not suffice to tell, the change
 * touches all of them; with an empty purse each rule is an error, so none misses what its effects would have shown.
 */
export function withSurfaces(facts: Facts, surfaces: readonly Surface[], purse: Purse): Facts {
  if (surfaces.length === 0) return facts;
  const effects = facts.effects.map((effect) => {
    const found = surfaces.filter((surface) => purse.left >= 0 && surface.matches(effect, purse)).map(({ name }) => name);
    return found.length === 0 ? effect : { ...effect, surfaces: sortedSet([...effect.surfaces, ...found]) };
  });
  const untold = purse.left < 0 ? surfaces.map(({ name }) => name) : [];
  const all = sortedSet([...facts.summary.surfaces, ...effects.flatMap((effect) => effect.surfaces), ...untold]);
  return { ...facts, effects, summary: { ...facts.summary, surfaces: all } };
}
