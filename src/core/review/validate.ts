import { PATTERNS, fail, isObject, ok } from "../base/index.ts";
import type { Json, Refusal, Result } from "../base/index.ts";
import { MAX_OWNER_CHAIN } from "./parties.ts";
import { foldIdentity } from "./people.ts";
import type { Directory } from "./types.ts";

export type DirectoryCode =
  | "not_a_directory"
  | "unknown_field"
  | "missing_field"
  | "bad_value"
  | "too_many"
  | "duplicate"
  | "unknown_reference"
  | "endless_ownership";

/** Larger documents are refused before anything is looked at more closely. */
const DIRECTORY_BOUNDS = {
  persons: 50_000,
  machines: 20_000,
  groups: 5_000,
  identities: 32,
  roles: 32,
  members: 20_000,
  handles: 32,
  actsFor: 64,
  faults: 100,
} as const;

const NAME = new RegExp(PATTERNS.name);
const MACHINE = new RegExp(PATTERNS.machine);
const PRINCIPAL = new RegExp(PATTERNS.principal);
/** Printable ASCII without spaces: two identities that look alike are alike. */
const IDENTITY = /^(?!(human|agent|workload):)[\x21-\x7e]{2,200}$/;
const HANDLE = /^@?[\x21-\x7e]{1,200}$/;
// eslint-disable-next-line no-control-regex
const DISPLAY = /^[^\u0000-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]{1,200}$/u;

/** Gathers faults with their places; says at once everything that is wrong, up to a bound. */
class Faults {
  readonly all: Refusal<DirectoryCode>[] = [];
  add(code: DirectoryCode, where: string, message: string, remedy: string): void {
    if (this.all.length < DIRECTORY_BOUNDS.faults) this.all.push({ code, message, where, remedy });
  }
}

type Shape = Readonly<Record<string, (value: Json, where: string, faults: Faults) => void>>;

const text =
  (pattern: RegExp, what: string) =>
  (value: Json, where: string, faults: Faults): void => {
    if (typeof value !== "string" || !pattern.test(value)) faults.add("bad_value", where, `this is not ${what}`, `write ${what}`);
  };
const flag = (value: Json, where: string, faults: Faults): void => {
  if (typeof value !== "boolean") faults.add("bad_value", where, "this is neither true nor false", "write true or false");
};
const list =
  (most: number, each: (value: Json, where: string, faults: Faults) => void) =>
  (value: Json, where: string, faults: Faults): void => {
    if (!Array.isArray(value)) return faults.add("bad_value", where, "this is not a list", "write a list");
    if (value.length > most) return faults.add("too_many", where, `there are ${value.length} entries`, `keep to ${most}`);
    value.forEach((item, at) => each(item, `${where}/${at}`, faults));
    const seen = new Set<Json>();
    for (const [at, item] of value.entries()) {
      if (typeof item === "string" && seen.has(item)) faults.add("duplicate", `${where}/${at}`, `${item} stands here twice`, "remove one");
      seen.add(item);
    }
  };
const object =
  (shape: Shape) =>
  (value: Json, where: string, faults: Faults): void => {
    if (!isObject(value)) return faults.add("bad_value", where, "this is not an object", "write an object");
    for (const key of Object.keys(value)) {
      if (!Object.hasOwn(shape, key))
        faults.add("unknown_field", `${where}/${key}`, `${key.slice(0, 40)} means nothing here`, `use: ${Object.keys(shape).join(", ")}`);
    }
    for (const [key, check] of Object.entries(shape)) {
      const field = value[key];
      if (field === undefined) faults.add("missing_field", `${where}/${key}`, `${key} is missing`, `add ${key}`);
      else check(field, `${where}/${key}`, faults);
    }
  };

const DIRECTORY = object({
  persons: list(
    DIRECTORY_BOUNDS.persons,
    object({
      id: text(NAME, "a person id of a-z, 0-9, dot, underscore and hyphen"),
      name: text(DISPLAY, "a name of 1 to 200 visible characters"),
      active: flag,
      identities: list(
        DIRECTORY_BOUNDS.identities,
        text(IDENTITY, "an identity of 2 to 200 printable ASCII characters that is not a principal id"),
      ),
      roles: list(DIRECTORY_BOUNDS.roles, text(NAME, "a role name")),
    }),
  ),
  machines: list(
    DIRECTORY_BOUNDS.machines,
    object({
      id: text(MACHINE, "agent: or workload: and a name"),
      owner: text(PRINCIPAL, "a principal id"),
      actsFor: list(DIRECTORY_BOUNDS.actsFor, text(PRINCIPAL, "a principal id")),
      active: flag,
    }),
  ),
  groups: list(
    DIRECTORY_BOUNDS.groups,
    object({
      name: text(NAME, "a group name"),
      members: list(DIRECTORY_BOUNDS.members, text(NAME, "a person id")),
      handles: list(DIRECTORY_BOUNDS.handles, text(HANDLE, "a handle such as @acme/security")),
    }),
  ),
});

