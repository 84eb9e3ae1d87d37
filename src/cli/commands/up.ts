import type { Command } from "commander";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { basename, join, relative, resolve } from "node:path";
import type { Context } from "../context.ts";
import { CliError, EXIT, taken } from "../errors.ts";
import { CONFIG_FILE } from "../settings.ts";
import type { RunningPawl } from "../../main.ts";

export function define(command: Command, context: Context): void {
  command.action(() => up(context));
}

async function up(context: Context): Promise<void> {
  const { settings, terminal, io } = context;
  const { startPawl } = await import("../../main.ts");
  const log = (line: string): void => terminal.note(...line.split("\n"));
  const running = taken(
    await startPawl(settings, { log }).catch((error: unknown) => {
      throw notStarted(error, context);
    }),
  );
  const { url, firstStart } = running;
  const told = {
    url,
    dataDir: settings.dataDir,
    ...(firstStart === undefined
      ? {}
      : { firstStart: { person: firstStart.person.id, agent: firstStart.agent?.id, sampleRepository: firstStart.sampleRepository } }),
  };
  terminal.answer(told, () => (firstStart === undefined ? laterLines(context, url) : firstLines(context, running, firstStart)));
  if (!io.signal.aborted) await once(io.signal, "abort");
  terminal.note("stopping …");
  await running.close();
}

function laterLines({ terminal, settings, io }: Context, url: string): string[] {
  return [
    `Pawl runs at ${terminal.paint("cyan", url)}`,
    terminal.paint("dim", `data in ${shown(settings.dataDir, io.cwd)}; stop with Ctrl-C; \`${callName()} list\` shows what is open`),
  ];
}

function firstLines(
  context: Context,
  { url }: RunningPawl,
  { person, agent, sampleRepository }: NonNullable<RunningPawl["firstStart"]>,
): string[] {
  const { terminal, io, settings } = context;
  const dim = (text: string): string => terminal.paint("dim", text);
  const tokens = (name: string): string => shown(join(settings.dataDir, "tokens", name), io.cwd);
  return [
    `Pawl runs at ${terminal.paint("cyan", url)}`,
    "",
    "This is its first start. It made",
    `  you           ${`human:${person.id}`.padEnd(22)} ${dim(`token in ${tokens(person.id)}`)}`,
    ...(agent === undefined ? [] : [`  an agent      ${agent.id.padEnd(22)} ${dim(`token in ${tokens("sandbox")}`)}`]),
    ...(sampleRepository === undefined ? [] : [`  a repository  ${"sample".padEnd(22)} ${dim(`in ${shown(sampleRepository, io.cwd)}`)}`]),
    `  keys to trust ${"".padEnd(22)} ${dim(`in ${shown(join(settings.dataDir, "trust.json"), io.cwd)}`)}`,
    // Where everything is left to runners elsewhere, there is nothing here yet to change.
    ...(agent === undefined || (sampleRepository === undefined && settings.repositories.length === 0)
      ? []
      : ["", ...firstChange(context, url, person.id)]),
    "",
    dim("Stop with Ctrl-C. Keys and tokens are told by file name only; keep that folder to yourself."),
  ];
}

/** Commands that work when pasted one after the other into another terminal. */
function firstChange(context: Context, url: string, person: string): string[] {
  const { terminal, io, settings } = context;
  const pawl = callName();
  const [own] = settings.repositories;
  const first =
    own === undefined
      ? {
          who: "the agent proposes",
          title: "Round totals to cents",
          repo: "sample",
          patch: shown(resolve(import.meta.dirname, "../../../examples/first.patch"), io.cwd),
        }
      : { who: "the agent proposes what you made with `git diff > my.patch`", title: "My first change", repo: own.name, patch: "my.patch" };
  const same = sameThere(context, url);
  const step = (text: string, command: string): string[] => [
    `  ${terminal.paint("dim", `# ${text}`)}`,
    `  ${terminal.paint("bold", command)}`,
  ];
  return [
    "A first change, in another terminal:",
    ...(same.length === 0 ? [] : step("so that it finds this Pawl", `export ${same.join(" ")}`)),
    ...step(
      first.who,
      `CHANGE=$(${pawl} propose --as sandbox --title "${first.title}" --repo ${first.repo} --branch main --patch ${first.patch})`,
    ),
    ...step("you read what will really happen", `${pawl} show --as ${person} $CHANGE`),
    ...step("you sign it, and it runs", `${pawl} approve --as ${person} --wait $CHANGE`),
    ...step("anybody proves what happened", `${pawl} verify --as ${person} $CHANGE`),
  ];
}

/** What this Pawl was told by flags and variables, another terminal must be told too. */
function sameThere({ io, loaded, settings }: Context, url: string): string[] {
  const told = {
    PAWL_CONFIG: loaded.file !== undefined && loaded.file !== resolve(io.cwd, CONFIG_FILE) ? loaded.file : undefined,
    PAWL_DATA: io.env["PAWL_DATA"] === undefined ? undefined : settings.dataDir,
    PAWL_URL: io.env["PAWL_LISTEN"] === undefined && settings.listen.port !== 0 ? undefined : url,
  };
  return Object.entries(told).flatMap(([name, value]) => (value === undefined ? [] : [`${name}=${quoted(value)}`]));
}

/** How whoever started this will start the next one. */
function callName(): string {
  const started = process.argv[1] ?? "";
  if (process.env["npm_lifecycle_event"] !== undefined) return "npx pawl";
  return basename(started) === "pawl" ? "pawl" : `node ${shown(started, process.cwd())}`;
}

/** As short as it can be said from here. */
function shown(path: string, cwd: string): string {
  const near = relative(cwd, path);
  const text = near === "" ? "." : near.startsWith("../..") ? path : near;
  return quoted(text);
}

const quoted = (text: string): string => (/^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`);

function notStarted(error: unknown, { settings, loaded }: Context): unknown {
  const { code, message } = error as NodeJS.ErrnoException;
  const { host, port } = settings.listen;
  const where = loaded.file ?? "the settings in force";
  const cannot = (what: string, remedy: string, at = where): CliError =>
    new CliError(EXIT.usage, "not_started", what, { where: at, remedy });
  switch (code) {
    case "EADDRINUSE":
      return cannot(
        `${host}:${port} is taken`,
        "stop what listens there (another `pawl up`?), or choose another port: PAWL_LISTEN=127.0.0.1:7296 pawl up",
      );
    case "EADDRNOTAVAIL":
    case "ENOTFOUND":
      return cannot(`${host} is no address of this machine`, "set listen.host to 127.0.0.1, or to an address of this machine");
    case "EACCES":
    case "EPERM":
    case "EROFS":
      return cannot(
        `not allowed: ${message}`,
        "choose a folder that is yours (data_dir) and a port above 1023",
        existsSync(settings.dataDir) ? settings.dataDir : where,
      );
    case "ECONNREFUSED":
      return cannot("the database does not answer", "start it, or mend database.url", "database.url");
    default:
      return error;
  }
}
