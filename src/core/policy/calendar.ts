import type { Millis } from "../base/index.ts";
import type { CalendarDefinition } from "./definition.ts";
import { DAYS, MONTHS, readDated, readWeekly } from "./wall-time.ts";
import type { Wall, Zone } from "./zone.ts";

const MINUTE = 60_000;
const DAY = 86_400_000;
const WEEK = 7 * DAY;
/** 5 January 1970 was a Monday. */
const MONDAY = 4 * DAY;
/** Windows that follow each other without a break are one, up to so many. */
const MOST_JOINED = 500;

/** When something is in force: windows on the wall of one time zone. */
export interface Calendar {
  readonly name: string;
  readonly zone: Zone;
  /** From Monday 00:00 on. `to` is the first such time after `from`. */
  readonly weekly: readonly Window[];
  readonly dates: readonly Window[];
}

interface Window {
  readonly from: Wall;
  readonly to: Wall;
}

export function calendarOf({ name, weekly, dates }: CalendarDefinition, zone: Zone): Calendar {
  const week = weekly.map(({ from, to }) => {
    const [begin, end] = [readWeekly(from) ?? 0, readWeekly(to) ?? 0];
    return { from: begin, to: end <= begin ? end + WEEK : end };
  });
  return {
    name,
    zone,
    weekly: week,
    dates: dates.map(({ from, to }) => ({ from: readDated(from, "from") ?? 0, to: readDated(to, "to") ?? 0 })),
  };
}

/** Nothing while the calendar is not in force; else when it ends, unless no end is in sight. */
export function inForce(calendar: Calendar, at: number): { readonly until?: Millis } | undefined {
  let until = endAt(calendar, at);
  if (until === undefined) return undefined;
  for (let joined = 0; joined < MOST_JOINED; joined++) {
    const next = endAt(calendar, until);
    if (next === undefined) return { until: until as Millis };
    until = next;
  }
  return {};
}

/** Whether it is, which is cheaper to say than until when. */
export const isInForce = (calendar: Calendar, at: number): boolean => endAt(calendar, at) !== undefined;

/** The latest end of the windows that hold this moment. A window has its beginning and not its end. */
function endAt({ zone, weekly, dates }: Calendar, at: number): number | undefined {
  const wall = zone.wall(at);
  const monday = Math.floor((wall - MONDAY) / WEEK) * WEEK + MONDAY;
  const weeks = weekly.flatMap(({ from, to }) =>
    [-WEEK, 0, WEEK].map((shift) => ({ from: monday + shift + from, to: monday + shift + to })),
  );
  const ends = [...weeks, ...dates].flatMap((window) => {
    // Farther from its edges than clocks are ever put, the wall's time says it alone.
    if (wall < window.from - 2 * DAY || wall > window.to + 2 * DAY) return [];
    const end = zone.last(window.to);
    return at < end && zone.first(window.from) <= at ? [end] : [];
  });
  return ends.length === 0 ? undefined : Math.max(...ends);
}

/** Such as `Mon 4 Jan 08:00 Europe/Oslo`. */
export function shownOnWall(zone: Zone, at: number): string {
  const wall = zone.wall(at);
  const day = new Date(wall);
  const minutes = Math.floor((((wall % DAY) + DAY) % DAY) / MINUTE);
  const two = (n: number): string => String(n).padStart(2, "0");
  return `${DAYS[(day.getUTCDay() + 6) % 7]} ${day.getUTCDate()} ${MONTHS[day.getUTCMonth()]} ${two(Math.floor(minutes / 60))}:${two(minutes % 60)} ${zone.name}`;
}
