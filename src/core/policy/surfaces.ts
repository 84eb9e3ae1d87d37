import { assert, sortedSet } from "../base/index.ts";
import { anyOf, globOf } from "./cel/pattern.ts";
import type { Purse } from "./cel/machine.ts";
import type { Pattern } from "./cel/pattern.ts";
import type { SurfaceDefinition } from "./definition.ts";
import type { EffectFacts, Facts } from "./facts.ts";

export interface Surface {
  readonly name: string;
  readonly matches: (effect: Folded, purse: Purse) => boolean;
}

/** What surfaces look at, in lower case. */
interface Folded {
  readonly surfaces: readonly string[];
  readonly resource: string;
  readonly path: string | undefined;
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
    (effect.path !== undefined && path.test(effect.path, purse)) ||
    resource.test(effect.resource, purse);
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
    const found = foundFor(effect, surfaces, purse);
    return found.length === 0 ? effect : { ...effect, surfaces: sortedSet([...effect.surfaces, ...found]) };
  });
  const all = new Set(facts.summary.surfaces);
  for (const effect of effects) for (const tag of effect.surfaces) all.add(tag);
  if (purse.left < 0) for (const { name } of surfaces) all.add(name);
  return { ...facts, effects, summary: { ...facts.summary, surfaces: sortedSet(all) } };
}

function foundFor({ surfaces: tags, path, resource }: EffectFacts, surfaces: readonly Surface[], purse: Purse): readonly string[] {
  const plain: Folded = { surfaces: tags, path: path?.toLowerCase(), resource: resource.toLowerCase() };
  const found: string[] = [];
  for (let i = 0; i < surfaces.length && purse.left >= 0; i++) {
    const surface = surfaces[i] as Surface;
    if (surface.matches(plain, purse)) found.push(surface.name);
  }
  return found;
}
