import type { Command } from "commander";
import type { ChangeView } from "../../control/types.ts";
import { exitFor, follow } from "../changes.ts";
import type { Context } from "../context.ts";
import { proposalFrom, proposalOptions, type ProposalOptions } from "../proposing.ts";

interface Options extends ProposalOptions {
  readonly idempotencyKey?: string;
  readonly wait?: boolean;
}

export function define(command: Command, context: Context): void {
  proposalOptions(command)
    .option("--idempotency-key <key>", "the same key and proposal answer with the same change, however often they are sent")
    .option("--wait", "follow it until it ends or waits for a person")
    .action((options: Options) => propose(context, options));
}

async function propose(context: Context, { idempotencyKey, wait, ...options }: Options): Promise<void> {
  const { known, terminal } = context;
  const proposal = await proposalFrom(context, options);
  const view = await known.post<ChangeView>(
    "/v1/changes",
    proposal,
    idempotencyKey === undefined ? {} : { "idempotency-key": idempotencyKey },
  );
  if (wait !== true) {
    terminal.answer(view, () => [view.id]);
    terminal.note(`proposed; read its plan with: pawl show ${view.id}`);
    return;
  }
  terminal.line(view.id);
  const { view: last, standing } = await follow(context, view);
  terminal.answer(last, () => []);
  context.exit = exitFor(standing);
}
