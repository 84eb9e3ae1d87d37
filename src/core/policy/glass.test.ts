import assert from "node:assert/strict";
import test from "node:test";
import { bundle, bundleText, facts, faultsOf } from "../../testing/policy.ts";
import { evaluate, glassRoute } from "./index.ts";

const GLASS = { name: "incident", who: [{ group: "on-call" }], second: { within: "24h", who: [{ group: "leads" }, { person: "ada" }] } };
const policy = (rules: readonly object[], more: object = {}) => bundle(rules as never, { break_glass: { ...GLASS, ...more } });
const broken = (rules: readonly object[], given = facts()) => {
  const loaded = policy(rules);
  assert(loaded.glass);
  return glassRoute(loaded.glass, evaluate(loaded, given).route);
};

test("[PO-80] the emergency route has one seat, nothing that holds, and every reason that stood against it", () => {
  const made = broken([{ outcome: "escalate", holds: ["quarter-end"] }]);
  assert(made.ok);
  assert.deepEqual(made.value.seats, [
    {
      id: "glass",
      who: [{ kind: "group", group: "on-call" }],
      count: 1,
      strength: "session",
      channels: ["api", "cli", "console", "email", "github", "slack", "teams"],
      glass: { name: "incident", alone: false },
    },
  ]);
  assert.deepEqual([made.value.outcome, made.value.holds, made.value.freezes], ["escalate", [], undefined]);
  assert.deepEqual(
    made.value.reasons.map(({ rule }) => rule),
    ["glass:incident", "r0"],
  );
});

test("[PO-81] what policy blocks or sends back, and Pawl's own rules, no emergency opens", () => {
  for (const [rules, given] of [
    [[{ outcome: "block" }], facts()],
    [[{ outcome: "revise" }], facts()],
    [[{ outcome: "review" }], facts({ findings: [{ severity: "refused" }] })],
    [[{ outcome: "review" }], facts({ findings: [{ code: "scope.outside" }] })],
    [[{ outcome: "review" }], facts({ effects: [{ system: "pawl", connector: "pawl", resource: "pawl:policy" }] })],
  ] as const) {
    const made = broken(rules, given);
    assert.deepEqual(!made.ok && made.error.code, "glass_forbidden");
  }
});

test("[PO-82] a policy says who breaks it, and who looks at it within what time; owners and claims are nobody", () => {
  assert.equal(policy([]).glass?.second.withinMillis, 24 * 3_600_000);
  assert.equal(policy([], { alone: "allowed" }).glass?.seat.glass?.alone, true);
  const places = (more: object) => faultsOf(bundleText([], { break_glass: { ...GLASS, ...more } })).map(({ where }) => where);
  assert.deepEqual(places({ who: [{ owners: true }] })[0], "break_glass.who[0]");
  assert.deepEqual(places({ who: [] }), ["break_glass.who"]);
  for (const within of ["10m", "31d", "24", "1w"])
    assert.deepEqual(places({ second: { ...GLASS.second, within } }), ["break_glass.second.within"]);
  assert.deepEqual(places({ second: undefined }), ["break_glass"]);
});
