import type { DatabaseSync } from "node:sqlite";
import { partsOf, quoted } from "./names.ts";
import { keyOf, pairRows } from "./rows.ts";
import { SqlFault, sqlFault } from "./types.ts";
import type {
  Cell,
  Change,
  Column,
  CommitOutcome,
  Derived,
  Engine,
  Exported,
  Param,
  Row,
  SqlDatabase,
  StatementResult,
  TableChange,
} from "./types.ts";

/** The value as SQL writes it, exactly: text that is not plain ASCII in hexadecimal, since a NUL would end it. */
const cellOf = (column: string): string =>
  `CASE WHEN ${column} IS NULL THEN NULL WHEN typeof(${column}) = 'text' AND (instr(CAST(${column} AS BLOB), X'00') > 0 OR ${column} GLOB '*[^ -~]*') THEN 'CAST(X''' || hex(${column}) || ''' AS TEXT)' ELSE quote(${column}) END`;

const short = (table: string): string => partsOf(table).at(-1) ?? "";

/** Runs in a process of its own: SQLite computes without a pause, and only an end of its process stops it. */
export class SqliteEngine implements Engine {
  readonly #db: DatabaseSync;
  readonly #database: SqlDatabase;
  #write = false;

  constructor(db: DatabaseSync, database: SqlDatabase) {
    this.#db = db;
    this.#database = database;
    db.enableDefensive(true);
    db.exec(`PRAGMA foreign_keys = ON; PRAGMA trusted_schema = OFF; PRAGMA temp_store = MEMORY; PRAGMA recursive_triggers = OFF`);
    db.exec(`PRAGMA busy_timeout = ${database.lockTimeoutSeconds * 1000}`);
  }

  async begin(write: boolean): Promise<void> {
    this.#write = write;
    this.#db.exec(`PRAGMA query_only = ${write ? "OFF" : "ON"}`);
    this.#ask(write ? "BEGIN IMMEDIATE" : "BEGIN");
  }

