/**
 * What changed between two moments, with the proof that nothing is missing. A moment cuts the log before the first entry that is not
 * earlier, so that reports of adjoining ranges share no entry and leave none out, whatever clocks did.
 */
import {
  canonical,
  digestOf,
  equalBytes,
  fail,
  fromHex,
  isObject,
  ok,
  parseJson,
  toHex,
  utf8,
  type Json,
  type JsonObject,
  type Result,
} from "../base/index.ts";
import { Growth, openCheckpoint, verifyConsistency } from "../ledger/index.ts";
import { witnessCheck, readEntry } from "./ledger-checks.ts";
import { RowBuilder, type ReportRow } from "./report-row.ts";
import { no, open, plural, REPORT_SCHEMA, yes, type Check, type EvidenceBundle, type EvidenceTrust } from "./types.ts";

export interface ChangeReport {
  readonly schema: typeof REPORT_SCHEMA;
  readonly origin: string;
  readonly from: string;
  readonly to: string;
  /** Entries `from` to `to`, the second not among them, with the log's root at both sizes. */
  readonly range: { readonly from: number; readonly to: number; readonly root_from: string; readonly root_to: string };
  /** How many entries of the range are of which kind. */
  readonly counts: Readonly<Record<string, number>>;
  /** Every change with an entry in the range: those with exceptions first. */
  readonly changes: readonly ReportRow[];
  readonly sample: { readonly seed: string; readonly changes: readonly string[] };
  /** A signed head, and that the log at `range.to` begins it. */
  readonly head: { readonly checkpoint: string; readonly consistency: readonly string[] };
  /** Told by Pawl, and shown by no entry: the titles of the changes. */
  readonly told: { readonly titles: Readonly<Record<string, string>> };
}

export interface ReportAsk {
  readonly origin: string;
  readonly from: number;
  readonly to: number;
  /** How many changes to draw, and by which seed; without one, by the root at the end of the range. */
  readonly sample: number;
  readonly seed?: string;
}

export type Recomputed = Omit<ChangeReport, "head" | "told">;

/** Takes the log's entries from the first one on; keeps what open changes and those of the range need, and no more. */
export class ReportBuilder {
  readonly #ask: ReportAsk;
  readonly #headSize: number | undefined;
  #headRoot: Uint8Array | undefined;
  readonly #tree = new Growth({ size: 0, hashes: new Uint8Array(0) }, () => undefined);
  readonly #rows = new Map<string, RowBuilder>();
  readonly #touched = new Set<string>();
  readonly #counts = new Map<string, number>();
  #start: { readonly size: number; readonly root: string } | undefined;
  #end: { readonly size: number; readonly root: string } | undefined;

  /** With the size of the head that the report names, the root there is kept for its verification. */
  constructor(ask: ReportAsk, headSize?: number) {
    this.#ask = ask;
    this.#headSize = headSize;
  }

