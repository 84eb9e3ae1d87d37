/** Entries of the ledger in the forms that other systems take. An entry has one form for ever, so that an export again is the same. */
import { parseJson, toHex, utf8, type JsonObject } from "../base/index.ts";
import { leafHash } from "../ledger/index.ts";
import { readEntry, type ReadEntry } from "./ledger-checks.ts";
import { ocsf } from "./ocsf.ts";

export const EXPORT_FORMATS = ["jsonl", "cloudevents", "ocsf"] as const;
export type ExportFormat = (typeof EXPORT_FORMATS)[number];

/** What is exported of an entry: its event, less what stands in for a credential. */
export interface ExportedEntry extends ReadEntry {
  readonly id: string;
  readonly time: string;
}

/** An entry that is not of our form is exported as nothing: whoever counts the indexes sees that one is missing. */
export function exportEntry(origin: string, index: number, entry: string, format: ExportFormat): JsonObject | undefined {
  const read = readEntry({ index, entry });
  if (read === undefined) return undefined;
  const { at } = read.event;
  const time =
    typeof at === "number" && Number.isFinite(at) && Math.abs(at) < 8.64e15 ? new Date(at).toISOString() : new Date(0).toISOString();
  const exported: ExportedEntry = { ...read, event: withoutHash(read), id: `${origin}#${index}`, time };
  switch (format) {
    case "jsonl":
      return jsonLine(exported, entry);
    case "cloudevents":
      return cloudEvent(origin, exported);
    default:
      return ocsf(origin, exported);
  }
}

/** Of a bearer token, and of one with which a runner enrols, the ledger has a hash. It opens nothing, and nobody outside needs it. */
function withoutHash({ stream, event }: ReadEntry): ReadEntry["event"] {
  if (!/^(token|runner)\//.test(stream)) return event;
  const { hash: _, ...rest } = event;
  return rest;
}

/** With the entry's exact text and leaf hash, so that whoever has all lines has the log. */
function jsonLine({ id, index, time, stream, n, event }: ExportedEntry, entry: string): JsonObject {
  return { id, index, time, stream, n, type: event.type, event, entry, leaf_hash: toHex(leafHash(utf8(entry))) };
}

/** CloudEvents 1.0, structured JSON: source and id together are unique, and `sequence` is the ledger's order. */
function cloudEvent(origin: string, { index, time, stream, event }: ExportedEntry): JsonObject {
  const area = stream.split("/", 1)[0] ?? "";
  return {
    specversion: "1.0",
    id: String(index),
    source: `pawl://${origin}`,
    type: `pawl.${area}.${event.type}.v1`,
    subject: stream,
    time,
    datacontenttype: "application/json",
    sequence: String(index).padStart(16, "0"),
    data: event,
  };
}

/** The entry's own text of a line of the export; undefined for a line that is none. */
export function entryOfLine(line: string): string | undefined {
  if (!line.includes('"leaf_hash"')) return undefined;
  const parsed = parseJson(line);
  const entry = parsed.ok ? (parsed.value as JsonObject)["entry"] : undefined;
  return typeof entry === "string" ? entry : undefined;
}
