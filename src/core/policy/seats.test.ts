import assert from "node:assert/strict";
import test from "node:test";
import { bundle, facts } from "../../testing/policy.ts";
import type { EffectFacts } from "./facts.ts";
import { evaluate, selectorText } from "./index.ts";
import type { Facts, Seat, SeatDefinition, Who } from "./index.ts";
import { seatsFor } from "./seats.ts";
import type { Seating } from "./seats.ts";

/** Seats for the change as a whole. */
const over = (wanted: readonly SeatDefinition[], effects: readonly EffectFacts[], unowned: readonly Who[]): Seating =>
  seatsFor(
    wanted.map((seat) => ({ seat })),
    effects,
    unowned,
  );

const OWNERS = { id: "owner", who: [{ owners: true }] };
const GROUP = { id: "core", who: [{ group: "core" }] };
const owned = (...sets: readonly (readonly string[])[]): ReturnType<typeof facts> => facts({ effects: sets.map((owners) => ({ owners })) });

const who = (seat: Seat): string => seat.who.map((one) => Object.values(one).slice(1).join()).join(" ");
const shortly = (seats: readonly Seat[]): string[] => seats.map((seat) => `${seat.id}: ${who(seat)}`);

/** The seats that one rule asks for. */
function seatsOf(wanted: readonly object[], given = facts(), defaults?: object): readonly Seat[] {
  return evaluate(bundle([{ outcome: "review", seats: wanted }], defaults ? { defaults } : {}), given).route.seats;
}

test("[PO-40] seats are those of all rules that review or escalate, and only for these outcomes", () => {
  const rules = [
    { outcome: "review", seats: [GROUP] },
    { outcome: "escalate", seats: [{ id: "boss", who: [{ role: "lead" }] }] },
    { outcome: "review", seats: [{ id: "quiet", who: [{ person: "eve" }] }], when: "false" },
    { outcome: "auto" },
  ];
  assert.deepEqual(shortly(evaluate(bundle(rules), facts()).route.seats), ["core: core", "boss: lead"]);
  for (const outcome of ["revise", "block"]) assert.deepEqual(evaluate(bundle([...rules, { outcome }]), facts()).route.seats, []);
  assert.deepEqual(evaluate(bundle([{ outcome: "auto" }]), facts()).route.seats, []);
});

test("[PO-40] the defaults' seats stand where nobody asks for any", () => {
  const defaults = { seats: [GROUP] };
  const seats = (rules: readonly object[], given = facts()): string[] =>
    shortly(evaluate(bundle(rules as [], { defaults }), given).route.seats);
  assert.deepEqual(seats([]), ["core: core"]);
  assert.deepEqual(seats([{ outcome: "review" }]), ["core: core"]);
  assert.deepEqual(seats([{ outcome: "auto" }], facts({ findings: [{ severity: "danger" }] })), ["core: core"]);
  assert.deepEqual(seats([{ outcome: "review" }, { outcome: "review", seats: [OWNERS] }]), ["core: core", "owner: @owner"]);
});

test("[PO-41] one seat for each distinct set of owners, in the order of names", () => {
  assert.deepEqual(shortly(seatsOf([OWNERS], owned(["@b", "@a"], ["@c"], ["@a", "@b"]))), ["owner: @a @b", "owner-2: @c"]);
  assert.deepEqual(shortly(seatsOf([OWNERS], owned(["@c"], ["@b"], ["@a"]))), ["owner: @a", "owner-2: @b", "owner-3: @c"]);
  assert.deepEqual(shortly(seatsOf([OWNERS], owned(["@Ada"], ["@ada"]))).length, 1);
  assert.deepEqual(seatsOf([OWNERS], owned(["@x"]))[0]?.who, [{ kind: "owner", handle: "@x" }]);
});

test("[PO-41] a set that contains another asks for nobody more", () => {
  assert.deepEqual(shortly(seatsOf([OWNERS], owned(["@a", "@b"], ["@a"], ["@a", "@b", "@c"]))), ["owner: @a"]);
  assert.deepEqual(shortly(seatsOf([OWNERS], owned(["@a", "@b"], ["@b", "@c"]))), ["owner: @a @b", "owner-2: @b @c"]);
});

