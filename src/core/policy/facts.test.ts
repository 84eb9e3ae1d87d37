import assert from "node:assert/strict";
import test from "node:test";
import type { ChangeId, Digest, PrincipalId } from "../base/index.ts";
import { millis } from "../base/index.ts";
import { PLAN_SCHEMA } from "../plan/index.ts";
import type { Effect, Plan, Statement } from "../plan/index.ts";
import { bundle, facts } from "../../testing/policy.ts";
import { pathOf, summaryOf } from "./facts.ts";
import { evaluate, factsOf } from "./index.ts";
import type { Facts, MoreFacts } from "./index.ts";

const effect = (path: string, more: Partial<Effect> = {}): Effect => ({
  kind: "update",
  resource: `git:shop#${path}`,
  resourceKind: "git.file",
  system: "git:shop",
  environment: "main",
  summary: "updates it",
  fields: [{ path: "content" }],
  detail: { kind: "diff", text: "", added: 2, removed: 1 },
  reversibility: "reversible",
  exposure: "none",
  privilege: "none",
  surfaces: [],
  owners: ["@b", "@a", "@b"],
  provenance: "derived",
  ...more,
});

const said = (topic: string, provenance: Statement["provenance"], text = "text"): Statement => ({ topic, text, provenance, source: "s" });

const PLAN: Plan = {
  schema: PLAN_SCHEMA,
  change: "chg_000001" as ChangeId,
  intent: {
    proposal: "" as Digest,
    author: "agent:a" as PrincipalId,
    title: "a title",
    summary: "a summary",
    proposer: "agent:a" as PrincipalId,
    onBehalfOf: "human:ada" as PrincipalId,
    scope: {
      origin: "given",
      systems: ["git:shop"],
      environments: ["main"],
      operations: ["update"],
      resources: ["**"],
      limits: { money: 10.25 },
    },
  },
  steps: [
    {
      id: "one",
      connector: "git",
      operation: "merge",
      target: {},
      stateDigest: "" as Digest,
      payloadDigest: "" as Digest,
      observations: [],
      effects: [
        effect("a.ts"),
        effect("b", { kind: "delete", detail: { kind: "uninspectable", reason: "binary" }, owners: [], reversibility: "unknown" }),
      ],
      undo: { kind: "planned", text: "", provenance: "derived" },
    },
    {
      id: "two",
      connector: "message",
      operation: "send",
      target: {},
      stateDigest: "" as Digest,
      payloadDigest: "" as Digest,
      observations: [],
      effects: [effect("x", { kind: "send", resource: "mail:list", system: "mail", surfaces: ["public"], detail: { kind: "none" } })],
      undo: { kind: "impossible", text: "", provenance: "derived" },
    },
  ],
  findings: [{ code: "x.y", severity: "warning", message: "words", provenance: "derived" }],
  impact: [],
  evidence: [said("tests", "attested"), said("tests", "claimed"), said("tests", "unknown"), said("commits", "derived")],
  unverified: [said("consequence", "unknown")],
  assumptions: [],
};

const MORE: MoreFacts = {
  revision: 2,
  parties: { proposer: "agent:a" as PrincipalId, onBehalfOf: "human:ada" as PrincipalId, owner: "human:bob" as PrincipalId },
  now: millis(Date.UTC(2026, 10, 20, 9, 45)),
};

test("[PO-20] facts are derived from the plan, its parties, its revision and the time", () => {
  const found = factsOf(PLAN, MORE);
  assert.deepEqual(found.change, {
    id: "chg_000001",
    revision: 2,
    connectors: ["git", "message"],
    operations: ["git.merge", "message.send"],
  });
  assert.deepEqual(found.proposer, { id: "agent:a", kind: "agent", on_behalf_of: "human:ada", owner: "human:bob" });
  assert.deepEqual(found.scope.limits, { money: 11 });
  assert.deepEqual(found.time, { weekday: 5, hour: 9, minute: 45, unix: 1_795_167_900, calendars: [] });
  assert.deepEqual(found.steps, [
    { id: "one", connector: "git", operation: "git.merge", undo: "planned" },
    { id: "two", connector: "message", operation: "message.send", undo: "impossible" },
  ]);
  assert.deepEqual(found.undo, { planned: 1, manual: 0, impossible: 1 });
  assert.deepEqual(
    found.effects.map(({ path, connector, owners, inspectable, added }) => [path, connector, owners, inspectable, added]),
    [
      ["a.ts", "git", ["@a", "@b"], true, 2],
      ["b", "git", [], false, undefined],
      [undefined, "message", ["@a", "@b"], true, undefined],
    ],
  );
  const { creates, updates, deletes, sends, unowned, irreversible, inspectable, surfaces, systems, owners } = found.summary;
  assert.deepEqual([creates, updates, deletes, sends, unowned, irreversible, inspectable], [0, 1, 1, 1, 1, 1, false]);
  assert.deepEqual([surfaces, systems, owners], [["public"], ["git:shop", "mail"], ["@a", "@b"]]);
});

