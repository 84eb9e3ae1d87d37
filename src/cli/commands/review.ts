import type { Command } from "commander";
import type { ChangeView } from "../../control/types.ts";
import { answerChange, pathOf } from "../changes.ts";
import type { Context } from "../context.ts";
import { usage } from "../errors.ts";
import { changeId } from "../inputs.ts";

interface Options {
  readonly approve?: boolean;
  readonly object?: boolean;
  readonly evidence: string;
}

export function define(command: Command, context: Context): void {
  command
    .argument("<change>", "its id", changeId)
    .option("--approve", "it was right to break the glass")
    .option("--object", "it was not")
    .requiredOption("--evidence <text>", "what you looked at and what you found, for the record")
    .action(async (id: string, { approve, object, evidence }: Options) => {
      if ((approve === true) === (object === true)) throw usage("say --approve or --object", { remedy: "one of the two" });
      const verdict = approve === true ? "approve" : "object";
      answerChange(context, await context.known.post<ChangeView>(pathOf(id, "/review"), { verdict, evidence }));
    });
}