  take(index: number, entry: string): void {
    const read = readEntry({ index, entry });
    const at = read?.event.at ?? Number.NEGATIVE_INFINITY;
    if (at >= this.#ask.from) this.#start ??= this.#cut();
    if (at >= this.#ask.to) this.#end ??= this.#cut();
    this.#tree.addEntry(utf8(entry));
    if (this.#tree.size === this.#headSize) this.#headRoot = this.#tree.root();
    if (this.#end !== undefined) return;
    const inside = this.#start !== undefined;
    if (inside) this.#count(read === undefined ? "unreadable" : `${read.stream.split("/", 1)[0] ?? ""}.${read.event.type}`);
    if (read?.stream.startsWith("change/") !== true) return;
    const change = read.stream.slice("change/".length);
    const row = this.#rows.get(change) ?? new RowBuilder(change);
    row.take(read);
    if (inside) this.#touched.add(change);
    // What ended before the range is no part of it.
    if (!inside && row.over) this.#rows.delete(change);
    else this.#rows.set(change, row);
  }

  #cut(): { readonly size: number; readonly root: string } {
    return { size: this.#tree.size, root: toHex(this.#tree.root()) };
  }

  #count(kind: string): void {
    this.#counts.set(kind, (this.#counts.get(kind) ?? 0) + 1);
  }

  /** The root of the entries at the head's size; undefined where fewer were taken. */
  get headRoot(): Uint8Array | undefined {
    return this.#headRoot;
  }

  finish(): Recomputed {
    const end = this.#end ?? this.#cut();
    const start = this.#start ?? this.#cut();
    const { origin, from, to } = this.#ask;
    const rows = [...this.#touched].flatMap((change) => this.#rows.get(change)?.row() ?? []);
    return {
      schema: REPORT_SCHEMA,
      origin,
      from: new Date(from).toISOString(),
      to: new Date(to).toISOString(),
      range: { from: start.size, to: end.size, root_from: start.root, root_to: end.root },
      counts: Object.fromEntries([...this.#counts].toSorted(([a], [b]) => (a < b ? -1 : 1))),
      changes: rows.toSorted(
        (a, b) => Number(b.exceptions.length > 0) - Number(a.exceptions.length > 0) || a.entries.first - b.entries.first,
      ),
      sample: this.#sample(rows, end.root),
    };
  }

  /** Whoever knows the seed draws the same: by the hash of seed and change, the lowest first. */
  #sample(rows: readonly ReportRow[], root: string): ChangeReport["sample"] {
    const seed = this.#ask.seed ?? root;
    const drawn = rows.map(({ change }) => ({ change, by: digestOf(`${seed}\n${change}`) })).toSorted((a, b) => (a.by < b.by ? -1 : 1));
    return { seed, changes: drawn.slice(0, this.#ask.sample).map(({ change }) => change) };
  }
}

const malformed = (message: string): Result<never> =>
  fail({ code: "report_malformed", message, remedy: "have it made again: pawl report" });

/** A report as it was written: its form is shown by making it again, which is what its verification does. */
export function readReport(bytes: Uint8Array): Result<ChangeReport> {
  const parsed = parseJson(bytes, { bytes: 64 * 1024 * 1024 });
  if (!parsed.ok) return malformed(`it cannot be read: ${parsed.error.message}`);
  const { schema, origin, from, to, head, sample, told, ...rest } = parsed.value as JsonObject;
  const dated = [from, to].every((moment) => typeof moment === "string" && !Number.isNaN(Date.parse(moment)));
  const texts = (part: Json | undefined): boolean => Array.isArray(part) && part.every((each) => typeof each === "string");
  const rows = rest["changes"];
  const whole =
    isObject(head) &&
    isObject(told) &&
    isObject(sample) &&
    isObject(rest["range"]) &&
    isObject(told["titles"]) &&
    typeof head["checkpoint"] === "string" &&
    texts(head["consistency"]) &&
    typeof sample["seed"] === "string" &&
    texts(sample["changes"]) &&
    Array.isArray(rows) &&
    rows.every(isObject);
  if (schema !== REPORT_SCHEMA || typeof origin !== "string" || !dated || !whole || Object.keys(rest).length !== 3)
    return malformed("it has not the form of a report");
  return ok(parsed.value as unknown as ChangeReport);
}

export const askOf = ({ origin, from, to, sample, changes }: ChangeReport): ReportAsk => ({
  origin,
  from: Date.parse(from),
  to: Date.parse(to),
  sample: Math.min(sample.changes.length, changes.length),
  seed: sample.seed,
});

/** The range is closed by an entry that is as late as its end; a head of before then may keep back what followed. */
function rangeCheck({ to, range }: Recomputed, size: number, proven: boolean): Check {
  if (proven && range.to < size) return yes("range", `entry ${range.to} is not earlier than ${to}: nothing of the range can follow`);
  return open(
    "range",
    `no entry under the signed head is as late as ${to}: the log may have gone on within the range, and a newer head shows it`,
  );
}

/** Whoever may choose the seed can try seeds until what it draws pleases. */
function sampleCheck({ sample, range, changes }: Recomputed): Check {
  const drawn = `${sample.changes.length} of ${plural(changes.length, "change")}`;
  return sample.seed === range.root_to
    ? yes("sample", `${drawn}, drawn by the root at the end of the range`)
    : open("sample", `${drawn}, drawn by a seed that its maker chose: ${sample.seed}. Take it for a sample if you named the seed`);
}

/** What the entries come to, beside what the report says; with the root of the entries at the head's size. */
export function verifyReport(report: ChangeReport, made: Recomputed, trust: EvidenceTrust, headRoot?: Uint8Array): readonly Check[] {
  const { head, told, ...said } = report;
  const { range, changes } = made;
  const signed = openCheckpoint(head.checkpoint, trust.logKeys, trust.origin);
  if (!signed.ok) return [no("checkpoint", `the head is not signed as trusted: ${signed.error.message}`)];
  const proof = head.consistency.map((node) => fromHex(node) ?? new Uint8Array());
  const { size, root } = signed.value;
  const grown = verifyConsistency({ from: range.to, to: size, fromRoot: fromHex(range.root_to) ?? new Uint8Array(), toRoot: root, proof });
  return [
    yes("checkpoint", `${plural(size, "entry", "entries")}, signed by ${trust.origin}`),
    witnessCheck({ checkpoint: head.checkpoint } as EvidenceBundle, trust),
    grown.ok
      ? yes("entries", `the first ${range.to} entries are those that the signed head begins with, root ${range.root_to}`)
      : no("entries", `the entries are not those of the signed head: ${grown.error.message}`),
    difference(said, made) ??
      yes(
        "population",
        `all ${plural(changes.length, "change")} of entries ${range.from} to ${range.to - 1}, recomputed: none is missing, none is otherwise`,
      ),
    rangeCheck(made, size, headRoot !== undefined && equalBytes(headRoot, root)),
    sampleCheck(made),
    {
      name: "titles",
      holds: undefined,
      text: `${plural(Object.keys(told.titles).length, "title")} told by Pawl: no entry shows them, a bundle does`,
    },
  ];
}

/** The first thing that the entries say otherwise. */
function difference(said: Recomputed, made: Recomputed): Check | undefined {
  const rows = new Map(said.changes.map((row) => [row.change, row]));
  for (const row of made.changes) {
    const told = rows.get(row.change);
    if (told === undefined) return no("population", `${row.change} has entries in the range, and is not in the report`);
    if (canonical(told) !== canonical(row)) return no("population", `${row.change} is told otherwise than its entries have it`);
    rows.delete(row.change);
  }
  const [extra] = rows.keys();
  if (extra !== undefined) return no("population", `${extra} has no entry in the range`);
  const part = (["range", "counts", "changes", "sample"] as const).find((key) => canonical(said[key]) !== canonical(made[key]));
  return part === undefined && canonical(said) === canonical(made)
    ? undefined
    : no("population", `its ${part ?? "frame"} is not what the entries come to`);
}
