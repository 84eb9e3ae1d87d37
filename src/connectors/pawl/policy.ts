import { canonical, type Json } from "../../core/base/index.ts";
import type { Finding, Severity } from "../../core/plan/index.ts";
import { OUTCOMES, type Definition, type RuleDefinition, type SurfaceDefinition } from "../../core/policy/index.ts";

/** Findings of one comparison, and characters of one side of a difference. */
const MOST = 200;
const TEXT = 300;

interface Difference {
  readonly code: string;
  readonly severity: Severity;
  readonly message: string;
}

/**
 * What one policy says and the other says otherwise, so that none of it hides in a long text. What is not clearly a tightening is
 * a danger: nothing here judges what a condition lets through.
 */
export function policyFindings(before: Definition, after: Definition): readonly Finding[] {
  const all = [
    ...ruleDifferences(before, after),
    ...surfaceDifferences(before, after),
    ...defaultDifferences(before, after),
    ...timeDifferences(before, after),
    ...glassDifferences(before, after),
    ...caseDifferences(before, after),
  ];
  const rest = all.length - MOST;
  const more: Difference = { code: "pawl.more", severity: "danger", message: `and ${rest} more differences: read the whole text` };
  return [...all.slice(0, MOST), ...(rest > 0 ? [more] : [])].map((one) => ({ ...one, resource: "pawl:policy", provenance: "derived" }));
}

const difference = (code: string, severity: Severity, message: string): Difference => ({ code: `pawl.${code}`, severity, message });

function ruleDifferences(before: Definition, after: Definition): readonly Difference[] {
  const [old, next] = [byKey(before.rules, ({ id }) => id), byKey(after.rules, ({ id }) => id)];
  const changed = before.rules.flatMap((rule) => {
    const now = next.get(rule.id);
    // Without a rule that lets changes pass, fewer pass.
    const severity = rule.outcome === "auto" ? "info" : "danger";
    return now ? ruleChanges(rule, now) : [difference("rule_removed", severity, `rule ${rule.id} (${rule.outcome}) is no longer there`)];
  });
  const passing = after.rules.filter(({ id, outcome }) => outcome === "auto" && !old.has(id));
  return [
    ...changed,
    ...passing.map(({ id, when }) => difference("rule_added", "danger", `rule ${id} is new and lets pass: ${clipped(when)}`)),
  ];
}

function ruleChanges(old: RuleDefinition, now: RuleDefinition): readonly Difference[] {
  const found: Difference[] = [];
  const changed = (code: string, what: string, a: Json | undefined, b: Json | undefined, severity: Severity = "danger"): void => {
    if (said(a) !== said(b))
      found.push(difference(code, severity, `rule ${old.id}: ${what} was ${clipped(said(a))} and becomes ${clipped(said(b))}`));
  };
  const stricter = OUTCOMES.indexOf(now.outcome) > OUTCOMES.indexOf(old.outcome);
  changed(stricter ? "rule_stricter" : "rule_weaker", "its outcome", old.outcome, now.outcome, stricter ? "info" : "danger");
  changed("rule_condition", "its condition", old.when, now.when);
  changed("rule_each", "what it is judged on", old.each ?? "change", now.each ?? "change");
  // Nobody signs for what is blocked or sent back.
  if (now.outcome === "review" || now.outcome === "escalate")
    changed("rule_seats", "who signs", old.seats as unknown as Json, now.seats as unknown as Json);
  changed("rule_instruction", "its instruction", old.instruction, now.instruction);
  const kept = old.holds.every((hold) => now.holds.includes(hold));
  changed("rule_holds", "what it holds for", old.holds.toSorted(), now.holds.toSorted(), kept ? "info" : "danger");
  return found;
}

function surfaceDifferences(before: Definition, after: Definition): readonly Difference[] {
  const next = byKey(after.surfaces, ({ name }) => name);
  return before.surfaces.flatMap((surface) => {
    const now = next.get(surface.name);
    if (!now)
      return [difference("surface_removed", "danger", `surface ${surface.name} is no longer there: ${clipped(said(patternsOf(surface)))}`)];
    const kept = new Set(patternsOf(now));
    const gone = patternsOf(surface).filter((pattern) => !kept.has(pattern));
    if (gone.length === 0) return [];
    return [difference("surface_narrower", "danger", `surface ${surface.name} no longer has ${clipped(said(gone))}`)];
  });
}

const patternsOf = ({ paths, resources, tags }: SurfaceDefinition): string[] => [
  ...paths.map((path) => `path ${path}`),
  ...resources.map((resource) => `resource ${resource}`),
  ...tags.map((tag) => `tag ${tag}`),
];

function defaultDifferences(before: Definition, after: Definition): readonly Difference[] {
  const [old, now] = [said(before.defaults as unknown as Json), said(after.defaults as unknown as Json)];
  if (old === now) return [];
  return [difference("defaults", "danger", `who signs where no rule says so was ${clipped(old)} and becomes ${clipped(now)}`)];
}

/** A calendar may free what it held, whichever way it is moved: only a new one, or a new freeze, is surely no weakening. */
function timeDifferences(before: Definition, after: Definition): readonly Difference[] {
  const moved = <T extends { readonly name: string }>(
    what: string,
    old: readonly T[] = [],
    now: readonly T[] = [],
  ): readonly Difference[] => {
    const next = byKey(now, ({ name }) => name);
    return old.flatMap((one) => {
      const [was, is] = [said(one), said(next.get(one.name))];
      return was === is ? [] : [difference(what, "danger", `${what} ${one.name} was ${clipped(was)} and becomes ${clipped(is)}`)];
    });
  };
  return [...moved("calendar", before.calendars, after.calendars), ...moved("freeze", before.freezes, after.freezes)];
}

function glassDifferences({ breakGlass: before }: Definition, { breakGlass: after }: Definition): readonly Difference[] {
  const [old, now] = [said(before as unknown as Json | undefined), said(after as unknown as Json | undefined)];
  if (old === now) return [];
  const severity = after === undefined ? "info" : "danger";
  return [difference("break_glass", severity, `who may decide alone in an emergency was ${clipped(old)} and becomes ${clipped(now)}`)];
}

/** Cases decide nothing; but a rule without them is weakened with less noise. */
function caseDifferences(before: Definition, after: Definition): readonly Difference[] {
  const next = byKey(after.cases, ({ name }) => name);
  const gone = before.cases
    .filter((one) => said(next.get(one.name) as unknown as Json) !== said(one as unknown as Json))
    .map(({ name }) => name);
  if (gone.length === 0) return [];
  return [difference("cases", "warning", `${gone.length} cases are no longer there as they were: ${clipped(said(gone))}`)];
}

const byKey = <T>(items: readonly T[], key: (item: T) => string): ReadonlyMap<string, T> => new Map(items.map((item) => [key(item), item]));
const said = (value: Json | undefined): string => (value === undefined ? "nothing" : typeof value === "string" ? value : canonical(value));
const clipped = (text: string): string => (text.length <= TEXT ? text : `${text.slice(0, TEXT - 1).toWellFormed()}…`);
