import test from "node:test";
import { runRandom } from "./random.ts";

const SEED = 20261120;
/** A fifth of what the command does that the rule names. */
const CASES = 200_000;

test("[C25] [PO-18] random cases: the engine and the reference agree about every route, indexed or not", (t) => {
  const report = runRandom(SEED, CASES);
  t.diagnostic(`seed ${SEED}: ${report.cases} cases, ${JSON.stringify(report.outcomes)}, ${report.errors} with a rule that errs`);
});
