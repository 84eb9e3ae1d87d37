import type { Command } from "commander";
import { visible } from "../../core/base/index.ts";
import type { Context } from "../context.ts";
import { examine, type Finding } from "../examining.ts";
import { plural } from "../words.ts";

export function define(command: Command, context: Context): void {
  command.action(() => doctor(context));
}

async function doctor(context: Context): Promise<void> {
  const { terminal } = context;
  const findings: Finding[] = [];
  for await (const finding of examine(context)) {
    findings.push(finding);
    terminal.line(...lines(context, finding));
  }
  const failed = findings.filter(({ state }) => state === "fail");
  const warned = findings.filter(({ state }) => state === "warn");
  const verdict =
    failed.length > 0
      ? `${plural(failed.length, "thing")} to mend`
      : warned.length > 0
        ? `nothing is broken; ${plural(warned.length, "thing")} to look at`
        : "all is well";
  terminal.line("", terminal.paint("bold", verdict));
  terminal.answer({ ok: failed.length === 0, findings }, () => []);
  if (failed.length > 0) context.exit = 1;
}

const MARKS = { ok: ["green", "✓"], warn: ["yellow", "!"], fail: ["red", "✗"] } as const;

function lines({ terminal }: Context, { name, state, text, remedy }: Finding): string[] {
  const [style, mark] = MARKS[state];
  return [
    `${terminal.paint(style, mark)} ${name.padEnd(15)}  ${visible(text)}`,
    ...(remedy === undefined ? [] : [`                   ${terminal.paint("dim", "remedy:")} ${visible(remedy)}`]),
  ];
}
