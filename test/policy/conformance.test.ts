/**
 * The profile pawl-cel/1 against the conformance cases of the CEL specification, and against @bufbuild/cel as the oracle. A
 * case that the profile does not cover must be refused when it is loaded; every other must give the specified answer.
 */
import assert from "node:assert/strict";
import test from "node:test";
import { isCelError, isCelList, isCelMap, run } from "@bufbuild/cel";
import type { CelInput } from "@bufbuild/cel";
import type { ExprValue } from "@bufbuild/cel-spec/cel/expr/eval_pb.js";
import type { Value } from "@bufbuild/cel-spec/cel/expr/value_pb.js";
import type { Type } from "@bufbuild/cel-spec/cel/expr/checked_pb.js";
import { getConformanceSuite } from "@bufbuild/cel-spec/testdata/tests.js";
import type { IncrementalTest, IncrementalTestSuite } from "@bufbuild/cel-spec/testdata/tests.js";
import { cel, profileOver } from "../../src/core/policy/index.ts";

/** Cases of these sections that the profile runs, by section. A change of the profile or of the suite shows here. */
const COVERED: Readonly<Record<string, number>> = {
  "basic/functions": 1,
  "basic/reserved_const": 2,
  "basic/self_eval_nonzeroish": 12,
  "basic/self_eval_zeroish": 9,
  "basic/variables": 1,
  "comparisons/bound": 5,
  "comparisons/eq_literal": 21,
  "comparisons/gt_literal": 9,
  "comparisons/gte_literal": 14,
  "comparisons/in_list_literal": 3,
  "comparisons/in_map_literal": 3,
  "comparisons/lt_literal": 14,
  "comparisons/lte_literal": 13,
  "comparisons/ne_literal": 16,
  "fields/in": 4,
  "fields/map_fields": 8,
  "fields/qualified_identifier_resolution": 1,
  "integer_math/int64_math": 41,
  "lists/concatenation": 6,
  "lists/in": 4,
  "lists/index": 5,
  "lists/size": 4,
  "logic/AND": 8,
  "logic/NOT": 2,
  "logic/OR": 8,
  "logic/conditional": 3,
  "macros/all": 6,
  "macros/exists": 7,
  "macros/exists_one": 9,
  "macros/filter": 8,
  "macros/map": 5,
  "macros/nested": 2,
  "parse/nest": 3,
  "parse/repeat": 10,
  "parse/selectors": 17,
  "parse/string_literals": 80,
  "plumbing/eval_results": 2,
  "plumbing/min": 1,
  "string/concatenation": 9,
  "string/contains": 8,
  "string/ends_with": 7,
  "string/matches": 9,
  "string/size": 5,
  "string/starts_with": 7,
  "type_deductions/complex_initializers": 2,
  "type_deductions/constant_literals": 3,
  "type_deductions/functions": 1,
  "type_deductions/indexing": 2,
};

const ERROR = Symbol("error");
/** A value both sides can be brought to: ints as bigint, maps as sorted entries. Undefined when the profile has no such value. */
type Plain = boolean | bigint | string | readonly Plain[] | { readonly pairs: readonly (readonly [Plain, Plain])[] };
type Answer = Plain | typeof ERROR;

function plainValue(value: Value | undefined): Plain | undefined {
  const kind = value?.kind;
  switch (kind?.case) {
    case "boolValue":
    case "stringValue":
    case "int64Value":
      return kind.value;
    case "listValue":
      return all(kind.value.values.map(plainValue));
    case "mapValue":
      return plainMap(kind.value.entries.map(({ key, value: of }) => [plainValue(key), plainValue(of)]));
    default:
      return undefined;
  }
}

const all = (items: readonly (Plain | undefined)[]): readonly Plain[] | undefined =>
  items.every((item) => item !== undefined) ? items : undefined;

function plainMap(entries: readonly (readonly [Plain | undefined, Plain | undefined])[]): Plain | undefined {
  const known = entries.flatMap(([key, value]) => (key === undefined || value === undefined ? [] : [[key, value] as const]));
  if (known.length < entries.length) return undefined;
  return { pairs: known.toSorted(([a], [b]) => (keyText(a) < keyText(b) ? -1 : 1)) };
}

const keyText = (key: Plain): string => (typeof key === "object" ? "" : String(key));

/** What the profile answered. */
function plainOutcome(value: cel.Outcome): Answer {
  return value instanceof cel.CelError ? ERROR : plainOf(value);
}

function plainOf(value: cel.CelValue): Plain {
  if (typeof value === "number") return BigInt(value);
  if (Array.isArray(value)) return (value as readonly cel.CelValue[]).map(plainOf);
  if (value instanceof Map)
    return plainMap([...value].map(([key, of]) => [plainOf(key as cel.CelValue), plainOf(of as cel.CelValue)])) as Plain;
  return value as Plain;
}

/** What the oracle answered. */
function plainOracle(value: unknown): Answer | undefined {
  return isCelError(value) ? ERROR : plainOracleValue(value);
}

