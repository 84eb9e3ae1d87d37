import { InvalidArgumentError, type Command } from "commander";
import type { ChangeView } from "../../control/types.ts";
import { answerChange, pathOf } from "../changes.ts";
import type { Context } from "../context.ts";
import { refusal } from "../errors.ts";
import { changeId } from "../inputs.ts";

interface Options {
  readonly outcome: string;
  readonly evidence: string;
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
    .requiredOption("--outcome <outcome>", `how the run did end: ${ENDS.join(", ")}`, ending)
    .requiredOption("--evidence <text>", "how that was found out, for the record")
    .option("--yes", "do not ask")
    .action(async (id: string, { outcome, evidence, yes }: Options) => {
      const view = await context.known.get<ChangeView>(pathOf(id));
      if (view.run === undefined)
        throw refusal("no_run", `change ${id} has no run to reconcile: it is ${view.status}`, { remedy: `pawl show ${id}` });
      const sure = await context.terminal.confirm(`Record that run ${view.run.id} ended as ${outcome}?`, yes === true);
      if (!sure) throw refusal("not_confirmed", "nothing was recorded: the answer was not yes");
      answerChange(context, await context.known.post<ChangeView>(pathOf(id, "/reconcile"), { run: view.run.id, as: outcome, evidence }));
    });
}
