import { written, writtenSince } from "./postgres-catalog.ts";
import type { Connection } from "./postgres-client.ts";
import { quoted, sqlName } from "./names.ts";
import { countsOf } from "./rows.ts";
import { sqlFault } from "./types.ts";
import type { Column, Row, TableChange } from "./types.ts";

/** Takes row changes back: one statement per table and kind, parents before children, and nothing besides. */
export async function restoreRows(link: Connection, tables: readonly TableChange[]): Promise<void> {
  const before = await written(link);
  const ordered = await parentsFirst(link, tables);
  for (const table of ordered.toReversed()) await remove(link, table);
  for (const table of ordered) await insert(link, table);
  for (const table of ordered) await update(link, table);
  await link.ask("SET CONSTRAINTS ALL IMMEDIATE");
  const done = [...writtenSince(before, await written(link)).values()];
  const sum = (
    pick: (one: { inserted: number; updated: number; deleted: number }) => number,
    list: readonly { inserted: number; updated: number; deleted: number }[],
  ): number => list.reduce((total, one) => total + pick(one), 0);
  const meant = tables.map((table) => ({ ...countsOf({ ...table, lost: 0 }), updated: altered(table).length }));
  const exact =
    sum((one) => one.inserted, done) === sum((one) => one.deleted, meant) &&
    sum((one) => one.deleted, done) === sum((one) => one.inserted, meant) &&
    sum((one) => one.updated, done) === sum((one) => one.updated, meant);
  if (!exact)
    throw sqlFault(
      "sql_undo_differs",
      "putting the rows back would change other rows too, by a trigger or a cascade",
      "take the change back by a change of its own",
    );
}

/** Rows that were written and hold what they held before need nothing. */
const altered = ({ columns, changes }: TableChange): readonly { readonly before: Row; readonly after: Row }[] =>
  changes.flatMap(({ before, after }) =>
    before !== undefined && after !== undefined && columns.some(({ name }) => before[name] !== after[name]) ? [{ before, after }] : [],
  );

async function parentsFirst(link: Connection, tables: readonly TableChange[]): Promise<readonly TableChange[]> {
  const { rows } = await link.ask(
    "SELECT DISTINCT conrelid::text, confrelid::text FROM pg_constraint WHERE contype = 'f' AND conrelid <> confrelid",
  );
  const oids = new Map<string, TableChange>();
  for (const table of tables)
    oids.set((await link.ask("SELECT $1::text::regclass::oid::text", [sqlName(table.table)])).rows[0]?.[0] ?? "", table);
  const ordered = new Set<TableChange>();
  const visit = (oid: string, path: readonly string[]): void => {
    const table = oids.get(oid);
    if (table === undefined || ordered.has(table) || path.includes(oid)) return;
    for (const [child, parent] of rows) if (child === oid) visit(parent ?? "", [...path, oid]);
    ordered.add(table);
  };
  for (const oid of oids.keys()) visit(oid, []);
  return [...ordered];
}

const typed = (columns: readonly Column[], prefix: string): string =>
  columns.map(({ name, type }, i) => `${prefix}.c${i}::${type} AS ${quoted(name)}`).join(", ");
const source = (columns: readonly Column[]): string =>
  `(SELECT ${typed(columns, "r")} FROM unnest(${columns.map((_, i) => `$${i + 1}::text[]`).join(", ")}) AS r(${columns.map((_, i) => `c${i}`).join(", ")})) AS s`;
const lists = (columns: readonly Column[], rows: readonly Row[]): readonly (readonly (string | null)[])[] =>
  columns.map(({ name }) => rows.map((row) => row[name] ?? null));
const match = (key: readonly string[]): string => key.map((name) => `t.${quoted(name)} = s.${quoted(name)}`).join(" AND ");

async function remove(link: Connection, { table, columns, key, changes }: TableChange): Promise<void> {
  const rows = changes.flatMap(({ before, after }) => (after !== undefined && before === undefined ? [after] : []));
  if (rows.length === 0) return;
  const keys = columns.filter(({ name }) => key.includes(name));
  await link.ask(`DELETE FROM ONLY ${sqlName(table)} AS t USING ${source(keys)} WHERE ${match(key)}`, lists(keys, rows));
}

async function insert(link: Connection, { table, columns, changes }: TableChange): Promise<void> {
  const rows = changes.flatMap(({ before, after }) => (before !== undefined && after === undefined ? [before] : []));
  if (rows.length === 0) return;
  const own = columns.filter(({ generated }) => !generated);
  const names = own.map(({ name }) => quoted(name)).join(", ");
  await link.ask(`INSERT INTO ${sqlName(table)} (${names}) OVERRIDING SYSTEM VALUE SELECT ${names} FROM ${source(own)}`, lists(own, rows));
}

/** Only columns that changed are written: one that is always an identity cannot be. */
async function update(link: Connection, change: TableChange): Promise<void> {
  const { table, columns, key } = change;
  const rows = altered(change);
  if (rows.length === 0) return;
  const used = columns.filter(
    ({ name, generated }) => !generated && !key.includes(name) && rows.some(({ before, after }) => before[name] !== after[name]),
  );
  if (used.length === 0) return;
  const carried = columns.filter((column) => key.includes(column.name) || used.includes(column));
  const set = used.map(({ name }) => `${quoted(name)} = s.${quoted(name)}`).join(", ");
  const before = rows.map((row) => row.before);
  await link.ask(`UPDATE ONLY ${sqlName(table)} AS t SET ${set} FROM ${source(carried)} WHERE ${match(key)}`, lists(carried, before));
}