function plainOracleValue(value: unknown): Plain | undefined {
  if (typeof value === "boolean" || typeof value === "string" || typeof value === "bigint") return value;
  if (isCelList(value)) return all([...value].map(plainOracleValue));
  if (isCelMap(value)) return plainMap([...value.entries()].map(([key, of]) => [plainOracleValue(key), plainOracleValue(of)]));
  return undefined;
}

function typeOf(type: Type | undefined): cel.CelType | undefined {
  const kind = type?.typeKind;
  if (kind?.case === "primitive") return { 1: cel.BOOL, 2: cel.INT, 5: cel.STRING }[kind.value as number];
  if (kind?.case === "listType") {
    const of = typeOf(kind.value.elemType);
    return of && cel.listOf(of);
  }
  if (kind?.case === "mapType") {
    const key = typeOf(kind.value.keyType);
    const of = typeOf(kind.value.valueType);
    return key && of && cel.mapOf(key, of);
  }
  return undefined;
}

interface Setting {
  readonly fields: cel.Fields;
  readonly facts: cel.CelMessage;
  readonly oracle: Record<string, CelInput>;
}

/** Facts are plain names: dotted ones, and the containers that would resolve them, are not part of the profile. */
const IDENTIFIER = /^[a-z_][a-z0-9_]*$/i;

/** Declarations and bindings of a case; undefined when the profile cannot hold one of them. */
function settingOf({ original }: IncrementalTest): Setting | undefined {
  const fields: Record<string, cel.Field> = {};
  for (const declared of original.typeEnv) {
    const type = declared.declKind.case === "ident" ? typeOf(declared.declKind.value.type) : undefined;
    if (!type || !IDENTIFIER.test(declared.name)) return undefined;
    fields[declared.name] = { type, optional: true, doc: "" };
  }
  const bound = Object.entries(original.bindings).map(([name, value]) => [name, exprValue(value)] as const);
  if (bound.some(([name, value]) => value === undefined || !fields[name])) return undefined;
  return {
    fields,
    facts: Object.fromEntries(bound.map(([name, value]) => [name, factOf(value as Plain)])),
    oracle: Object.fromEntries(bound.map(([name, value]) => [name, oracleOf(value as Plain)])),
  };
}

const exprValue = (value: ExprValue): Plain | undefined => (value.kind.case === "value" ? plainValue(value.kind.value) : undefined);

function factOf(value: Plain): cel.CelValue {
  if (typeof value === "bigint") return Number.isSafeInteger(Number(value)) ? Number(value) : value;
  if (typeof value !== "object") return value;
  if ("pairs" in value) return new Map(value.pairs.map(([key, of]) => [factOf(key), factOf(of)]));
  return value.map(factOf);
}

function oracleOf(value: Plain): CelInput {
  if (typeof value !== "object") return value;
  if ("pairs" in value) return new Map(value.pairs.map(([key, of]) => [key as string, oracleOf(of)]));
  return value.map(oracleOf);
}

type Verdict =
  | { readonly kind: "refused" }
  | { readonly kind: "same" }
  | { readonly kind: "differs"; readonly expr: string; readonly wanted: unknown; readonly ours: unknown; readonly oracle: unknown };

function judge(one: IncrementalTest): Verdict {
  const { expr, resultMatcher, disableMacros } = one.original;
  const setting = settingOf(one);
  if (!setting || disableMacros) return { kind: "refused" };
  const made = profileOver(setting.fields).compile(expr);
  if (!made.ok) return { kind: "refused" };
  const ours = plainOutcome(made.value.run(setting.facts));
  const wanted = resultMatcher.case === "value" ? plainValue(resultMatcher.value) : resultMatcher.case === "evalError" ? ERROR : undefined;
  const oracle = plainOracle(run(expr, setting.oracle));
  const same = equal(ours, oracle) && (wanted === undefined || equal(ours, wanted));
  return same ? { kind: "same" } : { kind: "differs", expr, wanted, ours, oracle };
}

function equal(a: Answer | undefined, b: Answer | undefined): boolean {
  try {
    assert.deepEqual(a, b);
    return true;
  } catch {
    return false;
  }
}

type Section = readonly [name: string, cases: readonly IncrementalTest[]];

function sectionsOf({ tests, suites }: IncrementalTestSuite, path: readonly string[]): readonly Section[] {
  const here: readonly Section[] = tests.length > 0 ? [[path.join("/"), tests]] : [];
  return [...here, ...suites.flatMap((inner) => sectionsOf(inner, [...path, inner.name]))];
}

const sections = sectionsOf(getConformanceSuite(), []);

for (const [section, cases] of sections) {
  const covered = COVERED[section] ?? 0;
  test(`[PO-17] ${section}: ${covered} cases give the answer of the specification and the oracle, and ${cases.length - covered} are refused at load`, () => {
    const verdicts = cases.map(judge);
    assert.deepEqual(
      verdicts.filter(({ kind }) => kind === "differs"),
      [],
    );
    assert.equal(verdicts.filter(({ kind }) => kind === "same").length, covered);
  });
}

test("[PO-17] the sections said to be covered are in the suite, each once", () => {
  const names = sections.map(([name]) => name);
  assert.equal(new Set(names).size, names.length);
  assert.deepEqual(
    Object.keys(COVERED).filter((name) => !names.includes(name)),
    [],
  );
});