/** A directory as somebody wrote it: valid as a whole, or every fault it has. */
export function validateDirectory(raw: Json): Result<Directory, readonly Refusal<DirectoryCode>[]> {
  const faults = new Faults();
  if (!isObject(raw)) {
    faults.add("not_a_directory", "", "this is not an object", "write an object with persons, machines and groups");
    return fail(faults.all);
  }
  DIRECTORY(raw, "", faults);
  if (faults.all.length > 0) return fail(faults.all);
  const directory = raw as unknown as Directory;
  checkNames(directory, faults);
  checkReferences(directory, faults);
  return faults.all.length > 0 ? fail(faults.all) : ok(directory);
}

/** One name, one meaning: ids, identities and handles each belong to one person, machine or group. */
function checkNames(directory: Directory, faults: Faults): void {
  unique(
    directory.persons.map((person) => person.id),
    (at) => `/persons/${at}/id`,
    faults,
  );
  unique(
    directory.machines.map((machine) => machine.id),
    (at) => `/machines/${at}/id`,
    faults,
  );
  unique(
    directory.groups.map((group) => group.name),
    (at) => `/groups/${at}/name`,
    faults,
  );
  const claimed = new Map<string, string>();
  const claim = (name: string, owner: string, where: string): void => {
    const folded = foldIdentity(name);
    const other = claimed.get(folded);
    if (other !== undefined) faults.add("duplicate", where, `${name} belongs to ${other} already`, "give it to one person or group only");
    else claimed.set(folded, owner);
  };
  directory.persons.forEach((person, p) =>
    person.identities.forEach((identity, i) => claim(identity, person.id, `/persons/${p}/identities/${i}`)),
  );
  directory.groups.forEach((group, g) =>
    group.handles.forEach((handle, h) => claim(handle, `group ${group.name}`, `/groups/${g}/handles/${h}`)),
  );
}

function unique(names: readonly string[], where: (at: number) => string, faults: Faults): void {
  const seen = new Set<string>();
  names.forEach((name, at) => {
    if (seen.has(name)) faults.add("duplicate", where(at), `${name} is there already`, "use another id");
    seen.add(name);
  });
}

const isHuman = (principal: string): boolean => principal.startsWith("human:");

function checkReferences(directory: Directory, faults: Faults): void {
  const persons = new Set<string>(directory.persons.map((person) => person.id));
  const machines = new Map<string, string>(directory.machines.map((machine) => [machine.id, machine.owner]));
  const known = (principal: string): boolean =>
    isHuman(principal) ? persons.has(principal.slice("human:".length)) : machines.has(principal);
  const refer = (name: string, exists: boolean, where: string): void => {
    if (!exists) faults.add("unknown_reference", where, `${name} is not in this directory`, "add it, or name another");
  };
  directory.groups.forEach((group, g) =>
    group.members.forEach((member, m) => refer(member, persons.has(member), `/groups/${g}/members/${m}`)),
  );
  directory.machines.forEach((machine, m) => {
    refer(machine.owner, known(machine.owner), `/machines/${m}/owner`);
    machine.actsFor.forEach((principal, p) => refer(principal, known(principal), `/machines/${m}/actsFor/${p}`));
    if (known(machine.owner) && !endsInPerson(machine.owner, machines)) {
      faults.add(
        "endless_ownership",
        `/machines/${m}/owner`,
        `the owners of ${machine.id} never lead to a person`,
        `end the chain in a person within ${MAX_OWNER_CHAIN} owners`,
      );
    }
  });
}

function endsInPerson(owner: string, machines: ReadonlyMap<string, string>): boolean {
  let current: string | undefined = owner;
  for (let length = 1; length <= MAX_OWNER_CHAIN; length++) {
    if (current === undefined || isHuman(current)) return current !== undefined;
    current = machines.get(current);
  }
  return false;
}
