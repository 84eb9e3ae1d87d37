import { canonical, never, sortedSet, visible } from "../base/index.ts";
import type { Json } from "../base/index.ts";
import type { Detail, FieldChange, PlanValue } from "../plan/index.ts";
import { chop } from "./sheet.ts";
import type { Sheet, Style } from "./sheet.ts";

const GUTTER = 4;
/** Enough of a digest to tell two apart by eye; the whole stands in the plan. */
const shortDigest = (digest: string): string => digest.slice(digest.indexOf(":") + 1).slice(0, 16);

/** A value in one line. Text is in quotation marks, so that a number and its digits look different. */
export function valueText(value: PlanValue): string {
  switch (value.kind) {
    case "json":
      return visible(jsonText(value.value));
    case "secret":
      return `hidden (${shortDigest(value.digest)})`;
    case "bytes":
      return `${value.size} bytes of ${visible(value.mediaType)} (${shortDigest(value.digest)})`;
    default:
      return never(value, "value");
  }
}

/** What a connector cannot know before it acts. */
const LATER = canonical({ known_after_apply: true });

/** A list has a blank after each comma, so that it can be read and be broken into lines. */
function jsonText(value: Json): string {
  if (!Array.isArray(value)) return canonical(value) === LATER ? "known after apply" : canonical(value);
  return `[${value.map((item: Json) => canonical(item)).join(", ")}]`;
}

function fieldText({ before, after }: FieldChange): string {
  if (after === undefined) return before === undefined ? "changes; the value is not stated" : `${valueText(before)} → nothing`;
  if (before === undefined) return valueText(after);
  return canonical(before) === canonical(after) ? `${valueText(before)} unchanged` : `${valueText(before)} → ${valueText(after)}`;
}

type Members = Readonly<Record<string, Json>>;
const DEEPEST = 4;

/** The members of a value that has some to be told one by one. */
function membersOf(value: PlanValue | undefined): Members | undefined {
  if (value?.kind !== "json" || typeof value.value !== "object" || value.value === null || Array.isArray(value.value)) return undefined;
  const members = value.value as Members;
  return Object.keys(members).length === 0 || canonical(members) === LATER ? undefined : members;
}

const memberPath = (path: string, name: string): string =>
  /^[\p{L}\p{N}_-]+$/u.test(name) ? `${path}.${name}` : `${path}[${canonical(name)}]`;

/** An object is told member by member, where nothing else stands on the other side. */
function unfolded(field: FieldChange, depth = DEEPEST): readonly FieldChange[] {
  const [before, after] = [membersOf(field.before), membersOf(field.after)];
  const apart = (field.before !== undefined && before === undefined) || (field.after !== undefined && after === undefined);
  if (depth === 0 || apart || (before ?? after) === undefined) return [field];
  const names = sortedSet([...Object.keys(before ?? {}), ...Object.keys(after ?? {})]);
  const side = (key: "before" | "after", value: Json | undefined) =>
    value === undefined ? {} : { [key]: { kind: "json", value } as const };
  return names.flatMap((name) =>
    unfolded({ path: memberPath(field.path, name), ...side("before", before?.[name]), ...side("after", after?.[name]) }, depth - 1),
  );
}

/** What was seen, as rows: the members of an object each for itself, by their own names. */
export const seenRows = (value: PlanValue): readonly FieldChange[] | undefined =>
  membersOf(value) === undefined
    ? undefined
    : unfolded({ path: "", after: value }).map((one) => ({ ...one, path: one.path.replace(/^\./, "") }));

const fresh = ({ before }: FieldChange): number => (before === undefined ? 1 : 0);

/** Names in a column of their own, as wide as the widest that is not odd. */
export function renderFields(sheet: Sheet, given: readonly FieldChange[], indent: number): void {
  // What becomes another value is read first; what has none before it is told below.
  const fields = given.flatMap((field) => unfolded(field)).toSorted((x, y) => fresh(x) - fresh(y));
  const names = fields.map((field) => visible(field.path));
  const column = Math.min(Math.max(0, ...names.map((name) => name.length)), 32) + 2;
  for (const [i, field] of fields.entries()) {
    const name = `${" ".repeat(indent)}${names[i]}`;
    sheet.row({ lead: [{ text: name, style: "dim" }], indent: indent + column, body: { text: fieldText(field) } });
  }
}

/** A diff is shown whole, each line behind a gutter that no line of it can reach. */
export function renderDetail(sheet: Sheet, detail: Detail, indent: number): void {
  switch (detail.kind) {
    case "none":
      return;
    case "uninspectable":
      return sheet.row({ indent, body: { text: `CANNOT BE SHOWN: ${visible(detail.reason)}`, style: "red-bold" } });
    case "diff":
      return renderDiff(sheet, detail.text.replace(/\n$/, "").split("\n"), indent);
    default:
      return never(detail, "detail");
  }
}

function renderDiff(sheet: Sheet, lines: readonly string[], indent: number): void {
  // What stands before the first hunk names the files; it is neither added nor removed.
  const firstHunk = lines.findIndex((line) => line.startsWith("@@"));
  for (const [n, line] of lines.entries()) {
    const style = n < firstHunk ? "dim" : styleOf(line);
    const parts = chop(blanksShown(visible(line, { lines: true })), sheet.width - indent - GUTTER);
    for (const [i, part] of parts.entries()) {
      sheet.line({ text: `${" ".repeat(indent)}${i === 0 ? "│" : "╎"} `, style: "dim" }, { text: part, style });
    }
  }
}

function styleOf(line: string): Style {
  const sign = line.slice(0, 1);
  return sign === "+" ? "green" : sign === "-" ? "red" : sign === "@" ? "cyan" : "plain";
}

/** Tabs as arrows to the next stop, and blanks that end a line as themselves: both change what some files mean. */
function blanksShown(line: string): string {
  let shown = "";
  for (const char of line) shown += char === "\t" ? `→${" ".repeat(3 - (Math.max(0, shown.length - 1) % 4))}` : char;
  // The first column of a difference is its sign, and a blank there says that the line is as it was.
  // Counted from the end: an expression would start again at every blank of a long line.
  let end = shown.length;
  while (end > 1 && shown[end - 1] === " ") end -= 1;
  return shown.slice(0, end) + "␠".repeat(shown.length - end);
}
