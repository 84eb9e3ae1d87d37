/** Random conditions over random facts: the compiled closures, @bufbuild/cel and cel-js's own evaluator. */
import assert from "node:assert/strict";
import test from "node:test";
import { CelScalar, celEnv, celFunc, isCelError, parse, plan } from "@bufbuild/cel";
import type { CelInput } from "@bufbuild/cel";
import { Environment } from "@marcbachmann/cel-js";
import { compileGlob } from "../../src/core/base/index.ts";
import { FACTS, cel, checked, profileOver } from "../../src/core/policy/index.ts";
import type { Facts } from "../../src/core/policy/index.ts";
import { Random, condition, facts, render } from "./generate.ts";

const SEED = 20261120;
const CONDITIONS = 2_000;
const FACTS_EACH = 4;
const ERROR = "error";
type Answer = boolean | typeof ERROR;

const profile = profileOver(FACTS.fields);

function globs(text: string, patterns: readonly string[]): boolean {
  return patterns.some((pattern) => {
    const glob = compileGlob(pattern);
    return glob.ok && glob.value.matches(text);
  });
}

const env = celEnv({
  funcs: [
    celFunc("glob", [CelScalar.STRING, CelScalar.DYN], CelScalar.BOOL, (text, given) =>
      globs(text, typeof given === "string" ? [given] : [...(given as Iterable<string>)]),
    ),
  ],
});
const interpreter = new Environment({ unlistedVariablesAreDyn: true })
  .registerFunction("glob(string, string): bool", (text: string, pattern: string) => globs(text, [pattern]))
  .registerFunction("glob(string, list<string>): bool", (text: string, patterns: string[]) => globs(text, patterns));

/** Ints as bigints, as both want them; what is absent is no member. */
function plain(value: unknown): unknown {
  if (typeof value === "number") return BigInt(value);
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).flatMap(([name, of]) => (of === undefined ? [] : [[name, plain(of)]])));
}

const maps = (value: unknown): CelInput =>
  Array.isArray(value)
    ? value.map(maps)
    : typeof value === "object" && value !== null
      ? new Map(Object.entries(value).map(([name, of]) => [name, maps(of)]))
      : (value as CelInput);

interface Three {
  readonly ours: Answer;
  readonly oracle: Answer;
  readonly celJs: Answer;
  readonly why: string;
}

function judge(text: string, documents: readonly Facts[]): readonly Three[] {
  const made = profile.condition(text);
  assert(made.ok, `${text}: ${made.ok ? "" : made.error[0]?.message}`);
  const planned = plan(env, parse(text));
  const parsed = interpreter.parse(text);
  return documents.map((document) => {
    const fit = checked(document);
    assert("facts" in fit);
    const value = made.value.run(fit.seen.facts);
    const bound = plain(document) as Record<string, unknown>;
    return {
      ours: typeof value === "boolean" ? value : ERROR,
      why: value instanceof cel.CelError ? value.message : "",
      oracle: answer(() => planned(Object.fromEntries(Object.entries(bound).map(([name, of]) => [name, maps(of)])))),
      celJs: answer(() => parsed(bound)),
    };
  });
}

function answer(evaluate: () => unknown): Answer {
  try {
    const value = evaluate();
    return isCelError(value) || typeof value !== "boolean" ? ERROR : value;
  } catch {
    return ERROR;
  }
}

test("[C25] [PO-17] random conditions: the closures, @bufbuild/cel and cel-js give one answer", (t) => {
  const random = new Random(SEED);
  const seen = { true: 0, false: 0, error: 0 };
  const differs: string[] = [];
  for (let i = 0; i < CONDITIONS; i++) {
    const text = render(condition(random, 3));
    const documents = Array.from({ length: FACTS_EACH }, () => facts(random));
    for (const { ours, oracle, celJs, why } of judge(text, documents)) {
      seen[String(ours) as keyof typeof seen]++;
      if (ours !== oracle) differs.push(`oracle ${oracle}, ours ${ours} ${why}: ${text}`);
      if (ours !== celJs) differs.push(`cel-js ${celJs}, ours ${ours} ${why}: ${text}`);
    }
  }
  t.diagnostic(`${CONDITIONS} conditions, ${CONDITIONS * FACTS_EACH} answers: ${JSON.stringify(seen)}`);
  assert.deepEqual(differs, []);
});
