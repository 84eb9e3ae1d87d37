import type { Command } from "commander";
import { InvalidArgumentError } from "commander";
import { once } from "node:events";
import { resolve } from "node:path";
import type { Context } from "../context.ts";
import { taken } from "../errors.ts";
import { gather } from "../inputs.ts";

interface Options {
  readonly log: readonly string[];
  readonly folder: string;
  readonly listen: { readonly host: string; readonly port: number };
  readonly name?: string;
}

export function define(command: Command, context: Context): void {
  command
    .requiredOption("--log <vkey>", "verifier key of a log to witness, from its trust.json; may be repeated", gather)
    .option("--folder <folder>", "where its key, what it remembers and proofs of forks are kept", "./witness")
    .option("--listen <address>", "address and port to listen on", address, { host: "127.0.0.1", port: 7296 })
    .option("--name <name>", "its name, at the first start; made up when absent")
    .action((options: Options) => witness(context, options));
}

function address(text: string): Options["listen"] {
  const [, host = "", port = ""] = /^(?:(\[[0-9a-f:]+\]|[\w.-]+):)?(\d{1,5})$/i.exec(text) ?? [];
  if (port === "" || Number(port) > 65_535) throw new InvalidArgumentError("write host:port, or a port.");
  return { host: host === "" ? "127.0.0.1" : host.replaceAll(/[[\]]/g, ""), port: Number(port) };
}

async function witness({ terminal, io }: Context, { log, folder, listen, name }: Options): Promise<void> {
  const { serveWitness } = await import("../../main.ts");
  const at = resolve(io.cwd, folder);
  const options = { folder: at, listen, logs: log, ...(name === undefined ? {} : { name }) };
  const running = taken(await serveWitness(options, { log: (line) => terminal.note(line) }));
  terminal.answer({ url: running.url, key: running.key, folder: at, proofs: running.proofs() }, () => [
    `The witness listens at ${terminal.paint("cyan", running.url)}, and remembers in ${at}`,
    "",
    "In the settings of the Pawl whose log it is:",
    "  witnesses:",
    `    - url: ${running.url}`,
    `      key: ${running.key}`,
    ...running.proofs().map((file) => terminal.paint("red", `two heads that cannot both be true: ${file}`)),
  ]);
  if (!io.signal.aborted) await once(io.signal, "abort");
  terminal.note("stopping …");
  await running.close();
}
