import { destroys, isBlind } from "../plan/index.ts";
import type { Effect, EffectKind, Finding, Plan, Severity } from "../plan/index.ts";
import { together } from "./together.ts";
import type { ItemOf, Tone } from "./types.ts";

const TONES: readonly Tone[] = ["destructive", "outward", "changing", "adding"];

const GRAVEST: readonly Severity[] = ["refused", "danger", "warning", "info"];
type FindingItem = ItemOf<"finding">;

/** The gravest first. */
export function findingItems(findings: readonly Finding[]): readonly FindingItem[] {
  const items = together(findings).map(({ said, resources }): FindingItem => ({ kind: "finding", ...said, resources }));
  return items.toSorted((a, b) => GRAVEST.indexOf(a.severity) - GRAVEST.indexOf(b.severity));
}

/** Findings that stand above everything else. */
export const isAlert = ({ severity }: FindingItem): boolean => severity === "danger" || severity === "refused";
/** Findings that answer whether this is what was asked. */
export const isAboutIntent = ({ code }: FindingItem): boolean => /^(?:scope|claim|text)\./.test(code);

export function effectItems(plan: Plan): readonly ItemOf<"effect">[] {
  const items = plan.steps.flatMap((step) =>
    step.effects.map((effect): ItemOf<"effect"> => ({
      kind: "effect",
      step: step.id,
      tone: toneOf(effect),
      consequence: consequenceOf(effect),
      effect,
    })),
  );
  // The sort is stable: within a tone the plan's own order stays.
  return items.toSorted((a, b) => TONES.indexOf(a.tone) - TONES.indexOf(b.tone) || blind(a.effect) - blind(b.effect));
}

/** What cannot be looked into comes before what can. */
const blind = (effect: Effect): number => (isBlind(effect) ? 0 : 1);

function toneOf(effect: Effect): Tone {
  if (destroys(effect) || effect.reversibility === "irreversible") return "destructive";
  const outward = ["send", "grant", "revoke", "execute"].includes(effect.kind) || ["external", "public"].includes(effect.exposure);
  if (outward || effect.privilege === "gained") return "outward";
  return effect.kind === "create" ? "adding" : "changing";
}

const REVERSAL: Readonly<Record<Effect["reversibility"], string>> = {
  reversible: "reversible",
  compensable: "can be made good, not reversed",
  irreversible: "cannot be undone",
  unknown: "nobody knows whether it can be undone",
};
const EXPOSURE: Readonly<Record<Effect["exposure"], string>> = {
  none: "",
  internal: "",
  external: "seen outside",
  public: "seen by the public",
  unknown: "nobody knows who will see it",
};
const PRIVILEGE: Readonly<Record<Effect["privilege"], string>> = {
  none: "",
  gained: "gives rights",
  lost: "takes rights",
  unknown: "nobody knows what rights it gives",
};

const consequenceOf = (effect: Effect): string =>
  [REVERSAL[effect.reversibility], PRIVILEGE[effect.privilege], EXPOSURE[effect.exposure]].filter((words) => words !== "").join(" · ");

const DONE: readonly (readonly [EffectKind, string])[] = [
  ["delete", "deleted"],
  ["replace", "replaced"],
  ["revoke", "revoked"],
  ["grant", "granted"],
  ["send", "sent"],
  ["execute", "executed"],
  ["update", "updated"],
  ["create", "created"],
];

export function changesAnswer(plan: Plan): string {
  const kinds = plan.steps.flatMap((step) => step.effects.map((effect) => effect.kind));
  const counted = DONE.map(([kind, done]) => [kinds.filter((k) => k === kind).length, done] as const).filter(([n]) => n > 0);
  return counted.length === 0 ? "nothing" : counted.map(([n, done]) => `${n} ${done}`).join(" · ");
}
