import type { Command } from "commander";
import { canonical, isObject, visible, type Digest, type Json } from "../../core/base/index.ts";
import {
  loadDeclarations,
  operationName,
  runTests,
  wordsFor,
  type Declarations,
  type Operation,
  type System,
  type TestResult,
} from "../../core/operation/index.ts";
import { proposeConfig, type ConfigOptions } from "../configuring.ts";
import type { Context } from "../context.ts";
import { refusal, usage } from "../errors.ts";
import { readInput } from "../inputs.ts";
import { table } from "../terminal.ts";
import { nearest, plural } from "../words.ts";

export function define(command: Command, context: Context): void {
  command
    .command("list")
    .description("the declared operations in force: what may be asked of which system")
    .action(() => list(context));
  command
    .command("show")
    .description("one operation: what it takes, asks, looks at and is undone by; or the whole text in force")
    .argument("[operation]", "its name, such as http/tickets/transition")
    .action((name: string | undefined) => show(context, name));
  command
    .command("test")
    .description("run the tests that stand in declarations, offline; of those in force, without a file")
    .argument("[file]", "the declarations; - reads standard input; a file needs no server")
    .action((file: string | undefined) => test(context, file));
  command
    .command("propose")
    .description("propose new declarations: they change like everything else, by a change")
    .argument("<file>", "the whole text; - reads standard input")
    .option("--title <text>", "what changes, in one line")
    .option("--summary <text>", "why")
    .option("--wait", "follow it until it ends or waits for a person")
    .action(async (file: string, options: ConfigOptions) => {
      const text = await readInput(context, file, "the declarations");
      read(text, file);
      await proposeConfig(context, "connectors", text, options);
    });
}

interface InForce {
  readonly text: string;
  readonly digest: Digest;
}

const inForce = (context: Context): Promise<InForce> => context.known.get<InForce>("/v1/connectors");

function read(text: string, where: string): Declarations {
  const declarations = loadDeclarations(text);
  if (declarations.ok) return declarations.value;
  throw refusal("declarations_invalid", `the declarations have ${plural(declarations.error.length, "fault")}`, {
    where,
    remedy: "docs/connectors/http.md and docs/connectors/command.md explain every member",
    faults: declarations.error.map((fault) => ({ ...fault, file: where })),
  });
}

interface Listed {
  readonly name: string;
  readonly system: System;
  readonly operation: Operation;
}

const operationsOf = ({ systems }: Declarations): readonly Listed[] =>
  systems.flatMap((system) =>
    (system.operations as readonly Operation[]).map((operation) => ({ name: operationName(system, operation), system, operation })),
  );

async function list(context: Context): Promise<void> {
  const { text, digest } = await inForce(context);
  const all = operationsOf(read(text, "/v1/connectors"));
  const rows = all.map(({ name, system, operation }) => ({
    operation: name,
    arguments: Object.keys(operation.parameters),
    effect: operation.effect.kind,
    environment: system.environment,
    state: operation.probe === undefined ? "not looked at" : "looked at",
    undo: operation.undo.kind === "operation" ? operation.undo.operation : operation.undo.kind,
  }));
  context.terminal.answer({ digest, operations: rows }, () =>
    rows.length === 0
      ? ["no operation is declared", "  pawl connector propose FILE   declares some; docs/connectors/http.md shows how"]
      : table(context.terminal, [
          { title: "OPERATION", cells: rows.map((row) => row.operation) },
          { title: "EFFECT", cells: rows.map((row) => row.effect) },
          { title: "ENVIRONMENT", cells: rows.map((row) => row.environment) },
          { title: "STATE", cells: rows.map((row) => row.state), style: (cell) => (cell === "looked at" ? undefined : "yellow") },
          { title: "UNDO", cells: rows.map((row) => row.undo), style: (cell) => (cell === "impossible" ? "yellow" : undefined) },
          { title: "ARGUMENTS", cells: rows.map((row) => row.arguments.join(", ")), flexible: true },
        ]),
  );
}

