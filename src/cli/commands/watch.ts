import type { Command } from "commander";
import type { ChangeView } from "../../control/types.ts";
import { exitFor, follow, pathOf } from "../changes.ts";
import type { Context } from "../context.ts";
import { changeId } from "../inputs.ts";

export function define(command: Command, context: Context): void {
  command.argument("<change>", "its id", changeId).action(async (id: string) => {
    const { view, standing } = await follow(context, await context.known.get<ChangeView>(pathOf(id)));
    context.terminal.answer(view, () => (context.terminal.manner.quiet ? [view.status] : []));
    context.exit = exitFor(standing);
  });
}
