/** Connector `command`: runs the program that a declared operation says. Its rules are in docs/spec/operations.md. */
import { resolve } from "node:path";
import type { Connector } from "../../control/ports.ts";
import { compileGlob, digestJson, ok } from "../../core/base/index.ts";
import type { Refusal } from "../../core/base/index.ts";
import { resolveProgram } from "../../core/operation/index.ts";
import { operated } from "../operated.ts";
import { analyseAsked } from "./analyse.ts";
import { applyPayload, current, undoPayload, verifyPayload } from "./execute.ts";
import { decodePayload } from "./payload.ts";
import type { CommandOptions } from "./types.ts";

export type { CommandOptions } from "./types.ts";

/** Raised with every change to what the connector derives or does. */
const VERSION = 1;

/** What is wrong with the operator's list of programs. */
export const checkPrograms = ({ programs, probes = [] }: Pick<CommandOptions, "programs" | "probes">): readonly Refusal[] => {
  const isPath = (pattern: string): boolean => pattern.startsWith("/") && compileGlob(pattern).ok;
  const fault = (where: string, message: string, remedy: string): Refusal => ({
    code: "command_declaration_invalid",
    message,
    where,
    remedy,
  });
  return [
    ...programs.flatMap((pattern, i) =>
      isPath(pattern) ? [] : [fault(`command.programs[${i}]`, "is no absolute path", "write /usr/bin/name; `*` stands for a part")],
    ),
    ...probes.flatMap((line, i) =>
      isPath(line.split(" ")[0] ?? "") && line.split(" ").every((part) => part !== "" && compileGlob(part).ok)
        ? []
        : [
            fault(
              `command.probes[${i}]`,
              "is no command line",
              "write /usr/bin/name and its arguments with one space between; `*` stands for a part",
            ),
          ],
    ),
  ];
};

export function commandConnector(given: CommandOptions): Connector {
  const options = { ...given, workDir: resolve(given.workDir) };
  return {
    digest: digestJson({
      connector: "command",
      version: VERSION,
      programs: options.programs.toSorted(),
      probes: (options.probes ?? []).toSorted(),
      pass: options.pass.toSorted(),
    }),
    needs: { read: options.pass, write: options.pass },
    ...operated({
      name: "command",
      options,
      secretsPlace: "what a command needs is a variable of the settings",
      fault: ({ operation, args }) => {
        const run = resolveProgram(operation.run, { args });
        return run.ok ? undefined : run.error;
      },
      analyse: analyseAsked,
      decode: decodePayload,
      observe: async (execution) => {
        const now = await current(execution);
        return now.ok ? ok({ stateDigest: now.value.digest, context: {} }) : now;
      },
      apply: applyPayload,
      verify: verifyPayload,
      undo: undoPayload,
    }),
  };
}
