import { styleText } from "node:util";
import { meets, type Row } from "./measure.ts";

/** Name, here, ceiling, ratio, spread, aim: 118 columns in all. What the ceiling is stands above the rows that share it. */
const WIDTHS = [62, 12, 12, 9, 14, 9];
const WIDEST = WIDTHS.reduce((sum, width) => sum + width, 0);

const line = (cells: readonly string[]): string =>
  cells.map((cell, n) => (n === 0 ? cell.padEnd(WIDTHS[0] ?? 0) : cell.padStart(WIDTHS[n] ?? 0))).join("");

export const head = (): string => line(["what", "here", "ceiling", "ratio", "spread", "aim"]);

/** The lines of a row; `before` is the row above it. */
export function rowLines(row: Row, before?: Row): readonly string[] {
  const { name, unit, value, ceiling, ratio, spread, aim, against } = row;
  const figures = [`${short(value)} ${unit}`, `${short(ceiling)} ${unit}`, fixed(ratio), spread.map(fixed).join("–"), aimOf(aim)];
  const fits = name.length < (WIDTHS[0] ?? 0);
  const told = fits ? [line([name, ...figures])] : [name.slice(0, WIDEST), line(["", ...figures])];
  return against === before?.against ? told : [`  beside ${against}`.slice(0, WIDEST), ...told];
}

export function printRow(row: Row, before?: Row): void {
  for (const text of rowLines(row, before)) console.log(meets(row) ? text : styleText("red", text));
}

/** For a document. */
export function markdown(rows: readonly Row[]): string {
  const cells = rows.map(({ name, unit, value, ceiling, ratio, spread, aim, against }) => [
    name,
    `${short(value)} ${unit}`,
    `${short(ceiling)} ${unit}`,
    fixed(ratio),
    spread.map(fixed).join("–"),
    aimOf(aim),
    against,
  ]);
  const table = [
    ["what", "here", "ceiling", "ratio", "spread", "aim", "the ceiling is"],
    ["---", "--:", "--:", "--:", "--:", "--:", "---"],
    ...cells,
  ];
  return table.map((row) => `| ${row.join(" | ")} |`).join("\n");
}

const aimOf = (aim: Row["aim"]): string => (aim === undefined ? "" : "atLeast" in aim ? `≥ ${aim.atLeast}` : `≤ ${aim.atMost}`);
const fixed = (n: number): string => (n >= 100 ? n.toFixed(0) : n.toFixed(2));

function short(n: number): string {
  if (n >= 1e6) return `${(n / 1e6).toFixed(1)}M`;
  if (n >= 1e3) return `${(n / 1e3).toFixed(1)}k`;
  return n >= 10 ? n.toFixed(0) : n.toFixed(2);
}
