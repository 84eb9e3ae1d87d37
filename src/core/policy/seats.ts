import { asciiLower, never, sortedSet } from "../base/index.ts";
import type { SeatDefinition, Who } from "./definition.ts";
import type { EffectFacts } from "./facts.ts";
import type { Seat, Selector } from "./types.ts";

/** The seats of a route, and those of them in which nobody can sit. */
export interface Seating {
  readonly seats: readonly Seat[];
  /** Resources for which a seat has no sitter: nobody owns them and nothing stands in. */
  readonly unowned: readonly string[];
  /** More signatures than anybody could gather, or a grant could carry; then there are no seats. */
  readonly tooMany: boolean;
}

export const NO_SEATS: Seating = { seats: [], unowned: [], tooMany: false };
/** Distinct sets of owners, and seats before those for the same people are one. */
const MOST_ASKED = 500;
/** What a grant carries to a runner: no change is signed that could never run. `characters` is of all seats as JSON. */
export const MOST = { seats: 64, signatures: 256, sitters: 256, handle: 1024, characters: 131_072 };

/** A seat that a rule asks for: for the change, or for one step of it. */
export interface Wanted {
  readonly seat: SeatDefinition;
  readonly step?: string;
}

/**
 * Resolves the seats that rules ask for against what is touched: by the change, or by the step that a seat is for. `unowned` stands in
 * where a seat has no fallback of its own.
 */
export function seatsFor(wanted: readonly Wanted[], effects: readonly EffectFacts[], unowned: readonly Who[]): Seating {
  const steps = new Set(wanted.flatMap(({ step }) => (step === undefined ? [] : [step])));
  const parts = [undefined, ...steps].map((step) => {
    const asked = wanted.filter((one) => one.step === step).map(({ seat }) => seat);
    return seatsOver(asked, step === undefined ? effects : effects.filter((effect) => effect.step === step), unowned, step);
  });
  const seats = parts.flatMap((part) => part.seats);
  if (parts.some(({ tooMany }) => tooMany) || !fitsGrant(seats)) return { ...NO_SEATS, tooMany: true };
  return { seats, unowned: sortedSet(parts.flatMap((part) => part.unowned)), tooMany: false };
}

function fitsGrant(seats: readonly Seat[]): boolean {
  if (seats.length > MOST.seats || seats.reduce((sum, { count }) => sum + count, 0) > MOST.signatures) return false;
  const fits = ({ who }: Seat): boolean =>
    who.length <= MOST.sitters && who.every((one) => one.kind !== "owner" || one.handle.length <= MOST.handle);
  return seats.every(fits) && JSON.stringify(seats).length <= MOST.characters;
}

function seatsOver(
  wanted: readonly SeatDefinition[],
  effects: readonly EffectFacts[],
  unowned: readonly Who[],
  step: string | undefined,
): Seating {
  const sets = ownerSets(effects);
  const bare = effects.filter((effect) => effect.owners.length === 0).map(({ resource }) => resource);
  const distinct = [...new Map(wanted.map((seat) => [JSON.stringify(seat), seat])).values()];
  const owned = distinct.filter(({ who }) => who.some((one) => "owners" in one)).length;
  if ((owned > 0 && sets === undefined) || distinct.length + owned * (sets?.length ?? 0) > MOST_ASKED)
    return { ...NO_SEATS, tooMany: true };
  const seats = distinct.flatMap((seat) => expand(seat, sets ?? [], bare.length > 0, unowned));
  const merged = named(seats.reduce<readonly Seat[]>(merge, [])).map((seat) =>
    step === undefined ? seat : { ...seat, id: `${step}/${seat.id}`, step },
  );
  return { tooMany: false, seats: merged, unowned: merged.some((seat) => seat.who.length === 0) ? sortedSet(bare) : [] };
}

/**
 * The distinct sets of owners, smallest demand first: any one owner of a thing speaks for it, so whoever sits for {a} also
 * speaks for what {a, b} own, and the larger set asks for nobody more. Undefined if there are too many.
 */
