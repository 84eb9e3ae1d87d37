import type { Command } from "commander";
import { existsSync } from "node:fs";
import { mkdir, open, rm, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { toBase64, visible } from "../../core/base/index.ts";
import type { LedgerFault, OpenCheckpoint, VerifiedLog } from "../../core/ledger/index.ts";
import type { Context } from "../context.ts";
import { refusal, taken, usage, type CliError } from "../errors.ts";
import { gather, integer } from "../inputs.ts";
import { leafOf, openHead, proveEntry, readEntries, verifyWhole, type EntryView, type HeadView } from "../log.ts";
import { readTrust, type Trust, type TrustOptions } from "../trust.ts";
import { moment, plural } from "../words.ts";
import type { FsckReport } from "../../on-disk.ts";

const MOST = 2 ** 48;

export function define(command: Command, context: Context): void {
  command
    .command("head")
    .description("the signed head, checked against the keys you trust")
    .option("--trust <file>", "the keys you trust; else trust.json of the data folder")
    .option("--vkey <key>", "the log's verifier key, name+id+key; may be repeated", gather)
    .action((options: TrustOptions) => head(context, options));
  command
    .command("entries")
    .description("entries as they stand in the log")
    .option("--from <index>", "the first one", integer(0, MOST), 0)
    .option("--limit <n>", "how many at most", integer(1, 1000), 50)
    .action(({ from, limit }: { readonly from: number; readonly limit: number }) => entries(context, from, limit));
  command
    .command("tail")
    .description("the newest entries")
    .option("--limit <n>", "how many", integer(1, 1000), 10)
    .action(async ({ limit }: { readonly limit: number }) => {
      const { size } = await context.client.get<HeadView>("/v1/ledger/head");
      await entries(context, Math.max(0, size - limit), limit);
    });
  command
    .command("proof")
    .description("prove that an entry is in the log")
    .argument("<index>", "its number, from 0", integer(0, MOST))
    .option("--trust <file>", "the keys you trust; else trust.json of the data folder")
    .option("--vkey <key>", "the log's verifier key, name+id+key; may be repeated", gather)
    .action((index: number, options: TrustOptions) => proof(context, index, options));
  command
    .command("export")
    .description("copy the whole log into a folder and verify it on the way")
    .argument("<folder>", "a new folder: gets the checkpoint and the entries, one to a line")
    .option("--trust <file>", "the keys you trust; else trust.json of the data folder")
    .option("--vkey <key>", "the log's verifier key, name+id+key; may be repeated", gather)
    .action((folder: string, options: TrustOptions) => exportLog(context, resolve(context.io.cwd, folder), options));
  command
    .command("fsck")
    .description("recompute everything from the database's stored bytes; needs no server")
    .action(() => fsck(context));
  command
    .command("accept-loss")
    .description("go on with a database that has lost what this machine has seen; puts the loss on record. Stop Pawl first")
    .requiredOption("--size <n>", "the size of the log that is lost, as `pawl up` names it", integer(1, MOST))
    .action(({ size }: { readonly size: number }) => acceptLoss(context, size));
}

async function acceptLoss({ settings, terminal }: Context, size: number): Promise<void> {
  const main = await import("../../on-disk.ts");
  const { lost, left } = taken(await main.acceptLoss(settings, size));
  terminal.answer({ lost, left }, () => [
    `the loss is on record: this machine had seen ${plural(lost, "entry", "entries")}, and the log had ${left} left`,
    "whoever kept the lost head can prove that the log was forked; a witness that cosigned it will go on refusing this log",
  ]);
}

function opened(note: string, trust: Trust): OpenCheckpoint {
  const signed = openHead(note, trust);
  if (signed.ok) return signed.value;
  throw unproven(signed.error, `the head, against ${trust.from}`);
}

async function head(context: Context, options: TrustOptions): Promise<void> {
  const view = await context.client.get<HeadView>("/v1/ledger/head");
  const trust = readTrust(context, options);
  const { origin, size, root, signers } = opened(view.checkpoint, trust);
  context.terminal.answer({ ...view, root: toBase64(root), signed_by: signers.map(({ name }) => name), trusted: trust.from }, () => [
    `${context.terminal.paint("green", "✓")} ${visible(origin)}  ${plural(size, "entry", "entries")}`,
    `root       ${toBase64(root)}`,
    `signed by  ${signers.map(({ name }) => visible(name)).join(", ")}, trusted by ${trust.from}`,
  ]);
}

async function entries(context: Context, from: number, limit: number): Promise<void> {
  const all = await readEntries(context.client, from, limit);
  context.terminal.answer({ entries: all }, () => all.map((entry) => entryLine(context, entry)));
}

function entryLine({ terminal }: Context, { index, stream, entry }: EntryView): string {
  const { at, type } = eventOf(entry);
  return `${terminal.paint("dim", `#${String(index).padEnd(6)} ${at === undefined ? "" : moment(at)}`)}  ${visible(type).padEnd(16)} ${visible(stream)}`;
}

function eventOf(entry: string): { readonly at?: number; readonly type: string } {
  const { event } = JSON.parse(entry) as { readonly event?: { readonly at?: number; readonly type?: string } };
  return { type: event?.type ?? "?", ...(event?.at === undefined ? {} : { at: event.at }) };
}

async function proof(context: Context, index: number, options: TrustOptions): Promise<void> {
  const { client, terminal } = context;
  const trust = readTrust(context, options);
  const { checkpoint } = await client.get<HeadView>("/v1/ledger/head");
  const tree = opened(checkpoint, trust);
  const [entry] = index < tree.size ? await readEntries(client, index, 1) : [];
  if (entry === undefined)
    throw refusal("out_of_range", `there is no entry ${index} in a log of ${tree.size}`, { remedy: "pawl ledger tail" });
  const shown = await proveEntry(client, entry, tree);
  if (!shown.ok) throw unproven(shown.error, `entry ${index}`);
  terminal.answer({ index, size: tree.size, leaf_hash: leafOf(entry), entry: entry.entry, checkpoint }, () => [
    `${terminal.paint("green", "✓")} entry ${index} is in the log of ${plural(tree.size, "entry", "entries")} that ${visible(tree.origin)} signed`,
    `leaf  ${leafOf(entry)}`,
    visible(entry.entry),
  ]);
}

async function exportLog(context: Context, folder: string, options: TrustOptions): Promise<void> {
  const { client, terminal } = context;
  if (existsSync(folder)) throw usage("the folder exists already", { where: folder, remedy: "name a new one" });
  const trust = readTrust(context, options);
  const { checkpoint } = await client.get<HeadView>("/v1/ledger/head");
  const { size, root } = await copied(context, folder, checkpoint, trust).catch(async (error: unknown) => {
    // What was not verified to its end is not left lying about.
    await rm(folder, { recursive: true, force: true });
    throw error;
  });
  terminal.answer({ folder, size, root: toBase64(root) }, () => [
    `${terminal.paint("green", "✓")} ${plural(size, "entry", "entries")}, whose root is the signed one, in ${folder}`,
  ]);
}

async function copied({ client }: Context, folder: string, checkpoint: string, trust: Trust): Promise<VerifiedLog> {
  await mkdir(folder, { recursive: true });
  await using file = await open(join(folder, "entries.jsonl"), "wx");
  const verified = await verifyWhole(client, checkpoint, trust, ({ entry }) => file.write(`${entry}\n`));
  if (!verified.ok) throw unproven(verified.error, "the log");
  await writeFile(join(folder, "checkpoint"), checkpoint);
  return verified.value;
}

const unproven = ({ code, message, remedy }: LedgerFault, where: string): CliError =>
  refusal(code, message, { where, ...(remedy === undefined ? {} : { remedy }) });

async function fsck(context: Context): Promise<void> {
  const { fsckStore } = await import("../../on-disk.ts");
  const report = taken(await fsckStore(context.settings));
  context.terminal.answer(report, () => fsckLines(context, report));
  if (!report.ok) context.exit = 1;
}

function fsckLines({ terminal }: Context, { ok, size, root, checked, firstBadIndex, faults, moreFaults }: FsckReport): string[] {
  const counts = Object.entries(checked).map(([what, n]) => `${n} ${what}`);
  if (ok) return [`${terminal.paint("green", "✓")} ${counts.join(", ")}: all as signed`, `root ${root ?? ""}`];
  return [
    `${terminal.paint(["red", "bold"], "✗")} ${firstBadIndex === undefined ? "something is not as signed" : `the first bad index is ${firstBadIndex}`}, of ${plural(size, "entry", "entries")}`,
    ...faults.map(({ where, message, index }) => `  ${index === undefined ? visible(where ?? "-") : `#${index}`}  ${visible(message)}`),
    ...(moreFaults === 0 ? [] : [`  and ${moreFaults} more`]),
    `${terminal.paint("dim", "remedy:")} stop Pawl, keep this database as it is, and restore a backup whose head is the signed one`,
  ];
}
