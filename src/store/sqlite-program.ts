/** Runs steps as one transaction on a SQLite connection; the same code in the writer's thread and out of it. */
import { DatabaseSync } from "node:sqlite";
import type { StatementSync } from "node:sqlite";
import type { Cell, Row } from "./model.ts";

export interface ProgramStep {
  readonly sql: string;
  readonly rows: readonly (readonly Cell[])[];
  readonly expect?: number;
}

export type Reply =
  | { readonly kind: "done"; readonly rows: readonly Row[]; readonly changes: number }
  | { readonly kind: "conflict" }
  | { readonly kind: "failed"; readonly message: string }
  | { readonly kind: "unknown"; readonly message: string };

export interface Connection {
  readonly db: DatabaseSync;
  readonly prepare: (sql: string) => StatementSync;
}

const BUSY_MILLIS = 10_000;

export function connect(path: string, readOnly = false): Connection {
  const db = new DatabaseSync(path, { readOnly, timeout: BUSY_MILLIS });
  if (!readOnly) db.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL");
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

class Conflict extends Error {}

/** Primary SQLite result codes. */
const SQLITE = { busy: 5, ioError: 10, full: 13, constraint: 19, noDatabase: 26 };
const codeOf = (error: unknown): number => ((error as { errcode?: number }).errcode ?? 0) & 0xff;
export const isNoDatabase = (error: unknown): boolean => codeOf(error) === SQLITE.noDatabase;
const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

export function runProgram(connection: Connection, steps: readonly ProgramStep[]): Reply {
  const { db } = connection;
  let done: Reply;
  try {
    db.exec("BEGIN IMMEDIATE");
    done = runSteps(connection, steps);
  } catch (error) {
    rollback(db);
    const conflict = error instanceof Conflict || codeOf(error) === SQLITE.constraint;
    return conflict ? { kind: "conflict" } : { kind: "failed", message: messageOf(error) };
  }
  try {
    db.exec("COMMIT");
    return done;
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

function runSteps({ prepare }: Connection, steps: readonly ProgramStep[]): Reply {
  const rows: Row[] = [];
  let all = 0;
  for (const { sql, rows: given, expect } of steps) {
    const statement = prepare(sql);
    let changes = 0;
    for (const cells of given) {
      if (statement.columns().length > 0) rows.push(...(statement.all(...cells) as Row[]));
      else changes += Number(statement.run(...cells).changes);
    }
    if (expect !== undefined && changes !== expect) throw new Conflict();
    all += changes;
  }
  return { kind: "done", rows, changes: all };
}
