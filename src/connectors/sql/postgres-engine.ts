import { Connection, outOfTime } from "./postgres-client.ts";
import type { Link } from "./postgres-client.ts";
import { describe, locksHeld, relations, shapeOf, written, writtenSince } from "./postgres-catalog.ts";
import type { Relation, Shape, Written } from "./postgres-catalog.ts";
import { quoted, sqlName } from "./names.ts";
import { restoreRows } from "./postgres-restore.ts";
import { createdRows, keyOf, pairRows } from "./rows.ts";
import { SQL_LIMITS, SqlFault, sqlFault } from "./types.ts";
import type { Change, CommitOutcome, Derived, Engine, Exported, Param, Row, SqlDatabase, StatementResult, TableChange } from "./types.ts";

/** What a statement means may not depend on who is connected or where. */
const PINNED: Readonly<Record<string, string>> = {
  client_encoding: "UTF8",
  TimeZone: "UTC",
  DateStyle: "ISO, YMD",
  IntervalStyle: "postgres",
  bytea_output: "hex",
  extra_float_digits: "1",
  standard_conforming_strings: "on",
  backslash_quote: "safe_encoding",
  xmlbinary: "base64",
  transform_null_equals: "off",
};

/** Rows of which this transaction wrote the version that is seen, and rows of which it ended the version that is seen. */
const MINE = "age(xmin) <= 0";
const ENDED = "xmax <> '0' AND age(xmax) <= 0";

export class PostgresEngine implements Engine {
  readonly #link: Link;
  readonly #database: SqlDatabase;
  #open: Connection | undefined;
  #write = false;
  #transaction = "";
  #backend: readonly string[] = [];

  constructor(link: Link, database: SqlDatabase) {
    this.#link = link;
    this.#database = database;
  }

  get #at(): Connection {
    if (this.#open === undefined) throw new Error("invariant broken: no transaction has begun");
    return this.#open;
  }

