/** Pawl's own policy and directory change like everything else: through a proposal for the connector `pawl`. */
import type { ChangeView } from "../control/types.ts";
import { answerProposed } from "./changes.ts";
import type { Context } from "./context.ts";

export interface ConfigOptions {
  readonly title?: string;
  readonly summary?: string;
  readonly wait?: boolean;
}

const TITLES = {
  policy: "Replace the policy",
  directory: "Replace the directory of people, machines and groups",
  connectors: "Replace the declared operations",
} as const;

export async function proposeConfig(context: Context, kind: keyof typeof TITLES, text: string, options: ConfigOptions): Promise<void> {
  const { title = TITLES[kind], summary, wait } = options;
  const proposal = { title, ...(summary === undefined ? {} : { summary }), steps: [{ connector: "pawl", input: { kind, text } }] };
  await answerProposed(context, await context.known.post<ChangeView>("/v1/changes", proposal), wait === true);
}
