import { never } from "../base/index.ts";
import { meets } from "./cel/demands.ts";
import type { Demand, Possibility } from "./cel/demands.ts";
import type { Typed } from "./cel/machine.ts";
import type { Expression } from "./cel/profile.ts";
import type { CelMessage, CelValue } from "./cel/types.ts";

/** Finds the rules that can match, by the demands that their conditions make. */
export interface RuleIndex {
  /** The rules that can match these facts: bit `i % 32` of word `i / 32` for rule `i`. */
  candidates(row: readonly CelValue[]): readonly number[];
  /** The same of one rule, looked at by itself. */
  canMatch(rule: number, row: readonly CelValue[]): boolean;
  /** What is left to ask of those that can match. */
  readonly rests: readonly Typed[];
}

/** Rules by pairs: a word's number, and the bits of those in it. */
type Marks = number[];

/** What rules want at one place, and which rules want it. */
interface Column {
  readonly at: Possibility;
  readonly rules: Map<CelValue, Marks>;
}

/** Each rule stands under one of its demands, which holds for few: the others would only narrow what that one lets through. */
export function indexOf(conditions: readonly Expression[]): RuleIndex {
  const chosen = choose(conditions);
  const columns = new Map<string, Column>();
  const always = Array.from({ length: Math.ceil(conditions.length / 32) }, () => 0);
  for (const [rule, demand] of chosen.entries()) {
    if (demand) for (const one of demand) enter(columns, one, rule);
    else always[rule >> 5] = (always[rule >> 5] as number) | (1 << (rule & 31));
  }
  const looks = [...columns.values()].map(lookOf);
  return {
    candidates: (row) => {
      const words = always.slice();
      for (let i = 0; i < looks.length; i++) look(looks[i] as Look, row, words);
      return words;
    },
    canMatch: (rule, row) => {
      const demand = chosen[rule];
      return demand === undefined || meets(demand, row);
    },
    rests: conditions.map(({ typed, beyond }, rule) => {
      const demand = chosen[rule];
      return demand === undefined ? typed : beyond(demand);
    }),
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
  const column = columns.get(key) ?? { at, rules: new Map<CelValue, Marks>() };
  columns.set(key, column);
  for (const value of at.values) column.rules.set(value, marked(column.rules.get(value) ?? [], rule));
}

/** Rules come in order, so that it is in the last word or a new one. */
function marked(marks: Marks, rule: number): Marks {
  const bit = 1 << (rule & 31);
  if (marks.at(-2) === rule >> 5) marks.push((marks.pop() as number) | bit);
  else marks.push(rule >> 5, bit);
  return marks;
}

/** A column as it is looked at: all alike, so that one place in the code looks at all of them. */
interface Look {
  readonly kind: Possibility["kind"];
  readonly place: number;
  readonly member: string | undefined;
  readonly rules: ReadonlyMap<CelValue, Marks>;
  /** Of bounds, from the one that is kept most easily on; upper bounds are negated. */
  readonly limits: readonly number[];
  readonly keeping: readonly Marks[];
}

function lookOf({ at: { kind, place, member }, rules }: Column): Look {
  const sign = kind === "most" ? -1 : 1;
  const bounds = kind === "least" || kind === "most" ? [...rules].map(([limit, marks]) => [sign * (limit as number), marks] as const) : [];
  bounds.sort(([a], [b]) => a - b);
  return { kind, place, member, rules, limits: bounds.map(([limit]) => limit), keeping: bounds.map(([, marks]) => marks) };
}

/** Marks the rules that want something at one place and can have it. */
function look({ kind, place, member, rules, limits, keeping }: Look, row: readonly CelValue[], words: number[]): void {
  const value = row[place] as CelValue;
  switch (kind) {
    case "is":
      return mark(words, rules.get(value));
    case "holds":
      for (let i = 0; i < (value as readonly CelValue[]).length; i++) {
        const item = (value as readonly CelValue[])[i] as CelValue;
        mark(words, rules.get(member === undefined ? item : ((item as CelMessage)[member] as CelValue)));
      }
      return;
    case "least":
    case "most": {
      const reached = kind === "least" ? (value as number) : -(value as number);
      for (let i = 0; i < limits.length && (limits[i] as number) <= reached; i++) mark(words, keeping[i]);
      return;
    }
    default:
      never(kind, "demand");
  }
}

function mark(words: number[], marks: Marks | undefined): void {
  if (marks === undefined) return;
  for (let i = 0; i < marks.length; i += 2) {
    const word = marks[i] as number;
    words[word] = (words[word] as number) | (marks[i + 1] as number);
  }
}
