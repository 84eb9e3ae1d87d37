import type { Command } from "commander";
import type { ChangeView } from "../../control/types.ts";
import { answerEnd, pathOf } from "../changes.ts";
import type { Context } from "../context.ts";
import { changeId } from "../inputs.ts";

export function define(command: Command, context: Context): void {
  command
    .argument("<change>", "its id", changeId)
    .description("start an authorised change that waits for it, and follow it")
    .action(async (id: string) => {
      await answerEnd(context, await context.known.post<ChangeView>(pathOf(id, "/run")), true);
    });
}
