/**
 * `check` runs what a developer wants after every change, in seconds; `all` adds every test that touches the outside world.
 * Words after the mode select I/O test files whose path holds one of them: `npm test -- store cli`.
 */
import { spawn } from "node:child_process";
import { globSync } from "node:fs";
import { availableParallelism } from "node:os";
import { resolve } from "node:path";

interface Part {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
}
interface Outcome {
  readonly part: Part;
  readonly ok: boolean;
  readonly seconds: number;
  readonly output: string;
}

const root = resolve(import.meta.dirname, "..");
const tool = (name: string): string => resolve(root, "node_modules", ".bin", name);
const files = (...patterns: string[]): string[] => globSync(patterns, { cwd: root }).toSorted();

/** No part at all for no files: `node --test` without a path would run whatever it finds. */
function tests(name: string, paths: readonly string[], ...flags: string[]): Part[] {
  if (paths.length === 0) return [];
  return [{ name, command: process.execPath, args: ["--test", "--test-reporter=./test/reporter.ts", ...flags, ...paths] }];
}

/** The longest first, so that none of them begins when the others have ended. */
function checkParts(): Part[] {
  return [
    ...halves(files("src/**/*.test.ts")).flatMap((paths, i) => tests(`unit tests ${i + 1}`, paths, "--test-isolation=none")),
    { name: "lint", command: tool("oxlint"), args: [] },
    { name: "types", command: tool("tsc"), args: ["-p", "tsconfig.json", ...remembering("types")] },
    ...tests("tidy", files("test/tidy/*.test.ts"), "--test-isolation=none"),
    { name: "dead code", command: tool("knip"), args: ["--no-progress"] },
    { name: "types of the core", command: tool("tsc"), args: ["-p", "tsconfig.core.json", ...remembering("core")] },
    { name: "format", command: tool("oxfmt"), args: ["--list-different", "--no-error-on-unmatched-pattern", ...formatted] },
  ];
}

/** The compiler looks again at what changed since last time and at what that touches. */
const remembering = (name: string): string[] => ["--incremental", "--tsBuildInfoFile", `node_modules/.cache/tsc/${name}.tsbuildinfo`];

/** Two processes of about the same work, however the files are spread over the folders. */
const halves = (paths: readonly string[]): string[][] => [0, 1].map((half) => paths.filter((_, i) => i % 2 === half));
const formatted = ["src", "test", "bench", "examples", "bin", "types"];

function ioTests(words: readonly string[]): Part[] {
  const chosen = files("test/**/*.test.ts").filter((path) => !path.startsWith("test/tidy/"));
  const wanted = words.length === 0 ? chosen : chosen.filter((path) => words.some((word) => path.includes(word)));
  return tests("tests with I/O", wanted, "--test-concurrency=2", "--test-timeout=180000");
}

/** Runs one part; `stream` shows its output as it comes, for the part that takes minutes. */
function run(part: Part, stream: boolean): Promise<Outcome> {
  const start = process.hrtime.bigint();
  const { promise, resolve: done } = Promise.withResolvers<Outcome>();
  let output = "";
  // Every test file is a process of its own: what one compiled, the next need not.
  const env = { NODE_COMPILE_CACHE: resolve(root, "node_modules/.cache/tests"), ...process.env };
  const child = spawn(part.command, part.args, { cwd: root, env, stdio: ["ignore", "pipe", "pipe"] });
  for (const pipe of [child.stdout, child.stderr]) {
    pipe.setEncoding("utf8").on("data", (text: string) => {
      output += text;
      if (stream) process.stdout.write(text);
    });
  }
  const end = (ok: boolean): void => {
    const seconds = Number(process.hrtime.bigint() - start) / 1e9;
    console.log(`${ok ? "ok    " : "FAILED"}  ${part.name.padEnd(18)} ${seconds.toFixed(1)} s`);
    if (!stream) for (const line of ok ? skips(output) : [output]) console.log(line);
    done({ part, ok, seconds, output });
  };
  child.on("error", (error) => {
    output += `could not start ${part.command}: ${error.message}\n`;
    end(false);
  });
  child.on("close", (code) => end(code === 0));
  return promise;
}

const skips = (output: string): string[] => output.match(/^skipped .*$/gm) ?? [];

/** As many at a time as there are cores, three at most: more would only make each slower. */
async function runAll(parts: readonly Part[]): Promise<Outcome[]> {
  const queue = [...parts];
  const outcomes: Outcome[] = [];
  const worker = async (): Promise<void> => {
    for (let part = queue.shift(); part; part = queue.shift()) outcomes.push(await run(part, false));
  };
  await Promise.all(Array.from({ length: Math.min(3, availableParallelism()) }, worker));
  return outcomes;
}

/** Adds up the closing lines of the test parts. */
function closingLine(outcomes: readonly Outcome[]): string {
  const sum = [0, 0, 0];
  for (const { output } of outcomes) {
    const last = output
      .trimEnd()
      .split("\n")
      .at(-1)
      ?.match(/^(\d+) passed, (\d+) failed, (\d+) skipped$/);
    last?.slice(1).forEach((n, i) => (sum[i] = (sum[i] ?? 0) + Number(n)));
  }
  return `${sum[0]} passed, ${sum[1]} failed, ${sum[2]} skipped`;
}

async function main(mode: string | undefined, words: readonly string[]): Promise<number> {
  if (mode !== "check" && mode !== "all") {
    console.error("usage: node test/run.ts check | all [part of a test file's path …]");
    return 2;
  }
  if (words.length > 0 && ioTests(words).length === 0) {
    console.error(`no test file under test/ has ${words.join(" or ")} in its path`);
    return 2;
  }
  const outcomes = words.length > 0 ? [] : await runAll(checkParts());
  if (mode === "all") for (const part of ioTests(words)) outcomes.push(await run(part, true));
  const failed = outcomes.filter((outcome) => !outcome.ok).map((outcome) => outcome.part.name);
  if (failed.length > 0) console.log(`failed: ${failed.join(", ")}`);
  console.log(closingLine(outcomes));
  return failed.length > 0 ? 1 : 0;
}

process.exitCode = await main(process.argv[2], process.argv.slice(3));
