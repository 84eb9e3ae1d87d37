import assert from "node:assert/strict";
import test from "node:test";
import { byText, canonical, digestOf } from "../base/index.ts";
import { effect, planWith, samplePlan } from "../../testing/plans.ts";
import { isBlind, PLAN_BOUNDS } from "./index.ts";
import type { Effect, FieldChange, Finding, Observation, Plan, Statement } from "./index.ts";
import { normalPlan } from "./normal.ts";

const one = (given: Partial<Effect>, path = "a"): Effect => effect(path, given);
const planOf = (effects: readonly Effect[], more: Parameters<typeof planWith>[0] = {}): Plan =>
  planWith({
    ...more,
    proposal: { claims: [], summary: "", ...more.proposal },
    analysis: { findings: [], ...more.analysis },
    step: { ...more.step, effects },
  });
const contradictions = (words: object, ...effects: Effect[]): string[] =>
  planOf(effects, { proposal: words }).findings.flatMap(({ code, message }) =>
    code === "claim.contradicted" ? [message.split("They say ")[1] ?? ""] : [],
  );

test("[PL-12] what each claim of the vocabulary says of each way an effect can be", () => {
  const breaks = (claim: string, more: Partial<Effect>): boolean => contradictions({ claims: [claim] }, one(more)).length > 0;
  const exposures = ["none", "internal", "external", "public", "unknown"] as const;
  assert.deepEqual(
    exposures.map((exposure) => breaks("internal", { exposure })),
    [false, false, true, true, false],
  );
  const reversals = ["reversible", "compensable", "irreversible", "unknown"] as const;
  assert.deepEqual(
    reversals.map((reversibility) => breaks("reversible", { reversibility })),
    [false, true, true, false],
  );
  const loses = (more: Partial<Effect>): boolean => contradictions({ summary: "no data loss" }, one(more)).length > 0;
  assert.deepEqual(
    reversals.map((reversibility) => loses({ reversibility })),
    [false, false, true, false],
  );
  assert.deepEqual([loses({ kind: "delete" }), loses({ kind: "replace" }), loses({ kind: "create" })], [true, true, false]);
});

test("[PL-13] whether data is lost is open where the effect does not say", () => {
  const open = (reversibility: Effect["reversibility"]): string[] =>
    planOf([one({ reversibility })], { proposal: { summary: "no data loss" } }).unverified.flatMap(({ topic, text }) =>
      topic === "claim" ? [text] : [],
    );
  assert.deepEqual(open("unknown"), ["Whether “no data loss” holds"]);
  assert.deepEqual(open("irreversible"), []);
  assert.deepEqual(open("reversible"), []);
});

test("[PL-12] a contradiction quotes what was said and names what speaks against it", () => {
  const said = (words: object, more: Partial<Effect>): string | undefined => contradictions(words, one(more))[0];
  assert.equal(said({ claims: ["no:update"] }, {}), "“no:update”; the plan says update");
  assert.equal(said({ claims: ["internal"] }, { exposure: "external" }), "“internal”; the plan says update, seen outside");
  assert.equal(said({ claims: ["internal"] }, { exposure: "public" }), "“internal”; the plan says update, seen outside");
  assert.equal(
    said({ claims: ["reversible"] }, { reversibility: "irreversible" }),
    "“reversible”; the plan says update, which cannot be undone",
  );
  assert.equal(said({ claims: ["only:x", "only:y/**"] }, {}), "“only:x only:y/**”; the plan says update");
  assert.equal(said({ claims: ["only:x", "only:***"] }, {}), undefined, "one that cannot be read makes all of them unreadable");
});

test("[PL-12] the promises in plain words, in each of their forms", () => {
  const heard: Readonly<Record<string, Partial<Effect>>> = {
    "doc-only": {},
    "docs only": {},
    "documentation-only": {},
    "only docs": {},
    "only the documentation": {},
    "only comments": {},
    "test-only": {},
    "tests only": {},
    "only tests": {},
    "only the tests": {},
    "no deletes": { kind: "delete" },
    "no deletions": { kind: "delete" },
    "without deleting": { kind: "delete" },
    "without any deletes": { kind: "delete" },
    "nothing is deleted": { kind: "delete" },
    "deletes nothing": { kind: "delete" },
    "no data loss": { kind: "delete" },
    "without data loss": { kind: "delete" },
    "without any data loss": { kind: "delete" },
    nondestructive: { kind: "delete" },
    "non-destructive": { kind: "delete" },
    "fully reversible": { reversibility: "irreversible" },
    "easily reversible": { reversibility: "irreversible" },
    "completely reversible": { reversibility: "irreversible" },
  };
  for (const [words, against] of Object.entries(heard))
    assert.equal(contradictions({ summary: `So: ${words.toUpperCase()}.` }, one(against)).length, 1, words);
  for (const words of ["docsonly", "contests only", "only testsuites", "nodeletes", "indestructive", "reversible"])
    assert.deepEqual(contradictions({ summary: words }, one({ kind: "delete", reversibility: "irreversible" })), [], words);
});

