/** A bundle or a report, checked with trusted keys and no server. */
import { equalBytes, utf8, visible } from "../core/base/index.ts";
import {
  askOf,
  bearsOn,
  completeness,
  MAX_BUNDLE_BYTES,
  readEntry,
  readReport,
  ReportBuilder,
  REPORT_SCHEMA,
  schemaOf,
  verifyBundle,
  verifyReport,
  type Check,
  type ReadEntry,
  type VerifiedBundle,
} from "../core/evidence/index.ts";
import { Growth, openCheckpoint } from "../core/ledger/index.ts";
import type { Context } from "./context.ts";
import { taken, usage } from "./errors.ts";
import { entriesFrom, readWhole, type NumberedEntry } from "./files.ts";
import type { Trust } from "./trust.ts";

/** What was checked, and each check. */
export interface Verified {
  readonly what: string;
  readonly checks: readonly Check[];
}

export async function verifyFile(context: Context, name: string, trust: Trust, entries: string | undefined): Promise<Verified> {
  const bytes = await readWhole(context, name, MAX_BUNDLE_BYTES);
  if (schemaOf(bytes) === REPORT_SCHEMA) return report(context, bytes, trust, entries);
  const verified = verifyBundle(bytes, trust);
  if (!verified.ok) return { what: name, checks: [{ name: "form", holds: false, text: verified.error.message }] };
  const { bundle, checks } = verified.value;
  const what = `change ${bundle.change} of ${visible(bundle.origin)}`;
  if (entries === undefined) return { what, checks };
  const whole = await wholeLog(verified.value, trust, entriesFrom(context, entries));
  return { what, checks: [...checks.filter((check) => check.name !== whole.name), whole] };
}

async function report(context: Context, bytes: Uint8Array, trust: Trust, entries: string | undefined): Promise<Verified> {
  const read = taken(readReport(bytes), 1);
  if (entries === undefined)
    throw usage("a report is checked against the entries of the log", {
      where: "--entries",
      remedy: "pawl ledger export FOLDER, then --entries FOLDER/entries.jsonl",
    });
  const head = openCheckpoint(read.head.checkpoint, trust.logKeys, trust.origin);
  const builder = new ReportBuilder(askOf(read), head.ok ? head.value.size : undefined);
  for await (const { index, entry } of entriesFrom(context, entries)) builder.take(index, entry);
  const made = builder.finish();
  return {
    what: `report of ${visible(read.origin)}, ${read.from} to ${read.to}`,
    checks: verifyReport(read, made, trust, builder.headRoot),
  };
}

/** Every entry of the log as it was signed: none of this change was left out. */
async function wholeLog({ bundle, story }: VerifiedBundle, trust: Trust, entries: AsyncIterable<NumberedEntry>): Promise<Check> {
  const head = openCheckpoint(bundle.checkpoint, trust.logKeys, trust.origin);
  if (!head.ok || story === undefined) return { name: "whole log", holds: undefined, text: "the bundle itself does not hold" };
  const tree = new Growth({ size: 0, hashes: new Uint8Array(0) }, () => undefined);
  const read: ReadEntry[] = [];
  for await (const { index, entry } of entries) {
    if (tree.size < head.value.size) tree.addEntry(utf8(entry));
    const each = readEntry({ index, entry });
    if (each !== undefined && bearsOn(story, each.stream)) read.push(each);
  }
  const same = tree.size === head.value.size && equalBytes(tree.root(), head.value.root);
  if (!same) return { name: "whole log", holds: false, text: `these are not the ${head.value.size} entries of the signed head` };
  return completeness(story, read);
}
