import { sortedSet } from "../base/index.ts";
import type { Millis, PrincipalId } from "../base/index.ts";
import { standsFor } from "../plan/index.ts";
import type { Effect, Plan, PlanStep, Provenance, Scope } from "../plan/index.ts";
import { BOOL, INT, STRING, field, listOf, mapOf, messageOf, optional } from "./cel/types.ts";
import type { CelType } from "./cel/types.ts";

const strings = listOf(STRING);

const CHANGE = messageOf("Change", {
  id: field(STRING, "the change's id"),
  revision: field(INT, "1 for the first proposal, one more for each revision"),
  connectors: field(strings, "connectors of its steps"),
  operations: field(strings, "what the steps do, such as `git.merge`"),
});

const PROPOSER = messageOf("Proposer", {
  id: field(STRING, "who proposed, such as `agent:builder`"),
  kind: field(STRING, "`human`, `agent` or `workload`"),
  on_behalf_of: field(STRING, "the principal it acts for"),
  owner: field(STRING, "the principal that answers for it"),
});

const SCOPE = messageOf("Scope", {
  origin: field(STRING, "`given` by the proposer or `derived` from the request"),
  systems: field(strings, "patterns of systems it may touch"),
  environments: field(strings, "patterns of environments it may touch"),
  operations: field(strings, "kinds of effects it may have"),
  resources: field(strings, "patterns of resources it may touch"),
  limits: field(
    mapOf(STRING, INT),
    "upper bounds by name: `effects`, `deletes`, `recipients`, `rows`, `money`; only those that were given",
  ),
});

const EFFECT = messageOf("Effect", {
  step: field(STRING, "the step that has it"),
  kind: field(STRING, "`create`, `update`, `delete`, `replace`, `send`, `grant`, `revoke` or `execute`"),
  resource: field(STRING, "full name of what is touched, such as `git:shop#src/auth/session.ts`"),
  path: optional(STRING, "what follows `#` in the resource's name; absent without one"),
  resource_kind: field(STRING, "what sort of thing it is, in the connector's words"),
  connector: field(STRING, "the connector of its step"),
  system: field(STRING, "the system it is in"),
  environment: field(STRING, "the environment it is in"),
  reversibility: field(STRING, "`reversible`, `compensable`, `irreversible` or `unknown`"),
  exposure: field(STRING, "who can see the result: `none`, `internal`, `external`, `public` or `unknown`"),
  privilege: field(STRING, "`none`, `gained`, `lost` or `unknown`"),
  fields: field(strings, "names of the fields that change"),
  surfaces: field(strings, "surfaces it touches: the connector's own, and those of the bundle that match"),
  owners: field(strings, "owners of what is touched; any one of them speaks for it"),
  provenance: field(STRING, "how it is known: `derived`, `attested`, `claimed` or `unknown`"),
  inspectable: field(BOOL, "false where a reviewer cannot be shown what happens"),
  added: optional(INT, "lines added; absent where there is no text difference"),
  removed: optional(INT, "lines removed; absent where there is no text difference"),
});

const SUMMARY = messageOf("Summary", {
  effects: field(INT, "number of effects"),
  creates: field(INT, "effects of kind `create`"),
  updates: field(INT, "effects of kind `update`"),
  deletes: field(INT, "effects of kind `delete`"),
  replaces: field(INT, "effects of kind `replace`"),
  sends: field(INT, "effects of kind `send`"),
  grants: field(INT, "effects of kind `grant`"),
  revokes: field(INT, "effects of kind `revoke`"),
  executes: field(INT, "effects of kind `execute`"),
  systems: field(strings, "systems touched, each once, sorted"),
  environments: field(strings, "environments touched, each once, sorted"),
  surfaces: field(strings, "surfaces touched, each once, sorted"),
  owners: field(strings, "owners of anything touched, each once, sorted"),
  unowned: field(INT, "effects on what nobody owns"),
  irreversible: field(INT, "effects that are `irreversible` or of `unknown` reversibility"),
  inspectable: field(BOOL, "true when every effect can be shown"),
  lines_added: field(INT, "lines added in all"),
  lines_removed: field(INT, "lines removed in all"),
});

const FINDING = messageOf("Finding", {
  code: field(STRING, "what was found, such as `scope.outside`"),
  severity: field(STRING, "`info`, `warning`, `danger` or `refused`"),
  resource: optional(STRING, "where; absent when it is about the change as a whole"),
  remedy: optional(STRING, "what the proposer can do about it; absent where nothing is known to help"),
  provenance: field(STRING, "how it is known"),
});

const EVIDENCE = messageOf("Evidence", {
  topic: field(STRING, "what it is about"),
  resource: optional(STRING, "where; absent when it is about the change as a whole"),
  provenance: field(STRING, "`derived` or `attested`; claims are not evidence"),
});

const UNVERIFIED = messageOf("Unverified", { topic: field(STRING, "what nobody checked") });

