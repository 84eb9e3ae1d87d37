import { assert } from "./assert.ts";
import { utf8 } from "./bytes.ts";
import { canonicalNumber } from "./json-number.ts";
import { countMembers } from "./json-scan.ts";
import { fail, ok } from "./result.ts";
import type { Refusal, Result } from "./result.ts";
import type { Json } from "./json.ts";

/**
 * JSON that another program writes for everybody: Terraform's plans, an API's answers. Unlike what Pawl's own formats allow, its text
 * need not be in normal form C and its numbers may be larger than a double holds: such a number is read as the text of its digits, so
 * that no value is silently another one. What would mean two things to two readers is refused here as well: a key that is there twice,
 * `__proto__`, half of a surrogate pair, depth without bound.
 */
export interface ForeignBounds {
  readonly bytes: number;
  readonly depth: number;
  /** Keys and values of one object or list, together over all that is read. */
  readonly members: number;
}

const FOREIGN_BOUNDS: ForeignBounds = { bytes: 400 * 1024 * 1024, depth: 200, members: 20_000_000 };

export type ForeignCode = "foreign_encoding" | "foreign_syntax" | "foreign_duplicate_key" | "foreign_too_large" | "foreign_too_deep";

/** The members of a document's top object, each as the bytes it was written in. What nobody asks for is not built. */
export interface ForeignDocument {
  readonly names: readonly string[];
  /** The member as it is written, or nothing where it is absent. */
  raw(name: string): Uint8Array | undefined;
  /** The member's value; undefined where it is absent. */
  read(name: string): Result<Json | undefined, Refusal<ForeignCode>>;
}

const refused = (code: ForeignCode, message: string): { readonly ok: false; readonly error: Refusal<ForeignCode> } =>
  fail({ code, message, remedy: "hand in the document as the program wrote it" });

/** UTF-8, or UTF-16 with its mark, as some shells of Windows write what is redirected to a file. */
function asUtf8(bytes: Uint8Array): Uint8Array | undefined {
  const [a, b, c] = bytes;
  if (a === 0xef && b === 0xbb && c === 0xbf) return bytes.subarray(3);
  const wide = a === 0xff && b === 0xfe ? "utf-16le" : a === 0xfe && b === 0xff ? "utf-16be" : undefined;
  const text = wide === undefined ? undefined : decoded(bytes, wide);
  return wide === undefined ? bytes : text === undefined ? undefined : utf8(text);
}

