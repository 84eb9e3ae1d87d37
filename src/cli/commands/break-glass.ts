import type { Command } from "commander";
import type { ChangeView } from "../../control/types.ts";
import { answerChange, answerEnd, pathOf } from "../changes.ts";
import type { Context } from "../context.ts";
import { refusal } from "../errors.ts";
import { changeId, digest } from "../inputs.ts";
import { readPlan, signingLines } from "../plans.ts";

interface Options {
  readonly reason: string;
  readonly digest?: string;
  readonly yes?: boolean;
  readonly wait?: boolean;
}

export function define(command: Command, context: Context): void {
  command
    .argument("<change>", "its id", changeId)
    .requiredOption("--reason <text>", "why it cannot wait, for the record and for whoever reviews it")
    .option("--digest <digest>", "only if the review digest is still this one, as `pawl show` told it", digest)
    .option("--yes", "do not ask")
    .option("--wait", "then follow it until it ends or waits for a person")
    .action((id: string, options: Options) => breakGlass(context, id, options));
}

async function breakGlass(context: Context, id: string, { reason, digest: wanted, yes, wait }: Options): Promise<void> {
  const { known, terminal } = context;
  const plan = await readPlan(context, id);
  const { review } = plan.digests;
  if (wanted !== undefined && wanted !== review)
    throw refusal("review_moved", "nothing was done: what you read is no longer what is under review", {
      where: id,
      remedy: `read it again: pawl show ${id}`,
    });
  if (!terminal.manner.json && !terminal.manner.quiet) {
    terminal.note(...signingLines(terminal, plan));
    terminal.note("You decide this alone, in place of everybody whom policy asks. It is on record, and somebody else must review it.");
  }
  if (!(await terminal.confirm("Break the glass?", yes === true)))
    throw refusal("not_confirmed", "nothing was done: the answer was not yes");
  const view = await known.post<ChangeView>(pathOf(id, "/break-glass"), { reason, review_digest: review });
  await (wait === true ? answerEnd(context, view) : answerChange(context, view));
}
