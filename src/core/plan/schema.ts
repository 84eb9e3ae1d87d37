import { canonical, fail, ok } from "../base/index.ts";
import type { JsonObject, Refusal, Result } from "../base/index.ts";
import { PLAN_BOUNDS } from "./bounds.ts";
import { normalPlan } from "./normal.ts";
import {
  CHANGE_ID,
  CONNECTOR,
  DIGEST,
  EFFECT_KINDS,
  KEYED_DIGEST,
  MOMENT,
  MOST_PATTERNS,
  PRINCIPAL,
  STEP_ID,
  scopeLimits,
  scopeMembers,
} from "./schema-parts.ts";
import { Faults, WELL_FORMED, choice, integer, list, named, object, pointer, record, tagged, text, typeName } from "./shape.ts";
import { markerOf } from "./secrets.ts";
import { PLAN_SCHEMA } from "./types.ts";
import type { Plan } from "./types.ts";

const name = text({ min: 1, max: PLAN_BOUNDS.name });
const words = text({ max: PLAN_BOUNDS.words });
const provenance = choice(["derived", "attested", "claimed", "unknown"]);

/** Any JSON but a secret in the clear: `$secret` holds a keyed digest, alone, or the value has no place in a plan. */
const JSON_SCHEMA: JsonObject = {
  anyOf: [
    { type: "null" },
    { type: "boolean" },
    { type: "number" },
    { type: "string", pattern: WELL_FORMED },
    { type: "array", items: { $ref: "#/$defs/json" } },
    {
      type: "object",
      properties: {
        $secret: { type: "object", properties: { digest: KEYED_DIGEST.schema }, required: ["digest"], additionalProperties: false },
      },
      additionalProperties: { $ref: "#/$defs/json" },
      propertyNames: { type: "string", pattern: WELL_FORMED, not: { const: "__proto__" } },
      dependentSchemas: { $secret: { maxProperties: 1 } },
    },
  ],
};

const json = named("json", { schema: JSON_SCHEMA, check: checkJson });

function checkJson(value: unknown, at: string, faults: Faults): void {
  const marker = markerOf(value);
  if (marker) {
    if (marker.kind !== "sealed")
      faults.add("shape.bad_format", at, "a secret that is not sealed", "a plan holds a secret's keyed digest only");
    return;
  }
  if (typeof value === "string")
    return value.isWellFormed() ? undefined : faults.add("shape.bad_text", at, "half of a surrogate pair stands alone");
  if (value === null || typeof value === "boolean" || (typeof value === "number" && Number.isFinite(value))) return;
  if (typeof value !== "object") return faults.add("shape.wrong_type", at, `expected JSON, found ${typeName(value)}`);
  for (const [key, member] of Object.entries(value)) {
    if (faults.full) return;
    const place = pointer(at, key);
    if (key === "__proto__" || !key.isWellFormed()) faults.add("shape.bad_text", place, "no member may have this name");
    checkJson(member, place, faults);
  }
}

const planValue = named(
  "value",
  tagged("kind", {
    json: { value: json },
    secret: { digest: KEYED_DIGEST },
    bytes: { digest: DIGEST, size: integer(0, Number.MAX_SAFE_INTEGER), mediaType: text({ min: 1, max: 200 }) },
  }),
);

const detail = tagged("kind", {
  diff: { text: text({ max: PLAN_BOUNDS.diff }), added: integer(0, Number.MAX_SAFE_INTEGER), removed: integer(0, Number.MAX_SAFE_INTEGER) },
  uninspectable: { reason: words },
  none: {},
});

const effect = named(
  "effect",
  object({
    kind: choice(EFFECT_KINDS),
    resource: name,
    resourceKind: text({ min: 1, max: 200 }),
    system: name,
    environment: name,
    summary: words,
    fields: list(object({ path: name }, { before: planValue, after: planValue }), { max: PLAN_BOUNDS.fields }),
    detail,
    reversibility: choice(["reversible", "compensable", "irreversible", "unknown"]),
    exposure: choice(["none", "internal", "external", "public", "unknown"]),
    privilege: choice(["none", "gained", "lost", "unknown"]),
    surfaces: list(name, { max: PLAN_BOUNDS.labels }),
    owners: list(name, { max: PLAN_BOUNDS.labels }),
    provenance,
  }),
);

