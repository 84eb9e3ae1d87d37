/** `npm run torture -- --connector KIND|all [--runner here|remote] [--rounds N] [--seed S] [--seconds T]`. */
import { rmSync } from "node:fs";
import { parseArgs } from "node:util";
import { isThere, KINDS, type Kind, type Where } from "./connectors-deployment.ts";
import { tortureConnectors, type Round, type Settings, type Summary } from "./connectors.ts";

const USAGE = `usage: npm run torture -- --connector all|${KINDS.join("|")} [--runner here|remote] [--rounds N] [--seconds T] [--seed S] [--fsck EVERY]`;

type Options = Omit<Settings, "progress">;

function read(args: readonly string[]): Options | string {
  try {
    const text = { type: "string" } as const;
    const options = { connector: text, runner: text, rounds: text, seconds: text, seed: text, fsck: text };
    const { values } = parseArgs({ args: [...args], options });
    const { connector = "all", runner = "here" } = values;
    const kinds = KINDS.filter((kind) => connector === "all" || connector.split(",").includes(kind)).filter(isThere);
    if (kinds.length === 0) return `--connector is all, or any of ${KINDS.join(", ")}, whose program is there`;
    if (runner !== "here" && runner !== "remote") return "--runner is here or remote";
    const numbers = {
      rounds: Number(values.rounds ?? 25),
      seed: Number(values.seed ?? Math.floor(Math.random() * 2 ** 32)),
      fsckEvery: Number(values.fsck ?? 10),
      seconds: Number(values.seconds ?? 86_400),
    };
    if (!Object.values(numbers).every((n) => Number.isSafeInteger(n) && n >= 0))
      return "--rounds, --seconds, --seed and --fsck are whole numbers";
    return { ...numbers, kinds, where: runner satisfies Where };
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

const counted = (rounds: readonly Round[], of: (round: Round) => string): string =>
  [...Map.groupBy(rounds, of)].map(([what, { length }]) => `${length} ${what}`).join(", ");

export function summaryOf({ rounds, entries, checkpoints, fscks, seconds }: Summary): string {
  const kinds: readonly Kind[] = [...new Set(rounds.map(({ kind }) => kind))];
  const ends = kinds.map((kind) => {
    const own = rounds.filter((round) => round.kind === kind);
    return `${kind.padEnd(15)} ${own.length} rounds: ${counted(own, ({ end }) => end)}`;
  });
  return [
    `${rounds.length} rounds in ${seconds.toFixed(1)} s, ${((rounds.length / seconds) * 60).toFixed(0)} a minute`,
    `struck          ${counted(rounds, ({ blow }) => blow)}`,
    `at              ${counted(
      rounds.filter(({ met }) => met),
      ({ moment }) => moment,
    )}; ${rounds.filter(({ met }) => !met).length} too late`,
    ...ends,
    `ledger          ${entries} entries, ${checkpoints} checkpoints proven prefixes, ${fscks} times recomputed whole and sound`,
    "what every target holds is what the ledger says, and nothing was done twice",
  ].join("\n");
}

export async function connectorsMain(args: readonly string[]): Promise<number> {
  const options = read(args);
  if (typeof options === "string") {
    console.error(`${options}\n${USAGE}`);
    return 2;
  }
  console.log(`seed ${options.seed}, at most ${options.rounds} rounds, ${options.where}: ${options.kinds.join(", ")}`);
  const isTerminal = process.stdout.isTTY;
  try {
    const summary = await tortureConnectors({
      ...options,
      progress: (line) => void (isTerminal && process.stdout.write(`\r\u001B[K${line}`)),
    });
    console.log(`${isTerminal ? "\r\u001B[K" : ""}${summaryOf(summary)}`);
    rmSync(summary.folder, { recursive: true, force: true });
    return 0;
  } catch (error) {
    console.error(error instanceof Error ? error.message : String(error));
    return 1;
  }
}
