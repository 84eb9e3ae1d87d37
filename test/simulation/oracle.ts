/** Who decided, whose vote counts, who made it: said again from the plain tables, so that the core is not checked against itself. */
import { digestJson, type Digest, type PersonId } from "../../src/core/base/index.ts";
import type { ChangeEvent, StepDigests } from "../../src/core/change/index.ts";
import type { Seat, Selector } from "../../src/core/policy/index.ts";
import type { Directory, Parties, Person, Vote } from "../../src/core/review/index.ts";

export function decider(event: ChangeEvent): PersonId | undefined {
  switch (event.type) {
    case "voted":
      return event.vote.person;
    case "vote_withdrawn":
      return event.person;
    case "rejected":
    case "reconciled":
      return event.by;
    case "sent_back":
      return event.by === "policy" || event.by === "plan" ? undefined : event.by;
    default:
      return undefined;
  }
}

export const payloadDigest = (steps: readonly StepDigests[]): Digest =>
  digestJson(steps.map(({ id, connector, operation, state, payload }) => ({ id, connector, operation, state, payload })));

export function counts(vote: Vote, seats: readonly Seat[], people: Directory): boolean {
  const person = people.persons.find((each) => each.id === vote.person);
  const seat = seats.find((each) => each.id === vote.seat);
  if (person === undefined || seat === undefined || !person.active) return false;
  return (
    ownsIdentity(person, vote.identity, people) &&
    seat.channels.includes(vote.channel) &&
    seat.who.some((who) => named(who, person, people))
  );
}

function ownsIdentity(person: Person, identity: string, people: Directory): boolean {
  if (identity === `human:${person.id}`) return true;
  const owners = people.persons.filter((each) => each.identities.includes(identity));
  return owners.length === 0 ? identity.startsWith("token:") : owners.length === 1 && owners[0] === person;
}

/** The simulated policy names groups and owner handles of groups, and nothing else. */
function named(who: Selector, person: Person, people: Directory): boolean {
  const name = who.kind === "group" ? who.group : who.kind === "owner" ? who.handle.replace("@acme/", "") : "";
  return people.groups.some((group) => group.name === name && group.members.includes(person.id));
}

export function makersOf(parties: Parties, people: Directory): Set<string> {
  const makers = new Set<string>();
  const todo: string[] = [parties.proposer, parties.onBehalfOf, parties.owner, ...parties.editors];
  for (let at = 0; at < todo.length && at < 100; at++) {
    const principal = todo[at] ?? "";
    const owner = people.machines.find((machine) => machine.id === principal)?.owner;
    if (owner !== undefined) todo.push(owner);
    makers.add(principal.replace("human:", ""));
  }
  return makers;
}
