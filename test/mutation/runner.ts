/** Runs the core's unit tests inside Stryker's worker: loaded once, then only the tests that reach the mutant, quickest first. */
import { existsSync, globSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { INSTRUMENTER_CONSTANTS, type MutantCoverage } from "@stryker-mutator/api/core";
import { declareClassPlugin, PluginKind } from "@stryker-mutator/api/plugin";
import {
  determineHitLimitReached,
  DryRunStatus,
  MutantRunStatus,
  TestStatus,
  type DryRunOptions,
  type DryRunResult,
  type MutantRunOptions,
  type MutantRunResult,
  type TestResult,
  type TestRunner,
} from "@stryker-mutator/api/test-runner";
import { allCases } from "./fast-check.ts";
import { keeperPlugin } from "./kept.ts";
import { ignorerPlugin } from "./left-out.ts";
import { TooLong, within } from "./limit.ts";
import { forget, Modules } from "./modules.ts";
import { collect, type Case } from "./node-test.ts";

/** What the instrumented code looks at. */
interface Switchboard {
  activeMutant?: string | undefined;
  currentTestId?: string | undefined;
  mutantCoverage?: MutantCoverage;
  hitCount?: number | undefined;
  hitLimit?: number | undefined;
}

/** What the first run learnt, for the workers that did not make it. */
interface Learnt {
  readonly files: readonly string[];
  readonly milliseconds: Readonly<Record<string, number>>;
  readonly reachedBy: Readonly<Record<string, readonly string[]>>;
  /** The tests that do not pass with fewer cases of a property. */
  readonly whole: readonly string[];
}

/** How long a test may take under a mutant, in milliseconds and in times of the processor time that it takes without one. */
const LEAST_LIMIT = 1000;
const LIMIT_FACTOR = 30;
/** Milliseconds of the processor beyond which a test is asked only where no quicker one reaches the mutant. */
const QUICK = 400;

/** Seconds each, for every mutant that nothing else notices: what they alone notice counts as survived. */
const EXHAUSTIVE = [".fuzz.test.ts", "exploration.test.ts", "interleavings.test.ts"];

/** Tests of a core module that stand elsewhere because they read files. */
const BESIDE: Readonly<Record<string, string>> = {
  "test/plan/render.test.ts": "presentation",
  "test/plan/schema.test.ts": "plan",
  "test/policy/conformance.test.ts": "policy",
  "test/policy/examples.test.ts": "policy",
  "test/policy/oracle.test.ts": "policy",
  "test/policy/random.test.ts": "policy",
};

const LEARNT = "learnt.json";

const switchboard = (): Switchboard => {
  const holder = globalThis as unknown as Record<string, Switchboard | undefined>;
  return (holder[INSTRUMENTER_CONSTANTS.NAMESPACE] ??= {});
};

type Verdict = { readonly killer: string; readonly message: string } | "timeout" | undefined;

class InProcessRunner implements TestRunner {
  readonly #directory = process.cwd();
  readonly #modules = new Modules(process.cwd());
  #cases: Case[] | undefined;
  #learnt: Learnt | undefined;
  #count = 0;

  capabilities(): { reloadEnvironment: boolean } {
    return { reloadEnvironment: true };
  }

  /** The tests of the modules that are mutated. */
  #testFiles(mutated: readonly string[]): string[] {
    const without = (process.env["PAWL_MUTATE_WITHOUT"] ?? "").split(",").filter((part) => part !== "");
    const modules = new Set(mutated.map(moduleOf));
    return [...globSync("src/core/**/*.test.ts", { cwd: this.#directory }), ...Object.keys(BESIDE)]
      .filter((path) => modules.has(moduleOf(path)))
      .filter((path) => ![...EXHAUSTIVE, ...without].some((part) => path.includes(part)))
      .toSorted();
  }

  async #loaded(files: readonly string[]): Promise<Case[]> {
    if (this.#cases !== undefined) return this.#cases;
    const cases: Case[] = [];
    for (const file of files) cases.push(...(await collect(file, () => this.#modules.load(resolve(this.#directory, file)))));
    return (this.#cases = cases);
  }

  async dryRun({ files: mutated = [] }: DryRunOptions): Promise<DryRunResult> {
    const board = switchboard();
    board.activeMutant = undefined;
    const tests: TestResult[] = [];
    const whole: string[] = [];
    const files = this.#testFiles(mutated);
    for (const test of await this.#loaded(files)) {
      let result = await measured(test, false);
      if (result.status === TestStatus.Failed) {
        whole.push(test.id);
        result = await measured(test, true);
      }
      tests.push(result);
    }
    const coverage = structuredClone(board.mutantCoverage ?? { static: {}, perTest: {} });
    this.#learnt = learn(files, tests, whole, coverage);
    writeFileSync(join(this.#directory, LEARNT), JSON.stringify(this.#learnt));
    const again = await this.#again();
    return again ?? { status: DryRunStatus.Complete, tests, mutantCoverage: coverage };
  }

  /** Without a mutant every test passes a second time, or else what fails later would say nothing about mutants. */
  async #again(): Promise<DryRunResult | undefined> {
    const verdict = await this.#run(this.#cases ?? []);
    if (verdict === undefined) return undefined;
    const errorMessage = verdict === "timeout" ? "a test took too long the second time" : `${verdict.killer}: ${verdict.message}`;
    return { status: DryRunStatus.Error, errorMessage };
  }

  async mutantRun(options: MutantRunOptions): Promise<MutantRunResult> {
    const board = switchboard();
    const cases = await this.#loaded(this.#knowledge().files);
    this.#count = 0;
    board.hitCount = 0;
    board.hitLimit = options.hitLimit;
    board.activeMutant = options.activeMutant.id;
    try {
      const reaching = new Set(options.testFilter ?? this.#knowledge().reachedBy[options.activeMutant.id] ?? []);
      // What runs both when modules load and in tests is tried in tests: that is where its result is looked at.
      if (reaching.size === 0) return this.#result(await this.#reloadAndRun(options.sandboxFileName));
      const reached = cases.filter(({ id }) => reaching.has(id));
      return this.#result(await this.#run(this.#quick(own(moduleOf(options.sandboxFileName), reached))));
    } finally {
      board.activeMutant = undefined;
    }
  }

  /** A mutant in what runs when modules load: those that depend on it load anew. */
  async #reloadAndRun(sandboxFile: string): Promise<Verdict> {
    const renewed = this.#modules.renew(sandboxFile);
    const files = this.#knowledge().files.filter((file) => renewed.has(resolve(this.#directory, file)));
    for (const file of files.filter((each) => moduleOf(each) === moduleOf(sandboxFile))) {
      const verdict = await this.#loadAndRun(file);
      if (verdict !== undefined) return verdict;
    }
    return undefined;
  }

  async #loadAndRun(file: string): Promise<Verdict> {
    let cases: Case[];
    try {
      cases = await collect(file, () => this.#modules.loadRenewed(resolve(this.#directory, file)));
    } catch (error) {
      // A file that no longer loads is a file whose tests all fail.
      const killer = this.#cases?.find((test) => test.file === file)?.id ?? file;
      return timedOut() ?? { killer, message: text(error) };
    }
    return this.#run(this.#quick(cases));
  }

  #quick(cases: readonly Case[]): readonly Case[] {
    const { milliseconds } = this.#knowledge();
    const quick = cases.filter(({ id }) => (milliseconds[id] ?? 0) <= QUICK);
    return quick.length > 0 ? quick : cases;
  }

  async #run(cases: readonly Case[]): Promise<Verdict> {
    const { milliseconds, whole } = this.#knowledge();
    for (const { id, run } of cases.toSorted((a, b) => (milliseconds[a.id] ?? 0) - (milliseconds[b.id] ?? 0))) {
      this.#count++;
      allCases(whole.includes(id));
      forget();
      try {
        await within(LEAST_LIMIT + LIMIT_FACTOR * (milliseconds[id] ?? 0), run);
      } catch (error) {
        return error instanceof TooLong ? "timeout" : (timedOut() ?? { killer: id, message: text(error) });
      }
      const late = timedOut();
      if (late) return late;
    }
    return undefined;
  }

  #result(verdict: Verdict): MutantRunResult {
    const nrOfTests = this.#count;
    if (verdict === undefined) return { status: MutantRunStatus.Survived, nrOfTests };
    if (verdict === "timeout") return { status: MutantRunStatus.Timeout };
    return { status: MutantRunStatus.Killed, killedBy: [verdict.killer], failureMessage: verdict.message, nrOfTests };
  }

  #knowledge(): Learnt {
    const path = join(this.#directory, LEARNT);
    if (this.#learnt === undefined && existsSync(path)) this.#learnt = JSON.parse(readFileSync(path, "utf8")) as Learnt;
    return this.#learnt ?? { files: [], milliseconds: {}, reachedBy: {}, whole: [] };
  }
}

const moduleOf = (path: string): string => BESIDE[path] ?? /src\/core\/([^/]+)\//.exec(path)?.[1] ?? "";

/** A module's own tests answer for its mutants, and no others. */
const own = <T extends { readonly file: string }>(module: string, tests: readonly T[]): readonly T[] =>
  tests.filter(({ file }) => moduleOf(file) === module);

const text = (error: unknown): string => (error instanceof Error ? error.message : String(error)).slice(0, 300);

function timedOut(): "timeout" | undefined {
  const { hitCount, hitLimit } = switchboard();
  return determineHitLimitReached(hitCount, hitLimit) && "timeout";
}

async function measured({ id, file, run }: Case, whole: boolean): Promise<TestResult> {
  const board = switchboard();
  const start = process.cpuUsage();
  // Of the processor, not of the clock: the machine may be busy with something else.
  const timeSpentMs = (): number => {
    const { user, system } = process.cpuUsage(start);
    return (user + system) / 1000;
  };
  const about = { id, name: id, fileName: resolve(file) };
  board.currentTestId = id;
  allCases(whole);
  forget();
  try {
    await run();
    return { ...about, timeSpentMs: timeSpentMs(), status: TestStatus.Success };
  } catch (error) {
    return { ...about, timeSpentMs: timeSpentMs(), status: TestStatus.Failed, failureMessage: text(error) };
  } finally {
    board.currentTestId = undefined;
  }
}

function learn(files: readonly string[], tests: readonly TestResult[], whole: readonly string[], coverage: MutantCoverage): Learnt {
  const reachedBy: Record<string, string[]> = {};
  for (const [test, mutants] of Object.entries(coverage.perTest)) {
    for (const mutant of Object.keys(mutants)) (reachedBy[mutant] ??= []).push(test);
  }
  return { files, milliseconds: Object.fromEntries(tests.map(({ id, timeSpentMs }) => [id, timeSpentMs])), reachedBy, whole };
}

export const strykerPlugins = [declareClassPlugin(PluginKind.TestRunner, "in-process", InProcessRunner), ignorerPlugin, keeperPlugin];
