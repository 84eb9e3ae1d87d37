import type { Command } from "commander";
import type { ChangeView } from "../../control/types.ts";
import { answerChange, pathOf } from "../changes.ts";
import type { Context } from "../context.ts";
import { changeId } from "../inputs.ts";

/** A brake is not asked whether it is meant. */
export function define(command: Command, context: Context): void {
  command
    .argument("<change>", "its id", changeId)
    .action(async (id: string) => answerChange(context, await context.known.post<ChangeView>(pathOf(id, "/stop"))));
}
