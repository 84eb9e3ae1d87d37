import assert from "node:assert/strict";
import { test } from "node:test";
import type { Json } from "../base/index.ts";
import { parties, people, person, principal, withPerson } from "../../testing/people.ts";
import { emptyDirectory, mayActFor, ownerOf, personsBarred, resolvePerson, validateDirectory } from "./index.ts";
import type { Directory, Machine } from "./index.ts";

const raw = (directory: Directory): Json => structuredClone(directory) as unknown as Json;
function codes(value: unknown): string[] {
  const read = validateDirectory(value as Json);
  return read.ok ? [] : read.error.map((fault) => `${fault.code} ${fault.where ?? ""}`);
}
const machine = (id: string, owner: string, actsFor: string[] = []): Machine => ({
  id: principal(id),
  owner: principal(owner),
  actsFor: actsFor.map(principal),
  active: true,
});

test("[RV-1] every identity of a person leads to that person", () => {
  for (const identity of ["human:ada", "ada@example.com", "ADA@Example.COM", "@ADA", "slack:U-ada"]) {
    assert.equal(resolvePerson(people, identity)?.id, "ada", identity);
  }
  for (const identity of ["slack:u-ada", "human:nobody", "agent:bot", "ada", ""])
    assert.equal(resolvePerson(people, identity), undefined, identity);
});

test("[RV-1] [F50] a name that Unicode folds onto another is not that other", () => {
  const kay = withPerson("bo", { identities: ["@kay", "kay@example.com"] });
  assert.equal(resolvePerson(kay, "@KAY")?.id, "bo");
  for (const looksAlike of ["@\u212Aay", "\u212Aay@example.com", "@k\u00E4y", "@\uFF4Bay"])
    assert.equal(resolvePerson(kay, looksAlike), undefined, looksAlike);
});

test("[RV-1] [A2] an identity that two persons claim leads to nobody", () => {
  const shared = withPerson("bo", { identities: ["@Ada"] });
  assert.equal(resolvePerson(shared, "@ada"), undefined);
  assert.equal(resolvePerson(shared, "human:ada")?.id, "ada");
});

test("[RV-2] a directory that is valid is read as it stands", () => {
  assert.deepEqual(validateDirectory(raw(people)), { ok: true, value: people });
  assert.deepEqual(validateDirectory(raw(emptyDirectory)), { ok: true, value: emptyDirectory });
});

test("[RV-2] every fault of form is told at once, with its place", () => {
  assert.deepEqual(codes([]), ["not_a_directory "]);
  assert.deepEqual(codes({ persons: {}, machines: [1], extra: true }), [
    "unknown_field /extra",
    "bad_value /persons",
    "bad_value /machines/0",
    "missing_field /groups",
  ]);
  const bad = {
    persons: [
      {
        id: "Ada!",
        name: "a\u202eb",
        active: "yes",
        identities: ["spa ce", "human:bo", "@x", "@x"],
        roles: Array.from({ length: 33 }, (_, n) => `r${n}`),
      },
    ],
    machines: [{ id: "human:x", owner: "root", actsFor: [], active: true }],
    groups: [{ name: "g", members: ["ada"], handles: ["@ünï"] }],
  };
  assert.deepEqual(codes(bad), [
    "bad_value /persons/0/id",
    "bad_value /persons/0/name",
    "bad_value /persons/0/active",
    "bad_value /persons/0/identities/0",
    "bad_value /persons/0/identities/1",
    "duplicate /persons/0/identities/3",
    "too_many /persons/0/roles",
    "bad_value /machines/0/id",
    "bad_value /machines/0/owner",
    "bad_value /groups/0/handles/0",
  ]);
});

test("[RV-2] the list of faults is bounded, and so is the document", () => {
  assert.equal(codes({ persons: Array.from({ length: 5000 }, () => 0), machines: [], groups: [] }).length, 100);
  assert.deepEqual(codes({ persons: Array.from({ length: 50_001 }, () => 0), machines: [], groups: [] }), ["too_many /persons"]);
});

