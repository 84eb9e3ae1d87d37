/** Where the moment or chance stands in an SQLite statement: as a column's whole value, or where it decides something. */
import { quoted } from "./names.ts";

export interface Moments {
  /** What the moment decides, by the functions that ask for it. */
  readonly decides: readonly string[];
  /** Columns that get it as their value: `table.column` in lower case; `.column` of what the statement answers. */
  readonly columns: readonly string[];
  /** Columns that an INSERT names, or all of its table: for the others, it is their default that stands. */
  readonly given: readonly string[];
}

interface Token {
  readonly text: string;
  /** As it is compared: a keyword or name in lower case, without quotes. */
  readonly word: string;
  readonly at: number;
}

const TOKEN =
  /'(?:[^']|'')*'|"(?:[^"]|"")*"|`[^`]*`|\[[^\]]*\]|--[^\n]*|\/\*[\s\S]*?\*\/|[\w$\u0080-\uffff]+|\?\d*|<=|>=|<>|!=|==|\|\||\S/g;

function tokensOf(sql: string): readonly Token[] {
  const found: Token[] = [];
  for (const { 0: text, index: at } of sql.matchAll(TOKEN)) {
    if (text.startsWith("--") || text.startsWith("/*")) continue;
    const name = /^["`[]/.test(text) ? text.slice(1, -1).replaceAll('""', '"') : text;
    found.push({ text, word: name.toLowerCase(), at });
  }
  return found;
}

const NOW = new Set(["current_date", "current_time", "current_timestamp"]);
const CHANCE = new Set(["random", "randomblob"]);
/** Functions of the time, with the places of the arguments that say which time. */
const TIMES: Readonly<Record<string, readonly number[]>> = {
  date: [0],
  time: [0],
  datetime: [0],
  julianday: [0],
  unixepoch: [0],
  strftime: [1],
  timediff: [0, 1],
};
/** Functions of which the moment may be told, whatever their arguments are. */
export const mayTell = (name: string): boolean => NOW.has(name) || CHANCE.has(name) || Object.hasOwn(TIMES, name);

const WRAPS = new Set(["hex", "lower", "upper", "abs", ""]);
const BREAKS = new Set("where from on having group order limit when window join union except intersect begin end".split(" "));
/** With these, what one row's value is may say which rows there are. */
const PICKS = new Set(["order", "limit", "group", "distinct", "union", "except", "intersect"]);

interface Frame {
  clause: string;
  item: number;
}

/** What the words before a token say of its place. */
class Place {
  readonly frames: Frame[] = [{ clause: "", item: 0 }];
  table = "";
  columns: readonly string[] = [];
  readonly given: string[] = [];

  get frame(): Frame {
    return this.frames.at(-1) as Frame;
  }
}

export function momentsIn(sql: string, columnsOf: (table: string) => readonly string[]): Moments {
  const tokens = tokensOf(sql);
  const picks = tokens.some(({ word }) => PICKS.has(word));
  const place = new Place();
  const decides: string[] = [];
  const columns: string[] = [];
  for (const [i, token] of tokens.entries()) {
    step(place, tokens, i, columnsOf);
    const end = callEnd(tokens, i);
    if (end === undefined) continue;
    const column = columnOf(place, tokens, i, end, sql, picks);
    if (column === undefined) decides.push(token.word);
    else columns.push(column.toLowerCase());
  }
  return { decides, columns, given: place.given };
}

/** The last token of a call that asks for the moment or chance, which begins here. */
function callEnd(tokens: readonly Token[], i: number): number | undefined {
  const { word = "", text = "" } = tokens[i] ?? {};
  if (text.startsWith("'")) return undefined;
  if (NOW.has(word) && !/^["`[]/.test(text) && tokens[i - 1]?.text !== ".") return i;
  if (tokens[i + 1]?.text !== "(" || !mayTell(word)) return undefined;
  const { end, args } = argumentsOf(tokens, i + 1);
  const places = TIMES[word];
  return places === undefined || places.some((at) => tellsTime(args[at])) ? end : undefined;
}

function argumentsOf(tokens: readonly Token[], open: number): { readonly end: number; readonly args: readonly (readonly Token[])[] } {
  const args: Token[][] = [];
  let depth = 0;
  for (let i = open; i < tokens.length; i += 1) {
    const token = tokens[i] as Token;
    if (token.text === "(") depth += 1;
    if (token.text === ")") depth -= 1;
    if (depth === 0) return { end: i, args };
    if (i === open || (depth === 1 && token.text === ",")) args.push([]);
    else args.at(-1)?.push(token);
  }
  return { end: tokens.length - 1, args };
}

/** A time that stands there, or in a column, is none that passes. A column that holds the text 'now' is told by what changes. */
function tellsTime(arg: readonly Token[] | undefined): boolean {
  if (arg === undefined || arg.length === 0) return true;
  const isColumn = arg.every(({ text }) => /^["`[\w$.\u0080-\uffff]/.test(text)) && arg.every(({ word }) => !NOW.has(word));
  const isFixed = arg.length === 1 && /^'\s*[-+\d]/.test(arg[0]?.text ?? "");
  return !isColumn && !isFixed;
}

function step(place: Place, tokens: readonly Token[], i: number, columnsOf: (table: string) => readonly string[]): void {
  const { text, word } = tokens[i] as Token;
  const { frame } = place;
  if (text.startsWith("'") || /^["`[]/.test(text)) return;
  if (text === "(") {
    const inner = frame.clause === "values" ? "tuple" : "inner";
    place.frames.push({ clause: inner, item: 0 });
  } else if (word === "case") {
    place.frames.push({ clause: "case", item: 0 });
  } else if (frame.clause === "case") {
    if (word === "end") place.frames.pop();
  } else if (text === ")") {
    if (place.frames.length > 1) place.frames.pop();
  } else if (text === ",") {
    frame.item += 1;
  } else if (text === ";") {
    Object.assign(frame, { clause: "", item: 0 });
  } else if (word === "update" && tokens[i + 1]?.word !== "set" && tokens[i + 1]?.word !== "of") {
    place.table = nameAt(tokens, i + 1).name;
    frame.clause = "update";
  } else if (word === "into" && place.frames.length === 1) {
    const { name, next } = nameAt(tokens, i + 1);
    place.table = name;
    const { args } = tokens[next]?.text === "(" ? argumentsOf(tokens, next) : { args: undefined };
    place.columns = args?.map((arg) => arg[0]?.word ?? "") ?? columnsOf(name);
    place.given.push(...place.columns.map((column) => `${name}.${column}`.toLowerCase()));
    frame.clause = "into";
  } else if (["set", "values", "select", "returning"].includes(word)) Object.assign(frame, { clause: word, item: 0 });
  else if (BREAKS.has(word)) frame.clause = word;
}

/** `or replace`, a schema and the name of a table. */
function nameAt(tokens: readonly Token[], from: number): { readonly name: string; readonly next: number } {
  const at = tokens[from]?.word === "or" ? from + 2 : from;
  return tokens[at + 1]?.text === "." ? { name: tokens[at + 2]?.word ?? "", next: at + 3 } : { name: tokens[at]?.word ?? "", next: at + 1 };
}

/** The column of which this call is the whole value. */
function columnOf(place: Place, tokens: readonly Token[], from: number, to: number, sql: string, picks: boolean): string | undefined {
  let [first, last, up] = [from, to, 0];
  while (tokens[first - 1]?.text === "(" && tokens[last + 1]?.text === ")" && isWrap(tokens, first - 2)) {
    const wrapped = WRAPS.has(tokens[first - 2]?.word ?? "") ? 1 : 0;
    [first, last, up] = [first - 1 - wrapped, last + 1, up + 1];
  }
  const frame = place.frames.at(-1 - up);
  const depth = place.frames.length - up;
  if (frame === undefined) return undefined;
  const [before, after] = [tokens[first - 1]?.word ?? "", tokens[last + 1]?.word ?? ";"];
  const ends = [",", ";", ")", "where", "from", "returning", "on"].includes(after);
  if (frame.clause === "set" && before === "=" && ends) {
    const head = tokens[first - 3]?.word;
    return head === "set" || head === "," ? `${place.table}.${tokens[first - 2]?.word ?? ""}` : undefined;
  }
  if (frame.clause === "tuple" && depth === 2 && (before === "(" || before === ",") && ends) return written(place, frame);
  if (depth > 1 || picks || (frame.clause !== "select" && frame.clause !== "returning") || ![frame.clause, ","].includes(before))
    return undefined;
  if (place.table !== "" && frame.clause === "select") return ends && !hasStar(tokens, first) ? written(place, frame) : undefined;
  if (ends) return `.${sql.slice(tokens[first]?.at, (tokens[last]?.at ?? 0) + (tokens[last]?.text.length ?? 0))}`;
  const alias = tokens[last + (after === "as" ? 2 : 1)];
  return alias !== undefined && /^["`[\w]/.test(alias.text) ? `.${alias.word}` : undefined;
}

const isWrap = (tokens: readonly Token[], at: number): boolean =>
  WRAPS.has(tokens[at]?.word ?? "") || /^[=,]$|^values$|^default$/.test(tokens[at]?.word ?? "");

const written = ({ table, columns }: Place, { item }: Frame): string | undefined =>
  columns[item] === undefined ? undefined : `${table}.${columns[item]}`;

/** With `*` in a list, nobody counts to the column by it. */
const hasStar = (tokens: readonly Token[], before: number): boolean => tokens.slice(0, before).some(({ text }) => text === "*");

/** What a schema says of what a statement sets off there. */
export interface Schema {
  columns(table: string): readonly { readonly name: string; readonly default: string | null }[];
  /** The text of a trigger; undefined for a view. */
  trigger(name: string): string | undefined;
}

/** Of a statement with all that it sets off: `called` are the triggers and views that ask for the moment, `filled` the tables that get rows. */
export function momentsWith(sql: string, schema: Schema, called: readonly string[], filled: readonly string[]): Moments {
  const columnsOf = (table: string): readonly string[] => schema.columns(table).map(({ name }) => name);
  const parts = [momentsIn(sql, columnsOf)];
  for (const name of called) {
    const text = schema.trigger(name);
    parts.push(text === undefined ? { decides: [`the view ${name}`], columns: [], given: [] } : momentsIn(text, columnsOf));
  }
  const given = parts.flatMap((part) => part.given);
  for (const table of filled)
    for (const { name, default: text } of schema.columns(table))
      if (text !== null && !given.includes(`${table}.${name}`.toLowerCase()))
        parts.push(momentsIn(`UPDATE ${quoted(table)} SET ${quoted(name)} = (${text})`, columnsOf));
  return { decides: parts.flatMap(({ decides }) => decides), columns: parts.flatMap(({ columns }) => columns), given };
}
