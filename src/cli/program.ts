import { Command, CommanderError, Help } from "commander";
import { readFileSync } from "node:fs";
import type { Context, Globals } from "./context.ts";
import { CliError, EXIT, usage, type ExitCode } from "./errors.ts";
import { Terminal, type Io, type Manner } from "./terminal.ts";

/** A subcommand's file: adds its options and its action. */
interface CommandModule {
  define(command: Command, context: Context): void;
}

interface Entry {
  readonly name: string;
  readonly group: string;
  readonly summary: string;
  readonly load: () => Promise<CommandModule>;
}

/** The map of the product. A command's file is loaded only when it is called. */
const COMMANDS: readonly Entry[] = [
  {
    name: "up",
    group: "Run Pawl",
    summary: "start Pawl here; the first start prints a first change",
    load: () => import("./commands/up.ts"),
  },
  {
    name: "demo",
    group: "Run Pawl",
    summary: "watch changes of code, data and infrastructure travel, in a temporary world",
    load: () => import("./commands/demo.ts"),
  },
  {
    name: "propose",
    group: "Propose",
    summary: "ask for a change: a patch, a ref, or any proposal",
    load: () => import("./commands/propose.ts"),
  },
  {
    name: "revise",
    group: "Propose",
    summary: "send a new revision of a change that was sent back",
    load: () => import("./commands/revise.ts"),
  },
  { name: "replan", group: "Propose", summary: "observe the state again and plan anew", load: () => import("./commands/replan.ts") },
  { name: "withdraw", group: "Propose", summary: "take a change back, or your own vote", load: () => import("./commands/withdraw.ts") },
  { name: "list", group: "Review", summary: "changes, newest first", load: () => import("./commands/list.ts") },
  {
    name: "show",
    group: "Review",
    summary: "the plan: what will really happen, and how that is known",
    load: () => import("./commands/show.ts"),
  },
  { name: "approve", group: "Review", summary: "sign what you were shown", load: () => import("./commands/approve.ts") },
  { name: "reject", group: "Review", summary: "end a change with a no", load: () => import("./commands/reject.ts") },
  {
    name: "send-back",
    group: "Review",
    summary: "return a change to its proposer, with what to mend",
    load: () => import("./commands/send-back.ts"),
  },
  {
    name: "break-glass",
    group: "Review",
    summary: "decide alone in an emergency; somebody else reviews it afterwards",
    load: () => import("./commands/break-glass.ts"),
  },
  {
    name: "review",
    group: "Review",
    summary: "say afterwards whether it was right to break the glass",
    load: () => import("./commands/review.ts"),
  },
  {
    name: "watch",
    group: "Review",
    summary: "follow a change until it ends or waits for a person",
    load: () => import("./commands/watch.ts"),
  },
  { name: "run", group: "Execute", summary: "start an authorised change that waits for it", load: () => import("./commands/run.ts") },
  {
    name: "stop",
    group: "Execute",
    summary: "have a run begin nothing more and undo what it did",
    load: () => import("./commands/stop.ts"),
  },
  {
    name: "reconcile",
    group: "Execute",
    summary: "say how a run ended whose outcome nobody knew",
    load: () => import("./commands/reconcile.ts"),
  },
  {
    name: "verify",
    group: "Prove",
    summary: "prove a change's whole story, or a bundle or report, against keys you trust",
    load: () => import("./commands/verify.ts"),
  },
  {
    name: "bundle",
    group: "Prove",
    summary: "write a change's evidence into one file, for outsiders",
    load: () => import("./commands/bundle.ts"),
  },
  {
    name: "report",
    group: "Prove",
    summary: "what changed between two days, exceptions first, and that nothing is missing",
    load: () => import("./commands/report.ts"),
  },
  {
    name: "export",
    group: "Prove",
    summary: "the ledger as JSON lines, CloudEvents or OCSF, from a cursor on",
    load: () => import("./commands/export.ts"),
  },
  {
    name: "ledger",
    group: "Prove",
    summary: "head, entries and proofs of the log; check the database",
    load: () => import("./commands/ledger.ts"),
  },
  { name: "policy", group: "Rules", summary: "show, check, test, explain and propose policy", load: () => import("./commands/policy.ts") },
  {
    name: "connector",
    group: "Rules",
    summary: "list, show, test and propose declared operations",
    load: () => import("./commands/connector.ts"),
  },
  { name: "people", group: "People", summary: "who is known here; propose who should be", load: () => import("./commands/people.ts") },
  { name: "token", group: "People", summary: "make, list and revoke bearer tokens", load: () => import("./commands/token.ts") },
  {
    name: "witness",
    group: "Prove",
    summary: "remember other Pawls' heads, and cosign only what extends them",
    load: () => import("./commands/witness.ts"),
  },
  {
    name: "runner",
    group: "Run Pawl",
    summary: "execute approved changes here, where the credentials are",
    load: () => import("./commands/runner.ts"),
  },
  { name: "keys", group: "Care", summary: "give the log a new key", load: () => import("./commands/keys.ts") },
  { name: "db", group: "Care", summary: "migrate the database, or move it to another", load: () => import("./commands/db.ts") },
  { name: "doctor", group: "Care", summary: "look for what is wrong, and say how to mend it", load: () => import("./commands/doctor.ts") },
];

const AFTER = `
Start:
  pawl up      runs Pawl, and prints a first change to paste elsewhere
  pawl demo    tells the whole story in a minute, with nothing to set up

Exit codes:
  0  done                      2  wrong usage or configuration
  1  refused by rule or check  3  the server cannot be reached, or cannot answer`;

