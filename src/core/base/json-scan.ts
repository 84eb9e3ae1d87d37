import type { JsonBounds } from "./json.ts";

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
/** Digits that any double keeps, whatever they are. */
const SAFE_DIGITS = 15;

/**
 * Counts the object members of a JSON text, or answers -1 when a bound is passed or a number does not survive a double.
 * It does not check syntax: its answer means something only for a text that JSON.parse accepts.
 */
export function scanJson(text: string, bounds: JsonBounds, number: (raw: string) => number | undefined): number {
  const commas = new Int32Array(bounds.depth + 1);
  const size = text.length;
  let depth = 0;
  let members = 0;
  let i = 0;
  while (i < size) {
    const c = text.charCodeAt(i);
    if (c === QUOTE) {
      const end = stringEnd(text, i + 1, size);
      if (end - i > bounds.stringLength) return -1;
      i = end;
    } else if (c === 0x2c) {
      const count = (commas[depth] ?? 0) + 1;
      if (count >= bounds.members) return -1;
      commas[depth] = count;
    } else if (c === 0x3a) {
      members++;
    } else if (c === 0x7b || c === 0x5b) {
      if (++depth > bounds.depth) return -1;
      commas[depth] = 0;
    } else if (c === 0x7d || c === 0x5d) {
      depth--;
    } else if (c === 0x2d || (c >= 0x30 && c <= 0x39)) {
      i = numberEnd(text, i, size, number);
      if (i < 0) return -1;
      continue;
    }
    i++;
  }
  return members;
}

/** The offset of the closing quote. */
function stringEnd(text: string, from: number, size: number): number {
  let i = from;
  while (i < size) {
    const c = text.charCodeAt(i);
    if (c === QUOTE) return i;
    i += c === BACKSLASH ? 2 : 1;
  }
  return size;
}

/** The offset after the number, or -1 when the number needs a closer look. */
function numberEnd(text: string, from: number, size: number, number: (raw: string) => number | undefined): number {
  let i = from;
  let digits = 0;
  let plain = text.charCodeAt(from) !== 0x2d || text.charCodeAt(from + 1) !== 0x30;
  for (; i < size; i++) {
    const c = text.charCodeAt(i);
    if (c >= 0x30 && c <= 0x39) digits++;
    else if (c === 0x65 || c === 0x45) plain = false;
    else if (c !== 0x2e && c !== 0x2d && c !== 0x2b) break;
  }
  if (plain && digits <= SAFE_DIGITS) return i;
  const value = number(text.slice(from, i));
  // JSON.parse would keep negative zero; the strict reader makes it zero.
  return value === undefined || (value === 0 && text.charCodeAt(from) === 0x2d) ? -1 : i;
}
