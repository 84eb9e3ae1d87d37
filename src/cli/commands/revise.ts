import type { Command } from "commander";
import type { ChangeView } from "../../control/types.ts";
import { answerProposed, pathOf } from "../changes.ts";
import type { Context } from "../context.ts";
import { changeId } from "../inputs.ts";
import { proposalFrom, proposalOptions, type ProposalOptions } from "../proposing.ts";

interface Options extends ProposalOptions {
  readonly wait?: boolean;
}

export function define(command: Command, context: Context): void {
  proposalOptions(command.argument("<change>", "its id", changeId))
    .option("--wait", "follow it until it ends or waits for a person")
    .action((id: string, options: Options) => revise(context, id, options));
}

async function revise(context: Context, id: string, { wait, ...options }: Options): Promise<void> {
  const { known } = context;
  const proposal = await proposalFrom(context, options);
  await answerProposed(context, await known.post<ChangeView>(pathOf(id, "/revisions"), proposal), wait === true);
}
