import type { Command } from "commander";
import type { Context } from "../context.ts";
import { changeId, gather } from "../inputs.ts";
import { readTrust, type TrustOptions } from "../trust.ts";
import { verifyChange, type Check } from "../verifying.ts";
import { visible } from "../../core/base/index.ts";
import { plural } from "../words.ts";

interface Options extends TrustOptions {
  readonly whole?: boolean;
}

export function define(command: Command, context: Context): void {
  command
    .argument("<change>", "its id", changeId)
    .option("--trust <file>", "the keys you trust; else trust.json of the data folder")
    .option("--vkey <key>", "the log's verifier key, name+id+key; may be repeated", gather)
    .option("--whole", "read the whole log too, so that no entry of the change can have been left out")
    .action((id: string, options: Options) => verify(context, id, options));
}

async function verify(context: Context, id: string, { whole, ...options }: Options): Promise<void> {
  const { terminal } = context;
  const trust = readTrust(context, options);
  const checks: Check[] = [];
  for await (const check of verifyChange(context, id, trust, whole === true)) {
    checks.push(check);
    terminal.line(checkLine(context, check));
  }
  const failed = checks.filter(({ holds }) => holds === false);
  const open = checks.filter(({ holds }) => holds === undefined);
  const verdict =
    failed.length > 0
      ? `${plural(failed.length, "check")} did not hold`
      : `everything that was checked holds${open.length === 0 ? "" : `; ${open.length} could not be checked`}`;
  terminal.line(
    "",
    `${terminal.paint(failed.length > 0 ? ["red", "bold"] : "bold", verdict)}  ${terminal.paint("dim", `trusting ${visible(trust.from)}`)}`,
  );
  terminal.answer(
    {
      change: id,
      holds: failed.length === 0,
      trusted: trust.from,
      checks: checks.map(({ name, holds, text }) => ({ name, holds: holds ?? null, text })),
    },
    () => [],
  );
  if (failed.length > 0) context.exit = 1;
}

function checkLine({ terminal }: Context, { name, holds, text }: Check): string {
  const mark =
    holds === undefined ? terminal.paint("yellow", "?") : holds ? terminal.paint("green", "✓") : terminal.paint(["red", "bold"], "✗");
  return `${mark} ${name.padEnd(12)} ${visible(text)}`;
}