function ownerSets(effects: readonly EffectFacts[]): readonly (readonly string[])[] | undefined {
  const sets = new Map<string, readonly string[]>();
  const known = new Map<string, readonly string[]>();
  for (const { owners } of effects) {
    if (owners.length === 0) continue;
    const text = owners.join("\n");
    const set = known.get(text) ?? uniqueHandles(owners);
    known.set(text, set);
    sets.set(asciiLower(set.join("\n")), set);
  }
  if (sets.size > MOST_ASKED) return undefined;
  if (sets.size === 1) return [...sets.values()];
  const all = [...sets].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, set]) => set);
  return all.filter((set) => {
    const folds = new Set(set.map((owner) => asciiLower(owner)));
    return !all.some((other) => other.length < set.length && other.every((owner) => folds.has(asciiLower(owner))));
  });
}

/** Handles differ in more than case, or they are one. */
function uniqueHandles(owners: readonly string[]): readonly string[] {
  if (owners.length < 2) return owners;
  const byFold = new Map(sortedSet(owners).map((owner) => [asciiLower(owner), owner]));
  return [...byFold.keys()].toSorted().map((fold) => byFold.get(fold) as string);
}

function expand(seat: SeatDefinition, sets: readonly (readonly string[])[], bare: boolean, unowned: readonly Who[]): readonly Seat[] {
  const { id, count, strength, channels } = seat;
  const fixed = seat.who.flatMap(selectorOf);
  const made = (who: readonly Selector[]): Seat => ({ id, who: sortedSelectors(who), count, strength, channels: sortedSet(channels) });
  if (fixed.length === seat.who.length) return [made(fixed)];
  const seats = sets.map((set) => made([...fixed, ...set.map((handle): Selector => ({ kind: "owner", handle }))]));
  const fallback = seat.fallback.length > 0 ? seat.fallback : unowned;
  return bare ? [...seats, made([...fixed, ...fallback.flatMap(selectorOf)])] : seats;
}

export const selectorsOf = (who: readonly Who[]): readonly Selector[] => sortedSelectors(who.flatMap(selectorOf));

function selectorOf(who: Who): readonly Selector[] {
  if ("owners" in who) return [];
  if ("person" in who) return [{ kind: "person", person: who.person }];
  if ("group" in who) return [{ kind: "group", group: who.group }];
  return "role" in who ? [{ kind: "role", role: who.role }] : [{ kind: "owner", handle: who.owner }];
}

function sortedSelectors(who: readonly Selector[]): readonly Selector[] {
  const byKey = new Map(who.map((selector) => [keyOf(selector), selector]));
  return [...byKey.keys()].toSorted().map((key) => byKey.get(key) as Selector);
}

/** By which selectors are sorted and held to be the same. */
function keyOf(selector: Selector): string {
  switch (selector.kind) {
    case "person":
      return `person ${selector.person}`;
    case "group":
      return `group ${selector.group}`;
    case "role":
      return `role ${selector.role}`;
    case "owner":
      return `owner ${asciiLower(selector.handle)}`;
    default:
      return never(selector, "selector");
  }
}

/** Who may sit, in words. */
export function selectorText(selector: Selector): string {
  switch (selector.kind) {
    case "person":
      return selector.person;
    case "group":
      return `group ${selector.group}`;
    case "role":
      return `role ${selector.role}`;
    case "owner":
      return `owner ${selector.handle}`;
    default:
      return never(selector, "selector");
  }
}

const sameWho = (a: Seat, b: Seat): boolean =>
  a.who.length === b.who.length && a.who.every((selector, i) => keyOf(selector) === keyOf(b.who[i] as Selector));

/**
 * Two rules that ask the same people ask them once, for the stricter of both: otherwise one owner could never fill both seats.
 * Where no channel suits both, they stay two.
 */
function merge(seats: readonly Seat[], seat: Seat): readonly Seat[] {
  const at = seats.findIndex((other) => sameWho(other, seat) && seat.channels.some((channel) => other.channels.includes(channel)));
  const other = seats[at];
  if (!other) return [...seats, seat];
  const both: Seat = {
    ...other,
    count: Math.max(seat.count, other.count),
    strength: seat.strength === "passkey" ? "passkey" : other.strength,
    channels: other.channels.filter((channel) => seat.channels.includes(channel)),
  };
  return seats.with(at, both);
}

/** The first seat of a name keeps it; the next ones are numbered from 2. */
function named(seats: readonly Seat[]): readonly Seat[] {
  const taken = new Set<string>();
  return seats.map((seat) => {
    let id = seat.id;
    for (let n = 2; taken.has(id); n++) id = `${seat.id}-${n}`;
    taken.add(id);
    return { ...seat, id };
  });
}
