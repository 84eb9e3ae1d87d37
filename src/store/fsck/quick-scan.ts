/**
 * Says of most canonical JSON that it is canonical, from its bytes alone and in one pass: printable ASCII without escapes, whole
 * numbers, keys in order. What it cannot vouch for (-1) is not thereby wrong: it has to be parsed and written again.
 */
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const MINUS = 0x2d;
const MAX_DIGITS = 15;
const MAX_DEPTH = 64;

/** Where the value that begins at `at` ends. */
export function scanValue(bytes: Uint8Array, at: number, depth = 0): number {
  switch (bytes[at]) {
    case QUOTE:
      return scanString(bytes, at);
    case 0x7b:
      return depth < MAX_DEPTH ? scanObject(bytes, at, depth) : -1;
    case 0x5b:
      return depth < MAX_DEPTH ? scanArray(bytes, at, depth) : -1;
    case 0x74:
      return scanWord(bytes, at, "true");
    case 0x66:
      return scanWord(bytes, at, "false");
    case 0x6e:
      return scanWord(bytes, at, "null");
    default:
      return scanNumber(bytes, at);
  }
}

function scanString(bytes: Uint8Array, at: number): number {
  const end = bytes.length;
  for (let i = at + 1; i < end; i++) {
    const byte = bytes[i] as number;
    if (byte === QUOTE) return i + 1;
    if (byte < 0x20 || byte > 0x7e || byte === BACKSLASH) return -1;
  }
  return -1;
}

function scanArray(bytes: Uint8Array, at: number, depth: number): number {
  if (bytes[at + 1] === 0x5d) return at + 2;
  for (let i = at; ;) {
    i = scanValue(bytes, i + 1, depth + 1);
    if (i < 0) return -1;
    if (bytes[i] === 0x5d) return i + 1;
    if (bytes[i] !== COMMA) return -1;
  }
}

function scanObject(bytes: Uint8Array, at: number, depth: number): number {
  if (bytes[at + 1] === 0x7d) return at + 2;
  let last = -1;
  for (let i = at; ;) {
    const key = i + 1;
    if (bytes[key] !== QUOTE) return -1;
    i = scanString(bytes, key);
    if (i < 0 || bytes[i] !== 0x3a || (last >= 0 && !inOrder(bytes, last, key))) return -1;
    last = key;
    i = scanValue(bytes, i + 1, depth + 1);
    if (i < 0) return -1;
    if (bytes[i] === 0x7d) return i + 1;
    if (bytes[i] !== COMMA) return -1;
  }
}

/** Of two strings without escapes, from their opening quotes on: whether the first comes before the second. */
function inOrder(bytes: Uint8Array, a: number, b: number): boolean {
  for (let i = 1; ; i++) {
    const x = bytes[a + i] as number;
    const y = bytes[b + i] as number;
    if (x === y && x !== QUOTE) continue;
    // The shorter of two is first, though its quote is not the smallest character.
    return y !== QUOTE && (x === QUOTE || x < y);
  }
}

/** Only whole numbers that a double holds exactly: their digits are how they are written. */
function scanNumber(bytes: Uint8Array, at: number): number {
  const first = bytes[at] === MINUS ? at + 1 : at;
  let i = first;
  while (isDigit(bytes[i])) i++;
  const digits = i - first;
  const other = bytes[i];
  if (digits === 0 || digits > MAX_DIGITS || other === 0x2e || other === 0x65 || other === 0x45) return -1;
  // No leading zero, and no minus zero.
  return bytes[first] === 0x30 && (digits > 1 || first > at) ? -1 : i;
}

const isDigit = (byte: number | undefined): boolean => byte !== undefined && byte >= 0x30 && byte <= 0x39;

function scanWord(bytes: Uint8Array, at: number, word: string): number {
  return before(bytes, at + word.length, word) === at ? at + word.length : -1;
}

/** Where a text of ASCII begins that ends right before a place; -1 when another stands there. */
export function before(bytes: Uint8Array, until: number, text: string): number {
  const from = until - text.length;
  if (from < 0 || until > bytes.length) return -1;
  for (let i = 0; i < text.length; i++) if (bytes[from + i] !== text.charCodeAt(i)) return -1;
  return from;
}
