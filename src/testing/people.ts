/** A small organisation for tests: who is who stands here once. */
import { digestOf, type Digest, type PersonId, type PrincipalId } from "../core/base/index.ts";
import type { Seat } from "../core/policy/index.ts";
import type { Directory, Parties, Person } from "../core/review/index.ts";

export const digest = (name: string): Digest => digestOf(name);
export const person = (id: string): PersonId => id as PersonId;
export const principal = (id: string): PrincipalId => id as PrincipalId;

const human = (id: string, more: Partial<Person> = {}): Person => ({
  id: person(id),
  name: id,
  active: true,
  identities: [`${id}@example.com`, `@${id}`, `slack:U-${id}`],
  roles: [],
  ...more,
});

/**
 * Ada has `agent:bot` working for her; `agent:sub` belongs to the bot. Bo, Cy and Di are security; Di and Ed own identity.
 * Flo is a release manager, Gus has left, Hal is in no group.
 */
export const people: Directory = {
  persons: [
    human("ada"),
    human("bo"),
    human("cy"),
    human("di"),
    human("ed"),
    human("flo", { roles: ["release"] }),
    human("gus", { active: false }),
    human("hal"),
  ],
  machines: [
    { id: principal("agent:bot"), owner: principal("human:ada"), actsFor: [principal("human:ada"), principal("human:hal")], active: true },
    { id: principal("agent:sub"), owner: principal("agent:bot"), actsFor: [], active: true },
    { id: principal("workload:ci"), owner: principal("human:flo"), actsFor: [], active: false },
  ],
  groups: [
    { name: "security", members: ["bo", "cy", "di", "gus"].map(person), handles: ["@acme/Security"] },
    { name: "identity", members: ["di", "ed"].map(person), handles: ["@acme/identity"] },
  ],
};

export const parties: Parties = {
  proposer: principal("agent:bot"),
  onBehalfOf: principal("human:ada"),
  owner: principal("human:ada"),
  editors: [],
};

export const seat = (id: string, more: Partial<Seat> = {}): Seat => ({
  id,
  who: [{ kind: "group", group: id }],
  count: 1,
  strength: "session",
  channels: ["console", "cli"],
  ...more,
});

/** The directory with some persons altered, as if an administrator had just changed it. */
export function withPerson(id: string, change: Partial<Person>, directory: Directory = people): Directory {
  return { ...directory, persons: directory.persons.map((each) => (each.id === id ? { ...each, ...change } : each)) };
}
