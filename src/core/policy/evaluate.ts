import { digestJson, sortedSet } from "../base/index.ts";
import { shown } from "./cel/parts.ts";
import { CelError } from "./cel/types.ts";
import type { CelMessage } from "./cel/types.ts";
import type { Purse } from "./cel/machine.ts";
import type { Bundle, Rule } from "./bundle.ts";
import { FACTS } from "./facts.ts";
import type { Facts } from "./facts.ts";
import { Misfit, fitOf } from "./fit.ts";
import type { FloorRule, Judged } from "./floor.ts";
import { MOST_SEATS, NO_SEATS, seatsFor } from "./seats.ts";
import type { Seating } from "./seats.ts";
import { withSurfaces } from "./surfaces.ts";
import { OUTCOMES } from "./types.ts";
import type { Evaluation, Instruction, Outcome, Route, RuleTrace } from "./types.ts";

const rank = (outcome: Outcome): number => OUTCOMES.indexOf(outcome);
export const strictest = (outcomes: readonly Outcome[]): Outcome => outcomes.reduce((a, b) => (rank(b) > rank(a) ? b : a), "auto");

/** What came of one rule. `fired` already counts an error the strict way. */
interface Verdict<R extends Judged = Judged> {
  readonly rule: R;
  readonly fired: boolean;
  readonly error?: string;
}

interface Judgement {
  readonly facts: Facts;
  readonly floor: readonly Verdict<FloorRule>[];
  /** Without those that cannot match. */
  readonly rules: readonly Verdict<Rule>[];
}

/** What the floor adds that no condition over the facts can say. */
interface Note {
  readonly rule: string;
  readonly outcome: Outcome;
  readonly when: string;
  readonly reason: string;
  readonly fired: boolean;
}

const fit = fitOf(FACTS);

/** Steps that the surfaces and rules of a bundle may take for one route, and the cases of one bundle together. */
export const ROUTE_STEPS = 5_000_000;

/** The route alone, for replaying a policy over many facts. */
export const routeOf = (bundle: Bundle, facts: Facts): Route => decide(bundle, facts, { left: ROUTE_STEPS }).route;

/** The route and the rules that fired, paid for out of a purse. */
export function decide(bundle: Bundle, facts: Facts, purse: Purse): { readonly route: Route; readonly fired: readonly string[] } {
  const judged = judge(bundle, facts, true, purse);
  if (judged instanceof Misfit) return { route: unfit(judged), fired: [misfitNote(judged).rule] };
  const { route, notes } = routed(bundle, judged);
  const rules = [...judged.floor, ...judged.rules].filter(({ fired }) => fired).map(({ rule }) => rule.id);
  return { route, fired: [...rules, ...notes.filter(({ fired }) => fired).map(({ rule }) => rule)] };
}

/** The route and why. `indexed: false` evaluates every rule, also those that cannot match; the route is the same. */
export function evaluate(bundle: Bundle, facts: Facts, { indexed = true }: { readonly indexed?: boolean } = {}): Evaluation {
  const judged = judge(bundle, facts, indexed, { left: ROUTE_STEPS });
  if (judged instanceof Misfit) return sealed(bundle, unfit(judged), [traceOfNote(misfitNote(judged))]);
  const { route, notes } = routed(bundle, judged);
  const seen = judged.facts as unknown as CelMessage;
  const purse = { left: ROUTE_STEPS };
  const floor = judged.floor.map((verdict) => traceOf(verdict, seen, purse));
  const judgedRules = new Map(judged.rules.map((verdict) => [verdict.rule, traceOf(verdict, seen, purse)]));
  const trace = [...floor, ...bundle.rules.map((rule) => judgedRules.get(rule) ?? skippedTrace(rule)), ...notes.map(traceOfNote)];
  return sealed(bundle, route, trace);
}

const sealed = (bundle: Bundle, route: Route, trace: readonly RuleTrace[]): Evaluation => ({
  route,
  routeDigest: digestJson(route),
  bundleDigest: bundle.digest,
  trace,
});

function judge(bundle: Bundle, given: Facts, indexed: boolean, purse: Purse): Judgement | Misfit {
  const copy = copied(given);
  if (copy instanceof Misfit) return copy;
  const facts = withSurfaces(copy, bundle.surfaces, purse);
  const seen = facts as unknown as CelMessage;
  const rules = indexed ? bundle.index.candidates(seen).map((i) => bundle.rules[i] as Rule) : bundle.rules;
  return {
    facts,
    floor: bundle.floor.map((rule) => run(rule, seen)),
    rules: rules.map((rule) => run(rule, seen, purse)),
  };
}

/** Facts that throw when they are read are no better than facts of the wrong type. */
function copied(facts: Facts): Facts | Misfit {
  try {
    const copy = fit(facts);
    return copy instanceof Misfit ? copy : (copy as unknown as Facts);
  } catch {
    return new Misfit("", "readable");
  }
}

/** A rule that cannot be evaluated has fired, unless it would have let the change pass. */
function run<R extends Judged>(rule: R, facts: CelMessage, purse?: Purse): Verdict<R> {
  const value = guarded(rule, facts, purse);
  if (typeof value === "boolean") return { rule, fired: value };
  return { rule, fired: rule.outcome !== "auto", error: value instanceof CelError ? value.message : "the condition has no answer" };
}

function guarded({ condition }: Judged, facts: CelMessage, purse?: Purse): unknown {
  if (condition.guards.some((guard) => !guard.meets(facts))) return false;
  try {
    return condition.run(facts, purse);
  } catch {
    return new CelError("the condition cannot be evaluated");
  }
}

