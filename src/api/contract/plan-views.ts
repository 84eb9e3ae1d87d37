import { Type } from "typebox";
import type { Envelope } from "../../core/grant/index.ts";
import { planJsonSchema, type Plan } from "../../core/plan/index.ts";
import type { BundleFault, CaseResult, RuleTrace } from "../../core/policy/index.ts";
import type { Presentation } from "../../core/presentation/index.ts";
import type { PlanView } from "../../control/types.ts";
import { anything, choice, closed, digest, maybe, ref, shape, text } from "./parts.ts";
import { change, OUTCOME_NAMES, STATUSES } from "./views.ts";

export const ruleTrace = shape<RuleTrace>()(
  Type.Object(
    {
      rule: text(),
      outcome: choice(OUTCOME_NAMES),
      fired: Type.Boolean(),
      when: text("The condition, as written."),
      reason: text(),
      parts: Type.Array(Type.Object({ text: text(), value: anything("The part's value, or {error}.") }, closed)),
      error: maybe(text()),
      skipped: maybe(Type.Boolean({ description: "An index showed that it could not match." })),
    },
    { $id: "RuleTrace", ...closed, description: "Why a rule fired, or did not." },
  ),
);

/** The plan's published schema as components: its definitions stand beside it, and references name them there. */
const { $schema: _dialect, $defs, ...published } = planJsonSchema();
const componentName = (definition: string): string => `Plan${definition.charAt(0).toUpperCase()}${definition.slice(1)}`;

function component($id: string, schema: unknown) {
  const moved = JSON.stringify(schema).replaceAll(/"#\/\$defs\/(\w+)"/g, (_, name: string) => `"${componentName(name)}#"`);
  return Type.Unsafe<unknown>({ ...(JSON.parse(moved) as object), $id });
}

export const planDefinitions = Object.entries($defs as object).map(([name, schema]) => component(componentName(name), schema));
export const planSchema = component("Plan", published);
const plan = Type.Unsafe<Plan>(ref(planSchema));
const presentation = Type.Unsafe<Presentation>({
  type: "object",
  description: "The plan as it is shown to people, on every channel alike.",
});

const conflict = Type.Object(
  {
    change: text(),
    status: choice(STATUSES),
    proposer: text(),
    resources: Type.Array(Type.String(), { description: "What both touch; the first few." }),
    more: maybe(Type.Integer({ minimum: 1, description: "How many more." })),
  },
  closed,
);

export const planView = shape<PlanView>()(
  Type.Object(
    {
      change: ref(change),
      plan,
      presentation,
      trace: Type.Array(ref(ruleTrace)),
      context: Type.Record(Type.String(), Type.Record(Type.String(), Type.String()), {
        description: "Per step, outside the digests: base commit, when it was observed.",
      }),
      conflicts: maybe(
        Type.Array(conflict, { description: "As of now, and outside the digests: what else is open on the same resources, up to 20." }),
      ),
      digests: Type.Object(
        { plan: digest(), state: digest(), route: digest(), bundle: digest(), presentation: digest(), review: digest(), payload: digest() },
        closed,
      ),
    },
    { $id: "PlanView", ...closed },
  ),
);

export const envelope = shape<Envelope>()(
  Type.Object(
    { payloadType: text(), payload: text("Base64."), signatures: Type.Array(Type.Object({ keyid: text(), sig: text() }, closed)) },
    { $id: "Grant", ...closed, description: "A DSSE envelope around an in-toto statement: the grant, with votes and inclusion proof." },
  ),
);

export const policy = Type.Object(
  { text: text("The bundle in force, as written."), digest: digest(), name: text() },
  { $id: "Policy", ...closed },
);

export const bundleFault = shape<BundleFault>()(
  Type.Object(
    {
      code: text(),
      message: text(),
      where: maybe(text()),
      remedy: maybe(text()),
      details: maybe(Type.Record(Type.String(), Type.Unknown())),
      line: Type.Integer(),
      column: Type.Integer(),
      caret: text("The line with a caret below."),
    },
    { $id: "BundleFault", ...closed },
  ),
);
const caseResult = shape<CaseResult>()(
  Type.Object(
    { name: text(), passed: Type.Boolean(), expected: anything("What the case demands."), actual: anything("What came out.") },
    closed,
  ),
);
export const policyCheck = Type.Object(
  { faults: Type.Array(ref(bundleFault)), digest: maybe(digest()) },
  { $id: "PolicyCheck", ...closed },
);
export const policyTest = Type.Object(
  { faults: Type.Array(ref(bundleFault)), results: Type.Array(caseResult) },
  { $id: "PolicyTest", ...closed },
);
export const policyExplanation = Type.Object(
  { outcome: choice(OUTCOME_NAMES), lines: Type.Array(Type.String()), trace: Type.Array(ref(ruleTrace)) },
  { $id: "PolicyExplanation", ...closed },
);
export const connectors = Type.Object(
  { text: text("The declared operations in force, as written."), digest: digest() },
  { $id: "Connectors", ...closed },
);
export const directory = Type.Unknown({ $id: "Directory", description: "Persons, machines and groups, as one document." });
