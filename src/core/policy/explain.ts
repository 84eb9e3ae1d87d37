import { canonical, isObject, visible } from "../base/index.ts";
import type { Json } from "../base/index.ts";
import type { Bundle, Case } from "./bundle.ts";
import type { Purse } from "./cel/machine.ts";
import { decide } from "./evaluate.ts";
import { frozenAt } from "./freezing.ts";
import { ROUTE_STEPS } from "./judge.ts";
import { selectorText } from "./seats.ts";
import type { CaseResult, Evaluation, RuleTrace, Seat } from "./types.ts";

/** Runs a bundle's own cases. */
export function runCases(bundle: Bundle): CaseResult[] {
  const own = new Set(bundle.rules.map((rule) => rule.id));
  const purse = { left: ROUTE_STEPS };
  return bundle.cases.map((one) => {
    const result = purse.left >= 0 ? runCase(bundle, own, one, purse) : undefined;
    // What ran out of steps in its middle says nothing of the policy.
    if (result && purse.left >= 0) return result;
    return { name: one.name, passed: false, expected: { ...one.expect } as unknown as Json, actual: TOO_COSTLY };
  });
}

const TOO_COSTLY = `too costly: the cases of a policy may take ${ROUTE_STEPS} steps together`;
/** What an effect and a rule cost apart from conditions, in steps. */
const CASE_BASE_COST = { effect: 100, rule: 2 };

function runCase(bundle: Bundle, own: ReadonlySet<string>, { name, facts, expect }: Case, purse: Purse): CaseResult | undefined {
  purse.left -= CASE_BASE_COST.effect * (1 + facts.effects.length) + CASE_BASE_COST.rule * (bundle.rules.length + bundle.floor.length);
  if (purse.left < 0) return undefined;
  const { route, fired: firing } = decide(bundle, facts, purse);
  const fired = firing.filter((rule) => own.has(rule) || expect.rules?.includes(rule));
  const all = {
    outcome: route.outcome,
    rules: fired.toSorted(),
    seats: route.seats.map((seat) => seat.id),
    holds: [
      ...route.holds,
      ...frozenAt(
        bundle,
        (route.freezes ?? []).map((freeze) => freeze.name),
        facts.time.unix * 1000,
      ).map((frozen) => frozen.name),
    ].toSorted(),
    instructions: route.instructions.map((instruction) => instruction.code),
  };
  const wanted = { ...expect, ...(expect.rules ? { rules: expect.rules.toSorted() } : {}) } as unknown as Record<string, Json>;
  const actual = Object.fromEntries(Object.entries(all).filter(([key]) => key in wanted));
  return { name, passed: canonical(actual) === canonical(wanted), expected: wanted, actual };
}

/** Why the route is what it is, as lines for a terminal. Rules that the index ruled out are only counted. */
export function explain(evaluation: Evaluation): string[] {
  return linesOf(evaluation).map((line) => visible(line));
}

function linesOf({ route, trace }: Evaluation): string[] {
  const seen = trace.filter((rule) => !rule.skipped);
  const own = seen.filter((rule) => !rule.rule.startsWith("builtin:"));
  const built = seen.filter((rule) => rule.rule.startsWith("builtin:") && rule.fired);
  const skipped = trace.length - seen.length;
  return [
    `outcome: ${route.outcome}`,
    ...route.reasons.map(({ rule, outcome, text }) => `  ${outcome}: ${text} [${rule}]`),
    ...list("seats", route.seats.map(seatLine)),
    ...list(
      "instructions",
      route.instructions.map(({ code, message, resource }) => `${code}${resource === undefined ? "" : ` ${resource}`}: ${message}`),
    ),
    ...list("holds", route.holds),
    ...list(
      "stands still while its freezes are in force",
      (route.freezes ?? []).map(({ name, calendar, zone, reason }) => `${name}: ${reason} (calendar ${calendar}, ${zone})`),
    ),
    "rules:",
    ...[...built, ...own].flatMap(ruleLines),
    ...(skipped > 0 ? [`  ${skipped} more cannot match these facts`] : []),
  ];
}

const list = (title: string, items: readonly string[]): string[] =>
  items.length > 0 ? [`${title}:`, ...items.map((item) => `  ${item}`)] : [];

function seatLine({ id, who, count, strength }: Seat): string {
  const sitters = who.length === 0 ? "nobody can sit here" : who.map(selectorText).join(" or ");
  return `${id}: ${sitters}${count > 1 ? `, ${count} persons` : ""}${strength === "passkey" ? ", with a passkey" : ""}`;
}

function ruleLines({ rule, outcome, fired, when, parts, error, steps = [] }: RuleTrace): string[] {
  const mark = fired ? `fired${steps.length === 0 ? "" : ` for ${steps.join(", ")}`}` : "quiet";
  return [
    `  ${rule} (${outcome}): ${mark}${error === undefined ? "" : `, because it cannot be evaluated: ${error}`}`,
    ...(when.trim() === parts[0]?.text
      ? []
      : when
          .trim()
          .split("\n")
          .map((line) => `    ${line.trim()}`)),
    // A fact that several leaves look at is shown once.
    ...new Set(parts.map(({ text, value }) => `      ${text} = ${shownValue(value)}`)),
  ];
}

function shownValue(value: RuleTrace["parts"][number]["value"]): string {
  if (isObject(value) && typeof value.error === "string") return `error: ${value.error}`;
  return JSON.stringify(value);
}
