import type { Millis } from "./ids.ts";

const FORM = /^(\d{4})-(\d{2})-(\d{2})T([01]\d|2[0-3]):([0-5]\d)(?::([0-5]\d))?(?:Z|([+-])([01]\d|2[0-3]):([0-5]\d))$/;
const MINUTE = 60_000;

/**
 * A moment in RFC 3339, with its offset and without fractions of a second: whoever reads it sees the very moment that is meant.
 * Undefined for anything else, a day that is none included.
 */
export function parseInstant(text: string): Millis | undefined {
  const found = FORM.exec(text);
  if (found === null) return undefined;
  const [year, month, day, hour, minute, second] = found.slice(1, 7).map((part) => Number(part ?? 0));
  const days = parseDay(year, month, day);
  if (days === undefined) return undefined;
  const sign = found[7] === "-" ? -1 : 1;
  const offset = sign * (Number(found[8] ?? 0) * 60 + Number(found[9] ?? 0));
  return (days + ((hour ?? 0) * 60 + (minute ?? 0) - offset) * MINUTE + (second ?? 0) * 1000) as Millis;
}

/** Midnight of a day as if it were UTC's; undefined for a day that is none. */
export function parseDay(year = 0, month = 0, day = 0): number | undefined {
  const at = Date.UTC(year, month - 1, day);
  const made = new Date(at);
  const same = made.getUTCFullYear() === year && made.getUTCMonth() === month - 1 && made.getUTCDate() === day;
  return same && year >= 1970 ? at : undefined;
}
