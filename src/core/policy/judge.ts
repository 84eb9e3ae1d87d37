import type { Bundle, Rule } from "./bundle.ts";
import { STEP_BOUND, machineOn } from "./cel/machine.ts";
import type { Machine, Purse, Seen } from "./cel/machine.ts";
import { CelError } from "./cel/types.ts";
import type { CelMessage } from "./cel/types.ts";
import { FACTS } from "./facts.ts";
import type { Facts } from "./facts.ts";
import { Misfit, fitOf } from "./fit.ts";
import { FACTS_PROFILE } from "./floor.ts";
import type { FloorRule, Judged } from "./floor.ts";
import { withSurfaces } from "./surfaces.ts";

/** What came of a rule that fired or could not be evaluated. `fired` already counts an error the strict way. */
export interface Verdict<R extends Judged = Judged> {
  readonly rule: R;
  readonly fired: boolean;
  readonly error?: string;
}

/** The rules that fired or could not be evaluated, in the bundle's order; the others are quiet. */
export interface Judgement {
  readonly facts: Facts;
  readonly machine: Machine;
  readonly floor: readonly Verdict<FloorRule>[];
  readonly rules: readonly Verdict<Rule>[];
}

const fit = fitOf(FACTS);
const { places } = FACTS_PROFILE;
/** A copy of facts that fit their declared shape: nothing can change it, and it need be made but once for many bundles. */
export interface Checked {
  readonly facts: Facts;
  readonly seen: Seen;
}

/** Facts that throw when they are read are no better than facts of the wrong type. */
export function checked(given: Facts): Checked | Misfit {
  try {
    const copy = fit(given);
    if (copy instanceof Misfit) return copy;
    const facts = copy as CelMessage;
    return { facts: facts as unknown as Facts, seen: { facts, row: places.row(facts) } };
  } catch {
    return new Misfit("", "readable");
  }
}

/** `indexed: false` looks at every rule by itself, where else an index finds those that can match. */
export function judge(bundle: Bundle, { facts: given, seen: before }: Checked, indexed: boolean, purse: Purse): Judgement {
  const facts = withSurfaces(given, bundle.surfaces, purse);
  const message = facts as unknown as CelMessage;
  const machine = machineOn(facts === given ? before : { facts: message, row: places.row(message) });
  const floor: Verdict<FloorRule>[] = [];
  for (const rule of bundle.floor) hear(floor, rule, machine, { left: STEP_BOUND });
  const rules: Verdict<Rule>[] = [];
  if (indexed) hearMarked(rules, bundle, machine, purse);
  else for (const [i, rule] of bundle.rules.entries()) if (bundle.index.canMatch(i, machine.row)) hear(rules, rule, machine, purse);
  return { facts, machine, floor, rules };
}

function hearMarked(rules: Verdict<Rule>[], bundle: Bundle, machine: Machine, purse: Purse): void {
  const words = bundle.index.candidates(machine.row);
  for (let w = 0; w < words.length; w++) {
    for (let word = words[w] as number; word !== 0; word &= word - 1) {
      hear(rules, bundle.rules[w * 32 + 31 - Math.clz32(word & -word)] as Rule, machine, purse);
    }
  }
}

/** A rule that cannot be evaluated has fired, unless it would have let the change pass. */
function hear<R extends Judged>(verdicts: Verdict<R>[], rule: R, machine: Machine, purse: Purse): void {
  const value = valueOf(rule, machine, purse);
  if (value === false) return;
  if (value === true) verdicts.push({ rule, fired: true });
  else
    verdicts.push({
      rule,
      fired: rule.outcome !== "auto",
      error: value instanceof CelError ? value.message : "the condition has no answer",
    });
}

function valueOf({ condition }: Judged, machine: Machine, purse: Purse): unknown {
  try {
    return condition.runOn(machine, purse);
  } catch {
    return new CelError("the condition cannot be evaluated");
  }
}
