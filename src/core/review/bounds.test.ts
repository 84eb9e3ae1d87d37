import assert from "node:assert/strict";
import { test } from "node:test";
import { parties, people, principal, withPerson } from "../../testing/people.ts";
import type { Json } from "../base/index.ts";
import { emptyDirectory, isParty, mayActFor, ownerOf, personsBarred, validateDirectory } from "./index.ts";
import type { Directory } from "./index.ts";

type Raw = Record<string, unknown>;
const human = (more: Raw = {}): Raw => ({ id: "ada", name: "Ada", active: true, identities: [], roles: [], ...more });
const robot = (more: Raw = {}): Raw => ({ id: "agent:bot", owner: "human:ada", actsFor: [], active: true, ...more });
const group = (more: Raw = {}): Raw => ({ name: "g", members: [], handles: [], ...more });
const directory = (person: Raw = {}, machine: Raw = {}, one: Raw = {}): Raw => ({
  persons: [human(person)],
  machines: [robot(machine)],
  groups: [group(one)],
});
const faults = (raw: Raw): string[] => {
  const read = validateDirectory(raw as Json);
  return read.ok ? [] : read.error.map(({ code, where }) => `${code} ${where}`);
};
const many = (count: number, name = (n: number): string => `n${n}`): string[] => Array.from({ length: count }, (_, n) => name(n));

test("[RV-2] the longest that is allowed is read, and one more is not", () => {
  assert.deepEqual(faults(directory()), []);
  const rows: [good: Raw, bad: Raw, fault: string][] = [
    [directory({ name: "x".repeat(200) }), directory({ name: "x".repeat(201) }), "bad_value /persons/0/name"],
    [directory({ name: "x" }), directory({ name: "" }), "bad_value /persons/0/name"],
    [directory({ identities: ["@a"] }), directory({ identities: ["@"] }), "bad_value /persons/0/identities/0"],
    [directory({ identities: ["a".repeat(200)] }), directory({ identities: ["a".repeat(201)] }), "bad_value /persons/0/identities/0"],
    [directory({ identities: many(32) }), directory({ identities: many(33) }), "too_many /persons/0/identities"],
    [directory({ roles: many(32) }), directory({ roles: many(33) }), "too_many /persons/0/roles"],
    [
      {
        ...directory({}, { actsFor: many(64, (n) => `human:p${n}`) }),
        persons: many(64, (n) => `p${n}`)
          .concat("ada")
          .map((id) => human({ id })),
      },
      directory({}, { actsFor: many(65, (n) => `human:p${n}`) }),
      "too_many /machines/0/actsFor",
    ],
    [directory({}, {}, { handles: ["a"] }), directory({}, {}, { handles: ["@"] }), ""],
    [
      directory({}, {}, { handles: [`@${"a".repeat(200)}`] }),
      directory({}, {}, { handles: [`@${"a".repeat(201)}`] }),
      "bad_value /groups/0/handles/0",
    ],
    [directory({}, {}, { handles: many(32) }), directory({}, {}, { handles: many(33) }), "too_many /groups/0/handles"],
  ];
  for (const [good, bad, fault] of rows) {
    assert.deepEqual(faults(good), [], fault);
    assert.deepEqual(faults(bad), fault === "" ? [] : [fault]);
  }
});

test("[RV-2] a name is of characters that are seen, an identity of printable ASCII that is no principal id", () => {
  for (const name of ["\u001f", "\u007f", "\u009f", "\u200b", "\u200f", "\u2028", "\u202e", "\u2060", "\u2069", "\ufeff", "ok\u0000"])
    assert.deepEqual(faults(directory({ name })), ["bad_value /persons/0/name"], JSON.stringify(name));
  for (const name of [" ", "~", "\u00a0", "\u200a", "\u2010", "\u2027", "\u202f", "\u205f", "\u206a", "日本", "😀".repeat(200)])
    assert.deepEqual(faults(directory({ name })), [], JSON.stringify(name));
  for (const identity of ["human:x", "agent:x", "workload:x", "a b", "a\u007f", "é1", " aa", "aa "])
    assert.deepEqual(faults(directory({ identities: [identity] })), ["bad_value /persons/0/identities/0"], identity);
  for (const identity of ["!~", "slack:human:x", "humans", "token:x"]) assert.deepEqual(faults(directory({ identities: [identity] })), []);
  for (const value of [null, 7, true, {}, ["@ada"]] as Json[])
    assert.deepEqual(faults(directory({ identities: [value] })), ["bad_value /persons/0/identities/0"]);
});

test("[RV-2] each field has its own form", () => {
  assert.deepEqual(faults(directory({ roles: ["Role"] })), ["bad_value /persons/0/roles/0"]);
  assert.deepEqual(faults(directory({}, { active: 1 })), ["bad_value /machines/0/active"]);
  assert.deepEqual(faults(directory({}, { actsFor: ["ada"] })), ["bad_value /machines/0/actsFor/0"]);
  assert.deepEqual(faults(directory({}, {}, { name: "G" })), ["bad_value /groups/0/name"]);
  assert.deepEqual(faults(directory({}, {}, { members: ["human:ada"] })), ["bad_value /groups/0/members/0"]);
  assert.deepEqual(faults(directory({}, { id: "agent:" })), ["bad_value /machines/0/id"]);
  assert.deepEqual(faults(directory({}, { owner: "human:Ada" })), ["bad_value /machines/0/owner"]);
  for (const key of Object.keys(human())) assert.deepEqual(faults(directory({ [key]: undefined })), [`missing_field /persons/0/${key}`]);
  for (const key of Object.keys(robot()))
    assert.deepEqual(faults(directory({}, { [key]: undefined })), [`missing_field /machines/0/${key}`]);
  for (const key of Object.keys(group()))
    assert.deepEqual(faults(directory({}, {}, { [key]: undefined })), [`missing_field /groups/0/${key}`]);
  assert.deepEqual(faults(directory({ toString: 1 })), ["unknown_field /persons/0/toString"]);
  for (const value of [null, "x", 7, []] as Json[]) {
    assert.deepEqual(faults({ ...directory(), persons: [value], machines: [] }), ["bad_value /persons/0"]);
    assert.deepEqual(faults(value as unknown as Raw), ["not_a_directory "]);
  }
});

