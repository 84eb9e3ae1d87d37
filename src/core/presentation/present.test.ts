import assert from "node:assert/strict";
import test from "node:test";
import * as fc from "fast-check";
import { canonical } from "../base/index.ts";
import { assemblePlan } from "../plan/index.ts";
import type { Plan } from "../plan/index.ts";
import type { Route } from "../policy/index.ts";
import { altered, inputs, leaves } from "../../testing/arbitrary-plans.ts";
import { analysis, assembleInput, effect, planWith, samplePlan, sampleRoute } from "../../testing/plans.ts";
import { present, presentationDigest } from "./index.ts";
import type { ItemOf, Presentation, SectionId } from "./index.ts";

const SEED = 7295;
const shown = (plan: Plan, route: Route = sampleRoute): Presentation => present(plan, route);
const sectionOf = (presentation: Presentation, id: SectionId) => presentation.sections.find((section) => section.id === id)!;

test("[PL-28] a presentation answers eight questions, always the same and in this order", () => {
  fc.assert(
    fc.property(inputs, (input) => {
      assert.deepEqual(
        shown(assemblePlan(input)).sections.map(({ question }) => question),
        [
          "What will change?",
          "What was asked, and is this inside it?",
          "What does it reach?",
          "What is known, and how?",
          "What did nobody check?",
          "What does policy say, and why?",
          "How is it undone?",
          "Who must sign?",
        ],
      );
    }),
    { seed: SEED, numRuns: 30 },
  );
});

test("[PL-29] altering any leaf of a presentation alters its digest", () => {
  const presentation = shown(samplePlan());
  const places = leaves(presentation);
  assert.ok(places.length > 250);
  for (const place of places)
    assert.notEqual(presentationDigest(altered(presentation, place)), presentationDigest(presentation), place.join("/"));
});

test("[PL-29] the presentation follows from plan and route alone", () => {
  const later = { ...analysis, context: { base: "another", seen: "later" } };
  const replanned = assemblePlan({ ...assembleInput, analyses: [{ id: "step-1", connector: "git", analysis: later }] });
  assert.equal(canonical(shown(replanned)), canonical(shown(samplePlan())));
});

test("[PL-31, B11] everything in the plan and in the route is in it, whatever is altered, also without their digests", () => {
  const bare = (presentation: Presentation): string => canonical({ ...presentation, plan: "", state: "", route: "" });
  const plan = samplePlan();
  for (const place of leaves(plan)) {
    if (place.join("/") === "schema") continue;
    assert.notEqual(bare(shown(altered(plan, place))), bare(shown(plan)), `plan ${place.join("/")}`);
  }
  for (const place of leaves(sampleRoute)) {
    assert.notEqual(bare(shown(plan, altered(sampleRoute, place))), bare(shown(plan)), `route ${place.join("/")}`);
  }
});

const effectsOf = (presentation: Presentation): readonly ItemOf<"effect">[] =>
  sectionOf(presentation, "changes").items.flatMap((item) => (item.kind === "effect" ? [item] : []));

test("[PL-30] what destroys comes first, then what reaches outside, then what changes, then what is added", () => {
  const plan = planWith({
    step: {
      effects: [
        effect("a", { kind: "create" }),
        effect("b"),
        effect("c", { kind: "send" }),
        effect("d", { exposure: "public" }),
        effect("e", { privilege: "gained" }),
        effect("f", { reversibility: "irreversible" }),
        effect("g", { kind: "replace" }),
        effect("h", { kind: "delete", detail: { kind: "uninspectable", reason: "large" } }),
        effect("i", { kind: "create", exposure: "external" }),
      ],
    },
  });
  assert.deepEqual(
    effectsOf(shown(plan)).map(({ effect: e, tone }) => `${tone} ${e.resource.slice(-1)}`),
    ["destructive h", "destructive f", "destructive g", "outward c", "outward d", "outward e", "outward i", "changing b", "adding a"],
  );
});

