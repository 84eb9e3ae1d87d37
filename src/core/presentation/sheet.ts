/** Terminal text: colours, widths and wrapping. Everything that comes here has been through `visible`. */

export type Style =
  | "plain"
  | "bold"
  | "dim"
  | "red"
  | "green"
  | "yellow"
  | "magenta"
  | "cyan"
  | "red-bold"
  | "green-bold"
  | "yellow-bold"
  | "magenta-bold";

const SGR: Readonly<Record<Style, string>> = {
  plain: "",
  bold: "1",
  dim: "2",
  red: "31",
  green: "32",
  yellow: "33",
  magenta: "35",
  cyan: "36",
  "red-bold": "1;31",
  "green-bold": "1;32",
  "yellow-bold": "1;33",
  "magenta-bold": "1;35",
};

const paint = (color: boolean, style: Style, text: string): string =>
  color && style !== "plain" && text.trim() !== "" ? `\u001B[${SGR[style]}m${text}\u001B[0m` : text;

const ASCII = /^[\x20-\x7E]*$/;
const PIECES = /\p{RGI_Emoji}|./gsv;
/** East Asian characters and pictures take two columns; the halfwidth forms are named for taking one. */
const WIDE =
  /^(?![\uFF61-\uFFDC])(?:\p{Emoji_Presentation}|\p{RGI_Emoji}|[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\p{Script=Bopomofo}\p{Script=Yi}\p{Script=Tangut}\p{Script=Nushu}\p{Script=Khitan_Small_Script}\u3000-\u303E\uFE30-\uFE6F\uFF01-\uFF60\uFFE0-\uFFE6\u{1F300}-\u{1FAFF}\u{20000}-\u{3FFFD}])/v;

const pieceCells = (piece: string): number => (/^\p{M}/u.test(piece) ? 0 : WIDE.test(piece) ? 2 : 1);

/** Columns that a text takes on a terminal. */
function cells(text: string): number {
  if (ASCII.test(text)) return text.length;
  return (text.match(PIECES) ?? []).reduce((sum, piece) => sum + pieceCells(piece), 0);
}

/** Breaks at blanks, and inside a word only where it is longer than a line. Nothing is dropped but the blank at a break. */
function wrap(text: string, width: number): readonly string[] {
  if (cells(text) <= width) return [text];
  const lines: string[] = [];
  let line = "";
  for (const [i, word] of text.split(" ").entries()) {
    const joined = i === 0 ? word : `${line} ${word}`;
    if (cells(joined) <= width) {
      line = joined;
      continue;
    }
    if (i > 0 && line !== "") lines.push(line);
    const parts = chop(word, width);
    lines.push(...parts.slice(0, -1));
    line = parts.at(-1) ?? "";
  }
  return [...lines, line];
}

/** Cuts at any character: for what has no blanks, and for code, where every blank counts. */
export function chop(text: string, width: number): readonly string[] {
  if (ASCII.test(text)) return text.length <= width ? [text] : (text.match(new RegExp(`.{1,${width}}`, "g")) ?? [""]);
  const lines: string[] = [];
  let line = "";
  let used = 0;
  for (const piece of text.match(PIECES) ?? []) {
    const size = pieceCells(piece);
    if (used + size > width && line !== "") {
      lines.push(line);
      [line, used] = ["", 0];
    }
    line += piece;
    used += size;
  }
  return [...lines, line];
}

export interface Cell {
  readonly text: string;
  readonly style?: Style;
}

export interface Row {
  /** Printed once, at the row's start; `indent` columns are kept free below it. */
  readonly lead?: readonly Cell[];
  /** Stands before every further line of the row. */
  readonly rest?: readonly Cell[];
  readonly indent: number;
  readonly body: Cell;
  /** Set against the right edge: beside the body's last line when both fit there, else below it. */
  readonly right?: Cell;
}

const joined = (parts: readonly Cell[]): string => parts.map(({ text }) => text).join("");

/** A sheet of terminal lines of one width. */
export class Sheet {
  readonly lines: string[] = [];
  readonly width: number;
  readonly color: boolean;
  private readonly rule: string;

  constructor(width: number, color: boolean) {
    this.width = width;
    this.color = color;
    this.rule = paint(color, "dim", "─".repeat(width));
  }

  /** One empty line, but never two, and none below a heading. */
  gap(): void {
    const last = this.lines.at(-1) ?? "";
    if (last !== "" && last !== this.rule) this.lines.push("");
  }

  heading(left: Cell, right: Cell): void {
    this.gap();
    this.row({ indent: 0, body: left, right });
    this.lines.push(this.rule);
  }

  line(...parts: readonly Cell[]): void {
    const kept = [...parts];
    while (kept.at(-1)?.text.trim() === "") kept.pop();
    this.lines.push(kept.map(({ text, style = "plain" }) => paint(this.color, style, text)).join(""));
  }

  row({ lead = [], rest = [], indent, body, right }: Row): void {
    const room = this.width - indent;
    const rightCells = right === undefined ? 0 : cells(right.text) + 2;
    const wrapped = wrap(body.text, room);
    const last = wrapped.at(-1) ?? "";
    const beside = right !== undefined && cells(last) + rightCells <= room;
    const ending = beside ? [{ text: " ".repeat(room - cells(last) - cells(right.text)) }, right] : [];
    for (const [i, text] of wrapped.entries()) {
      const start = this.start(i === 0 ? lead : rest, indent);
      this.line(...start, { text, style: body.style }, ...(i === wrapped.length - 1 ? ending : []));
    }
    if (right === undefined || beside) return;
    for (const text of wrap(right.text, room)) {
      const before = " ".repeat(Math.max(0, room - cells(text)));
      this.line(...this.start(rest, indent), { text: before }, { text, style: right.style });
    }
  }

  /** A lead too long for its column stands on lines of its own. */
  private start(lead: readonly Cell[], indent: number): readonly Cell[] {
    const text = joined(lead);
    if (cells(text) < indent || text === "") return [...lead, { text: " ".repeat(indent - cells(text)) }];
    const style = lead.at(-1)?.style;
    for (const part of wrap(text, this.width)) this.line({ text: part, style });
    return [{ text: " ".repeat(indent) }];
  }
}
