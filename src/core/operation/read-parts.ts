import { EFFECT_KINDS } from "../plan/index.ts";
import { jsonOf } from "../yaml/index.ts";
import type { At } from "../yaml/index.ts";
import { MEMBER, MOST, OPERATION } from "./reading.ts";
import type { Declaring, Names } from "./reading.ts";
import type { EffectMapping, Expectation, ItemParameter, OperationTest, Parameter, UndoDeclaration } from "./types.ts";

const TYPES = ["string", "integer", "boolean", "money", "list"] as const;

export function readParameters(d: Declaring, at: At | undefined): Readonly<Record<string, Parameter>> | undefined {
  return d.record(at, MEMBER, (each) => readParameter(d, each));
}

function readParameter(d: Declaring, at: At): Parameter | undefined {
  const type = d.read.oneOf(typeOf(at), TYPES);
  switch (type) {
    case "boolean":
      return d.read.map(at, ["type"]) && { type };
    case "list": {
      const entries = d.read.map(at, ["type", "of", "max_items"]);
      const inner = entries?.get("of");
      const of = inner && readItem(d, inner);
      const maxItems = d.read.count(entries?.get("max_items"), 1, 1_000);
      return of === undefined || maxItems === undefined ? undefined : { type, of, maxItems };
    }
    case undefined:
      return typeOf(at) === undefined ? d.read.fault(at, `${at.path} must be a map with a type`) : undefined;
    default:
      return readItem(d, at);
  }
}

const typeOf = (at: At): At | undefined => {
  const node = at.node.kind === "map" ? at.node.entries.find(({ key }) => key === "type")?.value : undefined;
  return node && { node, path: `${at.path}.type` };
};

function readItem(d: Declaring, at: At): ItemParameter | undefined {
  const type = d.read.oneOf(typeOf(at), ["string", "integer", "money"] as const);
  if (type === "string") return readString(d, at);
  if (type === "integer") {
    const entries = d.read.map(at, ["type", "min", "max"]);
    const limit = Number.MAX_SAFE_INTEGER;
    const [min, max] = [d.read.count(entries?.get("min"), -limit, limit), d.read.count(entries?.get("max"), -limit, limit)];
    return min === undefined || max === undefined ? undefined : { type, min, max };
  }
  if (type === "money") {
    const entries = d.read.map(at, ["type", "max"], ["digits"]);
    const max = d.read.count(entries?.get("max"), 0, 1e12);
    const digits = entries?.has("digits") === true ? d.read.count(entries.get("digits"), 0, 6) : 2;
    return max === undefined || digits === undefined ? undefined : { type, digits, max };
  }
  return typeOf(at) === undefined ? d.read.fault(at, `${at.path} must be a map with a type`) : undefined;
}

function readString(d: Declaring, at: At): ItemParameter | undefined {
  const entries = d.read.map(at, ["type"], ["pattern", "one_of", "max_length", "lines"]);
  if (entries === undefined) return undefined;
  const pattern = d.optional(entries.get("pattern"), (each) => d.pattern(each));
  const oneOf = d.optional(entries.get("one_of"), (each) => d.read.list(each, MOST.list, (item) => d.read.text(item, 500)));
  const maxLength = entries.has("max_length") ? d.read.count(entries.get("max_length"), 1, 10_000) : 200;
  const lines = d.flag(entries.get("lines"));
  if (maxLength === undefined || lines === undefined) return undefined;
  return {
    type: "string",
    maxLength,
    ...(pattern === undefined ? {} : { pattern }),
    ...(oneOf === undefined ? {} : { oneOf }),
    ...(lines && { lines }),
  };
}

const REVERSIBILITY = ["reversible", "compensable", "irreversible", "unknown"] as const;
const EXPOSURE = ["none", "internal", "external", "public", "unknown"] as const;
const PRIVILEGE = ["none", "gained", "lost", "unknown"] as const;

