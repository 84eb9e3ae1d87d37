import { styleText } from "node:util";
import { meets, type Row } from "./measure.ts";

const WIDTHS = [52, 15, 15, 8, 14, 9];

const line = (cells: readonly string[]): string =>
  cells
    .map((cell, n) => (n === 0 ? cell.padEnd(WIDTHS[0] ?? 0) : n < WIDTHS.length ? cell.padStart(WIDTHS[n] ?? 0) : `  ${cell}`))
    .join("");

export function printHead(): void {
  console.log(line(["what", "here", "ceiling", "ratio", "spread", "aim", "the ceiling is"]));
}

export function printRow(row: Row): void {
  const { name, unit, value, ceiling, ratio, spread, aim, against } = row;
  const wanted = aim === undefined ? "" : "atLeast" in aim ? `≥ ${aim.atLeast}` : `≤ ${aim.atMost}`;
  const cells = [name, `${short(value)} ${unit}`, `${short(ceiling)} ${unit}`, fixed(ratio), spread.map(fixed).join("–"), wanted, against];
  console.log(meets(row) ? line(cells) : styleText("red", line(cells)));
}

const fixed = (n: number): string => (n >= 100 ? n.toFixed(0) : n.toFixed(2));

function short(n: number): string {
  if (n >= 1e6) return `${(n / 1e6).toFixed(1)}M`;
  if (n >= 1e3) return `${(n / 1e3).toFixed(1)}k`;
  return n >= 10 ? n.toFixed(0) : n.toFixed(2);
}
