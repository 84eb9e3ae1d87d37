/** What the log's signature, its witnesses and the Merkle proofs say of a bundle. */
import { canonical, fromHex, parseJson, toBase64, utf8, type Json, type JsonObject } from "../base/index.ts";
import { leafHash, openCheckpoint, openCosignatures, verifyInclusion, type OpenCheckpoint } from "../ledger/index.ts";
import { no, open, plural, yes, type Check, type EvidenceBundle, type EvidenceTrust, type ProvenEntry } from "./types.ts";

/** An entry whose bytes are the canonical ones. */
export interface ReadEntry {
  readonly index: number;
  readonly stream: string;
  readonly n: number;
  readonly event: JsonObject & { readonly type: string; readonly at: number };
}

export function readEntry({ index, entry }: Pick<ProvenEntry, "index" | "entry">): ReadEntry | undefined {
  const parsed = parseJson(entry);
  if (!parsed.ok || canonical(parsed.value) !== entry || !isEntry(parsed.value)) return undefined;
  const { stream, n, event } = parsed.value;
  return { index, stream, n, event };
}

function isEntry(value: Json): value is JsonObject & { stream: string; n: number; event: ReadEntry["event"] } {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  const { stream, n, event, v } = value;
  if (v !== 1 || typeof stream !== "string" || typeof n !== "number" || Object.keys(value).length !== 4) return false;
  return typeof event === "object" && event !== null && !Array.isArray(event) && typeof event["type"] === "string";
}

export function headCheck({ checkpoint }: EvidenceBundle, trust: EvidenceTrust): { readonly check: Check; readonly head?: OpenCheckpoint } {
  const head = openCheckpoint(checkpoint, trust.logKeys, trust.origin);
  if (!head.ok) return { check: no("checkpoint", `the head is not signed as trusted: ${head.error.message}`) };
  const { size, root, signers } = head.value;
  const names = signers.map(({ name }) => name).join(", ");
  return { check: yes("checkpoint", `${plural(size, "entry", "entries")}, root ${toBase64(root)}, signed by ${names}`), head: head.value };
}

/** k of the n witnesses that are trusted: as many as the verifier asks for, whatever the bundle brings. */
export function witnessCheck({ checkpoint }: EvidenceBundle, { witnesses, quorum }: EvidenceTrust): Check {
  if (witnesses.length === 0) return open("witnesses", "none is trusted: whoever holds the log's key could show others another log");
  const found = openCosignatures(checkpoint, witnesses);
  if (!found.ok) return no("witnesses", found.error.message);
  const names = [...new Set(found.value.map(({ witness }) => witness.name))];
  const text = `${names.length} of ${witnesses.length} trusted witnesses have cosigned${names.length === 0 ? "" : `: ${names.join(", ")}`}`;
  return names.length >= quorum
    ? yes("witnesses", text)
    : no("witnesses", `${text}; ${quorum} must have. One that was exported too soon is exported again`);
}

export function inclusionCheck({ entries, context }: EvidenceBundle, { size, root }: OpenCheckpoint): Check {
  for (const { index, entry, proof } of [...entries, ...context]) {
    const nodes = proof.map((node) => fromHex(node) ?? new Uint8Array());
    const shown = verifyInclusion({ leafHash: leafHash(utf8(entry)), index, size, root, proof: nodes });
    if (!shown.ok) return no("inclusion", `entry ${index} is not in that log: ${shown.error.message}`);
  }
  const others = context.length === 0 ? "" : `, and ${context.length} of rules, people and tokens`;
  return yes("inclusion", `${plural(entries.length, "entry", "entries")} of this change${others}: each is in that log`);
}

/** The change's entries are its own, in the log's order, and numbered from 0 without a gap. */
export function chainCheck({ change, entries, context }: EvidenceBundle): { readonly check: Check; readonly read?: readonly ReadEntry[] } {
  const read: ReadEntry[] = [];
  const bad = (text: string): { readonly check: Check } => ({ check: no("chain", text) });
  for (const [n, each] of entries.entries()) {
    const entry = readEntry(each);
    if (entry === undefined) return bad(`entry ${each.index} is not an entry in canonical JSON`);
    if (entry.stream !== `change/${change}`) return bad(`entry ${each.index} belongs to ${entry.stream}`);
    if (entry.n !== n) return bad(`entry ${each.index} is event ${entry.n}, where event ${n} belongs: one is missing or out of order`);
    if (entry.index <= (read.at(-1)?.index ?? -1)) return bad(`entry ${each.index} does not come after the one before it`);
    read.push(entry);
  }
  if (read.length === 0) return bad("there is no entry of this change");
  // Which of two policies was in force is read off their order.
  const turned = context.find(({ index }, n) => n > 0 && index <= (context[n - 1]?.index ?? -1));
  if (turned !== undefined) return bad(`entry ${turned.index} of rules, people or tokens does not come after the one before it`);
  return { check: yes("chain", `events 0 to ${read.length - 1}, in the log's order and without a gap`), read };
}
