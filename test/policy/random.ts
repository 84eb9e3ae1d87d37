/**
 * Random cases: the engine against the reference, indexed and not. `node test/policy/random.ts --seed 1 --cases 1000000`
 * prints what it did, and the first case that differs, from which it can be run again.
 */
import assert from "node:assert/strict";
import { parseArgs } from "node:util";
import { checked, evaluate, firing, frozenAt, loadBundle, routeOf } from "../../src/core/policy/index.ts";
import type { Bundle, Facts, Route, Selector } from "../../src/core/policy/index.ts";
import { Random, bundle, facts } from "./generate.ts";
import { decide } from "./reference.ts";
import type { Answer, PlainSeat } from "./reference.ts";

/** Loading a bundle costs as much as judging a hundred changes, making facts as much as judging one. */
const FACTS_PER_BUNDLE = 250;
const BUNDLES_PER_FACTS = 4;
/** Of so many cases one is also evaluated with its trace, and without the index. */
const CLOSELY = 10;

export interface Report {
  readonly cases: number;
  readonly bundles: number;
  readonly outcomes: Readonly<Record<string, number>>;
  readonly errors: number;
}

/** Throws with the seed and the case's number at the first difference. */
export function runRandom(seed: number, cases: number): Report {
  const outcomes: Record<string, number> = {};
  let documents: readonly Facts[] = [];
  let bundles = 0;
  let errors = 0;
  for (let done = 0; done < cases;) {
    const random = new Random(seed + bundles);
    if (bundles % BUNDLES_PER_FACTS === 0) documents = Array.from({ length: FACTS_PER_BUNDLE }, () => facts(random));
    bundles++;
    const made = bundle(random);
    const loaded = loadBundle(JSON.stringify(made.data));
    assert(loaded.ok, `seed ${seed}: a generated bundle is refused: ${JSON.stringify(loaded.ok ? "" : loaded.error)}`);
    for (const document of documents.slice(0, cases - done)) {
      const wanted = decide(made.data, made.conditions, made.freezing, document);
      const where = (): string => `seed ${seed}, case ${done}: ${JSON.stringify({ rules: made.data.rules, document })}`;
      compare(loaded.value, document, wanted, done++ % CLOSELY === 0, where);
      outcomes[wanted.outcome] = (outcomes[wanted.outcome] ?? 0) + 1;
      if (wanted.fired.includes("builtin:rule-error")) errors++;
    }
  }
  return { cases, bundles, outcomes, errors };
}

function compare(loaded: Bundle, document: Facts, wanted: Answer, closely: boolean, where: () => string): void {
  try {
    const route = routeOf(loaded, document);
    const fired = firedBy(loaded, document, route);
    same(comparable(loaded, document, route, fired), wanted);
    if (!closely) return;
    const { route: again, trace } = evaluate(loaded, document);
    const told = trace.filter((rule) => rule.fired).map(({ rule }) => rule);
    assert.deepEqual([again, told.toSorted()], [route, fired]);
    assert.deepEqual(evaluate(loaded, document, { indexed: false }).route, route);
  } catch (error) {
    throw new Error(`the engine and the reference differ at ${where()}`, { cause: error });
  }
}

/** The reasons, and the rules that are none because they would have let the change pass. */
function firedBy(loaded: Bundle, document: Facts, route: Route): readonly string[] {
  const fit = checked(document);
  assert("facts" in fit);
  return [...new Set([...route.reasons.map(({ rule }) => rule), ...firing(loaded, fit)])].toSorted();
}

/** Equal texts are equal; what differs is looked at member by member. */
function same(answer: Answer, wanted: Answer): void {
  if (JSON.stringify(answer) !== JSON.stringify(wanted)) assert.deepEqual(answer, wanted);
}

function comparable(loaded: Bundle, document: Facts, route: Route, fired: readonly string[]): Answer {
  const freezes = (route.freezes ?? []).map(({ name }) => name);
  return {
    outcome: route.outcome,
    seats: route.seats.map(seat),
    holds: route.holds,
    freezes,
    frozen: frozenAt(loaded, freezes, document.time.unix * 1000).map(({ name }) => name),
    instructions: route.instructions.map(({ code }) => code),
    fired,
  };
}

function seat(of: Route["seats"][number]): PlainSeat {
  return { ...of, who: of.who.map((who) => JSON.stringify(written(who))).toSorted() };
}

/** A selector as a bundle writes it. */
function written(who: Selector): unknown {
  return who.kind === "owner" ? { owner: who.handle } : { [who.kind]: (who as unknown as Record<string, string>)[who.kind] };
}

if (import.meta.main) {
  const { values } = parseArgs({ options: { seed: { type: "string", default: "1" }, cases: { type: "string", default: "1000000" } } });
  const from = performance.now();
  const report = runRandom(Number(values.seed), Number(values.cases));
  console.log(
    `seed ${values.seed}: ${report.cases} cases of ${report.bundles} bundles, no difference, in ${((performance.now() - from) / 1000).toFixed(1)} s`,
  );
  console.log(`outcomes: ${JSON.stringify(report.outcomes)}; with a rule that could not be evaluated: ${report.errors}`);
}
