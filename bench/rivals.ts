/**
 * The same rules in the languages of those who could judge them instead, each used as its documentation says to where speed counts:
 * parsed, checked and compiled before, and the facts in the form that it likes best.
 */
import cedar from "@cedar-policy/cedar-wasm/nodejs";
import { celEnv, celList, celMap, parse, plan } from "@bufbuild/cel";
import type { CelInput } from "@bufbuild/cel";
import { Environment } from "@marcbachmann/cel-js";
import { LogicEngine } from "json-logic-engine";
import { checked, firing } from "../src/core/policy/index.ts";
import type { Facts } from "../src/core/policy/index.ts";
import { bundle } from "../src/testing/policy.ts";
import type { BenchRule, Test } from "./rules.ts";

/** The ids of the rules that hold, in order. */
export type Judge = () => readonly string[];
export type Rival = (rules: readonly BenchRule[], facts: Facts) => Judge;

type Group = Readonly<Record<string, string | number | boolean | readonly string[]>>;
const GROUPS = ["change", "proposer", "scope", "summary"] as const;
type Groups = Readonly<Record<(typeof GROUPS)[number], Group>>;

/** What the rules look at. */
function groupsOf({ change, proposer, scope, summary }: Facts): Groups {
  const { limits: _, ...plain } = scope;
  return { change, proposer, scope: plain, summary };
}

function those<T>(rules: readonly BenchRule[], made: readonly T[], holds: (one: T) => boolean): Judge {
  const ids = rules.map(({ id }) => id);
  return () => {
    const found: string[] = [];
    for (let i = 0; i < made.length; i++) if (holds(made[i] as T)) found.push(ids[i] as string);
    return found;
  };
}

/** As CEL, which Cedar's conditions are nearly, too. */
function celOf(test: Test): string {
  switch (test.op) {
    case "is":
      return `${test.fact} == ${JSON.stringify(test.value)}`;
    case "oneOf":
      return `${test.fact} in ${JSON.stringify(test.values)}`;
    case "holds":
      return `${JSON.stringify(test.value)} in ${test.fact}`;
    case "over":
      return `${test.fact} > ${test.value}`;
    case "not":
      return `!(${celOf(test.of)})`;
    default:
      return `(${test.of.map(celOf).join(test.op === "all" ? " && " : " || ")})`;
  }
}

/** From outside, through its door: a bundle of text, and facts that were checked. */
export const pawl: Rival = (rules, facts) => {
  const of = bundle(rules.map(({ id, test }) => ({ id, outcome: "review", when: celOf(test) })));
  const fit = checked(facts);
  if (!("facts" in fit)) throw new Error(fit.message);
  return () => firing(of, fit);
};

export const closures: Rival = (rules, facts) =>
  those(
    rules,
    rules.map(({ byHand }) => byHand),
    (holds) => holds(facts),
  );

/** Typed, checked, parsed before; facts are instances of the declared types, and ints bigints, so that nothing is converted. */
export const celJs: Rival = (rules, facts) => {
  const environment = new Environment();
  const context: Record<string, object> = {};
  for (const [group, members] of Object.entries(groupsOf(facts))) {
    const ctor = function (this: object) {} as unknown as new () => object;
    const fields = Object.fromEntries(Object.entries(members).map(([name, value]) => [name, celJsType(value)]));
    environment.registerType(`T_${group}`, { ctor, fields }).registerVariable(group, `T_${group}`);
    context[group] = Object.assign(new ctor(), withBigints(members));
  }
  const made = rules.map(({ test }) => {
    const parsed = environment.parse(celOf(test));
    if (!parsed.check().valid) throw new Error(`cel-js refuses ${celOf(test)}`);
    return parsed;
  });
  return those(rules, made, (condition) => condition(context) === true);
};

const celJsType = (value: Group[string]): string =>
  Array.isArray(value) ? "list<string>" : typeof value === "number" ? "int" : typeof value === "boolean" ? "bool" : "string";
const withBigints = (members: Group): Record<string, unknown> =>
  Object.fromEntries(Object.entries(members).map(([name, value]) => [name, typeof value === "number" ? BigInt(value) : value]));

export const bufbuild: Rival = (rules, facts) => {
  const env = celEnv();
  const context: Record<string, CelInput> = {};
  for (const [group, members] of Object.entries(groupsOf(facts))) {
    const entries = Object.entries(withBigints(members)) as [string, CelInput][];
    context[group] = celMap(new Map(entries.map(([name, value]) => [name, Array.isArray(value) ? celList(value) : value])));
  }
  return those(
    rules,
    rules.map(({ test }) => plan(env, parse(celOf(test)))),
    (condition) => condition(context) === true,
  );
};

/** Compiled to functions, one for each rule, which is faster than one for all. */
export const jsonLogic: Rival = (rules, facts) => {
  const engine = new LogicEngine();
  const groups = groupsOf(facts);
  return those(
    rules,
    rules.map(({ test }) => engine.build(logicOf(test)) as (facts: Groups) => unknown),
    (condition) => condition(groups) === true,
  );
};

function logicOf(test: Test): unknown {
  switch (test.op) {
    case "is":
      return { "===": [{ var: test.fact }, test.value] };
    case "oneOf":
      return { in: [{ var: test.fact }, test.values] };
    case "holds":
      return { in: [test.value, { var: test.fact }] };
    case "over":
      return { ">": [{ var: test.fact }, test.value] };
    case "not":
      return { "!": [logicOf(test.of)] };
    default:
      return { [test.op === "all" ? "and" : "or"]: test.of.map(logicOf) };
  }
}

/** A set of policies parsed before; each is a permission, so that the answer names all that hold. */
export const cedarWasm: Rival = (rules, facts) => {
  const staticPolicies = Object.fromEntries(
    rules.map(({ id, test }) => [id, `permit(principal, action, resource) when { ${cedarOf(test)} };`]),
  );
  const set = `bench-${rules.length}`;
  const parsed = cedar.preparsePolicySet(set, { staticPolicies });
  if (parsed.type === "failure") throw new Error(JSON.stringify(parsed.errors));
  const order = new Map(rules.map(({ id }, i) => [id, i]));
  const uid = (type: string): { type: string; id: string } => ({ type, id: "one" });
  const call = {
    principal: uid("Agent"),
    action: uid("Action"),
    resource: uid("Change"),
    context: groupsOf(facts) as never,
    preparsedPolicySetId: set,
    entities: [],
  };
  return () => {
    const answer = cedar.statefulIsAuthorized(call);
    if (answer.type === "failure") throw new Error(JSON.stringify(answer.errors));
    return answer.response.diagnostics.reason.toSorted((a, b) => (order.get(a) ?? 0) - (order.get(b) ?? 0));
  };
};

function cedarOf(test: Test): string {
  switch (test.op) {
    case "oneOf":
      return `${JSON.stringify(test.values)}.contains(context.${test.fact})`;
    case "holds":
      return `context.${test.fact}.contains(${JSON.stringify(test.value)})`;
    case "not":
      return `!(${cedarOf(test.of)})`;
    case "all":
    case "any":
      return `(${test.of.map(cedarOf).join(test.op === "all" ? " && " : " || ")})`;
    default:
      return `context.${celOf(test)}`;
  }
}
