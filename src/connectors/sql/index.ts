/** Connector `sql`: runs approved statements on a declared PostgreSQL or SQLite database. Its rules are in docs/spec/sql.md. */
import { join, resolve } from "node:path";
import type { Analysed, Connector, Observed, PerformFault, Performed, RunLimits, VerifyFault } from "../../control/ports.ts";
import { assert, digestJson, digestOf, fail, ok } from "../../core/base/index.ts";
import type { Json, JsonObject, Result } from "../../core/base/index.ts";
import { deadline } from "../kit.ts";
import { admitInput, readInput } from "./admit.ts";
import { checkDatabases } from "./declare.ts";
import { effectsOf, systemOf } from "./effects.ts";
import { findingsOf, statementsOf } from "./findings.ts";
import type { Job } from "./job.ts";
import { Columns } from "./mask.ts";
import { decodePayload, encodePayload, stateDigest } from "./payload.ts";
import type { Fingerprint, SqlPayload } from "./payload.ts";
import type { Planned } from "./plan.ts";
import { runJob } from "./run-job.ts";
import { runSquawk } from "./squawk.ts";
import { SqlFault } from "./types.ts";
import type { SqlDatabase, SqlOptions } from "./types.ts";
import { PerformError, isSeen } from "./perform.ts";

export { checkDatabases } from "./declare.ts";
export type { SqlDatabase, SqlOptions } from "./types.ts";

/** Raised with every change to what the connector derives or does. */
const VERSION = 2;
/** An observation older than this is made again before a decision rests on it. */
const FRESH_MILLIS = 60_000;

interface Setup {
  readonly options: SqlOptions;
  readonly databases: ReadonlyMap<string, SqlDatabase>;
}

export function sqlConnector(options: SqlOptions): Connector {
  const faults = checkDatabases(options.databases);
  assert(faults.length === 0, `the databases were checked when they were read: ${faults[0]?.message ?? ""}`);
  const databases = new Map(options.databases.map((database) => [database.name, database]));
  const setup: Setup = { options, databases };
  const names = (pick: (database: SqlDatabase) => readonly (string | undefined)[]): readonly string[] =>
    [...new Set(options.databases.flatMap(pick).flatMap((name) => name ?? []))].toSorted();
  return {
    name: "sql",
    digest: digestJson({ connector: "sql", version: VERSION, databases: options.databases.map((database) => ({ ...database })) }),
    needs: {
      read: names(({ urlEnv, readUrlEnv, copyUrlEnv, rehearse }) => [
        readUrlEnv ?? urlEnv,
        copyUrlEnv,
        rehearse === "here" ? urlEnv : undefined,
      ]),
      write: names(({ urlEnv, readUrlEnv, copyUrlEnv }) => [urlEnv, readUrlEnv, copyUrlEnv]),
    },
    admit: (input) => admitInput(input, databases, options.findSecrets),
    analyse: (input, run) => answered(() => analyse(setup, input, run)),
    observe: (payload, run) => answered(() => observe(setup, payload, run)),
    apply: (bytes, expected, run) => performed(async () => facts(setup, bytes, run, (payload) => ({ op: "apply", payload, expected }))),
    verify: (bytes, done, run) => verified(() => facts(setup, bytes, run, (payload) => ({ op: "verify", payload, facts: done.facts }))),
    undo: (bytes, done, run) => performed(async () => facts(setup, bytes, run, (payload) => ({ op: "undo", payload, facts: done.facts }))),
  };
}

async function answered<T>(work: () => Promise<Result<T>>): Promise<Result<T>> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof SqlFault) return fail(error.refusal);
    throw error;
  }
}

/** Only what was looked at and is otherwise is a failure: a lost connection, a lock or a time-out says nothing of what was done. */
async function verified(work: () => Promise<JsonObject>): Promise<Result<Performed, VerifyFault>> {
  try {
    return ok({ facts: await work() });
  } catch (error) {
    if (!(error instanceof SqlFault)) throw error;
    return fail({ ...error.refusal, ...(!isSeen(error.refusal.code) && { inconclusive: true as const }) });
  }
}

/** A fault before COMMIT was sent leaves nothing behind: the transaction goes with its connection. */
async function performed(work: () => Promise<JsonObject>): Promise<Result<Performed, PerformFault>> {
  try {
    return ok({ facts: await work() });
  } catch (error) {
    if (!(error instanceof SqlFault)) throw error;
    return fail({ ...error.refusal, effect: error instanceof PerformError ? error.effect : "none" });
  }
}

