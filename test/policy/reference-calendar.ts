/** Whether a calendar is in force, by Temporal, where the engine goes by Intl. */
import type { TemporalLike } from "./temporal.ts";

export interface RawCalendar {
  readonly name: string;
  readonly zone: string;
  readonly weekly?: readonly { readonly from: string; readonly to: string }[];
  readonly dates?: readonly { readonly from: string; readonly to: string }[];
}

const { Temporal } = globalThis as unknown as { readonly Temporal: TemporalLike };
const WEEK = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];

const answers = new Map<string, boolean>();
export function isInForceOnce(calendar: RawCalendar, unix: number): boolean {
  const key = `${calendar.name} ${unix}`;
  const known = answers.get(key) ?? isInForce(calendar, unix);
  answers.set(key, known);
  return known;
}

function isInForce({ zone, weekly = [], dates = [] }: RawCalendar, unix: number): boolean {
  const now = Temporal.Instant.fromEpochMilliseconds(unix * 1000);
  const local = now.toZonedDateTimeISO(zone).toPlainDateTime();
  const monday = local.with({ hour: 0, minute: 0, second: 0, millisecond: 0 }).subtract({ days: local.dayOfWeek - 1 });
  const weeklyAt = (week: number, text: string) => {
    const [day = "", clock = ""] = text.split(" ");
    const [hours = 0, minutes = 0] = clock.split(":").map(Number);
    return monday.add({ days: 7 * week + WEEK.indexOf(day) }).with({ hour: hours, minute: minutes });
  };
  const windows = [-2, -1, 0, 1].flatMap((week) =>
    weekly.map(({ from, to }) => {
      const begin = weeklyAt(week, from);
      const end = weeklyAt(week, to);
      return { begin, end: begin.until(end).sign <= 0 ? end.add({ days: 7 }) : end };
    }),
  );
  const datedAt = (text: string, whole: number) => {
    const [day = "", clock] = text.split(" ");
    const date = Temporal.PlainDateTime.from(`${day}T${clock ?? "00:00"}`);
    return clock === undefined ? date.add({ days: whole }) : date;
  };
  const once = dates.map(({ from, to }) => ({ begin: datedAt(from, 0), end: datedAt(to, 1) }));
  // Where a time never comes, `earlier` and `later` lie a gap apart: between them stands the moment at which the clock is put.
  const edge = (at: ReturnType<typeof datedAt>, which: "earlier" | "later"): number => {
    const found = at.toZonedDateTime(zone, { disambiguation: which });
    if (found.toPlainDateTime().equals(at)) return found.epochMilliseconds;
    const before = at.toZonedDateTime(zone, { disambiguation: "earlier" });
    return before.getTimeZoneTransition("next")?.epochMilliseconds ?? found.epochMilliseconds;
  };
  return [...windows, ...once].some(({ begin, end }) => edge(begin, "earlier") <= unix * 1000 && unix * 1000 < edge(end, "later"));
}
