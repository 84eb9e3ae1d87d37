/**
 * What a person wants from a test run: one line per file, every failure whole, every skip with its reason, and a closing
 * line of numbers. Used with `node --test --test-reporter=./test/reporter.ts`.
 */
import { relative } from "node:path";
import type { TestEvent } from "node:test/reporters";
import { inspect } from "node:util";

interface FileTally {
  passed: number;
  failed: number;
  skipped: number;
  output: string;
}

/** What a run was made from is told also when it passed: it cannot be had again otherwise. */
const SEEDED = /^seeds? \d/;

const place = (file: string | undefined): string => (file ? relative(process.cwd(), file) : "(no file)");
/** A suite that several files share counts where it was started, not where it is written. */
const started = (data: { readonly file?: string; readonly entryFile?: string }): string | undefined => data.entryFile ?? data.file;
const indent = (text: string): string => text.replaceAll(/^(?=.)/gm, "    ");

function failure(data: { name: string; file?: string; line?: number; details: { error: Error } }): string {
  const { error } = data.details;
  const cause: unknown = error.cause ?? error;
  const text = cause instanceof Error ? (cause.stack ?? cause.message).replaceAll(/\n +at .*\(?node:internal.*/g, "") : inspect(cause);
  const more = cause instanceof Error && cause.cause !== undefined ? `\ncaused by ${inspect(cause.cause)}` : "";
  return `FAILED  ${data.name}\n    at ${place(data.file)}:${data.line ?? 1}\n${indent(text + more)}\n`;
}

const numbers = (tally: Pick<FileTally, "passed" | "failed" | "skipped">): string =>
  `${tally.passed} passed, ${tally.failed} failed, ${tally.skipped} skipped`;

/** A suite that passes is no test of its own, and a parent that only reports that a subtest failed is no second failure. */
function counts(data: { details: { type?: string; error?: Error } }): boolean {
  const error = data.details.error as { failureType?: string } | undefined;
  return error ? error.failureType !== "subtestsFailed" : data.details.type !== "suite";
}

/** Adds one finished test to its file's tally; answers what to print at once. */
function record(event: Extract<TestEvent, { type: "test:pass" | "test:fail" }>, tally: FileTally): string {
  const { data } = event;
  if (!counts(data)) return "";
  const reason = data.skip ?? data.todo;
  if (reason !== undefined && reason !== false) {
    tally.skipped++;
    return `skipped ${data.name}${typeof reason === "string" ? `: ${reason}` : ""}\n`;
  }
  if (event.type === "test:pass") {
    tally.passed++;
    return "";
  }
  tally.failed++;
  return failure(event.data);
}

/** What a failing file wrote, once. */
function printed(file: string, tally: FileTally): string {
  const { failed, output } = tally;
  tally.output = "";
  return failed > 0 && output ? `what ${file} printed:\n${indent(output)}\n` : "";
}

// oxlint-disable-next-line import/no-default-export -- node:test takes a reporter as the default export
export default async function* report(source: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  const files = new Map<string, FileTally>();
  const tallyOf = (file: string | undefined): FileTally => {
    const key = place(file);
    let tally = files.get(key);
    if (!tally) files.set(key, (tally = { passed: 0, failed: 0, skipped: 0, output: "" }));
    return tally;
  };
  for await (const event of source) {
    if (event.type === "test:pass" || event.type === "test:fail") {
      yield record(event, tallyOf(started(event.data)));
    } else if (event.type === "test:stdout" || event.type === "test:stderr") {
      tallyOf(event.data.file).output += event.data.message;
    } else if (event.type === "test:diagnostic" && SEEDED.test(event.data.message)) {
      yield `${place(event.data.file)}: ${event.data.message}\n`;
    } else if (event.type === "test:summary" && event.data.file) {
      const tally = tallyOf(event.data.file);
      yield printed(place(event.data.file), tally);
      yield `${numbers(tally)}  ${place(event.data.file)}  ${(event.data.duration_ms / 1000).toFixed(1)} s\n`;
    }
  }
  const total = { passed: 0, failed: 0, skipped: 0 };
  for (const [file, tally] of files) {
    yield printed(file, tally);
    total.passed += tally.passed;
    total.failed += tally.failed;
    total.skipped += tally.skipped;
  }
  yield `${numbers(total)}\n`;
}
