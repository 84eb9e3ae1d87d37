/**
 * Random cases: the engine against the reference, indexed and not. `node test/policy/random.ts --seed 1 --cases 1000000`
 * prints what it did, and the first case that differs, from which it can be run again.
 */
import assert from "node:assert/strict";
import { parseArgs } from "node:util";
import { evaluate, loadBundle, routeOf } from "../../src/core/policy/index.ts";
import type { Bundle, Evaluation, Facts, Route, Selector } from "../../src/core/policy/index.ts";
import { Random, bundle, facts } from "./generate.ts";
import { decide } from "./reference.ts";
import type { Answer, PlainSeat } from "./reference.ts";

const FACTS_PER_BUNDLE = 40;

export interface Report {
  readonly cases: number;
  readonly bundles: number;
  readonly outcomes: Readonly<Record<string, number>>;
  readonly errors: number;
}

/** Throws with the seed and the case's number at the first difference. */
export function runRandom(seed: number, cases: number): Report {
  const outcomes: Record<string, number> = {};
  let bundles = 0;
  let errors = 0;
  for (let done = 0; done < cases;) {
    const random = new Random(seed + bundles++);
    const made = bundle(random);
    const loaded = loadBundle(JSON.stringify(made.data));
    assert(loaded.ok, `seed ${seed}: a generated bundle is refused: ${JSON.stringify(loaded.ok ? "" : loaded.error)}`);
    for (let i = 0; i < FACTS_PER_BUNDLE && done < cases; i++, done++) {
      const document = facts(random);
      const answer = evaluate(loaded.value, document);
      const wanted = decide(made.data, made.conditions, document);
      compare(
        loaded.value,
        document,
        answer,
        wanted,
        () => `seed ${seed}, case ${done}: ${JSON.stringify({ rules: made.data.rules, document })}`,
      );
      outcomes[wanted.outcome] = (outcomes[wanted.outcome] ?? 0) + 1;
      if (wanted.fired.includes("builtin:rule-error")) errors++;
    }
  }
  return { cases, bundles, outcomes, errors };
}

function compare(loaded: Bundle, document: Facts, answer: Evaluation, wanted: Answer, where: () => string): void {
  try {
    assert.deepEqual(comparable(answer), wanted);
    assert.deepEqual(evaluate(loaded, document, { indexed: false }).route, answer.route);
    assert.deepEqual(routeOf(loaded, document), answer.route);
  } catch (error) {
    throw new Error(`the engine and the reference differ at ${where()}`, { cause: error });
  }
}

function comparable({ route, trace }: Evaluation): Answer {
  const fired = trace.filter((rule) => rule.fired).map((rule) => rule.rule);
  return {
    outcome: route.outcome,
    seats: route.seats.map(seat),
    holds: route.holds,
    instructions: route.instructions.map(({ code }) => code),
    fired: fired.toSorted(),
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
