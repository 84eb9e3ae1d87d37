import type { Command } from "commander";
import type { Digest } from "../../core/base/index.ts";
import type { ChangeView } from "../../control/types.ts";
import { answerChange, answerEnd, pathOf } from "../changes.ts";
import type { Context } from "../context.ts";
import { CliError, refusal } from "../errors.ts";
import { changeId, digest } from "../inputs.ts";
import { readPlan, signingLines, whatMoved } from "../plans.ts";

interface Options {
  readonly digest?: Digest;
  readonly yes?: boolean;
  readonly seat?: string;
  readonly comment?: string;
  readonly wait?: boolean;
}

export function define(command: Command, context: Context): void {
  command
    .argument("<change>", "its id", changeId)
    .option("--digest <digest>", "sign only if the review digest is still this one, as `pawl show` told it", digest)
    .option("--yes", "do not ask: for scripts, with --digest")
    .option("--seat <seat>", "which seat to sit in, where you may sit in several")
    .option("--comment <text>", "kept beside the ledger; only its digest is logged")
    .option("--wait", "then follow it until it ends or waits for a person")
    .action((id: string, options: Options) => approve(context, id, options));
}

async function approve(context: Context, id: string, { digest: read, yes, seat, comment, wait }: Options): Promise<void> {
  const { known, terminal } = context;
  const plan = await readPlan(context, id);
  const { review } = plan.digests;
  if (read !== undefined && read !== review) throw await moved(context, id, read, review);
  if (plan.change.status !== "awaiting")
    throw refusal("not_awaiting", `change ${id} is ${plan.change.status}: there is nothing to sign`, {
      where: id,
      remedy: plan.change.next,
    });
  if (!terminal.manner.json && (yes !== true || !terminal.manner.quiet)) terminal.note(...signingLines(terminal, plan));
  if (!(await terminal.confirm("Sign this?", yes === true))) throw refusal("not_confirmed", "nothing was signed: the answer was not yes");
  const vote = {
    decision: "approve",
    review_digest: review,
    ...(seat === undefined ? {} : { seat }),
    ...(comment === undefined ? {} : { comment }),
  };
  try {
    const view = await known.post<ChangeView>(pathOf(id, "/votes"), vote);
    await (wait === true ? answerEnd(context, view) : answerChange(context, view));
  } catch (error) {
    throw error instanceof CliError && error.code === "review_moved" ? await moved(context, id, review) : error;
  }
}

async function moved(context: Context, id: string, read: Digest, now?: Digest): Promise<CliError> {
  const parts = await whatMoved(context, id, read);
  return refusal("review_moved", `nothing was signed: what you read is no longer what is under review`, {
    where: id,
    remedy: `read it again: pawl show ${id}`,
    faults: parts.map((message) => ({ code: "moved", message, where: "changed" })),
    details: { read, now: now ?? null },
  });
}
