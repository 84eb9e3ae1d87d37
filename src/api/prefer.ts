/** Longest a proposal is held for its decision; who waits longer asks the change. */
const MOST_PATIENCE_SECONDS = 30;

/**
 * How long a caller waits for the decision, of an RFC 7240 `Prefer` header: `wait=N` seconds, or `respond-async` alone for not at all.
 * A preference that cannot be read is none, as that standard has it.
 */
export function patienceMillis(prefer: string | readonly string[] | undefined, standard: number): number {
  const preferences = [prefer ?? []]
    .flat()
    .join(",")
    .split(",")
    .map((each) => each.trim().toLowerCase());
  const waits = preferences.flatMap((each) => /^wait\s*=\s*"?(\d{1,9})"?\s*(?:;|$)/.exec(each)?.[1] ?? []);
  if (waits[0] !== undefined) return Math.min(Number(waits[0]), MOST_PATIENCE_SECONDS) * 1000;
  return preferences.some((each) => /^respond-async\s*(?:;|$)/.test(each)) ? 0 : standard;
}