test("[PL-14] of many hidden characters five are named and the rest is counted", () => {
  const told = (count: number): string => {
    const plan = planOf([], { proposal: { title: `x${"\u200B".repeat(count)}` } });
    return plan.findings.find(({ code }) => code === "text.hidden_characters")?.message ?? "";
  };
  const named = [2, 3, 4, 5, 6].map((column) => `U+200B ZERO WIDTH SPACE at 1:${column}`).join(", ");
  assert.equal(told(5), `The title holds characters that are not seen: ${named}`);
  assert.equal(told(7), `The title holds characters that are not seen: ${named} and 2 more`);
});

const UNKNOWNS: readonly (readonly [Partial<Effect>, string])[] = [
  [{ reversibility: "unknown" }, "reversibility"],
  [{ exposure: "unknown" }, "exposure"],
  [{ privilege: "unknown" }, "privilege"],
  [{ owners: [] }, "owners"],
  [{ detail: { kind: "uninspectable", reason: "binary" } }, "content"],
  [{ provenance: "claimed" }, "effect"],
  [{ provenance: "unknown" }, "effect"],
];

test("[PL-15] each thing that an effect leaves open is listed, and nothing else", () => {
  const topics = (more: Partial<Effect>): string[] =>
    planOf([one(more)], { analysis: { unverified: [] } })
      .unverified.filter(({ resource }) => resource === "git:shop#a")
      .map(({ topic }) => topic);
  assert.deepEqual(topics({}), []);
  assert.deepEqual(topics({ provenance: "attested" }), []);
  for (const [more, topic] of UNKNOWNS) assert.deepEqual(topics(more), [topic]);
});

test("[PL-15] whether it works, and whether it can be undone, is open until somebody has checked", () => {
  const topics = (more: Parameters<typeof planWith>[0]): string[] =>
    planOf([], { ...more, analysis: { unverified: [], ...more.analysis } }).unverified.map(({ topic }) => topic);
  const ran = (topic: string, provenance: Statement["provenance"]): string[] =>
    topics({ analysis: { evidence: [{ topic, text: "all", provenance, source: "ci" }] } });
  assert.deepEqual(ran("tests.ran", "derived"), []);
  assert.deepEqual(ran("tests.ran", "attested"), []);
  for (const provenance of ["claimed", "unknown"] as const) assert.deepEqual(ran("tests.ran", provenance), ["tests.ran"]);
  assert.deepEqual(ran("tests.changed", "derived"), ["tests.ran"]);
  const undo = (provenance: Statement["provenance"]): string[] => topics({ step: { undo: { kind: "planned", text: "t", provenance } } });
  assert.deepEqual(
    (["derived", "attested", "claimed", "unknown"] as const).map((p) => undo(p).includes("undo")),
    [false, false, true, true],
  );
  assert.ok(topics({ proposal: { scope: undefined } }).includes("scope") && !topics({}).includes("scope"));
  assert.ok(planOf([], { analysis: { unverified: [] } }).unverified.every((statement) => !("resource" in statement)));
});

test("[PL-15] [PL-23] what a reviewer cannot look at: hidden content, values too large, new bytes without a difference", () => {
  const bytes = (mediaType: string): FieldChange["after"] => ({ kind: "bytes", digest: digestOf("x"), size: 1, mediaType });
  const json: FieldChange["after"] = { kind: "json", value: 1 };
  const blind = (more: Partial<Effect>): boolean => isBlind(one(more));
  const diff: Effect["detail"] = { kind: "diff", text: "", added: 0, removed: 0 };
  assert.equal(blind({}), false);
  assert.equal(blind({ detail: { kind: "uninspectable", reason: "x" } }), true);
  assert.equal(
    blind({
      fields: [
        { path: "a", after: json },
        { path: "p", after: bytes("text/plain") },
      ],
    }),
    true,
  );
  assert.equal(blind({ fields: [{ path: "p", before: bytes("text/plain") }] }), false);
  assert.equal(blind({ detail: diff, fields: [{ path: "p", after: bytes("text/plain") }] }), false);
  assert.equal(
    blind({
      detail: diff,
      fields: [
        { path: "a", after: json },
        { path: "p", before: bytes("application/json"), after: json },
      ],
    }),
    true,
  );
  assert.equal(blind({ detail: diff, fields: [{ path: "a", before: json, after: json }] }), false);
});

