/** Random proposals and analyses within the contract: small worlds of names, so that things collide. */
import * as fc from "fast-check";
import { digestOf, keyedDigestOf, type Json } from "../core/base/index.ts";
import type { AssembleInput, Effect, Finding, PlanValue, Proposal, Statement, StepAnalysis } from "../core/plan/index.ts";
import { CHANGE, SECRET_KEY, proposal as sample } from "./plans.ts";

const provenance = fc.constantFrom("derived", "attested", "claimed", "unknown");
const kind = fc.constantFrom("create", "update", "delete", "replace", "send", "grant", "revoke", "execute");
const text = fc.oneof(
  fc.string({ unit: "grapheme", maxLength: 12 }),
  fc.constantFrom("cafe\u0301", "a\u202Eb", "<!-- x -->", "no deletes", "", "line\nline"),
);
const name = fc.oneof(
  fc.constantFrom("git:shop#a.ts", "git:shop#src/a.ts", "git:shop#cafe\u0301", "mail:all"),
  fc.string({ unit: "grapheme", minLength: 1, maxLength: 8 }),
);
const label = fc.constantFrom("auth", "ci", "@acme/shop", "@ada");
const json = fc.jsonValue({ maxDepth: 2 }).map((one) => JSON.parse(JSON.stringify(one)) as Json);

const value: fc.Arbitrary<PlanValue> = fc.oneof(
  json.map((one): PlanValue => ({ kind: "json", value: one })),
  fc.string({ maxLength: 6 }).map((one): PlanValue => ({ kind: "secret", digest: keyedDigestOf(SECRET_KEY, one) })),
  fc.nat(9).map((size): PlanValue => ({ kind: "bytes", digest: digestOf(String(size)), size, mediaType: "image/png" })),
);

const detail = fc.oneof(
  fc.constant({ kind: "none" as const }),
  text.map((reason) => ({ kind: "uninspectable" as const, reason })),
  fc
    .array(fc.constantFrom("+new", "-old", " same", "@@ -1 +1 @@", "+\u001B[31m", ""), { maxLength: 4 })
    .map((lines) => ({ kind: "diff" as const, text: lines.join("\n"), added: 1, removed: 1 })),
);

const optional = <T>(arb: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(arb, { nil: undefined });
const field = fc.record({ path: fc.constantFrom("a", "b.c", "recipients", "rows"), before: optional(value), after: optional(value) });

const effects: fc.Arbitrary<Effect> = fc.record({
  kind,
  resource: name,
  resourceKind: fc.constantFrom("file", "table", "mail"),
  system: fc.constantFrom("git:shop", "mail"),
  environment: fc.constantFrom("main", "production"),
  summary: text,
  fields: fc.array(field, { maxLength: 3 }),
  detail,
  reversibility: fc.constantFrom("reversible", "compensable", "irreversible", "unknown"),
  exposure: fc.constantFrom("none", "internal", "external", "public", "unknown"),
  privilege: fc.constantFrom("none", "gained", "lost", "unknown"),
  surfaces: fc.array(label, { maxLength: 3 }),
  owners: fc.array(label, { maxLength: 3 }),
  provenance,
});

const statements = fc.array(
  fc.record({
    topic: fc.constantFrom("tests.ran", "load", "owners"),
    text,
    resource: optional(name),
    provenance,
    source: fc.constantFrom("git", "agent:coder"),
  }),
  { maxLength: 3 },
) as fc.Arbitrary<readonly Statement[]>;

const findings = fc.array(
  fc.record({
    code: fc.constantFrom("git.mode", "scope.outside", "x"),
    severity: fc.constantFrom("info", "warning", "danger", "refused"),
    message: text,
    resource: optional(name),
    remedy: optional(text),
    provenance,
  }),
  { maxLength: 3 },
) as fc.Arbitrary<readonly Finding[]>;

const analyses: fc.Arbitrary<StepAnalysis> = fc.record({
  step: fc.record({
    operation: fc.constantFrom("merge", "send"),
    target: fc.dictionary(fc.constantFrom("repository", "branch"), text, { maxKeys: 2 }),
    stateDigest: fc.nat(3).map((n) => digestOf(`state ${n}`)),
    payloadDigest: fc.nat(3).map((n) => digestOf(`payload ${n}`)),
    observations: fc.array(fc.record({ subject: name, value, method: fc.constantFrom("read", "ask"), provenance }), { maxLength: 3 }),
    effects: fc.array(effects, { maxLength: 5 }),
    undo: fc.record({ kind: fc.constantFrom("planned", "manual", "impossible"), text, provenance }),
  }),
  findings,
  impact: statements,
  evidence: statements,
  unverified: statements,
  assumptions: statements,
  context: fc.constant({}),
});

const proposals: fc.Arbitrary<Proposal> = fc
  .record({
    title: text.map((words) => `t${words}`),
    summary: text,
    scope: fc.option(
      fc.record({
        systems: fc.array(fc.constantFrom("git:*", "**", "mail")),
        environments: fc.array(fc.constantFrom("main", "**")),
        operations: fc.array(kind, { maxLength: 8 }),
        resources: fc.array(fc.constantFrom("git:shop#**", "**/a.ts", "git:shop#src/*")),
        limits: fc.dictionary(fc.constantFrom("effects", "deletes", "recipients", "rows", "money"), fc.nat(4), { maxKeys: 5 }),
      }),
      { nil: undefined },
    ),
    claims: fc.array(fc.constantFrom("no:delete", "no:send", "reversible", "internal", "only:src/**", "it works"), { maxLength: 4 }),
    steps: fc.constant([]),
  })
  .map((random) => ({ ...sample, ...random }));

const names = fc.record({
  system: fc.constantFrom("git:shop", "mail"),
  environment: fc.constantFrom("main", "production"),
  resources: fc.array(name, { maxLength: 3 }),
  operations: optional(fc.array(kind, { maxLength: 3 })),
});

export const inputs: fc.Arbitrary<AssembleInput> = fc
  .tuple(proposals, fc.array(analyses, { minLength: 1, maxLength: 3 }), fc.array(names, { maxLength: 3 }))
  .map(([proposal, found, named]): AssembleInput => ({
    change: CHANGE,
    proposalDigest: digestOf("proposal"),
    proposal: { ...proposal, steps: found.map((_, i) => ({ id: `s${i}`, connector: "git", input: {} })) },
    analyses: found.map((analysis, i) => ({ id: `s${i}`, connector: "git", analysis })),
    names: named,
  }));

/** Every leaf of a JSON value as a pointer's tokens. */
export function leaves(tree: unknown, at: readonly string[] = []): readonly (readonly string[])[] {
  if (typeof tree !== "object" || tree === null) return [at];
  const members = Object.entries(tree);
  return members.length === 0 ? [at] : members.flatMap(([key, member]) => leaves(member, [...at, key]));
}

/** A copy with the leaf at `at` replaced by another value of its type. */
export function altered<T>(tree: T, at: readonly string[]): T {
  if (at.length === 0) return other(tree) as T;
  const [key = "", ...rest] = at;
  if (Array.isArray(tree)) return tree.map((member: unknown, i) => (String(i) === key ? altered(member, rest) : member)) as T;
  return { ...tree, [key]: altered((tree as Record<string, unknown>)[key], rest) };
}

function other(leaf: unknown): unknown {
  if (typeof leaf === "string") return `${leaf}~`;
  if (typeof leaf === "number") return leaf + 1;
  if (typeof leaf === "boolean") return !leaf;
  return leaf === null ? "~" : Array.isArray(leaf) ? ["~"] : { "~": 1 };
}
