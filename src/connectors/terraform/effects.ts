import { byText, never, sortedSet } from "../../core/base/index.ts";
import { UNLISTED } from "../../core/plan/index.ts";
import type { Detail, Effect, FieldChange } from "../../core/plan/index.ts";
import { fieldsOf } from "./fields.ts";
import type { Room } from "./fields.ts";
import type { Hidden } from "./hidden.ts";
import { judged, surfacesOf } from "./kinds.ts";
import { withoutIndexes } from "./plan-document.ts";
import type { Change, OutputChange, PlanDocument, ResourceChange } from "./plan-document.ts";
import { shownText } from "./shown.ts";

export interface EffectContext {
  readonly system: string;
  readonly environment: string;
  readonly provenance: Effect["provenance"];
  readonly hidden: Hidden;
  readonly limits: PlanLimits;
}

export interface PlanLimits {
  /** Effects that are listed one by one; the others are counted, and marked as not shown. */
  readonly effects: number;
  /** Characters of all fields together. */
  readonly characters: number;
}

/** What a plan's document may hold together with everything that is said of each effect, below the bound of what is stored. */
export const PLAN_LIMITS: PlanLimits = { effects: 5_000, characters: 3_000_000 };

/** What happens to a resource, in Terraform's sense: finer than the kinds of effects. */
export type Doing = "delete" | "replace" | "update" | "create" | "forget" | "import" | "move" | "read";

/** `no-op` without anything else is nothing. */
export function doingOf({ change, previousAddress, address }: ResourceChange): Doing | undefined {
  const { actions } = change;
  const does = (action: string): boolean => actions.includes(action as Change["actions"][number]);
  if ((does("delete") || does("forget")) && does("create")) return "replace";
  if (does("delete")) return "delete";
  if (does("create")) return "create";
  if (does("update")) return "update";
  if (does("forget")) return "forget";
  if (does("read")) return "read";
  if (change.importing !== undefined) return "import";
  return previousAddress !== undefined && previousAddress !== address ? "move" : undefined;
}

const ORDER: readonly Doing[] = ["delete", "replace", "forget", "update", "create", "import", "move", "read"];
const KIND: Readonly<Record<Doing, Effect["kind"]>> = {
  delete: "delete",
  replace: "replace",
  update: "update",
  create: "create",
  // They change what Terraform keeps in mind, and nothing outside.
  forget: "execute",
  import: "execute",
  move: "execute",
  read: "execute",
};

export interface Done {
  readonly resource: ResourceChange;
  readonly doing: Doing;
}

/** Everything that happens to resources, the destructive first. */
export function doneIn(resources: readonly ResourceChange[]): readonly Done[] {
  const done: Done[] = [];
  for (const resource of resources) {
    const doing = doingOf(resource);
    if (doing !== undefined) done.push({ resource, doing });
  }
  return done.toSorted((a, b) => ORDER.indexOf(a.doing) - ORDER.indexOf(b.doing) || byText(a.resource.address, b.resource.address));
}

export interface Listed {
  readonly effects: readonly Effect[];
  /** What there was no room for. */
  readonly unlisted: number;
}

export function effectsOf(document: PlanDocument, done: readonly Done[], context: EffectContext): Listed {
  const room: Room = { characters: context.limits.characters };
  const outputs = document.outputs.filter(({ change }) => !change.actions.includes("no-op"));
  const listed = done.slice(0, context.limits.effects).map((one) => resourceEffect(one, document, context, room));
  const rest = done.slice(context.limits.effects);
  const shownOutputs = outputs.slice(0, 500).map((output) => outputEffect(output, context, room));
  const actions = document.actions.slice(0, 500).map((address) => actionEffect(address, context));
  const more = document.actions.length - actions.length + (outputs.length - shownOutputs.length);
  const others = more > 0 ? [restEffect("execute", "of outputs and actions", more, context)] : [];
  return {
    effects: [...listed, ...restEffects(rest, context), ...shownOutputs, ...actions, ...others],
    unlisted: rest.length + Math.max(0, more),
  };
}

const named = (context: EffectContext, address: string): string => `${context.system}#${shownText(address)}`;

function base(context: EffectContext): Pick<Effect, "system" | "environment" | "owners" | "provenance"> {
  return { system: context.system, environment: context.environment, owners: [], provenance: context.provenance };
}

function resourceEffect({ resource, doing }: Done, document: PlanDocument, context: EffectContext, room: Room): Effect {
  const { address, type, deposed, change } = resource;
  const { fields, attributes, left } = fieldsOf(change, context.hidden, room);
  const runs = document.provisioned.has(withoutIndexes(address)) && ["create", "replace", "delete"].includes(doing);
  const kind = KIND[doing];
  return {
    ...base(context),
    kind,
    resource: named(context, deposed === undefined ? address : `${address} (deposed ${deposed})`),
    resourceKind: shownText(type).slice(0, 200) || "unknown",
    summary: context.hidden.scrub(shownText(summaryOf(resource, doing, runs))),
    fields: [...stateFields(resource, context), ...fields],
    detail: detailOf(left),
    ...(kind === "execute" ? STATE_ONLY : judged(kind, type, attributes, runs)),
    surfaces: surfacesOf(type),
  };
}

const STATE_ONLY = { reversibility: "reversible", exposure: "none", privilege: "none" } as const;

const detailOf = (left: number): Detail =>
  left === 0 ? { kind: "none" } : { kind: "uninspectable", reason: `${left} more values change, for which there was no room` };

