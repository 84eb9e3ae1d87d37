/** Whose vote counts, and who made a change: said again from the plain tables, so that the core is not checked against itself. */
import type { Seat, Selector } from "../../src/core/policy/index.ts";
import type { Directory, Parties, Person, Vote } from "../../src/core/review/index.ts";

/** The people of one moment, with the tokens that prove nobody any more. */
export interface People {
  readonly directory: Directory;
  readonly revoked: ReadonlySet<string>;
}

/** Why this vote is nobody's; undefined when it counts. */
export function faultOf(vote: Vote, seats: readonly Seat[], { directory, revoked }: People): string | undefined {
  const person = directory.persons.find((each) => each.id === vote.person);
  const seat = seats.find((each) => each.id === vote.seat);
  if (person === undefined) return `${vote.person} is not in the directory`;
  if (!person.active) return `${vote.person} has left`;
  if (seat === undefined) return `there is no seat ${vote.seat}`;
  if (revoked.has(vote.identity)) return `${vote.identity} is revoked`;
  if (!owns(person, vote.identity, directory)) return `${vote.identity} is not an identity of ${vote.person}`;
  if (vote.decision !== "reject" && !seat.channels.includes(vote.channel)) return `${vote.channel} is no channel of ${seat.id}`;
  return seat.who.some((who) => named(who, person, directory)) ? undefined : `${vote.person} may not sit in ${seat.id}`;
}

function owns(person: Person, identity: string, { persons }: Directory): boolean {
  if (identity === `human:${person.id}`) return true;
  const owners = persons.filter((each) => each.identities.includes(identity));
  return owners.length === 0 ? identity.startsWith("token:") : owners.length === 1 && owners[0] === person;
}

/** The simulated policies name groups and owner handles of groups, and nothing else. */
export function named(who: Selector, person: Person, { groups }: Directory): boolean {
  if (who.kind === "group") return groups.some((group) => group.name === who.group && group.members.includes(person.id));
  return who.kind === "owner" && groups.some((group) => group.handles.includes(who.handle) && group.members.includes(person.id));
}

/** Persons behind a change, through every owner. */
export function makersOf(parties: Parties, { machines }: Directory): ReadonlySet<string> {
  const makers = new Set<string>();
  const todo: string[] = [parties.proposer, parties.onBehalfOf, parties.owner, ...parties.editors];
  for (let at = 0; at < todo.length && at < 100; at++) {
    const principal = todo[at] ?? "";
    const owner = machines.find((machine) => machine.id === principal)?.owner;
    if (owner !== undefined) todo.push(owner);
    makers.add(principal.replace("human:", ""));
  }
  return makers;
}

/** The simulated emergency: whether its one seat is open to whoever made the change. Never where a machine had part in it. */
export const mayAlone = (seats: readonly Seat[], { proposer, onBehalfOf, owner, editors }: Parties): boolean =>
  seats.some(({ glass }) => glass?.alone) && [proposer, onBehalfOf, owner, ...editors].every((party) => party.startsWith("human:"));

/** The first reason why these votes do not fill these seats now. */
export function quorumFault(
  votes: readonly Vote[],
  seats: readonly Seat[],
  parties: Parties,
  people: People,
): { readonly invariant: 4 | 5; readonly message: string } | undefined {
  if (seats.length === 0) return { invariant: 4, message: "nobody was asked" };
  const makers = makersOf(parties, people.directory);
  const valid = votes.filter((vote) => vote.decision === "approve" && faultOf(vote, seats, people) === undefined);
  const maker = mayAlone(seats, parties) ? undefined : valid.find((vote) => makers.has(vote.person));
  if (maker !== undefined) return { invariant: 5, message: `${maker.person} signs what they had a part in` };
  if (new Set(valid.map((vote) => vote.person)).size !== valid.length) return { invariant: 4, message: "one person is counted twice" };
  for (const seat of seats) {
    const sitters = valid.filter((vote) => vote.seat === seat.id).length;
    if (sitters < seat.count) return { invariant: 4, message: `seat ${seat.id} has ${sitters} of ${seat.count} as people stand now` };
  }
  return undefined;
}
