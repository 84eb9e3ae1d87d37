/** What the simulated policies say, read from their few numbers and not from their rules. */
import { loadBundle, evaluate, factsOf, OUTCOMES, type Bundle as Loaded, type Outcome } from "../../src/core/policy/index.ts";
import type { Plan } from "../../src/core/plan/index.ts";
import type { Digest, Millis } from "../../src/core/base/index.ts";
import { bundleText, HOUR, type Bundle } from "./facts.ts";
import type { Asked, Must, Track } from "./track.ts";

interface Expected {
  readonly outcome: Outcome;
  readonly holds: readonly string[];
  /** Those that it is under, in force or not. */
  readonly freezes: readonly string[];
  /** Who at least is asked. */
  readonly seats: readonly { readonly kind: "group" | "owner"; readonly group: string; readonly count: number }[];
}

const OWNER = { kind: "owner", group: "", count: 1 } as const;

export function expected(asked: Asked, bundle: Bundle, at: Millis): Expected {
  const holds = bundle.hold === "always" || (bundle.hold === "even" && Math.floor(at / HOUR) % 2 === 0);
  const fired: Outcome[] = [];
  const seats: Expected["seats"][number][] = [];
  const high = asked.kind === "sim" && asked.wishes.some(({ risk }) => risk === "high");
  if (asked.kind === "pawl") {
    fired.push("escalate");
    seats.push({ kind: "group", group: "admins", count: 1 });
  } else {
    // What no rule speaks of is not automatic.
    fired.push(high ? bundle.high : bundle.low === "silent" ? "review" : bundle.low);
    if (high) seats.push(OWNER, { kind: "group", group: "security", count: bundle.count });
    if (holds) fired.push("review");
    if (asked.wishes.some(({ known }) => known !== "derived")) fired.push("review");
    if (asked.wishes.some(({ stray }) => stray)) fired.push("revise");
  }
  // A rule that cannot be evaluated asks for a review, whatever it would have said; no resource here has a path.
  if (bundle.broken !== "no") fired.push("review");
  const outcome = fired.reduce((a, b) => (OUTCOMES.indexOf(b) > OUTCOMES.indexOf(a) ? b : a), "auto");
  const asks = outcome === "review" || outcome === "escalate";
  if (asks && asked.kind === "sim" && !high) seats.push(OWNER);
  const freezes = bundle.frozen !== undefined && asked.kind === "sim" ? ["quiet"] : [];
  return { outcome, holds: holds && asked.kind === "sim" ? ["freeze"] : [], freezes, seats: asks ? seats : [] };
}

const loaded = new Map<string, Loaded>();

/** Compiled once in a process, not once in a world; the first line says nothing to the engine. */
function load(whole: string): Loaded {
  const text = whole.slice(whole.indexOf("\n"));
  const known = loaded.get(text);
  if (known !== undefined) return known;
  const bundle = loadBundle(text);
  if (!bundle.ok) throw new Error(`the simulated policy does not load: ${bundle.error[0]?.caret}`);
  loaded.set(text, bundle.value);
  return bundle.value;
}

export const bundleDigestOf = (text: string): Digest => load(text).digest;

const DENY =
  "  - id: deny\n    outcome: escalate\n    when: size(effects) > 0\n    reason: stricter\n    seats: [{ id: owner, who: [{ owners: true }] }]\ndefaults:";

/** Invariant 12: with a rule more, a danger more, or evidence less, the outcome is never more permissive. */
export function onlyStricter(track: Track, plan: Plan, outcome: Outcome, bundle: Bundle, now: Millis, must: Must): void {
  const text = bundleText(bundle);
  const [as, stricter] = [load(text), load(text.replace("defaults:", DENY))];
  const danger = { code: "x", severity: "danger", message: "x", provenance: "derived" } as const;
  const unsure = plan.steps.map((step) => ({
    ...step,
    effects: step.effects.map((effect) => ({ ...effect, provenance: "unknown" as const, privilege: "unknown" as const })),
  }));
  const variants: readonly (readonly [string, Loaded, Plan])[] = [
    ["with a rule more", stricter, plan],
    ["with a danger more", as, { ...plan, findings: [...plan.findings, danger] }],
    ["with evidence less", as, { ...plan, evidence: [], steps: unsure }],
  ];
  for (const [how, judged, variant] of variants) {
    const other = evaluate(judged, factsOf(variant, { revision: 1, parties: track.parties, now })).route.outcome;
    must(12, OUTCOMES.indexOf(other) >= OUTCOMES.indexOf(outcome), `${how}, ${outcome} becomes ${other}`);
    if (how !== "with a rule more") must(12, other !== "auto", `${how}, it is still automatic`);
  }
}
