import { sortedSet } from "../base/index.ts";
import type { Json, JsonObject } from "../base/index.ts";
import { nameOf } from "./cel/types.ts";
import type { CelType, MessageType } from "./cel/types.ts";
import { FACTS, pathOf, summaryOf } from "./facts.ts";
import type { EffectFacts, Facts } from "./facts.ts";
import { join, memberOf } from "../yaml/index.ts";
import type { At, Reading } from "../yaml/index.ts";

/** What a case's facts are merged over: one harmless update of a documentation page, proposed by an agent on a Wednesday morning. */
const EFFECT: JsonObject = {
  step: "step-1",
  kind: "update",
  resource: "git:shop#README.md",
  path: "README.md",
  resource_kind: "file",
  connector: "git",
  system: "git:shop",
  environment: "main",
  reversibility: "reversible",
  exposure: "none",
  privilege: "none",
  fields: [],
  surfaces: [],
  owners: ["@owner"],
  provenance: "derived",
  inspectable: true,
  added: 1,
  removed: 1,
};
export const CASE_BASE: JsonObject = {
  change: { id: "chg_000001", revision: 1, connectors: ["git"], operations: ["git.merge"] },
  proposer: { id: "agent:builder", kind: "agent", on_behalf_of: "human:ada", owner: "human:ada" },
  scope: {
    origin: "derived",
    systems: ["git:shop"],
    environments: ["main"],
    operations: ["create", "update", "delete"],
    resources: ["git:shop#**"],
    limits: {},
  },
  effects: [EFFECT],
  findings: [],
  evidence: [],
  unverified: [],
  undo: { planned: 1, manual: 0, impossible: 0 },
  time: { weekday: 3, hour: 10, minute: 0, unix: 1_767_780_000, calendars: [] },
  steps: [{ id: "step-1", connector: "git", operation: "git.merge", undo: "planned" }],
};
/** What an element of a list is merged over. */
const TEMPLATES: Readonly<Record<string, JsonObject>> = {
  Effect: EFFECT,
  Finding: { code: "example", severity: "warning", provenance: "derived" },
  Evidence: { topic: "example", provenance: "derived" },
  Unverified: { topic: "example" },
  Step: { id: "step-1", connector: "git", operation: "git.merge", undo: "planned" },
};

/** Elements of one list of a case's facts. */
const MOST_ITEMS = 1000;

/** The facts of a case: what it gives, merged over the base; what it leaves out follows from its effects. */
export function readCaseFacts(read: Reading, at: At): Facts | undefined {
  const before = read.faults.count;
  const merged = merge(read, at, FACTS, { ...CASE_BASE, summary: {} });
  if (!merged || read.faults.count > before) return undefined;
  const derived = memberOf(memberOf(at.node, "time"), "calendars");
  if (derived)
    return read.fault({ node: derived, path: `${at.path}.time.calendars` }, "calendars follow from the time", "give the case an `at`");
  const facts = merged as unknown as Facts;
  const given = memberOf(at.node, "effects");
  const effects = facts.effects.map((effect, i) => named(effect, given?.kind === "list" ? given.items[i] : undefined));
  const connectors = memberOf(at.node, "change") ? facts.change.connectors : sortedSet(effects.map(({ connector }) => connector));
  const steps = memberOf(at.node, "steps") ? facts.steps : stepsOf(effects, facts.steps);
  return { ...facts, steps, effects, change: { ...facts.change, connectors }, summary: { ...summaryOf(effects), ...facts.summary } };
}

/** Each step that has an effect; of what else is to be said of it, what the base says. */
const stepsOf = (effects: readonly EffectFacts[], base: Facts["steps"]): Facts["steps"] =>
  [...new Map(effects.map(({ step: id, connector }) => [id, connector]))].map(([id, connector]) => {
    const known = { operation: "git.merge", undo: "planned", ...base[0] };
    return { id, connector, operation: connector === "git" ? known.operation : `${connector}.change`, undo: known.undo };
  });

/** Resource and path say the same thing, so giving one gives both. */
function named(effect: EffectFacts, node: At["node"] | undefined): EffectFacts {
  const has = (key: string): boolean => memberOf(node, key) !== undefined;
  if (has("path") && !has("resource") && effect.path !== undefined) return { ...effect, resource: `${effect.system}#${effect.path}` };
  if (!has("resource") || has("path")) return effect;
  return { ...effect, path: pathOf(effect.resource) };
}

function merge(read: Reading, at: At, type: CelType, base: Json | undefined): Json | undefined {
  switch (type.kind) {
    case "message":
      return mergeMessage(read, at, type, base as JsonObject);
    case "list":
      return mergeList(read, at, type.of);
    case "map":
      return mergeMap(read, at, type.of);
    default:
      return scalar(read, at, type);
  }
}

function mergeMessage(read: Reading, at: At, type: MessageType, base: JsonObject): JsonObject | undefined {
  const entries = read.map(at, [], Object.keys(type.fields));
  if (!entries) return undefined;
  const result: JsonObject = { ...base };
  for (const [key, value] of entries) {
    const field = Object.hasOwn(type.fields, key) ? type.fields[key] : undefined;
    if (!field) continue;
    // Null takes an optional fact away that the base has.
    if (field.optional && value.node.kind === "scalar" && value.node.value === null) delete result[key];
    else result[key] = merge(read, value, field.type, base[key] ?? {}) ?? null;
  }
  return result;
}

function mergeList(read: Reading, at: At, of: CelType): Json[] | undefined {
  const template = of.kind === "message" ? (TEMPLATES[of.name] ?? {}) : {};
  const items = read.list(at, MOST_ITEMS, (item) => merge(read, item, of, template));
  return items && [...items];
}

function mergeMap(read: Reading, at: At, of: CelType): JsonObject | undefined {
  if (at.node.kind !== "map") return read.fault(at, `${at.path} must be a map`);
  return Object.fromEntries(
    at.node.entries.map(({ key, value }) => [key, merge(read, { node: value, path: join(at.path, key) }, of, {}) ?? null]),
  );
}

function scalar(read: Reading, at: At, type: CelType): Json | undefined {
  const value = at.node.kind === "scalar" ? at.node.value : undefined;
  const fits = type.kind === "int" ? Number.isSafeInteger(value) : typeof value === (type.kind === "bool" ? "boolean" : "string");
  if (typeof value === "string" && !value.isWellFormed()) return read.fault(at, `${at.path} holds half of a surrogate pair`);
  return fits ? value : read.fault(at, `${at.path} must be ${nameOf(type)}`);
}