test("[PO-41] other sitters of a seat for owners may sit in each", () => {
  const mixed = { id: "owner", who: [{ group: "core" }, { owners: true }, { person: "ada" }, { owner: "@lead" }] };
  assert.deepEqual(shortly(seatsOf([mixed], owned(["@a"], ["@b"]))), ["owner: core @a @lead ada", "owner-2: core @b @lead ada"]);
});

test("[PO-42] what nobody owns goes to the seat's fallback, or to the defaults'", () => {
  const bare = owned([], ["@a"]);
  const defaults = { seats: [OWNERS], unowned: [{ group: "maintainers" }] };
  assert.deepEqual(shortly(seatsOf([OWNERS], bare, defaults)), ["owner: @a", "owner-2: maintainers"]);
  assert.deepEqual(shortly(seatsOf([{ ...OWNERS, fallback: [{ role: "lead" }] }], bare, defaults)), ["owner: @a", "owner-2: lead"]);
  assert.deepEqual(shortly(seatsOf([{ ...OWNERS, fallback: [{ role: "lead" }] }], owned(["@a"]), defaults)), ["owner: @a"]);
  assert.deepEqual(shortly(seatsOf([{ id: "s", who: [{ owners: true }, { group: "core" }] }], owned([]), { seats: [OWNERS] })), [
    "s: core",
  ]);
});

test("[PO-43] a seat in which nobody can sit stays, and the change is escalated", () => {
  const { route, trace } = evaluate(
    bundle([{ outcome: "review", seats: [OWNERS, GROUP] }], { defaults: { seats: [OWNERS] } }),
    facts({ effects: [{ path: "x", owners: [] }, {}] }),
  );
  assert.equal(route.outcome, "escalate");
  assert.deepEqual(shortly(route.seats), ["owner: @owner", "owner-2: ", "core: core"]);
  assert.deepEqual(route.reasons[0], {
    rule: "builtin:unowned",
    outcome: "escalate",
    text: "nobody owns git:shop#x, and the policy names nobody in their stead",
  });
  assert.equal(trace.find(({ rule }) => rule === "builtin:unowned")?.fired, true);
});

test("[PO-44] the same sitters are asked once, for the stricter of both", () => {
  const a = { ...GROUP, count: 2, channels: ["console", "cli"] };
  const b = { id: "other", who: [{ group: "core" }], strength: "passkey", channels: ["console", "slack"] };
  const [only, ...none] = seatsOf([a, b]);
  assert.deepEqual(only, { id: "core", who: [{ kind: "group", group: "core" }], count: 2, strength: "passkey", channels: ["console"] });
  assert.deepEqual(none, []);
  assert.deepEqual(shortly(seatsOf([a, { ...b, channels: ["slack"] }])), ["core: core", "other: core"]);
  assert.deepEqual(shortly(seatsOf([OWNERS, { id: "s", who: [{ owner: "@OWNER" }] }])), ["owner: @owner"]);
});

test("[PO-45] a second seat of the same id is numbered", () => {
  const named = ["a", "b", "c"].map((group) => ({ id: "s", who: [{ group }] }));
  assert.deepEqual(shortly(seatsOf([...named, { id: "s-2", who: [{ group: "d" }] }])), ["s: a", "s-2: b", "s-3: c", "s-2-2: d"]);
});

test("[PO-46] a change that would need more than 64 seats is blocked, however it comes to them", () => {
  const base = facts();
  const many = (count: number): Facts => ({
    ...base,
    effects: Array.from({ length: count }, (_, i) => ({ ...(base.effects[0] as Facts["effects"][number]), owners: [`@o${i}`] })),
  });
  assert.equal(seatsOf([OWNERS], many(64)).length, 64);
  for (const given of [many(65), many(500), many(5000)]) {
    const { route } = evaluate(bundle([{ outcome: "review", seats: [OWNERS] }]), given);
    assert.deepEqual([route.outcome, route.seats, route.reasons[0]?.rule], ["block", [], "builtin:too-many-seats"]);
  }
  assert.deepEqual(shortly(seatsOf([GROUP], many(5000))), ["core: core"]);
});

const WHO = { count: 1, strength: "session", channels: ["console"], fallback: [] } as const;
const OWNED = { ...WHO, id: "owner", who: [{ owners: true }] } as unknown as SeatDefinition;
const named = (id: string): SeatDefinition => ({ ...WHO, id, who: [{ group: id }] });
const touching = (...sets: readonly (readonly string[])[]): EffectFacts[] => owned(...sets).effects.map((effect) => ({ ...effect }));