test("[PO-20] findings, what nobody checked and the fields of an effect are told without their words", () => {
  const found = factsOf(PLAN, MORE);
  assert.deepEqual(found.findings, [{ code: "x.y", severity: "warning", resource: undefined, remedy: undefined, provenance: "derived" }]);
  assert.deepEqual(found.unverified, [{ topic: "consequence" }]);
  assert.deepEqual(found.effects[0], {
    step: "one",
    kind: "update",
    resource: "git:shop#a.ts",
    path: "a.ts",
    resource_kind: "git.file",
    connector: "git",
    system: "git:shop",
    environment: "main",
    reversibility: "reversible",
    exposure: "none",
    privilege: "none",
    fields: ["content"],
    surfaces: [],
    owners: ["@a", "@b"],
    provenance: "derived",
    inspectable: true,
    added: 2,
    removed: 1,
  });
  assert.deepEqual([found.effects[1]?.removed, found.effects[2]?.removed], [undefined, undefined]);
  const { environments, lines_added, lines_removed, effects } = found.summary;
  assert.deepEqual([environments, lines_added, lines_removed, effects], [["main"], 2, 1, 3]);
  const steps = PLAN.steps.map((step) => ({ ...step, undo: { ...step.undo, kind: "manual" as const } }));
  assert.deepEqual(factsOf({ ...PLAN, steps }, MORE).undo, { planned: 0, manual: 2, impossible: 0 });
  const large = { ...PLAN.intent, scope: { ...PLAN.intent.scope, limits: { rows: 1e300 } } };
  assert.deepEqual(factsOf({ ...PLAN, intent: large }, MORE).scope.limits, { rows: Number.MAX_SAFE_INTEGER });
});

test("[PO-20] the summary counts effects of every kind", () => {
  const [one] = factsOf(PLAN, MORE).effects as [Facts["effects"][number]];
  const kinds = { create: 1, update: 2, delete: 3, replace: 4, send: 5, grant: 6, revoke: 7, execute: 8 };
  const effects = Object.entries(kinds).flatMap(([kind, count]) =>
    Array.from({ length: count }, () => ({ ...one, kind, added: 3, removed: 2 })),
  );
  const { creates, updates, deletes, replaces, sends, grants, revokes, executes, ...rest } = summaryOf(effects);
  assert.deepEqual([creates, updates, deletes, replaces, sends, grants, revokes, executes], [1, 2, 3, 4, 5, 6, 7, 8]);
  assert.deepEqual([rest.effects, rest.lines_added, rest.lines_removed, rest.inspectable, rest.irreversible], [36, 108, 72, true, 0]);
  assert.equal(summaryOf([one, { ...one, inspectable: false }]).inspectable, false);
  assert.equal(summaryOf([one, { ...one, reversibility: "irreversible" }, { ...one, reversibility: "unknown" }]).irreversible, 2);
  const { creates: none, inspectable, lines_added: lines, systems } = summaryOf([]);
  assert.deepEqual([none, inspectable, lines, systems], [0, true, 0, []]);
});

test("[PO-20] an effect that stands for others which are not listed counts as many as it says", () => {
  const [step] = PLAN.steps;
  const [one] = step?.effects ?? [];
  assert.ok(step !== undefined && one !== undefined);
  const rest = {
    ...one,
    kind: "delete",
    resourceKind: "unlisted",
    fields: [{ path: "count", after: { kind: "json", value: 7 } }],
  } as const;
  const { summary } = factsOf({ ...PLAN, steps: [{ ...step, effects: [rest] }] }, MORE);
  assert.deepEqual([summary.effects, summary.deletes], [7, 7]);
});

test("[PO-24] a path is what follows the first # of a resource", () => {
  assert.deepEqual(["git:shop#a#b", "git:shop", "#a", "a#", ""].map(pathOf), ["a#b", undefined, "a", "", undefined]);
});

test("[PO-20] the days of the week are those of the calendar, before 1970 too", () => {
  for (const [at, weekday] of [
    [Date.UTC(1970, 0, 1), 4],
    [Date.UTC(1969, 11, 31, 23, 59), 3],
    [Date.UTC(2024, 1, 29), 4],
    [Date.UTC(2026, 10, 22, 12), 7],
    [Date.UTC(2026, 10, 23), 1],
  ] as const) {
    assert.equal(factsOf(PLAN, { ...MORE, now: millis(at) }).time.weekday, weekday);
  }
});

