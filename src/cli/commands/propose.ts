import type { Command } from "commander";
import type { ChangeView } from "../../control/types.ts";
import { answerProposed } from "../changes.ts";
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
  const { known } = context;
  const proposal = await proposalFrom(context, options);
  const headers: Record<string, string> = idempotencyKey === undefined ? {} : { "idempotency-key": idempotencyKey };
  await answerProposed(context, await known.post<ChangeView>("/v1/changes", proposal, headers), wait === true);
}
