import { PATTERNS } from "../base/index.ts";
import { memberOf } from "../yaml/index.ts";
import type { At, Reading } from "../yaml/index.ts";
import { calendarOf, inForce, isInForce, shownOnWall } from "./calendar.ts";
import type { Calendar } from "./calendar.ts";
import type { Expression } from "./cel/profile.ts";
import type { Purse, Seen } from "./cel/machine.ts";
import { machineOn, runWithin } from "./cel/machine.ts";
import type { CalendarDefinition, FreezeDefinition } from "./definition.ts";
import type { Frozen, RouteFreeze } from "./types.ts";
import { readDated, readWeekly } from "./wall-time.ts";
import { Zone } from "./zone.ts";

const NAME = new RegExp(PATTERNS.name);
/** An IANA name; an offset alone would not follow the clock. */
const ZONE = /^[A-Za-z][A-Za-z0-9_+-]*(?:\/[A-Za-z0-9_+-]+)*$/;
const MOST = { calendars: 50, windows: 100, freezes: 50, text: 500 };

export interface Freeze extends FreezeDefinition {
  readonly condition: Expression;
}

export function readCalendars(
  read: Reading,
  at: At | undefined,
): readonly (Calendar & { readonly definition: CalendarDefinition })[] | undefined {
  return at === undefined ? [] : read.list(at, MOST.calendars, readCalendar(read));
}

const readCalendar = (read: Reading) => (at: At) => {
  const entries = read.map(at, ["name", "zone"], ["weekly", "dates"]);
  if (!entries) return undefined;
  const name = read.text(entries.get("name"), 64, NAME);
  const zone = readZone(read, entries.get("zone"));
  const weekly = windowsOf(read, entries.get("weekly"), readWeekly, "Fri 16:00");
  const dates = windowsOf(read, entries.get("dates"), readDated, "2026-12-23 or 2026-12-23 16:00");
  if (weekly?.length === 0 && dates?.length === 0) return read.fault(at, `${at.path} has no window`, "give it some weekly, or dates");
  if (name === undefined || !zone || !weekly || !dates) return undefined;
  const definition: CalendarDefinition = { name, zone: zone.name, weekly, dates };
  return { ...calendarOf(definition, zone), definition };
};

function readZone(read: Reading, at: At | undefined): Zone | undefined {
  const name = read.text(at, 64, ZONE);
  if (name === undefined || at === undefined) return undefined;
  return Zone.named(name) ?? read.fault(at, `there is no time zone ${name}`, "an IANA name, such as Europe/Oslo");
}

type Edge = (text: string, as: "from" | "to") => number | undefined;

function windowsOf(read: Reading, at: At | undefined, edge: Edge, example: string): CalendarDefinition["weekly"] | undefined {
  if (at === undefined) return [];
  return read.list(at, MOST.windows, (item) => {
    const entries = read.map(item, ["from", "to"]);
    const [from, to] = (["from", "to"] as const).map((key) => {
      const place = entries?.get(key);
      const text = read.text(place, 32);
      if (text === undefined || place === undefined) return undefined;
      const wall = edge(text, key);
      return wall === undefined ? read.fault(place, `${place.path} is no such time`, `such as ${example}`) : { text, wall };
    });
    if (!from || !to) return undefined;
    const fits = edge === readWeekly ? from.wall !== to.wall : from.wall < to.wall;
    return fits ? { from: from.text, to: to.text } : read.fault(item, `${item.path} ends where it begins, or before`);
  });
}

/** `condition` compiles the text of a `when` and tells its faults. */
export function readFreezes(
  read: Reading,
  at: At | undefined,
  calendars: ReadonlySet<string>,
  condition: (at: At, when: string) => Expression | undefined,
): readonly Freeze[] | undefined {
  if (at === undefined) return [];
  return read.list(at, MOST.freezes, (item) => {
    const entries = read.map(item, ["name", "calendar", "reason"], ["when"]);
    if (!entries) return undefined;
    const name = read.text(entries.get("name"), 64, NAME);
    const calendar = read.text(entries.get("calendar"), 64, NAME);
    const reason = read.text(entries.get("reason"), MOST.text);
    const given = memberOf(item.node, "when");
    const when = given === undefined ? "true" : read.text(entries.get("when"), 4096);
    if (calendar !== undefined && !calendars.has(calendar)) {
      const place = entries.get("calendar") as At;
      read.fault(place, `there is no calendar ${calendar}`, `one of: ${[...calendars].toSorted().join(", ") || "none is declared"}`);
    }
    const compiled = when === undefined ? undefined : condition(item, when);
    if (name === undefined || calendar === undefined || reason === undefined || when === undefined || !compiled) return undefined;
    return { name, calendar, when, reason, condition: compiled };
  });
}

/** Calendars that are in force at this moment. */
export const calendarsAt = (calendars: readonly Calendar[], at: number): readonly string[] =>
  calendars
    .filter((calendar) => isInForce(calendar, at))
    .map(({ name }) => name)
    .toSorted();

interface Freezing {
  readonly calendars: readonly Calendar[];
  readonly freezes: readonly Freeze[];
}

/** The freezes that this change is under. One whose condition cannot be evaluated is one of them. */
export function freezesOn({ calendars, freezes }: Freezing, seen: Seen, purse: Purse): readonly RouteFreeze[] {
  if (freezes.length === 0) return [];
  const machine = machineOn(seen);
  return freezes
    .filter(({ condition }) => {
      try {
        return runWithin(condition.typed, machine, purse) !== false;
      } catch {
        return true;
      }
    })
    .map(({ name, calendar, reason }) => ({ name, calendar, zone: zoneOf(calendars, calendar), reason }))
    .toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

const zoneOf = (calendars: readonly Calendar[], name: string): string => calendars.find((each) => each.name === name)?.zone.name ?? "";

/** Of the freezes of these names those that are in force at this moment. A name that the bundle does not know is in force: nobody can say that it is not. */
export function frozenAt({ calendars, freezes }: Freezing, names: readonly string[], at: number): readonly Frozen[] {
  return names.flatMap((name): Frozen[] => {
    const freeze = freezes.find((each) => each.name === name);
    const calendar = freeze && calendars.find((each) => each.name === freeze.calendar);
    if (freeze === undefined || calendar === undefined) return [{ name, reason: "the policy does not know it", text: `freeze ${name}` }];
    const found = inForce(calendar, at);
    if (found === undefined) return [];
    const until = found.until === undefined ? "" : ` until ${shownOnWall(calendar.zone, found.until)}`;
    return [{ name, reason: freeze.reason, ...found, text: `freeze ${name}${until}` }];
  });
}
