import assert from "node:assert/strict";
import test from "node:test";
import { bundle, bundleText } from "../../testing/policy.ts";
import { loadBundle } from "./index.ts";

type Raw = Readonly<Record<string, unknown>>;
/** Code and place of every fault; none when the bundle is loaded. */
const faults = (rules: readonly Raw[], more: Raw = {}): string[] => {
  const loaded = loadBundle(bundleText(rules, more));
  return loaded.ok ? [] : loaded.error.map(({ code, where }) => `${code.replace("bundle_", "")} ${where ?? ""}`.trim());
};
const told = (rules: readonly Raw[], more: Raw = {}): string[] => {
  const loaded = loadBundle(bundleText(rules, more));
  return loaded.ok ? [] : loaded.error.map(({ message, remedy }) => (remedy === undefined ? message : `${message}; ${remedy}`));
};
const many = <T>(count: number, of: (n: number) => T): T[] => Array.from({ length: count }, (_, n) => of(n));
const seat = (more: Raw = {}): Raw => ({ id: "s", who: [{ group: "g" }], ...more });
const seated = (more: Raw): Raw => ({ seats: [seat(more)] });
const surfaced = (more: Raw): Raw => ({ surfaces: [{ name: "auth", ...more }] });
const cased = (more: Raw): Raw => ({ cases: [{ name: "c", expect: { outcome: "review" }, ...more }] });

test("[PO-1] each text and list of a rule has its bound", () => {
  const rows: readonly (readonly [(n: number) => Raw, number, string])[] = [
    [(n) => ({ id: "x".repeat(n) }), 64, "rules[0].id"],
    [(n) => ({ reason: "x".repeat(n) }), 500, "rules[0].reason"],
    [(n) => ({ holds: many(n, (i) => `h${i}`) }), 20, "rules[0].holds"],
    [(n) => ({ holds: ["h".repeat(n)] }), 64, "rules[0].holds[0]"],
    [(n) => ({ seats: many(n, (i) => seat({ id: `s${i}` })) }), 20, "rules[0].seats"],
    [(n) => seated({ id: "s".repeat(n) }), 48, "rules[0].seats[0].id"],
    [(n) => seated({ count: n }), 20, "rules[0].seats[0].count"],
    [(n) => seated({ who: many(n, (i) => ({ group: `g${i}` })) }), 50, "rules[0].seats[0].who"],
    [(n) => seated({ who: [{ person: "p".repeat(n) }] }), 128, "rules[0].seats[0].who[0].person"],
    [(n) => seated({ fallback: many(n, (i) => ({ group: `g${i}` })) }), 50, "rules[0].seats[0].fallback"],
    [(n) => ({ outcome: "revise", instruction: { code: "c".repeat(n), message: "m" } }), 64, "rules[0].instruction.code"],
    [(n) => ({ outcome: "revise", instruction: { code: "c", message: "m".repeat(n) } }), 500, "rules[0].instruction.message"],
  ];
  for (const [rule, most, where] of rows) {
    assert.deepEqual(faults([rule(most)]), [], where);
    assert.deepEqual(faults([rule(most + 1)]), [`shape ${where}`]);
  }
  const when = (n: number): string[] => faults([{ when: `true ||${" ".repeat(n - 11)}true` }]);
  assert.deepEqual([when(4096), when(4097)[0]], [[], "shape rules[0].when"]);
  assert.deepEqual(faults([seated({ count: 1 })]), []);
  for (const count of [0, 1.5, "2", null]) assert.deepEqual(faults([seated({ count })]), ["shape rules[0].seats[0].count"]);
});

