import { isAlias, isCollection, isMap, isPair, isScalar, isSeq, parseDocument, visit } from "yaml";
import type { Document, Node, Pair } from "yaml";
import { fail, hiddenCharacters, ok } from "../base/index.ts";
import type { Json, Refusal, Result } from "../base/index.ts";

/** One fault of a text. `caret` is the offending line with a caret below. */
export interface TextFault extends Refusal {
  readonly line: number;
  readonly column: number;
  readonly caret: string;
}

/** What a text is called in messages, and what the codes of its faults begin with. */
export interface Words {
  readonly prefix: string;
  readonly noun: string;
}

/** One value of a text with its place. Whatever YAML has beyond these three kinds was refused before. */
export type YamlNode =
  | { readonly kind: "map"; readonly at: number; readonly entries: readonly YamlEntry[] }
  | { readonly kind: "list"; readonly at: number; readonly items: readonly YamlNode[] }
  | { readonly kind: "scalar"; readonly at: number; readonly end: number; readonly value: string | number | boolean | null };
export interface YamlEntry {
  readonly key: string;
  readonly at: number;
  readonly value: YamlNode;
}

/** What a map holds under a key; nothing for what is no map. */
export const memberOf = (node: YamlNode | undefined, key: string): YamlNode | undefined =>
  node?.kind === "map" ? node.entries.find((entry) => entry.key === key)?.value : undefined;

const BYTES = 256 * 1024;
const DEPTH = 16;
const NODES = 60_000;
/** Marks between values that the parser sees to before anything can be counted. */
const MARKS = 60_000;
/** Faults that one answer holds; who has mended them sees the next. */
const MOST = 100;

/** Gathers every fault of one text and knows how to point at it. */
export class Faults {
  readonly list: TextFault[] = [];
  readonly text: string;
  readonly words: Words;
  /** All that were found, those beyond the bound of one answer too. */
  count = 0;

  constructor(text: string, words: Words) {
    this.text = text;
    this.words = words;
  }

  /** The code is what follows the prefix of all of this text's codes. */
  add(at: number, kind: string, message: string, where?: string, remedy?: string): undefined {
    if (++this.count > MOST) return undefined;
    const place = placeOf(this.text, at);
    this.list.push({ code: `${this.words.prefix}_${kind}`, message, ...place, ...(where ? { where } : {}), ...(remedy ? { remedy } : {}) });
    return undefined;
  }

  sorted(): readonly TextFault[] {
    return this.list.toSorted((a, b) => a.line - b.line || a.column - b.column);
  }
}

const LINE = 160;

/** Line and column from 1, and the line with a caret below it; a long line is cut around the place. */
function placeOf(text: string, at: number): { readonly line: number; readonly column: number; readonly caret: string } {
  const before = text.slice(0, at);
  const start = before.lastIndexOf("\n") + 1;
  const newline = text.indexOf("\n", at);
  const line = text.slice(start, newline < 0 ? text.length : newline);
  const offset = at - start;
  const from = Math.max(0, offset - LINE / 2);
  const shown = plain(line.slice(from, from + LINE));
  return { line: before.split("\n").length, column: offset + 1, caret: `${shown}\n${" ".repeat(offset - from)}^` };
}

/** The text may come from anybody; what could move a terminal's cursor or hide text becomes a dot. */
const plain = (text: string): string => text.toWellFormed().replaceAll(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, "·");

/** Strict YAML: one document of maps, lists and scalars; no anchors, tags, merges or duplicate keys, within bounds. */
export function readYaml(faults: Faults): Result<YamlNode, undefined> {
  const { text } = faults;
  if (text.length > BYTES) return refuse(faults, 0, "too_large", `${faults.words.noun} has at most ${BYTES} characters`);
  if (!text.isWellFormed()) return refuse(faults, 0, "not_unicode", "the text holds half of a surrogate pair");
  if ((text.match(/[,[\]{}\n]/g)?.length ?? 0) > MARKS)
    return refuse(faults, 0, "too_large", `${faults.words.noun} has at most ${MARKS} lines, commas and brackets`);
  refuseHidden(faults);
  let document: Document.Parsed;
  try {
    // Duplicate keys are found below, because the parser's own search takes quadratic time.
    document = parseDocument(text, { version: "1.2", schema: "core", uniqueKeys: false, strict: true, merge: false, prettyErrors: false });
  } catch {
    // Brackets by the hundred thousand exhaust its stack.
    return refuse(faults, 0, "syntax", "the text cannot be read as YAML");
  }
  for (const { pos, message } of [...document.errors, ...document.warnings]) faults.add(Math.min(pos[0], text.length), "syntax", message);
  refuseExtras(document, faults);
  if (faults.count > 0) return fail(undefined);
  if (!document.contents) return refuse(faults, 0, "empty", "the text is empty");
  const node = convert(document.contents, faults, 0);
  return node && faults.count === 0 ? ok(node) : fail(undefined);
}

