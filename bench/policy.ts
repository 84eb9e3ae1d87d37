import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { digestJson, millis } from "../src/core/base/index.ts";
import { evaluate, factsOf, loadBundle } from "../src/core/policy/index.ts";
import { samplePlan } from "../src/testing/plans.ts";
import { facts } from "../src/testing/policy.ts";
import { contest, perSecond, type Row } from "./measure.ts";
import { bufbuild, cedarWasm, celJs, closures, jsonLogic, pawl, type Judge, type Rival } from "./rivals.ts";
import { benchFacts, benchRules } from "./rules.ts";

const CLOSURES = "hand-written closures";
const RIVALS: Readonly<Record<string, Rival>> = {
  [CLOSURES]: closures,
  "cel-js": celJs,
  "@bufbuild/cel": bufbuild,
  Cedar: cedarWasm,
  "json-logic": jsonLogic,
};

export async function* benchPolicy(): AsyncGenerator<Row> {
  yield evaluationRow();
  yield* against(20, 1);
  yield* against(1000, 10);
}

/** Which of so many rules fire for a change: everybody gives the same answer before anybody is timed. */
async function* against(count: number, aim: number): AsyncGenerator<Row> {
  const rules = benchRules(count);
  const given = benchFacts(facts());
  const ours = pawl(rules, given);
  for (const [name, rival] of Object.entries(RIVALS)) {
    const theirs = rival(rules, given);
    assert.deepEqual(theirs(), ours(), `${name} and Pawl differ`);
    yield await contest({
      name: `which of ${count} rules fire, beside ${name}`,
      unit: "op/s",
      against: name,
      ...(name === CLOSURES ? {} : { aim: { atLeast: aim } }),
      value: decisions(ours, count),
      ceiling: decisions(theirs, count),
    });
  }
}

/** Of what takes a microsecond many at a time, for the clock is not free either. */
function decisions(judge: Judge, count: number): ReturnType<typeof perSecond> {
  const batch = count < 100 ? 20 : 1;
  return perSecond(() => {
    for (let i = 0; i < batch; i++) judge();
    return batch;
  });
}

/** All that stands between a plan and its route, with the policy of a first start. */
function evaluationRow(): Promise<Row> {
  const loaded = loadBundle(readFileSync(new URL("../examples/policy/default.yaml", import.meta.url), "utf8"));
  if (!loaded.ok) throw new Error("the default policy does not load");
  const plan = samplePlan();
  const { proposer, onBehalfOf } = plan.intent;
  const parties = { proposer, onBehalfOf, owner: onBehalfOf };
  const judged = (): ReturnType<typeof evaluate> =>
    evaluate(loaded.value, factsOf(plan, { revision: 1, now: millis(1_800_000_000_000), parties }));
  const { route } = judged();
  return contest({
    name: "a plan's facts, route and digest",
    unit: "op/s",
    against: "the digest of the route alone",
    value: perSecond(() => (judged().routeDigest === undefined ? 0 : 1)),
    ceiling: perSecond(() => (digestJson(route) === undefined ? 0 : 1)),
  });
}
