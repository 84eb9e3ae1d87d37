import type { Command } from "commander";
import type { Context } from "../context.ts";

export function define(command: Command, context: Context): void {
  command.action(() => demo(context));
}

async function demo({ terminal }: Context): Promise<void> {
  const { runDemo } = await import("../../demo/index.ts");
  const story: string[] = [];
  await runDemo({
    tell: (line) => {
      story.push(line);
      terminal.line(...line.split("\n"));
    },
    strong: (text) => terminal.paint("bold", text),
  });
  terminal.answer({ story }, () => []);
}
