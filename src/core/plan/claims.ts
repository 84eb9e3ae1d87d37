import { compileGlob } from "../base/index.ts";
import type { PrincipalId } from "../base/index.ts";
import { destroys } from "./scope.ts";
import type { Effect, EffectKind, Finding, PlanStep, Proposal, Severity, Statement } from "./types.ts";
import { EFFECT_KINDS } from "./schema-parts.ts";

/** Whether one effect bears a claim out: `unknown` when the effect itself does not say. */
type Verdict = "agrees" | "contradicts" | "unknown";
type Check = (effect: Effect) => Verdict;

/** A claim that Pawl can hold against the decoded effects, and how hard a contradiction is taken. */
interface Checkable {
  readonly said: string;
  readonly severity: Severity;
  readonly check: Check;
}

const verdict = (agrees: boolean): Verdict => (agrees ? "agrees" : "contradicts");

const never =
  (kind: EffectKind): Check =>
  (effect) =>
    verdict(!(effect.kind === kind || (kind === "delete" && destroys(effect))));

const reversible: Check = ({ reversibility }) => (reversibility === "unknown" ? "unknown" : verdict(reversibility === "reversible"));
const internal: Check = ({ exposure }) => (exposure === "unknown" ? "unknown" : verdict(exposure === "none" || exposure === "internal"));
const losesNothing: Check = (effect) => {
  if (destroys(effect)) return "contradicts";
  return effect.reversibility === "unknown" ? "unknown" : verdict(effect.reversibility !== "irreversible");
};

/** The part of a resource's name after `#` is its path within the system; the whole name counts too. */
function only(patterns: readonly string[]): Check | undefined {
  const globs = patterns.map(compileGlob).flatMap((glob) => (glob.ok ? [glob.value] : []));
  if (globs.length === 0 || globs.length < patterns.length) return undefined;
  return ({ resource }) => {
    const path = resource.slice(resource.indexOf("#") + 1);
    return verdict(globs.some((glob) => glob.matches(resource) || glob.matches(path)));
  };
}

/** The claims of a closed vocabulary: `no:<operation>`, `reversible`, `internal`; `only:<pattern>` claims are read together. */
function formalClaims(claims: readonly string[]): readonly Checkable[] {
  const formal = (said: string, check: Check): Checkable => ({ said, severity: "danger", check });
  const patterns = claims.filter((claim) => claim.startsWith("only:")).map((claim) => claim.slice("only:".length));
  const paths = only(patterns);
  const simple = claims.flatMap((claim) => {
    if (claim === "reversible") return [formal(claim, reversible)];
    if (claim === "internal") return [formal(claim, internal)];
    const kind = EFFECT_KINDS.find((known) => claim === `no:${known}`);
    return kind === undefined ? [] : [formal(claim, never(kind))];
  });
  return paths === undefined ? simple : [...simple, formal(patterns.map((pattern) => `only:${pattern}`).join(" "), paths)];
}

const DOCS = ["**/*.md", "**/*.mdx", "**/*.rst", "**/*.adoc", "docs/**", "doc/**"];
const TESTS = ["**/test/**", "**/tests/**", "**/__tests__/**", "**/*.test.*", "**/*.spec.*", "**/*_test.*", "**/test_*"];

/**
 * A few promises as people write them. They are read generously, because a contradiction only makes a reviewer look: a text
 * that says the opposite ("not docs-only") may be flagged, and nothing that a text says makes anything more permissive.
 */
const PHRASES: readonly (readonly [RegExp, Check | undefined])[] = [
  [/\b(?:docs?|documentation)[- ]only\b|\bonly (?:the )?(?:docs|documentation|comments)\b/iu, only(DOCS)],
  [/\btests?[- ]only\b|\bonly (?:the )?tests\b/iu, only(TESTS)],
  [/\b(?:no|without(?: any)?) (?:deletes|deletions|deleting)\b|\bnothing is deleted\b|\bdeletes nothing\b/iu, never("delete")],
  [/\b(?:no|without(?: any)?) data loss\b|\bnon-?destructive\b/iu, losesNothing],
  [/\b(?:fully|easily|completely) reversible\b/iu, reversible],
];

function spokenClaims(texts: readonly string[]): readonly Checkable[] {
  const text = texts.join("\n");
  return PHRASES.flatMap(([phrase, check]) => {
    const said = phrase.exec(text)?.[0];
    return said === undefined || check === undefined ? [] : [{ said, severity: "warning" as const, check }];
  });
}

interface Judged extends Checkable {
  readonly against: readonly Effect[];
  readonly unknown: readonly Effect[];
}

function judge(proposal: Proposal, steps: readonly PlanStep[]): readonly Judged[] {
  const effects = steps.flatMap((step) => step.effects);
  const claims = [...formalClaims(proposal.claims), ...spokenClaims([proposal.title, proposal.summary, ...proposal.claims])];
  return claims.map((claim) => {
    const verdicts = effects.map(claim.check);
    const those = (wanted: Verdict): readonly Effect[] => effects.filter((_, i) => verdicts[i] === wanted);
    return { ...claim, against: those("contradicts"), unknown: those("unknown") };
  });
}

/** What about an effect speaks against a claim, besides its kind. */
const trait = ({ reversibility, exposure }: Effect): string =>
  [
    reversibility === "irreversible" ? ", which cannot be undone" : "",
    exposure === "public" || exposure === "external" ? ", seen outside" : "",
  ].join("");

export interface JudgedClaims {
  /** Where the decoded effects contradict what was said. Never the reverse: agreement earns nothing. */
  readonly findings: readonly Finding[];
  /** Claims that the effects can neither bear out nor contradict. */
  readonly open: readonly Statement[];
}

export function judgeClaims(proposal: Proposal, steps: readonly PlanStep[]): JudgedClaims {
  const judged = judge(proposal, steps);
  return {
    findings: judged.flatMap(({ said, severity, against }) =>
      against.map((effect) => contradiction(proposal.author, said, severity, effect)),
    ),
    open: judged.flatMap(({ said, unknown }) => unknown.map((effect) => openClaim(said, effect))),
  };
}

const contradiction = (author: PrincipalId, said: string, severity: Severity, effect: Effect): Finding => ({
  code: "claim.contradicted",
  severity,
  message: `The words of ${author} do not match the plan. They say “${said}”; the plan says ${effect.kind}${trait(effect)}`,
  resource: effect.resource,
  remedy: "correct what is said, or drop the effect",
  provenance: "derived",
});

const openClaim = (said: string, { resource }: Effect): Statement => ({
  topic: "claim",
  text: `Whether “${said}” holds`,
  resource,
  provenance: "unknown",
  source: "pawl",
});

/** Every claim in its author's own words, each a claim and nothing more. */
export const claimStatements = (proposal: Proposal): readonly Statement[] =>
  proposal.claims.map((text) => ({ topic: "claim", text, provenance: "claimed", source: proposal.author }));
