import type { Bundle, Rule } from "./bundle.ts";
import { STEP_BOUND, machineOn, runWithin } from "./cel/machine.ts";
import type { Machine, Purse, Seen, Typed } from "./cel/machine.ts";
import { CelError } from "./cel/types.ts";
import type { CelMessage } from "./cel/types.ts";
import { FACTS, stepFactsOf } from "./facts.ts";
import type { Facts } from "./facts.ts";
import { Misfit, fitOf } from "./fit.ts";
import { FACTS_PROFILE, STEP_PROFILE } from "./floor.ts";
import type { FloorRule, Judged } from "./floor.ts";
import { calendarsAt } from "./freezing.ts";
import { withSurfaces } from "./surfaces.ts";

/** What came of a rule that fired or could not be evaluated. `fired` already counts an error the strict way. */
export interface Verdict<R extends Judged = Judged> {
  readonly rule: R;
  readonly fired: boolean;
  readonly error?: string;
  /** Of a rule that is judged for each step: those on which it fired. */
  readonly steps?: readonly string[];
}

/** The machine of each step, in order. */
type StepMachines = () => readonly { readonly id: string; readonly machine: Machine }[];

/** The rules that fired or could not be evaluated, in the bundle's order; the others are quiet. */
export interface Judgement {
  readonly facts: Facts;
  readonly machine: Machine;
  readonly steps: StepMachines;
  readonly floor: readonly Verdict<FloorRule>[];
  readonly rules: readonly Verdict<Rule>[];
}

/** Steps that the surfaces and rules of a bundle may take for one route, and the cases of one bundle together. */
export const ROUTE_STEPS = 5_000_000;

const fit = fitOf(FACTS);
const { places } = FACTS_PROFILE;
const [EFFECTS, SURFACES] = [places.of("effects") as number, places.of("summary.surfaces") as number];
const CALENDARS = places.of("time.calendars") as number;
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
export function judge(bundle: Bundle, given: Checked, indexed: boolean, purse: Purse): Judgement {
  const { facts, seen } = touched(bundle, given, purse);
  const machine = machineOn(seen);
  const steps = stepsOn(facts);
  const floor: Verdict<FloorRule>[] = [];
  for (const rule of bundle.floor) hear(floor, rule, rule.condition.typed, machine, { left: STEP_BOUND });
  const rules = indexed ? heard(bundle, machine, steps, purse) : heardOneByOne(bundle, machine, steps, purse);
  return { facts, machine, steps, floor, rules };
}

/** Made once, and only where a rule asks for them. */
function stepsOn(facts: Facts): StepMachines {
  let made: ReturnType<StepMachines> | undefined;
  return () =>
    (made ??= stepFactsOf(facts).map((step) => {
      const all = { ...facts, step } as unknown as CelMessage;
      return { id: step.id, machine: machineOn({ facts: all, row: STEP_PROFILE.places.row(all) }) };
    }));
}

/** The bundle's own rules that fire, by id and in its order. */
export function firing(bundle: Bundle, given: Checked): readonly string[] {
  const purse = { left: ROUTE_STEPS };
  const { facts, seen } = touched(bundle, given, purse);
  const machine = machineOn(seen);
  const steps = stepsOn(facts);
  const { index, rules } = bundle;
  const words = index.candidates(machine.row);
  const ids: string[] = [];
  for (let w = 0; w < words.length; w++) {
    for (let word = words[w] as number; word !== 0; word &= word - 1) {
      const i = ruleOf(w, word);
      const rule = rules[i] as Rule;
      const value = rule.each ? hearSteps(rule, steps, purse)?.fired : valueOf(index.rests[i] as Typed, machine, purse);
      if (value === true || (value !== undefined && value !== false && rule.outcome !== "auto")) ids.push(rule.id);
    }
  }
  return ids;
}

/** The rule that the lowest bit of a word stands for. */
const ruleOf = (w: number, word: number): number => w * 32 + 31 - Math.clz32(word & -word);

/** With what the bundle's surfaces and calendars add to the facts. */
function touched({ surfaces, calendars }: Bundle, given: Checked, purse: Purse): Checked {
  const marked = withSurfaces(given.facts, surfaces, purse);
  const now = calendars.length === 0 ? [] : calendarsAt(calendars, marked.time.unix * 1000);
  const facts = calendars.length === 0 ? marked : { ...marked, time: { ...marked.time, calendars: now } };
  if (facts === given.facts) return given;
  const row = [...given.seen.row];
  row[EFFECTS] = facts.effects;
  row[SURFACES] = facts.summary.surfaces;
  row[CALENDARS] = facts.time.calendars;
  return { facts, seen: { facts, row } };
}

/** Only those that can match are looked at. */
function heard({ index, rules }: Bundle, machine: Machine, steps: StepMachines, purse: Purse): readonly Verdict<Rule>[] {
  const verdicts: Verdict<Rule>[] = [];
  const words = index.candidates(machine.row);
  for (let w = 0; w < words.length; w++) {
    for (let word = words[w] as number; word !== 0; word &= word - 1) {
      const i = ruleOf(w, word);
      const rule = rules[i] as Rule;
      if (rule.each) hearEach(verdicts, rule, steps, purse);
      else hear(verdicts, rule, index.rests[i] as Typed, machine, purse);
    }
  }
  return verdicts;
}

function heardOneByOne({ index, rules }: Bundle, machine: Machine, steps: StepMachines, purse: Purse): readonly Verdict<Rule>[] {
  const verdicts: Verdict<Rule>[] = [];
  for (const [i, rule] of rules.entries()) {
    if (rule.each) hearEach(verdicts, rule, steps, purse);
    else if (index.canMatch(i, machine.row)) hear(verdicts, rule, index.rests[i] as Typed, machine, purse);
  }
  return verdicts;
}

function hearEach(verdicts: Verdict<Rule>[], rule: Rule, steps: StepMachines, purse: Purse): void {
  const verdict = hearSteps(rule, steps, purse);
  if (verdict) verdicts.push(verdict);
}

/** A rule for each step has fired where it fired on any; one that would let the change pass, where it did so on all. */
function hearSteps(rule: Rule, steps: StepMachines, purse: Purse): Verdict<Rule> | undefined {
  const verdicts = steps().flatMap(({ id, machine }) => {
    const own: Verdict<Rule>[] = [];
    hear(own, rule, rule.condition.typed, machine, purse);
    return own.map((verdict) => ({ id, verdict }));
  });
  if (verdicts.length === 0) return undefined;
  const on = verdicts.filter(({ verdict }) => verdict.fired).map(({ id }) => id);
  const fired = rule.outcome === "auto" && on.length < steps().length ? [] : on;
  const error = verdicts.find(({ verdict }) => verdict.error !== undefined)?.verdict.error;
  if (fired.length === 0 && error === undefined) return undefined;
  return { rule, fired: fired.length > 0, steps: fired, ...(error === undefined ? {} : { error }) };
}

/** A rule that cannot be evaluated has fired, unless it would have let the change pass. */
function hear<R extends Judged>(verdicts: Verdict<R>[], rule: R, asked: Typed, machine: Machine, purse: Purse): void {
  const value = valueOf(asked, machine, purse);
  if (value === true) verdicts.push({ rule, fired: true });
  else if (value !== false)
    verdicts.push({
      rule,
      fired: rule.outcome !== "auto",
      error: value instanceof CelError ? value.message : "the condition has no answer",
    });
}

function valueOf(asked: Typed, machine: Machine, purse: Purse): unknown {
  try {
    return runWithin(asked, machine, purse);
  } catch {
    return new CelError("the condition cannot be evaluated");
  }
}
