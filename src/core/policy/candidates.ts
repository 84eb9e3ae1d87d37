import { never } from "../base/index.ts";
import { meets } from "./cel/demands.ts";
import type { Demand, Possibility } from "./cel/demands.ts";
import type { Expression } from "./cel/profile.ts";
import type { CelMessage, CelValue } from "./cel/types.ts";

/** Finds the rules that can match, by the demands that their conditions make. */
export interface RuleIndex {
  /** The rules that can match these facts: bit `i % 32` of word `i / 32` for rule `i`. */
  candidates(row: readonly CelValue[]): readonly number[];
  /** The same of one rule, looked at by itself. */
  canMatch(rule: number, row: readonly CelValue[]): boolean;
}

/** Marks the rules that want something at one place and can have it. */
type Look = (row: readonly CelValue[], words: number[]) => void;

/** What rules want at one place, and which rules want it. */
interface Column {
  readonly at: Possibility;
  readonly rules: Map<CelValue, number[]>;
}

/** Each rule stands under one of its demands, which holds for few: the others would only narrow what that one lets through. */
export function indexOf(conditions: readonly Expression[]): RuleIndex {
  const chosen = choose(conditions);
  const columns = new Map<string, Column>();
  const always = Array.from({ length: Math.ceil(conditions.length / 32) }, () => 0);
  for (const [rule, demand] of chosen.entries()) {
    if (demand) for (const one of demand) enter(columns, one, rule);
    else mark(always, rule);
  }
  const looks = [...columns.values()].map(lookOf);
  return {
    candidates: (row) => {
      const words = always.slice();
      for (let i = 0; i < looks.length; i++) (looks[i] as Look)(row, words);
      return words;
    },
    canMatch: (rule, row) => {
      const demand = chosen[rule];
      return demand === undefined || meets(demand, row);
    },
  };
}

/** Of each rule the demand whose values the fewest rules ask for; a bound, which half of all ints keep, is the last resort. */
function choose(conditions: readonly Expression[]): readonly (Demand | undefined)[] {
  const asked = new Map<string, number>();
  const keys = (demand: Demand): string[] =>
    demand.flatMap((one) => one.values.map((value) => `${columnOf(one)} ${typeof value} ${value}`));
  for (const { demands } of conditions)
    for (const demand of demands) for (const key of keys(demand)) asked.set(key, (asked.get(key) ?? 0) + 1);
  const crowd = (demand: Demand): number => {
    if (demand.some(({ kind }) => kind === "least" || kind === "most")) return conditions.length * 1000;
    return keys(demand).reduce((sum, key) => sum + (asked.get(key) ?? 0), 0);
  };
  return conditions.map(({ demands }) => demands.toSorted((a, b) => crowd(a) - crowd(b))[0]);
}

const columnOf = ({ place, kind, member }: Possibility): string => `${place} ${kind} ${member ?? ""}`;

function enter(columns: Map<string, Column>, at: Possibility, rule: number): void {
  const key = columnOf(at);
  const column = columns.get(key) ?? { at, rules: new Map<CelValue, number[]>() };
  columns.set(key, column);
  for (const value of at.values) {
    const rules = column.rules.get(value);
    if (rules) rules.push(rule);
    else column.rules.set(value, [rule]);
  }
}

function lookOf({ at: { kind, place, member }, rules }: Column): Look {
  switch (kind) {
    case "is":
      return (row, words) => markAll(words, rules.get(row[place] as CelValue));
    case "holds":
      return (row, words) => {
        const items = row[place] as readonly CelValue[];
        for (let i = 0; i < items.length; i++) {
          const item = items[i] as CelValue;
          markAll(words, rules.get(member === undefined ? item : ((item as CelMessage)[member] as CelValue)));
        }
      };
    case "least":
    case "most":
      return lookAlong(place, rules, kind === "least" ? 1 : -1);
    default:
      return never(kind, "demand");
  }
}

/** From the bound that is kept most easily on, to the first that is not. */
function lookAlong(place: number, rules: Column["rules"], sign: 1 | -1): Look {
  const sorted = [...rules].toSorted(([a], [b]) => sign * ((a as number) - (b as number)));
  const limits = sorted.map(([limit]) => sign * (limit as number));
  const wanting = sorted.map(([, rule]) => rule);
  return (row, words) => {
    const value = sign * (row[place] as number);
    for (let i = 0; i < limits.length && (limits[i] as number) <= value; i++) markAll(words, wanting[i]);
  };
}

function markAll(words: number[], rules: readonly number[] | undefined): void {
  if (rules) for (let i = 0; i < rules.length; i++) mark(words, rules[i] as number);
}

function mark(words: number[], rule: number): void {
  words[rule >> 5] = (words[rule >> 5] as number) | (1 << (rule & 31));
}