const VERSION = (JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")) as { readonly version: string }).version;

/** Runs one command line; every failure is told here, in one shape. */
export async function run(argv: readonly string[], io: Io): Promise<ExitCode> {
  const terminal = new Terminal(io, mannerOf(argv, io));
  const program = build(terminal);
  let here = "pawl";
  let context: Context | undefined;
  program.hook("preSubcommand", async (_, command) => {
    here = `pawl ${command.name()}`;
    // Settings bring a YAML reader along: whoever only asks for help does not wait for it.
    const [{ Context: Known }, module] = await Promise.all([
      import("./context.ts"),
      COMMANDS.find(({ name }) => name === command.name())?.load(),
    ]);
    context = new Known(io, terminal, program.opts<Globals>());
    module?.define(command.helpCommand(false), context);
    command.hook("preSubcommand", (__, child) => void (here = `pawl ${command.name()} ${child.name()}`));
  });
  try {
    await program.parseAsync(rewritten(argv), { from: "user" });
    return context?.exit ?? EXIT.done;
  } catch (error) {
    return told(context?.misread(error) ?? error, here, terminal);
  }
}

/** `pawl` and `pawl help X` are asked for help too. */
function rewritten(argv: readonly string[]): readonly string[] {
  const words = argv.filter((word) => !word.startsWith("--"));
  if (words.length === 0 && !argv.includes("--version")) return ["--help"];
  return argv[0] === "help" ? [...argv.slice(1), "--help"] : argv;
}

function mannerOf(argv: readonly string[], { env, stdout }: Io): Manner {
  const end = argv.indexOf("--");
  const given = new Set(end < 0 ? argv : argv.slice(0, end));
  const forced = (env["FORCE_COLOR"] ?? "0") !== "0";
  const plain = given.has("--no-color") || (env["NO_COLOR"] ?? "") !== "" || env["TERM"] === "dumb";
  return { json: given.has("--json"), quiet: given.has("--quiet"), color: !plain && (forced || stdout.isTTY === true) };
}

function build(terminal: Terminal): Command {
  const program = new Command("pawl");
  program
    .description("The AI change control plane: between AI-generated work and real systems.")
    .version(VERSION, "--version", "print the version")
    .helpOption("--help", "print help")
    .helpCommand(false)
    .exitOverride()
    .configureOutput({
      writeOut: (text) => terminal.help("stdout", text),
      writeErr: (text) => terminal.help("stderr", text),
      outputError: () => undefined,
      getOutHelpWidth: () => terminal.width,
      getErrHelpWidth: () => terminal.width,
      getOutHasColors: () => terminal.colored,
      getErrHasColors: () => terminal.colored,
    })
    .configureHelp({
      showGlobalOptions: true,
      formatHelp: mapFirst,
      styleTitle: (text) => terminal.paint("bold", text),
      styleCommandText: (text) => terminal.paint("cyan", text),
      styleSubcommandTerm: (text) => terminal.paint("cyan", text),
      subcommandTerm: (command) =>
        `${command.name()}${command.registeredArguments.map((argument) => ` ${argument.required ? `<${argument.name()}>` : `[${argument.name()}]`}`).join("")}`,
    })
    .option("--url <url>", "where Pawl runs (PAWL_URL)")
    .option("--token <token>", "bearer token (PAWL_TOKEN, which is safer)")
    .option("--as <name>", "act as NAME, with the token in <data dir>/tokens/NAME (PAWL_AS)")
    .option("--config <file>", "settings file (PAWL_CONFIG; else ./pawl.yaml if present)")
    .option("--json", "print one JSON document")
    .option("--quiet", "print the result and nothing beside it")
    .option("--no-color", "print without colour (NO_COLOR)")
    .addHelpText("after", AFTER);
  for (const { name, group, summary } of COMMANDS) program.command(name).description(summary).helpGroup(`${group}:`);
  return program;
}

/** The program's own help begins with the map; the options that every command has come last. */
function mapFirst(command: Command, helper: Help): string {
  const text = Help.prototype.formatHelp.call(helper, command, helper);
  if (command.parent !== null) return text;
  const [usageLine = "", description = "", options = "", ...groups] = text.trimEnd().split("\n\n");
  return `${[usageLine, description, ...groups, options.replace("Options:", "Options of every command:")].join("\n\n")}\n`;
}

function told(error: unknown, here: string, terminal: Terminal): ExitCode {
  if (error instanceof CommanderError) {
    if (error.code === "commander.helpDisplayed" || error.code === "commander.version") return EXIT.done;
    if (error.code === "commander.help") {
      if (terminal.manner.json) terminal.fail(usage("a subcommand is missing", { where: here, remedy: `${here} --help` }));
      return EXIT.usage;
    }
  }
  const failure = error instanceof CliError ? error : error instanceof CommanderError ? misused(error, here) : undefined;
  if (failure === undefined) throw error;
  terminal.fail(failure);
  return failure.exit;
}

/** Commander's words in our shape. */
function misused({ message }: CommanderError, here: string): CliError {
  const [what = "", suggestion] = message.replace(/^error: /, "").split("\n");
  const near = /Did you mean (?:one of )?(.*)\?\)/.exec(suggestion ?? "")?.[1];
  return usage(plainly(what), { where: here, remedy: near === undefined ? `${here} --help` : `did you mean ${near}?` });
}

function plainly(what: string): string {
  const option = /^option '(--[\w-]+)[^']*' argument '(.*)' is invalid\. (.*?)\.?$/s.exec(what);
  const argument = /^command-argument value '(.*)' is invalid for argument '(.*)'\. (.*?)\.?$/s.exec(what);
  if (option !== null) return `${option[1]} cannot be ${JSON.stringify(option[2]?.slice(0, 80))}: ${option[3]}`;
  return argument === null ? what : `<${argument[2]}> cannot be ${JSON.stringify(argument[1]?.slice(0, 80))}: ${argument[3]}`;
}