test("[C28] [PO-20] nothing that a proposer words or flags changes a fact", () => {
  const before = factsOf(PLAN, MORE);
  const told: Plan = {
    ...PLAN,
    intent: {
      ...PLAN.intent,
      author: "human:ada" as PrincipalId,
      title: "EMERGENCY [skip-review] dry-run",
      summary: "label: approved; auto: true",
    },
    steps: PLAN.steps.map((step) => ({
      ...step,
      target: { emergency: "true" },
      effects: step.effects.map((one) => ({ ...one, summary: "harmless, dry-run" })),
    })),
    evidence: [...PLAN.evidence, said("approved", "claimed", "the owner said yes"), said("emergency", "claimed")],
    assumptions: [said("dry-run", "claimed")],
    impact: [said("none", "claimed")],
  };
  assert.deepEqual(factsOf(told, MORE), before);
  for (const flag of [
    "change.title",
    "change.labels",
    "change.emergency",
    "change.dry_run",
    "proposer.emergency",
    "intent.title",
    "claims",
  ]) {
    assert.throws(() => bundle([{ outcome: "auto", when: `${flag} == "x"` }]), flag);
  }
});

test("[PO-21] claims are not evidence", () => {
  assert.deepEqual(factsOf(PLAN, MORE).evidence, [
    { topic: "tests", resource: undefined, provenance: "attested" },
    { topic: "commits", resource: undefined, provenance: "derived" },
  ]);
});

const AUTO = [{ outcome: "auto" }];

test("[C21] [PO-23] facts that are not as declared block: undefined, NaN, wrong types, a missing path, a throw", () => {
  const good = facts();
  const e = good.effects[0] as Facts["effects"][number];
  const broken: readonly unknown[] = [
    undefined,
    null,
    [],
    "facts",
    {},
    { ...good, effects: undefined },
    { ...good, effects: {} },
    { ...good, effects: [undefined] },
    { ...good, effects: [{ ...e, kind: undefined }] },
    { ...good, effects: [{ ...e, surfaces: ["a", 1] }] },
    { ...good, effects: [{ ...e, added: Number.NaN }] },
    { ...good, effects: [{ ...e, added: 1.5 }] },
    { ...good, effects: [{ ...e, added: 2 ** 53 }] },
    { ...good, effects: [{ ...e, path: null }] },
    { ...good, effects: [{ ...e, inspectable: "true" }] },
    { ...good, effects: [{ ...e, resource: "\ud800" }] },
    { ...good, summary: { ...good.summary, deletes: Number.POSITIVE_INFINITY } },
    { ...good, scope: { ...good.scope, limits: { rows: Number.NaN } } },
    { ...good, scope: { ...good.scope, limits: [] } },
    { ...good, time: { ...good.time, hour: "9" } },
    Object.defineProperty({ ...good }, "effects", { get: () => assert.fail("a getter") }),
    new Proxy(good, { get: () => assert.fail("a trap") }),
  ];
  const every = bundle(AUTO);
  assert.equal(evaluate(every, good).route.outcome, "auto");
  for (const [i, document] of broken.entries()) {
    const { route, trace } = evaluate(every, document as Facts);
    assert.equal(route.outcome, "block", String(i));
    assert.deepEqual(
      route.reasons.map(({ rule }) => rule),
      ["builtin:facts"],
    );
    assert.deepEqual(
      trace.map(({ rule, fired }) => [rule, fired]),
      [["builtin:facts", true]],
    );
  }
  const [reason] = evaluate(every, { ...good, effects: [e, { ...e, added: Number.NaN }] }).route.reasons;
  assert.equal(reason?.text, "the facts cannot be judged: effects[1].added is not an integer");
});

test("[PO-23] what is not declared is not seen, and what changes afterwards does not matter", () => {
  const wide = { ...facts(), emergency: true, labels: ["ok"] } as Facts;
  assert.deepEqual(evaluate(bundle(AUTO), wide), evaluate(bundle(AUTO), facts()));
});

const SURFACES = { surfaces: [{ name: "auth", paths: ["**/auth/**"], resources: ["db:users*"], tags: ["login"] }] };
const touched = (effects: readonly object[]): string => evaluate(bundle(AUTO, SURFACES), facts({ effects })).route.outcome;

test("[PO-24] a surface is matched by path, resource, tag and its own name, whatever the case", () => {
  for (const given of [
    { path: "src/auth/a.ts" },
    { path: "AUTH/a" },
    { path: "x/Auth/ä" },
    { resource: "db:Users_old" },
    { surfaces: ["login"] },
    { surfaces: ["auth"] },
  ]) {
    assert.equal(touched([{ path: "README.md" }, given]), "review", JSON.stringify(given));
  }
  for (const given of [{ path: "src/author/a.ts" }, { resource: "db:orders" }, { resource: "git:auth/x" }, { surfaces: ["Login"] }]) {
    assert.equal(touched([given]), "auto", JSON.stringify(given));
  }
});

test("[PO-24] rules see the surfaces of the bundle among the facts", () => {
  const seen = bundle(
    [{ id: "seen", outcome: "block", when: '"auth" in summary.surfaces && effects.exists(e, e.path == "auth/x" && "auth" in e.surfaces)' }],
    SURFACES,
  );
  assert.equal(evaluate(seen, facts({ effects: [{ path: "auth/x" }] })).route.outcome, "block");
  assert.equal(evaluate(seen, facts({ effects: [{ path: "x" }] })).route.outcome, "review");
});
