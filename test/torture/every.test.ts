/** [D30] in earnest: a kill at a chosen system call between a proposal and its end. `npm run torture -- --every` takes all of them. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "node:test";
import { CALLS, countCalls, killedAtAll, type Counts, type Name, type Point } from "./every.ts";
import { template } from "./story.ts";
import { straceFault } from "./strace.ts";

/** The last ones before the end: they lie between the consuming of the grant and the result. */
const NEAR_THE_END: Readonly<Record<Name, readonly number[]>> = { fsync: [1, 2, 3, 4, 5], pwrite64: [9, 31], clone: [1, 3, 5] };

function chosen(counts: ReadonlyMap<Name, Counts>): Point[] {
  return CALLS.flatMap((call) => {
    const { start = 0, end = 0 } = counts.get(call) ?? {};
    return NEAR_THE_END[call].map((back) => ({ call, n: end - back })).filter(({ n }) => n > start);
  });
}

test("[D30] killed at a system call during a run: at most one start, indeterminate once an effect had begun, no second try", async (t) => {
  const fault = straceFault();
  if (fault !== undefined) return t.skip(fault);
  const folder = mkdtempSync(join(tmpdir(), "pawl-every-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const from = await template(join(folder, "template"));
  const ends = new Map<string, string>();
  await killedAtAll(from, chosen(await countCalls(from)), ({ point, left, end }) => {
    ends.set(`${point.call} ${point.n}`, `${left}, then ${end}`);
  });
  t.diagnostic([...ends].map(([point, end]) => `${point}: ${end}`).join("; "));
  const last = [...ends.values()].map((each) => each.split(", then ")[1]);
  assert.ok(last.every((end) => end === "verified" || end === "indeterminate" || end === "failed"));
  assert.ok(last.includes("indeterminate"), "none of these points lies between an effect and its record");
});
