/**
 * `npm run mutate -- [module | file …] [--json FILE] [--markdown FILE] [--again FILE] [--without PART,…] [--concurrency N]`
 * changes the core in thousands of small ways, one at a time, and asks of each whether a unit test notices.
 */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import type { MutantResult, PartialStrykerOptions } from "@stryker-mutator/api/core";
import { Stryker } from "@stryker-mutator/core";
import { tested } from "./kept.ts";
import { markdown, scores, survivors, table } from "./score.ts";

const root = resolve(import.meta.dirname, "../..");
const CORE = "src/core";
const LEAST = { total: 85, module: 80 };

const modules = readdirSync(join(root, CORE));

/** A module's name, a file, or a file with lines (`src/core/base/glob.ts:10-20`). */
function pattern(name: string): string | undefined {
  if (modules.includes(name)) return `${CORE}/${name}/**/*.ts`;
  const [path = name] = name.split(":");
  return path.startsWith(`${CORE}/`) && existsSync(join(root, path)) ? name : undefined;
}

/** What survived an earlier run, told by its `--json`, is tried again. */
const rangesIn = (file: string): string[] =>
  (JSON.parse(readFileSync(file, "utf8")) as { survivors: { range: string }[] }).survivors.map(({ range }) => range);

function options(mutate: readonly string[], temporary: string, concurrency: number): PartialStrykerOptions {
  return {
    mutate: [...mutate, `!${CORE}/**/*.test.ts`],
    plugins: [fileURLToPath(import.meta.resolve("./runner.ts"))],
    testRunner: "in-process",
    ignorers: ["left-out"],
    coverageAnalysis: "perTest",
    ignorePatterns: ["/*", "!/src", "!/docs", "!/package.json", "!/examples", "!/test", "/test/*", "!/test/plan", "!/test/policy"],
    // Types cannot be stripped under node_modules, and the checkout stays as it is.
    tempDirName: temporary,
    cleanTempDir: "always",
    concurrency,
    dryRunTimeoutMinutes: 20,
    timeoutMS: 4000,
    timeoutFactor: 3,
    testRunnerNodeArgs: ["--max-old-space-size=2048"],
    reporters: ["keeper", process.stdout.isTTY ? "progress" : "progress-append-only"],
    tsconfigFile: "none",
    warnings: false,
    logLevel: "warn",
  } as PartialStrykerOptions;
}

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      json: { type: "string" },
      markdown: { type: "string" },
      concurrency: { type: "string", default: "2" },
      again: { type: "string" },
      without: { type: "string" },
    },
  });
  const wanted = values.again !== undefined ? rangesIn(values.again) : positionals.length > 0 ? positionals : modules;
  const patterns = wanted.map(pattern);
  const unknown = wanted.filter((_, i) => patterns[i] === undefined);
  if (unknown.length > 0) {
    console.error(`neither a module nor a file of the core: ${unknown.join(", ")}; modules are ${modules.join(", ")}`);
    return 2;
  }
  process.chdir(root);
  process.env["PAWL_CORPUS"] ??= resolve(root, "../shared/corpus");
  if (values.without !== undefined) process.env["PAWL_MUTATE_WITHOUT"] = values.without;
  const temporary = mkdtempSync(join(tmpdir(), "pawl-mutation-"));
  process.once("SIGINT", () => {
    console.log(`interrupted: what follows is of ${tested.length} mutants`);
    report(tested, values);
    rmSync(temporary, { recursive: true, force: true });
    process.exit(130);
  });
  try {
    const mutate = patterns.filter((path) => path !== undefined);
    const results = await new Stryker(options(mutate, temporary, Number(values.concurrency))).runMutationTest();
    return report(results, values);
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
}

function report(results: readonly MutantResult[], { json, markdown: list }: { json?: string; markdown?: string }): number {
  const told = scores(results);
  const left = survivors(results);
  for (const { where, mutator, original, replacement, status } of left)
    console.log(`${where}  ${status} ${mutator}: ${original} → ${replacement}`);
  console.log(`\n${table(told)}`);
  if (json !== undefined) writeFileSync(json, `${JSON.stringify({ node: process.version, scores: told, survivors: left }, null, 2)}\n`);
  if (list !== undefined) writeFileSync(list, markdown(told, left));
  const short = told.filter(({ module, score }) => score < (module === "all" ? LEAST.total : LEAST.module));
  if (short.length > 0)
    console.log(`below ${LEAST.total} % in all or ${LEAST.module} % in a module: ${short.map(({ module }) => module).join(", ")}`);
  return short.length > 0 ? 1 : 0;
}

process.exitCode = await main();
