import { withDeclarations } from "../core/operation/index.ts";
import { fail } from "../core/base/index.ts";
import type { Connector } from "./ports.ts";

/** Connectors that do what the declarations in force say, and are told them with each step. */
export const DECLARED: readonly string[] = ["http", "command"];

/**
 * A connector as it answers by the declarations in force. What it executes is wholly in its payload, so that only admitting and
 * analysing need them, wherever that is done.
 */
export function byDeclarations(connector: Connector, inForce: () => Promise<{ readonly text: string }>): Connector {
  if (!DECLARED.includes(connector.name)) return connector;
  return {
    ...connector,
    async admit(raw) {
      const input = withDeclarations(raw, (await inForce()).text);
      return input.ok ? connector.admit(input.value) : input;
    },
    async analyse(raw, limits) {
      const input = withDeclarations(raw, (await inForce()).text);
      if (input.ok) return connector.analyse(input.value, limits);
      return fail(input.error[0] ?? { code: "operation_input", message: "this is not what an operation's input holds" });
    },
  };
}
