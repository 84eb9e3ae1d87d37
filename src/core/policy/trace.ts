import type { Bundle, Rule } from "./bundle.ts";
import { meets } from "./cel/demands.ts";
import type { Machine, Purse } from "./cel/machine.ts";
import { shown } from "./cel/parts.ts";
import type { Judged } from "./floor.ts";
import type { Judgement, Verdict } from "./judge.ts";
import type { Note } from "./notes.ts";
import type { RuleTrace } from "./types.ts";

/** Why each rule fired or did not, in the order of the floor, the bundle and the notes. */
export function traceOf(bundle: Bundle, { floor, rules, machine }: Judgement, notes: readonly Note[], purse: Purse): readonly RuleTrace[] {
  const heard = new Map<Judged, Verdict>([...floor, ...rules].map((verdict) => [verdict.rule, verdict]));
  const tell = (rule: Judged): RuleTrace => ruleTrace(heard.get(rule) ?? { rule, fired: false }, machine, purse);
  return [
    ...bundle.floor.map(tell),
    ...bundle.rules.map((rule) => (cannotMatch(rule, machine) ? skippedTrace(rule) : tell(rule))),
    ...notes.map(noteTrace),
  ];
}

export const noteTrace = ({ rule, outcome, when, reason, fired }: Note): RuleTrace => ({ rule, outcome, fired, when, reason, parts: [] });

const cannotMatch = ({ condition: { plain } }: Rule, { row }: Machine): boolean => plain !== undefined && !meets(plain, row);

function skippedTrace({ id, outcome, reason, condition }: Rule): RuleTrace {
  return { rule: id, outcome, fired: false, when: condition.text, reason, parts: [], skipped: true };
}

function ruleTrace({ rule, fired, error }: Verdict, machine: Machine, purse: Purse): RuleTrace {
  const { condition } = rule;
  const parts = condition.parts
    .map((part) => ({ text: part.text, value: shown(part.run(machine, purse)), witness: part.witness }))
    .filter(({ value, witness }) => !(witness && Array.isArray(value) && value.length === 0))
    .map(({ text, value }) => ({ text, value }));
  return {
    rule: rule.id,
    outcome: rule.outcome,
    fired,
    when: condition.text,
    reason: rule.reason,
    parts,
    ...(error === undefined ? {} : { error }),
  };
}
