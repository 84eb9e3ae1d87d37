/** Invariants 5, 7 and 15 of an emergency: who breaks the glass, for what, and who looks at it afterwards. */
import type { Outcome } from "../../src/core/policy/index.ts";
import type { Judge } from "./deciding.ts";
import { GLASS } from "./facts.ts";
import { makersOf } from "./tally.ts";
import type { EventOf, Must, Track } from "./track.ts";

const isIn = (groups: readonly string[], person: string, { directory }: Judge["people"]): boolean =>
  directory.persons.some(({ id, active }) => id === person && active) &&
  directory.groups.some(({ name, members }) => groups.includes(name) && members.some((member) => member === person));

export function broken(track: Track, { glass, at }: EventOf<"glass_broken">, judge: Judge, must: Must): void {
  const { by, dueAt } = glass;
  must(11, judge.bundle.glass !== undefined && track.asked.kind === "sim", "the glass is broken where policy has none");
  must(4, isIn(GLASS.who, by, judge.people), `${by} may not break the glass`);
  must(7, dueAt - at === GLASS.within, "its review is due at another time than policy says");
  const owes = [...judge.tracks.values()]
    .flatMap((each) => each.glass)
    .some((each) => each.by === by && !each.reviewed && each.dueAt <= at);
  must(7, !owes, `${by} breaks the glass, and owes a review that is overdue`);
  const { route, plan } = track;
  must(1, route !== undefined && judge.shown.get(route.reviewDigest) === plan?.payload, `${by} was not shown what would run`);
  const entry = { ...glass, reviewed: false };
  track.glass.push(entry);
  track.breaking = entry;
}

/** The route that follows it, in the same decision and nowhere else. */
export function emergency(track: Track, { seats, holds, kept }: EventOf<"routed">, ordinary: Outcome, must: Must): void {
  must(11, track.breaking !== undefined, "routed as an emergency, and nobody has broken the glass");
  must(11, ordinary !== "block" && ordinary !== "revise", `an emergency opens what policy answers with ${ordinary}`);
  const [only] = seats;
  must(
    4,
    seats.length === 1 && only?.count === 1 && holds.length + kept.length === 0,
    "an emergency has one seat, and nothing from before",
  );
}

export function reviewed(track: Track, { by, grants }: EventOf<"glass_reviewed">, { people }: Judge, must: Must): void {
  must(4, isIn(GLASS.second, by, people), `${by} may not review broken glass`);
  must(5, !makersOf(track.parties, people.directory).has(by), `${by} reviews the emergency of what they had a part in`);
  must(10, grants.length > 0, "a review of nothing");
  for (const grant of grants) {
    const glass = track.glass.find((each) => each.grant === grant);
    must(10, glass?.reviewed === false, "a review of what was not broken, or is reviewed already");
    must(5, glass?.by !== by, `${by} reviews what they broke`);
    if (glass !== undefined) glass.reviewed = true;
  }
}