const UNDO = messageOf("Undo", {
  planned: field(INT, "steps whose undo is planned"),
  manual: field(INT, "steps that only a human can undo"),
  impossible: field(INT, "steps that cannot be undone"),
});

const TIME = messageOf("Time", {
  weekday: field(INT, "1 is Monday, 7 is Sunday, in UTC"),
  hour: field(INT, "0 to 23, in UTC"),
  minute: field(INT, "0 to 59"),
  unix: field(INT, "seconds since 1970"),
  calendars: field(strings, 'calendars of the bundle that are in force; asked only as `"name" in time.calendars`'),
});

const STEP_FIELDS = {
  id: field(STRING, "`step-1`, `step-2`, in the order in which they run"),
  connector: field(STRING, "the connector that executes it"),
  operation: field(STRING, "what it does, such as `git.merge`"),
  undo: field(STRING, "`planned`, `manual` or `impossible`"),
} as const;

/** One step as a rule sees it that is judged for each: with what it does. */
const ONE_STEP = messageOf("OneStep", {
  ...STEP_FIELDS,
  effects: field(listOf(EFFECT), "its effects"),
  systems: field(strings, "systems it touches, each once, sorted"),
  environments: field(strings, "environments it touches, each once, sorted"),
  surfaces: field(strings, "surfaces it touches, each once, sorted"),
});

/** What a rule may look at, and nothing else. Words that a proposer chose freely (title, summary, claims) are not in it. */
export const FACTS = messageOf("Facts", {
  change: field(CHANGE, "the change as such"),
  proposer: field(PROPOSER, "who proposed it"),
  scope: field(SCOPE, "what it may touch"),
  effects: field(listOf(EFFECT), "everything that will happen"),
  summary: field(SUMMARY, "the effects, counted"),
  findings: field(listOf(FINDING), "what is wrong or remarkable"),
  evidence: field(listOf(EVIDENCE), "what was derived or attested in favour or against"),
  unverified: field(listOf(UNVERIFIED), "what nobody checked"),
  undo: field(UNDO, "how it is undone, by number of steps"),
  time: field(TIME, "when the policy is evaluated, in UTC"),
  steps: field(listOf(messageOf("Step", STEP_FIELDS)), "its steps, in order"),
});

/** The further fact of a rule that is judged for each step. */
export const STEP_FACT = { step: field(ONE_STEP, "one step, in a rule `for: each step` alone") } as const;

type Of<T extends CelType> = T extends { readonly kind: "bool" }
  ? boolean
  : T extends { readonly kind: "int" }
    ? number
    : T extends { readonly kind: "string" }
      ? string
      : T extends { readonly kind: "list"; readonly of: infer E extends CelType }
        ? readonly Of<E>[]
        : T extends { readonly kind: "map"; readonly of: infer E extends CelType }
          ? Readonly<Record<string, Of<E>>>
          : T extends { readonly kind: "message"; readonly fields: infer F }
            ? { readonly [K in keyof F as F[K] extends { readonly optional: false } ? K : never]: FieldOf<F[K]> } & {
                readonly [K in keyof F as F[K] extends { readonly optional: true } ? K : never]?: FieldOf<F[K]>;
              }
            : never;
type FieldOf<F> = F extends { readonly type: infer T extends CelType } ? Of<T> : never;

export type Facts = Of<typeof FACTS>;
export type EffectFacts = Of<typeof EFFECT>;
type SummaryFacts = Of<typeof SUMMARY>;

/** What the plan does not say of itself. */
export interface MoreFacts {
  readonly revision: number;
  readonly parties: { readonly proposer: PrincipalId; readonly onBehalfOf: PrincipalId; readonly owner: PrincipalId };
  readonly now: Millis;
}

export function factsOf(plan: Plan, more: MoreFacts): Facts {
  const effects = plan.steps.flatMap((step) => step.effects.map((effect) => effectFacts(effect, step)));
  const { parties } = more;
  const undone = (kind: string): number => plan.steps.filter((step) => step.undo.kind === kind).length;
  return {
    change: {
      id: plan.change,
      revision: more.revision,
      connectors: sortedSet(plan.steps.map((step) => step.connector)),
      operations: sortedSet(plan.steps.map(operationOf)),
    },
    proposer: { id: parties.proposer, kind: parties.proposer.split(":")[0] ?? "", on_behalf_of: parties.onBehalfOf, owner: parties.owner },
    scope: scopeFacts(plan.intent.scope),
    effects,
    summary: summaryOf(
      effects,
      plan.steps.flatMap((step) => step.effects.map((effect) => standsFor(effect) ?? 1)),
    ),
    findings: plan.findings.map(({ code, severity, resource, remedy, provenance }) => ({ code, severity, resource, remedy, provenance })),
    evidence: plan.evidence.filter(isEvidence).map(({ topic, resource, provenance }) => ({ topic, resource, provenance })),
    unverified: plan.unverified.map(({ topic }) => ({ topic })),
    undo: { planned: undone("planned"), manual: undone("manual"), impossible: undone("impossible") },
    time: timeOf(more.now),
    steps: plan.steps.map((step) => ({ id: step.id, connector: step.connector, operation: operationOf(step), undo: step.undo.kind })),
  };
}

