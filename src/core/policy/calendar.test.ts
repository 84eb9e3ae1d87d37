import assert from "node:assert/strict";
import test from "node:test";
import { calendarOf, inForce, shownOnWall } from "./calendar.ts";
import type { CalendarDefinition } from "./definition.ts";
import { Zone } from "./zone.ts";

const at = (text: string): number => Date.parse(text);
const made = (zone: string, more: Partial<CalendarDefinition>) => {
  const known = Zone.named(zone);
  assert(known);
  return calendarOf({ name: "x", zone, weekly: [], dates: [], ...more }, known);
};
const until = (calendar: ReturnType<typeof made>, moment: string): string | undefined => {
  const found = inForce(calendar, at(moment));
  return found && (found.until === undefined ? "endless" : shownOnWall(calendar.zone, found.until));
};

test("[PO-70] a weekly window goes by the wall of its zone, over the end of the week and whatever the clock does", () => {
  const weekend = made("Europe/Oslo", { weekly: [{ from: "Fri 16:00", to: "Mon 08:00" }] });
  for (const [moment, shown] of [
    ["2026-01-09T14:59:59Z", undefined],
    ["2026-01-09T15:00:00Z", "Mon 12 Jan 08:00 Europe/Oslo"],
    ["2026-01-12T06:59:59Z", "Mon 12 Jan 08:00 Europe/Oslo"],
    ["2026-01-12T07:00:00Z", undefined],
    // In summer an hour earlier; and over the night in which the clock is put.
    ["2026-07-10T14:00:00Z", "Mon 13 Jul 08:00 Europe/Oslo"],
    ["2026-07-10T13:59:59Z", undefined],
    ["2026-03-27T15:00:00Z", "Mon 30 Mar 08:00 Europe/Oslo"],
    ["2026-03-30T06:00:00Z", undefined],
    ["2026-10-26T06:59:59Z", "Mon 26 Oct 08:00 Europe/Oslo"],
  ] as const)
    assert.equal(until(weekend, moment), shown, moment);
});

test("[PO-70] a time that comes twice begins at its first and ends at its last; one that never comes is when the clock is put", () => {
  const twice = made("Europe/Oslo", { dates: [{ from: "2026-10-25 02:15", to: "2026-10-25 02:45" }] });
  assert.equal(until(twice, "2026-10-25T00:14:59Z"), undefined);
  assert.equal(inForce(twice, at("2026-10-25T00:15:00Z"))?.until, at("2026-10-25T01:45:00Z"));
  assert.equal(inForce(twice, at("2026-10-25T00:59:00Z"))?.until, at("2026-10-25T01:45:00Z"));
  assert.equal(until(twice, "2026-10-25T01:45:00Z"), undefined);
  const begins = made("Europe/Oslo", { dates: [{ from: "2026-03-29 02:30", to: "2026-03-29 05:00" }] });
  assert.deepEqual(
    [until(begins, "2026-03-29T00:59:59Z"), until(begins, "2026-03-29T01:00:00Z")],
    [undefined, "Sun 29 Mar 05:00 Europe/Oslo"],
  );
  const within = made("Europe/Oslo", { dates: [{ from: "2026-03-29 02:10", to: "2026-03-29 02:50" }] });
  assert.deepEqual([until(within, "2026-03-29T00:59:59Z"), until(within, "2026-03-29T01:00:00Z")], [undefined, undefined]);
});

test("[PO-70] a day alone is meant whole, and windows without a break between are one", () => {
  const days = made("Pacific/Auckland", {
    dates: [
      { from: "2026-12-24", to: "2026-12-26" },
      { from: "2026-12-27", to: "2026-12-27 12:00" },
    ],
  });
  assert.equal(until(days, "2026-12-23T10:59:59Z"), undefined);
  assert.equal(until(days, "2026-12-23T11:00:00Z"), "Sun 27 Dec 12:00 Pacific/Auckland");
  assert.equal(until(days, "2026-12-26T23:00:00Z"), undefined);
  const always = made("UTC", {
    weekly: [
      { from: "Mon 00:00", to: "Thu 00:00" },
      { from: "Thu 00:00", to: "Mon 00:00" },
    ],
  });
  assert.equal(until(always, "2026-12-26T23:00:00Z"), "endless");
});
