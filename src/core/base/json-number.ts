/**
 * The double that a JSON number denotes, or undefined when the double's canonical text (RFC 8785, that is ECMAScript's)
 * is another decimal value than the one written: precision or magnitude would be lost without a word.
 * Negative zero has the canonical text `0` and becomes zero.
 */
export function canonicalNumber(raw: string): number | undefined {
  const value = Number(raw);
  if (!Number.isFinite(value)) return undefined;
  const text = String(value);
  return text === raw || decimal(raw) === decimal(text) ? value + 0 : undefined;
}

const NUMBER = /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/;

/** One spelling per decimal value: sign, digits without outer zeros, and the power of ten of the last digit. */
function decimal(text: string): string {
  const [, sign = "", whole = "", fraction = "", exponent = "0"] = NUMBER.exec(text) ?? [];
  const digits = whole + fraction;
  let end = digits.length;
  while (end > 0 && digits.charCodeAt(end - 1) === 48) end--;
  let start = 0;
  while (start < end && digits.charCodeAt(start) === 48) start++;
  if (start === end) return "0";
  return `${sign}${digits.slice(start, end)}e${Number(exponent) - fraction.length + (digits.length - end)}`;
}
