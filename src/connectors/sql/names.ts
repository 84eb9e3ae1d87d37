/** A name as people read it: plain where it can be, quoted where it must be. Parts are joined by dots. */
export const nameOf = (...parts: readonly string[]): string =>
  parts.map((part) => (/^[a-z_][a-z0-9_$]*$/.test(part) ? part : `"${part.replaceAll('"', '""')}"`)).join(".");

/** The parts of what `nameOf` made. */
export const partsOf = (name: string): readonly string[] =>
  [...name.matchAll(/"((?:[^"]|"")*)"|[^."]+/g)].map(([whole, quoted]) => quoted?.replaceAll('""', '"') ?? whole);

/** Always quoted: no name is a keyword or changes its case. */
export const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`;
export const sqlName = (name: string): string => partsOf(name).map(quoted).join(".");
