import type { Command } from "commander";
import type { ChangeView, GlassListView, ListView } from "../../control/types.ts";
import { statusStyle } from "../changes.ts";
import type { Context } from "../context.ts";
import { gather, integer } from "../inputs.ts";
import { table } from "../terminal.ts";
import { span } from "../words.ts";

interface Options {
  readonly status?: readonly string[];
  readonly proposer?: string;
  readonly mine?: boolean;
  readonly glass?: boolean;
  readonly limit: number;
  readonly cursor?: string;
}

export function define(command: Command, context: Context): void {
  command
    .option("--status <status>", "only changes in this state, such as awaiting; may be repeated", gather)
    .option("--proposer <principal>", "only what this principal proposed, such as agent:sandbox")
    .option("--mine", "only what you proposed")
    .option("--glass", "instead: emergencies that wait for their review")
    .option("--limit <n>", "how many at most", integer(1, 200), 50)
    .option("--cursor <cursor>", "go on from there: the list before ended with it")
    .action(async ({ status, proposer, mine, glass, limit, cursor }: Options) => {
      if (glass === true) return listGlass(context);
      const view = await context.known.get<ListView>("/v1/changes", { status: status?.join(","), proposer, mine, limit, cursor });
      context.terminal.answer(view, () => (context.terminal.manner.quiet ? view.changes.map(({ id }) => id) : lines(context, view)));
      if (view.cursor !== undefined) context.terminal.note(`more: pawl list --cursor ${view.cursor}`);
    });
}

async function listGlass({ known, terminal, io }: Context): Promise<void> {
  const view = await known.get<GlassListView>("/v1/glass");
  const cells = (of: (glass: GlassListView["glass"][number]) => string): string[] => view.glass.map(of);
  terminal.answer(view, () => {
    if (terminal.manner.quiet) return cells(({ change }) => change);
    if (view.glass.length === 0) return ["no broken glass waits for a review"];
    return table(terminal, [
      { title: "CHANGE", cells: cells(({ change }) => change) },
      {
        title: "REVIEW",
        cells: cells((glass) => reviewText(glass, io.now())),
        style: (text) => (text.startsWith("OVERDUE") ? "red" : "yellow"),
      },
      { title: "BROKEN BY", cells: cells(({ by, name }) => `${by} (${name})`) },
      { title: "AGO", cells: cells(({ at }) => span(io.now() - at)) },
      { title: "TITLE", cells: cells(({ title }) => title), flexible: true },
    ]);
  });
}

const reviewText = ({ overdue, due_at: due }: { readonly overdue: boolean; readonly due_at: number }, now: number): string =>
  overdue ? `OVERDUE by ${span(now - due)}` : `due in ${span(due - now)}`;

/** An emergency is marked until somebody else has reviewed it. */
const statusText = ({ status, glass = [] }: ChangeView): string =>
  glass.some(({ reviewed }) => reviewed === undefined) ? `${status} (GLASS)` : status;

const NARROW = 110;

function lines({ terminal, io }: Context, { changes }: ListView): string[] {
  if (changes.length === 0) return ["no changes"];
  const cells = (of: (change: ChangeView) => string): string[] => changes.map(of);
  const wide = terminal.width >= NARROW;
  return table(terminal, [
    { title: "CHANGE", cells: cells(({ id }) => id) },
    { title: "STATUS", cells: cells(statusText), style: (text) => statusStyle(text.split(" ")[0] ?? text) },
    ...(wide
      ? [
          { title: "OUTCOME", cells: cells(({ outcome }) => outcome ?? "") },
          { title: "ASKED BY", cells: cells(({ proposer }) => proposer) },
        ]
      : []),
    { title: "AGE", cells: cells(({ created_at: at }) => span(io.now() - at)) },
    { title: "TITLE", cells: cells(({ title }) => title), flexible: true },
  ]);
}
