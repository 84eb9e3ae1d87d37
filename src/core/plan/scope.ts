import { matchesPattern } from "../base/index.ts";
import { EFFECT_KINDS } from "./schema-parts.ts";
import type { Effect, EffectKind, Finding, PlanStep, Scope } from "./types.ts";

/** What a request names, as its connector reads it. A connector that knows which operations were asked for says so. */
export interface ScopeNames {
  readonly system: string;
  readonly environment: string;
  readonly resources: readonly string[];
  readonly operations?: readonly EffectKind[];
}

/** The narrowest scope that the request names. Operations are bounded only when every step names them. */
export function derivedScope(names: readonly ScopeNames[]): Scope {
  const named = names.every(({ operations }) => operations !== undefined);
  return {
    origin: "derived",
    systems: names.map(({ system }) => system),
    environments: names.map(({ environment }) => environment),
    operations: named ? names.flatMap(({ operations }) => operations ?? []) : EFFECT_KINDS,
    resources: names.flatMap(({ resources }) => resources),
    limits: {},
  };
}

const outside = (message: string, remedy: string, resource?: string): Finding => ({
  code: "scope.outside",
  severity: "danger",
  message,
  remedy,
  provenance: "derived",
  ...(resource === undefined ? {} : { resource }),
});

/** One finding for every way in which an effect leaves the scope, and for every limit that is exceeded. */
export function scopeFindings(scope: Scope, steps: readonly PlanStep[]): readonly Finding[] {
  const effects = steps.flatMap((step) => step.effects);
  return [...effects.flatMap((effect) => effectFindings(scope, effect)), ...limitFindings(scope.limits, effects)];
}

function effectFindings(scope: Scope, effect: Effect): readonly Finding[] {
  const { resource } = effect;
  const within = (patterns: readonly string[], text: string): boolean => patterns.some((pattern) => matchesPattern(pattern, text));
  const dimensions: readonly (readonly [string, string, readonly string[], boolean])[] = [
    ["system", effect.system, scope.systems, within(scope.systems, effect.system)],
    ["environment", effect.environment, scope.environments, within(scope.environments, effect.environment)],
    ["operation", effect.kind, scope.operations, scope.operations.includes(effect.kind)],
    ["resource", resource, scope.resources, within(scope.resources, resource)],
  ];
  return dimensions
    .filter(([, , , inside]) => !inside)
    .map(([name, value, allowed]) => {
      const what = name === "resource" ? "the resource" : `${name} ${value}`;
      return outside(`${effect.kind} ${resource}: ${what} is outside the scope, which allows ${listed(allowed)}`, `drop this effect, or ask for a scope whose ${name}s allow it`, resource);
    });
}

const SHOWN = 6;

/** Patterns as a sentence holds them; the whole list stands in the scope. */
function listed(patterns: readonly string[]): string {
  if (patterns.length === 0) return "nothing";
  const more = patterns.length - SHOWN;
  return `${patterns.slice(0, SHOWN).join(", ")}${more > 0 ? ` and ${more} more` : ""}`;
}

/** Destroys what was there: a replacement does so too. */
export const destroys = (effect: Effect): boolean => effect.kind === "delete" || effect.kind === "replace";

/** How much of each limited quantity an effect takes; undefined when it must take some but does not say how much. */
const MEASURES: Readonly<Record<string, (effect: Effect) => number | undefined>> = {
  effects: () => 1,
  deletes: (effect) => (destroys(effect) ? 1 : 0),
  recipients: (effect) => stated(effect, "recipients") ?? (effect.kind === "send" ? undefined : 0),
  rows: (effect) => stated(effect, "rows") ?? (["table", "rows"].includes(effect.resourceKind) ? undefined : 0),
  money: (effect) => stated(effect, "money"),
};

/** A quantity is the new value of the field of its name: a number, or a list whose entries count. */
function stated(effect: Effect, name: string): number | undefined {
  const after = effect.fields.find((field) => field.path === name)?.after;
  if (after?.kind !== "json") return undefined;
  if (Array.isArray(after.value)) return after.value.length;
  return typeof after.value === "number" && after.value >= 0 ? after.value : undefined;
}

function limitFindings(limits: Scope["limits"], effects: readonly Effect[]): readonly Finding[] {
  return Object.entries(limits).flatMap(([name, limit]) => {
    const measure = MEASURES[name];
    const amounts = effects.map((effect) => measure?.(effect));
    const total = amounts.reduce<number>((sum, amount) => sum + (amount ?? 0), 0);
    const unmeasured = effects.filter((_, i) => amounts[i] === undefined).map((effect) => unmeasuredFinding(name, limit, effect));
    const remedy = "split the change, or ask for a scope with a higher limit";
    return total > limit ? [...unmeasured, outside(`${name}: ${total}, and the scope allows at most ${limit}`, remedy)] : unmeasured;
  });
}

const unmeasuredFinding = (name: string, limit: number, effect: Effect): Finding => ({
  code: "scope.unmeasured",
  severity: "danger",
  message: `${effect.kind} ${effect.resource}: the scope allows at most ${limit} ${name}, and nobody can say how many this takes`,
  resource: effect.resource,
  remedy: `state the field "${name}", or ask for a scope without this limit`,
  provenance: "unknown",
});
