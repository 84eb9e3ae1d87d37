/**
 * A program on its way to another thread, as one text and one buffer: thousands of small values cost ten times as much to hand
 * over one by one.
 */
import type { Cell } from "../model.ts";
import type { ProgramStep } from "./program.ts";

export interface Packed {
  /** The steps as JSON; a cell of bytes is an array of where they begin and end. */
  readonly text: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

type PackedCell = Exclude<Cell, Uint8Array> | readonly [from: number, until: number];
type PackedStep = Omit<ProgramStep, "rows"> & { readonly rows: readonly (readonly PackedCell[])[] };

const isBytes = (cell: Cell): cell is Uint8Array => cell !== null && typeof cell === "object";

export function pack(steps: readonly ProgramStep[]): Packed {
  let size = 0;
  for (const { rows } of steps) for (const cells of rows) for (const cell of cells) if (isBytes(cell)) size += cell.length;
  const bytes = new Uint8Array(size);
  let at = 0;
  const packCell = (cell: Cell): PackedCell => {
    if (!isBytes(cell)) return cell;
    bytes.set(cell, at);
    return [at, (at += cell.length)];
  };
  const packed = steps.map((step): PackedStep => ({ ...step, rows: step.rows.map((cells) => cells.map(packCell)) }));
  return { text: JSON.stringify(packed), bytes };
}

export function unpack({ text, bytes }: Packed): ProgramStep[] {
  const unpackCell = (cell: PackedCell): Cell => (cell !== null && typeof cell === "object" ? bytes.subarray(cell[0], cell[1]) : cell);
  return (JSON.parse(text) as PackedStep[]).map((step) => ({ ...step, rows: step.rows.map((cells) => cells.map(unpackCell)) }));
}
