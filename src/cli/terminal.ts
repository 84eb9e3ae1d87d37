import { createRequire } from "node:module";
import { styleText } from "node:util";
import type * as Base from "../core/base/index.ts";
import { CliError, EXIT, errorDocument, usage, type Fault } from "./errors.ts";

/** What the command line needs of the process it runs in; a test passes its own. */
export interface Io {
  readonly stdin: NodeJS.ReadableStream & { readonly isTTY?: boolean };
  readonly stdout: NodeJS.WritableStream & { readonly isTTY?: boolean; readonly columns?: number };
  readonly stderr: NodeJS.WritableStream & { readonly isTTY?: boolean };
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  readonly now: () => number;
  /** Aborted by Ctrl-C. */
  readonly signal: AbortSignal;
}

export type Style = Parameters<typeof styleText>[0];
export interface Manner {
  readonly json: boolean;
  readonly quiet: boolean;
  readonly color: boolean;
}

const WIDEST = 160;

/** What a screen obeys, reorders or swallows; an emoji may hold joiners. */
const UNSEEN = String.raw`[[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\u{2800}]--\t]`;
const load = createRequire(import.meta.url);
/** The core comes with the first text that it must look at: help is plain, and does not wait for it. */
const visible: typeof Base.visible = (...given) => (load("../core/base/index.ts") as typeof Base).visible(...given);