/** What changes in the state's own book-keeping. */
function stateFields({ address, previousAddress, change }: ResourceChange, { hidden }: EffectContext): readonly FieldChange[] {
  const fields: FieldChange[] = [];
  if (previousAddress !== undefined && previousAddress !== address)
    fields.push({ path: "(address)", before: json(previousAddress), after: json(address) });
  if (change.importing !== undefined) {
    const text = typeof change.importing === "object" && change.importing !== null ? JSON.stringify(change.importing) : "";
    fields.push({ path: "(import)", after: hidden.isIn(text) ? hidden.seal(text) : json(text) });
  }
  return fields;
}
const json = (text: string) => ({ kind: "json", value: shownText(text) }) as const;

const REASONS: Readonly<Record<string, string>> = {
  replace_because_tainted: "it is marked as tainted",
  replace_by_request: "somebody asked for it",
  replace_by_triggers: "what triggers it changes",
  delete_because_no_resource_config: "it is no longer in the configuration",
  delete_because_wrong_repetition: "it is counted otherwise now",
  delete_because_count_index: "its index is beyond the count",
  delete_because_each_key: "its key is no longer in for_each",
  delete_because_no_module: "its module is no longer in the configuration",
  delete_because_no_move_target: "it was moved to what is not configured",
  read_because_config_unknown: "what it depends on is known only then",
  read_because_dependency_pending: "it depends on what changes",
  read_because_check_nested: "a check asks for it",
};

function summaryOf({ address, previousAddress, change, deposed, reason }: ResourceChange, doing: Doing, runs: boolean): string {
  const why = reason === undefined ? undefined : REASONS[reason];
  const because = why === undefined ? "" : `: ${why}`;
  const also = [
    ...(previousAddress !== undefined && previousAddress !== address && doing !== "move" ? [`it was ${previousAddress}`] : []),
    ...(change.importing !== undefined && doing !== "import" ? ["it is imported first"] : []),
    ...(runs ? ["programs of the configuration run on the runner"] : []),
  ];
  return `${saying(doing, address, previousAddress, change, deposed)}${because}${also.map((one) => `; ${one}`).join("")}`;
}

function saying(doing: Doing, address: string, from: string | undefined, change: Change, deposed: string | undefined): string {
  switch (doing) {
    case "create":
      return `Creates ${address}`;
    case "update":
      return `Updates ${address} in place`;
    case "delete":
      return deposed === undefined ? `Destroys ${address}` : `Destroys what was left of an earlier ${address}`;
    case "replace":
      return `Replaces ${address} (${orderOf(change)})${forcedBy(change)}`;
    case "forget":
      return `Forgets ${address}: it stays where it is, and is no longer managed`;
    case "import":
      return `Imports ${address} into the state as it is`;
    case "move":
      return `Moves ${from ?? ""} to ${address} in the state`;
    case "read":
      return `Reads ${address} during the apply`;
    default:
      return never(doing, "what is done to a resource");
  }
}

function orderOf({ actions }: Change): string {
  if (actions.includes("forget")) return "makes the new one and forgets the old";
  return actions[0] === "create" ? "makes the new one, then destroys the old" : "destroys the old one, then makes the new";
}

function forcedBy({ forcing }: Change): string {
  if (forcing.length === 0) return "";
  const more = forcing.length > 5 ? ` and ${forcing.length - 5} more` : "";
  return `; forced by ${forcing.slice(0, 5).join(", ")}${more}`;
}

function outputEffect({ name, change }: OutputChange, context: EffectContext, room: Room): Effect {
  const { fields, left } = fieldsOf(change, context.hidden, room);
  const what = change.actions.includes("create") ? "Adds" : change.actions.includes("delete") ? "Removes" : "Changes";
  return {
    ...base(context),
    ...STATE_ONLY,
    // Whoever reads the state of this workspace may rest on it.
    exposure: "internal",
    kind: "execute",
    resource: named(context, `output.${name}`),
    resourceKind: "output",
    summary: `${what} the output ${shownText(name).slice(0, 500)}`,
    fields,
    detail: detailOf(left),
    surfaces: [],
  };
}

function actionEffect(address: string, context: EffectContext): Effect {
  return {
    ...base(context),
    kind: "execute",
    resource: named(context, address),
    resourceKind: "action",
    summary: `Runs ${shownText(address).slice(0, 500)}, of which nothing but its name is known`,
    fields: [],
    detail: { kind: "uninspectable", reason: "a provider's action says nothing of what it does" },
    reversibility: "unknown",
    exposure: "unknown",
    privilege: "unknown",
    surfaces: [],
  };
}

/** One effect for all that are alike: counted, and marked as something that nobody was shown. Policy sees the surfaces of all. */
function restEffects(rest: readonly Done[], context: EffectContext): readonly Effect[] {
  const alike = Map.groupBy(rest, ({ doing }) => doing);
  return [...alike].map(([doing, all]) => ({
    ...restEffect(KIND[doing], `to ${doing}`, all.length, context),
    surfaces: sortedSet([...new Set(all.map(({ resource }) => resource.type))].flatMap(surfacesOf)),
  }));
}

function restEffect(kind: Effect["kind"], what: string, count: number, context: EffectContext): Effect {
  return {
    ...base(context),
    kind,
    resource: named(context, `(not listed ${what})`),
    resourceKind: UNLISTED,
    summary: `${count} more ${what}, which are not listed`,
    fields: [{ path: "count", after: { kind: "json", value: count } }],
    detail: { kind: "uninspectable", reason: `${count} more ${what}: the plan is too large to be listed whole` },
    reversibility: "unknown",
    exposure: "unknown",
    privilege: "unknown",
    surfaces: [],
  };
}
