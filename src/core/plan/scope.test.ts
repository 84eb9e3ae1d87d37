import assert from "node:assert/strict";
import test from "node:test";
import { assembleInput, effect, planWith, proposal } from "../../testing/plans.ts";
import { assemblePlan } from "./index.ts";
import type { Effect, Finding, Plan, Scope } from "./index.ts";

const everything: Omit<Scope, "origin"> = {
  systems: ["**"],
  environments: ["**"],
  operations: ["create", "update", "delete", "replace", "send", "grant", "revoke", "execute"],
  resources: ["**"],
  limits: {},
};

const findings = (scope: Partial<Scope>, effects: readonly Effect[]): readonly Finding[] =>
  planWith({ proposal: { scope: { ...everything, ...scope }, claims: [], summary: "" }, analysis: { findings: [] }, step: { effects } })
    .findings;

const said = (list: readonly Finding[]): readonly string[] =>
  list.map(({ code, resource, message }) => `${code} ${resource ?? ""} ${message}`);

test("[PL-9] what is inside in every respect is no finding", () => {
  assert.deepEqual(findings({}, [effect("a.ts"), effect("b.ts", { kind: "delete" })]), []);
});

test("[PL-9] each way out of the scope is a danger of its own, with the patterns it breaks", () => {
  const list = findings(
    { systems: ["git:blog"], environments: ["test", "dev*"], operations: ["create"], resources: ["git:shop#docs/**"] },
    [effect("src/a.ts")],
  );
  assert.deepEqual(said(list).toSorted(), [
    "scope.outside git:shop#src/a.ts The environment main is outside the scope, which allows dev*, test",
    "scope.outside git:shop#src/a.ts The operation update is outside the scope, which allows create",
    "scope.outside git:shop#src/a.ts The resource is outside the scope, which allows git:shop#docs/**",
    "scope.outside git:shop#src/a.ts The system git:shop is outside the scope, which allows git:blog",
  ]);
  assert.deepEqual(new Set(list.map(({ severity, provenance }) => `${severity} ${provenance}`)), new Set(["danger derived"]));
});

test("[PL-9] an empty list permits nothing", () => {
  assert.deepEqual(said(findings({ resources: [] }, [effect("a.ts")])), [
    "scope.outside git:shop#a.ts The resource is outside the scope, which allows nothing",
  ]);
});

