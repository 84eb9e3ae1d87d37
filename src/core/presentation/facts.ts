import { byText } from "../base/index.ts";
import { EFFECT_KINDS } from "../plan/index.ts";
import type { Effect, Plan, Provenance, Statement } from "../plan/index.ts";
import { together } from "./together.ts";
import type { Item, ItemOf } from "./types.ts";

const fact = (label: string, text: string): Item => ({ kind: "fact", label, text });
const orNothing = (texts: readonly string[]): string => (texts.length === 0 ? "nothing" : texts.join(", "));

/** The scope as sentences, and whether everything is inside it. */
export function scopeItems(plan: Plan, outside: boolean): readonly Item[] {
  const { scope, author } = plan.intent;
  const total = plan.steps.reduce((sum, step) => sum + step.effects.length, 0);
  const limits = Object.entries(scope.limits).toSorted(([a], [b]) => byText(a, b));
  const few = ["There are no effects, so all is", "The one effect is", "Both effects are"];
  const all = few[total] ?? `All ${total} effects are`;
  const verdict = outside ? "Not everything is inside the scope: see the findings above." : `${all} inside the scope.`;
  return [
    { kind: "note", text: verdict },
    fact("scope", scope.origin === "given" ? `as ${author} gave it` : "derived from what the request names; none was given"),
    fact("systems", orNothing(scope.systems)),
    fact("environments", orNothing(scope.environments)),
    fact("operations", scope.operations.length === EFFECT_KINDS.length ? "any" : orNothing(scope.operations)),
    fact("resources", orNothing(scope.resources)),
    ...(limits.length === 0 ? [] : [fact("limits", limits.map(([name, limit]) => `${name} ≤ ${limit}`).join(", "))]),
  ];
}

const EXPOSED = { internal: "inside", external: "outside", public: "by the public", unknown: "by nobody knows whom" } as const;

/** What the effects themselves say about their reach. */
export function reachItems(plan: Plan): readonly Item[] {
  const effects = plan.steps.flatMap((step) => step.effects);
  const rows: readonly (readonly [string, (effect: Effect) => readonly string[]])[] = [
    ["systems", (effect) => [effect.system]],
    ["environments", (effect) => [effect.environment]],
    ["surfaces", (effect) => effect.surfaces],
    ["seen", (effect) => (effect.exposure === "none" ? [] : [EXPOSED[effect.exposure]])],
    ["rights", (effect) => (effect.privilege === "none" ? [] : [effect.privilege])],
    ["owners", (effect) => effect.owners],
  ];
  return rows.map(([label, of]) => fact(label, tally(effects.flatMap(of)))).filter((item) => item.kind === "fact" && item.text !== "");
}

export function reachAnswer(plan: Plan): string {
  const effects = plan.steps.flatMap((step) => step.effects);
  const different = (of: (effect: Effect) => readonly string[]): number => new Set(effects.flatMap(of)).size;
  const named = (n: number, one: string): string => `${n} ${n === 1 ? one : `${one}s`}`;
  return [
    named(
      different((effect) => [`${effect.system}\u0000${effect.environment}`]),
      "environment",
    ),
    named(
      different((effect) => effect.surfaces),
      "marked surface",
    ),
    named(
      different((effect) => effect.owners),
      "owner",
    ),
  ].join(" · ");
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

type Known = ItemOf<"statement"> | ItemOf<"observation">;
const strength = (item: Known): number => STRENGTH.indexOf(item.kind === "statement" ? item.provenance : item.observation.provenance);
/** What is known best first; the order is otherwise kept. */
export const byStrength = (a: Known, b: Known): number => strength(a) - strength(b);

/** What is known best first. */
export const statementItems = (statements: readonly Statement[]): readonly ItemOf<"statement">[] =>
  together(statements)
    .map(({ said, resources }): ItemOf<"statement"> => ({ kind: "statement", ...said, resources }))
    .toSorted(byStrength);
