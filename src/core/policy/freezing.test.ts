import assert from "node:assert/strict";
import test from "node:test";
import { bundle, bundleText, facts, faultsOf } from "../../testing/policy.ts";
import { evaluate, frozenAt, loadBundle, runCases } from "./index.ts";

const CALENDARS = [
  { name: "christmas", zone: "Europe/Oslo", dates: [{ from: "2026-12-23", to: "2027-01-04 08:00" }] },
  { name: "weekend", zone: "Europe/Oslo", weekly: [{ from: "Fri 16:00", to: "Mon 08:00" }] },
];
const FREEZE = { name: "christmas", calendar: "christmas", when: 'change.connectors.exists(c, c == "git")', reason: "nobody is on call" };
const GIVEN = { calendars: CALENDARS, freezes: [FREEZE] };
const at = (text: string): number => Date.parse(text);

test("[PO-71] a freeze that a change is under is part of its route; whether it is in force is not, so that no vote is void by the clock", () => {
  const policy = bundle([{ outcome: "review" }], GIVEN);
  const { route } = evaluate(policy, facts());
  assert.deepEqual(route.freezes, [{ name: "christmas", calendar: "christmas", zone: "Europe/Oslo", reason: "nobody is on call" }]);
  assert.deepEqual(route.holds, []);
  const later = evaluate(policy, { ...facts(), time: { ...facts().time, unix: at("2026-12-24T10:00:00Z") / 1000 } });
  assert.deepEqual(later.route, route);
  assert.equal("freezes" in evaluate(policy, facts({ effects: [{ connector: "sql" }] })).route, false);
});

test("[PO-72] a freeze holds while its calendar is in force, and says until when", () => {
  const policy = bundle([{ outcome: "review" }], GIVEN);
  assert.deepEqual(frozenAt(policy, ["christmas"], at("2026-12-22T22:59:59Z")), []);
  assert.deepEqual(frozenAt(policy, ["christmas"], at("2026-12-22T23:00:00Z")), [
    {
      name: "christmas",
      reason: "nobody is on call",
      until: at("2027-01-04T07:00:00Z"),
      text: "freeze christmas until Mon 4 Jan 08:00 Europe/Oslo",
    },
  ]);
  assert.deepEqual(frozenAt(policy, ["christmas"], at("2027-01-04T07:00:00Z")), []);
  assert.deepEqual(
    frozenAt(policy, ["gone"], 0).map(({ name }) => name),
    ["gone"],
  );
});

test("[PO-71] a freeze whose condition cannot be evaluated is one that the change is under", () => {
  const policy = bundle([{ outcome: "auto" }], { ...GIVEN, freezes: [{ ...FREEZE, when: "effects[9].inspectable" }] });
  assert.deepEqual(evaluate(policy, facts()).route.freezes?.length, 1);
  const always = bundle([{ outcome: "auto" }], { ...GIVEN, freezes: [{ name: "all", calendar: "weekend", reason: "quiet" }] });
  assert.deepEqual(evaluate(always, facts()).route.freezes?.length, 1);
});

test("[PO-73] conditions ask for the calendars of their bundle, and for none that it does not have", () => {
  const asks = (when: string) => bundle([{ outcome: "auto", when }], { calendars: CALENDARS });
  const weekend = { ...facts(), time: { ...facts().time, unix: at("2026-01-10T12:00:00Z") / 1000 } };
  assert.equal(evaluate(asks('"weekend" in time.calendars'), weekend).route.outcome, "auto");
  assert.equal(evaluate(asks('!("weekend" in time.calendars)'), weekend).route.outcome, "review");
  assert.equal(evaluate(asks('"weekend" in time.calendars'), facts()).route.outcome, "review");
  const fault = (when: string) =>
    faultsOf(bundleText([{ when }], { calendars: CALENDARS })).map(({ code, message }) => `${code}: ${message}`);
  assert.deepEqual(fault('!("weekand" in time.calendars)'), ["bundle_condition: there is no calendar weekand"]);
  assert.deepEqual(fault("size(time.calendars) > 0"), ['bundle_condition: time.calendars is asked only as "name" in time.calendars']);
  // What a proposer or a case could say of itself does not count.
  const said = { ...facts(), time: { ...facts().time, calendars: ["weekend"] } };
  assert.equal(evaluate(asks('"weekend" in time.calendars'), said).route.outcome, "review");
});

test("[PO-74] every fault of a calendar or freeze comes out with its place", () => {
  const text = `pawl: policy/v1
name: x
calendars:
  - { name: a, zone: Europe/Olso, weekly: [{ from: Fri 16:00, to: Mon 25:00 }] }
  - { name: a, zone: "+01:00", dates: [{ from: 2026-02-30, to: 2026-03-01 }, { from: 2026-03-02, to: 2026-03-01 }] }
  - { name: b, zone: UTC }
  - { name: c, zone: UTC, weekly: [{ from: Mon 08:00, to: Mon 08:00 }] }
freezes:
  - { name: f, calendar: nowhere, when: "effects.exist(e, true)", reason: x }
rules: []
defaults: { seats: [{ id: owner, who: [{ owners: true }] }] }
`;
  const loaded = loadBundle(text);
  assert(!loaded.ok);
  assert.deepEqual(
    loaded.error.map(({ line, column, where }) => `${line}:${column} ${where}`),
    [
      "4:22 calendars[0].zone",
      "4:67 calendars[0].weekly[0].to",
      "5:13 calendars[1].name",
      "5:22 calendars[1].zone",
      "5:48 calendars[1].dates[0].from",
      "5:78 calendars[1].dates[1]",
      "6:5 calendars[2]",
      "7:36 calendars[3].weekly[0]",
      "9:26 freezes[0].calendar",
      "9:56 freezes[0].when",
    ],
  );
});

test("[PO-75] a case gives its time, and sees what holds then", () => {
  const cases = [
    { name: "held", at: "2026-12-24T10:00:00+01:00", expect: { outcome: "review", holds: ["christmas"] } },
    { name: "free", at: "2026-12-22T10:00:00+01:00", expect: { outcome: "review", holds: [] } },
  ];
  assert.deepEqual(
    runCases(bundle([{ outcome: "review" }], { ...GIVEN, cases })).map(({ passed }) => passed),
    [true, true],
  );
  const bad = (one: object) =>
    faultsOf(bundleText([], { ...GIVEN, cases: [{ name: "x", expect: { outcome: "review" }, ...one }] })).map(({ where }) => where);
  assert.deepEqual(bad({ at: "2026-12-24 10:00" }), ["cases[0].at"]);
  assert.deepEqual(bad({ facts: { time: { calendars: ["christmas"] } } }), ["cases[0].facts.time.calendars"]);
});