let hidden: { readonly any: RegExp; readonly orPicture: RegExp } | undefined;
/** Made for the first line that is more than plain: to read these classes takes as long as all the rest of a start. */
const hiding = () => (hidden ??= { any: new RegExp(UNSEEN, "v"), orPicture: new RegExp(String.raw`\p{RGI_Emoji}|${UNSEEN}`, "gv") });
const PLAIN = /^[\t\x20-\x7E]*$/;
/** The colours that `paint` and the presentation's renderer use, and nothing else that a terminal would obey. */
// oxlint-disable-next-line no-control-regex
const OWN_COLOR = /(\u001B\[(?:0|1|2|22|39|(?:1;)?3[1-6]|1;37;41)m)/;

/** One line as it may reach a screen. What `visible` has shown already stays as it is. */
export function guarded(line: string, { color }: Pick<Manner, "color">): string {
  if (PLAIN.test(line) || !hiding().any.test(line)) return line;
  const shown = (text: string): string =>
    text.replace(hiding().orPicture, (found) => (/^\p{RGI_Emoji}$/v.test(found) ? found : visible(found)));
  // Every second part is one of our own colours.
  return color
    ? line
        .split(OWN_COLOR)
        .map((part, i) => (i % 2 === 1 ? part : shown(part)))
        .join("")
    : shown(line);
}

/** JSON of the same value, in which nothing acts on a screen. */
const guardedJson = (json: string): string =>
  json.replace(new RegExp(String.raw`[${UNSEEN}--\n]`, "gv"), (found) =>
    Array.from({ length: found.length }, (_, i) => `\\u${found.charCodeAt(i).toString(16).padStart(4, "0")}`).join(""),
  );

/** Everything that is said goes through here: results to stdout, all else to stderr. */
export class Terminal {
  readonly #io: Io;
  readonly manner: Manner;
  #documented = false;

  constructor(io: Io, manner: Manner) {
    this.#io = io;
    this.manner = manner;
  }

  get width(): number {
    const columns = Number(this.#io.env["COLUMNS"] ?? this.#io.stdout.columns ?? 100);
    return Number.isInteger(columns) && columns >= 40 ? Math.min(columns, WIDEST) : 100;
  }

  get colored(): boolean {
    return this.manner.color;
  }

  /** Somebody is there to answer. */
  get interactive(): boolean {
    return this.#io.stdin.isTTY === true && this.#io.stderr.isTTY === true && !this.manner.json;
  }

  /** Colour comes last: text that brings its own is shown as what it is. */
  paint(style: Style, text: string): string {
    const shown = guarded(text, { color: false });
    return this.manner.color ? styleText(style, shown, { validateStream: false }) : shown;
  }

  /** A command's result: one document with `--json`, else lines for people. */
  answer(document: unknown, lines: () => readonly string[]): void {
    if (this.manner.json) return this.#document(document);
    const told = lines();
    if (told.length > 1 || (told[0] ?? "") !== "") this.#say(this.#io.stdout, told);
  }

  /** A result of which people want each line as it happens; `--json` waits for the whole. */
  line(...lines: readonly string[]): void {
    if (!this.manner.json) this.#say(this.#io.stdout, lines);
  }

  /** One JSON value on a line of its own, for programs: with `--json` and without. */
  data(value: unknown): void {
    this.#documented = true;
    this.#io.stdout.write(`${guardedJson(JSON.stringify(value))}\n`);
  }

  /** Progress and hints: not part of the result. */
  note(...lines: readonly string[]): void {
    if (!this.manner.quiet && !this.manner.json) this.#say(this.#io.stderr, lines);
  }

  warn(text: string): void {
    if (!this.manner.json) this.#say(this.#io.stderr, [`${this.paint("yellow", "warning:")} ${text}`]);
  }

  /** Text of our own that is laid out already. */
  help(stream: "stdout" | "stderr", text: string): void {
    if (stream === "stdout" || !this.manner.json)
      this.#io[stream].write(
        text
          .split("\n")
          .map((line) => guarded(line, this.manner))
          .join("\n"),
      );
  }

  fail(error: CliError): void {
    if (!this.manner.json) this.#say(this.#io.stderr, this.#failure(error));
    // There is one document: what fails after it has the exit code to tell it.
    else if (!this.#documented) this.#document(errorDocument(error));
  }

  /** Whatever is written for people is written here, a line at a time: no text can bring a line of its own. */
  #say(stream: NodeJS.WritableStream, lines: readonly string[]): void {
    stream.write(`${lines.map((line) => guarded(line, this.manner)).join("\n")}\n`);
  }

  #document(document: unknown): void {
    this.#documented = true;
    this.#io.stdout.write(`${guardedJson(JSON.stringify(document, null, 2))}\n`);
  }

  #failure({ message, where, remedy, faults = [] }: CliError): string[] {
    return [
      `${this.paint(["red", "bold"], "pawl:")} ${visible(message)}`,
      ...(where === undefined ? [] : [`  where:  ${visible(where)}`]),
      ...faults.flatMap((fault) => this.#fault(fault)),
      ...(remedy === undefined ? [] : [`  remedy: ${visible(remedy)}`]),
    ];
  }

  #fault({ message, where, remedy, file, line, column, caret }: Fault): string[] {
    const place = line === undefined ? where : `${file ?? "line"}${file === undefined ? " " : ":"}${line}:${column ?? 1}`;
    const drawn =
      caret === undefined ? [] : caret.split("\n").map((shown) => `      ${this.paint("dim", visible(shown, { lines: true }))}`);
    return [
      `  ${this.paint("bold", place === undefined ? "-" : visible(place))}  ${visible(message)}`,
      ...drawn,
      ...(remedy === undefined ? [] : [`      remedy: ${visible(remedy)}`]),
    ];
  }

  /** Yes or no, from a person; `--yes` answers beforehand. */
  async confirm(question: string, yes: boolean): Promise<boolean> {
    if (yes) return true;
    if (!this.interactive)
      throw usage("nobody is there to answer", {
        where: question,
        remedy: "pass --yes once it has been read; --digest binds it to what was read",
      });
    const { createInterface } = await import("node:readline/promises");
    const reader = createInterface({ input: this.#io.stdin, output: this.#io.stderr });
    try {
      const said = await reader.question(`${guarded(question, this.manner)} [y/N] `, { signal: this.#io.signal });
      return /^y(es)?$/i.test(said.trim());
    } catch {
      this.#io.stderr.write("\n");
      throw new CliError(EXIT.interrupted, "interrupted", "interrupted: nothing was sent");
    } finally {
      reader.close();
    }
  }
}

const WIDE =
  /[\u{1100}-\u{115F}\u{2E80}-\u{303E}\u{3041}-\u{A4CF}\u{A960}-\u{A97F}\u{AC00}-\u{D7A3}\u{F900}-\u{FAFF}\u{FE30}-\u{FE6F}\u{FF00}-\u{FF60}\u{FFE0}-\u{FFE6}\u{1F300}-\u{1FAFF}\u{20000}-\u{3FFFD}]/u;
const columnsOf = (char: string): number => (/\p{M}/u.test(char) ? 0 : WIDE.test(char) ? 2 : 1);
const widthOf = (text: string): number => Array.from(text).reduce<number>((sum, char) => sum + columnsOf(char), 0);

/** Cut to a width, with an ellipsis for what is not shown: for lists only, never for what is signed. */
function clip(text: string, width: number): string {
  if (widthOf(text) <= width) return text;
  let kept = "";
  let used = 0;
  for (const char of text) {
    used += columnsOf(char);
    if (used > width - 1) break;
    kept += char;
  }
  return `${kept.trimEnd()}…`;
}

interface Column {
  readonly title: string;
  readonly cells: readonly string[];
  readonly style?: (cell: string) => Style | undefined;
  /** Takes what width is left, and is clipped to it. */
  readonly flexible?: boolean;
}

/** Columns beside each other; cells pass through `visible`. */
export function table(terminal: Terminal, columns: readonly Column[]): string[] {
  const shown = columns.map((column) => ({ ...column, cells: column.cells.map((cell) => visible(cell)) }));
  const natural = shown.map(({ title, cells }) => Math.max(widthOf(title), ...cells.map(widthOf)));
  const spare = terminal.width - natural.reduce((sum, width) => sum + width + 2, -2);
  const widths = natural.map((width, i) => (shown[i]?.flexible === true && spare < 0 ? Math.max(12, width + spare) : width));
  const line = (cell: (column: (typeof shown)[number], width: number, last: boolean) => string): string =>
    shown.map((column, i) => cell(column, widths[i] ?? 0, i === shown.length - 1)).join("  ");
  const padded = (text: string, width: number, last: boolean): string =>
    last ? text : text + " ".repeat(Math.max(0, width - widthOf(text)));
  const head = line(({ title }, width, last) => terminal.paint("dim", padded(title, width, last)));
  const rows = (shown[0]?.cells ?? []).map((_, row) =>
    line(({ cells, style }, width, last) => {
      const cell = clip(cells[row] ?? "", width);
      const painted = style?.(cells[row] ?? "");
      return painted === undefined ? padded(cell, width, last) : terminal.paint(painted, cell) + padded("", width - widthOf(cell), last);
    }),
  );
  return [head, ...rows].map((text) => text.trimEnd());
}

/** Text from outside over several lines, wrapped to a width at blanks. */
export function wrapped(text: string, width: number): string[] {
  return visible(text, { lines: true })
    .split("\n")
    .flatMap((line) => {
      const lines: string[] = [];
      let current = "";
      for (const word of line.split(" ")) {
        if (current !== "" && widthOf(current) + 1 + widthOf(word) > width) {
          lines.push(current);
          current = word;
        } else current = current === "" ? word : `${current} ${word}`;
      }
      return [...lines, current];
    });
}