/** A limit that is no integer is rounded up: what a rule sees of it is never smaller than what was allowed. */
function scopeFacts(scope: Scope): Facts["scope"] {
  const limits = Object.entries(scope.limits).map(([name, limit]) => [name, Math.min(Math.ceil(limit), Number.MAX_SAFE_INTEGER)]);
  const { origin, systems, environments, operations, resources } = scope;
  return { origin, systems, environments, operations, resources, limits: Object.fromEntries(limits) as Record<string, number> };
}

/** Claims never lower risk, so a rule that asks for evidence never sees them. */
const isEvidence = ({ provenance }: { readonly provenance: Provenance }): boolean => provenance === "derived" || provenance === "attested";

/** What follows `#` in a resource's name: its path within the system. */
export function pathOf(resource: string): string | undefined {
  const hash = resource.indexOf("#");
  return hash < 0 ? undefined : resource.slice(hash + 1);
}

const operationOf = ({ connector, operation }: PlanStep): string => `${connector}.${operation}`;

function effectFacts(effect: Effect, { id: step, connector }: PlanStep): EffectFacts {
  const { detail } = effect;
  return {
    step,
    kind: effect.kind,
    resource: effect.resource,
    path: pathOf(effect.resource),
    resource_kind: effect.resourceKind,
    connector,
    system: effect.system,
    environment: effect.environment,
    reversibility: effect.reversibility,
    exposure: effect.exposure,
    privilege: effect.privilege,
    fields: effect.fields.map(({ path }) => path),
    surfaces: sortedSet(effect.surfaces),
    owners: sortedSet(effect.owners),
    provenance: effect.provenance,
    inspectable: detail.kind !== "uninspectable",
    added: detail.kind === "diff" ? detail.added : undefined,
    removed: detail.kind === "diff" ? detail.removed : undefined,
  };
}

/** `standing`: how many effects each of them is, where it stands for others that are too many to be listed. */
export function summaryOf(effects: readonly EffectFacts[], standing: readonly number[] = []): SummaryFacts {
  const of: Record<string, number> = {};
  for (const [i, { kind }] of effects.entries()) of[kind] = (of[kind] ?? 0) + (standing[i] ?? 1);
  const counted = (which: (effect: EffectFacts) => boolean): number =>
    effects.reduce((total, effect, i) => total + (which(effect) ? (standing[i] ?? 1) : 0), 0);
  const sum = (lines: (effect: EffectFacts) => number | undefined): number =>
    effects.reduce((total, effect) => total + (lines(effect) ?? 0), 0);
  return {
    effects: counted(() => true),
    creates: of["create"] ?? 0,
    updates: of["update"] ?? 0,
    deletes: of["delete"] ?? 0,
    replaces: of["replace"] ?? 0,
    sends: of["send"] ?? 0,
    grants: of["grant"] ?? 0,
    revokes: of["revoke"] ?? 0,
    executes: of["execute"] ?? 0,
    systems: sortedSet(effects.map((effect) => effect.system)),
    environments: sortedSet(effects.map((effect) => effect.environment)),
    surfaces: sortedSet(effects.flatMap((effect) => effect.surfaces)),
    owners: sortedSet(effects.flatMap((effect) => effect.owners)),
    unowned: counted((effect) => effect.owners.length === 0),
    irreversible: counted(({ reversibility }) => reversibility === "irreversible" || reversibility === "unknown"),
    inspectable: effects.every((effect) => effect.inspectable),
    lines_added: sum((effect) => effect.added),
    lines_removed: sum((effect) => effect.removed),
  };
}

const DAY = 86_400_000;

/** 1 January 1970 was a Thursday. */
export function timeOf(now: number): Facts["time"] {
  const days = Math.floor(now / DAY);
  const minutes = Math.floor((now - days * DAY) / 60_000);
  return {
    weekday: ((((days + 3) % 7) + 7) % 7) + 1,
    hour: Math.floor(minutes / 60),
    minute: minutes % 60,
    unix: Math.floor(now / 1000),
    calendars: [],
  };
}

export type StepFacts = Of<typeof ONE_STEP>;

/** Each step with what it does. */
export function stepFactsOf({ steps, effects }: Facts): readonly StepFacts[] {
  return steps.map((step) => {
    const own = effects.filter((effect) => effect.step === step.id);
    return {
      ...step,
      effects: own,
      systems: sortedSet(own.map(({ system }) => system)),
      environments: sortedSet(own.map(({ environment }) => environment)),
      surfaces: sortedSet(own.flatMap(({ surfaces }) => surfaces)),
    };
  });
}
