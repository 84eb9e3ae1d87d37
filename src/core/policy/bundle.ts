import { digestJson, fail, ok } from "../base/index.ts";
import type { Digest, Result } from "../base/index.ts";
import { Faults, Reading, jsonOf, memberOf, placeInScalar, readYaml } from "../yaml/index.ts";
import type { At } from "../yaml/index.ts";
import { indexOf } from "./candidates.ts";
import type { RuleIndex } from "./candidates.ts";
import { readCaseFacts } from "./cases.ts";
import { Patterns } from "./cel/pattern.ts";
import { PROFILE } from "./cel/profile.ts";
import type { CaseDefinition, CaseExpectation, Definition, RuleDefinition } from "./definition.ts";
import type { Facts } from "./facts.ts";
import { FACTS_PROFILE, FLOOR, surfaceRule } from "./floor.ts";
import type { FloorRule, Judged } from "./floor.ts";
import { MOST, readDefaults, readExpectation, readRule, readSurface } from "./shape.ts";
import { surfaceOf } from "./surfaces.ts";
import type { Surface } from "./surfaces.ts";
import type { BundleFault } from "./types.ts";

const BUNDLE_SCHEMA = "policy/v1";

export interface Rule extends RuleDefinition, Judged {}

export interface Case {
  readonly name: string;
  readonly facts: Facts;
  readonly expect: CaseExpectation;
}

/** A policy, checked and compiled. It never changes: another policy is another bundle with another digest. */
export interface Bundle {
  readonly name: string;
  /** Of everything the text says, cases included, and the profile that reads it. Comments and layout do not count. */
  readonly digest: Digest;
  readonly definition: Definition;
  readonly rules: readonly Rule[];
  readonly floor: readonly FloorRule[];
  readonly surfaces: readonly Surface[];
  readonly cases: readonly Case[];
  readonly index: RuleIndex;
}

/** A whole bundle or every fault of its text. With `expected`, a text that is torn, rolled back or swapped is refused too. */
export function loadBundle(text: string, expected?: Digest): Result<Bundle, readonly BundleFault[]> {
  const faults = new Faults(text, { prefix: "bundle", noun: "a bundle" });
  const root = readYaml(faults);
  const bundle = root.ok ? readBundle(new Reading(faults), new Patterns(), { node: root.value, path: "" }) : undefined;
  if (bundle && faults.count === 0 && expected !== undefined && bundle.digest !== expected) {
    faults.add(
      0,
      "digest",
      `the text is not the bundle ${expected}: its digest is ${bundle.digest}`,
      undefined,
      "load the whole text of the version that is in force",
    );
  }
  return bundle && faults.count === 0 ? ok(bundle) : fail(faults.sorted());
}

function readBundle(read: Reading, patterns: Patterns, at: At): Bundle | undefined {
  const entries = read.map(at, ["pawl", "name", "defaults", "rules"], ["surfaces", "cases"]);
  if (!entries) return undefined;
  read.oneOf(entries.get("pawl"), [BUNDLE_SCHEMA]);
  const name = read.text(entries.get("name"), 64);
  const surfaceAt = entries.get("surfaces");
  const surfaces = surfaceAt ? read.list(surfaceAt, MOST.surfaces, readSurface(read, patterns)) : [];
  const defaults = readDefaults(read, entries.get("defaults"));
  const rules = read.list(entries.get("rules"), MOST.rules, compiledRule(read, patterns));
  const caseAt = entries.get("cases");
  const cases = caseAt ? read.list(caseAt, MOST.cases, readCase(read)) : [];
  unique(read, surfaceAt, "name");
  unique(read, entries.get("rules"), "id");
  unique(read, caseAt, "name");
  if (name === undefined || !surfaces || !defaults || !rules || !cases) return undefined;
  const definition: Definition = { name, surfaces, defaults, rules: rules.map(plainRule), cases: cases.map(({ definition: own }) => own) };
  const floor = [...FLOOR, ...surfaces.map((surface) => surfaceRule(surface.name))];
  return {
    name,
    digest: digestJson({ schema: BUNDLE_SCHEMA, profile: PROFILE, definition }),
    definition,
    rules,
    floor,
    surfaces: surfaces.map(surfaceOf),
    cases: cases.map(({ facts, definition: own }) => ({ name: own.name, facts, expect: own.expect })),
    index: indexOf(rules.map((rule) => rule.condition)),
  };
}

function plainRule({ id, outcome, when, reason, seats, instruction, holds }: Rule): RuleDefinition {
  return { id, outcome, when, reason, seats, holds, ...(instruction ? { instruction } : {}) };
}

const compiledRule =
  (read: Reading, patterns: Patterns) =>
  (at: At): Rule | undefined => {
    const rule = readRule(read)(at);
    const when = memberOf(at.node, "when");
    if (when?.kind !== "scalar" || typeof when.value !== "string") return undefined;
    const condition = FACTS_PROFILE.condition(when.value, patterns);
    if (condition.ok) return rule && { ...rule, condition: condition.value };
    for (const { message, start } of condition.error) {
      read.faults.add(placeInScalar(read.faults.text, when, start), "condition", message, `${at.path}.when`);
    }
    return undefined;
  };

const readCase =
  (read: Reading) =>
  (at: At): { readonly facts: Facts; readonly definition: CaseDefinition } | undefined => {
    const entries = read.map(at, ["name", "expect"], ["facts"]);
    const given = entries?.get("facts");
    const name = read.text(entries?.get("name"), 200);
    const expect = readExpectation(read, entries?.get("expect"));
    const facts = readCaseFacts(read, given ?? { node: { kind: "map", at: at.node.at, entries: [] }, path: at.path });
    if (name === undefined || !expect || !facts) return undefined;
    return { facts, definition: { name, facts: given ? jsonOf(given.node) : {}, expect } };
  };

function unique(read: Reading, at: At | undefined, key: string): void {
  if (at?.node.kind !== "list") return;
  const seen = new Set<unknown>();
  for (const [i, node] of at.node.items.entries()) {
    const value = memberOf(node, key);
    if (value?.kind !== "scalar") continue;
    if (seen.has(value.value)) read.fault({ node: value, path: `${at.path}[${i}].${key}` }, `${String(value.value)} stands twice`);
    seen.add(value.value);
  }
}
