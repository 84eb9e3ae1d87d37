import { byText } from "./normal.ts";
import type { Item, ItemOf } from "./presentation.ts";
import type { Effect, Plan, Provenance, Statement } from "./types.ts";

const fact = (label: string, text: string): Item => ({ kind: "fact", label, text });
const orNothing = (texts: readonly string[]): string => (texts.length === 0 ? "nothing" : texts.join(", "));

/** The scope as sentences, and whether everything is inside it. */
export function scopeItems(plan: Plan, outside: number): readonly Item[] {
  const { scope } = plan.intent;
  const total = plan.steps.reduce((sum, step) => sum + step.effects.length, 0);
  const limits = Object.entries(scope.limits).toSorted(([a], [b]) => byText(a, b));
  const all = total === 1 ? "The one effect is" : `All ${total} effects are`;
  const verdict = outside === 0 ? `${all} inside the scope.` : "Not everything is inside the scope: see the findings.";
  return [
    { kind: "note", text: verdict },
    fact("scope", scope.origin === "given" ? "as the proposer gave it" : "derived from what the request names; none was given"),
    fact("systems", orNothing(scope.systems)),
    fact("environments", orNothing(scope.environments)),
    fact("operations", orNothing(scope.operations)),
    fact("resources", orNothing(scope.resources)),
    ...(limits.length === 0 ? [] : [fact("limits", limits.map(([name, limit]) => `${name} ≤ ${limit}`).join(", "))]),
  ];
}

/** What the effects themselves say about their reach. */
export function reachItems(plan: Plan): readonly Item[] {
  const effects = plan.steps.flatMap((step) => step.effects);
  const rows: readonly (readonly [string, (effect: Effect) => readonly string[]])[] = [
    ["systems", (effect) => [effect.system]],
    ["environments", (effect) => [effect.environment]],
    ["surfaces", (effect) => effect.surfaces],
    ["owners", (effect) => effect.owners],
  ];
  return rows.map(([label, of]) => fact(label, tally(effects.flatMap(of)))).filter((item) => item.kind === "fact" && item.text !== "");
}

function tally(texts: readonly string[]): string {
  const counts = new Map<string, number>();
  for (const text of texts) counts.set(text, (counts.get(text) ?? 0) + 1);
  return [...counts]
    .toSorted(([a], [b]) => byText(a, b))
    .map(([text, n]) => (n === 1 ? text : `${text} (${n})`))
    .join(", ");
}

const STRENGTH: readonly Provenance[] = ["attested", "derived", "claimed", "unknown"];

/** Statements that differ only in their resource are said once, of all those resources. */
export function statementItems(statements: readonly Statement[]): readonly ItemOf<"statement">[] {
  const groups = new Map<string, ItemOf<"statement">>();
  for (const { topic, text, provenance, source, resource } of statements) {
    const key = JSON.stringify([topic, text, provenance, source, resource === undefined]);
    const before = groups.get(key)?.resources ?? [];
    groups.set(key, { kind: "statement", topic, text, resources: resource === undefined ? before : [...before, resource], provenance, source });
  }
  return [...groups.values()].toSorted((a, b) => STRENGTH.indexOf(a.provenance) - STRENGTH.indexOf(b.provenance));
}