test("[RV-3] [A2] ids, names, identities and handles belong to one", () => {
  const [ada] = people.persons;
  const [security] = people.groups;
  assert.ok(ada && security);
  const twice: Directory = {
    persons: [...people.persons, { ...ada, identities: ["ADA@example.com", "@ACME/identity"] }],
    machines: [...people.machines, machine("agent:bot", "human:bo")],
    groups: [...people.groups, { ...security, handles: ["@ed"] }],
  };
  assert.deepEqual(codes(raw(twice)), [
    "duplicate /persons/8/id",
    "duplicate /machines/3/id",
    "duplicate /groups/2/name",
    "duplicate /persons/8/identities/0",
    "duplicate /groups/1/handles/0",
    "duplicate /groups/2/handles/0",
  ]);
});

test("[RV-4] owners, members and principals exist, and ownership ends in a person", () => {
  const lost: Directory = {
    persons: people.persons,
    machines: [
      machine("agent:a", "agent:b"),
      machine("agent:b", "agent:a"),
      machine("agent:c", "human:zoe", ["agent:zed"]),
      machine("agent:self", "agent:self"),
      ...Array.from({ length: 9 }, (_, n) => machine(`agent:n${n}`, n === 8 ? "human:ada" : `agent:n${n + 1}`)),
    ],
    groups: [{ name: "g", members: [person("zoe")], handles: [] }],
  };
  assert.deepEqual(codes(raw(lost)), [
    "unknown_reference /groups/0/members/0",
    "endless_ownership /machines/0/owner",
    "endless_ownership /machines/1/owner",
    "unknown_reference /machines/2/owner",
    "unknown_reference /machines/2/actsFor/0",
    "endless_ownership /machines/3/owner",
    "endless_ownership /machines/4/owner",
  ]);
});

test("[RV-5] who answers for a machine, and for whom it acts", () => {
  assert.equal(ownerOf(people, principal("agent:sub")), "human:ada");
  assert.equal(ownerOf(people, principal("human:bo")), "human:bo");
  assert.equal(ownerOf(people, principal("agent:gone")), "agent:gone");
  const may = (who: string, whom: string): boolean => mayActFor(people, principal(who), principal(whom));
  assert.ok(may("human:bo", "human:bo") && may("agent:bot", "human:hal") && may("agent:sub", "agent:bot") && may("agent:sub", "human:ada"));
  assert.ok(
    !may("human:bo", "human:ada") && !may("agent:bot", "human:bo") && !may("workload:ci", "human:flo") && !may("agent:gone", "agent:gone"),
  );
});

test("[RV-6] [A1] barred are the persons behind every party", () => {
  const barred = (change: Partial<typeof parties>): string[] => {
    const found = personsBarred({ ...parties, ...change }, people);
    assert.ok(found.ok);
    return [...found.value].toSorted();
  };
  assert.deepEqual(barred({}), ["ada"]);
  assert.deepEqual(barred({ proposer: principal("agent:sub"), onBehalfOf: principal("human:hal") }), ["ada", "hal"]);
  assert.deepEqual(barred({ editors: [principal("human:bo"), principal("workload:ci")] }), ["ada", "bo", "flo"]);
  // The bot acts for Ada or Hal; when something acts for the bot, either may be behind it.
  assert.deepEqual(barred({ onBehalfOf: principal("agent:bot") }), ["ada", "hal"]);
});

test("[RV-7] a party that leads to no person bars everybody; one who left stays barred", () => {
  const cases: Partial<typeof parties>[] = [
    { proposer: principal("agent:gone") },
    { owner: principal("workload:gone") },
    { onBehalfOf: principal("agent:gone") },
    { editors: [principal("human:bo"), principal("agent:gone")] },
  ];
  for (const change of cases) assert.equal(personsBarred({ ...parties, ...change }, people).ok, false);
  const circle: Directory = { ...people, machines: [machine("agent:bot", "agent:sub"), machine("agent:sub", "agent:bot")] };
  const refused = personsBarred(parties, circle);
  assert.equal(refused.ok ? "" : refused.error.code, "party_untraceable");
  const left = personsBarred({ ...parties, editors: [principal("human:zoe")] }, people);
  assert.ok(left.ok && left.value.has(person("zoe")));
});