test("[RV-2] a fault says what to write", () => {
  const read = validateDirectory({ ...directory({ roles: 7 }), ["k".repeat(50)]: 1 } as Json);
  assert.ok(!read.ok);
  const [strange, roles] = read.error;
  assert.equal(strange?.message, `${"k".repeat(40)} means nothing here`);
  assert.equal(strange?.remedy, "use: persons, machines, groups");
  assert.deepEqual([roles?.code, roles?.remedy], ["bad_value", "write a list"]);
});

test("[RV-2] [RV-3] a fault of one field says what to write, and of a name, whose it is", () => {
  const remedies = (raw: Raw): string[] => {
    const found = validateDirectory(raw as Json);
    return found.ok ? [] : found.error.map(({ remedy }) => remedy ?? "");
  };
  assert.deepEqual(remedies(directory({ roles: ["Role"] })), ["write a role name"]);
  assert.deepEqual(remedies(directory({ roles: ["a", "a"] })), ["remove one"]);
  assert.deepEqual(remedies(directory({ name: undefined })), ["add name"]);
  const claimed = validateDirectory({
    ...directory(),
    groups: [group({ handles: ["@x"] }), group({ name: "h", handles: ["@X"] })],
  } as Json);
  assert.equal(claimed.ok ? "" : claimed.error[0]?.message, "@X belongs to group g already");
  assert.deepEqual(faults(directory({ roles: [7, 7] })), ["bad_value /persons/0/roles/0", "bad_value /persons/0/roles/1"]);
});

test("[RV-6] the parties are the proposer, the one it acts for, and the owner", () => {
  const each = {
    proposer: principal("agent:a"),
    onBehalfOf: principal("human:b"),
    owner: principal("human:c"),
    editors: [principal("human:d")],
  };
  assert.deepEqual(
    ["agent:a", "human:b", "human:c", "human:d", "human:e"].map((who) => isParty(each, principal(who))),
    [true, true, true, false, false],
  );
});

test("[RV-2] a list of directory entries has its own bound", () => {
  const at = (more: Raw): string[] => faults({ persons: [], machines: [], groups: [], ...more });
  const wrong = (count: number): number[] => Array.from({ length: count }, () => 0);
  assert.deepEqual(at({ machines: wrong(20_001) }), ["too_many /machines"]);
  assert.deepEqual(at({ groups: wrong(5001) }), ["too_many /groups"]);
  assert.equal(at({ machines: wrong(20_000) })[0], "bad_value /machines/0");
  assert.equal(at({ groups: wrong(5000) })[0], "bad_value /groups/0");
  assert.equal(at({ persons: wrong(50_000) })[0], "bad_value /persons/0");
  assert.equal(at({ groups: [group({ members: wrong(20_000) })] })[0], "bad_value /groups/0/members/0");
  assert.deepEqual(at({ groups: [group({ members: wrong(20_001) })] }), ["too_many /groups/0/members"]);
});

const chain = (length: number): Directory => ({
  ...emptyDirectory,
  persons: people.persons,
  machines: Array.from({ length }, (_, n) => ({
    id: principal(`agent:n${n}`),
    owner: principal(n === length - 1 ? "human:ada" : `agent:n${n + 1}`),
    actsFor: [],
    active: true,
  })),
});

test("[RV-4] [RV-5] [RV-7] eight owners lead to a person, nine do not", () => {
  const [first] = many(1, () => "agent:n0").map(principal);
  assert.ok(first);
  assert.deepEqual(faults(structuredClone(chain(8)) as unknown as Raw), []);
  assert.deepEqual(faults(structuredClone(chain(9)) as unknown as Raw), ["endless_ownership /machines/0/owner"]);
  assert.equal(ownerOf(chain(8), first), "human:ada");
  assert.equal(ownerOf(chain(9), first), first, "too long a chain is answered for by nobody else");
  const barred = (length: number): boolean => personsBarred({ ...parties, proposer: first }, chain(length)).ok;
  assert.deepEqual([barred(8), barred(9)], [true, false]);
});

test("[RV-7] a party that cannot be traced is named", () => {
  const lost = personsBarred({ ...parties, editors: [principal("agent:gone")] }, people);
  assert.equal(lost.ok ? "" : lost.error.where, "agent:gone");
  const behind = personsBarred({ ...parties, onBehalfOf: principal("agent:away") }, people);
  assert.equal(behind.ok ? "" : behind.error.where, "agent:away");
});

test("[RV-5] an inactive machine acts for nobody, and an active one for its owner though the list is empty", () => {
  const own = (active: boolean): Directory => ({
    ...people,
    machines: [{ id: principal("agent:x"), owner: principal("human:bo"), actsFor: [principal("human:cy")], active }],
  });
  for (const whom of ["human:bo", "human:cy"]) {
    assert.equal(mayActFor(own(true), principal("agent:x"), principal(whom)), true);
    assert.equal(mayActFor(own(false), principal("agent:x"), principal(whom)), false);
  }
  assert.equal(mayActFor(withPerson("bo", {}), principal("human:gone"), principal("human:gone")), true);
});
