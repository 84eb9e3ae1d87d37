import type { Command } from "commander";
import type { Settings } from "../settings.ts";
import type { Context } from "../context.ts";
import { taken, usage } from "../errors.ts";

export function define(command: Command, context: Context): void {
  command
    .command("migrate")
    .description("bring the database to this version's form; `pawl up` does so too")
    .action(() => migrate(context));
  command
    .command("move")
    .description("copy everything into another, empty database, with the same ledger root; stop Pawl first")
    .requiredOption("--to <database>", "postgres://… or sqlite, which is the file in the data folder")
    .action((options: { readonly to: string }) => move(context, options.to));
}

async function migrate(context: Context): Promise<void> {
  const { openStoreFor } = await import("../../on-disk.ts");
  const opened = taken(await openStoreFor(context.settings));
  try {
    const { size } = await opened.store.head();
    const { kind } = context.settings.database;
    context.terminal.answer({ database: kind, size }, () => [
      `the ${kind} database has this version's form; its ledger has ${size} entries`,
    ]);
  } finally {
    await opened.close();
  }
}

async function move(context: Context, to: string): Promise<void> {
  const target = targetOf(to, context.settings);
  const { moveDatabase } = await import("../../on-disk.ts");
  const moved = taken(await moveDatabase(context.settings, target));
  context.terminal.answer({ to: target.kind, ...moved }, () => [
    `moved ${moved.size} ledger entries with all that belongs to them`,
    `root ${moved.root}, the same on both sides`,
  ]);
  context.terminal.note(
    target.kind === "postgres"
      ? "now set database.kind to postgres and database.url, or PAWL_DATABASE_URL, and start Pawl"
      : "now set database.kind to sqlite, and start Pawl",
  );
}

function targetOf(to: string, { database }: Settings): Settings["database"] {
  if (to === "sqlite" && database.kind === "postgres") return { kind: "sqlite" };
  if (to === "sqlite") throw usage("the database is sqlite already", { where: "--to", remedy: "name a postgres:// URL" });
  if (!/^postgres(ql)?:\/\/\S+$/.test(to))
    throw usage("this names no database", { where: "--to", remedy: "write postgres://user:password@host:5432/name, or sqlite" });
  return { kind: "postgres", url: to, poolSize: 4 };
}
