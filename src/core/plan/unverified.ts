import type { Effect, PlanStep, Scope, Statement } from "./types.ts";

const SOURCE = "pawl";

const unknown = (topic: string, text: string, resource?: string): Statement => ({
  topic,
  text,
  provenance: "unknown",
  source: SOURCE,
  ...(resource === undefined ? {} : { resource }),
});

/** What nobody checked, completed with everything the plan itself shows to be open. Connectors add what only they can know. */
export function missingEvidence(scope: Scope, steps: readonly PlanStep[], evidence: readonly Statement[]): readonly Statement[] {
  const ran = evidence.some(({ topic, provenance }) => topic === "tests.ran" && (provenance === "derived" || provenance === "attested"));
  return [
    ...(ran ? [] : [unknown("tests.ran", "Whether it works: no test run, check or dry run is attached")]),
    ...(scope.origin === "given"
      ? []
      : [unknown("scope", "What it may touch: the request gives no scope, so it was derived from what the request names")]),
    ...steps.flatMap(undoUnknowns),
    ...steps.flatMap((step) => step.effects.flatMap(effectUnknowns)),
  ];
}

/**
 * Holds something that a reviewer cannot look at: content that cannot be shown, a value that was too large, or new bytes of
 * which there is only a digest and no difference.
 */
export function isBlind({ detail, fields }: Effect): boolean {
  const values = fields.flatMap(({ before, after }) => [before, after]);
  const tooLarge = values.some((value) => value?.kind === "bytes" && value.mediaType === TOO_LARGE);
  const newBytes = detail.kind === "none" && fields.some(({ after }) => after?.kind === "bytes");
  return detail.kind === "uninspectable" || tooLarge || newBytes;
}

/** The media type of JSON of which a plan holds the digest only. */
export const TOO_LARGE = "application/json";

function undoUnknowns({ id, undo }: PlanStep): readonly Statement[] {
  if (undo.provenance === "derived" || undo.provenance === "attested") return [];
  return [unknown("undo", `Whether ${id} can be undone as described: nobody checked`)];
}

function effectUnknowns(effect: Effect): readonly Statement[] {
  const { resource } = effect;
  const open: [boolean, string, string][] = [
    [effect.reversibility === "unknown", "reversibility", "Whether it can be reversed"],
    [effect.exposure === "unknown", "exposure", "Who can see or reach it afterwards"],
    [effect.privilege === "unknown", "privilege", "Whether somebody gains or loses rights by it"],
    [effect.owners.length === 0, "owners", "Who owns it"],
    [isBlind(effect), "content", "What is in it: not all of the content can be shown"],
    [
      effect.provenance === "claimed" || effect.provenance === "unknown",
      "effect",
      "Whether this is what will happen: the effect was not derived",
    ],
  ];
  return open.filter(([applies]) => applies).map(([, topic, text]) => unknown(topic, text, resource));
}
