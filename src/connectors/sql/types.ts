import type { Clock } from "../../control/ports.ts";
import type { Refusal } from "../../core/base/index.ts";

/** A database as the operator declares it. Proposers name it and never give an address. */
export interface SqlDatabase {
  readonly name: string;
  readonly kind: "postgres" | "sqlite";
  readonly environment: string;
  /** PostgreSQL: names of environment variables that hold connection URLs; addresses with credentials are never written down. */
  readonly urlEnv?: string;
  readonly readUrlEnv?: string;
  readonly copyUrlEnv?: string;
  /** SQLite: the file. */
  readonly path?: string;
  /** Where statements are tried out before anybody approves them. */
  readonly rehearse: "copy" | "here" | "none";
  readonly statementTimeoutSeconds: number;
  readonly lockTimeoutSeconds: number;
  /** Schemas that may be named; the first is where names without one are looked up. */
  readonly schemas?: readonly string[];
  /** Patterns of `schema.table.column` whose values are shown to nobody. */
  readonly sensitive?: readonly string[];
  /** `pattern=class`: what kind of data a column holds. */
  readonly classes?: readonly string[];
  /** Queries that must each answer one true value after a change. */
  readonly verify?: readonly string[];
  /** Statements that no transaction can hold and that may be executed all the same, such as `CREATE INDEX CONCURRENTLY`. */
  readonly outsideTransaction?: readonly string[];
  /** The most rows that one change may touch: all of them are kept for the undo. */
  readonly maxRows: number;
  readonly sampleRows: number;
  readonly backupDays: number;
}

export interface SqlOptions {
  readonly databases: readonly SqlDatabase[];
  /** Backups, results of exports and temporary copies live here. It belongs to Pawl alone. */
  readonly workDir: string;
  /** Keys the digests of rows, so that nobody can guess at them. */
  readonly secretKey: Uint8Array;
  readonly clock: Clock;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Where secrets stand in a text. */
  readonly findSecrets: (text: string) => Promise<readonly { readonly rule: string; readonly line: number }[]>;
  /** squawk's program; the one that npm installed when absent. */
  readonly squawk?: string;
}

export type Param = string | number | boolean | null;

/** What a step asks, once admitted. */
export interface SqlInput {
  readonly database: string;
  readonly statements: string;
  readonly parameters: readonly Param[];
  readonly expectRows?: number;
  readonly verify: readonly string[];
}

export const SQL_LIMITS = {
  statementsBytes: 64 * 1024,
  statements: 100,
  parameters: 1_000,
  parameterBytes: 64 * 1024,
  verify: 20,
  /** Of one change's rows, as they are held and kept. */
  backupBytes: 32 * 1024 * 1024,
  exportBytes: 64 * 1024 * 1024,
} as const;

export type StatementKind = "read" | "insert" | "update" | "delete" | "truncate" | "ddl" | "privilege" | "unknown" | "refused";

/** A table's column by name, as a statement names it; `*` for all. */
export interface TableUse {
  readonly table: string;
  readonly columns: readonly string[];
}

/** One thing that a statement does to the schema or to rights. */
export interface DdlAction {
  readonly verb: "create" | "alter" | "drop" | "grant" | "revoke" | "execute";
  readonly what: string;
  /** `schema.name` of the object, as far as it has one. */
  readonly object: string;
  /** Strongest lock that it takes on an existing table, from PostgreSQL's documentation. */
  readonly lock?: string;
  readonly rewrites?: boolean;
  readonly privilege?: "gained" | "lost" | "unknown";
  /** SQL that takes it back, where there is any. */
  readonly inverse?: string;
  /** A query that must hold before the inverse is used: nobody has put anything there since. */
  readonly guard?: string;
  /** Loses data that no inverse brings back. */
  readonly destroys?: boolean;
}

