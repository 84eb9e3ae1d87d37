import { byText, canonical, sortedSet } from "../base/index.ts";
import type { Effect, Finding, Observation, Plan, PlanStep, Scope, Statement } from "./types.ts";

/** Sorted by `key`, then by the whole; what is there twice stays once. */
function sorted<T>(items: readonly T[], key: (item: T) => string): readonly T[] {
  if (items.length < 2) return items;
  // The whole is an object. Where no key can end within another, those that differ settle the order, and the whole is not written.
  const short = new Map(items.map((item) => [`${key(item)}${BEFORE_WHOLE}`, item]));
  const settled = short.size === items.length && [...short.keys()].every((text) => text.indexOf(BEFORE_WHOLE) === text.length - 2);
  const keyed = settled ? short : new Map(items.map((item) => [`${key(item)}\u0000${canonical(item)}`, item]));
  return [...keyed].toSorted(([a], [b]) => byText(a, b)).map(([, item]) => item);
}
const BEFORE_WHOLE = "\u0000{";

/** Words only: a name is what it is, byte for byte, and two names that differ in normal form are two things. */
const words = (text: string): string => text.normalize("NFC");

export const normalScope = (scope: Scope): Scope => ({
  ...scope,
  systems: sortedSet(scope.systems),
  environments: sortedSet(scope.environments),
  operations: sortedSet(scope.operations) as Scope["operations"],
  resources: sortedSet(scope.resources),
});

const normalEffect = (effect: Effect): Effect => ({
  ...effect,
  summary: words(effect.summary),
  fields: sorted(effect.fields, (field) => field.path),
  surfaces: sortedSet(effect.surfaces),
  owners: sortedSet(effect.owners),
});

const normalFinding = (finding: Finding): Finding => ({
  ...finding,
  message: words(finding.message),
  ...(finding.remedy === undefined ? {} : { remedy: words(finding.remedy) }),
});

const normalStatement = (statement: Statement): Statement => ({ ...statement, text: words(statement.text) });

/** A step as every step of a plan is: what counts effects counts them after this. */
export const normalStep = (step: PlanStep): PlanStep => ({
  ...step,
  observations: sorted(step.observations, (seen: Observation) => `${seen.subject}\u0000${seen.method}`),
  effects: sorted(step.effects.map(normalEffect), (effect) => `${effect.resource}\u0000${effect.kind}`),
  undo: { ...step.undo, text: words(step.undo.text) },
});

const statements = (list: readonly Statement[]): readonly Statement[] =>
  sorted(list.map(normalStatement), ({ topic, resource }) => `${topic}\u0000${resource ?? ""}`);

/**
 * The one form of all plans that say the same: what has no order of its own is sorted, what is said twice stays once, members
 * without a value are left out, and words are in NFC. Only the order of steps means something.
 */
export const normalPlan = (plan: Plan): Plan =>
  normalAround({ ...plan, intent: { ...plan.intent, scope: normalScope(plan.intent.scope) }, steps: plan.steps.map(normalStep) });

/** The same, for a plan whose scope and steps are normal already. */
export function normalAround(plan: Plan): Plan {
  return withoutAbsent({
    ...plan,
    intent: { ...plan.intent, title: words(plan.intent.title), summary: words(plan.intent.summary) },
    findings: sorted(plan.findings.map(normalFinding), ({ code, resource }) => `${code}\u0000${resource ?? ""}`),
    impact: statements(plan.impact),
    evidence: statements(plan.evidence),
    unverified: statements(plan.unverified),
    assumptions: statements(plan.assumptions),
  });
}

/** A member that is `undefined` is not in the canonical bytes; it is not in the plan either. What has none stays as it is. */
function withoutAbsent<T>(value: T): T {
  if (typeof value !== "object" || value === null) return value;
  return Array.isArray(value) ? (listWithoutAbsent(value) as T) : objectWithoutAbsent(value);
}

function listWithoutAbsent(items: readonly unknown[]): readonly unknown[] {
  let copy: unknown[] | undefined;
  for (let i = 0; i < items.length; i++) {
    const kept = withoutAbsent(items[i]);
    if (kept === items[i]) continue;
    copy ??= [...items];
    copy[i] = kept;
  }
  return copy ?? items;
}

function objectWithoutAbsent<T extends object>(value: T): T {
  const names = Object.keys(value) as (keyof T)[];
  const members = names.map((name) => withoutAbsent(value[name]));
  if (members.every((member, i) => member !== undefined && member === value[names[i] as keyof T])) return value;
  return Object.fromEntries(names.map((name, i) => [name, members[i]]).filter(([, member]) => member !== undefined)) as T;
}
