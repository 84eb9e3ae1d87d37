/**
 * `npm run torture -- --rounds N --db sqlite|postgres [--seed S]`: kills a working Pawl again and again and looks what is lost.
 * `npm run torture -- --connector KIND|all [--runner here|remote]`: kills one at each moment of a run of a connector, and looks at its target.
 * `npm run torture -- --every`: kills one at each system call of one change's story.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import type { ChangeEvent } from "../../src/core/change/index.ts";
import { connectorsMain } from "./connectors-main.ts";
import { allPoints, countCalls, killedAtAll } from "./every.ts";
import { template } from "./story.ts";
import { straceFault } from "./strace.ts";
import { torture, TortureFailed, type Settings, type Summary } from "./torture.ts";

const USAGE = "usage: npm run torture -- [--rounds N] [--db sqlite|postgres] [--seed S] [--fsck EVERY] | --connector KIND … | --every";

type Options = Omit<Settings, "progress"> & { readonly every: boolean };

function read(args: readonly string[]): Options | string {
  try {
    const text = { type: "string" } as const;
    const { values } = parseArgs({
      args: [...args],
      options: { rounds: text, db: text, seed: text, fsck: text, every: { type: "boolean" } },
    });
    const { db = "sqlite" } = values;
    const numbers = {
      rounds: Number(values.rounds ?? 25),
      seed: Number(values.seed ?? Math.floor(Math.random() * 2 ** 32)),
      fsckEvery: Number(values.fsck ?? 10),
    };
    if (!Object.values(numbers).every((n) => Number.isSafeInteger(n) && n >= 0)) return "--rounds, --seed and --fsck are whole numbers";
    return db === "sqlite" || db === "postgres" ? { ...numbers, database: db, every: values.every === true } : "--db is sqlite or postgres";
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

function told({ kills, journal, mirror, fscks, seconds }: Summary, rounds: number): string {
  const { acknowledged, refused, unavailable, lost, keysAsked, keysStored } = journal.tally;
  const ends = Map.groupBy(mirror.changes.values(), ({ state }) => state.status);
  const all = [...mirror.changes.values()].flatMap(({ events }) => events);
  const runs = Map.groupBy(all.flatMap(runEnd), (end) => end);
  const list = (counts: Iterable<readonly [string, number]>): string =>
    [...counts]
      .filter(([, count]) => count > 0)
      .map(([name, count]) => `${count} ${name}`)
      .join(", ");
  return [
    `${rounds} rounds in ${seconds.toFixed(1)} s, ${((rounds / seconds) * 60).toFixed(0)} a minute`,
    `kills           ${list(Object.entries(kills))}`,
    `writes          ${acknowledged} acknowledged, ${refused} refused, ${unavailable} unavailable; ${lost} answers lost`,
    `keys            ${keysAsked} proposals asked again; ${keysStored} had been stored`,
    `changes         ${mirror.changes.size}: ${list([...ends].map(([status, of]) => [status, of.length] as const))}`,
    `runs            ${all.filter(({ type }) => type === "run_started").length} started: ${list([...runs].map(([end, { length }]) => [end, length] as const))}`,
    `ledger          ${mirror.size} entries, ${mirror.compared} checkpoints proven prefixes, ${fscks} times recomputed whole and sound`,
    "nothing that was acknowledged is lost, and nothing ran twice",
  ].join("\n");
}

/** How a run ended, by the entry that says so. */
function runEnd(event: ChangeEvent): string[] {
  if (event.type === "verified") return ["verified"];
  if (event.type === "failed" || event.type === "undone" || event.type === "indeterminate")
    return [`${event.type} (${event.because.code})`];
  return event.type === "reconciled" ? [`reconciled as ${event.as}`] : [];
}

async function everyCall(progress: (line: string) => void): Promise<number> {
  const fault = straceFault();
  if (fault !== undefined) {
    console.error(fault);
    return 2;
  }
  const folder = mkdtempSync(join(tmpdir(), "pawl-every-"));
  const from = await template(join(folder, "template"));
  const points = allPoints(await countCalls(from));
  const ends = new Map<string, number>();
  let done = 0;
  try {
    await killedAtAll(from, points, ({ point: { call, n }, left, end }) => {
      ends.set(`${left}, then ${end}`, (ends.get(`${left}, then ${end}`) ?? 0) + 1);
      progress(`${++done} of ${points.length}: ${call} ${n}: ${left}, then ${end}`);
    });
  } catch (error) {
    progress("");
    console.error(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\neverything is kept in ${folder}`);
    return 1;
  }
  progress("");
  console.log(`killed at ${points.length} system calls; how the change stood then, and how it ended:`);
  for (const [end, times] of ends) console.log(`${String(times).padStart(5)}  ${end}`);
  console.log("at most one start each, and nothing was tried again by itself");
  rmSync(folder, { recursive: true, force: true });
  return 0;
}

async function main(args: readonly string[]): Promise<number> {
  const options = read(args);
  if (typeof options === "string") {
    console.error(`${options}\n${USAGE}`);
    return 2;
  }
  const progress = (line: string): void => void (process.stdout.isTTY && process.stdout.write(`\r\u001B[K${line}`));
  if (options.every) return everyCall(progress);
  console.log(`seed ${options.seed}, ${options.rounds} rounds, ${options.database}`);
  try {
    const summary = await torture({ ...options, progress });
    progress("");
    console.log(told(summary, options.rounds));
    rmSync(summary.folder, { recursive: true, force: true });
    return 0;
  } catch (error) {
    if (!(error instanceof TortureFailed)) throw error;
    progress("");
    console.error(error.message);
    return 1;
  }
}

const args = process.argv.slice(2);
process.exit(await (args.some((arg) => /^--connector\b/.test(arg)) ? connectorsMain(args) : main(args)));
