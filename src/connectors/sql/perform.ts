import { digestJson } from "../../core/base/index.ts";
import type { Digest, JsonObject } from "../../core/base/index.ts";
import type { PerformFault } from "../../control/ports.ts";
import { allowsAlone } from "./declare.ts";
import { Vault } from "./backup.ts";
import type { Backup } from "./backup.ts";
import { asDigest, stateDigest } from "./payload.ts";
import type { Fingerprint, SqlPayload } from "./payload.ts";
import { changeDigest, countsOf, schemaDigest } from "./rows.ts";
import { SqlFault, sqlFault } from "./types.ts";
import type { Change, Derived, Engine, SqlDatabase } from "./types.ts";
import { checkLeft, takeBack } from "./undo.ts";

/** What the work on one database needs; opened in the process that does the work. */
export interface Session {
  readonly database: SqlDatabase;
  readonly secretKey: Uint8Array;
  readonly vaultDir: string;
  readonly now: number;
  /** `try` is where statements are rehearsed. */
  engine(place: "read" | "try" | "write"): Promise<Engine>;
  derive(text: string): Promise<readonly Derived[]>;
  /** Statements for which no transaction can be had. */
  alone(sql: string): Promise<void>;
}

/** Reached right before COMMIT: after it, an answer may be lost. */
export type Committing = (transaction: string) => Promise<void>;

export async function using<T>(engine: Engine, work: (engine: Engine) => Promise<T>): Promise<T> {
  try {
    return await work(engine);
  } finally {
    await engine.rollback().catch(() => undefined);
    await engine.close().catch(() => undefined);
  }
}

/** The state as it is now: the schema of the real database, and what the statements would do where they are tried out. */
export async function observeWork(session: Session, payload: SqlPayload): Promise<Fingerprint> {
  const statements = await session.derive(payload.statements).catch((error: unknown) => errorOf(error));
  const schema = await using(await session.engine("read"), async (engine) => {
    await engine.begin(false);
    return schemaDigest(await engine.schema(payload.objects));
  });
  const fingerprint = { database: payload.database, schema };
  if (!payload.rehearsed) return { ...fingerprint, rows: "none" };
  if (typeof statements === "string") return { ...fingerprint, rows: statements };
  const rows = await using(await session.engine("try"), async (engine) => {
    await engine.begin(true);
    return changeRows(session, payload, () => engine.change(statements, payload.parameters));
  });
  return { ...fingerprint, rows: rows.digest };
}

interface Rows {
  readonly digest: string;
  readonly change?: Change;
}

/** Statements that fail are a state too: one that another state is told from. */
async function changeRows(session: Session, { volatile }: SqlPayload, run: () => Promise<Change>): Promise<Rows> {
  try {
    const change = await run();
    return { digest: changeDigest(session.secretKey, change, volatile), change };
  } catch (error) {
    return { digest: errorOf(error) };
  }
}

function errorOf(error: unknown): string {
  if (!(error instanceof SqlFault)) throw error;
  const { code, details } = error.refusal;
  if (!["sql_statement_failed", "sql_syntax", "sql_too_many_rows"].includes(code)) throw error;
  const state = details?.["sqlstate"];
  return `error:${code}:${typeof state === "string" ? state : ""}`;
}

/** One transaction: what was approved is done, what was done is compared, and only what was approved is committed. */
export async function applyWork(session: Session, payload: SqlPayload, expected: Digest, committing: Committing): Promise<JsonObject> {
  const vault = new Vault(session.vaultDir);
  await vault.sweep(session.now, session.database.backupDays);
  const statements = await session.derive(payload.statements).catch(() => undefined);
  if (statements === undefined) throw await staleNow(session, payload, expected);
  // Whatever was decided: a COMMIT among the statements would end the transaction that is to be compared.
  if (statements.some(({ refusal, alone, text }) => refusal !== undefined || (alone && !allowsAlone(session.database, text))))
    throw sqlFault("sql_refused", "a statement is one that is not executed through Pawl", "leave it out, and propose again");
  if (statements.some(({ alone }) => alone)) return applyAlone(session, payload, expected, statements, committing);
  return using(await session.engine("write"), async (engine) => {
    await engine.begin(true);
    const schemaBefore = schemaDigest(await engine.schema(payload.objects));
    const { change, digest } = await changeRows(session, payload, () => engine.change(statements, payload.parameters, payload.once)).catch(
      async (error: unknown) => {
        if (!(error instanceof SqlFault) || error.refusal.code !== "sql_conflict") throw error;
        await engine.rollback();
        throw await staleNow(session, payload, expected);
      },
    );
    const rows = payload.rehearsed ? digest : "none";
    const observed = stateDigest({ database: payload.database, schema: schemaBefore, rows });
    if (observed !== expected) throw stale(expected, observed);
    if (change === undefined)
      throw sqlFault("sql_statement_failed", `a statement fails (${digest})`, "mend the statements, and propose again");
    const schemaLeft = schemaDigest(await engine.schema(payload.objects));
    const backup = await vault.keepBackup({ database: payload.database, tables: change.tables, statements, schemaBefore, schemaLeft });
    const exported = await vault.keepExports(change);
    const commit = await engine.commit(committing);
    const facts = {
      ...factsOf(change),
      backup,
      schema: schemaLeft,
      transaction: commit.transaction,
      commit: commit.how,
      ...(exported !== undefined && { exported }),
    };
    if (commit.outcome === "committed") return facts;
    const [effect, text] =
      commit.outcome === "aborted" ? (["none", "was not committed"] as const) : (["possible", "may or may not be committed"] as const);
    throw new PerformError({
      code: commit.outcome === "aborted" ? "sql_not_committed" : "sql_commit_unknown",
      message: `the transaction ${text}: ${commit.how}`,
      remedy: "look whether the rows are as they were meant to be, then reconcile",
      details: facts,
      effect,
    });
  });
}