/** What is not said of an effect is not known of it. */
export function readEffect(d: Declaring, at: At | undefined, names: Names): EffectMapping | undefined {
  const entries =
    at &&
    d.read.map(
      at,
      ["kind", "resource"],
      ["resource_kind", "reversibility", "exposure", "privilege", "owners", "surfaces", "amounts", "audience"],
    );
  if (!entries) return undefined;
  const or = <T extends string>(key: string, words: readonly T[], otherwise: T): T | undefined =>
    entries.has(key) ? d.read.oneOf(entries.get(key), words) : otherwise;
  const made = {
    kind: d.read.oneOf(entries.get("kind"), EFFECT_KINDS),
    resource: d.template(entries.get("resource"), names, PATH_TEXT),
    resourceKind: entries.has("resource_kind") ? d.read.text(entries.get("resource_kind"), 100) : "resource",
    reversibility: or("reversibility", REVERSIBILITY, "unknown"),
    exposure: or("exposure", EXPOSURE, "unknown"),
    privilege: or("privilege", PRIVILEGE, "unknown"),
    owners: d.texts(entries.get("owners"), MOST.list, (item) => d.read.text(item, 200)),
    surfaces: d.texts(entries.get("surfaces"), MOST.list, (item) => d.read.text(item, 64)),
    amounts: d.record(entries.get("amounts"), /^(money|recipients|rows)$/, (each) => d.json(each, names)),
  };
  const audience = d.optional(entries.get("audience"), (each) => d.template(each, names));
  if (Object.values(made).includes(undefined)) return undefined;
  return { ...(made as EffectMapping), ...(audience === undefined ? {} : { audience }) };
}

/** Characters of a path as they may stand in a request, placeholders among them; no query, no fragment, no backslash. */
export const PATH_TEXT = /^([A-Za-z0-9._~!$&'()*+,;=:@/{}-]|%[0-9A-F]{2})+$/;

export function readExpectation(d: Declaring, at: At, names: Names, fields: readonly string[]): Expectation | undefined {
  const entries = d.read.map(at, [], ["absent", "fields"]);
  const gone = d.flag(entries?.get("absent"));
  const expected = d.record(entries?.get("fields"), MEMBER, (each, name) =>
    fields.includes(name) ? d.json(each, names) : d.read.fault(each, `${each.path}: the probe selects no field ${name}`),
  );
  if (gone === undefined || expected === undefined) return undefined;
  const said = Object.keys(expected).length > 0;
  if (gone === said) return d.read.fault(at, `${at.path} must name fields, or say absent: true`);
  return { present: !gone, fields: expected };
}

/** Whether the operation is there, and takes these arguments, is seen once all operations are read. */
export function readUndo(d: Declaring, at: At | undefined, names: Names): UndoDeclaration | undefined {
  if (at === undefined) return { kind: "impossible", text: "nothing is declared that would take it back" };
  const entries = d.read.map(at, [], ["operation", "arguments", "manual", "impossible"]);
  if (entries === undefined) return undefined;
  const [first, second] = ["operation", "manual", "impossible"].filter((key) => entries.has(key));
  if (first === undefined || second !== undefined) return d.read.fault(at, `${at.path} must have one of operation, manual and impossible`);
  if (first === "operation") {
    const operation = d.read.text(entries.get("operation"), 64, OPERATION);
    const given = d.record(entries.get("arguments"), MEMBER, (each) => d.json(each, names));
    return operation === undefined || given === undefined ? undefined : { kind: "operation", operation, arguments: given };
  }
  const text = d.read.text(entries.get(first), MOST.text);
  return text === undefined ? undefined : { kind: first === "manual" ? "manual" : "impossible", text };
}

const EXPECTED = {
  http: ["request", "probe", "state", "undo", "resource", "refused"],
  command: ["argv", "probe", "state", "undo", "resource", "refused"],
} as const;

export function readTests(d: Declaring, at: At | undefined, connector: "http" | "command"): readonly OperationTest[] | undefined {
  const tests = d.read.list(at, MOST.tests, (each) => readTest(d, each, connector));
  if (at !== undefined && tests?.length === 0) return d.read.fault(at, `${at.path} is empty`, "say what one set of arguments must come to");
  return tests;
}

function readTest(d: Declaring, at: At, connector: "http" | "command"): OperationTest | undefined {
  const entries = d.read.map(at, ["name", "arguments", "expect"], ["before"]);
  const name = d.read.text(entries?.get("name"), 200);
  const given = entries?.get("arguments");
  const expectAt = entries?.get("expect");
  const expected = expectAt && d.read.map(expectAt, [], EXPECTED[connector]);
  const beforeAt = entries?.get("before");
  const before = beforeAt && d.read.map(beforeAt, [], connector === "http" ? ["status", "body"] : ["exit", "output"]);
  if (expectAt && expected?.size === 0) d.read.fault(expectAt, `${expectAt.path} expects nothing`);
  if (name === undefined || given === undefined || !expected || (beforeAt && !before)) return undefined;
  const plain = (map: ReadonlyMap<string, At>) => Object.fromEntries([...map].map(([key, { node }]) => [key, jsonOf(node)]));
  return { name, arguments: jsonOf(given.node), expect: plain(expected), ...(before ? { before: plain(before) } : {}) };
}
