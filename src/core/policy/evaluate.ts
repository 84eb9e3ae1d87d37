import { digestJson, sortedSet } from "../base/index.ts";
import type { Purse } from "./cel/machine.ts";
import type { Bundle, Rule } from "./bundle.ts";
import type { Facts } from "./facts.ts";
import { Misfit } from "./fit.ts";
import type { FloorRule } from "./floor.ts";
import { ROUTE_STEPS, checked, judge } from "./judge.ts";
import type { Judgement, Verdict } from "./judge.ts";
import { defaultNote, errorNote, misfitNote, seatsNote, unownedNote } from "./notes.ts";
import type { Note } from "./notes.ts";
import { freezesOn } from "./freezing.ts";
import { NO_SEATS, seatsFor } from "./seats.ts";
import type { Seating, Wanted } from "./seats.ts";
import { noteTrace, traceOf } from "./trace.ts";
import { OUTCOMES } from "./types.ts";
import type { Evaluation, Instruction, Outcome, Route, RuleTrace } from "./types.ts";

const rank = (outcome: Outcome): number => OUTCOMES.indexOf(outcome);
export const strictest = (outcomes: readonly Outcome[]): Outcome => outcomes.reduce((a, b) => (rank(b) > rank(a) ? b : a), "auto");

/** The route alone, for replaying a policy over many facts. */
export const routeOf = (bundle: Bundle, facts: Facts): Route => decide(bundle, facts, { left: ROUTE_STEPS }).route;

/** The route and the rules that fired, paid for out of a purse. */
export function decide(bundle: Bundle, given: Facts, purse: Purse): { readonly route: Route; readonly fired: readonly string[] } {
  const facts = checked(given);
  if (facts instanceof Misfit) return { route: unfit(facts), fired: [misfitNote(facts).rule] };
  const judged = judge(bundle, facts, true, purse);
  const { route, notes } = routed(bundle, judged, purse);
  const rules = [...judged.floor, ...judged.rules].filter(({ fired }) => fired).map(({ rule }) => rule.id);
  return { route, fired: [...rules, ...notes.filter(({ fired }) => fired).map(({ rule }) => rule)] };
}

/** The route and why. `indexed: false` looks at every rule by itself; the route is the same. */
export function evaluate(bundle: Bundle, given: Facts, { indexed = true }: { readonly indexed?: boolean } = {}): Evaluation {
  const facts = checked(given);
  if (facts instanceof Misfit) return sealed(bundle, unfit(facts), () => [noteTrace(misfitNote(facts))]);
  const purse = { left: ROUTE_STEPS };
  const judged = judge(bundle, facts, indexed, purse);
  const { route, notes } = routed(bundle, judged, purse);
  return sealed(bundle, route, () => traceOf(bundle, judged, notes, { left: ROUTE_STEPS }));
}

/** The trace costs more than the route and is not always asked for, so it is made when it is. */
function sealed(bundle: Bundle, route: Route, tell: () => readonly RuleTrace[]): Evaluation {
  let told: readonly RuleTrace[] | undefined;
  return {
    route,
    routeDigest: digestJson(route),
    bundleDigest: bundle.digest,
    get trace() {
      return (told ??= tell());
    },
  };
}

function routed(
  bundle: Bundle,
  { facts, machine, floor, rules }: Judgement,
  purse: Purse,
): { readonly route: Route; readonly notes: readonly Note[] } {
  const fired = [...floor, ...rules].filter((verdict) => verdict.fired);
  const failed = rules.filter((verdict) => verdict.error !== undefined);
  const silent = !rules.some((verdict) => verdict.fired);
  const early = [errorNote(failed), defaultNote(silent)];
  const before = strictest([...fired.map(({ rule }) => rule.outcome), ...outcomesOf(early)]);
  const seating = before === "review" || before === "escalate" ? seatingOf(bundle, facts, rules) : NO_SEATS;
  const notes = [...early, unownedNote(seating), seatsNote(seating)];
  const outcome = strictest([before, ...outcomesOf(notes)]);
  const freezes = freezesOn(bundle, machine, purse);
  const route: Route = {
    outcome,
    seats: seating.seats,
    reasons: reasonsOf(outcome, fired, notes),
    instructions: instructionsOf(facts, floor, rules),
    holds: sortedSet(rules.filter((verdict) => verdict.fired).flatMap(({ rule }) => rule.holds)),
    ...(freezes.length === 0 ? {} : { freezes }),
  };
  return { route, notes };
}

const outcomesOf = (notes: readonly Note[]): Outcome[] => notes.filter((note) => note.fired).map((note) => note.outcome);

/** The seats of all rules that ask for some; the defaults where none does. */
function seatingOf(bundle: Bundle, facts: Facts, rules: readonly Verdict<Rule>[]): Seating {
  const { seats, unowned } = bundle.definition.defaults;
  const asking = rules.filter(({ fired, rule }) => fired && (rule.outcome === "review" || rule.outcome === "escalate"));
  const wanted = asking.flatMap(({ rule, steps = [] }): readonly Wanted[] => {
    const asked = rule.seats.length > 0 ? rule.seats : seats;
    return rule.each ? steps.flatMap((step) => asked.map((seat) => ({ seat, step }))) : asked.map((seat) => ({ seat }));
  });
  if (wanted.length === 0)
    return seatsFor(
      seats.map((seat) => ({ seat })),
      facts.effects,
      unowned,
    );
  return seatsFor([...wanted, ...leftOver(facts, wanted).flatMap((step) => seats.map((seat) => ({ seat, step })))], facts.effects, unowned);
}

/** Where all that is asked is asked for single steps, those for which nobody is: without these rules the defaults would sign them. */
function leftOver({ steps }: Facts, wanted: readonly Wanted[]): readonly string[] {
  const asked = new Set(wanted.map(({ step }) => step));
  return asked.has(undefined) ? [] : steps.map(({ id }) => id).filter((id) => !asked.has(id));
}

/** Strictest first. What let a change pass is a reason only where it did. */
function reasonsOf(outcome: Outcome, fired: readonly Verdict[], notes: readonly Note[]): Route["reasons"] {
  const own = fired.map(({ rule, error, steps = [] }) => ({
    rule: rule.id,
    outcome: rule.outcome,
    text: `${rule.reason}${steps.length === 0 ? "" : ` (${steps.join(", ")})`}${error === undefined ? "" : ` (not evaluated: ${error})`}`,
  }));
  const noted = notes.filter((note) => note.fired).map(({ rule, outcome: of, reason }) => ({ rule, outcome: of, text: reason }));
  return [...own, ...noted]
    .filter((reason) => outcome === "auto" || reason.outcome !== "auto")
    .toSorted((a, b) => rank(b.outcome) - rank(a.outcome));
}

function instructionsOf(facts: Facts, floor: readonly Verdict<FloorRule>[], rules: readonly Verdict<Rule>[]): readonly Instruction[] {
  const built = floor.filter(({ fired }) => fired).flatMap(({ rule }) => rule.instructions?.(facts) ?? []);
  const own = rules.flatMap(({ fired, rule, steps = [] }): readonly Instruction[] => {
    if (!fired || !rule.instruction) return [];
    const said = { rule: rule.id, ...rule.instruction };
    return rule.each ? steps.map((step) => ({ ...said, resource: step })) : [said];
  });
  return [...built, ...own];
}

function unfit(misfit: Misfit): Route {
  const { rule, outcome, reason } = misfitNote(misfit);
  return { outcome, seats: [], reasons: [{ rule, outcome, text: reason }], instructions: [], holds: [] };
}
