/** Pawl's own policy and directory change like everything else: through a proposal for the connector `pawl`. */
import type { ChangeView } from "../control/types.ts";
import { exitFor, follow } from "./changes.ts";
import type { Context } from "./context.ts";

export interface ConfigOptions {
  readonly title?: string;
  readonly summary?: string;
  readonly wait?: boolean;
}

const TITLES = { policy: "Replace the policy", directory: "Replace the directory of people, machines and groups" } as const;

export async function proposeConfig(
  context: Context,
  kind: "policy" | "directory",
  text: string,
  { title, summary, wait }: ConfigOptions,
): Promise<void> {
  const { terminal } = context;
  const proposal = {
    title: title ?? TITLES[kind],
    ...(summary === undefined ? {} : { summary }),
    steps: [{ connector: "pawl", input: { kind, text } }],
  };
  const view = await context.known.post<ChangeView>("/v1/changes", proposal);
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
