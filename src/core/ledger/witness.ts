/** C2SP tlog-witness and tlog-cosignature: somebody else who remembers a log's head and signs only what extends it. */
import { assert, concatBytes, equalBytes, fromBase64, fromUtf8, ok, toBase64, utf8, verifyEd25519 } from "../base/index.ts";
import type { Result } from "../base/index.ts";
import { openCheckpoint, parseCheckpoint, type LogKey, type OpenCheckpoint } from "./checkpoint.ts";
import type { LedgerFault } from "./faults.ts";
import { refuse } from "./faults.ts";
import { DASH, idBytes, parseNote, parseVkey, vkey, type NoteSigner, type Vkey } from "./note.ts";
import { verifyConsistency } from "./proofs.ts";
import { HASH_BYTES, emptyRoot } from "./tree.ts";

/** The kind of key that signs cosignatures: the same key under the same name is another one for notes. */
const COSIGNER = 4;
const MAX_PROOF_LINES = 63;
const MAX_SUBMISSION_BYTES = 132 * 1024;
const TIME_BYTES = 8;

export const witnessKey = (name: string, publicKey: Uint8Array): string => vkey(name, publicKey, COSIGNER);
export const parseWitnessKey = (line: string): Result<Vkey, LedgerFault> => parseVkey(line, COSIGNER);

/** What a log hands to a witness: its new head, and the proof that it grew out of the size the witness saw last. */
export interface Submission {
  readonly oldSize: number;
  readonly proof: readonly Uint8Array[];
  /** The signed checkpoint. */
  readonly note: string;
}

export function formatSubmission({ oldSize, proof, note }: Submission): string {
  return [`old ${oldSize}`, ...proof.map(toBase64), "", note].join("\n");
}

export function parseSubmission(body: Uint8Array): Result<Submission, LedgerFault> {
  const malformed = (why: string) => refuse("request_malformed", why);
  if (body.length > MAX_SUBMISSION_BYTES) return malformed(`the request is longer than ${MAX_SUBMISSION_BYTES} bytes`);
  const text = fromUtf8(body);
  const end = text?.indexOf("\n\n") ?? -1;
  if (text === undefined || end < 0) return malformed("no checkpoint follows a blank line");
  const [first = "", ...lines] = text.slice(0, end).split("\n");
  const old = /^old (0|[1-9]\d{0,15})$/.exec(first)?.[1];
  if (old === undefined || !Number.isSafeInteger(Number(old))) return malformed('the first line is not "old" and a size');
  if (lines.length > MAX_PROOF_LINES) return malformed(`the proof has more than ${MAX_PROOF_LINES} hashes`);
  const proof = lines.map(fromBase64).filter((hash) => hash?.length === HASH_BYTES) as Uint8Array[];
  if (proof.length < lines.length) return malformed("a line of the proof is not a hash in base64");
  return ok({ oldSize: Number(old), proof, note: text.slice(end + 2) });
}

/** A log that the witness was told to watch, and the head that it cosigned last. */
export interface WatchedLog {
  readonly origin: string;
  readonly keys: readonly LogKey[];
  readonly seen: { readonly size: number; readonly root: Uint8Array } | undefined;
}

/** The origin that a submitted checkpoint names; worth nothing before its signature is checked. */
const claimedOrigin = (note: string): string => note.slice(0, note.indexOf("\n"));

/**
 * Decides whether a witness cosigns: only what the log signed, and only what extends the head it cosigned before. `checkpoint_fork`
 * and `proof_mismatch` come with a signature by the log's own key: together with the head that was cosigned they are worth keeping.
 */