function routed(bundle: Bundle, { facts, floor, rules }: Judgement): { readonly route: Route; readonly notes: readonly Note[] } {
  const fired = [...floor, ...rules].filter((verdict) => verdict.fired);
  const failed = rules.filter((verdict) => verdict.error !== undefined);
  const silent = !rules.some((verdict) => verdict.fired);
  const early = [errorNote(failed), defaultNote(silent)];
  const before = strictest([...fired.map(({ rule }) => rule.outcome), ...outcomesOf(early)]);
  const seating = before === "review" || before === "escalate" ? seatingOf(bundle, facts, rules) : NO_SEATS;
  const notes = [...early, unownedNote(seating), seatsNote(seating)];
  const outcome = strictest([before, ...outcomesOf(notes)]);
  const route: Route = {
    outcome,
    seats: seating.seats,
    reasons: reasonsOf(outcome, fired, notes),
    instructions: instructionsOf(facts, floor, rules),
    holds: sortedSet(rules.filter((verdict) => verdict.fired).flatMap(({ rule }) => rule.holds)),
  };
  return { route, notes };
}

const outcomesOf = (notes: readonly Note[]): Outcome[] => notes.filter((note) => note.fired).map((note) => note.outcome);

/** The seats of all rules that ask for some; the defaults where none does. */
function seatingOf(bundle: Bundle, facts: Facts, rules: readonly Verdict<Rule>[]): Seating {
  const { seats, unowned } = bundle.definition.defaults;
  const asking = rules.filter(({ fired, rule }) => fired && (rule.outcome === "review" || rule.outcome === "escalate"));
  const wanted = asking.flatMap(({ rule }) => (rule.seats.length > 0 ? rule.seats : seats));
  return seatsFor(wanted.length > 0 ? wanted : seats, facts.effects, unowned);
}

/** Strictest first. What let a change pass is a reason only where it did. */
function reasonsOf(outcome: Outcome, fired: readonly Verdict[], notes: readonly Note[]): Route["reasons"] {
  const own = fired.map(({ rule, error }) => ({
    rule: rule.id,
    outcome: rule.outcome,
    text: error === undefined ? rule.reason : `${rule.reason} (not evaluated: ${error})`,
  }));
  const noted = notes.filter((note) => note.fired).map(({ rule, outcome: of, reason }) => ({ rule, outcome: of, text: reason }));
  return [...own, ...noted]
    .filter((reason) => outcome === "auto" || reason.outcome !== "auto")
    .toSorted((a, b) => rank(b.outcome) - rank(a.outcome));
}

function instructionsOf(facts: Facts, floor: readonly Verdict<FloorRule>[], rules: readonly Verdict<Rule>[]): readonly Instruction[] {
  const built = floor.filter(({ fired }) => fired).flatMap(({ rule }) => rule.instructions?.(facts) ?? []);
  const own = rules.flatMap(({ fired, rule }) => (fired && rule.instruction ? [{ rule: rule.id, ...rule.instruction }] : []));
  return [...built, ...own];
}

const errorNote = (failed: readonly Verdict[]): Note => ({
  rule: "builtin:rule-error",
  outcome: "review",
  when: "a rule cannot be evaluated",
  reason: `what cannot be evaluated is never passed automatically: ${failed.map(({ rule }) => rule.id).join(", ")}`,
  fired: failed.length > 0,
});

const defaultNote = (silent: boolean): Note => ({
  rule: "builtin:default",
  outcome: "review",
  when: "no rule of the bundle fires",
  reason: "nothing is automatic unless a rule says so",
  fired: silent,
});

const unownedNote = ({ unowned }: Seating): Note => ({
  rule: "builtin:unowned",
  outcome: "escalate",
  when: "a seat has no sitter, because nobody owns what is touched",
  reason: `nobody owns ${unowned.slice(0, 5).join(", ")}${unowned.length > 5 ? ` and ${unowned.length - 5} more` : ""}, and the policy names nobody in their stead`,
  fired: unowned.length > 0,
});

const seatsNote = ({ tooMany }: Seating): Note => ({
  rule: "builtin:too-many-seats",
  outcome: "block",
  when: "the change asks for more signatures than anybody can gather",
  reason: `the change would need more than ${MOST_SEATS} seats: propose it in parts`,
  fired: tooMany,
});

const misfitNote = (misfit: Misfit): Note => ({
  rule: "builtin:facts",
  outcome: "block",
  when: "the facts are not as declared",
  reason: `the facts cannot be judged: ${misfit.message}`,
  fired: true,
});

function unfit(misfit: Misfit): Route {
  const { rule, outcome, reason } = misfitNote(misfit);
  return { outcome, seats: [], reasons: [{ rule, outcome, text: reason }], instructions: [], holds: [] };
}

const traceOfNote = ({ rule, outcome, when, reason, fired }: Note): RuleTrace => ({ rule, outcome, fired, when, reason, parts: [] });

function skippedTrace({ id, outcome, reason, condition }: Rule): RuleTrace {
  return { rule: id, outcome, fired: false, when: condition.text, reason, parts: [], skipped: true };
}

function traceOf({ rule, fired, error }: Verdict, facts: CelMessage, purse: Purse): RuleTrace {
  const { condition } = rule;
  const parts = condition.parts
    .map((part) => ({ text: part.text, value: shown(part.run(facts, purse)), witness: part.witness }))
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
