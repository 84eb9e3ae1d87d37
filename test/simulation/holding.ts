/** Which changes are about the same, said again from what was asked. */
import type { Wish } from "./facts.ts";
import type { Asked, Track } from "./track.ts";

/** The resources of one change; what its connector did not derive may be anything in its system. */
function touched(wishes: readonly Wish[]): ReadonlySet<string> | "all" {
  if (wishes.some(({ known }) => known !== "derived")) return "all";
  return new Set(wishes.flatMap(({ resource, stray }) => (stray ? [resource, "elsewhere"] : [resource])));
}

function meet(one: readonly Wish[], other: readonly Wish[]): boolean {
  const [mine, theirs] = [touched(one), touched(other)];
  if (mine === "all" || theirs === "all") return true;
  return [...mine].some((resource) => theirs.has(resource));
}

/** For certain: of two changes to Pawl's own rules nobody here knows whether they touch the same part. */
const mustMeet = (one: Asked, other: Asked): boolean => one.kind === "sim" && other.kind === "sim" && meet(one.wishes, other.wishes);
const mayMeet = (one: Asked, other: Asked): boolean =>
  one.kind === "pawl" && other.kind === "pawl" ? one.config === other.config : mustMeet(one, other);

const HOLDING = ["running", "applied", "indeterminate"];

/** A change whose run has not ended for certain on something that this one touches. */
export const holder = (track: Track, all: Iterable<Track>): Track | undefined =>
  [...all].find((other) => other !== track && HOLDING.includes(other.status) && mustMeet(track.asked, other.asked));

/** Whether it waits for somebody to say what became of another. */
export const waitsForAnother = (track: Track, all: Iterable<Track>): boolean =>
  [...all].some((other) => other !== track && other.status === "indeterminate" && mayMeet(track.asked, other.asked));