test("[PO-1] each text and list beside the rules has its bound", () => {
  const rows: readonly (readonly [(n: number) => Raw, number, string])[] = [
    [(n) => ({ name: "n".repeat(n) }), 64, "name"],
    [(n) => ({ surfaces: many(n, (i) => ({ name: `s${i}` })) }), 200, "surfaces"],
    [(n) => surfaced({ name: "n".repeat(n) }), 64, "surfaces[0].name"],
    [(n) => surfaced({ paths: many(n, (i) => `p${i}`) }), 200, "surfaces[0].paths"],
    [(n) => surfaced({ paths: ["p".repeat(n)] }), 512, "surfaces[0].paths[0]"],
    [(n) => surfaced({ resources: many(n, (i) => `p${i}`) }), 200, "surfaces[0].resources"],
    [(n) => surfaced({ tags: many(n, (i) => `p${i}`) }), 200, "surfaces[0].tags"],
    [(n) => surfaced({ tags: ["t".repeat(n)] }), 64, "surfaces[0].tags[0]"],
    [(n) => ({ defaults: { seats: many(n, (i) => seat({ id: `s${i}` })) } }), 20, "defaults.seats"],
    [(n) => ({ defaults: { seats: [seat()], unowned: many(n, (i) => ({ group: `g${i}` })) } }), 50, "defaults.unowned"],
    [(n) => cased({ name: "n".repeat(n) }), 200, "cases[0].name"],
    [(n) => cased({ expect: { outcome: "review", rules: many(n, (i) => `r${i}`) } }), 200, "cases[0].expect.rules"],
    [(n) => cased({ expect: { outcome: "review", seats: ["s".repeat(n)] } }), 128, "cases[0].expect.seats[0]"],
  ];
  for (const [more, most, where] of rows) {
    assert.deepEqual(faults([], more(most)), [], where);
    assert.deepEqual(faults([], more(most + 1)), [`shape ${where}`]);
  }
});

test("[PO-1] each level lacks what it needs, and says what it knows", () => {
  const without = (rule: Raw, key: string): string[] => faults([{ ...rule, [key]: undefined }]);
  for (const key of ["id", "outcome", "when", "reason"]) assert.deepEqual(without({}, key), ["shape rules[0]"], key);
  for (const key of ["id", "who"]) assert.deepEqual(faults([seated({ [key]: undefined })]), ["shape rules[0].seats[0]"], key);
  for (const key of ["code", "message"])
    assert.deepEqual(faults([{ outcome: "revise", instruction: { code: "c", message: "m", [key]: undefined } }]), [
      "shape rules[0].instruction",
    ]);
  for (const key of ["pawl", "name", "defaults", "rules"]) assert.deepEqual(faults([], { [key]: undefined }), ["shape"], key);
  assert.deepEqual(faults([], surfaced({ name: undefined })), ["shape surfaces[0]"]);
  assert.deepEqual(faults([], { defaults: {} }), ["shape defaults"]);
  for (const key of ["name", "expect"]) assert.deepEqual(faults([], cased({ [key]: undefined })), ["shape cases[0]"]);
  assert.deepEqual(faults([], cased({ expect: {} })), ["shape cases[0].expect"]);
  const known = (rules: readonly Raw[], more: Raw = {}): string | undefined =>
    told(rules, more).flatMap((one) => one.split("; known keys: ")[1] ?? [])[0];
  assert.equal(known([{ x: 1 }]), "id, outcome, when, reason, for, seats, instruction, holds");
  assert.equal(known([seated({ x: 1 })]), "id, who, fallback, count, strength, channels");
  assert.equal(known([seated({ who: [{ group: "g", x: 1 }] })]), "person, group, role, owner, owners");
  assert.equal(known([seated({ fallback: [{ group: "g", owners: true }] })]), "person, group, role, owner");
  assert.equal(known([], surfaced({ x: 1 })), "name, paths, resources, tags");
  assert.equal(known([], { defaults: { seats: [seat()], x: 1 } }), "seats, unowned");
  assert.equal(known([], cased({ x: 1 })), "name, expect, facts, at");
  assert.equal(known([], cased({ expect: { outcome: "auto", x: 1 } })), "outcome, rules, seats, holds, instructions");
  assert.equal(known([], { x: 1 }), "pawl, name, defaults, rules, surfaces, calendars, freezes, break_glass, cases");
});

