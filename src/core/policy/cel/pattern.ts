import { RE2JS } from "re2js";
import { compileGlob } from "../../base/index.ts";

/** A pattern compiled at load; `cost` is what matching a text of that length takes, in steps. */
export interface Pattern {
  readonly test: (text: string) => boolean;
  readonly cost: (length: number) => number;
}

const LENGTH = 512;
/** All counts in `{n,m}` of one pattern together: a compiled pattern grows with them. */
const REPEATS = 1000;
const PROGRAM = 4000;

/** An RE2 pattern, or why it is refused. RE2 matches in time linear in the text, whatever the pattern. */
export function regexOf(source: string): Pattern | string {
  if (source.length > LENGTH) return `the pattern is longer than ${LENGTH} characters`;
  const repeats = [...source.matchAll(/\{(\d*)(?:,(\d*))?\}/g)].reduce(
    (sum, [, low, high]) => sum + Math.max(Number(low), Number(high ?? 0)),
    0,
  );
  if (repeats > REPEATS) return `the pattern repeats more than ${REPEATS} times`;
  let compiled: RE2JS;
  try {
    compiled = RE2JS.compile(source);
  } catch (error) {
    return `the pattern is not RE2: ${error instanceof Error ? error.message.replace(/^error parsing regexp: /, "") : "it cannot be parsed"}`;
  }
  const program = compiled.programSize();
  if (program > PROGRAM) return `the pattern compiles to ${program} instructions, more than ${PROGRAM}`;
  return { test: (text) => compiled.test(text), cost: (length) => 1 + Math.ceil((length * (1 + (program >> 4))) / 16) };
}

/**
 * A glob as everywhere in Pawl, or why it is refused. Where other globs have sets, alternatives and escapes ours has plain
 * characters; a pattern that holds them is more likely a mistake than a name, and a mistake here lets something pass.
 */
export function globOf(source: string): Pattern | string {
  const odd = /[[\]{}\\!]/.exec(source);
  if (odd) return `a glob has no ${odd[0]}: it has *, ** and ?, and several patterns stand in a list`;
  const compiled = compileGlob(source);
  if (!compiled.ok) return [compiled.error.message, compiled.error.remedy].filter(Boolean).join(": ");
  const glob = compiled.value;
  const may = literalsOf(source);
  return { test: (text) => may(text) && glob.matches(text), cost: (length) => 1 + Math.ceil((length * source.length) / 64) };
}

/**
 * Whether a text holds what the pattern says literally: cheap, and false for most of the texts that a policy looks at. A slash
 * after `**` is no literal, because the two may stand for nothing at all.
 */
function literalsOf(source: string): (text: string) => boolean {
  const [head = "", ...rest] = source.replaceAll(/\*\*\/?/g, "*").split(/[*?]+/);
  if (rest.length === 0) return (text) => text === head;
  const tail = rest.at(-1) as string;
  const middle = rest.slice(0, -1).filter((literal) => literal !== "");
  return (text) => text.startsWith(head) && text.endsWith(tail) && middle.every((literal) => text.includes(literal));
}

/** True when any of the patterns matches. */
export function anyOf(patterns: readonly Pattern[]): Pattern {
  const [only] = patterns;
  if (only && patterns.length === 1) return only;
  return {
    test: (text) => patterns.some((pattern) => pattern.test(text)),
    cost: (length) => patterns.reduce((sum, pattern) => sum + pattern.cost(length), 0),
  };
}
