import { canonical, digestJson, keyedDigestOf } from "../../core/base/index.ts";
import type { Digest, KeyedDigest } from "../../core/base/index.ts";
import type { Change, Exported, Row, RowChange, TableChange } from "./types.ts";

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

/** What came out otherwise the second time: rows, by table or result, and columns of which only the new values did. */
export interface Differing {
  readonly rows: readonly string[];
  readonly columns: readonly string[];
}

export function differing(first: Change, second: Change): Differing {
  const rows: string[] = [];
  const columns: string[] = [];
  for (const name of new Set([...first.tables, ...second.tables].map(({ table }) => table))) {
    const [one, other] = [first, second].map(({ tables }) => tables.find(({ table }) => table === name));
    if (one === undefined || other === undefined || touched(one) !== touched(other)) rows.push(name);
    else
      columns.push(
        ...one.columns.flatMap((column) => (valuesOf(one, column.name) === valuesOf(other, column.name) ? [] : [`${name}.${column.name}`])),
      );
  }
  for (const [i, { exported: one }] of first.results.entries()) {
    const other = second.results[i]?.exported;
    if (one === undefined || other === undefined) continue;
    if (one.rows !== other.rows) rows.push(resultOf(i));
    else
      columns.push(...one.columns.flatMap(({ name }, at) => (leaving(one, at) === leaving(other, at) ? [] : [`${resultOf(i)}.${name}`])));
  }
  return { rows, columns };
}

/** What the rows of the `i`-th statement that leave are called. */
export const resultOf = (i: number): string => `result.${i + 1}`;

/** Which rows, as they were before: what they become may differ. */
const touched = (table: TableChange): string =>
  canonical([{ ...countsOf(table) }, table.changes.flatMap(({ before }) => (before === undefined ? [] : [canonical(before)])).toSorted()]);

const leaving = ({ values }: Exported, at: number): string => JSON.stringify(values.map((row) => row[at] ?? null).toSorted(byText));

const valuesOf = ({ changes }: TableChange, column: string): string =>
  JSON.stringify(changes.flatMap(({ after }) => (after === undefined ? [] : [after[column] ?? null])).toSorted(byText));
const byText = (a: unknown, b: unknown): number => (String(a) < String(b) ? -1 : 1);

/**
 * What a change does, as one digest under the deployment's key: which rows, what was in them, what will be, and what leaves. New
 * values of the columns that differ each time are left out; rows are compared without regard to their order.
 */
export function changeDigest(secretKey: Uint8Array, change: Change, volatile: readonly string[]): KeyedDigest {
  const tables = change.tables.map((table) => {
    const kept = (row: Row | undefined): Row | null =>
      row === undefined ? null : Object.fromEntries(Object.entries(row).filter(([name]) => !volatile.includes(`${table.table}.${name}`)));
    const rows = table.changes.map(({ before, after }) => canonical([before ?? null, kept(after)]));
    return { table: table.table, lost: table.lost, rows: rows.toSorted() };
  });
  const exported = change.results.map(({ label, rows, exported: out }, i) => {
    const columns = out?.columns.map(({ name }) => name) ?? [];
    const isKept = columns.map((name) => !volatile.includes(`${resultOf(i)}.${name}`));
    const values = out?.values.map((row) => canonical(row.filter((_, at) => isKept[at]))) ?? [];
    return { label, rows, columns, values: values.toSorted() };
  });
  return keyedDigestOf(secretKey, `pawl/sql-rows/v1\n${canonical({ tables, results: exported })}`);
}

export const schemaDigest = (schema: Readonly<Record<string, unknown>>): Digest =>
  digestJson({ schema: "pawl/sql-schema/v1", objects: schema });

/** Of one row as it was left: tells whether somebody touched it since, and nothing else. */
export const rowDigest = (secretKey: Uint8Array, row: Row): KeyedDigest => keyedDigestOf(secretKey, `pawl/sql-row/v1\n${canonical(row)}`);
