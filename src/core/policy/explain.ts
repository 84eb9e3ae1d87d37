import { canonical, never, visible } from "../base/index.ts";
import type { Json } from "../base/index.ts";
import type { Bundle, Case } from "./bundle.ts";
import { evaluate } from "./evaluate.ts";
import type { CaseResult, Evaluation, RuleTrace, Seat, Selector } from "./types.ts";

/** Runs a bundle's own cases. */
export const runCases = (bundle: Bundle): CaseResult[] => bundle.cases.map((one) => runCase(bundle, one));

function runCase(bundle: Bundle, { name, facts, expect }: Case): CaseResult {
  const { route, trace } = evaluate(bundle, facts);
  const own = new Set(bundle.rules.map((rule) => rule.id));
  const fired = trace.filter((rule) => rule.fired && (own.has(rule.rule) || expect.rules?.includes(rule.rule))).map((rule) => rule.rule);
  const all = {
    outcome: route.outcome,
    rules: fired.toSorted(),
    seats: route.seats.map((seat) => seat.id),
    holds: [...route.holds],
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

function selectorText(selector: Selector): string {
  switch (selector.kind) {
    case "person":
      return `person ${selector.person}`;
    case "group":
      return `group ${selector.group}`;
    case "role":
      return `role ${selector.role}`;
    case "owner":
      return selector.handle;
    default:
      return never(selector, "selector");
  }
}

function ruleLines({ rule, outcome, fired, when, parts, error }: RuleTrace): string[] {
  const mark = fired ? "fired" : "quiet";
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
  if (typeof value === "object" && value !== null && !Array.isArray(value) && typeof value.error === "string")
    return `error: ${value.error}`;
  return JSON.stringify(value);
}
