import type { Command } from "commander";
import { visible } from "../../core/base/index.ts";
import type { ChangeView } from "../../control/types.ts";
import { answerEnd, pathOf } from "../changes.ts";
import type { Context } from "../context.ts";
import { changeId } from "../inputs.ts";

export function define(command: Command, context: Context): void {
  command.argument("<change>", "its id", changeId).action(async (id: string) => {
    const stop = context.known.listen("/v1/stream", (event, data) => {
      if (event === "progress") for (const line of linesOf(data, id)) context.terminal.note(context.terminal.paint("dim", `  ${line}`));
    });
    try {
      await answerEnd(context, await context.known.get<ChangeView>(pathOf(id)));
    } finally {
      stop();
    }
  });
}

/** What a runner says while it works on this change: news, and no evidence of anything. */
function linesOf(data: unknown, id: string): readonly string[] {
  const { change, lines } = (data ?? {}) as { readonly change?: unknown; readonly lines?: unknown };
  if (change !== id || !Array.isArray(lines)) return [];
  return lines.filter((line): line is string => typeof line === "string").map((line) => visible(line));
}