async function show(context: Context, name: string | undefined): Promise<void> {
  const document = await inForce(context);
  if (name === undefined) {
    context.terminal.answer(document, () => visible(document.text.trimEnd(), { lines: true }).split("\n"));
    context.terminal.note(visible(document.digest));
    return;
  }
  const all = operationsOf(read(document.text, "/v1/connectors"));
  const found = all.find((each) => each.name === name);
  if (found === undefined) {
    const near = nearest(
      name,
      all.map((each) => each.name),
    );
    throw usage(`no operation is called ${name.slice(0, 200)}`, {
      remedy: near === undefined ? "pawl connector list" : `did you mean ${near}?`,
    });
  }
  const { operations: _, ...system } = found.system;
  context.terminal.answer({ name, system, operation: found.operation }, () => operationLines(context, found));
}

function operationLines({ terminal }: Context, { name, system, operation }: Listed): string[] {
  const { operations: _, connector: __, name: ___, ...around } = system;
  const { name: ____, summary, parameters, tests, effect, undo, ...rest } = operation;
  const line = (title: string, value: string): string => `${title.padEnd(12)} ${visible(value)}`;
  const entries = Object.entries({ ...around, ...rest }).flatMap(([key, value]) =>
    value === undefined || (Array.isArray(value) && value.length === 0)
      ? []
      : told(withoutEmpty(value as Json)).map((text, i) => line(i === 0 ? wordOf(key) : "", text)),
  );
  return [
    `${terminal.paint("bold", visible(name))}  ${visible(summary)}`,
    ...Object.entries(parameters).map(([key, parameter]) => line("takes", `${key}: ${wordsFor(parameter)}`)),
    line(
      "effect",
      `${effect.kind} ${effect.resource}, ${effect.reversibility}, exposure ${effect.exposure}, privilege ${effect.privilege}`,
    ),
    ...entries,
    line("undo", undo.kind === "operation" ? `${undo.operation} ${canonical(undo.arguments)}` : `${undo.kind}: ${undo.text}`),
    line("tests", plural(tests.length, "test")),
    "",
    terminal.paint("dim", `ask for it: {"connector": "${system.connector}", "input": ${askFor(system, operation)}}`),
  ];
}

/** What was left out of a declaration is left out here, too. */
function withoutEmpty(value: Json): Json {
  if (!isObject(value)) return value;
  const isEmpty = (each: Json): boolean => each !== null && typeof each === "object" && Object.keys(each).length === 0;
  return Object.fromEntries(Object.entries(value).flatMap(([key, each]) => (isEmpty(each) ? [] : [[key, withoutEmpty(each)]])));
}

/** The members of an object a line each; what is deeper stays as it would be written. */
function told(value: Json): readonly string[] {
  const plain = (each: Json): string => (typeof each === "string" ? each : canonical(each));
  return isObject(value) ? Object.entries(value).map(([key, each]) => `${wordOf(key)} ${plain(each)}`) : [plain(value)];
}

const wordOf = (key: string): string => key.replaceAll(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);

const askFor = (system: System, operation: Operation): string =>
  JSON.stringify({
    system: system.name,
    operation: operation.name,
    arguments: Object.fromEntries(Object.keys(operation.parameters).map((key) => [key, "…"])),
  });

async function test(context: Context, file: string | undefined): Promise<void> {
  const { terminal } = context;
  const where = file ?? "/v1/connectors";
  const text = file === undefined ? (await inForce(context)).text : await readInput(context, file, "the declarations");
  const results = runTests(read(text, where));
  const failed = results.filter(({ passed }) => !passed);
  terminal.answer({ passed: results.length - failed.length, failed: failed.length, results }, () => [
    ...results.flatMap((result) => resultLines(context, result)),
    failed.length === 0 ? `${plural(results.length, "test")} passed` : `${failed.length} of ${plural(results.length, "test")} failed`,
  ]);
  if (failed.length > 0) context.exit = 1;
}

function resultLines({ terminal }: Context, { operation, name, passed, expected, actual }: TestResult): string[] {
  const title = `${visible(operation)}  ${visible(name)}`;
  if (passed) return [`${terminal.paint("green", "✓")} ${title}`];
  return [
    `${terminal.paint("red", "✗")} ${title}`,
    `    expected ${visible(canonical(expected))}`,
    `    actual   ${visible(canonical(actual))}`,
  ];
}
