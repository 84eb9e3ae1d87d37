import type { Command } from "commander";
import type { Context } from "../context.ts";
import { isFile } from "../files.ts";
import { usage } from "../errors.ts";
import { changeId, gather } from "../inputs.ts";
import { readTrust, type TrustOptions } from "../trust.ts";
import { verifyChange } from "../verifying.ts";
import { verifyFile } from "../verifying-files.ts";
import { visible } from "../../core/base/index.ts";
import type { Check } from "../../core/evidence/index.ts";
import { plural } from "../words.ts";

interface Options extends TrustOptions {
  readonly whole?: boolean;
  readonly entries?: string;
}

export function define(command: Command, context: Context): void {
  command
    .argument("<what>", "a change's id, or the file of a bundle or report")
    .option("--trust <file>", "the keys you trust; else trust.json of the data folder")
    .option("--vkey <key>", "the log's verifier key, name+id+key; may be repeated", gather)
    .option("--whole", "read the whole log too, so that no entry of the change can have been left out")
    .option("--entries <from>", "with a file: every entry of the log, a file of `pawl ledger export` or the address of a Pawl")
    .action((what: string, options: Options) => verify(context, what, options));
}

async function verify(context: Context, what: string, { whole, entries, ...options }: Options): Promise<void> {
  const { terminal } = context;
  const file = isFile(context, what);
  if (!file) checkedId(what);
  if (file ? whole === true : entries !== undefined)
    throw usage(
      file ? "--whole asks a server; a file is checked against --entries" : "--entries goes with a file; a change of a server has --whole",
    );
  const trust = readTrust(context, options);
  const checks: Check[] = [];
  const tell = (check: Check): void => {
    checks.push(check);
    terminal.line(checkLine(context, check));
  };
  let shown = what;
  if (file) {
    const verified = await verifyFile(context, what, trust, entries);
    shown = verified.what;
    terminal.line(terminal.paint("bold", shown), "");
    for (const check of verified.checks) tell(check);
  } else for await (const check of verifyChange(context, what, trust, whole === true)) tell(check);
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
      ...(file ? { file: what, what: shown } : { change: what }),
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

/** A path that leads nowhere is most likely meant as one. */
function checkedId(what: string): void {
  if (/[./\\]/.test(what))
    throw usage("there is no such file", { where: what, remedy: "name a bundle or a report, or a change by its id" });
  try {
    changeId(what);
  } catch (error) {
    throw usage(error instanceof Error ? error.message : "", { where: what, remedy: "name a change by its id, or the file of a bundle" });
  }
}
