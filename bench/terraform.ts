/** What it takes to read the plan of a fleet, beside no more than parsing its JSON. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { analysePlan } from "../src/connectors/terraform/analyse-plan.ts";
import { analyseApart } from "../src/connectors/terraform/thread.ts";
import { contest, isQuick, type Probe, type Row } from "./measure.ts";
import { bigPlan, inputOf } from "./terraform-plan.ts";

export async function* benchTerraform(): AsyncGenerator<Row> {
  const count = isQuick() ? 200 : 20_000;
  const bytes = bigPlan(count);
  const text = bytes.toString("utf8");
  const parse = timed(() => void JSON.parse(text));
  const size = `a plan of ${count.toLocaleString("en")} resources, ${(bytes.length / 1e6).toFixed(0)} MB`;
  const shared = { unit: "ms", against: "JSON.parse of the same text", ceiling: parse };
  const here = timed(() => assert.ok(analysePlan(inputOf(bytes)).ok));
  yield await contest({ name: `${size}, analysed`, aim: { atMost: 1.5 }, value: here, ...shared });
  // The bytes go to the thread for good, as those of a program's output do.
  const apart: Probe = async () => {
    const own = inputOf(Uint8Array.from(bytes));
    const start = performance.now();
    assert.ok((await analyseApart(own)).ok);
    return performance.now() - start;
  };
  yield await contest({ name: `${size}, in a thread`, aim: { atMost: 1.5 }, value: apart, ...shared });
  const pause = (): Promise<number> => longestPause(analyseApart(inputOf(Uint8Array.from(bytes))));
  yield await contest({ name: "longest pause of everybody else meanwhile", value: pause, ...shared });
  yield await contest({
    name: `${size}: memory`,
    unit: "MB",
    against: "JSON.parse of the same text",
    value: () => peak(count, "analyse"),
    ceiling: () => peak(count, "parse"),
    rounds: 3,
  });
}

/** Milliseconds of one time. */
const timed =
  (work: () => void | Promise<void>): Probe =>
  async () => {
    const start = performance.now();
    await work();
    return performance.now() - start;
  };

async function longestPause(work: Promise<unknown>): Promise<number> {
  let last = performance.now();
  let longest = 0;
  const ticks = setInterval(() => {
    longest = Math.max(longest, performance.now() - last - 1);
    last = performance.now();
  }, 1);
  await work;
  clearInterval(ticks);
  return Math.max(longest, performance.now() - last);
}

function peak(count: number, what: string): number {
  const script = fileURLToPath(new URL("./terraform-plan.ts", import.meta.url));
  return Number(execFileSync(process.execPath, [script, String(count), what], { encoding: "utf8" })) / 1e6;
}
