import { lookAlikes } from "./lookalikes.ts";

export interface VisibleRules {
  /** Keep line feeds and tabs: for text that is shown as lines. */
  readonly lines?: boolean;
}

/** Printable ASCII needs no second look; nearly all text is that. */
const PLAIN = /^[\x20-\x7E]*$/;
const PLAIN_LINES = /^[\n\t\x20-\x7E]*$/;

/**
 * Makes text from outside say exactly what is in it. Whatever a screen would swallow, reorder, or draw as something else is
 * written as its code point, `⟨U+202E⟩`. The bracket itself is written so too: no text can pretend to be such a mark, and two
 * texts that differ are shown as two texts that differ.
 */
export function visible(text: string, { lines = false }: VisibleRules = {}): string {
  if ((lines ? PLAIN_LINES : PLAIN).test(text)) return text;
  const suspects = suspectsOf(text);
  let shown = "";
  let at = 0;
  for (const char of text) {
    const kept = !suspects.has(at) || (lines && (char === "\n" || char === "\t"));
    shown += kept ? char : `⟨${codePointName(char)}⟩`;
    at += char.length;
  }
  return shown;
}

/** Where, in UTF-16 units, the characters stand that `visible` writes as code points. */
function suspectsOf(text: string): ReadonlySet<number> {
  const pictures = picturesOf(text);
  return new Set([...unseen(text, pictures), ...looseMarks(text, pictures), ...lookAlikes(text)]);
}

const codePointName = (char: string): string => `U+${(char.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0")}`;

/**
 * Controls, format characters, halves of surrogate pairs, private and unassigned code points, line and paragraph separators,
 * whatever Unicode says may be ignored when drawn, blanks that are not the space, conjoining Hangul (which draws as another
 * text would), and our own bracket.
 */
const unseenIn = (text: string) =>
  text.matchAll(
    /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Cn}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\u{2800}\u{1D159}\u{1100}-\u{11FF}\u{A960}-\u{A97C}\u{D7B0}-\u{D7FB}\u{27E8}]|[\p{Zs}--\x20]/gv,
  );

/** An emoji that Unicode recommends may hold joiners and selectors; they draw as one picture and hide nothing. A long list: read when wanted. */
const emojiIn = (text: string) => text.matchAll(/\p{RGI_Emoji}/gv);
const JOINING = /\u{200D}|\u{FE0F}|[\u{E0020}-\u{E007F}]/u;

/** The offsets that lie within an emoji, where the text holds any that needs a joiner, a selector or a mark. */
function picturesOf(text: string): ReadonlySet<number> {
  const inside = new Set<number>();
  if (!JOINING.test(text)) return inside;
  for (const { 0: emoji, index } of emojiIn(text)) for (let at = 0; at < emoji.length; at += 1) inside.add(index + at);
  return inside;
}

function* unseen(text: string, pictures: ReadonlySet<number>): Iterable<number> {
  for (const match of unseenIn(text)) {
    if (!pictures.has(match.index) || !JOINING.test(match[0])) yield match.index;
  }
}

const MARKED = /(\P{M}?)(\p{M}+)/gu;
const MOST_MARKS = 3;

/**
 * Marks that would settle on a neighbour of ours, strike through ASCII, pile up, or stand for a letter that has a code point of
 * its own. What follows from the last: text in a decomposed form looks different from the composed one.
 */
function* looseMarks(text: string, pictures: ReadonlySet<number>): Iterable<number> {
  for (const { 0: cluster, 1: base = "", 2: marks = "", index } of text.matchAll(MARKED)) {
    const foreign = base === "" || /[\p{ASCII}\p{C}\p{Z}]/u.test(base) || cluster.normalize("NFC") !== cluster;
    let at = index + base.length;
    for (const [i, char] of Array.from(marks).entries()) {
      if ((foreign || i >= MOST_MARKS) && !pictures.has(at)) yield at;
      at += char.length;
    }
  }
}

export interface HiddenCharacter {
  readonly codePoint: string;
  readonly name: string;
  /** Both from 1; a column is one code point. */
  readonly line: number;
  readonly column: number;
}