  #ask(
    sql: string,
    parameters: readonly Param[] = [],
  ): {
    readonly rows: Record<string, unknown>[];
    readonly fields: ReturnType<ReturnType<DatabaseSync["prepare"]>["columns"]>;
    readonly changes: number;
  } {
    try {
      const statement = this.#db.prepare(sql);
      statement.setReadBigInts(true);
      const fields = statement.columns();
      const values = parameters.map((value) =>
        typeof value === "boolean" || Number.isSafeInteger(value) ? BigInt(value as number) : (value as string),
      );
      if (fields.length === 0) return { rows: [], fields, changes: Number(statement.run(...values).changes) };
      const rows: Record<string, unknown>[] = [];
      for (const row of statement.iterate(...values)) {
        rows.push(row);
        if (rows.length > this.#database.maxRows + 1) throw tooMany(`a query answers more than ${this.#database.maxRows} rows`);
      }
      return { rows, fields, changes: rows.length };
    } catch (error) {
      throw faultOf(error);
    }
  }

  /** The tables as they were are held beside those that change: what differs afterwards is the change. */
  async change(statements: readonly Derived[], parameters: readonly Param[]): Promise<Change> {
    const named = new Set(
      statements.flatMap(({ writes, ddl }) => [...writes.map(({ table }) => table), ...ddl.map(({ object }) => object)]),
    );
    const before = new Map([...named].toSorted().flatMap((table) => (this.#isTable(table) ? [[table, this.#keep(table)] as const] : [])));
    const results = statements.map((statement) => this.#one(statement, parameters.slice(0, statement.parameters)));
    const broken = this.#ask("PRAGMA foreign_key_check").rows.length;
    if (broken > 0 && statements.some(({ writes }) => writes.length > 0)) this.#references(before);
    const updated = statements.some(({ kind }) => kind === "update") ? Number.POSITIVE_INFINITY : 0;
    const tables = [...before].map(([table, kept]) => this.#changed(table, kept, updated));
    for (const { name } of before.values()) this.#ask(`DROP TABLE temp.${quoted(name)}`);
    return { results, tables: tables.filter(({ changes, lost }) => changes.length > 0 || lost > 0), locks: {}, rewritten: [] };
  }

  /** Deferred references are judged at COMMIT: said here, where it is still a refusal. */
  #references(before: ReadonlyMap<string, unknown>): void {
    for (const table of before.keys())
      if (this.#isTable(table) && this.#ask(`PRAGMA foreign_key_check(${quoted(short(table))})`).rows.length > 0)
        throw sqlFault(
          "sql_statement_failed",
          `rows of ${table} would refer to rows that are not there`,
          "mend the statements, and propose again",
          { sqlstate: "foreign_key" },
        );
  }

  #one(statement: Derived, parameters: readonly Param[]): StatementResult {
    const { label, text, exports } = statement;
    const { rows, fields, changes } = this.#ask(text, parameters);
    if (!exports) return { label, rows: changes };
    if (rows.length > this.#database.maxRows) throw tooMany(`a query answers more than ${this.#database.maxRows} rows`);
    const columns = fields.map(({ name, table, column }) => ({
      name,
      ...(table !== null && column !== null && { source: `main.${table}.${column}` }),
    }));
    const exported: Exported = { columns, rows: rows.length, values: rows.map((row) => fields.map(({ name }) => plain(row[name]))) };
    return { label, rows: rows.length, exported };
  }

  #isTable(table: string): boolean {
    return this.#ask("SELECT 1 FROM main.sqlite_schema WHERE type = 'table' AND name = ? COLLATE NOCASE", [short(table)]).rows.length > 0;
  }

  #shape(table: string): { readonly columns: readonly Column[]; readonly key: readonly string[] } {
    const { rows } = this.#ask(`SELECT name, type, pk, hidden FROM pragma_table_xinfo(?)`, [short(table)]);
    const columns = rows
      .filter(({ hidden }) => hidden !== 1n)
      .map(({ name, type, hidden }) => ({ name: String(name), type: String(type), generated: hidden !== 0n }));
    const key = rows.filter(({ pk }) => pk !== 0n).toSorted((a, b) => Number(a["pk"]) - Number(b["pk"]));
    return { columns, key: key.map(({ name }) => String(name)) };
  }

  #keep(table: string): Kept {
    const shape = this.#shape(table);
    const name = `pawl before ${table}`;
    this.#ask(`CREATE TABLE temp.${quoted(name)} AS SELECT ${cells(shape.columns)} FROM main.${quoted(short(table))}`);
    const rowsBefore = Number(this.#ask(`SELECT count(*) AS n FROM temp.${quoted(name)}`).rows[0]?.["n"]);
    return { name, rowsBefore, ...shape };
  }

  #changed(table: string, kept: Kept, updated: number): TableChange {
    const { columns, rowsBefore } = kept;
    const key = this.#isTold(table, kept) ? kept.key : [];
    const made = { table, columns, key, rowsBefore };
    if (!this.#isTable(table)) {
      if (rowsBefore > this.#database.maxRows) return { ...made, lost: rowsBefore, changes: [] };
      return { ...made, lost: 0, changes: this.#rows(`SELECT * FROM temp.${quoted(kept.name)}`, columns).map((before) => ({ before })) };
    }
    const now = this.#shape(table).columns;
    const names = columns.map(({ name }) => quoted(name)).join(", ");
    const was = `SELECT ${names} FROM temp.${quoted(kept.name)}`;
    const is = `SELECT ${cells(now)} FROM main.${quoted(short(table))}`;
    // Compared as a whole where the columns are the same; otherwise each row is another one.
    const same = JSON.stringify(now) === JSON.stringify(columns);
    if (!same) return { ...made, lost: 0, changes: this.#altered(was, is, kept, now) };
    if (key.length === 0) return { ...made, lost: 0, changes: pairRows(key, this.#rows(was, columns), this.#rows(is, now), { updated }) };
    const old = this.#rows(`${was} EXCEPT ${is}`, columns);
    return { ...made, lost: 0, changes: pairRows(key, old, this.#rows(`${is} EXCEPT ${was}`, now), { dropEqual: true }) };
  }

  /** SQLite lets NULL stand in most primary keys, more than once: then it tells no row from another. */
  #isTold(table: string, { key, name }: Kept): boolean {
    const empty = (from: string): boolean =>
      this.#ask(`SELECT 1 FROM ${from} WHERE ${key.map((one) => `${quoted(one)} IS NULL`).join(" OR ")} LIMIT 1`).rows.length > 0;
    if (key.length === 0 || empty(`temp.${quoted(name)}`)) return false;
    const now = this.#isTable(table) ? this.#shape(table).columns.map((column) => column.name) : [];
    return !key.every((one) => now.includes(one)) || !empty(`main.${quoted(short(table))}`);
  }

  /** A column that comes with its default changes no row; one that goes takes its values with it. */
  #altered(was: string, is: string, kept: Kept, now: readonly Column[]): TableChange["changes"] {
    // New columns come last, and one with another name stands where it stood.
    const old = kept.columns.map(({ name }) => quoted(name)).join(", ");
    const same = now
      .slice(0, kept.columns.length)
      .map(({ name }) => quoted(name))
      .join(", ");
    const differ =
      now.length < kept.columns.length ||
      this.#ask(`SELECT count(*) AS n FROM (SELECT ${old} FROM (${was}) EXCEPT SELECT ${same} FROM (${is}))`).rows[0]?.["n"] !== 0n;
    if (!differ) return [];
    return pairRows(kept.key, this.#rows(was, kept.columns), this.#rows(is, now), { dropEqual: true });
  }

  #rows(sql: string, columns: readonly Column[]): readonly Row[] {
    const { rows } = this.#ask(sql);
    if (rows.length > this.#database.maxRows) throw tooMany(`more than ${this.#database.maxRows} rows of one table change`);
    return rows.map((row) => Object.fromEntries(columns.map(({ name }) => [name, (row[name] ?? null) as Cell])));
  }

  async schema(objects: readonly string[]): Promise<Readonly<Record<string, unknown>>> {
    const found: Record<string, unknown> = {};
    for (const object of objects) {
      const { rows } = this.#ask(
        "SELECT type, name, sql FROM main.sqlite_schema WHERE (tbl_name = ?1 COLLATE NOCASE OR name = ?1 COLLATE NOCASE) AND sql IS NOT NULL ORDER BY type, name",
        [short(object)],
      );
      found[object] = rows.map(({ type, name, sql }) => [type, name, unquoted(sql as string)]);
    }
    return found;
  }

  async rowsByKey({ table, columns, key }: Pick<TableChange, "table" | "columns" | "key">, keys: readonly Row[]): Promise<readonly Row[]> {
    if (key.length === 0 || !this.#isTable(table)) return [];
    const wanted = new Set(keys.map((row) => keyOf(key, row)));
    const found: Row[] = [];
    for (const row of keys) {
      const where = isRow(key, row);
      found.push(...this.#rows(`SELECT ${cells(columns)} FROM main.${quoted(short(table))} WHERE ${where}`, columns));
    }
    return found.filter((row) => wanted.has(keyOf(key, row)));
  }

  async restore(tables: readonly TableChange[]): Promise<void> {
    this.#ask("PRAGMA defer_foreign_keys = ON");
    const before = this.#total();
    let meant = 0;
    for (const table of tables) meant += this.#restoreTable(table);
    if (this.#total() - before !== meant)
      throw sqlFault(
        "sql_undo_differs",
        "putting the rows back would change other rows too, by a trigger or a cascade",
        "take the change back by a change of its own",
      );
  }

  #total(): number {
    return Number(this.#ask("SELECT total_changes() AS n").rows[0]?.["n"]);
  }

  #restoreTable({ table, columns, key, changes }: TableChange): number {
    const on = `main.${quoted(short(table))}`;
    const where = (row: Row): string => isRow(key, row);
    const own = columns.filter(({ generated }) => !generated);
    let meant = 0;
    for (const { before, after } of changes.filter((change) => change.before === undefined))
      if (after !== undefined && before === undefined) meant += this.#ask(`DELETE FROM ${on} WHERE ${where(after)}`).changes;
    for (const { before, after } of changes) {
      if (before === undefined) continue;
      const values = own.map(({ name }) => before[name] ?? "NULL");
      const set = own.map(({ name }, i) => `${quoted(name)} = ${values[i]}`).join(", ");
      const names = own.map(({ name }) => quoted(name)).join(", ");
      const sql =
        after === undefined
          ? `INSERT INTO ${on} (${names}) VALUES (${values.join(", ")})`
          : `UPDATE ${on} SET ${set} WHERE ${where(after)}`;
      meant += this.#ask(sql).changes;
    }
    return meant;
  }

  async exec(sql: string): Promise<void> {
    this.#ask(sql);
  }

  async holds(sql: string): Promise<boolean> {
    const { rows } = this.#ask(`SELECT * FROM (${sql}\n) LIMIT 2`);
    const values = Object.values(rows[0] ?? {});
    return rows.length === 1 && values.length === 1 && values[0] === 1n;
  }

  async invalid(tables: readonly string[]): Promise<readonly string[]> {
    return tables
      .filter((table) => this.#isTable(table) && this.#ask(`PRAGMA foreign_key_check(${quoted(short(table))})`).rows.length > 0)
      .map((table) => `references of ${table}`);
  }

  async commit(committing: (transaction: string) => Promise<void>): Promise<CommitOutcome> {
    await committing("");
    try {
      this.#db.exec("COMMIT");
    } catch (error) {
      const fault = faultOf(error);
      await this.rollback();
      return { outcome: this.#write ? "aborted" : "unknown", how: fault.message, transaction: "" };
    }
    return { outcome: "committed", how: "acknowledged", transaction: "" };
  }

  async rollback(): Promise<void> {
    if (this.#db.isTransaction) this.#db.exec("ROLLBACK");
  }

  async close(): Promise<void> {
    if (this.#db.isOpen) this.#db.close();
  }

  /** Everything by which the schema can be made again. */
  definitions(): readonly { readonly type: string; readonly sql: string }[] {
    const { rows } = this.#ask(
      "SELECT type, sql FROM main.sqlite_schema WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY rowid",
    );
    return rows.map(({ type, sql }) => ({ type: String(type), sql: String(sql) }));
  }

  alone(sql: string): void {
    this.#ask(sql);
  }
}

/** The row with this key: by its collation, which an index serves, and then byte for byte. */
const isRow = (key: readonly string[], row: Row): string =>
  key
    .map((name) => [quoted(name), row[name] ?? "NULL"] as const)
    .map(([name, value]) => `${name} IS ${value} AND ${name} IS ${value} COLLATE BINARY`)
    .join(" AND ");

/** SQLite quotes a name that it writes itself: with or without quotes, it is the same one. Texts stay as they are. */
const unquoted = (sql: string): string => sql.replaceAll(/'(?:[^']|'')*'|"([A-Za-z_]\w*)"/g, (whole, name?: string) => name ?? whole);

interface Kept {
  readonly name: string;
  readonly rowsBefore: number;
  readonly columns: readonly Column[];
  readonly key: readonly string[];
}

const cells = (columns: readonly Column[]): string => columns.map(({ name }) => `${cellOf(quoted(name))} AS ${quoted(name)}`).join(", ");
const plain = (value: unknown): Cell =>
  value === null || value === undefined
    ? null
    : value instanceof Uint8Array
      ? `\\x${Buffer.from(value).toString("hex")}`
      : `${value as string | number | bigint}`;
const tooMany = (message: string): SqlFault =>
  sqlFault("sql_too_many_rows", message, "split the change, or have the bound raised in the settings");

function faultOf(error: unknown): SqlFault {
  if (error instanceof SqlFault) return error;
  const { errcode, message } = error as { readonly errcode?: number; readonly message?: string };
  if (typeof errcode !== "number") throw error;
  if ((errcode & 0xff) === 5 || (errcode & 0xff) === 6)
    return sqlFault("sql_locked", "somebody else writes to the database", "try again when it is free");
  // Names of constraints, tables and columns are told; what a trigger raises may hold data.
  const tells = errcode !== 1811 && /^(no such|near |UNIQUE|NOT NULL|CHECK|FOREIGN KEY|table |duplicate column)/.test(message ?? "");
  return sqlFault(
    "sql_statement_failed",
    `SQLite refuses a statement (${errcode})${tells ? `: ${(message ?? "").slice(0, 300)}` : "; what it said may hold data and is not repeated"}`,
    "mend the statement, and propose again",
    { sqlstate: String(errcode) },
  );
}
