import { canonicalNumber } from "./json-number.ts";
import type { Json, JsonBounds } from "./json.ts";

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const MINUS = 0x2d;
const ZERO = 0x30;
const NINE = 0x39;
/** A number of so many characters and no exponent survives a double, whatever its digits are. */
const SAFE_LENGTH = 15;
/** Up to this length a loop is faster than a call to indexOf. */
const SHORT_STRING = 24;

/**
 * Counts the object members of a JSON text, or answers -1 when a bound is passed or a number does not survive a double.
 * It does not check syntax: its answer means something only for a text that JSON.parse accepts.
 */
export function scanJson(text: string, bounds: JsonBounds): number {
  const outer = new Int32Array(bounds.depth + 1);
  const size = text.length;
  let depth = 0;
  let commas = 0;
  let members = 0;
  for (let i = 0; i < size; i++) {
    const c = text.charCodeAt(i);
    if (c === QUOTE) {
      const end = stringEnd(text, i + 1, size);
      if (end - i - 1 > bounds.stringLength) return -1;
      i = end;
    } else if (c === 0x2c) {
      if (++commas >= bounds.members) return -1;
    } else if (c === 0x3a) {
      members++;
    } else if (c === 0x7b || c === 0x5b) {
      if (depth >= bounds.depth) return -1;
      outer[depth++] = commas;
      commas = 0;
    } else if (c === 0x7d || c === 0x5d) {
      commas = outer[--depth] ?? 0;
    } else if ((c >= ZERO && c <= NINE) || c === MINUS) {
      const end = numberEnd(text, i, size);
      if (end < 0) return -1;
      i = end - 1;
    }
  }
  return members;
}

/** The offset of the closing quote. */
function stringEnd(text: string, from: number, size: number): number {
  let i = from;
  const near = Math.min(from + SHORT_STRING, size);
  while (i < near) {
    const c = text.charCodeAt(i);
    if (c === QUOTE) return i;
    i += c === BACKSLASH ? 2 : 1;
  }
  for (;;) {
    const quote = text.indexOf('"', i);
    if (quote < 0) return size;
    let slashes = 0;
    while (quote - slashes > i && text.charCodeAt(quote - slashes - 1) === BACKSLASH) slashes++;
    if (slashes % 2 === 0) return quote;
    i = quote + 1;
  }
}

/** The offset after the number, or -1 when the strict reader has to look at it. */
function numberEnd(text: string, from: number, size: number): number {
  let plain = text.charCodeAt(from) !== MINUS || text.charCodeAt(from + 1) !== ZERO;
  let i = from + 1;
  for (; i < size; i++) {
    const c = text.charCodeAt(i);
    if ((c >= ZERO && c <= NINE) || c === 0x2e) continue;
    if (c !== 0x65 && c !== 0x45 && c !== MINUS && c !== 0x2b) break;
    plain = false;
  }
  if (plain && i - from <= SAFE_LENGTH) return i;
  const value = canonicalNumber(text.slice(from, i));
  // JSON.parse keeps negative zero, the strict reader makes it zero.
  return value === undefined || (value === 0 && text.charCodeAt(from) === MINUS) ? -1 : i;
}

/** The members of all objects; less than none when a key is forbidden. */
export function countMembers(value: Json): number {
  if (typeof value !== "object" || value === null) return 0;
  let members = 0;
  if (Array.isArray(value)) {
    for (const item of value) if (typeof item === "object") members += countMembers(item);
    return members;
  }
  for (const key in value) {
    if (key === "__proto__") return Number.NEGATIVE_INFINITY;
    members++;
    const member = value[key];
    if (typeof member === "object") members += countMembers(member);
  }
  return members;
}