test("[PL-30] no effect is left out, whatever there is", () => {
  fc.assert(
    fc.property(inputs, (input) => {
      const plan = assemblePlan(input);
      const expected = plan.steps.flatMap((step) => step.effects.map((one) => `${step.id} ${canonical(one)}`));
      const actual = effectsOf(shown(plan)).map(({ step, effect: one }) => `${step} ${canonical(one)}`);
      assert.deepEqual(actual.toSorted(), expected.toSorted());
      const ranks = effectsOf(shown(plan)).map(({ tone }) => ["destructive", "outward", "changing", "adding"].indexOf(tone));
      assert.deepEqual(
        ranks,
        ranks.toSorted((a, b) => a - b),
      );
    }),
    { seed: SEED, numRuns: 35 },
  );
});

test("[PL-32] grave findings stand above all sections; equal ones are said once, with every resource", () => {
  const danger = (resource: string) => ({
    code: "git.secret",
    severity: "danger" as const,
    message: "A secret",
    resource,
    provenance: "derived" as const,
  });
  const refused = { code: "git.path", severity: "refused" as const, message: "A path", provenance: "derived" as const };
  const note = { code: "git.mode", severity: "info" as const, message: "A mode", resource: "x", provenance: "derived" as const };
  const { alerts, sections } = shown(
    planWith({ proposal: { scope: undefined }, analysis: { findings: [danger("b"), note, refused, danger("a")] } }),
  );
  assert.deepEqual(
    alerts.filter(({ code }) => code.startsWith("git.")).map(({ code, resources }) => [code, resources]),
    [
      ["git.path", []],
      ["git.secret", ["a", "b"]],
    ],
  );
  const below = sections.flatMap(({ items }) => items.flatMap((item) => (item.kind === "finding" ? [item.code] : [])));
  assert.ok(below.includes("git.mode"));
  assert.equal(below.includes("git.secret"), false);
});

test("[PL-32] every finding stands in a presentation exactly once", () => {
  fc.assert(
    fc.property(inputs, (input) => {
      const plan = assemblePlan(input);
      const presentation = shown(plan);
      const items = [
        ...presentation.alerts,
        ...presentation.sections.flatMap(({ items: all }) => all.flatMap((item) => (item.kind === "finding" ? [item] : []))),
      ];
      const told = items.flatMap((item) =>
        (item.resources.length === 0 ? [undefined] : item.resources).map((resource) =>
          canonical([item.code, item.severity, item.message, resource ?? null]),
        ),
      );
      const found = plan.findings.map((finding) => canonical([finding.code, finding.severity, finding.message, finding.resource ?? null]));
      assert.deepEqual(told.toSorted(), found.toSorted());
    }),
    { seed: SEED, numRuns: 35 },
  );
});

test("[PL-28] the short answers are true", () => {
  const answers = (route: Route, plan = samplePlan()): readonly string[] => shown(plan, route).sections.map(({ answer }) => answer);
  assert.deepEqual(answers(sampleRoute), [
    "1 deleted · 3 updated · 1 created",
    "no, not all of it",
    "1 environment · 2 marked surfaces · 2 owners",
    "4 things seen, 3 only claimed",
    "5 open points",
    "review: people must decide",
    "by a planned step",
    "3 people",
  ]);
  const signers = (outcome: Route["outcome"]): string | undefined =>
    answers({ outcome, seats: [], reasons: [], instructions: [], holds: [] }).at(-1);
  assert.equal(signers("auto"), "nobody: a rule lets it run by itself");
  assert.equal(signers("review"), "nobody is named, so it waits");
  assert.equal(signers("revise"), "nobody yet: it goes back first");
  assert.equal(signers("block"), "nobody can: it is blocked");
  const undo = (kind: "manual" | "impossible"): string | undefined =>
    answers(sampleRoute, planWith({ step: { undo: { kind, text: "t", provenance: "derived" } } }))[6];
  assert.deepEqual([undo("manual"), undo("impossible")], ["by hand, in part or whole", "not all of it can be"]);
});
