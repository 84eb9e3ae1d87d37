import { asciiLower } from "../base/index.ts";
import type { PersonId, PrincipalId } from "../base/index.ts";
import type { Directory, Group, Machine, Person } from "./types.ts";

export const emptyDirectory: Directory = { persons: [], machines: [], groups: [] };

/** The principal id under which a person acts. */
export const principalOf = (person: PersonId): PrincipalId => `human:${person}` as PrincipalId;

/**
 * Login handles and mail addresses mean the same in any case; every other identity (a subject, a token, a chat id) is
 * compared exactly, because elsewhere `U1a` and `U1A` may be two people.
 */
export function foldIdentity(identity: string): string {
  const named = identity.startsWith("@") || (identity.includes("@") && !identity.includes(":"));
  // ASCII alone: Unicode would fold the Kelvin sign onto `k`, and so somebody else's name onto one of ours.
  return named ? asciiLower(identity) : identity;
}

/** `nobody` stands for a name that two claim: it resolves to neither. */
interface PeopleIndex {
  readonly persons: ReadonlyMap<PersonId, Person>;
  readonly identities: ReadonlyMap<string, Person | "nobody">;
  readonly machines: ReadonlyMap<PrincipalId, Machine>;
  readonly groups: ReadonlyMap<string, Group | "nobody">;
  readonly handles: ReadonlyMap<string, Group | "nobody">;
}

const indexes = new WeakMap<Directory, PeopleIndex>();

/** A directory is never changed in place, so its index is a function of its identity. */
export function indexOf(directory: Directory): PeopleIndex {
  const known = indexes.get(directory);
  if (known !== undefined) return known;
  const index: PeopleIndex = {
    persons: new Map(directory.persons.map((person) => [person.id, person])),
    identities: uniquely(directory.persons, (person) => person.identities.map(foldIdentity)),
    machines: new Map(directory.machines.map((machine) => [machine.id, machine])),
    groups: uniquely(directory.groups, (group) => [group.name]),
    handles: uniquely(directory.groups, (group) => group.handles.map(foldIdentity)),
  };
  indexes.set(directory, index);
  return index;
}

function uniquely<T>(items: readonly T[], names: (item: T) => readonly string[]): Map<string, T | "nobody"> {
  const found = new Map<string, T | "nobody">();
  for (const item of items) {
    for (const name of names(item)) {
      const other = found.get(name);
      found.set(name, other === undefined || other === item ? item : "nobody");
    }
  }
  return found;
}

/** The ONE person behind an identity or a `human:` principal. A name that two persons claim resolves to nobody. */
export function resolvePerson(directory: Directory, identityOrPrincipal: string): Person | undefined {
  const index = indexOf(directory);
  if (identityOrPrincipal.startsWith("human:")) return index.persons.get(identityOrPrincipal.slice("human:".length) as PersonId);
  const found = index.identities.get(foldIdentity(identityOrPrincipal));
  return found === "nobody" ? undefined : found;
}

/** Tokens are bound to their principal when they are issued, so the directory need not list them. */
export function mayUse(identity: string, person: Person, directory: Directory): boolean {
  if (directory.revoked?.includes(identity) === true) return false;
  if (identity.startsWith("token:") && !indexOf(directory).identities.has(identity)) return true;
  return resolvePerson(directory, identity)?.id === person.id;
}
