import { fail, ok, type Digest, type Result } from "../core/base/index.ts";
import type { ChangeState } from "../core/change/index.ts";
import { withDeclarations } from "../core/operation/index.ts";
import { declarationsNow } from "./config.ts";
import type { Deps } from "./deps.ts";
import { readJson } from "./payloads.ts";
import type { PlanContext } from "./planning.ts";
import type { Connector, Guard } from "./ports.ts";
import { refused } from "./refusals.ts";
import type { ControlRefusal } from "./types.ts";

/** Connectors that do what the declarations in force say, and are told them with each step. */
export const DECLARED: readonly string[] = ["http", "command"];

/** Beside a step's plan: which declarations it was read by. */
const MARK = "declarations";

/**
 * A connector as it answers by the declarations in force. What it executes is wholly in its payload, so that only admitting and
 * analysing need them, wherever that is done.
 */
export function byDeclarations(
  connector: Connector,
  inForce: () => Promise<{ readonly text: string; readonly digest: Digest }>,
): Connector {
  if (!DECLARED.includes(connector.name)) return connector;
  return {
    ...connector,
    async admit(raw) {
      const input = withDeclarations(raw, (await inForce()).text);
      return input.ok ? connector.admit(input.value) : input;
    },
    async analyse(raw, limits) {
      const { text, digest } = await inForce();
      const input = withDeclarations(raw, text);
      if (!input.ok) return fail(input.error[0] ?? { code: "operation_input", message: "this is not what an operation's input holds" });
      const made = await connector.analyse(input.value, limits);
      if (!made.ok) return made;
      const { analysis } = made.value;
      return ok({ ...made.value, analysis: { ...analysis, context: { ...analysis.context, [MARK]: digest } } });
    },
  };
}

/**
 * What was read by declarations starts under the same ones, or is planned again first: an operation that was taken away, or is another
 * now, is not asked for on the strength of what it was.
 */
export async function onDeclarations(deps: Deps, state: ChangeState): Promise<Result<readonly Guard[], ControlRefusal>> {
  const context = "context" in state ? await readJson<PlanContext>(deps, state.context) : undefined;
  const marks = Object.values(context?.steps ?? {}).flatMap((step) => step[MARK] ?? []);
  if (marks.length === 0) return ok([]);
  const { digest, guard } = await declarationsNow(deps);
  if (marks.every((mark) => mark === digest)) return ok([guard]);
  const message = "the declarations have changed since this was planned";
  return fail(refused({ code: "declarations_moved", message, remedy: "it is planned again by itself: look at it then", where: state.id }));
}
