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

export interface Connection {
  readonly db: DatabaseSync;
  readonly prepare: (sql: string) => StatementSync;
}

const BUSY_MILLIS = 10_000;

export function connect(path: string, readOnly = false): Connection {
  const db = new DatabaseSync(path, { readOnly, timeout: BUSY_MILLIS });
  if (!readOnly) db.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA secure_delete = ON");
  const statements = new Map<string, StatementSync>();
  const prepare = (sql: string): StatementSync => {
    const known = statements.get(sql);
    if (known) return known;
    const made = db.prepare(sql);
    statements.set(sql, made);
    return made;
  };
  return { db, prepare };
}

/** A step changed another number of rows than it must. */
class Unexpected extends Error {}

/** Primary SQLite result codes. */
const SQLITE = { busy: 5, full: 13, constraint: 19, noDatabase: 26 };
const codeOf = (error: unknown): number => ((error as { errcode?: number }).errcode ?? 0) & 0xff;
export const isNoDatabase = (error: unknown): boolean => codeOf(error) === SQLITE.noDatabase;
const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

export function runProgram(connection: Connection, steps: readonly ProgramStep[]): Reply {
  const { db } = connection;
  const rows: Row[] = [];
  let changes = 0;
  let step = 0;
  try {
    db.exec("BEGIN IMMEDIATE");
    for (; step < steps.length; step++) changes += runStep(connection, steps[step] as ProgramStep, rows);
  } catch (error) {
    rollback(db);
    const refused = error instanceof Unexpected || codeOf(error) === SQLITE.constraint;
    return refused ? { kind: "conflict", step } : { kind: "failed", message: messageOf(error) };
  }
  try {
    db.exec("COMMIT");
    return { kind: "done", rows, changes };
  } catch (error) {
    rollback(db);
    // A commit that could not be made durable may still be found in the log after a crash.
    const none = codeOf(error) === SQLITE.busy || codeOf(error) === SQLITE.full;
    return { kind: none ? "failed" : "unknown", message: messageOf(error) };
  }
}

function rollback(db: DatabaseSync): void {
  if (db.isTransaction) db.exec("ROLLBACK");
}

/** How many rows it changed; what it returns is added to `rows`. */
function runStep({ prepare }: Connection, { sql, rows: given, expect }: ProgramStep, rows: Row[]): number {
  const statement = prepare(sql);
  const returns = statement.columns().length > 0;
  let changes = 0;
  for (const cells of given) {
    if (returns) rows.push(...(statement.all(...cells) as Row[]));
    else changes += Number(statement.run(...cells).changes);
  }
  if (expect !== undefined && changes !== expect) throw new Unexpected();
  return changes;
}
