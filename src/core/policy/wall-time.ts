import { parseDay } from "../base/index.ts";
import type { Wall } from "./zone.ts";

const MINUTE = 60_000;
const DAY = 86_400_000;
export const DAYS = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"] as const;
export const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"] as const;

const WEEKLY = /^(Mon|Tue|Wed|Thu|Fri|Sat|Sun) ([01]\d|2[0-3]):([0-5]\d)$/;
const DATED = /^(\d{4})-(\d{2})-(\d{2})(?: ([01]\d|2[0-3]):([0-5]\d))?$/;
const [FIRST_YEAR, LAST_YEAR] = [2000, 2199];

/** `Fri 16:00`, counted from Monday 00:00. */
export function readWeekly(text: string): Wall | undefined {
  const found = WEEKLY.exec(text);
  if (found === null) return undefined;
  const [, day, hour, minute] = found;
  return DAYS.indexOf(day as (typeof DAYS)[number]) * DAY + (Number(hour) * 60 + Number(minute)) * MINUTE;
}

/** `2026-12-23` or `2026-12-23 16:00`. A day alone is meant whole: from its beginning, or to its end. */
export function readDated(text: string, as: "from" | "to"): Wall | undefined {
  const found = DATED.exec(text);
  if (found === null) return undefined;
  const [, year, month, day, hour, minute] = found;
  const days = parseDay(Number(year), Number(month), Number(day));
  if (days === undefined || Number(year) < FIRST_YEAR || Number(year) > LAST_YEAR) return undefined;
  if (hour === undefined) return as === "from" ? days : days + DAY;
  return days + (Number(hour) * 60 + Number(minute)) * MINUTE;
}
