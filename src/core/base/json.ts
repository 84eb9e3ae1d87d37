import { countMembers, scanJson } from "./json-scan.ts";
import { jsonFault, readStrictly } from "./json-strict.ts";
import type { JsonFault } from "./json-strict.ts";
import { assert } from "./assert.ts";
import { fail, ok } from "./result.ts";
import type { Result } from "./result.ts";

export type Json = null | boolean | number | string | Json[] | JsonObject;
export interface JsonObject {
  [key: string]: Json;
}

export const isObject = (value: Json | undefined): value is JsonObject =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** What a document may cost before it is refused. */
export interface JsonBounds {
  /** UTF-8 bytes of the whole text. */
  readonly bytes: number;
  /** Open arrays and objects; at most 1,000. */
  readonly depth: number;
  /** Members of one object, or elements of one array. */
  readonly members: number;
  /** UTF-16 units of one string or key, once unescaped. */
  readonly stringLength: number;
}

export const JSON_BOUNDS: JsonBounds = { bytes: 4 * 1024 * 1024, depth: 64, members: 100_000, stringLength: 1024 * 1024 };

export type { JsonFault, JsonFaultCode } from "./json-strict.ts";

/**
 * Reads JSON that somebody else wrote. What it accepts has one meaning to every reader: no duplicate keys, no number that a
 * double cannot hold, no text that two systems would compare differently. See docs/spec/canonical.md.
 *
 * JSON.parse builds the value; a scan before it and a walk after it certify the text. Whatever they cannot certify is read
 * again by the strict reader, which alone decides what is a fault and says where.
 */
export function parseJson(source: string | Uint8Array, bounds: Partial<JsonBounds> = {}): Result<Json, JsonFault> {
  const limits = { ...JSON_BOUNDS, ...bounds };
  assert(limits.depth >= 0 && limits.depth <= 1000 && limits.members >= 1, "bounds: depth up to 1,000, at least one member");
  const decoded = decode(source, limits);
  if (!decoded.ok) return decoded;
  const text = decoded.value;
  const value = readQuickly(text, limits);
  return value === undefined ? readStrictly(text, limits) : ok(value);
}

function decode(source: string | Uint8Array, limits: JsonBounds): Result<string, JsonFault> {
  if (tooLarge(source, limits.bytes)) {
    return fail(jsonFault("", 0, "json_too_large", `the text is larger than ${limits.bytes} bytes`));
  }
  if (typeof source === "string") {
    const at = source.isWellFormed() ? -1 : loneSurrogate(source);
    return at < 0 ? ok(source) : fail(jsonFault(source, at, "json_lone_surrogate", "half of a surrogate pair stands alone"));
  }
  try {
    return ok(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(source));
  } catch {
    const before = new TextDecoder("utf-8", { ignoreBOM: true }).decode(source.subarray(0, validUtf8(source)));
    return fail(jsonFault(before, before.length, "json_bad_utf8", "the bytes are not UTF-8"));
  }
}

function tooLarge(source: string | Uint8Array, bytes: number): boolean {
  if (source.length > bytes) return true;
  // One UTF-16 unit is at most three bytes of UTF-8, so most texts need no counting.
  return typeof source === "string" && source.length * 3 > bytes && new TextEncoder().encode(source).length > bytes;
}

/** How many leading bytes are whole UTF-8 sequences (RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF). */
function validUtf8(bytes: Uint8Array): number {
  let i = 0;
  while (i < bytes.length) {
    const lead = bytes[i] ?? 0;
    const more =
      lead < 0x80 ? 0 : lead >= 0xc2 && lead <= 0xdf ? 1 : lead >= 0xe0 && lead <= 0xef ? 2 : lead >= 0xf0 && lead <= 0xf4 ? 3 : -1;
    if (more < 0 || i + more >= bytes.length) return i;
    const low = lead === 0xe0 ? 0xa0 : lead === 0xf0 ? 0x90 : 0x80;
    const high = lead === 0xed ? 0x9f : lead === 0xf4 ? 0x8f : 0xbf;
    for (let k = 1; k <= more; k++) {
      const byte = bytes[i + k] ?? 0;
      if (byte < (k === 1 ? low : 0x80) || byte > (k === 1 ? high : 0xbf)) return i;
    }
    i += more + 1;
  }
  return i;
}

function loneSurrogate(text: string): number {
  for (let i = 0; i < text.length; i++) {
    const point = text.codePointAt(i) ?? 0;
    if (point >= 0xd800 && point <= 0xdfff) return i;
    if (point > 0xffff) i++;
  }
  return -1;
}

/** No character below U+0300 changes under NFC or combines with what stands before it. */
const NOT_SURELY_NFC = /[\u0300-\uffff]/;

/** The value, or undefined when something about the text needs the strict reader. Never accepts what the strict reader refuses. */
function readQuickly(text: string, limits: JsonBounds): Json | undefined {
  const members = scanJson(text, limits);
  if (members < 0 || (NOT_SURELY_NFC.test(text) && text.normalize("NFC") !== text)) return undefined;
  let value: Json;
  try {
    value = JSON.parse(text) as Json;
  } catch {
    return undefined;
  }
  // JSON.parse keeps one of two equal keys, so a duplicate shows as a member that is missing.
  if (countMembers(value) !== members) return undefined;
  return text.includes("\\u") && !cleanStrings(value) ? undefined : value;
}

/** Escapes can hide what the text as a whole does not show, so every unescaped string is looked at. */
function cleanStrings(value: Json): boolean {
  if (typeof value === "string") return value.isWellFormed() && value.normalize("NFC") === value;
  if (typeof value !== "object" || value === null) return true;
  if (Array.isArray(value)) return value.every(cleanStrings);
  return Object.entries(value).every(([key, member]) => cleanStrings(key) && cleanStrings(member));
}
