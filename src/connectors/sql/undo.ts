import { canonical } from "../../core/base/index.ts";
import type { Backup } from "./backup.ts";
import { keyOf, rowDigest, schemaDigest } from "./rows.ts";
import { sqlFault } from "./types.ts";
import type { Derived, Engine, Row, SqlFault, TableChange } from "./types.ts";

const rowsOf = ({ changes }: TableChange, side: "before" | "after"): readonly Row[] =>
  changes.flatMap((change): readonly Row[] => (change[side] === undefined ? [] : [change[side]]));

/** What stands in the way of an undo, in words; nothing when there is a way. */
export function obstacles(statements: readonly Derived[], tables: readonly TableChange[]): readonly string[] {
  return [
    ...statements.flatMap(({ alone, label }) => (alone ? [`${label} runs outside of a transaction`] : [])),
    ...statements.flatMap(({ kind, label }) => (kind === "unknown" || kind === "refused" ? [`what ${label} does is not known`] : [])),
    ...statements.flatMap(({ kind, ddl, label }) => (kind === "ddl" && ddl.length === 0 ? [`${label}: nothing takes that back`] : [])),
    ...statements.flatMap(({ dynamic }) => dynamic.map((what) => `what ${what} does is not known`)),
    ...statements.flatMap((one) =>
      one.kind === "truncate"
        ? []
        : one.ddl.flatMap(({ inverse, what, object }) => (inverse === undefined ? [`${object} ${what}: nothing takes that back`] : [])),
    ),
    ...tables.filter(({ counted }) => counted !== undefined).map(({ table }) => `rows of ${table} were counted and not kept`),
    ...tables.filter(({ key }) => key.length === 0).map(({ table }) => `${table} has no primary key, so its rows cannot be told apart`),
    ...tables.filter(({ lost }) => lost > 0).map(({ table, lost }) => `${lost} rows of ${table} are too many to be kept`),
  ];
}

const without = (tables: readonly TableChange[]): readonly TableChange[] => tables.filter(({ changes }) => changes.length > 0);

/** The schema and every touched row must be as the transaction left them. */
export async function checkLeft(
  engine: Engine,
  backup: Backup,
  objects: readonly string[],
  secretKey: Uint8Array,
  why: "verify" | "undo",
): Promise<void> {
  const schema = schemaDigest(await engine.schema(objects));
  if (schema !== backup.schemaLeft)
    throw moved(why, "the schema is not as the change left it", { expected: backup.schemaLeft, observed: schema });
  for (const table of without(backup.tables)) {
    const left = rowsOf(table, "after");
    const now = await there(engine, table);
    if (now === undefined) continue;
    const [expected, observed] = [digests(secretKey, left), digests(secretKey, now)];
    const differ = [...expected.filter((one) => !observed.includes(one)), ...observed.filter((one) => !expected.includes(one))];
    if (differ.length > 0 || expected.length !== observed.length)
      throw moved(why, `${Math.max(1, Math.ceil(differ.length / 2))} of the rows of ${table.table} are not as the change left them`, {
        table: table.table,
        rows: left.length,
      });
  }
}

const digests = (secretKey: Uint8Array, rows: readonly Row[]): readonly string[] => rows.map((row) => rowDigest(secretKey, row)).toSorted();

/** The rows with the keys of a change, as they are now; undefined where no key tells them apart or the table went with the change. */
async function there(engine: Engine, table: TableChange): Promise<readonly Row[] | undefined> {
  if (table.key.length === 0 || table.lost > 0 || !(await exists(engine, table.table))) return undefined;
  const [before, after] = [rowsOf(table, "before"), rowsOf(table, "after")];
  const names = after[0] === undefined ? table.columns.map(({ name }) => name) : Object.keys(after[0]);
  const columns = names.map((name) => table.columns.find((one) => one.name === name) ?? { name, type: "text", generated: false });
  const keys = new Map([...before, ...after].map((row) => [keyOf(table.key, row), row]));
  return engine.rowsByKey({ ...table, columns }, [...keys.values()]);
}

async function exists(engine: Engine, table: string): Promise<boolean> {
  const found = (await engine.schema([table]))[table] as readonly unknown[] | { readonly relation: unknown };
  return "relation" in found ? found.relation !== null : found.length > 0;
}

const moved = (why: "verify" | "undo", message: string, details: Readonly<Record<string, unknown>>): SqlFault =>
  why === "undo"
    ? sqlFault(
        "undo_moved",
        `${message}, so taking it back would take back more`,
        "take it back by a change of its own, made on the database as it is now",
        details,
      )
    : sqlFault("verify_rows_differ", message, "find out who else writes to it", details);

/** Within the open transaction: rows first, then the schema, last step first; and then all of it is compared with how it was. */
export async function takeBack(engine: Engine, backup: Omit<Backup, "schemaLeft">, objects: readonly string[]): Promise<void> {
  const { statements } = backup;
  const open = obstacles(statements, backup.tables);
  if (open.length > 0) throw sqlFault("undo_impossible", open.join("; "), "take it back by a change of its own");
  await engine.restore(without(backup.tables));
  for (const { inverse, guard, object } of statements.flatMap(({ kind, ddl }) => (kind === "truncate" ? [] : ddl)).toReversed()) {
    if (guard !== undefined && !(await engine.holds(guard)))
      throw sqlFault("undo_moved", `${object} holds data that taking it back would destroy`, "take it back by a change of its own");
    if (inverse !== undefined) await engine.exec(inverse);
  }
  const schema = schemaDigest(await engine.schema(objects));
  if (schema !== backup.schemaBefore)
    throw sqlFault("sql_undo_differs", "the schema would not be what it was before the change", "take it back by a change of its own", {
      expected: backup.schemaBefore,
      observed: schema,
    });
  for (const table of without(backup.tables)) {
    const was = rowsOf(table, "before")
      .map((row) => canonical(row))
      .toSorted();
    const keys = new Map([...rowsOf(table, "before"), ...rowsOf(table, "after")].map((row) => [keyOf(table.key, row), row]));
    const is = (await engine.rowsByKey(table, [...keys.values()])).map((row) => canonical(row)).toSorted();
    if (canonical(was) !== canonical(is))
      throw sqlFault(
        "sql_undo_differs",
        `rows of ${table.table} would not be what they were before the change`,
        "take it back by a change of its own",
      );
  }
}
