import type { Command } from "commander";
import type { ChangeView } from "../../control/types.ts";
import { answerChange, pathOf } from "../changes.ts";
import type { Context } from "../context.ts";
import { refusal } from "../errors.ts";
import { changeId } from "../inputs.ts";

interface Options {
  readonly comment?: string;
  readonly seat?: string;
}

export function define(command: Command, context: Context): void {
  command
    .argument("<change>", "its id", changeId)
    .option("--comment <text>", "why; the proposer reads it")
    .option("--seat <seat>", "in which seat you say so, where you may sit in several")
    .action(async (id: string, { comment, seat }: Options) => {
      const view = await context.known.get<ChangeView>(pathOf(id));
      if (view.review_digest === undefined)
        throw refusal("no_plan", `change ${id} is ${view.status}: there is nothing to reject`, { remedy: `pawl show ${id}` });
      const vote = {
        decision: "reject",
        review_digest: view.review_digest,
        ...(comment === undefined ? {} : { comment }),
        ...(seat === undefined ? {} : { seat }),
      };
      answerChange(context, await context.known.post<ChangeView>(pathOf(id, "/votes"), vote));
    });
}
