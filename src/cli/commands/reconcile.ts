import { InvalidArgumentError, type Command } from "commander";
import { visible } from "../../core/base/index.ts";
import type { ChangeView, OutcomeView } from "../../control/types.ts";
import { answerChange, outcomeText, pathOf } from "../changes.ts";
import type { Context } from "../context.ts";
import { refusal, usage } from "../errors.ts";
import { changeId } from "../inputs.ts";
import { moment } from "../words.ts";

interface Options {
  readonly outcome?: string;
  readonly evidence?: string;
  readonly yes?: boolean;
}

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
    .option("--yes", "do not ask")
    .action(async (id: string, options: Options) => {
      const { outcome, evidence } = options;
      if (outcome === undefined && evidence === undefined) return show(context, id);
      if (outcome === undefined || evidence === undefined)
        throw usage(`--${outcome === undefined ? "outcome" : "evidence"} is missing`, {
          remedy: "say how it ended, and how that was found out",
        });
      return record(context, id, { outcome, evidence, yes: options.yes === true });
    });
}

async function record(context: Context, id: string, said: { outcome: string; evidence: string; yes: boolean }): Promise<void> {
  const view = await context.known.get<ChangeView>(pathOf(id));
  if (view.run === undefined)
    throw refusal("no_run", `change ${id} has no run to reconcile: it is ${view.status}`, { remedy: `pawl show ${id}` });
  const sure = await context.terminal.confirm(`Record that run ${view.run.id} ended as ${said.outcome}?`, said.yes);
  if (!sure) throw refusal("not_confirmed", "nothing was recorded: the answer was not yes");
  const { outcome: as, evidence } = said;
  answerChange(context, await context.known.post<ChangeView>(pathOf(id, "/reconcile"), { run: view.run.id, as, evidence }));
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
    return [head, "    now as it was when it was approved: as if it had never happened, or had been undone", ...context];
  return [head, "    now not as it was when it was approved:", `      then ${approved}`, `      now  ${seen.state}`, ...context];
}
