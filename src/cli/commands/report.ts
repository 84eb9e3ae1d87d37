import { InvalidArgumentError, type Command } from "commander";
import { writeFile } from "node:fs/promises";
import { resolve } from "node:path";
import { canonical } from "../../core/base/index.ts";
import { ReportBuilder, type ChangeReport } from "../../core/evidence/index.ts";
import type { ChangeView } from "../../control/types.ts";
import { pathOf } from "../changes.ts";
import type { Context } from "../context.ts";
import { CliError, EXIT, refusal, usage } from "../errors.ts";
import { gather, integer, oneOf } from "../inputs.ts";
import { openHead, verifyWhole, type HeadView } from "../log.ts";
import { reportMarkdown } from "../report-text.ts";
import { readTrust, type Trust, type TrustOptions } from "../trust.ts";

interface Options extends TrustOptions {
  readonly from: number;
  readonly to: number;
  readonly format: "markdown" | "json";
  readonly out?: string;
  readonly sample: number;
  readonly seed?: string;
}

const MOST_SAMPLED = 10_000;

export function define(command: Command, context: Context): void {
  command
    .requiredOption("--from <moment>", "first day or moment of the range, such as 2026-07-01", moment)
    .requiredOption("--to <moment>", "the moment at which it ends, itself not part of it", moment)
    .option("--format <form>", "markdown for people, json for `pawl verify`", oneOf(["markdown", "json"]), "markdown")
    .option("-o, --out <file>", "a new file, instead of standard output")
    .option("--sample <n>", "how many changes to draw", integer(0, MOST_SAMPLED), 25)
    .option("--seed <text>", "what they are drawn by; else the log's root at the end of the range")
    .option("--trust <file>", "the keys you trust; else trust.json of the data folder")
    .option("--vkey <key>", "the log's verifier key, name+id+key; may be repeated", gather)
    .action((options: Options) => report(context, options));
}

function moment(text: string): number {
  const at = /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d{1,3})?)?(Z|[+-]\d\d:\d\d))?$/.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(at))
    throw new InvalidArgumentError("write a day as 2026-07-01, or a moment as 2026-07-01T12:00:00Z; a day begins at midnight UTC.");
  return at;
}

async function report(context: Context, { out, format, ...options }: Options): Promise<void> {
  if (options.from >= options.to) throw usage("the range ends before it begins", { where: "--to", remedy: "name a later moment" });
  const made = await madeOf(context, options, readTrust(context, options));
  const text = format === "json" ? `${canonical(made)}\n` : reportMarkdown(made);
  if (out === undefined) {
    if (context.terminal.manner.json || format === "json") context.terminal.data(made);
    else context.terminal.help("stdout", text);
    return;
  }
  await writeFile(resolve(context.io.cwd, out), text, { flag: "wx" }).catch((error: NodeJS.ErrnoException) => {
    throw usage(error.code === "EEXIST" ? "the file exists already" : `the file cannot be written: ${error.code ?? error.message}`, {
      where: out,
      remedy: "name another one",
    });
  });
  const exceptions = made.changes.filter((row) => row.exceptions.length > 0).length;
  context.terminal.answer({ file: out, changes: made.changes.length, exceptions, range: made.range, seed: made.sample.seed }, () => [
    `${out}: ${made.changes.length} changes, ${exceptions} of them exceptions; entries ${made.range.from} to ${made.range.to - 1}`,
  ]);
}

/** Every entry is read and verified on the way, so that whoever makes a report has checked it. */
async function madeOf(context: Context, { from, to, sample, seed }: Omit<Options, "format" | "out">, trust: Trust): Promise<ChangeReport> {
  const { client } = context;
  const { checkpoint } = await client.get<HeadView>("/v1/ledger/head");
  const head = openHead(checkpoint, trust);
  if (!head.ok) throw refusal(head.error.code, head.error.message, { where: `the head, against ${trust.from}` });
  const builder = new ReportBuilder({ origin: trust.origin, from, to, sample, ...(seed === undefined ? {} : { seed }) });
  const verified = await verifyWhole(client, checkpoint, trust, ({ index, entry }) => builder.take(index, entry));
  if (!verified.ok) throw refusal(verified.error.code, verified.error.message, { where: "the log" });
  const made = builder.finish();
  const { proof } = await client.get<{ readonly proof: readonly string[] }>("/v1/ledger/proof/consistency", {
    from: made.range.to,
    to: head.value.size,
  });
  const titles = await titlesOf(
    context,
    made.changes.map(({ change }) => change),
  );
  return { ...made, head: { checkpoint, consistency: proof }, told: { titles } };
}

/** What each change is called, as far as the caller may know it. */
async function titlesOf(context: Context, changes: readonly string[]): Promise<Readonly<Record<string, string>>> {
  if (context.token() === undefined) return {};
  const titles: Record<string, string> = {};
  for (const change of changes) {
    try {
      titles[change] = (await context.client.get<ChangeView>(pathOf(change))).title;
    } catch (error) {
      if (!(error instanceof CliError) || error.exit !== EXIT.refused) throw error;
    }
  }
  return titles;
}