test("[PL-9] of many patterns a finding names some and counts the rest; the scope has them all", () => {
  const resources = Array.from({ length: 9 }, (_, i) => `git:shop#${i}`);
  assert.match(said(findings({ resources }, [effect("a.ts")]))[0] ?? "", /allows git:shop#0, .*git:shop#5 and 3 more$/);
});

test("[PL-10] an effect that stands for others which are not listed counts as many as it says", () => {
  const rest = [effect("t", { kind: "delete", resourceKind: "unlisted", fields: [{ path: "count", after: { kind: "json", value: 7 } }] })];
  assert.equal(findings({ limits: { deletes: 6 } }, rest).length, 1);
  assert.deepEqual(findings({ limits: { effects: 7, deletes: 7 } }, rest), []);
});

test("[PL-10] limits on effects and deletes count; a replacement destroys too", () => {
  const three = [effect("a.ts", { kind: "replace" }), effect("b.ts", { kind: "delete" }), effect("c.ts")];
  assert.deepEqual(said(findings({ limits: { effects: 2, deletes: 1 } }, three)), [
    'scope.outside  Too much for the limit "deletes": the plan has 2, and the scope allows at most 1',
    'scope.outside  Too much for the limit "effects": the plan has 3, and the scope allows at most 2',
  ]);
  assert.deepEqual(findings({ limits: { effects: 3, deletes: 2 } }, three), []);
});

test("[PL-10] recipients and rows are what the effects' fields say: a number, or a list whose entries count", () => {
  const field = (path: string, value: number | string[]): Pick<Effect, "fields"> => ({
    fields: [{ path, after: { kind: "json", value } }],
  });
  const sends = [
    effect("m1", { kind: "send", ...field("recipients", ["a", "b"]) }),
    effect("m2", { kind: "send", ...field("recipients", 4) }),
  ];
  assert.deepEqual(said(findings({ limits: { recipients: 5 } }, sends)), [
    'scope.outside  Too much for the limit "recipients": the plan has 6, and the scope allows at most 5',
  ]);
  assert.deepEqual(findings({ limits: { recipients: 6, rows: 0 } }, sends), []);
  assert.equal(findings({ limits: { rows: 9 } }, [effect("t", { resourceKind: "table", ...field("rows", 10) })]).length, 1);
});

test("[PL-10] what should be measured and is not, is a danger rather than nothing", () => {
  const vague = [effect("m", { kind: "send" }), effect("t", { resourceKind: "table" })];
  const list = findings({ limits: { recipients: 5, rows: 5, money: 5 } }, vague);
  assert.deepEqual(list.map(({ code, severity, provenance, resource }) => `${code} ${severity} ${provenance} ${resource}`).toSorted(), [
    "scope.unmeasured danger unknown git:shop#m",
    "scope.unmeasured danger unknown git:shop#m",
    "scope.unmeasured danger unknown git:shop#t",
    "scope.unmeasured danger unknown git:shop#t",
  ]);
  const negative = [effect("m", { kind: "send", fields: [{ path: "recipients", after: { kind: "json", value: -9 } }] })];
  assert.equal(findings({ limits: { recipients: 5 } }, negative)[0]?.code, "scope.unmeasured");
});

const { scope: _given, ...unbounded } = proposal;
const derive = (names: Parameters<typeof assemblePlan>[0]["names"]): Plan => assemblePlan({ ...assembleInput, proposal: unbounded, names });

test("[PL-8] without a scope, the narrowest that the request names is derived and said to be so", () => {
  const plan = derive([
    { system: "git:shop", environment: "main", resources: ["git:shop#src/auth/**", "git:shop#a.ts"], operations: ["update"] },
    { system: "git:shop", environment: "main", resources: ["git:shop#a.ts"], operations: ["create", "update"] },
  ]);
  assert.deepEqual(plan.intent.scope, {
    origin: "derived",
    systems: ["git:shop"],
    environments: ["main"],
    operations: ["create", "update"],
    resources: ["git:shop#a.ts", "git:shop#src/auth/**"],
    limits: {},
  });
  assert.ok(plan.unverified.some(({ topic }) => topic === "scope"));
  assert.ok(plan.findings.some(({ code, resource }) => code === "scope.outside" && resource === "git:shop#assets/logo.png"));
});

test("[PL-8] operations are bounded only when every step names them; a request that names nothing permits nothing", () => {
  const name = { system: "git:shop", environment: "main", resources: ["**"] };
  assert.equal(derive([name, { ...name, operations: ["update"] }]).intent.scope.operations.length, 8);
  assert.equal(
    derive([]).findings.filter(({ code, message }) => code === "scope.outside" && message.includes("allows nothing")).length,
    15,
  );
});

test("[PL-8, F53] a name that cannot stand in a pattern becomes the narrowest pattern that matches it", () => {
  const odd = `git:shop#a\n***b${"x".repeat(600)}`;
  const plan = assemblePlan({
    ...assembleInput,
    proposal: unbounded,
    analyses: [
      {
        id: "step-1",
        connector: "git",
        analysis: {
          ...assembleInput.analyses[0]!.analysis,
          step: { ...assembleInput.analyses[0]!.analysis.step, effects: [effect("", { resource: odd })] },
        },
      },
    ],
    names: [{ system: "git:shop", environment: "main", resources: [odd] }],
  });
  assert.match(plan.intent.scope.resources[0] ?? "", /^git:shop#a\?\*\*bx+\*\*$/);
  assert.deepEqual(
    plan.findings.filter(({ code }) => code === "scope.outside"),
    [],
  );
});
