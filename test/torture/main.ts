/** `npm run torture -- --rounds N --db sqlite|postgres [--seed S]`: kills a working Pawl again and again and looks what is lost. */
import { rmSync } from "node:fs";
import { parseArgs } from "node:util";
import { torture, TortureFailed, type Settings, type Summary } from "./torture.ts";

const USAGE = "usage: npm run torture -- [--rounds N] [--db sqlite|postgres] [--seed S] [--fsck EVERY]";

function read(args: readonly string[]): Omit<Settings, "progress"> | string {
  try {
    const text = { type: "string" } as const;
    const { values } = parseArgs({ args: [...args], options: { rounds: text, db: text, seed: text, fsck: text } });
    const { db = "sqlite" } = values;
    const numbers = {
      rounds: Number(values.rounds ?? 25),
      seed: Number(values.seed ?? Math.floor(Math.random() * 2 ** 32)),
      fsckEvery: Number(values.fsck ?? 10),
    };
    if (!Object.values(numbers).every((n) => Number.isSafeInteger(n) && n >= 0)) return "--rounds, --seed and --fsck are whole numbers";
    return db === "sqlite" || db === "postgres" ? { ...numbers, database: db } : "--db is sqlite or postgres";
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

function told({ kills, journal, mirror, fscks, seconds }: Summary, rounds: number): string {
  const { acknowledged, refused, unavailable, lost, keysAsked, keysStored } = journal.tally;
  const ends = Map.groupBy(mirror.changes.values(), ({ state }) => state.status);
  const runs = [...mirror.changes.values()].flatMap(({ events }) => events.filter(({ type }) => type === "run_started"));
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
    `changes         ${mirror.changes.size}: ${list([...ends].map(([status, all]) => [status, all.length] as const))}`,
    `runs            ${runs.length} started`,
    `ledger          ${mirror.size} entries, ${mirror.compared} checkpoints proven prefixes, ${fscks} times recomputed whole and sound`,
    "nothing that was acknowledged is lost, and nothing ran twice",
  ].join("\n");
}

async function main(args: readonly string[]): Promise<number> {
  const options = read(args);
  if (typeof options === "string") {
    console.error(`${options}\n${USAGE}`);
    return 2;
  }
  console.log(`seed ${options.seed}, ${options.rounds} rounds, ${options.database}`);
  const progress = (line: string): void => void (process.stdout.isTTY && process.stdout.write(`\r\u001B[K${line}`));
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

process.exit(await main(process.argv.slice(2)));
