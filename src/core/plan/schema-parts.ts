import { GLOB_MAX, PATTERNS, parseInstant } from "../base/index.ts";
import { also, choice, integer, list, object, record, text } from "./shape.ts";
import type { EffectKind } from "./types.ts";

export const EFFECT_KINDS: readonly EffectKind[] = ["create", "update", "delete", "replace", "send", "grant", "revoke", "execute"];
const LIMITS = ["effects", "deletes", "recipients", "rows", "money"] as const;

export const CHANGE_ID = text({ max: 57, pattern: PATTERNS.id, what: "a change's id" });
export const PRINCIPAL = text({
  max: 73,
  pattern: PATTERNS.principal,
  what: "a principal: human:NAME, agent:NAME or workload:NAME",
});
export const DIGEST = text({ max: 71, pattern: PATTERNS.digest, what: "sha256: and 64 lower-case hex digits" });
export const KEYED_DIGEST = text({ max: 76, pattern: PATTERNS.keyedDigest, what: "hmac-sha256: and 64 lower-case hex digits" });
export const STEP_ID = text({ max: 32, pattern: "^[a-z0-9][a-z0-9_-]*$", what: "lower-case letters, digits, - and _" });
export const CONNECTOR = text({ max: 32, pattern: "^[a-z][a-z0-9_-]*$", what: "a connector's name" });

/** A moment with its offset: nobody has to guess whose clock is meant. */
const MOMENT_TEXT = text({
  max: 25,
  pattern: String.raw`^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2})?(Z|[+\-]\d{2}:\d{2})$`,
  what: "a moment such as 2026-12-24T22:00:00+01:00",
});
export const MOMENT = also(MOMENT_TEXT, (value, at, faults) => {
  if (parseInstant(value as string) === undefined) faults.add("shape.bad_format", at, "is no day and time that there is");
});

/** What `compileGlob` accepts, as one regular expression. */
const PATTERN = text({
  max: GLOB_MAX,
  pattern: String.raw`^(?!.*\*{3})[^\p{Cc}\p{Cs}]+$`,
  what: "a pattern without control characters: * within a segment, ** across, ? one character",
});

export const MOST_PATTERNS = 20_000;

/** As a caller gives it. A list that is left out is a fault, since it could be read as everything or as nothing. */
export function scopeMembers(mostPatterns: number) {
  const patterns = list(PATTERN, { max: mostPatterns });
  return {
    systems: patterns,
    environments: patterns,
    operations: list(choice(EFFECT_KINDS), { max: EFFECT_KINDS.length }),
    resources: patterns,
  };
}
export const scopeLimits = record(choice(LIMITS), integer(0, Number.MAX_SAFE_INTEGER), LIMITS.length);
export const scopeShape = object(scopeMembers(200), { limits: scopeLimits });
