import type { Command } from "commander";
import type { Directory } from "../../core/review/index.ts";
import type { WhoView } from "../../control/types.ts";
import { canonical, visible, type Json } from "../../core/base/index.ts";
import { proposeConfig, type ConfigOptions } from "../configuring.ts";
import type { Context } from "../context.ts";
import { readJsonInput } from "../inputs.ts";
import { table, type Terminal } from "../terminal.ts";

export function define(command: Command, context: Context): void {
  command
    .command("show")
    .description("persons, machines and groups")
    .action(() => show(context));
  command
    .command("me")
    .description("who you are to Pawl")
    .action(() => me(context));
  command
    .command("propose")
    .description("propose a new directory: it changes like everything else, by a change")
    .argument("<file>", "the whole directory as JSON, as `pawl people show --json` prints it; - reads standard input")
    .option("--title <text>", "what changes, in one line")
    .option("--summary <text>", "why")
    .option("--wait", "follow it until it ends or waits for a person")
    .action(async (file: string, options: ConfigOptions) =>
      proposeConfig(context, "directory", legible(await readJsonInput(context, file, "the directory")), options),
    );
}

/** A member to a line, in canonical order: whoever reviews it sees the lines that differ. */
const legible = (directory: Json): string => `${JSON.stringify(JSON.parse(canonical(directory)), null, 2)}\n`;

async function show(context: Context): Promise<void> {
  const directory = await context.known.get<Directory>("/v1/directory");
  context.terminal.answer(directory, () => lines(context.terminal, directory));
}

function lines(terminal: Terminal, { persons, machines, groups }: Directory): string[] {
  const state = (active: boolean): string => (active ? "active" : "inactive");
  const style = (cell: string) => (cell === "inactive" ? ("dim" as const) : undefined);
  return [
    ...table(terminal, [
      { title: "PERSON", cells: persons.map(({ id }) => `human:${id}`) },
      { title: "NAME", cells: persons.map(({ name }) => name) },
      { title: "", cells: persons.map(({ active }) => state(active)), style },
      { title: "ROLES", cells: persons.map(({ roles }) => roles.join(", ")) },
      { title: "IDENTITIES", cells: persons.map(({ identities }) => identities.join(", ")), flexible: true },
    ]),
    "",
    ...table(terminal, [
      { title: "MACHINE", cells: machines.map(({ id }) => id) },
      { title: "OWNER", cells: machines.map(({ owner }) => owner) },
      { title: "", cells: machines.map(({ active }) => state(active)), style },
      { title: "ACTS FOR", cells: machines.map(({ actsFor }) => actsFor.join(", ")), flexible: true },
    ]),
    "",
    ...table(terminal, [
      { title: "GROUP", cells: groups.map(({ name }) => name) },
      { title: "HANDLES", cells: groups.map(({ handles }) => handles.join(", ")) },
      { title: "MEMBERS", cells: groups.map(({ members }) => members.join(", ")), flexible: true },
    ]),
  ];
}

async function me(context: Context): Promise<void> {
  const who = await context.known.get<WhoView>("/v1/whoami");
  context.terminal.answer(who, () => [
    `${context.terminal.paint("bold", visible(who.principal))}${who.name === who.principal ? "" : `  ${visible(who.name)}`}`,
    `roles   ${who.roles.map((role) => visible(role)).join(", ") || "none"}`,
    `groups  ${who.groups.map((group) => visible(group)).join(", ") || "none"}`,
    ...(who.owner === undefined ? [] : [`owner   ${visible(who.owner)}`]),
  ]);
}