/** What reads otherwise than it looks, in text that has lines: blanks, private letters and foreign words are not among it. */
const DECEIVING = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\u{2800}\u{1D159}]/v;

/** Every character of a file that an editor would not show (Trojan Source): for findings, so tabs and line ends are not among them. */
export function hiddenCharacters(text: string): readonly HiddenCharacter[] {
  if (PLAIN_LINES.test(text)) return [];
  const suspects = new Set(unseen(text, picturesOf(text)));
  const found: HiddenCharacter[] = [];
  let [at, line, column] = [0, 1, 1];
  for (const char of text) {
    const lineEnd = char === "\n" || char === "\t" || (char === "\r" && text[at + 1] === "\n");
    if (suspects.has(at) && !lineEnd && DECEIVING.test(char))
      found.push({ codePoint: codePointName(char), name: nameOf(char), line, column });
    column += 1;
    at += char.length;
    if (char === "\n") [line, column] = [line + 1, 1];
  }
  return found;
}

/** Letters of one line that read as others: `visible` writes them as code points. A column, from 1, is one code point. */
export function lookAlikeLetters(line: string): readonly { readonly column: number; readonly codePoint: string }[] {
  if (PLAIN_LINES.test(line)) return [];
  const suspects = suspectsOf(line);
  const found: { column: number; codePoint: string }[] = [];
  let [at, column] = [0, 1];
  for (const char of line) {
    if (suspects.has(at) && /\p{L}/u.test(char)) found.push({ column, codePoint: codePointName(char) });
    column += 1;
    at += char.length;
  }
  return found;
}

const NAMES: Readonly<Record<string, string>> = {
  "\u0000": "NUL",
  "\u0008": "BACKSPACE",
  "\u000D": "CARRIAGE RETURN",
  "\u001B": "ESCAPE",
  "\u007F": "DELETE",
  "\u009B": "CONTROL SEQUENCE INTRODUCER",
  "\u00AD": "SOFT HYPHEN",
  "\u034F": "COMBINING GRAPHEME JOINER",
  "\u061C": "ARABIC LETTER MARK",
  "\u115F": "HANGUL CHOSEONG FILLER",
  "\u1160": "HANGUL JUNGSEONG FILLER",
  "\u180E": "MONGOLIAN VOWEL SEPARATOR",
  "\u200B": "ZERO WIDTH SPACE",
  "\u200C": "ZERO WIDTH NON-JOINER",
  "\u200D": "ZERO WIDTH JOINER",
  "\u200E": "LEFT-TO-RIGHT MARK",
  "\u200F": "RIGHT-TO-LEFT MARK",
  "\u2028": "LINE SEPARATOR",
  "\u2029": "PARAGRAPH SEPARATOR",
  "\u202A": "LEFT-TO-RIGHT EMBEDDING",
  "\u202B": "RIGHT-TO-LEFT EMBEDDING",
  "\u202C": "POP DIRECTIONAL FORMATTING",
  "\u202D": "LEFT-TO-RIGHT OVERRIDE",
  "\u202E": "RIGHT-TO-LEFT OVERRIDE",
  "\u2060": "WORD JOINER",
  "\u2066": "LEFT-TO-RIGHT ISOLATE",
  "\u2067": "RIGHT-TO-LEFT ISOLATE",
  "\u2068": "FIRST STRONG ISOLATE",
  "\u2069": "POP DIRECTIONAL ISOLATE",
  "\u2800": "BRAILLE PATTERN BLANK",
  "\u3164": "HANGUL FILLER",
  "\uFEFF": "BYTE ORDER MARK",
  "\uFFA0": "HALFWIDTH HANGUL FILLER",
};

const CLASSES: readonly (readonly [RegExp, string])[] = [
  [/\p{Cs}/u, "LONE SURROGATE"],
  [/[\u{E0000}-\u{E007F}]/u, "TAG CHARACTER"],
  [/\p{Variation_Selector}/u, "VARIATION SELECTOR"],
  [/\p{Cc}/u, "CONTROL CHARACTER"],
  [/\p{Cf}/u, "FORMAT CHARACTER"],
];

const nameOf = (char: string): string => NAMES[char] ?? CLASSES.find(([type]) => type.test(char))?.[1] ?? "INVISIBLE CHARACTER";