  async begin(write: boolean): Promise<void> {
    this.#open ??= await Connection.open(this.#link);
    this.#write = write;
    const { statementTimeoutSeconds: statement, lockTimeoutSeconds: lock, schemas } = this.#database;
    await this.#at.ask(`BEGIN ISOLATION LEVEL REPEATABLE READ${write ? "" : " READ ONLY"}`);
    const settings = {
      ...PINNED,
      search_path: [...(schemas ?? ["public"]).slice(0, 1), "pg_temp"].map(quoted).join(", "),
      statement_timeout: `${statement}s`,
      lock_timeout: `${lock}s`,
      idle_in_transaction_session_timeout: `${statement + lock}s`,
    };
    for (const [name, value] of Object.entries(settings)) await this.#at.ask("SELECT set_config($1, $2, true)", [name, value]);
    const { rows } = await this.#at.ask(
      "SELECT pg_backend_pid()::text, (SELECT backend_start::text FROM pg_stat_activity WHERE pid = pg_backend_pid())",
    );
    this.#backend = [rows[0]?.[0] ?? "", rows[0]?.[1] ?? ""];
    if (write) await this.#mustCount();
  }

  /** Which tables change is told by PostgreSQL's own counts: without them everything would look untouched. */
  async #mustCount(): Promise<void> {
    const { rows } = await this.#at.ask("SELECT current_setting('track_counts')");
    if (rows[0]?.[0] !== "on")
      throw sqlFault(
        "sql_not_counted",
        "track_counts is off, so that PostgreSQL does not tell which tables change",
        "switch it on for this role and this database",
      );
  }

  async #number(): Promise<void> {
    const { rows } = await this.#at.ask("SELECT pg_current_xact_id()::text");
    this.#transaction = rows[0]?.[0] ?? "";
  }

  /** Twice: the first time tells which rows are meant, so that they can be read as they were before the second. */
  async change(statements: readonly Derived[], parameters: readonly Param[], once = false): Promise<Change> {
    await this.#number();
    const before = await relations(this.#at);
    const counts = await written(this.#at);
    if (once) return this.#changeOnce(statements, parameters, before, counts);
    await this.#at.ask("SAVEPOINT pawl_first");
    await this.#run(statements, parameters);
    const after = await relations(this.#at);
    const touched = writtenSince(counts, await written(this.#at));
    await this.#at.ask("ROLLBACK TO SAVEPOINT pawl_first");
    const whole = [...before.values()].filter(({ oid, filenode }) => after.get(oid)?.filenode !== filenode).map(({ oid }) => oid);
    const oids = [...new Set([...touched.keys(), ...whole])].filter((oid) => before.has(oid)).toSorted();
    const old = new Map<string, Old>();
    for (const oid of oids) old.set(oid, await this.#old(before.get(oid) as Relation, whole.includes(oid)));
    const results = await this.#run(statements, parameters);
    const now = await relations(this.#at);
    const locks = await locksHeld(this.#at, new Map([...now, ...before]));
    const tables: TableChange[] = [];
    for (const oid of oids)
      tables.push(await this.#changed(before.get(oid) as Relation, now.get(oid), old.get(oid) as Old, touched.get(oid)?.updated ?? 0));
    const rewritten = whole.flatMap((oid) => (now.has(oid) ? [before.get(oid)?.name ?? ""] : [])).toSorted();
    const sorted = tables.filter((table) => table.changes.length > 0 || table.lost > 0).toSorted((a, b) => (a.table < b.table ? -1 : 1));
    return { results, tables: sorted, locks, rewritten };
  }

  /** What nobody can look into may reach out of the database: it is run once, and what it did is counted. */
  async #changeOnce(
    statements: readonly Derived[],
    parameters: readonly Param[],
    before: ReadonlyMap<string, Relation>,
    counts: ReadonlyMap<string, Written>,
  ): Promise<Change> {
    const results = await this.#run(statements, parameters);
    const touched = writtenSince(counts, await written(this.#at));
    const tables: TableChange[] = [];
    for (const [oid, counted] of touched) {
      const relation = before.get(oid);
      if (relation === undefined) continue;
      const shape = await shapeOf(this.#at, oid);
      tables.push({ table: relation.name, ...shape, changes: [], rowsBefore: 0, lost: 0, counted });
    }
    return { results, tables: tables.toSorted((a, b) => (a.table < b.table ? -1 : 1)), locks: {}, rewritten: [] };
  }

  async #run(statements: readonly Derived[], parameters: readonly Param[]): Promise<readonly StatementResult[]> {
    const results: StatementResult[] = [];
    for (const statement of statements) results.push(await this.#one(statement, parameters.slice(0, statement.parameters)));
    await this.#at.ask("SET CONSTRAINTS ALL IMMEDIATE");
    return results;
  }

  async #one(statement: Derived, parameters: readonly Param[]): Promise<StatementResult> {
    const { label, text, kind, exports } = statement;
    const most = this.#database.maxRows;
    const bounded = exports && kind === "read" ? `SELECT * FROM (${text}\n) AS pawl_export LIMIT ${most + 1}` : text;
    const answer = await this.#at.ask(bounded, parameters);
    if (!exports) return { label, rows: answer.count };
    if (answer.rows.length > most)
      throw sqlFault(
        "sql_too_many_rows",
        `a query answers more than ${most} rows`,
        "ask for fewer rows, or have the bound raised in the settings",
      );
    return {
      label,
      rows: answer.count,
      exported: { ...(await this.#sources(answer.fields)), rows: answer.rows.length, values: answer.rows },
    };
  }

  async #sources(
    fields: readonly { readonly name: string; readonly table: number; readonly column: number }[],
  ): Promise<Pick<Exported, "columns">> {
    const columns: { name: string; source?: string }[] = [];
    for (const { name, table, column } of fields) {
      const { rows } = await this.#at.ask(
        "SELECT n.nspname || '.' || c.relname || '.' || a.attname FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace WHERE a.attrelid = $1::text::oid AND a.attnum = $2::text::int2",
        [String(table), String(column)],
      );
      const source = rows[0]?.[0];
      columns.push({ name, ...(typeof source === "string" && { source }) });
    }
    return { columns };
  }

  async #old(relation: Relation, whole: boolean): Promise<Old> {
    const shape = await shapeOf(this.#at, relation.oid);
    const rowsBefore = await this.#count(relation.name);
    if (whole && rowsBefore > this.#database.maxRows) return { shape, rowsBefore, rows: [], whole, lost: rowsBefore };
    return { shape, rowsBefore, rows: await this.#read(relation.name, shape, whole ? "true" : ENDED), whole, lost: 0 };
  }

  async #changed(before: Relation, after: Relation | undefined, old: Old, updated: number): Promise<TableChange> {
    const { shape, rowsBefore, lost } = old;
    const { key, columns } = shape;
    const made = { table: before.name, columns, key, rowsBefore };
    if (after === undefined) return { ...made, lost, changes: old.rows.map((row) => ({ before: row })) };
    const now = await shapeOf(this.#at, after.oid);
    if (lost > 0) return { ...made, lost: (await this.#count(after.name)) < rowsBefore ? lost : 0, changes: [] };
    const rows = await this.#read(after.name, now, old.whole ? "true" : MINE);
    const still = old.whole ? new Set<string>() : await this.#untouched(after.name, shape, old.rows, rows);
    const ended = old.rows.filter((row) => !still.has(keyOf(key, row)));
    const changes = pairRows(key, ended, rows, { dropEqual: old.whole, updated: old.whole ? rows.length : updated });
    const total = rowsBefore - changes.filter((change) => change.before && !change.after).length + createdRows(changes);
    if (total !== (await this.#count(after.name)))
      throw sqlFault(
        "sql_uncertain",
        `which rows of ${before.name} change cannot be told for certain`,
        "try again when nobody else writes to it",
      );
    return { ...made, lost, changes };
  }

  /** Rows that were only locked, for the sake of a reference to them: they are still there, and nobody wrote them. */
  async #untouched(table: string, shape: Shape, old: readonly Row[], now: readonly Row[]): Promise<ReadonlySet<string>> {
    if (shape.key.length === 0) return new Set();
    const mine = new Set(now.map((row) => keyOf(shape.key, row)));
    const gone = old.filter((row) => !mine.has(keyOf(shape.key, row)));
    const there = await this.rowsByKey({ table, ...shape }, gone);
    return new Set(there.map((row) => keyOf(shape.key, row)));
  }

  async #count(table: string): Promise<number> {
    const { rows } = await this.#at.ask(`SELECT count(*)::text FROM ONLY ${sqlName(table)}`);
    return Number(rows[0]?.[0]);
  }

  async #read(table: string, shape: Shape, where: string): Promise<readonly Row[]> {
    const most = this.#database.maxRows;
    const names = shape.columns.map(({ name }) => `t.${quoted(name)}::text`);
    const { rows } = await this.#at.ask(`SELECT ${names.join(", ")} FROM ONLY ${sqlName(table)} AS t WHERE ${where} LIMIT ${most + 1}`);
    if (rows.length > most)
      throw sqlFault(
        "sql_too_many_rows",
        `more than ${most} rows of ${table} change`,
        "split the change, or have the bound raised in the settings",
      );
    const size = rows.reduce((sum, row) => sum + row.reduce((bytes, cell) => bytes + (cell?.length ?? 0), 0), 0);
    if (size > SQL_LIMITS.backupBytes)
      throw sqlFault("sql_too_many_rows", `the rows of ${table} are too large to be kept`, "split the change");
    return rows.map((row) => Object.fromEntries(shape.columns.map(({ name }, i) => [name, row[i] ?? null])));
  }

  async schema(objects: readonly string[]): Promise<Readonly<Record<string, unknown>>> {
    const found: Record<string, unknown> = {};
    for (const object of objects) found[object] = await describe(this.#at, object);
    return found;
  }

  async rowsByKey({ table, columns, key }: Pick<TableChange, "table" | "columns" | "key">, keys: readonly Row[]): Promise<readonly Row[]> {
    if (keys.length === 0 || key.length === 0) return [];
    const [schema, relation] = [sqlName(table), columns.map(({ name }) => `t.${quoted(name)}::text`).join(", ")];
    const types = key.map((name) => columns.find((column) => column.name === name)?.type ?? "text");
    const lists = key.map((_, i) => `$${i + 1}::text[]`).join(", ");
    const join = key.map((name, i) => `t.${quoted(name)} = k.k${i}::${types[i]}`).join(" AND ");
    const names = key.map((_, i) => `k${i}`).join(", ");
    const { rows } = await this.#at.ask(
      `SELECT ${relation} FROM ONLY ${schema} AS t JOIN unnest(${lists}) AS k(${names}) ON ${join}${this.#write ? " FOR UPDATE OF t" : ""}`,
      key.map((name) => keys.map((row) => row[name] ?? null)),
    );
    return rows.map((row) => Object.fromEntries(columns.map(({ name }, i) => [name, row[i] ?? null])));
  }

  async restore(tables: readonly TableChange[]): Promise<void> {
    await restoreRows(this.#at, tables);
  }

  async exec(sql: string): Promise<void> {
    await this.#at.ask(sql);
  }

  /** Outside of any transaction. */
  async alone(sql: string): Promise<void> {
    this.#open ??= await Connection.open(this.#link);
    for (const [name, value] of Object.entries({ ...PINNED, statement_timeout: `${this.#database.statementTimeoutSeconds}s` }))
      await this.#at.ask("SELECT set_config($1, $2, false)", [name, value]);
    await this.#at.ask(sql);
  }

  async holds(sql: string): Promise<boolean> {
    const { rows } = await this.#at.ask(`SELECT * FROM (${sql}\n) AS pawl_check LIMIT 2`);
    return rows.length === 1 && rows[0]?.length === 1 && /^(t|1)$/.test(rows[0][0] ?? "");
  }

  async invalid(tables: readonly string[]): Promise<readonly string[]> {
    const { rows } = await this.#at.ask(
      "SELECT indexrelid::regclass::text FROM pg_index WHERE NOT indisvalid AND indrelid::regclass::text = ANY($1::text[]) ORDER BY 1",
      [tables],
    );
    return rows.map(([name]) => `index ${name}`);
  }

  async commit(committing: (transaction: string) => Promise<void>): Promise<CommitOutcome> {
    if (this.#transaction === "") await this.#number();
    const transaction = this.#transaction;
    await committing(transaction);
    const limit = Promise.withResolvers<never>();
    const timer = setTimeout(() => limit.reject(outOfTime()), this.#link.patienceMillis);
    try {
      await Promise.race([this.#at.ask("COMMIT"), limit.promise]);
      return { outcome: "committed", how: "acknowledged", transaction };
    } catch (error) {
      if (!(error instanceof SqlFault)) throw error;
      const refused = error.refusal.code !== "sql_unreachable" && error.refusal.code !== "sql_timeout";
      return refused ? { outcome: "aborted", how: error.refusal.message, transaction } : await this.#resolve(transaction);
    } finally {
      clearTimeout(timer);
    }
  }

  /** Asks the database itself what became of a transaction whose answer was lost. A backend that still waits for our COMMIT is ended first. */
  async #resolve(transaction: string): Promise<CommitOutcome> {
    const link = { ...this.#link, signal: AbortSignal.timeout(this.#link.patienceMillis) };
    for (let left = this.#link.patienceMillis; left > 0 && !link.signal.aborted; left -= ASK_AGAIN_MILLIS) {
      const status = await statusOf(link, transaction, this.#backend).catch(() => undefined);
      if (status === "committed" || status === "aborted") return { outcome: status, how: "pg_xact_status", transaction };
      await new Promise((done) => void setTimeout(done, ASK_AGAIN_MILLIS));
    }
    return { outcome: "unknown", how: "the database did not say what became of it", transaction };
  }

  async rollback(): Promise<void> {
    this.#transaction = "";
    if (this.#open?.lost === false) await this.#at.ask("ROLLBACK").catch(() => undefined);
  }

  async close(): Promise<void> {
    await this.#open?.close();
    this.#open = undefined;
  }
}

const ASK_AGAIN_MILLIS = 100;

interface Old {
  readonly shape: Shape;
  readonly rowsBefore: number;
  readonly rows: readonly Row[];
  /** All rows of the table were read, since its storage was replaced. */
  readonly whole: boolean;
  readonly lost: number;
}

async function statusOf(link: Link, transaction: string, backend: readonly string[]): Promise<string | undefined> {
  const other = await Connection.open(link);
  try {
    await other.ask(
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid = $1::text::int AND backend_start = $2::text::timestamptz",
      backend,
    );
    const { rows } = await other.ask("SELECT pg_xact_status($1::text::xid8)", [transaction]);
    return rows[0]?.[0] ?? undefined;
  } finally {
    await other.close();
  }
}