/** Whoever signs such a text reads it, comments too; so nothing in it may read otherwise than it looks. */
function refuseHidden(faults: Faults): void {
  const lines = faults.text.split("\n");
  for (const { codePoint, name, line, column } of hiddenCharacters(faults.text).slice(0, MOST)) {
    const start = lines.slice(0, line - 1).reduce((sum, before) => sum + before.length + 1, 0);
    const within = Array.from(lines[line - 1] ?? "").slice(0, column - 1);
    faults.add(
      start + within.join("").length,
      "hidden_character",
      `${codePoint} (${name}) does not show`,
      undefined,
      "take it out, or write it as an escape",
    );
  }
}

function refuse(faults: Faults, at: number, kind: string, message: string): Result<never, undefined> {
  faults.add(at, kind, message);
  return fail(undefined);
}

function refuseExtras(document: Document.Parsed, faults: Faults): void {
  let nodes = 0;
  visit(document, (_key, node) => {
    if (++nodes > NODES) return visit.BREAK;
    if (isPair(node)) return undefined;
    const at = startOf(node as Node);
    if (isAlias(node)) faults.add(at, "alias", "aliases are not read: write the value out");
    else if ((isScalar(node) || isCollection(node)) && node.anchor !== undefined)
      faults.add(at, "anchor", "anchors are not read: write the value out");
    else if ((isScalar(node) || isCollection(node)) && node.tag !== undefined) faults.add(at, "tag", "tags are not read");
    return undefined;
  });
  if (nodes > NODES) faults.add(0, "too_large", `${faults.words.noun} has at most ${NODES} values`);
}

const startOf = (node: Node | null | undefined): number => node?.range?.[0] ?? 0;

function convert(node: unknown, faults: Faults, depth: number): YamlNode | undefined {
  const at = startOf(node as Node);
  if (depth > DEPTH) return faults.add(at, "too_deep", `values nest more than ${DEPTH} deep`);
  if (isMap(node))
    return {
      kind: "map",
      at,
      entries: unique(
        node.items.flatMap((pair) => entryOf(pair, faults, depth)),
        faults,
      ),
    };
  if (isSeq(node)) return { kind: "list", at, items: node.items.flatMap((item) => convert(item, faults, depth + 1) ?? []) };
  if (isScalar(node)) {
    const { value } = node;
    const scalar = value === null || typeof value === "string" || typeof value === "number" || typeof value === "boolean";
    if (scalar) return { kind: "scalar", at, end: node.range?.[1] ?? at, value };
  }
  return faults.add(at, "value", "only text, numbers, true, false, lists and maps are read");
}

function unique(entries: readonly YamlEntry[], faults: Faults): readonly YamlEntry[] {
  const seen = new Set<string>();
  for (const { key, at } of entries) {
    if (seen.has(key)) faults.add(at, "duplicate_key", `${key} stands twice in this map`);
    seen.add(key);
  }
  return entries;
}

function entryOf({ key, value }: Pair, faults: Faults, depth: number): readonly YamlEntry[] {
  const at = startOf(key as Node);
  if (!isScalar(key) || typeof key.value !== "string" || !key.value.isWellFormed())
    return faults.add(at, "key", "a key must be text") ?? [];
  if (key.value === "__proto__") return faults.add(at, "key", "this key is not allowed") ?? [];
  const node = value === null ? ({ kind: "scalar", at, end: at, value: null } as const) : convert(value, faults, depth + 1);
  return node ? [{ key: key.value, at, value: node }] : [];
}

/**
 * The place in the text of an offset into a scalar's value. Quotes, escapes, folds and indentation make the two
 * differ; walking both side by side, and skipping in the text what the value does not have, finds it.
 */
export function placeInScalar(text: string, node: YamlNode & { readonly kind: "scalar" }, offset: number): number {
  const value = String(node.value);
  let at = contentStart(text, node.at);
  for (let i = 0; i < Math.min(offset, value.length); i++) {
    at = placeOfChar(text, at, node.end, value[i] as string);
    if (at >= node.end) return node.at;
    at++;
  }
  if (offset >= value.length) return Math.min(at, node.end);
  const found = placeOfChar(text, at, node.end, value[offset] as string);
  return found < node.end ? found : node.at;
}

const isBlank = (char: string | undefined): boolean => char !== undefined && /\s/.test(char);

/** Where a character of the value stands at or after `from`; a blank may be written as any other blank. */
function placeOfChar(text: string, from: number, end: number, char: string): number {
  let at = from;
  // A fold stands for one blank but is written as a line end and an indentation: what is left of it comes before the next word.
  if (!isBlank(char)) while (at < end && isBlank(text[at])) at++;
  const fits = (found: string | undefined): boolean => found === char || (isBlank(char) && isBlank(found));
  while (at < end && !fits(text[at])) at++;
  return at;
}

/** Past an opening quote, or past the header line of a block scalar. */
function contentStart(text: string, at: number): number {
  const first = text[at];
  if (first === "'" || first === '"') return at + 1;
  return first === "|" || first === ">" ? text.indexOf("\n", at) + 1 : at;
}

/** What a value of the text means as JSON. */
export function jsonOf(node: YamlNode): Json {
  if (node.kind === "list") return node.items.map(jsonOf);
  if (node.kind === "map") return Object.fromEntries(node.entries.map(({ key, value }) => [key, jsonOf(value)]));
  return node.value;
}