test("[PL-23] the largest difference and value that are shown", () => {
  const shown = (size: number): string | undefined =>
    planOf([one({ detail: { kind: "diff", text: "x".repeat(size), added: 1, removed: 0 } })]).steps[0]?.effects[0]?.detail.kind;
  assert.deepEqual([shown(PLAN_BOUNDS.diff), shown(PLAN_BOUNDS.diff + 1)], ["diff", "uninspectable"]);
  const kept = (size: number): string | undefined =>
    planOf([one({ fields: [{ path: "p", after: { kind: "json", value: "x".repeat(size - 2) } }] })]).steps[0]?.effects[0]?.fields[0]?.after
      ?.kind;
  assert.deepEqual([kept(PLAN_BOUNDS.value), kept(PLAN_BOUNDS.value + 1)], ["json", "bytes"]);
});

test("[PL-16] a plan holds no member without a value, however deep, and is the same object where there is none", () => {
  const plan = samplePlan();
  const loose = structuredClone(plan);
  Object.assign(loose.steps[0]!.effects[0]!.fields, [{ path: "p", before: undefined, after: { kind: "json", value: 1 } }]);
  Object.assign(loose.findings[0]!, { remedy: undefined });
  Object.assign(loose, { extra: undefined });
  const normal = normalPlan(loose);
  assert.ok(!("extra" in normal) && !("remedy" in normal.findings[0]!));
  assert.deepEqual(Object.keys(normal.steps[0]?.effects[0]?.fields[0] ?? {}), ["path", "after"]);
  assert.equal(normalPlan(plan).steps[0]?.observations[0], plan.steps[0]?.observations[0]);
  assert.deepEqual(normalPlan(plan), plan);
});

test("[PL-16] lists are sorted by what they are about, then by the whole, and what is there twice stays once", () => {
  const plan = samplePlan();
  const seen = (subject: string, method: string): Observation => ({
    subject,
    method,
    value: { kind: "json", value: 0 },
    provenance: "derived",
  });
  const finding = (code: string, resource?: string): Finding => ({
    code,
    severity: "info",
    message: "a",
    provenance: "derived",
    ...(resource === undefined ? {} : { resource }),
  });
  const said = (topic: string, resource?: string): Statement => ({
    topic,
    text: "z",
    provenance: "derived",
    source: "a",
    ...(resource === undefined ? {} : { resource }),
  });
  const [step] = plan.steps;
  assert.ok(step);
  const sorted = normalPlan({
    ...plan,
    steps: [
      {
        ...step,
        observations: [seen("b", "a"), seen("a", "b"), seen("a", "a"), seen("a", "a")],
        effects: [
          one({ kind: "update" }, "b"),
          one({ kind: "delete", environment: "z" }, "a"),
          one({ kind: "create" }, "b"),
          one({ environment: "a" }, "a"),
        ].map((e, i) => (i === 0 ? { ...e, fields: [{ path: "y" }, { path: "x", after: { kind: "json", value: 1 } }] } : e)),
      },
    ],
    findings: [finding("b"), finding("a", "x"), finding("a"), finding("a")],
    impact: [said("b"), said("a", "x"), said("a"), said("a")],
  });
  const [only] = sorted.steps;
  assert.deepEqual(
    only?.observations.map(({ subject, method }) => subject + method),
    ["aa", "ab", "ba"],
  );
  assert.deepEqual(
    only?.effects.map(({ resource, kind }) => `${resource.slice(-1)} ${kind}`),
    ["a delete", "a update", "b create", "b update"],
  );
  assert.deepEqual(
    only?.effects.at(-1)?.fields.map(({ path }) => path),
    ["x", "y"],
  );
  assert.deepEqual(
    sorted.findings.map(({ code, resource }) => [code, resource]),
    [
      ["a", undefined],
      ["a", "x"],
      ["b", undefined],
    ],
  );
  assert.deepEqual(
    sorted.impact.map(({ topic, resource }) => [topic, resource]),
    [
      ["a", undefined],
      ["a", "x"],
      ["b", undefined],
    ],
  );
});

test("[PL-16] the order is that of the key and the whole, also where one key goes on as another's whole begins", () => {
  const letters = ["a", "\u0000", "{", "}"];
  const longer = (texts: readonly string[]): string[] => texts.flatMap((text) => letters.map((letter) => text + letter));
  const paths = [...letters, ...longer(letters), ...longer(longer(letters))];
  const written = (field: FieldChange): string => `${field.path}\u0000${canonical(field)}`;
  const plan = samplePlan();
  const [step] = plan.steps;
  assert.ok(step);
  const sorted = (fields: readonly FieldChange[]): readonly FieldChange[] =>
    normalPlan({ ...plan, steps: [{ ...step, effects: [one({ fields })] }] }).steps[0]?.effects[0]?.fields ?? [];
  for (const path of paths) {
    for (const other of paths) {
      const fields: FieldChange[] = [{ path }, { path: other, after: { kind: "json", value: 1 } }];
      assert.deepEqual(
        sorted(fields),
        fields.toSorted((a, b) => byText(written(a), written(b))),
      );
    }
  }
});
