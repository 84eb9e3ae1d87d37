/** Runs steps as one transaction on a SQLite connection; the same code in the writer's thread and out of it. */
import { DatabaseSync, type StatementSync } from "node:sqlite";
import type { Cell, Row } from "../model.ts";

export interface ProgramStep {
  readonly sql: string;
  readonly rows: readonly (readonly Cell[])[];
  readonly expect?: number;
}

export type Reply =
  | { readonly kind: "done"; readonly rows: readonly Row[]; readonly changes: number }
  /** Which step was refused. */
  | { readonly kind: "conflict"; readonly step: number }
  | { readonly kind: "failed"; readonly message: string }
  | { readonly kind: "unknown"; readonly message: string };

export interface Prepared {
  readonly statement: StatementSync;
  /** The names of what it returns; none for a statement that only changes. */
  readonly columns: readonly string[];
}

export interface Connection {
  readonly db: DatabaseSync;
  readonly prepare: (sql: string) => Prepared;
}

interface ConnectOptions {
  readonly readOnly?: boolean;
  /** How long to wait for others' locks. */
  readonly busyMillis?: number;
}

const BUSY_MILLIS = 10_000;

/** Whoever writes tidies the log into the file at times of its own choice: see `tidy`. */
export function connect(path: string, { readOnly = false, busyMillis = BUSY_MILLIS }: ConnectOptions = {}): Connection {
  const db = new DatabaseSync(path, { readOnly, timeout: busyMillis });
  if (!readOnly) db.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA secure_delete = ON; PRAGMA wal_autocheckpoint = 0");
  const statements = new Map<string, Prepared>();
  const prepare = (sql: string): Prepared => {
    const known = statements.get(sql);
    if (known) return known;
    const statement = db.prepare(sql);
    statement.setReturnArrays(true);
    const made = { statement, columns: statement.columns().map(({ name }) => name) };
    statements.set(sql, made);
    return made;
  };
  return { db, prepare };
}

/** The driver's own objects have no prototype and slow properties; an array of cells costs it half as much. */
export function rowsOf({ prepare }: Connection, sql: string, params: readonly Cell[]): Row[] {
  const { statement, columns } = prepare(sql);
  const found = statement.all(...params) as unknown as Cell[][];
  return found.map((cells) => {
    const row: Record<string, Cell> = {};
    for (let i = 0; i < columns.length; i++) row[columns[i] as string] = cells[i] as Cell;
    return row;
  });
}

/**
 * What is in the log goes into the file, while others may go on reading and writing. When all of it did, the log is used from its
 * start again, so that its file neither grows nor has to be made longer before a commit is synced.
 */
export const tidy = ({ db }: Connection): void => db.exec("PRAGMA wal_checkpoint(PASSIVE)");

/** About how many pages of the log are worth a tidying. */
export const TIDY_PAGES = 4000;
const PAGE_BYTES = 4096;

/** About how many pages a program adds to the log: one or two for each row, and what a large cell fills. */
export function pagesOf(steps: readonly ProgramStep[]): number {
  let pages = 1;
  for (const { rows } of steps) {
    for (const cells of rows) for (const cell of cells) pages += cell !== null && typeof cell === "object" ? cell.length / PAGE_BYTES : 0;
    pages += 2 * rows.length;
  }
  return pages;
}

/** A step changed another number of rows than it must. */
class Unexpected extends Error {}

/** Primary SQLite result codes. */
const SQLITE = { busy: 5, full: 13, constraint: 19, noDatabase: 26 };
const codeOf = (error: unknown): number => ((error as { errcode?: number }).errcode ?? 0) & 0xff;
export const isBusy = (error: unknown): boolean => codeOf(error) === SQLITE.busy;
export const isNoDatabase = (error: unknown): boolean => codeOf(error) === SQLITE.noDatabase;
export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

export function runProgram(connection: Connection, steps: readonly ProgramStep[]): Reply {
  try {
    begin(connection);
  } catch (error) {
    return { kind: "failed", message: messageOf(error) };
  }
  return finish(connection, steps);
}

export const begin = (connection: Connection): void => void connection.prepare("BEGIN IMMEDIATE").statement.run();

/** The steps of a transaction that has begun, and its end. */
export function finish(connection: Connection, steps: readonly ProgramStep[]): Reply {
  const rows: Row[] = [];
  let changes = 0;
  let step = 0;
  try {
    for (; step < steps.length; step++) changes += runStep(connection, steps[step] as ProgramStep, rows);
  } catch (error) {
    rollback(connection);
    const refused = error instanceof Unexpected || codeOf(error) === SQLITE.constraint;
    return refused ? { kind: "conflict", step } : { kind: "failed", message: messageOf(error) };
  }
  try {
    connection.prepare("COMMIT").statement.run();
    return { kind: "done", rows, changes };
  } catch (error) {
    rollback(connection);
    // A commit that could not be made durable may still be found in the log after a crash.
    const none = codeOf(error) === SQLITE.busy || codeOf(error) === SQLITE.full;
    return { kind: none ? "failed" : "unknown", message: messageOf(error) };
  }
}

export function rollback({ db }: Connection): void {
  if (db.isTransaction) db.exec("ROLLBACK");
}

/** How many rows it changed; what it returns is added to `rows`. */
function runStep(connection: Connection, { sql, rows: given, expect }: ProgramStep, rows: Row[]): number {
  const { statement, columns } = connection.prepare(sql);
  let changes = 0;
  for (const cells of given) {
    if (columns.length > 0) rows.push(...rowsOf(connection, sql, cells));
    else changes += Number(statement.run(...cells).changes);
  }
  if (expect !== undefined && changes !== expect) throw new Unexpected();
  return changes;
}
