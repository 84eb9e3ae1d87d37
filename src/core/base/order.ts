/** By UTF-16 code units, as RFC 8785 sorts names: the same everywhere, whatever the machine's language. */
export const byText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/** Each once, in that order: a set as canonical bytes hold it. */
export function sortedSet(texts: Iterable<string>): readonly string[] {
  const distinct = Array.isArray(texts) && texts.length < 2 ? [...(texts as readonly string[])] : [...new Set(texts)];
  // Without a function to compare by, texts are compared by code units.
  return distinct.length < 2 ? distinct : distinct.toSorted();
}

/** Lower case for names that are compared without regard to it. Only ASCII: Unicode would fold the Kelvin sign into a k. */
export const asciiLower = (text: string): string =>
  /[A-Z]/.test(text) ? text.replaceAll(/[A-Z]/g, (letter) => letter.toLowerCase()) : text;
