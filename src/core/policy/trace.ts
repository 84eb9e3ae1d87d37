import type { Bundle, Rule } from "./bundle.ts";
import { meets } from "./cel/demands.ts";
import type { Machine, Purse } from "./cel/machine.ts";
import { shown } from "./cel/parts.ts";
import type { Judged } from "./floor.ts";
import type { Judgement, Verdict } from "./judge.ts";
import type { Note } from "./notes.ts";
import type { RuleTrace } from "./types.ts";

/** Why each rule fired or did not, in the order of the floor, the bundle and the notes. */
export function traceOf(
  bundle: Bundle,
  { floor, rules, machine, steps }: Judgement,
  notes: readonly Note[],
  purse: Purse,
): readonly RuleTrace[] {
  const heard = new Map<Judged, Verdict>([...floor, ...rules].map((verdict) => [verdict.rule, verdict]));
  const tell = (rule: Judged & { readonly each?: "step" }): RuleTrace => {
    const verdict = heard.get(rule) ?? { rule, fired: false };
    // Of a rule for each step the values are those of the first step on which it fired.
    const seen = rule.each && (steps().find(({ id }) => id === verdict.steps?.[0]) ?? steps()[0]);
    if (rule.each && !seen) return ruleTrace(verdict, undefined, purse);
    return ruleTrace(verdict, seen?.machine ?? machine, purse);
  };
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

function ruleTrace({ rule, fired, error, steps = [] }: Verdict, machine: Machine | undefined, purse: Purse): RuleTrace {
  const { condition } = rule;
  const parts = (machine === undefined ? [] : condition.parts)
    .map((part) => ({ text: part.text, value: shown(part.run(machine as Machine, purse)), witness: part.witness }))
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
    ...(steps.length === 0 ? {} : { steps }),
  };
}
