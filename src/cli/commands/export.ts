import type { Command } from "commander";
import { setTimeout as pause } from "node:timers/promises";
import type { ExportPage } from "../../control/types.ts";
import { EXPORT_FORMATS, type ExportFormat } from "../../core/evidence/index.ts";
import type { Context } from "../context.ts";
import { oneOf } from "../inputs.ts";

interface Options {
  readonly format: ExportFormat;
  readonly since?: string;
  readonly follow?: boolean;
}

const EVERY_MILLIS = 2_000;
const PAGE = 500;

export function define(command: Command, context: Context): void {
  command
    .option("--format <form>", `one event to a line: ${EXPORT_FORMATS.join(", ")}`, oneOf(EXPORT_FORMATS), "jsonl")
    .option("--since <cursor>", "go on where an earlier export ended")
    .option("--follow", "go on as entries come, until interrupted")
    .action((options: Options) => exported(context, options));
}

/** Events go to stdout, one to a line whatever `--json` says; the cursor goes to stderr, for the next time, however this one ended. */
async function exported({ known, terminal, io }: Context, { format, since, follow }: Options): Promise<void> {
  let reached: string | undefined;
  try {
    for (;;) {
      const page: ExportPage = await known.get<ExportPage>("/v1/export", { format, limit: PAGE, since: reached ?? since });
      for (const event of page.events) terminal.data(event);
      reached = page.cursor;
      if (page.more) continue;
      if (follow !== true) return;
      await pause(EVERY_MILLIS, undefined, { signal: io.signal }).catch(() => undefined);
      if (io.signal.aborted) return;
    }
  } finally {
    if (reached !== undefined) terminal.note(`cursor ${reached}: go on with --since ${reached}`);
  }
}
