import { canonical, sortedSet } from "../base/index.ts";
import type { Digest, Json } from "../base/index.ts";
import { planDigest } from "./digests.ts";
import { isRawObject, pointer } from "./shape.ts";
import type { Effect, EffectKind, Finding, Plan, PlanStep, Statement, Undo } from "./types.ts";

/** One value that is not what it was; absent on one side means that it was not there. */
export interface Delta {
  /** JSON pointer within the thing that changed. */
  readonly path: string;
  readonly before?: Json;
  readonly after?: Json;
}

export interface StepEffect {
  readonly step: string;
  readonly effect: Effect;
}

export interface EffectChange {
  readonly step: string;
  readonly resource: string;
  readonly kind: EffectKind;
  readonly deltas: readonly Delta[];
}

export type StatementList = "impact" | "evidence" | "unverified" | "assumptions";
export interface ListedStatement {
  readonly list: StatementList;
  readonly statement: Statement;
}

export interface Changed<T> {
  readonly added: readonly T[];
  readonly removed: readonly T[];
}

/** What differs between two plans, in the terms of a reader. `equal` says exactly that both have one digest. */
export interface PlanDiff {
  readonly equal: boolean;
  readonly before: Digest;
  readonly after: Digest;
  /** The change itself and what was asked. */
  readonly intent: readonly Delta[];
  readonly scope: readonly Delta[];
  /** `moved`: the steps that both have stand in another order. */
  readonly steps: Changed<string> & {
    readonly moved: boolean;
    readonly changed: readonly { readonly step: string; readonly deltas: readonly Delta[] }[];
  };
  readonly effects: Changed<StepEffect> & { readonly changed: readonly EffectChange[] };
  readonly undo: readonly { readonly step: string; readonly before: Undo; readonly after: Undo }[];
  readonly findings: Changed<Finding>;
  readonly statements: Changed<ListedStatement>;
}

export function diffPlans(before: Plan, after: Plan): PlanDiff {
  const [digestBefore, digestAfter] = [planDigest(before), planDigest(after)];
  const pairs = before.steps.flatMap((old): readonly (readonly [PlanStep, PlanStep])[] => {
    const now = after.steps.find(({ id }) => id === old.id);
    return now === undefined ? [] : [[old, now]];
  });
  return {
    equal: digestBefore === digestAfter,
    before: digestBefore,
    after: digestAfter,
    intent: deltas(asked(before), asked(after)),
    scope: deltas(before.intent.scope, after.intent.scope),
    steps: stepChanges(before, after, pairs),
    effects: effectChanges(before, after),
    undo: pairs
      .filter(([old, now]) => !same(old.undo, now.undo))
      .map(([old, now]) => ({ step: old.id, before: old.undo, after: now.undo })),
    findings: changes(before.findings, after.findings),
    statements: changes(statementsOf(before), statementsOf(after)),
  };
}

const same = (a: unknown, b: unknown): boolean => canonical(a) === canonical(b);

const asked = ({ schema, change, schedule, watch, intent: { scope: _scope, ...said } }: Plan): unknown => ({
  schema,
  change,
  ...said,
  ...(schedule === undefined ? {} : { schedule }),
  ...(watch === undefined ? {} : { watch }),
});

function stepChanges(before: Plan, after: Plan, pairs: readonly (readonly [PlanStep, PlanStep])[]): PlanDiff["steps"] {
  const [old, now] = [before.steps.map(({ id }) => id), after.steps.map(({ id }) => id)];
  const kept = new Set(old.filter((id) => now.includes(id)));
  const own = ({ effects: _effects, undo: _undo, ...rest }: PlanStep): unknown => rest;
  return {
    added: now.filter((id) => !kept.has(id)),
    removed: old.filter((id) => !kept.has(id)),
    moved: !same(
      old.filter((id) => kept.has(id)),
      now.filter((id) => kept.has(id)),
    ),
    changed: pairs.map(([a, b]) => ({ step: a.id, deltas: deltas(own(a), own(b)) })).filter((change) => change.deltas.length > 0),
  };
}

const statementsOf = (plan: Plan): readonly ListedStatement[] =>
  (["impact", "evidence", "unverified", "assumptions"] as const).flatMap((list) => plan[list].map((statement) => ({ list, statement })));

function changes<T>(before: readonly T[], after: readonly T[]): Changed<T> {
  const [old, now] = [new Set(before.map(canonical)), new Set(after.map(canonical))];
  return { added: after.filter((item) => !old.has(canonical(item))), removed: before.filter((item) => !now.has(canonical(item))) };
}

/**
 * What stands on one side only is paired by its step, resource and kind, then by step and resource alone: a pair is one effect
 * that changed. The rest was added or removed.
 */
function effectChanges(before: Plan, after: Plan): PlanDiff["effects"] {
  const { added, removed } = changes(stepEffects(before), stepEffects(after));
  const changed: EffectChange[] = [];
  let [olds, news] = [removed, added];
  for (const key of [keyed(true), keyed(false)]) {
    const waiting = Map.groupBy(news, key);
    const paired = new Set<StepEffect>();
    olds = olds.filter((old) => {
      const now = waiting.get(key(old))?.shift();
      if (now === undefined) return true;
      paired.add(now);
      changed.push({ step: now.step, resource: now.effect.resource, kind: now.effect.kind, deltas: deltas(old.effect, now.effect) });
      return false;
    });
    news = news.filter((now) => !paired.has(now));
  }
  return { added: news, removed: olds, changed };
}

const keyed =
  (byKind: boolean) =>
  ({ step, effect }: StepEffect): string =>
    JSON.stringify([step, effect.resource, byKind ? effect.kind : ""]);

const stepEffects = (plan: Plan): readonly StepEffect[] =>
  plan.steps.flatMap((step) => step.effects.map((effect) => ({ step: step.id, effect })));

/** Member by member where both sides are objects, and by `path` in lists of fields; any other value is one delta. */
function deltas(before: unknown, after: unknown, path = ""): readonly Delta[] {
  if (before !== undefined && after !== undefined && same(before, after)) return [];
  const [old, now] = [membersOf(before), membersOf(after)];
  if (old === undefined || now === undefined) {
    return [
      { path, ...(before === undefined ? {} : { before: before as Json }), ...(after === undefined ? {} : { after: after as Json }) },
    ];
  }
  const names = sortedSet([...old.keys(), ...now.keys()]);
  return names.flatMap((name) => deltas(old.get(name), now.get(name), pointer(path, name)));
}

/** A plan's value is one thing, however it is written. */
function membersOf(value: unknown): ReadonlyMap<string, unknown> | undefined {
  if (Array.isArray(value)) return fieldsByPath(value);
  if (!isRawObject(value) || (value.kind === "json" && "value" in value)) return undefined;
  return new Map(Object.entries(value));
}

function fieldsByPath(list: readonly unknown[]): ReadonlyMap<string, unknown> | undefined {
  const paths = list.map((field) => (isRawObject(field) && typeof field.path === "string" ? field.path : undefined));
  if (list.length === 0 || paths.includes(undefined) || new Set(paths).size < list.length) return undefined;
  return new Map(list.map((field, i) => [paths[i] as string, field]));
}
