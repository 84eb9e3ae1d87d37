/** `npm run simulate`: worlds from a seed, or one failure again from its file. */
import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { describe, type Kept } from "./actions.ts";
import { campaign, type Campaign, type Tally } from "./campaign.ts";
import { shortest } from "./shortest.ts";
import { replay, type Failure } from "./simulate.ts";

const USAGE = `usage: npm run simulate -- [--seed N] [--steps M] [--json [--unshrunk] | --quiet]
       npm run simulate -- --replay FILE
       npm run simulate -- --mutants [NAME …]`;

interface Options {
  readonly seed: number;
  readonly steps: number;
  readonly json: boolean;
  readonly quiet: boolean;
  readonly unshrunk: boolean;
  readonly replay?: string;
}

function read(args: readonly string[]): Options | string {
  try {
    const options = {
      seed: { type: "string" },
      steps: { type: "string" },
      replay: { type: "string" },
      json: { type: "boolean" },
      quiet: { type: "boolean" },
      unshrunk: { type: "boolean" },
    } as const;
    const { values } = parseArgs({ args: [...args], options });
    const seed = values.seed === undefined ? Math.floor(Math.random() * 2 ** 32) : Number(values.seed);
    const steps = values.steps === undefined ? 100_000 : Number(values.steps);
    const whole = (n: number): boolean => Number.isSafeInteger(n) && n >= 0;
    if (!whole(seed) || !whole(steps)) return "--seed and --steps are whole numbers";
    const { json = false, quiet = false, unshrunk = false } = values;
    return { seed, steps, json, quiet, unshrunk, ...(values.replay === undefined ? {} : { replay: values.replay }) };
  } catch (error) {
    return String(error instanceof Error ? error.message : error);
  }
}

async function main(args: readonly string[]): Promise<number> {
  if (args[0] === "--mutants") return mutants(args.slice(1));
  const options = read(args);
  if (typeof options === "string") {
    console.error(`${options}\n${USAGE}`);
    return 2;
  }
  if (options.replay !== undefined) return again(options.replay);
  const { seed, steps, json, quiet, unshrunk } = options;
  if (!json && !quiet) console.log(`seed ${seed}, ${steps} steps`);
  const ran = await campaign(seed, steps, json || quiet || !process.stdout.isTTY ? undefined : progress(steps));
  return json ? asJson(ran, seed, unshrunk) : asText(ran, quiet);
}

/** For a person who waits: a line a second. */
function progress(steps: number): (tally: Tally) => void {
  let last = Date.now();
  return (tally) => {
    if (Date.now() - last < 1_000) return;
    last = Date.now();
    const percent = Math.floor((tally.steps / steps) * 100);
    process.stdout.write(`\r${percent} %, ${tally.worlds} worlds, ${tally.steps} steps\u001b[K${tally.steps >= steps ? "\r\u001b[K" : ""}`);
  };
}

const perSecond = ({ tally, seconds }: Campaign): number => Math.round(tally.steps / Math.max(seconds, 1e-6));

async function asJson(ran: Campaign, seed: number, unshrunk: boolean): Promise<number> {
  const { failure, tally } = ran;
  const told = { ok: failure === undefined, seed: failure?.seed ?? seed, steps: tally.steps, stepsPerSecond: perSecond(ran) };
  if (failure === undefined) {
    console.log(JSON.stringify(told));
    return 0;
  }
  const { step, invariant, message, change } = failure;
  const least = unshrunk ? {} : { locked: failure.locked, coarse: failure.coarse, shortest: (await shortest(failure, 300_000)).actions };
  console.log(JSON.stringify({ ...told, step, invariant, message, change, ...least }));
  return 1;
}

async function asText(ran: Campaign, quiet: boolean): Promise<number> {
  const { failure, tally } = ran;
  if (!quiet || failure !== undefined) {
    const ends = [...tally.statuses].toSorted(([, a], [, b]) => b - a).map(([status, n]) => `${n} ${status}`);
    console.log(`${tally.worlds} worlds, ${tally.steps} steps, ${perSecond(ran)} steps a second of one core`);
    console.log(`${tally.events} entries, ${tally.effects} effects; changes: ${ends.join(", ")}`);
  }
  if (failure === undefined) {
    if (!quiet) console.log("every invariant held");
    return 0;
  }
  console.log(`seed ${failure.seed}, step ${failure.step}: ${headline(failure)}`);
  await tell(await shortest(failure), failure.actions.length);
  return 1;
}

const headline = ({ invariant, message, change }: Failure): string =>
  `${invariant === 0 ? "it broke" : `invariant ${invariant} does not hold`}: ${message}${change === undefined ? "" : `, change ${change}`}`;

async function tell(least: Failure, of: number): Promise<void> {
  console.log(`the shortest history found, ${least.actions.length} of ${of} actions${least.locked ? "" : ", without the head's lock"}:`);
  for (const action of least.actions) console.log(describe(action));
  const diary: string[] = [];
  await replay(least.actions, least, { diary });
  console.log(diary.join("\n"));
  console.log(headline(least));
  const { message: what, invariant, locked, coarse, actions } = least;
  const kept: Kept = { what, invariant, locked, ...(coarse === undefined ? {} : { coarse }), actions };
  console.log(`to see it again, keep this line in a file and give it to --replay:\n${JSON.stringify(kept)}`);
}

async function again(path: string): Promise<number> {
  const kept = JSON.parse(readFileSync(path, "utf8")) as Kept;
  const diary: string[] = [];
  const { failure } = await replay(kept.actions, kept, { diary });
  console.log(diary.join("\n"));
  console.log(failure === undefined ? `every invariant held; it was kept for: ${kept.what}` : headline(failure));
  return failure === undefined ? 0 : 1;
}

/** Loaded only here: a run without it knows nothing of planted bugs. */
async function mutants(args: readonly string[]): Promise<number> {
  const table = await import("./plants/table.ts");
  return table.mutants(args);
}

process.exitCode = await main(process.argv.slice(2));
