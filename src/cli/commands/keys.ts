import type { Command } from "commander";
import type { Context } from "../context.ts";
import { taken } from "../errors.ts";

export function define(command: Command, context: Context): void {
  command
    .command("rotate")
    .description("give the log a new key, and put on record from which size on it signs. Stop every Pawl of this database first")
    .action(() => rotate(context));
}

async function rotate({ settings, terminal }: Context): Promise<void> {
  const { rotateLogKey } = await import("../../on-disk.ts");
  const { index, from, lines } = taken(await rotateLogKey(settings));
  terminal.answer({ entry: index, from, log_keys: lines }, () => [
    `entry ${index} names the new key, which signs from size ${from} on; the old one is gone and signs nothing more`,
    "",
    "Give these lines to whoever trusts this log, by another way than Pawl: auditors, runners and witnesses",
    ...lines.map((line) => `  ${line}`),
  ]);
}
