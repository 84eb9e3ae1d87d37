import { sortedSet } from "../../core/base/index.ts";
import type { Digest, KeyedDigest } from "../../core/base/index.ts";
import { nameOf, partsOf } from "./names.ts";
import { changeDigest, differing, resultOf, schemaDigest } from "./rows.ts";
import { SqlFault, sqlFault } from "./types.ts";
import type { Change, Derived, SqlInput } from "./types.ts";
import { obstacles, takeBack } from "./undo.ts";
import { using } from "./perform.ts";
import type { Session } from "./perform.ts";

/** Everything that was found out about a step, before it is put into words. */
export interface Planned {
  readonly statements: readonly Derived[];
  /** Functions that are called and may do anything. */
  readonly strangers: readonly string[];
  readonly objects: readonly string[];
  readonly schema: Digest;
  readonly schemas: Readonly<Record<string, unknown>>;
  readonly rows: KeyedDigest | "none";
  /** Absent where the statements were not tried out, with the reason. */
  readonly change?: Change;
  readonly notTried?: string;
  /** Holds what nobody can look into. */
  readonly once: boolean;
  readonly volatile: readonly string[];
  /** Why it cannot be taken back; empty when taking it back was tried out too. */
  readonly obstacles: readonly string[];
}

type PlanSession = Session & { strangers(names: readonly string[]): Promise<readonly string[]> };

export async function planWork(session: PlanSession, input: SqlInput): Promise<Planned> {
  const statements = await session.derive(input.statements);
  for (const query of input.verify) await checkQuery(session, query);
  if (statements.some(({ alone }) => alone) && statements.length > 1)
    throw sqlFault("sql_alone", "a statement that runs outside of a transaction stands beside others", "propose it as a step of its own");
  const used = Math.max(...statements.map(({ parameters }) => parameters));
  if (used !== input.parameters.length)
    throw sqlFault(
      "sql_parameters",
      `the statements use ${used} parameters, and ${input.parameters.length} are given`,
      "give as many as are used",
    );
  const strangers = await session.strangers(sortedSet(statements.flatMap(({ functions }) => functions)));
  const notTried = whyNot(session, statements, strangers);
  const trials = notTried === undefined ? [await trial(session, input, statements), await trial(session, input, statements)] : [];
  const [first, second] = trials;
  const differ = first !== undefined && second !== undefined ? differing(first.change, second.change) : { rows: [], columns: [] };
  const given = first === undefined ? [] : momentary(statements, first.change);
  const volatile = sortedSet([...differ.columns, ...given]);
  if (differ.rows.length > 0)
    throw sqlFault(
      "sql_not_repeatable",
      "the statements change other rows each time they run",
      "name the rows that are meant, so that what is approved is what is done",
    );
  const schema = session.database.kind === "sqlite" ? "main" : (session.database.schemas?.[0] ?? "public");
  const objects = sortedSet([
    ...namedIn(statements),
    ...(first?.change.tables ?? []).map(({ table }) => table),
    ...strangers.map((name) => (name.includes(".") ? nameOf(...name.split(".")) : nameOf(schema, name))),
  ]);
  const schemas = await using(await session.engine("read"), async (engine) => {
    await engine.begin(false);
    return engine.schema(objects);
  });
  return {
    statements,
    strangers,
    objects,
    schemas,
    schema: schemaDigest(schemas),
    rows: first === undefined ? "none" : changeDigest(session.secretKey, first.change, volatile),
    ...(first && { change: first.change }),
    ...(notTried !== undefined && { notTried }),
    once: strangers.length > 0 || statements.some(isBlind),
    volatile,
    obstacles: first === undefined ? obstacles(statements, []) : first.obstacles,
  };
}

/** Tables and other objects that the statements name, each once. */
export const namedIn = (statements: readonly Derived[]): readonly string[] =>
  sortedSet(
    statements
      .flatMap(({ reads, writes, ddl }) => [
        ...reads.map(({ table }) => table),
        ...writes.map(({ table }) => table),
        ...ddl.map(({ object }) => object),
      ])
      .filter((name) => partsOf(name).length === 2),
  );

async function checkQuery(session: PlanSession, query: string): Promise<void> {
  const [statement, ...more] = await session.derive(query);
  // It is run inside another query, whole: what ends a statement would end that.
  const whole = statement?.text === query.trim();
  const plain = whole && statement.kind === "read" && statement.exports && statement.parameters === 0 && more.length === 0;
  if (!plain || (await session.strangers(statement.functions)).length > 0)
    throw sqlFault(
      "sql_verify_invalid",
      "a check is not one query that only reads",
      "give a SELECT that answers true, without a semicolon",
    );
}

const isBlind = ({ kind, dynamic }: Derived): boolean => kind === "unknown" || dynamic.length > 0;

/** Why the statements are not run before somebody approved them. */
function whyNot({ database }: Session, statements: readonly Derived[], strangers: readonly string[]): string | undefined {
  const unknown = statements.filter(isBlind).map(({ label }) => label);
  const refused = statements.flatMap(({ refusal }) => refusal ?? []);
  if (refused.length > 0) return refused.join("; ");
  if (statements.some(({ alone }) => alone)) return "a statement runs outside of a transaction";
  if (database.rehearse === "none") return "the operator lets nothing be tried out";
  if (unknown.length > 0) return `what ${unknown.join(", ")} does beyond the database is not known`;
  if (strangers.length > 0) return `what ${strangers.join(", ")} does beyond the database is not known`;
  return undefined;
}

interface Trial {
  readonly change: Change;
  readonly obstacles: readonly string[];
}

/** Done and taken back in a transaction that never ends well: both were tried, and nothing stays. */
async function trial(session: Session, input: SqlInput, statements: readonly Derived[]): Promise<Trial> {
  return using(await session.engine("try"), async (engine) => {
    await engine.begin(true);
    const objects = namedIn(statements);
    const before = schemaDigest(await engine.schema(objects));
    const change = await engine.change(statements, input.parameters);
    const open = obstacles(statements, change.tables);
    if (open.length > 0) return { change, obstacles: open };
    try {
      await takeBack(engine, { database: input.database, tables: change.tables, statements, schemaBefore: before }, objects);
      return { change, obstacles: [] };
    } catch (error) {
      if (!(error instanceof SqlFault)) throw error;
      return { change, obstacles: [error.refusal.message] };
    }
  });
}

/** Columns that get the moment as their value, called as the change calls them: within one second two runs may agree on it. */
function momentary(statements: readonly Derived[], change: Change): readonly string[] {
  const plain = (name: string): string => name.toLowerCase().replaceAll('"', "");
  const given = new Set(statements.flatMap(({ volatile }) => volatile.map(plain)));
  const values = change.tables.flatMap(({ table, columns }) => columns.map(({ name }) => `${table}.${name}`));
  const answers = change.results.flatMap(({ exported }, i) => {
    const own = statements[i]?.volatile.map(plain) ?? [];
    return (exported?.columns ?? []).flatMap(({ name, source }) =>
      source === undefined && own.includes(plain(name)) ? [`${resultOf(i)}.${name}`] : [],
    );
  });
  return [...values.filter((name) => given.has(plain(name))), ...answers];
}
