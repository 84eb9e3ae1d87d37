import { canonical, digestJson, keyedDigestOf } from "../../core/base/index.ts";
import type { Digest, KeyedDigest } from "../../core/base/index.ts";
import type { Change, Row, RowChange, TableChange } from "./types.ts";

/** A row's identity: its primary key, or all of it where there is none. */
export const keyOf = (key: readonly string[], row: Row): string => canonical(key.length === 0 ? row : key.map((name) => row[name] ?? null));

const byKey = (key: readonly string[]) => (change: RowChange) => keyOf(key, change.before ?? change.after ?? {});

/** What pairing rows needs to know beside them. */
interface Pairing {
  /** Rows that are as they were changed nothing. */
  readonly dropEqual?: boolean;
  /** Without a key: how many rows were changed rather than deleted and added. Which became which, nobody knows. */
  readonly updated?: number;
}

/** Old and new versions that belong together, in the order of their keys. Without a key, equal rows cancel out. */
export function pairRows(
  key: readonly string[],
  old: readonly Row[],
  now: readonly Row[],
  { dropEqual = false, updated = 0 }: Pairing = {},
): readonly RowChange[] {
  const waiting = new Map<string, Row[]>();
  for (const row of old) {
    const id = keyOf(key, row);
    waiting.set(id, [...(waiting.get(id) ?? []), row]);
  }
  const changes: RowChange[] = [];
  for (const after of now) {
    const before = waiting.get(keyOf(key, after))?.pop();
    const same = before !== undefined && (key.length === 0 || (dropEqual && canonical(before) === canonical(after)));
    if (!same) changes.push(before === undefined ? { after } : { before, after });
  }
  for (const rows of waiting.values()) for (const before of rows) changes.push({ before });
  const id = byKey(key);
  const paired = key.length === 0 ? joined(changes, updated) : changes;
  return paired
    .map((change) => [id(change), change] as const)
    .toSorted(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
    .map(([, change]) => change);
}

function joined(changes: readonly RowChange[], updated: number): readonly RowChange[] {
  const [gone, come] = [changes.filter(({ after }) => after === undefined), changes.filter(({ before }) => before === undefined)];
  const pairs = Math.min(updated, gone.length, come.length);
  return [...gone.slice(pairs), ...come.slice(pairs), ...gone.slice(0, pairs).map((change, i) => ({ ...change, ...come[i] }))];
}

export const createdRows = (changes: readonly RowChange[]): number => changes.filter(({ before, after }) => after && !before).length;

export interface Counts {
  readonly inserted: number;
  readonly updated: number;
  readonly deleted: number;
}

export const countsOf = ({ changes, lost, counted }: Pick<TableChange, "changes" | "lost" | "counted">): Counts =>
  counted ?? {
    inserted: createdRows(changes),
    updated: changes.filter(({ before, after }) => before && after).length,
    deleted: changes.filter(({ before, after }) => before && !after).length + lost,
  };

/** `table` or `table.column` of what came out otherwise the second time. */
export function volatileIn(first: Change, second: Change): readonly string[] {
  const found: string[] = [];
  for (const table of first.tables) {
    const other = second.tables.find((one) => one.table === table.table);
    if (other === undefined || JSON.stringify(countsOf(table)) !== JSON.stringify(countsOf(other))) {
      found.push(table.table);
      continue;
    }
    for (const { name } of table.columns) if (valuesOf(table, name) !== valuesOf(other, name)) found.push(`${table.table}.${name}`);
  }
  return found;
}

const valuesOf = ({ changes }: TableChange, column: string): string =>
  JSON.stringify(
    changes
      .flatMap(({ after }) => (after === undefined ? [] : [after[column] ?? null]))
      .toSorted((a, b) => (String(a) < String(b) ? -1 : 1)),
  );

/**
 * What a change does, as one digest under the deployment's key: which rows, what was in them, what will be. New values that
 * differ each time are left out; rows whose key is such a value are compared without regard to their order.
 */
export function changeDigest(secretKey: Uint8Array, change: Change, volatile: readonly string[]): KeyedDigest {
  const tables = change.tables.map((table) => {
    const kept = (row: Row | undefined): Row | null =>
      row === undefined ? null : Object.fromEntries(Object.entries(row).filter(([name]) => !volatile.includes(`${table.table}.${name}`)));
    const rows = table.changes.map(({ before, after }) => canonical([before ?? null, volatile.includes(table.table) ? null : kept(after)]));
    return { table: table.table, lost: table.lost, rows: rows.toSorted() };
  });
  const exported = change.results.map(({ label, rows, exported: out }) => ({
    label,
    rows,
    columns: out?.columns.map(({ name }) => name) ?? [],
  }));
  return keyedDigestOf(secretKey, `pawl/sql-rows/v1\n${canonical({ tables, results: exported })}`);
}

export const schemaDigest = (schema: Readonly<Record<string, unknown>>): Digest =>
  digestJson({ schema: "pawl/sql-schema/v1", objects: schema });

/** Of one row as it was left: tells whether somebody touched it since, and nothing else. */
export const rowDigest = (secretKey: Uint8Array, row: Row): KeyedDigest => keyedDigestOf(secretKey, `pawl/sql-row/v1\n${canonical(row)}`);