const step = object({
  id: STEP_ID,
  connector: CONNECTOR,
  operation: text({ max: 64, pattern: "^[a-z][a-z0-9._-]*$", what: "an operation's name" }),
  target: record(name, text({ max: PLAN_BOUNDS.name }), PLAN_BOUNDS.labels),
  stateDigest: DIGEST,
  payloadDigest: DIGEST,
  observations: list(object({ subject: name, value: planValue, method: name, provenance }), { max: PLAN_BOUNDS.observations }),
  effects: list(effect, { max: PLAN_BOUNDS.effects }),
  undo: object({ kind: choice(["planned", "manual", "impossible"]), text: words, provenance }),
});

const finding = object(
  {
    code: text({ max: 100, pattern: "^[a-z][a-z0-9_]*(\\.[a-z0-9_]+)*$", what: "a code such as scope.outside" }),
    severity: choice(["info", "warning", "danger", "refused"]),
    message: words,
    provenance,
  },
  { resource: name, remedy: words },
);

const statement = named(
  "statement",
  object({ topic: text({ min: 1, max: 100 }), text: words, provenance, source: name }, { resource: name }),
);
const statements = list(statement, { max: PLAN_BOUNDS.statements });

const planShape = object(
  {
    schema: choice([PLAN_SCHEMA]),
    change: CHANGE_ID,
    intent: object({
      title: text({ min: 1, max: PLAN_BOUNDS.words }),
      summary: text({ max: PLAN_BOUNDS.words }),
      proposal: DIGEST,
      author: PRINCIPAL,
      proposer: PRINCIPAL,
      onBehalfOf: PRINCIPAL,
      scope: object({ origin: choice(["given", "derived"]), ...scopeMembers(MOST_PATTERNS), limits: scopeLimits }),
    }),
    steps: list(step, { min: 1, max: PLAN_BOUNDS.steps }),
    findings: list(finding, { max: PLAN_BOUNDS.findings }),
    impact: statements,
    evidence: statements,
    unverified: statements,
    assumptions: statements,
  },
  {
    schedule: object({}, { notBefore: MOMENT, notAfter: MOMENT }),
    watch: object({ seconds: integer(1, Number.MAX_SAFE_INTEGER), everySeconds: integer(1, Number.MAX_SAFE_INTEGER) }),
  },
);

/** The published schema (JSON Schema 2020-12), made from the very shapes that `validatePlan` checks with. */
export const planJsonSchema = (): JsonObject => ({
  $schema: "https://json-schema.org/draft/2020-12/schema",
  title: "AI Change Plan, version 1",
  description: "What a change will do, how that is known, and what nobody checked. Its digest is the SHA-256 of its RFC 8785 bytes.",
  ...planShape.schema,
  $defs: { json: json.definition, value: planValue.definition, effect: effect.definition, statement: statement.definition },
});

/** Where a plan is not of the published shape. */
export function shapeFaults(raw: unknown): readonly Refusal[] {
  const faults = new Faults();
  planShape.check(raw, "", faults);
  if (faults.list.length > 0) return faults.list;
  const { steps } = raw as Plan;
  const repeated = steps.findIndex(({ id }, i) => steps.findIndex((other) => other.id === id) < i);
  if (repeated >= 0) faults.add("shape.duplicate", `/steps/${repeated}/id`, "another step has this id");
  return faults.list;
}

/** A plan from a store or from somebody else: of the published shape, in normal form, and without a secret in the clear. */
export function validatePlan(raw: unknown): Result<Plan, readonly Refusal[]> {
  const faults = shapeFaults(raw);
  const plan = raw as Plan;
  // Only what has the shape can be brought into the form.
  if (faults.some(({ code }) => code !== "shape.duplicate")) return fail(faults);
  const normal = canonical(normalPlan(plan)) === canonical(plan);
  const all = normal ? faults : [...faults, NOT_NORMAL];
  return all.length > 0 ? fail(all) : ok(plan);
}

const NOT_NORMAL: Refusal = {
  code: "shape.not_normal",
  message: "the plan is not in normal form",
  where: "",
  remedy: "sort its lists, drop what is there twice, compose its words as NFC",
};