test("[PO-1] each value is of its kind and form", () => {
  for (const rule of [
    { id: "Not a name" },
    { id: 7 },
    { outcome: "maybe" },
    { outcome: 7 },
    { reason: " " },
    { reason: 7 },
    { reason: "a\u202eb" },
  ])
    assert.deepEqual(faults([rule]), [`shape rules[0].${Object.keys(rule)[0]}`], JSON.stringify(rule));
  for (const rule of [{ seats: {} }, { seats: "x" }, { holds: "h" }])
    assert.deepEqual(faults([rule]), [`shape rules[0].${Object.keys(rule)[0]}`]);
  assert.deepEqual(faults([{ seats: ["x"] }]), ["shape rules[0].seats[0]"]);
  assert.deepEqual(faults([{ holds: ["Not a name"] }]), ["shape rules[0].holds[0]"]);
  assert.deepEqual(faults([seated({ id: "Not a name" })]), ["shape rules[0].seats[0].id"]);
  assert.deepEqual(faults([seated({ strength: "weak" })]), ["shape rules[0].seats[0].strength"]);
  assert.deepEqual(faults([seated({ channels: ["pigeon"] })]), ["shape rules[0].seats[0].channels[0]"]);
  assert.deepEqual(faults([seated({ channels: [] })]), ["shape rules[0].seats[0].channels"]);
  assert.deepEqual(faults([seated({ who: [] })]), ["shape rules[0].seats[0].who"]);
  for (const who of [{}, { group: "a", role: "b" }]) assert.deepEqual(faults([seated({ who: [who] })]), ["shape rules[0].seats[0].who[0]"]);
  for (const owners of [false, "true", 1])
    assert.deepEqual(faults([seated({ who: [{ owners }] })]), ["shape rules[0].seats[0].who[0].owners"]);
  assert.deepEqual(faults([], { defaults: { seats: [] } }), ["shape defaults.seats"]);
  assert.deepEqual(faults([], surfaced({ name: "Not a name" })), ["shape surfaces[0].name"]);
  assert.deepEqual(faults([], surfaced({ paths: ["***"] })), ["shape surfaces[0].paths[0]"]);
  assert.deepEqual(faults([], surfaced({ resources: ["***"] })), ["shape surfaces[0].resources[0]"]);
  assert.deepEqual(faults([{ outcome: "revise", instruction: { code: "Not a name", message: "m" } }]), ["shape rules[0].instruction.code"]);
  assert.deepEqual(faults([], { pawl: "policy/v2" }), ["shape pawl"]);
  assert.deepEqual(faults([], { rules: {} }), ["shape rules"]);
});

test("[PO-1] each outcome has the keys that mean something for it", () => {
  const instruction = { code: "c", message: "m" };
  const may: Readonly<Record<string, readonly string[]>> = {
    auto: [],
    review: ["seats", "holds"],
    escalate: ["seats", "holds"],
    revise: ["instruction", "holds"],
    block: ["instruction", "holds"],
  };
  const given: Raw = { seats: [seat()], instruction, holds: ["h"] };
  for (const [outcome, allowed] of Object.entries(may)) {
    for (const key of Object.keys(given)) {
      const found = faults([{ outcome, [key]: given[key] }]).filter((fault) => fault.endsWith(`.${key}`));
      assert.deepEqual(found, allowed.includes(key) ? [] : [`shape rules[0].${key}`], `${outcome} ${key}`);
    }
  }
  assert.deepEqual(told([{ outcome: "escalate", seats: undefined }]), ["rules[0] lacks seats; a rule that escalates says to whom"]);
  assert.deepEqual(told([{ outcome: "revise", instruction: undefined }]), [
    "rules[0] lacks instruction; a rule that sends back says what to mend",
  ]);
  assert.deepEqual(faults([{ outcome: "block" }, { outcome: "review" }]), []);
});

test("[PO-1] ids of rules and names of surfaces and cases stand once", () => {
  assert.deepEqual(faults([{ id: "a" }, { id: "b" }, { id: "a" }]), ["shape rules[2].id"]);
  assert.deepEqual(faults([], { surfaces: [{ name: "a" }, { name: "a" }] }), ["shape surfaces[1].name"]);
  const one = { name: "c", expect: { outcome: "review" } };
  assert.deepEqual(faults([], { cases: [one, one] }), ["shape cases[1].name"]);
});

test("[PO-1] what is left out has one meaning", () => {
  const { definition } = bundle(
    [
      { ...seated({}), id: "a" },
      { id: "b", outcome: "revise" },
    ],
    surfaced({}),
  );
  const channels = definition.rules[0]?.seats[0]?.channels ?? [];
  assert.ok(channels.includes("console") && channels.includes("cli"));
  assert.deepEqual(definition.rules[0]?.seats, [{ id: "s", who: [{ group: "g" }], fallback: [], count: 1, strength: "session", channels }]);
  assert.deepEqual(definition.surfaces, [{ name: "auth", paths: [], resources: [], tags: [] }]);
  assert.ok(!("instruction" in (definition.rules[0] ?? {})));
  assert.deepEqual(definition.rules[1]?.instruction, { code: "mend", message: "mend it" });
  assert.deepEqual(definition.rules[1]?.holds, []);
  const given = seat({
    fallback: [{ person: "p" }],
    count: 2,
    strength: "passkey",
    channels: ["cli"],
    who: [{ owners: true }, { role: "r" }, { owner: "@o" }],
  });
  assert.deepEqual(bundle([{ seats: [given] }]).definition.rules[0]?.seats, [given]);
});
