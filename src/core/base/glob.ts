import { assert, never } from "./assert.ts";
import { ok, refuse } from "./result.ts";
import type { Refusal, Result } from "./result.ts";

export type GlobCode = "glob_empty" | "glob_too_long" | "glob_bad_text" | "glob_three_stars";

/** Characters of a pattern. Matching costs at most this many steps for each character of the text. */
export const GLOB_MAX = 512;

/** A compiled pattern: `*` within a segment, `**` across segments, `?` one character of a segment, all else as written. */
export interface Glob {
  readonly pattern: string;
  matches(text: string): boolean;
}

/** `here` may pass any number of characters (`across`: also `/`); `below` is `**` and a `/`, or nothing at all. */
type Token = { readonly kind: "literal"; readonly char: string } | { readonly kind: "one" | "within" | "across" | "below" };

export function compileGlob(pattern: string): Result<Glob, Refusal<GlobCode>> {
  if (pattern === "") return refuse("glob_empty", "a pattern must not be empty", { remedy: "write ** to match everything" });
  if (Array.from(pattern).length > GLOB_MAX) {
    return refuse("glob_too_long", `a pattern has at most ${GLOB_MAX} characters`, { remedy: "use fewer, wider patterns" });
  }
  if (!pattern.isWellFormed() || /\p{Cc}/u.test(pattern)) return refuse("glob_bad_text", "a pattern holds no control characters");
  if (pattern.includes("***")) return refuse("glob_three_stars", "*** has no meaning", { remedy: "write * (one segment) or ** (any)" });
  if (!/[*?]/.test(pattern)) return ok({ pattern, matches: (text: string) => text === pattern });
  const tokens = tokenise(pattern);
  return ok({ pattern, matches: (text: string) => run(tokens, text) });
}

/** For a pattern that was checked when it was read; an invalid one here is a bug, and never "no match": a rule that denies would not fire. */
export function matchesPattern(pattern: string, text: string): boolean {
  const compiled = compileGlob(pattern);
  assert(compiled.ok, "patterns are compiled where they are read");
  return compiled.value.matches(text);
}

function tokenise(pattern: string): readonly Token[] {
  const chars = Array.from(pattern);
  const tokens: Token[] = [];
  for (let i = 0; i < chars.length; i += 1) {
    const char = chars[i] as string;
    if (char === "*" && chars[i + 1] === "*") {
      const below = chars[i + 2] === "/" && (i === 0 || "/:#".includes(chars[i - 1] as string));
      tokens.push({ kind: below ? "below" : "across" });
      i += below ? 2 : 1;
    } else if (char === "*") tokens.push({ kind: "within" });
    else if (char === "?") tokens.push({ kind: "one" });
    else tokens.push({ kind: "literal", char });
  }
  return tokens;
}

/**
 * Walks all readings of the pattern side by side, one character at a time, so that no text makes it try again: the cost is
 * bounded by characters times tokens. `active[i]` says that the text so far is matched by the tokens before i.
 */
function run(tokens: readonly Token[], text: string): boolean {
  const end = tokens.length;
  let active = new Uint8Array(end + 1);
  let next = new Uint8Array(end + 1);
  enter(tokens, active, 0);
  for (const char of text) {
    next.fill(0);
    let alive = false;
    for (let i = 0; i < end; i += 1) {
      if (active[i] === 1 && step(tokens, next, i, char)) alive = true;
    }
    if (!alive) return false;
    [active, next] = [next, active];
  }
  return active[end] === 1;
}

/** Marks token `i` as reachable, and those after it as far as tokens may match nothing. */
function enter(tokens: readonly Token[], active: Uint8Array, i: number): void {
  for (let at = i; active[at] !== 1; at += 1) {
    active[at] = 1;
    const kind = tokens[at]?.kind;
    if (kind !== "within" && kind !== "across" && kind !== "below") return;
  }
}

function step(tokens: readonly Token[], next: Uint8Array, i: number, char: string): boolean {
  const token = tokens[i] as Token;
  switch (token.kind) {
    case "literal":
      if (char !== token.char) return false;
      enter(tokens, next, i + 1);
      return true;
    case "one":
      if (char === "/") return false;
      enter(tokens, next, i + 1);
      return true;
    case "within":
      if (char === "/") return false;
      enter(tokens, next, i);
      return true;
    case "across":
      enter(tokens, next, i);
      return true;
    case "below":
      // Inside the skipped segments the tokens after it are not yet reachable: only a slash ends them.
      if (char === "/") enter(tokens, next, i);
      else next[i] = 1;
      return true;
    default:
      return never(token, "token");
  }
}
