import { canonical, type Json } from "../../core/base/index.ts";
import {
  operationName,
  type CommandOperation,
  type Declarations,
  type HttpOperation,
  type Operation,
  type System,
} from "../../core/operation/index.ts";
import type { Effect, EffectKind, Finding, Severity } from "../../core/plan/index.ts";

interface Declared {
  readonly system: System;
  readonly operation: Operation;
}

const MOST = 200;
const TEXT = 300;

function byName({ systems }: Declarations): ReadonlyMap<string, Declared> {
  const all = systems.flatMap((system) => (system.operations as readonly Operation[]).map((operation) => ({ system, operation })));
  return new Map(all.map((each) => [operationName(each.system, each.operation), each]));
}

/** One operation as a whole, with what it has from its system. */
function wholeOf({ system, operation }: Declared): Json {
  const { operations: _, ...around } = system;
  return JSON.parse(canonical({ system: around, operation })) as Json;
}

/** One effect for each operation that comes, goes or becomes another. */
export function declarationEffects(before: Declarations, after: Declarations): readonly Effect[] {
  const [old, next] = [byName(before), byName(after)];
  return [...new Set([...old.keys(), ...next.keys()])].toSorted().flatMap((name) => {
    const [was, is] = [old.get(name), next.get(name)];
    const [a, b] = [was && wholeOf(was), is && wholeOf(is)];
    if (a !== undefined && b !== undefined)
      return canonical(a) === canonical(b) ? [] : [effect("update", name, `${name} becomes another operation`, a, b)];
    return a === undefined
      ? [effect("create", name, `${name} may be asked for`, a, b)]
      : [effect("delete", name, `${name} may no longer be asked for`, a, b)];
  });
}

function effect(
  kind: EffectKind & ("create" | "update" | "delete"),
  name: string,
  summary: string,
  before: Json | undefined,
  after: Json | undefined,
): Effect {
  const side = (key: "before" | "after", value: Json | undefined) =>
    value === undefined ? {} : { [key]: { kind: "json" as const, value } };
  return {
    kind,
    resource: `pawl:connectors#${name}`,
    resourceKind: "operation",
    system: "pawl",
    environment: "control",
    summary,
    fields: [{ path: "declaration", ...side("before", before), ...side("after", after) }],
    detail: { kind: "none" },
    reversibility: "reversible",
    exposure: "internal",
    privilege: kind === "delete" ? "lost" : "gained",
    surfaces: ["pawl"],
    owners: [],
    provenance: "derived",
  };
}

interface Difference {
  readonly code: string;
  readonly severity: Severity;
  readonly message: string;
}

/** What reaches further than before, or is looked at less, so that none of it hides in a long text. */
export function declarationFindings(before: Declarations, after: Declarations): readonly Finding[] {
  const all = [...systemDifferences(before, after), ...operationDifferences(byName(before), byName(after))];
  const rest = all.length - MOST;
  const more: Difference = { code: "more", severity: "danger", message: `and ${rest} more differences: read the whole text` };
  return [...all.slice(0, MOST), ...(rest > 0 ? [more] : [])].map(({ code, ...one }) => ({
    code: `pawl.${code}`,
    ...one,
    resource: "pawl:connectors",
    provenance: "derived",
  }));
}

function systemDifferences(before: Declarations, after: Declarations): readonly Difference[] {
  const old = new Map(before.systems.map((system) => [`${system.connector}/${system.name}`, system]));
  return after.systems.flatMap((system) => {
    const name = `${system.connector}/${system.name}`;
    const was = old.get(name);
    const environment =
      was === undefined || was.environment === system.environment
        ? []
        : [changed("environment", name, "its environment", was.environment, system.environment)];
    if (system.connector !== "http") return environment;
    const known = was?.connector === "http" ? was : undefined;
    const sends = (key: "credential" | "readCredential", what: string) =>
      known?.[key] === system[key] || system[key] === undefined ? [] : [changed("credential", name, what, known?.[key], system[key])];
    return [
      ...environment,
      ...(known?.origin === system.origin ? [] : [changed("host", name, "the host it talks to", known?.origin, system.origin)]),
      ...sends("credential", "the credential that it sends"),
      ...sends("readCredential", "the credential with which it looks"),
    ];
  });
}

const changed = (
  code: string,
  name: string,
  what: string,
  a: Json | undefined,
  b: Json | undefined,
  severity: Severity = "danger",
): Difference => ({
  code: `operation_${code}`,
  severity,
  message: `${name}: ${what} was ${clipped(said(a))} and becomes ${clipped(said(b))}`,
});

function operationDifferences(old: ReadonlyMap<string, Declared>, next: ReadonlyMap<string, Declared>): readonly Difference[] {
  return [...next].flatMap(([name, { system, operation }]) => {
    const was = old.get(name)?.operation;
    if (was === undefined) return unwatched(name, operation);
    const judge = (code: string, what: string, key: keyof Operation, severity: Severity = "danger"): readonly Difference[] =>
      said(was[key] as unknown as Json) === said(operation[key] as unknown as Json)
        ? []
        : [changed(code, name, what, was[key] as unknown as Json, operation[key] as unknown as Json, severity)];
    return [
      ...judge("probe", "how the state is looked at", "probe"),
      ...judge("verify", "what must be so afterwards", "verify"),
      ...judge("undo", "what takes it back", "undo"),
      ...judge("parameters", "what it takes", "parameters"),
      ...judge("effect", "the effect it is said to have", "effect"),
      ...(system.connector === "http" ? httpDifferences(name, was, operation) : commandDifferences(name, was, operation)),
      ...judge("tests", "its tests", "tests", "warning"),
    ];
  });
}

/** A new operation is shown whole; what it lacks is not in it to be seen. */
function unwatched(name: string, operation: Operation): readonly Difference[] {
  const lacks = (["probe", "verify"] as const).filter((key) => operation[key] === undefined);
  return lacks.map((key) => ({ code: `operation_${key}`, severity: "warning", message: `${name} is new and has no ${key}` }));
}

function httpDifferences(name: string, was: Operation, now: Operation): readonly Difference[] {
  const [a, b] = [was as HttpOperation, now as HttpOperation];
  return parts(name, [
    ["compare", "what keeps two writers apart", a.compare, b.compare],
    ["request", "what it asks", a.request, b.request],
    ["idempotency", "its idempotency key", a.idempotency, b.idempotency],
  ]);
}

function commandDifferences(name: string, was: Operation, now: Operation): readonly Difference[] {
  const [a, b] = [was as CommandOperation, now as CommandOperation];
  return parts(name, [
    ["run", "what it runs", a.run, b.run],
    ["verify", "the command that must succeed afterwards", a.check, b.check],
    ["environment", "what it is given", [a.env, a.pass, a.files, a.directory], [b.env, b.pass, b.files, b.directory]],
  ]);
}

const parts = (name: string, all: readonly (readonly [code: string, what: string, a: unknown, b: unknown])[]): readonly Difference[] =>
  all.flatMap(([code, what, a, b]) =>
    said(a as Json) === said(b as Json) ? [] : [changed(code, name, what, a as Json | undefined, b as Json | undefined)],
  );

const said = (value: Json | undefined): string =>
  value === undefined ? "nothing" : typeof value === "string" ? value : canonical(JSON.parse(JSON.stringify(value)));
const clipped = (text: string): string => (text.length <= TEXT ? text : `${text.slice(0, TEXT - 1).toWellFormed()}…`);
