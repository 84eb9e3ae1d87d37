/** `node test/histories/main.ts --seconds N --seed S`: as long as you like. */
import { parseArgs } from "node:util";
import { startCluster } from "./cluster.ts";
import { line, runHistories } from "./histories.ts";

const { values } = parseArgs({
  options: {
    seconds: { type: "string", default: "60" },
    seed: { type: "string", default: "1" },
    verbose: { type: "boolean", default: false },
  },
});
const [seconds, seed] = [Number(values.seconds), Number(values.seed)];
if (!(seconds > 0) || !Number.isSafeInteger(seed))
  throw new Error("usage: node test/histories/main.ts [--seconds N] [--seed S] [--verbose]");

const endings: (() => Promise<void> | void)[] = [];
const close = async (): Promise<void> => {
  for (let ending = endings.shift(); ending !== undefined; ending = endings.shift()) await ending();
};
// Whoever breaks it off leaves no node behind.
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => void close().finally(() => process.exit(130)));
try {
  console.log(`seed ${seed}: three nodes on one PostgreSQL, ${seconds} s of faults`);
  const cluster = await startCluster({ after: (fn) => void endings.unshift(fn) }, values.verbose ? { log: console.log } : {});
  const summary = await runHistories(cluster, { seconds, seed, progress: console.log });
  console.log(line(summary.operations, summary.changes, summary.faults));
  const ends = Object.entries(summary.ends).map(([end, count]) => `${count} ${end}`);
  console.log(`${summary.runs} runs, ${summary.entries} entries, ${summary.heads} heads seen; changes: ${ends.join(", ")}`);
  for (const violation of summary.violations) console.log(`VIOLATION ${violation}`);
  console.log(
    summary.violations.length === 0
      ? "linearizable for each change; all that was checked holds"
      : `${summary.violations.length} violations`,
  );
  process.exitCode = summary.violations.length === 0 ? 0 : 1;
} finally {
  await close();
}