test("[PO-46] the bound counts seats for owners once for each set of owners, and the others once", () => {
  const sets = (count: number): EffectFacts[] => {
    const [one] = facts().effects;
    return Array.from({ length: count }, (_, i) => ({ ...(one as EffectFacts), owners: [`@o${i}`] }));
  };
  const groups = (count: number): SeatDefinition[] => Array.from({ length: count }, (_, i) => named(`g${i}`));
  for (const [wanted, effects, tooMany] of [
    [groups(64), 0, false],
    [groups(65), 0, true],
    [groups(501), 0, true],
    [[OWNED], 64, false],
    [[OWNED], 65, true],
    [[OWNED], 501, true],
    [groups(1), 501, false],
    [[OWNED, ...groups(5)], 59, false],
    [[OWNED, ...groups(5)], 60, true],
    [[OWNED, { ...OWNED, id: "second", count: 2 }], 64, false],
    [[OWNED, { ...OWNED, id: "second", count: 2 }], 65, true],
    // What is asked before it is put together is bounded too, whatever is left of it.
    [Array.from({ length: 501 }, (_, i) => ({ ...named("g"), id: `s${i}` })), 0, true],
    [Array.from({ length: 500 }, (_, i) => ({ ...named("g"), id: `s${i}` })), 0, false],
    // The same seat twice is one seat, and no seat for owners needs nothing of them.
    [[OWNED, OWNED], 64, false],
    [[], 600, false],
  ] as const) {
    const seating = over(wanted, sets(effects), []);
    assert.equal(seating.tooMany, tooMany, `${wanted.length} wanted, ${effects} sets`);
    if (tooMany) assert.deepEqual([seating.seats, seating.unowned], [[], []]);
  }
});

test("[PO-46] [B13] what no grant could carry is blocked before anybody signs it", () => {
  const signed = (count: number, seats: number): boolean =>
    over(
      Array.from({ length: seats }, (_, i) => ({ ...named(`g${i}`), count })),
      [],
      [],
    ).tooMany;
  assert.deepEqual([signed(20, 12), signed(20, 13)], [false, true]);
  const touched = (...owners: readonly string[]): boolean => over([OWNED], touching(owners), []).tooMany;
  const handles = (count: number): string[] => Array.from({ length: count }, (_, i) => `@owner-${i}`);
  assert.deepEqual([touched(...handles(256)), touched(...handles(257))], [false, true]);
  assert.deepEqual([touched(`@${"a".repeat(1023)}`), touched(`@${"a".repeat(1024)}`)], [false, true]);
  const sets = (count: number): string[][] => Array.from({ length: count }, (_, i) => handles(200).map((one) => `${one}-of-${i}`));
  assert.deepEqual([over([OWNED], touching(...sets(5)), []).tooMany, over([OWNED], touching(...sets(60)), []).tooMany], [false, true]);
});

test("[PO-41] sets of owners are told apart by whole handles", () => {
  const handles = (...sets: readonly (readonly string[])[]): string[] => over([OWNED], touching(...sets), []).seats.map(who);
  assert.deepEqual(handles(["@a", "@b"], ["@a@b"]), ["@a @b", "@a@b"]);
  assert.deepEqual(handles(["@b", "@c"], ["@a", "@b"], ["@a", "@c"]), ["@a @b", "@a @c", "@b @c"]);
  assert.deepEqual(handles(["@A", "@b"], ["@a", "@B"]).length, 1);
  assert.deepEqual(handles(["@A"], ["@a", "@b"]), ["@A"]);
  assert.deepEqual(handles([]), [""]);
  assert.deepEqual(over([OWNED], touching([]), []).unowned, ["git:shop#README.md"]);
  assert.deepEqual(over([OWNED], touching([]), [{ group: "g" }]).unowned, []);
  assert.deepEqual(over([named("g")], touching([]), []).unowned, []);
});

test("[PO-53] who may sit, in words", () => {
  assert.deepEqual(
    (
      [
        { kind: "person", person: "ada" },
        { kind: "group", group: "core" },
        { kind: "role", role: "lead" },
        { kind: "owner", handle: "@x" },
      ] as const
    ).map(selectorText),
    ["ada", "group core", "role lead", "owner @x"],
  );
});
