import { inflateSync } from "node:zlib";

const ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz!#$%&()*+-;<=>?@^_`{|}~";
const VALUES: ReadonlyMap<string, number> = new Map(ALPHABET.split("").map((char, value) => [char, value]));

/** One line of a `GIT binary patch`: a length letter, then groups of five characters for four bytes. */
function decodeLine(line: string): Buffer | undefined {
  const letter = line.charCodeAt(0);
  const length = letter >= 97 ? letter - 97 + 27 : letter - 64;
  const digits = line.slice(1);
  if (length < 1 || length > 52 || digits.length !== Math.ceil(length / 4) * 5) return undefined;
  const bytes = Buffer.alloc(Math.ceil(length / 4) * 4);
  for (let group = 0; group * 5 < digits.length; group += 1) {
    let value = 0;
    for (const char of digits.slice(group * 5, group * 5 + 5)) {
      const digit = VALUES.get(char);
      if (digit === undefined) return undefined;
      value = value * 85 + digit;
    }
    if (value > 0xffffffff) return undefined;
    bytes.writeUInt32BE(value, group * 4);
  }
  return bytes.subarray(0, length);
}

/** The bytes that a binary part brings (of a delta: its instructions, which hold them); undefined when it is malformed or too large. */
export function decodeBinary(lines: readonly string[], most: number): Buffer | undefined {
  const parts = lines.map(decodeLine);
  if (parts.some((part) => part === undefined)) return undefined;
  try {
    return inflateSync(Buffer.concat(parts.filter((part) => part !== undefined)), { maxOutputLength: most });
  } catch {
    return undefined;
  }
}
