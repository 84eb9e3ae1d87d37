import { GLOB_MAX, compileGlob } from "../base/index.ts";
import type { Json } from "../base/index.ts";
import { EFFECT_KINDS } from "./schema-parts.ts";
import type { Effect, EffectKind, Finding, PlanStep, Scope } from "./types.ts";

/** What a request names, as its connector reads it. A connector that knows which operations were asked for says so. */
export interface ScopeNames {
  readonly system: string;
  readonly environment: string;
  /** Patterns, or names as they are. */
  readonly resources: readonly string[];
  readonly operations?: readonly EffectKind[];
}

/** The narrowest scope that the request names. Operations are bounded only when every step names them. */
export function derivedScope(names: readonly ScopeNames[]): Scope {
  const named = names.length > 0 && names.every(({ operations }) => operations !== undefined);
  return {
    origin: "derived",
    systems: names.map(({ system }) => asPattern(system)),
    environments: names.map(({ environment }) => asPattern(environment)),
    operations: named ? names.flatMap(({ operations }) => operations ?? []) : EFFECT_KINDS,
    resources: names.flatMap(({ resources }) => resources.map(asPattern)),
    limits: {},
  };
}

/** Short, without a control character, and no three stars: most names are patterns as they are. */
const PLAIN = new RegExp(`^[\\x20-\\x29\\x2b-\\x7e]{0,${GLOB_MAX}}$`);

/** A name that cannot stand in a pattern becomes the narrowest pattern that matches it. */
function asPattern(name: string): string {
  if (PLAIN.test(name)) return name;
  const chars = Array.from(name.replaceAll(/\p{Cc}/gu, "?").replaceAll(/\*{3,}/g, "**"));
  return chars.length <= GLOB_MAX
    ? chars.join("")
    : `${chars
        .slice(0, GLOB_MAX - 2)
        .join("")
        .replace(/\**$/, "")}**`;
}

/** Whether any of the patterns matches; compiled once for all effects. */
function matcher(patterns: readonly string[]): (text: string) => boolean {
  const literal = new Set(patterns);
  const globs = patterns
    .filter((pattern) => /[*?]/.test(pattern))
    .flatMap((pattern) => {
      const compiled = compileGlob(pattern);
      return compiled.ok ? [compiled.value] : [];
    });
  return (text) => literal.has(text) || globs.some((glob) => glob.matches(text));
}

/** One finding for every way in which an effect leaves the scope, and for every limit that is exceeded. */
export function scopeFindings(scope: Scope, steps: readonly PlanStep[]): readonly Finding[] {
  const effects = steps.flatMap((step) => step.effects);
  const [systems, environments, resources] = [matcher(scope.systems), matcher(scope.environments), matcher(scope.resources)];
  const leaves = (effect: Effect): readonly Finding[] => [
    ...(systems(effect.system) ? [] : [outside("system", effect.system, scope.systems, effect)]),
    ...(environments(effect.environment) ? [] : [outside("environment", effect.environment, scope.environments, effect)]),
    ...(scope.operations.includes(effect.kind) ? [] : [outside("operation", effect.kind, scope.operations, effect)]),
    ...(resources(effect.resource) ? [] : [outside("resource", undefined, scope.resources, effect)]),
  ];
  return [...effects.flatMap(leaves), ...limitFindings(scope.limits, effects)];
}

/** The resource stands in the finding, not in its words, so that what is wrong in the same way with many is said once. */
function outside(dimension: string, value: string | undefined, allowed: readonly string[], { resource }: Effect): Finding {
  const what = value === undefined ? `The ${dimension}` : `The ${dimension} ${value}`;
  return {
    code: "scope.outside",
    severity: "danger",
    message: `${what} is outside the scope, which allows ${listed(allowed)}`,
    resource,
    remedy: `drop this effect, or ask for a scope whose ${dimension}s allow it`,
    provenance: "derived",
  };
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

/** The kind of an effect that stands for others which are too many to be listed; its field `count` says how many. */
export const UNLISTED = "unlisted";

/** How many effects this one is: itself, or those that it stands for. Undefined where it does not say. */
export const standsFor = (effect: Effect): number | undefined => (effect.resourceKind === UNLISTED ? stated(effect, "count") : 1);

/** How much of each limited quantity an effect takes; undefined when it must take some but does not say how much. */
const MEASURES: Readonly<Record<string, (effect: Effect) => number | undefined>> = {
  effects: standsFor,
  deletes: (effect) => (destroys(effect) ? standsFor(effect) : 0),
  recipients: (effect) => stated(effect, "recipients") ?? (effect.kind === "send" ? undefined : 0),
  rows: (effect) => stated(effect, "rows") ?? (["table", "rows"].includes(effect.resourceKind) ? undefined : 0),
  money: (effect) => stated(effect, "money"),
};

/** A quantity is the new value of the field of its name: a number, or a list whose entries count. */
function stated(effect: Effect, name: string): number | undefined {
  const fields = effect.fields.filter((field) => field.path === name);
  const amounts = fields.map(({ after }) => (after?.kind === "json" ? amountOf(after.value) : undefined));
  // Said twice, it counts twice; said once in a way that cannot be counted, it is not said.
  return fields.length === 0
    ? undefined
    : amounts.reduce<number | undefined>((sum, amount) => (sum === undefined || amount === undefined ? undefined : sum + amount), 0);
}

function amountOf(value: Json): number | undefined {
  if (Array.isArray(value)) return value.length;
  return typeof value === "number" && value >= 0 ? value : undefined;
}

function limitFindings(limits: Scope["limits"], effects: readonly Effect[]): readonly Finding[] {
  return Object.entries(limits).flatMap(([name, limit]) => {
    const amounts = effects.map((effect) => MEASURES[name]?.(effect));
    const total = amounts.reduce<number>((sum, amount) => sum + (amount ?? 0), 0);
    const unmeasured = effects.filter((_, i) => amounts[i] === undefined).map((effect) => unmeasuredFinding(name, limit, effect));
    return total > limit ? [...unmeasured, exceeded(name, total, limit)] : unmeasured;
  });
}

const exceeded = (name: string, total: number, limit: number): Finding => ({
  code: "scope.outside",
  severity: "danger",
  message: `Too much for the limit "${name}": the plan has ${total}, and the scope allows at most ${limit}`,
  remedy: "split the change, or ask for a scope with a higher limit",
  provenance: "derived",
});

const unmeasuredFinding = (name: string, limit: number, effect: Effect): Finding => ({
  code: "scope.unmeasured",
  severity: "danger",
  message: `The scope allows at most ${limit} ${name}, and nobody can say how many this takes`,
  resource: effect.resource,
  remedy: `state the field "${name}", or ask for a scope without this limit`,
  provenance: "unknown",
});