export function witness(find: (origin: string) => WatchedLog | undefined, submission: Submission): Result<OpenCheckpoint, LedgerFault> {
  const { oldSize, proof, note } = submission;
  const log = find(claimedOrigin(note));
  if (log === undefined) return refuse("log_unknown", "this witness watches no log of that origin");
  const opened = openCheckpoint(note, log.keys, log.origin);
  if (!opened.ok) return opened;
  const { size, root } = opened.value;
  if (oldSize > size) return refuse("request_malformed", `the old size ${oldSize} is beyond the new size ${size}`);
  const seen = log.seen ?? { size: 0, root: emptyRoot() };
  if (oldSize !== seen.size) return refuse("size_moved", `the witness has cosigned size ${seen.size}, not ${oldSize}`);
  if (size === seen.size && !equalBytes(root, seen.root)) return refuse("checkpoint_fork", `the log has signed two roots for size ${size}`);
  const grown = verifyConsistency({ from: seen.size, to: size, fromRoot: seen.root, toRoot: root, proof });
  return grown.ok ? opened : grown;
}

/** The line that a witness adds to a checkpoint's note: its signature over the checkpoint and the time, in whole seconds. */
export function cosignature(note: string, witnessedBy: NoteSigner, seconds: number): string {
  const parts = parseNote(note);
  assert(parts.ok && Number.isSafeInteger(seconds) && seconds >= 0, "a witness signs a note that was opened, at a time");
  const time = new Uint8Array(TIME_BYTES);
  new DataView(time.buffer).setBigUint64(0, BigInt(seconds));
  const signature = witnessedBy.sign(cosigned(parts.value.text, seconds));
  const { name, publicKey } = witnessedBy;
  return `${DASH}${name} ${toBase64(concatBytes(idBytes(name, publicKey, COSIGNER), time, signature))}\n`;
}

const cosigned = (text: string, seconds: number | bigint): Uint8Array => utf8(`cosignature/v1\ntime ${seconds}\n${text}`);

export interface Cosignature {
  readonly witness: Vkey;
  /** When the witness signed, in seconds. */
  readonly seconds: number;
}

/** Who among the trusted witnesses has cosigned a note. One that bears a trusted name and is wrong refuses the whole. */
export function openCosignatures(note: string, trusted: readonly Vkey[]): Result<readonly Cosignature[], LedgerFault> {
  const parts = parseNote(note);
  if (!parts.ok) return parts;
  const checkpoint = parseCheckpoint(parts.value.text);
  if (!checkpoint.ok) return checkpoint;
  const found: Cosignature[] = [];
  for (const { name, id, signature } of parts.value.lines) {
    const key = trusted.find((each) => each.name === name && each.id === id);
    if (key === undefined) continue;
    const seconds = signature.length === TIME_BYTES + 64 ? new DataView(signature.buffer, signature.byteOffset).getBigUint64(0) : undefined;
    if (seconds === undefined || !verifyEd25519(key.publicKey, cosigned(parts.value.text, seconds), signature.slice(TIME_BYTES)))
      return refuse("note_bad_signature", `the cosignature by ${name} is not of this checkpoint`);
    found.push({ witness: key, seconds: Number(seconds) });
  }
  return ok(found);
}

/**
 * Notes of one log, each cosigned by somebody, as notes that bear all the cosignatures of their checkpoint: those of the most
 * witnesses first, and of these the newest. Nothing is verified here.
 */
export function mergeCosignatures(notes: readonly string[]): readonly { readonly size: number; readonly note: string }[] {
  const lines = new Map<string, Set<string>>();
  for (const note of notes) {
    const end = note.lastIndexOf("\n\n") + 2;
    if (end < 2 || !parseNote(note).ok || !parseCheckpoint(note.slice(0, end - 1)).ok) continue;
    const known = lines.get(note.slice(0, end)) ?? new Set();
    for (const line of note.slice(end, -1).split("\n")) known.add(line);
    lines.set(note.slice(0, end), known);
  }
  return [...lines]
    .map(([text, signatures]) => ({ text, signatures, size: Number(text.split("\n", 2)[1]) }))
    .toSorted((a, b) => b.signatures.size - a.signatures.size || b.size - a.size)
    .map(({ text, signatures, size }) => ({ size, note: `${text}${[...signatures].join("\n")}\n` }));
}