/** A fault that says what it may have done. */
export class PerformError extends SqlFault {
  readonly effect: PerformFault["effect"];
  constructor(fault: PerformFault) {
    super(fault);
    this.effect = fault.effect;
  }
}

const stale = (expected: Digest, observed: Digest): PerformError =>
  new PerformError({
    code: "stale_state",
    message: "the database is not as it was when this was approved: the schema, or the rows that would change, differ",
    remedy: "plan the change again on the database as it is now",
    details: { expected, observed },
    effect: "none",
  });

async function staleNow(session: Session, payload: SqlPayload, expected: Digest): Promise<PerformError> {
  return stale(expected, stateDigest(await observeWork(session, payload)));
}

/** Nothing holds it together: it is begun only on the schema that was approved, and what became of it after a fault nobody knows. */
async function applyAlone(
  session: Session,
  payload: SqlPayload,
  expected: Digest,
  statements: readonly Derived[],
  committing: Committing,
): Promise<JsonObject> {
  const observed = stateDigest(await observeWork(session, payload));
  if (observed !== expected) throw stale(expected, observed);
  await committing("");
  const [statement] = statements;
  try {
    await session.alone(statement?.text ?? "");
  } catch (error) {
    if (!(error instanceof SqlFault)) throw error;
    throw new PerformError({ ...error.refusal, effect: "possible" });
  }
  return { tables: [], commit: "outside of a transaction" };
}

/** Counts and digests: rows themselves go into no evidence. */
function factsOf(change: Change): JsonObject {
  return {
    tables: change.tables.map((table) => ({ table: table.table, ...countsOf(table) })),
    statements: change.results.map(({ label, rows }) => ({ statement: label, rows })),
  };
}

/** Codes of what a verification saw; any other says that it could not look. */
const SEEN = ["verify_invalid", "verify_query_failed", "verify_rows_differ"];
export const isSeen = (code: string): boolean => SEEN.includes(code);

/** What the data makes fail, such as a division by zero, is an answer, and not a true one: PostgreSQL's classes 21, 22 and P0, SQLite's plain errors. */
async function answersTrue(engine: Engine, query: string): Promise<boolean> {
  try {
    return await engine.holds(query);
  } catch (error) {
    const { code, details } = error instanceof SqlFault ? error.refusal : {};
    if (code !== "sql_statement_failed" || !/^(?:(?:21|22|P0)...|1|18|20)$/.test(String(details?.["sqlstate"]))) throw error;
    return false;
  }
}

export async function verifyWork(session: Session, payload: SqlPayload, facts: JsonObject): Promise<JsonObject> {
  return using(await session.engine("read"), async (engine) => {
    await engine.begin(false);
    const backup = await backupOf(session, facts);
    if (backup !== undefined) await checkLeft(engine, backup, payload.objects, session.secretKey, "verify");
    const tables = backup?.tables.map(({ table }) => table) ?? payload.objects;
    const broken = await engine.invalid(tables);
    if (broken.length > 0) throw sqlFault("verify_invalid", `not valid: ${broken.join(", ")}`, "the change is taken back");
    const queries = [...payload.verify, ...(session.database.verify ?? [])];
    for (const [i, query] of queries.entries())
      if (!(await answersTrue(engine, query)))
        throw sqlFault("verify_query_failed", `the check ${i + 1} does not hold: ${query.slice(0, 500)}`, "the change is taken back");
    const whole = backup?.tables.every(({ key, lost, counted }) => key.length > 0 && lost === 0 && counted === undefined) ?? false;
    return {
      rows: whole ? "as the transaction left them" : "not all of them can be read again",
      checks: queries.length,
      state: digestJson(facts),
    };
  });
}

export async function undoWork(session: Session, payload: SqlPayload, facts: JsonObject, committing: Committing): Promise<JsonObject> {
  const backup = await backupOf(session, facts);
  if (backup === undefined)
    throw sqlFault("undo_impossible", "nothing was kept that would take this back", "take it back by a change of its own");
  return using(await session.engine("write"), async (engine) => {
    await engine.begin(true);
    await checkLeft(engine, backup, payload.objects, session.secretKey, "undo");
    await takeBack(engine, backup, payload.objects);
    const commit = await engine.commit(committing);
    const done = { backup: facts["backup"] ?? null, transaction: commit.transaction, commit: commit.how };
    if (commit.outcome === "committed") return done;
    const message = `taking it back was ${commit.outcome === "aborted" ? "not committed" : "perhaps committed"}: ${commit.how}`;
    throw new PerformError({ code: "undo_commit", message, details: done, effect: commit.outcome === "aborted" ? "none" : "possible" });
  });
}

async function backupOf(session: Session, facts: JsonObject): Promise<Backup | undefined> {
  const digest = asDigest(facts["backup"]);
  return digest === undefined ? undefined : new Vault(session.vaultDir).backup(digest);
}
