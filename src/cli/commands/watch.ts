import type { Command } from "commander";
import type { ChangeView } from "../../control/types.ts";
import { answerEnd, pathOf } from "../changes.ts";
import type { Context } from "../context.ts";
import { changeId } from "../inputs.ts";

export function define(command: Command, context: Context): void {
  command.argument("<change>", "its id", changeId).action(async (id: string) => {
    await answerEnd(context, await context.known.get<ChangeView>(pathOf(id)));
  });
}
