import type { Command } from "commander";
import type { ChangeView } from "../../control/types.ts";
import { answerChange, pathOf } from "../changes.ts";
import type { Context } from "../context.ts";
import { changeId } from "../inputs.ts";

interface Options {
  readonly reason: string;
  readonly code?: string;
  readonly resource?: string;
}

export function define(command: Command, context: Context): void {
  command
    .argument("<change>", "its id", changeId)
    .requiredOption("--reason <text>", "what to mend, in words")
    .option("--code <code>", "the same as a short code, for the agent")
    .option("--resource <resource>", "what it is about, as the plan names it")
    .action(async (id: string, { reason, code, resource }: Options) => {
      const body = { reason, ...(code === undefined ? {} : { code }), ...(resource === undefined ? {} : { resource }) };
      answerChange(context, await context.known.post<ChangeView>(pathOf(id, "/send-back"), body));
    });
}
