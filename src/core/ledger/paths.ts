import { assert, ok } from "../base/index.ts";
import type { Result } from "../base/index.ts";
import type { LedgerFault } from "./faults.ts";
import { refuse } from "./faults.ts";
import { TILE_WIDTH } from "./tiles.ts";
import { MAX_SIZE } from "./tree.ts";

/** What a path of C2SP tlog-tiles names: a tile of hashes, or a bundle of entries. */
export interface TilePath {
  readonly level: number | "entries";
  readonly index: number;
  readonly width: number;
}

/** `tile/0/x001/x234/067.p/8`: a partial tile ends with its width. */
export const tilePath = ({ level, index, width }: TilePath): string => `tile/${level}/${suffix(index, width)}`;

function suffix(index: number, width: number): string {
  assert(Number.isSafeInteger(index) && index >= 0 && width >= 1 && width <= TILE_WIDTH, "a tile has an index and 1 to 256 hashes");
  const digits = String(index).padStart(Math.ceil(String(index).length / 3) * 3, "0");
  const groups = digits.match(/\d{3}/g) ?? [];
  const name = groups.map((group, i) => (i < groups.length - 1 ? `x${group}` : group)).join("/");
  return width === TILE_WIDTH ? name : `${name}.p/${width}`;
}

const MAX_PATH = 64;
const PATH = /^tile\/(entries|0|[1-9]\d?)\/((?:x\d{3}\/){0,5}\d{3})(?:\.p\/([1-9]\d{0,2}))?$/;

/** Reads a path without a leading slash. Exactly what the formatters write is accepted. */
export function parseTilePath(path: string): Result<TilePath, LedgerFault> {
  const malformed = () => refuse("path_malformed", "the path names no tile and no bundle of entries");
  const [, level = "", name = "", widthText] = PATH.exec(path.slice(0, MAX_PATH)) ?? [];
  const index = Number(name.replaceAll(/[x/]/g, ""));
  const width = widthText === undefined ? TILE_WIDTH : Number(widthText);
  if (name === "" || path.length > MAX_PATH || width > TILE_WIDTH || index > MAX_SIZE / TILE_WIDTH || Number(level) > 63)
    return malformed();
  const parsed: TilePath = { level: level === "entries" ? level : Number(level), index, width };
  return tilePath(parsed) === path ? ok(parsed) : malformed();
}
