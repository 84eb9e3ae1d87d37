import { factAt } from "./cel/guards.ts";
import type { Guard } from "./cel/guards.ts";
import type { Expression } from "./cel/profile.ts";
import type { CelMessage, CelValue } from "./cel/types.ts";

/** Finds the rules that can match, by the necessary conditions that their texts show. */
export interface RuleIndex {
  /** The rules that can match these facts, by position and in order. */
  candidates(facts: CelMessage): readonly number[];
}

interface Column {
  readonly guard: Guard;
  readonly rules: Map<CelValue, number[]>;
}

/** Each rule stands under one of its guards; the others would only narrow what that one lets through. */
export function indexOf(conditions: readonly Expression[]): RuleIndex {
  const columns = new Map<string, Column>();
  const always: number[] = [];
  for (const [i, { guards }] of conditions.entries()) {
    const [guard] = guards;
    if (guard) enter(columns, guard, i);
    else always.push(i);
  }
  return { candidates: (facts) => candidates([...columns.values()], always, facts) };
}

function enter(columns: Map<string, Column>, guard: Guard, rule: number): void {
  const key = `${guard.kind} ${guard.path.join(".")}`;
  const column = columns.get(key) ?? { guard, rules: new Map<CelValue, number[]>() };
  columns.set(key, column);
  for (const value of guard.values) column.rules.set(value, [...(column.rules.get(value) ?? []), rule]);
}

function candidates(columns: readonly Column[], always: readonly number[], facts: CelMessage): readonly number[] {
  const found = new Set(always);
  for (const { guard, rules } of columns) {
    const value = factAt(guard.path, facts);
    const keys = guard.kind === "equals" ? [value] : (value as readonly CelValue[]);
    for (const key of keys) for (const rule of rules.get(key) ?? []) found.add(rule);
  }
  return [...found].toSorted((a, b) => a - b);
}
