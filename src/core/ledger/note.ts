import {
  assert,
  concatBytes,
  equalBytes,
  fromBase64,
  fromHex,
  fromUtf8,
  ok,
  sha256,
  toBase64,
  toHex,
  utf8,
  verifyEd25519,
} from "../base/index.ts";
import type { Result } from "../base/index.ts";
import type { LedgerFault } from "./faults.ts";
import { refuse } from "./faults.ts";

/** A public key under a name (C2SP signed-note). `id` is the hash by which signatures name it. */
export interface Vkey {
  readonly name: string;
  readonly id: number;
  readonly publicKey: Uint8Array;
}

/** Holds the private key, or reaches whoever does. */
export interface NoteSigner {
  readonly name: string;
  readonly publicKey: Uint8Array;
  sign(message: Uint8Array): Uint8Array;
}

export interface Note<K extends Vkey = Vkey> {
  /** The signed text, final newline included. */
  readonly text: string;
  /** The trusted keys whose signatures verified. */
  readonly signers: readonly K[];
  /** Names of keys that are not trusted; their signatures say nothing. */
  readonly strangers: readonly string[];
}

const ED25519 = 1;
const MAX_NOTE_BYTES = 128 * 1024;
const MAX_SIGNATURES = 100;
const MAX_NAME = 255;
export const DASH = "\u2014 ";

/** No space of any script, no plus, no control character. */
const isName = (name: string): boolean => name.length <= MAX_NAME && name.isWellFormed() && /^[^\s\u0085+\p{Cc}]+$/u.test(name);

/** The first bytes of a signature name its key: a hash of the key's name, kind and public half. */
export const idBytes = (name: string, publicKey: Uint8Array, kind = ED25519): Uint8Array =>
  sha256(concatBytes(utf8(`${name}\n`), new Uint8Array([kind]), publicKey)).slice(0, 4);
const toId = (bytes: Uint8Array): number => new DataView(bytes.buffer, bytes.byteOffset).getUint32(0);

export const keyHash = (name: string, publicKey: Uint8Array): number => toId(idBytes(name, publicKey));

/** The verifier key line `name+id+key` of a public key. */
export function vkey(name: string, publicKey: Uint8Array, kind = ED25519): string {
  assert(isName(name) && publicKey.length === 32, "a verifier key has a name without spaces and 32 bytes");
  return `${name}+${toHex(idBytes(name, publicKey, kind))}+${toBase64(concatBytes(new Uint8Array([kind]), publicKey))}`;
}

export function parseVkey(line: string, kind = ED25519): Result<Vkey, LedgerFault> {
  if (line.length > MAX_NAME + 128) return refuse("key_malformed", "the verifier key line is too long");
  const [name = "", id = "", key64 = ""] = splitPlus(line);
  const idText = fromHex(id);
  const key = fromBase64(key64);
  if (!isName(name) || idText?.length !== 4 || key === undefined) return refuse("key_malformed", "a verifier key is name+id+key");
  if (key[0] !== kind || key.length !== 33) return refuse("key_malformed", "the key is not an Ed25519 key of 32 bytes of this kind");
  const publicKey = key.slice(1);
  if (!equalBytes(idText, idBytes(name, publicKey, kind))) return refuse("key_malformed", "the id is not that of the name and key");
  return ok({ name, id: toId(idText), publicKey });
}

/** At the first two pluses: base64 may have more. */
function splitPlus(line: string): string[] {
  const first = line.indexOf("+");
  const second = line.indexOf("+", first + 1);
  return first < 0 || second < 0 ? [] : [line.slice(0, first), line.slice(first + 1, second), line.slice(second + 1)];
}

/** A signer's id is hashed once, not for each note. */
const signerIds = new WeakMap<NoteSigner, Uint8Array>();
function signerId(signer: NoteSigner): Uint8Array {
  const known = signerIds.get(signer);
  if (known !== undefined) return known;
  assert(isName(signer.name), "a signer has a name without spaces");
  const id = idBytes(signer.name, signer.publicKey);
  signerIds.set(signer, id);
  return id;
}

