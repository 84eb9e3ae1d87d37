import { RE2JS } from "re2js";
import { compileGlob } from "../../base/index.ts";
import { charge } from "./machine.ts";
import type { Purse } from "./machine.ts";

/** A pattern compiled at load. Testing takes what it costs out of the purse first; with an empty one the answer means nothing. */
export interface Pattern {
  readonly test: (text: string, purse: Purse) => boolean;
}

const LENGTH = 512;
/** All counts in `{n,m}` of one pattern together: a compiled pattern grows with them. */
const REPEATS = 1000;
const PROGRAM = 4000;
/** Instructions of all patterns of one bundle together; a glob counts as its characters and this much. */
const PROGRAMS = 200_000;
const GLOB_BASE = 16;
/** Pairs of a character of the text and one of the pattern that a step pays for. */
const GLOB_WORK = 4;
const TOO_MANY = "too costly: the patterns of the bundle are too many or too large together";

/** Compiles the patterns of one bundle, each text once, and refuses all beyond what they may cost together. */
export class Patterns {
  readonly #made = new Map<string, Pattern | string>();
  #left = PROGRAMS;

  made(kind: "glob" | "regex", source: string): Pattern | string {
    const key = `${kind} ${source}`;
    const known = this.#made.get(key);
    if (known !== undefined) return known;
    if (this.#left < 0) return TOO_MANY;
    const { pattern, size } = kind === "glob" ? { pattern: globOf(source), size: source.length + GLOB_BASE } : regexOf(source);
    this.#left -= size;
    const result = this.#left < 0 && typeof pattern !== "string" ? TOO_MANY : pattern;
    this.#made.set(key, result);
    return result;
  }
}

interface Sized {
  readonly pattern: Pattern | string;
  readonly size: number;
}

/** An RE2 pattern, or why it is refused. RE2 matches in time linear in the text, whatever the pattern. */
function regexOf(source: string): Sized {
  const refused = (pattern: string, size = LENGTH): Sized => ({ pattern, size });
  if (source.length > LENGTH) return refused(`the pattern is longer than ${LENGTH} characters`);
  const repeats = [...source.matchAll(/\{(\d*)(?:,(\d*))?\}/g)].reduce(
    (sum, [, low, high]) => sum + Math.max(Number(low), Number(high ?? 0)),
    0,
  );
  if (repeats > REPEATS) return refused(`the pattern repeats more than ${REPEATS} times`);
  let compiled: RE2JS;
  try {
    compiled = RE2JS.compile(source);
  } catch (error) {
    return refused(
      `the pattern is not RE2: ${error instanceof Error ? error.message.replace(/^error parsing regexp: /, "") : "it cannot be parsed"}`,
    );
  }
  const size = compiled.programSize();
  if (size > PROGRAM) return refused(`the pattern compiles to ${size} instructions, more than ${PROGRAM}`, size);
  const test: Pattern["test"] = (text, purse) =>
    charge(purse, 1 + Math.ceil((text.length * (1 + (size >> 4))) / 16)) && compiled.test(text);
  return { pattern: { test }, size };
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
  const test: Pattern["test"] = (text, purse) =>
    charge(purse, 1 + (text.length >> 6)) &&
    may(text) &&
    charge(purse, Math.ceil((text.length * source.length) / GLOB_WORK)) &&
    glob.matches(text);
  return { test };
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
  const least = [head, tail, ...middle].reduce((sum, literal) => sum + literal.length, 0);
  const [first, last] = [head.charCodeAt(0), tail.charCodeAt(tail.length - 1)];
  return (text) => {
    if (text.length < least) return false;
    // Most texts differ in the first or last character already, and to look at one costs a tenth of looking at the whole.
    if (head !== "" && (text.charCodeAt(0) !== first || !text.startsWith(head))) return false;
    if (tail !== "" && (text.charCodeAt(text.length - 1) !== last || !text.endsWith(tail))) return false;
    for (let i = 0; i < middle.length; i++) if (!text.includes(middle[i] as string)) return false;
    return true;
  };
}

/** True when any of the patterns matches. */
export function anyOf(patterns: readonly Pattern[]): Pattern {
  const [only] = patterns;
  if (only && patterns.length === 1) return only;
  const test: Pattern["test"] = (text, purse) => {
    for (let i = 0; i < patterns.length; i++) if ((patterns[i] as Pattern).test(text, purse)) return true;
    return false;
  };
  return { test };
}
