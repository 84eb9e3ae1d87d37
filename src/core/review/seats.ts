import type { Seat, Selector, Strength } from "../policy/index.ts";
import { never } from "../base/index.ts";
import { foldIdentity, indexOf, resolvePerson } from "./people.ts";
import type { Directory, Group, Person } from "./types.ts";

/** May this person sit there, as the directory stands? Any one selector suffices; a seat without selectors has no sitter. */
export function eligible(seat: Pick<Seat, "who">, person: Person, directory: Directory): boolean {
  return person.active && seat.who.some((selector) => selects(selector, person, directory));
}

function selects(selector: Selector, person: Person, directory: Directory): boolean {
  switch (selector.kind) {
    case "person":
      return selector.person === person.id;
    case "group":
      return hasMember(indexOf(directory).groups.get(selector.group), person);
    case "role":
      return person.roles.includes(selector.role);
    case "owner":
      return (
        hasMember(indexOf(directory).handles.get(foldIdentity(selector.handle)), person) ||
        resolvePerson(directory, selector.handle)?.id === person.id
      );
    default:
      return never(selector, "selector");
  }
}

function hasMember(group: Group | "nobody" | undefined, person: Person): boolean {
  return group !== undefined && group !== "nobody" && group.members.includes(person.id);
}

/** Faults that no directory could mend: without ids or a count, votes cannot be told apart or suffice. */
export function seatsFault(seats: readonly Seat[]): string | undefined {
  const ids = new Set(seats.map((seat) => seat.id));
  if (ids.size !== seats.length) return "two seats have the same id";
  const bad = seats.find((seat) => !Number.isSafeInteger(seat.count) || seat.count < 1);
  return bad === undefined ? undefined : `seat ${bad.id} asks for ${bad.count} votes`;
}

export const meets = (strength: Strength, wanted: Strength): boolean => strength === "passkey" || wanted === "session";