/** Signs a text that ends with a newline. The signatures stand in the order of the signers. */
export function signNote(text: string, signers: readonly NoteSigner[]): string {
  assert(isNoteText(text) && text.endsWith("\n"), "a note is text that ends with a newline");
  assert(signers.length > 0 && signers.length <= MAX_SIGNATURES, "a note has a signer");
  const message = utf8(text);
  const lines = signers.map((signer) => {
    const id = signerId(signer);
    const signature = signer.sign(message);
    assert(signature.length === 64, "an Ed25519 signature has 64 bytes");
    return `${DASH}${signer.name} ${toBase64(concatBytes(id, signature))}\n`;
  });
  return `${text}\n${lines.join("")}`;
}

/** Whole characters, and no control characters but newlines. */
const isNoteText = (text: string): boolean => text.isWellFormed() && !/[^\P{Cc}\n\u007f-\u009f]/u.test(text);

export interface SignatureLine {
  readonly name: string;
  readonly id: number;
  readonly signature: Uint8Array;
}

/**
 * Opens a note: at least one trusted key has signed the text, and no signature that names a trusted key is bad.
 * Signatures by other keys are allowed and say nothing.
 */
export function openNote<K extends Vkey>(source: string | Uint8Array, trusted: readonly K[]): Result<Note<K>, LedgerFault> {
  const parts = parseNote(source);
  if (!parts.ok) return parts;
  const { text, lines } = parts.value;
  const message = utf8(text);
  const signers = new Set<K>();
  const strangers: string[] = [];
  for (const line of lines) {
    const keys = trusted.filter((key) => key.name === line.name && key.id === line.id);
    const [key] = keys;
    if (keys.length > 1) return refuse("key_ambiguous", `two trusted keys are named ${line.name} and have the same id`);
    if (key === undefined) strangers.push(line.name);
    else if (!verifyEd25519(key.publicKey, message, line.signature))
      return refuse("note_bad_signature", `the signature by ${key.name} is not of this text`);
    else signers.add(key);
  }
  if (signers.size === 0) return refuse("note_untrusted", "no trusted key has signed the note");
  return ok({ text, signers: [...signers], strangers });
}

export function parseNote(source: string | Uint8Array): Result<{ text: string; lines: SignatureLine[] }, LedgerFault> {
  const malformed = (why: string) => refuse("note_malformed", why);
  if (source.length > MAX_NOTE_BYTES) return malformed(`the note is longer than ${MAX_NOTE_BYTES} bytes`);
  const note = typeof source === "string" ? source : fromUtf8(source);
  if (note === undefined || !isNoteText(note)) return malformed("the note is not text without control characters");
  const end = note.lastIndexOf("\n\n");
  if (end < 0 || !note.endsWith("\n") || end + 2 === note.length) return malformed("no signatures follow a blank line");
  const rows = note.slice(end + 2, -1).split("\n");
  if (rows.length > MAX_SIGNATURES) return malformed(`the note has more than ${MAX_SIGNATURES} signatures`);
  const lines: SignatureLine[] = [];
  for (const row of rows) {
    const line = parseSignature(row);
    if (line === undefined) return malformed(`line ${lines.length + 1} of the signatures is not a signature`);
    lines.push(line);
  }
  return ok({ text: note.slice(0, end + 1), lines });
}

function parseSignature(row: string): SignatureLine | undefined {
  if (!row.startsWith(DASH)) return undefined;
  const [name = "", base64 = "", ...more] = row.slice(DASH.length).split(" ");
  const bytes = fromBase64(base64);
  if (more.length > 0 || !isName(name) || bytes === undefined || bytes.length < 5) return undefined;
  return { name, id: toId(bytes), signature: bytes.slice(4) };
}