/** What is known of one statement without running it. */
export interface Derived {
  readonly text: string;
  readonly kind: StatementKind;
  /** In the database's words: `UPDATE`, `ALTER TABLE`. */
  readonly label: string;
  readonly reads: readonly TableUse[];
  readonly writes: readonly TableUse[];
  readonly noWhere: boolean;
  readonly functions: readonly string[];
  readonly dynamic: readonly string[];
  readonly ddl: readonly DdlAction[];
  /** What the moment, or chance, decides in it beyond a value that a column gets: rows, or one of several branches. */
  readonly moments: readonly string[];
  /** Columns that get the moment, or chance, itself as their value: `table.column`, or the bare name of a column that leaves. */
  readonly volatile: readonly string[];
  /** Runs in no transaction. */
  readonly alone: boolean;
  /** Rows leave the database. */
  readonly exports: boolean;
  /** Highest parameter that it uses. */
  readonly parameters: number;
  readonly refusal?: string;
}

/** A cell is the value's own text: as PostgreSQL prints it, or as an SQL literal for SQLite. */
export type Cell = string | null;
export type Row = Readonly<Record<string, Cell>>;

export interface Column {
  readonly name: string;
  readonly type: string;
  /** Computed by the database: never written. */
  readonly generated: boolean;
}

export interface RowChange {
  readonly before?: Row;
  readonly after?: Row;
}

/** What a run did to the rows of one table. */
export interface TableChange {
  readonly table: string;
  readonly columns: readonly Column[];
  /** Columns of the primary key; empty without one. */
  readonly key: readonly string[];
  readonly changes: readonly RowChange[];
  /** Rows that the table had before. */
  readonly rowsBefore: number;
  /** Rows that go with a table too large to be kept: they are counted only. */
  readonly lost: number;
  /** Where the rows themselves are not known. */
  readonly counted?: { readonly inserted: number; readonly updated: number; readonly deleted: number };
}

export interface StatementResult {
  readonly label: string;
  readonly rows: number;
  readonly exported?: Exported;
}

export interface Exported {
  readonly columns: readonly { readonly name: string; readonly source?: string }[];
  readonly rows: number;
  readonly values: readonly (readonly Cell[])[];
}

export interface Change {
  readonly results: readonly StatementResult[];
  readonly tables: readonly TableChange[];
  /** Locks that were held at the end, by table. */
  readonly locks: Readonly<Record<string, readonly string[]>>;
  readonly rewritten: readonly string[];
}

/** Expected failures of a database, by its own code; what it says may hold data, so it stays in here. */
export class SqlFault extends Error {
  readonly refusal: Refusal;
  constructor(refusal: Refusal) {
    super(refusal.message);
    this.refusal = refusal;
  }
}

export const sqlFault = (code: string, message: string, remedy: string, details?: Refusal["details"]): SqlFault =>
  new SqlFault({ code, message, remedy, ...(details && { details }) });

/** Committed, not committed, or nobody can say; with how that is known. */
export type CommitOutcome = { readonly outcome: "committed" | "aborted" | "unknown"; readonly how: string; readonly transaction: string };

/** One connection with one transaction at a time. Faults of the statements are thrown as `SqlFault`. */
export interface Engine {
  /** Begins a transaction in which everything is pinned; `write` on the real database takes the writer's place. */
  begin(write: boolean): Promise<void>;
  /**
   * Runs the statements and tells what changed; called once per transaction. With `once`, no statement runs a second time, not even
   * to be rolled back, and rows are only counted where they cannot be told without that.
   */
  change(statements: readonly Derived[], parameters: readonly Param[], once?: boolean): Promise<Change>;
  /** What the named objects are, in a form that has the same bytes for the same schema. */
  schema(objects: readonly string[]): Promise<Readonly<Record<string, unknown>>>;
  /** The rows with these keys, by the text of the key. */
  rowsByKey(table: TableChange, keys: readonly Row[]): Promise<readonly Row[]>;
  /** Puts rows back; whatever the database does beyond that shows in `rowsByKey` and in the number that it returns. */
  restore(tables: readonly TableChange[]): Promise<void>;
  exec(sql: string): Promise<void>;
  /** A query that must answer one true value. */
  holds(sql: string): Promise<boolean>;
  /** What is not valid in these tables: broken references, unusable indexes. */
  invalid(tables: readonly string[]): Promise<readonly string[]>;
  /** Called right before the point after which an answer may be lost. */
  commit(committing: (transaction: string) => Promise<void>): Promise<CommitOutcome>;
  rollback(): Promise<void>;
  close(): Promise<void>;
}
