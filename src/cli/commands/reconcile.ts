import { InvalidArgumentError, type Command } from "commander";
import { basename } from "node:path";
import { toBase64, visible } from "../../core/base/index.ts";
import type { ChangeView, OutcomeView } from "../../control/types.ts";
import { answerChange, outcomeText, pathOf } from "../changes.ts";
import type { Context } from "../context.ts";
import { refusal, usage } from "../errors.ts";
import { changeId, readBytes } from "../inputs.ts";
import { moment } from "../words.ts";

interface Options {
  readonly outcome?: string;
  readonly evidence?: string;
  readonly evidenceFile?: string;
  readonly yes?: boolean;
}

const MOST_FILE_BYTES = 1024 * 1024;
const ENDS = ["verified", "failed", "undone"];

function ending(text: string): string {
  if (ENDS.includes(text)) return text;
  throw new InvalidArgumentError(`must be one of ${ENDS.join(", ")}.`);
}

export function define(command: Command, context: Context): void {
  command
    .argument("<change>", "its id", changeId)
    .option("--outcome <outcome>", `how the run did end: ${ENDS.join(", ")}; without it, what there is to look at`, ending)
    .option("--evidence <text>", "how that was found out, for the record")
    .option("--evidence-file <file>", "a file that shows it, such as a log: its digest goes into the ledger, and its bytes are kept")
    .option("--yes", "do not ask")
    .action(async (id: string, options: Options) => {
      const { outcome, evidence, evidenceFile } = options;
      if (outcome === undefined && evidence === undefined && evidenceFile === undefined) return show(context, id);
      if (outcome === undefined || evidence === undefined)
        throw usage(`--${outcome === undefined ? "outcome" : "evidence"} is missing`, {
          remedy: "say how it ended, and how that was found out",
        });
      const file = evidenceFile === undefined ? undefined : await readBytes(context, evidenceFile, MOST_FILE_BYTES, "the evidence");
      const attached = file && { name: basename(evidenceFile ?? ""), base64: toBase64(file) };
      return record(context, id, { outcome, evidence, yes: options.yes === true, ...(attached && { file: attached }) });
    });
}

interface Said {
  readonly outcome: string;
  readonly evidence: string;
  readonly file?: { readonly name: string; readonly base64: string };
  readonly yes: boolean;
}

async function record(context: Context, id: string, said: Said): Promise<void> {
  const view = await context.known.get<ChangeView>(pathOf(id));
  if (view.run === undefined)
    throw refusal("no_run", `change ${id} has no run to reconcile: it is ${view.status}`, { remedy: `pawl show ${id}` });
  const sure = await context.terminal.confirm(`Record that run ${view.run.id} ended as ${said.outcome}?`, said.yes);
  if (!sure) throw refusal("not_confirmed", "nothing was recorded: the answer was not yes");
  const { outcome: as, evidence, file } = said;
  const body = { run: view.run.id, as, evidence, ...(file && { file }) };
  answerChange(context, await context.known.post<ChangeView>(pathOf(id, "/reconcile"), body));
}

/** What is on record, and what can be seen now: the rest a person finds out. */
async function show(context: Context, id: string): Promise<void> {
  const { terminal } = context;
  const found = await context.known.get<OutcomeView>(pathOf(id, "/outcome"));
  const { checked } = found;
  terminal.answer(found, () => [
    `${terminal.paint("bold", visible(found.change))}  run ${visible(found.run)}: ${visible(found.because)}`,
    ...(checked === undefined ? [] : [`  looked at ${checked.n} times, last ${moment(checked.at)}: ${checked.result}`]),
    ...found.steps.flatMap((step) => stepLines(step)),
  ]);
  terminal.note("", `when you know: pawl reconcile ${id} --outcome ${ENDS.join("|")} --evidence "how you know"`);
}

function stepLines({ id, connector, outcome, approved, seen, fault }: OutcomeView["steps"][number]): readonly string[] {
  const head = `  ${visible(id)} (${visible(connector)}): ${outcomeText(outcome)}`;
  if (fault !== undefined) return [head, `    cannot be seen: ${visible(fault.code)}: ${visible(fault.message)}`];
  if (seen === undefined) return [head];
  const context = Object.entries(seen.context).map(([name, text]) => `    ${visible(name)} ${visible(text)}`);
  if (seen.as_approved)
    return [head, "    its state is now as it was when it was approved: as if it had never happened, or had been undone", ...context];
  return [
    head,
    "    its state is now another than was approved: it may have happened",
    `      then ${approved}`,
    `      now  ${seen.state}`,
    ...context,
  ];
}
