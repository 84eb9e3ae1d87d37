import type { Command } from "commander";
import type { Context } from "../context.ts";
import { usage } from "../errors.ts";

export function define(command: Command, _context: Context): void {
  command.action(() => {
    throw usage("the demo is not here yet");
  });
}