async function job(setup: Setup, database: SqlDatabase, work: Job, run: RunLimits): Promise<unknown> {
  const { secretKey, workDir, clock, env } = setup.options;
  const vaultDir = join(resolve(workDir), database.name);
  return runJob({ database, secretKey, vaultDir, now: clock.now(), signal: deadline(run), env }, work);
}

async function facts(setup: Setup, bytes: Uint8Array, run: RunLimits, work: (payload: SqlPayload) => Job): Promise<JsonObject> {
  const { payload, database } = opened(setup, bytes);
  return (await job(setup, database, work(payload), run)) as JsonObject;
}

function opened({ databases }: Setup, bytes: Uint8Array): { readonly payload: SqlPayload; readonly database: SqlDatabase } {
  const decoded = decodePayload(bytes);
  if (!decoded.ok) throw new SqlFault(decoded.error);
  const database = databases.get(decoded.value.database);
  if (database !== undefined) return { payload: decoded.value, database };
  throw new SqlFault({
    code: "sql_database_unknown",
    message: `no database ${decoded.value.database} is declared here`,
    remedy: "declare it, or plan the change again",
  });
}

async function observe(setup: Setup, bytes: Uint8Array, run: RunLimits): Promise<Result<Observed>> {
  const { payload, database } = opened(setup, bytes);
  const seen = (await job(setup, database, { op: "observe", payload }, run)) as Fingerprint;
  return ok({ stateDigest: stateDigest(seen), context: { database: seen.database, schema: seen.schema, rows: seen.rows } });
}

async function analyse(setup: Setup, raw: Json, run: RunLimits): Promise<Result<Analysed>> {
  const { options, databases } = setup;
  const read = readInput(raw, databases);
  if (!read.ok) return fail(read.error[0] ?? { code: "sql_input_invalid", message: "the input is not an sql step" });
  const input = read.value;
  const database = databases.get(input.database);
  assert(database !== undefined, "an input that was read names a declared database");
  const planned = (await job(setup, database, { op: "plan", input }, run)) as Planned;
  const migrates = database.kind === "postgres" && planned.statements.some(({ kind }) => kind === "ddl" || kind === "truncate");
  const squawk = migrates ? await runSquawk(input.statements, deadline(run), options.squawk) : undefined;
  const undo = undoOf(planned);
  const payload = encodePayload({
    database: input.database,
    statements: input.statements,
    parameters: input.parameters,
    verify: input.verify,
    volatile: planned.volatile,
    rehearsed: planned.change !== undefined,
    once: planned.once,
    objects: planned.objects,
    undo: undo.kind,
  });
  const looked = { database, input, planned, ...(squawk && { squawk }) };
  const showing = {
    database,
    secretKey: options.secretKey,
    findSecrets: options.findSecrets,
    columns: new Columns(database),
    volatile: planned.volatile,
    parameters: input.parameters,
  };
  const state: Fingerprint = { database: input.database, schema: planned.schema, rows: planned.rows };
  return ok({
    analysis: {
      step: {
        operation: "run",
        target: { database: input.database, kind: database.kind, environment: database.environment },
        stateDigest: stateDigest(state),
        payloadDigest: digestOf(payload),
        observations: [observation(state, planned)],
        effects: await effectsOf(showing, planned),
        undo,
      },
      findings: findingsOf(looked),
      ...statementsOf(looked),
      context: {},
    },
    payload,
    freshForMillis: FRESH_MILLIS,
  });
}

const observation = (state: Fingerprint, planned: Planned): Analysed["analysis"]["step"]["observations"][number] => ({
  subject: systemOf(state.database),
  value: { kind: "json", value: { schema: state.schema, rows: state.rows, objects: [...planned.objects] } },
  method: planned.change === undefined ? "schema read" : "schema read, statements run and rolled back",
  provenance: "derived",
});

function undoOf(planned: Planned): Analysed["analysis"]["step"]["undo"] {
  const left = planned.statements.filter((statement) => statement.exports).length;
  const leaves = left === 0 ? "" : " Rows that left the database do not come back.";
  if (planned.change === undefined)
    return { kind: "manual", text: `Nobody tried to take it back, since it was not tried out.${leaves}`, provenance: "unknown" };
  if (planned.obstacles.length > 0)
    return {
      kind: "manual",
      text: `It cannot be taken back by itself: ${planned.obstacles.join("; ")}.${leaves}`.slice(0, 4_000),
      provenance: "derived",
    };
  return {
    kind: "planned",
    text: `The rows and the schema as they were before are put back, as long as they are still as the change left them. That was tried out.${leaves}`,
    provenance: "derived",
  };
}
