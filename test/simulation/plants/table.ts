/** `npm run simulate -- --mutants`: each planted bug in a process of its own, and which invariant found it. */
import { spawn, type ChildProcess } from "node:child_process";
import { writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { parseArgs } from "node:util";
import type { Plant } from "./plant.ts";
import { PLANTS, plantNamed } from "./plants.ts";

const USAGE = "usage: npm run simulate -- --mutants [NAME …] [--seed N] [--steps M] [--json FILE]";
const AT_ONCE = 2;
const root = resolve(import.meta.dirname, "../../..");

interface Settings {
  readonly plants: readonly Plant[];
  readonly seed: number;
  readonly steps: number;
  readonly json: string | undefined;
}

/** What one simulation says of itself, in one line. */
interface Said {
  readonly ok: boolean;
  readonly seed: number;
  readonly step?: number;
  readonly steps?: number;
  readonly invariant?: number;
  readonly message?: string;
}

export interface Row {
  readonly bug: string;
  readonly what: string;
  readonly seed: number;
  /** Of its own world; `steps` counts those of the worlds before it too. */
  readonly step?: number;
  readonly steps?: number;
  readonly invariant?: number;
  readonly seconds: number;
  /** Found, and by an invariant that the bug breaks. */
  readonly found: boolean;
  readonly message: string;
}

/** The simulations under way: they end with whoever waits for them. */
const children = new Set<ChildProcess>();

/** Runs every plant and prints the table as it grows. 0 when every one was found by an invariant that it breaks, 2 for wrong arguments. */
export async function mutants(argv: readonly string[]): Promise<number> {
  const settings = read(argv);
  if (typeof settings === "string") {
    console.error(`${settings}\n${USAGE}`);
    return 2;
  }
  const { plants, seed, steps, json } = settings;
  console.log(`${plants.length} planted bugs, ${steps} steps each, seed ${seed}`);
  console.log(line(["bug", "seed", "step", "invariant", "seconds"]));
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, stop);
  const rows = await runAll(settings);
  if (json !== undefined) writeFileSync(json, `${JSON.stringify({ seed, steps, rows }, undefined, 2)}\n`);
  const missed = rows.filter(({ found }) => !found);
  for (const { bug, what, message } of missed) console.log(`\n${bug}: ${what}\n  ${message}`);
  console.log(`\n${rows.length - missed.length} of ${rows.length} planted bugs were found`);
  return missed.length === 0 ? 0 : 1;
}

function read(argv: readonly string[]): Settings | string {
  try {
    const text = { type: "string" } as const;
    const options = { mutants: { type: "boolean" }, only: { ...text, multiple: true }, seed: text, steps: text, json: text } as const;
    const { values, positionals } = parseArgs({ args: [...argv], options, allowPositionals: true });
    const seed = values.seed === undefined ? Math.floor(Math.random() * 2 ** 32) : Number(values.seed);
    const steps = values.steps === undefined ? 200_000 : Number(values.steps);
    const whole = (n: number): boolean => Number.isSafeInteger(n) && n >= 0;
    if (!whole(seed) || !whole(steps)) return "--seed and --steps are whole numbers";
    const names = [...positionals, ...(values.only ?? [])];
    return { plants: names.length === 0 ? PLANTS : names.map(plantNamed), seed, steps, json: values.json };
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

function stop(): void {
  for (const child of children) child.kill();
  process.exit(130);
}

async function runAll(settings: Settings): Promise<readonly Row[]> {
  const rows = new Map<string, Row>();
  const queue = [...settings.plants];
  const under = new Set<string>();
  const worker = async (): Promise<void> => {
    for (let plant = queue.shift(); plant !== undefined; plant = queue.shift()) {
      under.add(plant.name);
      progress(rows.size, settings.plants.length, under);
      const row = await run(plant, settings);
      under.delete(plant.name);
      rows.set(plant.name, row);
      progress(undefined);
      console.log(lineOf(row));
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  return settings.plants.flatMap(({ name }) => rows.get(name) ?? []);
}

/** For a person who waits: what is being run, on a line that the next row overwrites. */
function progress(done: number | undefined, all = 0, under: ReadonlySet<string> = new Set()): void {
  if (!process.stdout.isTTY) return;
  process.stdout.write(`\r\u001B[K${done === undefined ? "" : `${done} of ${all} done; now ${[...under].join(", ")}`}`);
}

async function run(plant: Plant, { seed, steps }: Settings): Promise<Row> {
  const start = process.hrtime.bigint();
  const { output, code } = await simulation(plant, seed, steps);
  const seconds = Number(process.hrtime.bigint() - start) / 1e9;
  const heard = said(output);
  const all = heard?.steps === undefined ? {} : { steps: heard.steps };
  return { bug: plant.name, what: plant.what, ...all, seconds, ...judged(plant, seed, heard, code, output) };
}

interface Ended {
  readonly output: string;
  readonly code: number | null;
}

function simulation({ name }: Plant, seed: number, steps: number): Promise<Ended> {
  const { promise, resolve: done } = Promise.withResolvers<Ended>();
  const hook = resolve(import.meta.dirname, "hook.ts");
  const main = resolve(import.meta.dirname, "../main.ts");
  const args = ["--import", hook, main, "--seed", String(seed), "--steps", String(steps), "--json", "--unshrunk"];
  // A cache of compiled sources knows only of those on the disk.
  const { NODE_COMPILE_CACHE: _, ...env } = process.env;
  const child = spawn(process.execPath, args, { cwd: root, env: { ...env, PAWL_PLANT: name }, stdio: ["ignore", "pipe", "pipe"] });
  children.add(child);
  let output = "";
  for (const pipe of [child.stdout, child.stderr]) pipe.setEncoding("utf8").on("data", (text: string) => void (output += text));
  child.on("error", (error) => done({ output: error.message, code: null }));
  child.on("close", (code) => {
    children.delete(child);
    done({ output, code });
  });
  return promise;
}

function said(output: string): Said | undefined {
  for (const text of output.trimEnd().split("\n").toReversed()) {
    if (!text.startsWith("{")) continue;
    try {
      return JSON.parse(text) as Said;
    } catch {
      continue;
    }
  }
  return undefined;
}

type Judged = Pick<Row, "seed" | "step" | "invariant" | "found" | "message">;

/** Exported for its test: a process that broke, or that found something else, has not found the bug. */
export function judged(plant: Pick<Plant, "breaks">, asked: number, heard: Said | undefined, code: number | null, output: string): Judged {
  if (heard === undefined || (code !== 0 && code !== 1)) {
    return { seed: asked, found: false, message: `the simulation ended with ${code} and said: ${output.trim().slice(-500)}` };
  }
  const { ok, seed, step, invariant, message = "" } = heard;
  if (ok || invariant === undefined) return { seed, found: false, message: "nothing was found" };
  const found = code === 1 && plant.breaks.includes(invariant);
  const place = { seed, invariant, ...(step === undefined ? {} : { step }) };
  return {
    ...place,
    found,
    message: found ? message : `invariant ${invariant} is not one it breaks (${plant.breaks.join(", ")}): ${message}`,
  };
}

const lineOf = ({ bug, seed, step, invariant, seconds, found }: Row): string =>
  `${line([bug, String(seed), String(step ?? "-"), String(invariant ?? "-"), seconds.toFixed(1)])}${found ? "" : "  NOT FOUND"}`;

const line = ([bug = "", ...numbers]: readonly string[]): string => `${bug.padEnd(24)}${numbers.map((each) => each.padStart(11)).join("")}`;
