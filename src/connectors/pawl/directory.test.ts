import assert from "node:assert/strict";
import test from "node:test";
import type { PrincipalId } from "../../core/base/index.ts";
import type { Directory } from "../../core/review/index.ts";
import { people, person, principal } from "../../testing/people.ts";
import { directoryEffects, directoryFindings } from "./directory.ts";

const told = (after: Directory, before = people): string[] =>
  directoryEffects(before, after).map(({ kind, summary }) => `${kind}: ${summary}`);
const found = (after: Directory, before = people): string[] =>
  directoryFindings(before, after)
    .filter(({ code }) => code !== "pawl.no_admin")
    .map(({ severity, code }) => `${severity} ${code}`);
const withPeople = (more: Readonly<Record<string, object>>): Directory => ({
  ...people,
  persons: people.persons.map((one) => ({ ...one, ...more[one.id] })),
});
const withMachine = (id: string, more: object): Directory => ({
  ...people,
  machines: people.machines.map((one) => (one.id === principal(id) ? { ...one, ...more } : one)),
});

test("[PW-5] two names that are swapped are two effects, and nothing else is", () => {
  assert.deepEqual(told(withPeople({ bo: { name: "cy" }, cy: { name: "bo" } })), [
    "update: bo (bo) is now called cy",
    "update: cy (cy) is now called bo",
  ]);
  assert.deepEqual(told(people), []);
});

test("[PW-5] who is deactivated loses all that they had, and gets it back when they are active again", () => {
  const without = withPeople({ flo: { active: false } });
  const lost = [
    "flo is an active person",
    "flo has the role release",
    "flo@example.com signs as flo",
    "@flo signs as flo",
    "slack:U-flo signs as flo",
  ];
  assert.deepEqual(
    told(without),
    lost.map((sentence) => `revoke: no longer: ${sentence}`),
  );
  assert.deepEqual(
    told(people, without),
    lost.map((sentence) => `grant: ${sentence}`),
  );
});

test("[PW-6] a machine that changes hands, or whose person has left, is found; one that was so before is not", () => {
  assert.deepEqual(found(withMachine("agent:bot", { owner: principal("human:hal") })), ["danger pawl.owner_changed"]);
  const left = withPeople({ ada: { active: false } });
  assert.deepEqual(found(left), ["warning pawl.owner_inactive", "warning pawl.owner_inactive"]);
  assert.deepEqual(found(left, left), []);
  assert.deepEqual(found(withMachine("agent:bot", { owner: principal("human:gus") })), [
    "danger pawl.owner_changed",
    "warning pawl.owner_inactive",
    "warning pawl.owner_inactive",
  ]);
  assert.deepEqual(
    found(withMachine("agent:bot", { active: false, owner: principal("human:gus") })).includes("danger pawl.owner_changed"),
    true,
  );
});

test("[PW-6] a directory without an admin is a danger", () => {
  assert.deepEqual(
    directoryFindings(people, people).map(({ code, severity }) => [severity, code]),
    [["danger", "pawl.no_admin"]],
  );
  assert.deepEqual(directoryFindings(people, withPeople({ flo: { roles: ["admin"] } })), []);
});

test("[PW-5] [PW-6] thousands of people and machines are compared, and their findings bounded", () => {
  const many = (owner: (i: number) => PrincipalId, name: string): Directory => ({
    groups: [],
    persons: Array.from({ length: 5000 }, (_, i) => ({
      id: person(`p${i}`),
      name: `${name} ${i}`,
      active: true,
      identities: [],
      roles: ["admin"],
    })),
    machines: Array.from({ length: 5000 }, (_, i) => ({ id: principal(`agent:a${i}`), owner: owner(i), actsFor: [], active: true })),
  });
  const before = many((i) => principal(`human:p${i}`), "one");
  const after = many((i) => principal(`human:p${(i + 1) % 5000}`), "another");
  assert.equal(directoryEffects(before, after).length, 15_000);
  const findings = directoryFindings(before, after);
  assert.deepEqual([findings.length, findings.at(-1)?.message], [201, "and 4800 more findings: read the whole text"]);
});
