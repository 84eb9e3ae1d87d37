import type { Command } from "commander";
import type { ChangeView } from "../../control/types.ts";
import { answerChange, pathOf } from "../changes.ts";
import type { Context } from "../context.ts";
import { changeId } from "../inputs.ts";

export function define(command: Command, context: Context): void {
  command
    .argument("<change>", "its id", changeId)
    .option("--vote", "take back your own vote, and leave the change as it is")
    .action(async (id: string, { vote }: { readonly vote?: boolean }) => {
      const { known } = context;
      answerChange(
        context,
        vote === true ? await known.delete<ChangeView>(pathOf(id, "/votes")) : await known.post<ChangeView>(pathOf(id, "/withdraw")),
      );
    });
}