function decoded(bytes: Uint8Array, label: string): string | undefined {
  try {
    return new TextDecoder(label, { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

/**
 * Finds the members of the top object, in one pass over the bytes. Only what is then read is decoded and judged: of the rest no more
 * is known than where it ends.
 */
export function openForeign(source: Uint8Array, bounds: ForeignBounds = FOREIGN_BOUNDS): Result<ForeignDocument, Refusal<ForeignCode>> {
  if (source.length > bounds.bytes) return refused("foreign_too_large", `the text is larger than ${bounds.bytes} bytes`);
  const bytes = asUtf8(source);
  if (bytes === undefined) return refused("foreign_encoding", "the bytes are neither UTF-8 nor UTF-16 with its mark");
  const scanner = new Scanner(bytes, bounds);
  const spans = scanner.top();
  if (typeof spans === "string") return refused(scanner.deep ? "foreign_too_deep" : "foreign_syntax", spans);
  if (spans.size < scanner.topMembers) return refused("foreign_duplicate_key", "a key of the document is there twice");
  return ok({
    names: [...spans.keys()],
    raw: (name) => {
      const span = spans.get(name);
      return span === undefined ? undefined : bytes.subarray(span.start, span.end);
    },
    read: (name) => {
      const span = spans.get(name);
      return span === undefined ? ok(undefined) : readValue(bytes.subarray(span.start, span.end), span, bounds);
    },
  });
}

interface Span {
  readonly start: number;
  readonly end: number;
  readonly members: number;
  /** A number that may not survive a double. */
  readonly inexact: boolean;
}

function readValue(bytes: Uint8Array, span: Span, bounds: ForeignBounds): Result<Json, Refusal<ForeignCode>> {
  if (span.members > bounds.members) return refused("foreign_too_large", `there are more than ${bounds.members} members`);
  const text = decoded(bytes, "utf-8");
  if (text === undefined) return refused("foreign_encoding", "the bytes are not UTF-8");
  const value = parsed(text, span.inexact);
  if (value === undefined) return refused("foreign_syntax", "the text is not JSON");
  // JSON.parse keeps one of two equal keys, so a duplicate shows as a member that is missing.
  const found = countMembers(value);
  if (found < 0) return refused("foreign_syntax", "the key `__proto__` means something else to some readers");
  if (found !== span.members) return refused("foreign_duplicate_key", "a key is there twice in one object");
  // JSON.stringify writes one half as an escape, behind an even number of backslashes.
  if (/\\ud/i.test(text) && /(?<!\\)(?:\\\\)*\\ud[89a-f]/.test(JSON.stringify(value)))
    return refused("foreign_syntax", "an escape writes half of a surrogate pair");
  return ok(value);
}

type Reviver = (key: string, value: unknown, context: { readonly source?: string }) => unknown;

function parsed(text: string, inexact: boolean): Json | undefined {
  const exact: Reviver = (_, value, { source }) =>
    typeof value === "number" && source !== undefined && canonicalNumber(source) === undefined ? source : value;
  try {
    return JSON.parse(text, inexact ? (exact as (key: string, value: unknown) => unknown) : undefined) as Json;
  } catch {
    return undefined;
  }
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COLON = 0x3a;
const COMMA = 0x2c;
const SAFE_DIGITS = 15;

const isDigit = (c: number): boolean => c >= 0x30 && c <= 0x39;
const opens = (c: number): boolean => c === 0x7b || c === 0x5b;
const closes = (c: number): boolean => c === 0x7d || c === 0x5d;

/** Knows where strings end and how deep it is, and leaves syntax to JSON.parse. */
class Scanner {
  deep = false;
  topMembers = 0;
  readonly #bytes: Uint8Array;
  readonly #depth: number;
  #at = 0;

  constructor(bytes: Uint8Array, bounds: ForeignBounds) {
    this.#bytes = bytes;
    this.#depth = bounds.depth;
  }

  /** The top object's members, or why there are none. */
  top(): ReadonlyMap<string, Span> | string {
    const spans = new Map<string, Span>();
    if (this.#next() !== "{") return "the document is not an object";
    if (this.#peek() === "}") return this.#rest() ?? spans;
    for (;;) {
      const name = this.#name();
      if (name === undefined) return "a key of the document cannot be read";
      this.topMembers++;
      const span = this.#value();
      if (typeof span === "string") return span;
      spans.set(name, span);
      const next = this.#peek();
      if (next === "}") return this.#rest() ?? spans;
      if (next !== ",") return "the document ends in the middle";
      this.#at++;
    }
  }

  #rest(): string | undefined {
    this.#at++;
    return this.#peek() === "" ? undefined : "something follows the document";
  }

  #peek(): string {
    while (/[ \t\n\r]/.test(this.#here())) this.#at++;
    return this.#here();
  }

  #here(): string {
    const c = this.#bytes[this.#at];
    return c === undefined ? "" : String.fromCharCode(c);
  }

  #next(): string {
    const found = this.#peek();
    this.#at++;
    return found;
  }

  #name(): string | undefined {
    if (this.#peek() !== '"') return undefined;
    const start = this.#at;
    this.#at = stringEnd(this.#bytes, start) + 1;
    const text = decoded(this.#bytes.subarray(start, this.#at), "utf-8");
    const name = text === undefined ? undefined : parsed(text, false);
    if (this.#next() !== ":" || name === "__proto__") return undefined;
    this.#peek();
    return typeof name === "string" ? name : undefined;
  }

  /** Up to the comma or brace behind it. */
  #value(): Span | string {
    const bytes = this.#bytes;
    const start = this.#at;
    const size = bytes.length;
    let depth = 0;
    let members = 0;
    let inexact = false;
    let i = start;
    for (; i < size; i++) {
      const c = bytes[i] as number;
      if (c === QUOTE) i = stringEnd(bytes, i);
      else if (c === COLON) members++;
      else if (opens(c)) {
        if (++depth > this.#depth) return this.#tooDeep();
      } else if (closes(c)) {
        if (depth-- === 0) break;
      } else if (c === COMMA) {
        if (depth === 0) break;
      } else if (isDigit(c)) {
        const end = numberEnd(bytes, i);
        inexact ||= end < 0;
        i = Math.abs(end) - 1;
      }
    }
    this.#at = i;
    assert(i >= start, "a value ends behind its start");
    return { start, end: i, members, inexact };
  }

  #tooDeep(): string {
    this.deep = true;
    return `more than ${this.#depth} levels are open`;
  }
}

/** Where the string's closing quote is; the end of the bytes where there is none. */
function stringEnd(bytes: Uint8Array, quote: number): number {
  const size = bytes.length;
  let i = quote + 1;
  while (i < size && bytes[i] !== QUOTE) i += bytes[i] === BACKSLASH ? 2 : 1;
  return Math.min(i, size);
}

/** Behind the number; negative where its digits may not survive a double. */
function numberEnd(bytes: Uint8Array, from: number): number {
  const size = bytes.length;
  let plain = true;
  let i = from + 1;
  for (; i < size; i++) {
    const c = bytes[i] as number;
    if (isDigit(c) || c === 0x2e) continue;
    // An exponent and its sign.
    if (c !== 0x65 && c !== 0x45 && c !== 0x2d && c !== 0x2b) break;
    plain = false;
  }
  return plain && i - from <= SAFE_DIGITS ? i : -i;
}
