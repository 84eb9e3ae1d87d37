/**
 * `node test/fuzz/main.ts [target …] [--runs N] [--seed S] [--keep]`: hostile input for every reader of something from outside.
 * `--keep` writes what failed into the corpus, which is read again each time.
 */
import { mkdirSync, readdirSync, readFileSync, existsSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { parseArgs } from "node:util";
import * as fc from "fast-check";
import { digestOf } from "../../src/core/base/index.ts";
import { base } from "./targets/base.ts";
import { edge } from "./targets/edge.ts";
import { ledger } from "./targets/ledger.ts";
import { rules } from "./targets/rules.ts";
import type { Target } from "./target.ts";

const TARGETS: readonly Target[] = [...base, ...ledger, ...rules, ...edge];
const CORPUS = resolve(import.meta.dirname, "corpus");
const usage = "usage: node test/fuzz/main.ts [target …] [--runs N] [--seed S] [--keep]";

interface Options {
  readonly runs: number;
  readonly seed: number;
  readonly keep: boolean;
}

function replayCorpus({ name, from, check }: Target): number {
  const folder = resolve(CORPUS, name);
  const files = existsSync(folder) ? readdirSync(folder).toSorted() : [];
  for (const file of files) {
    try {
      check(from(readFileSync(resolve(folder, file))));
    } catch (error) {
      throw new Error(`the kept input ${name}/${file} fails again`, { cause: error });
    }
  }
  return files.length;
}

function keepInput({ name, to }: Target, input: unknown): string {
  const bytes = to(input);
  const file = resolve(CORPUS, name, digestOf(bytes).slice("sha256:".length, "sha256:".length + 16));
  mkdirSync(resolve(CORPUS, name), { recursive: true });
  writeFileSync(file, bytes);
  return file;
}

const textOf = (error: unknown): string =>
  error instanceof Error ? `${error.message}${error.cause === undefined ? "" : `: ${textOf(error.cause)}`}` : JSON.stringify(error);

/** Whether a target held; what broke it is told, shrunk. */
function fuzz(target: Target, { runs, seed, keep }: Options): boolean {
  const started = performance.now();
  const told = (text: string): void => console.log(`${target.name.padEnd(20)}${text}`);
  try {
    const kept = replayCorpus(target);
    const result = fc.check(
      fc.property(target.input, (input) => target.check(input)),
      { numRuns: runs, seed },
    );
    if (!result.failed) {
      told(`${result.numRuns} inputs and ${kept} kept ones in ${Math.round(performance.now() - started)} ms`);
      return true;
    }
    const [input] = result.counterexample ?? [];
    told(`FAILED after ${result.numRuns}: ${textOf(result.errorInstance)}\n${JSON.stringify(input)?.slice(0, 2_000)}`);
    if (keep) told(`kept as ${keepInput(target, input)}`);
  } catch (error) {
    told(`FAILED: ${textOf(error)}`);
  }
  return false;
}

function main(): number {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { runs: { type: "string", default: "2000" }, seed: { type: "string" }, keep: { type: "boolean", default: false } },
  });
  const [runs, seed] = [Number(values.runs), values.seed === undefined ? Date.now() % 1e9 : Number(values.seed)];
  const unknown = positionals.filter((name) => !TARGETS.some((target) => target.name === name));
  if (unknown.length > 0 || !Number.isSafeInteger(runs) || runs < 1 || !Number.isSafeInteger(seed)) {
    console.error(`${usage}\ntargets: ${TARGETS.map(({ name }) => name).join(", ")}`);
    return 2;
  }
  console.log(`seed ${seed}`);
  const chosen = TARGETS.filter(({ name }) => positionals.length === 0 || positionals.includes(name));
  const broken = chosen.filter((target) => !fuzz(target, { runs, seed, keep: values.keep }));
  console.log(broken.length === 0 ? `${chosen.length} readers held` : `broken: ${broken.map(({ name }) => name).join(", ")}`);
  return broken.length === 0 ? 0 : 1;
}

process.exitCode = main();
