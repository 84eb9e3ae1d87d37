/** `node test/histories/main.ts --seconds N --seed S`: as long as you like. */
import { parseArgs } from "node:util";
import { startCluster } from "./cluster.ts";
import { line, runHistories } from "./histories.ts";

const USAGE = "usage: npm run histories -- [--seconds N] [--seed S] [--verbose]";

function read(): { readonly seconds: number; readonly seed: number; readonly verbose: boolean } | undefined {
  try {
    const text = { type: "string" } as const;
    const { values } = parseArgs({ options: { seconds: text, seed: text, verbose: { type: "boolean", default: false } } });
    const [seconds, seed] = [Number(values.seconds ?? 60), Number(values.seed ?? 1)];
    return seconds > 0 && Number.isSafeInteger(seed) ? { seconds, seed, verbose: values.verbose } : undefined;
  } catch {
    return undefined;
  }
}

const options = read();
if (options === undefined) {
  console.error(USAGE);
  process.exit(2);
}
const { seconds, seed, verbose } = options;

const endings: (() => Promise<void> | void)[] = [];
const close = async (): Promise<void> => {
  for (let ending = endings.shift(); ending !== undefined; ending = endings.shift()) await ending();
};
// Whoever breaks it off leaves no node behind.
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => void close().finally(() => process.exit(130)));
try {
  console.log(`seed ${seed}: three nodes on one PostgreSQL, ${seconds} s of faults`);
  const cluster = await startCluster({ after: (fn) => void endings.unshift(fn) }, verbose ? { log: console.log } : {});
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
