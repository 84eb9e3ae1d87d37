/** Brings a database to the schema of this Pawl. The caller holds a transaction and the lock that lets one migration run at a time. */
import { ok, type Result } from "../../core/base/index.ts";
import { firstHead, headFault, openRefusal, type Identity, type OpenRefusal } from "../head.ts";
import {
  MIGRATIONS,
  MIGRATIONS_TABLE,
  MIGRATION_DONE,
  MIGRATION_LAST,
  inDialect,
  pending,
  type Dialect,
  type Migration,
} from "./migrations.ts";
import type { Cell, Head, Row } from "../model.ts";
import { HEAD, headOf } from "./reads.ts";
import { insertInto } from "./statements.ts";
import { cellsOf } from "./tables.ts";

export type Run = (sql: string, params: readonly Cell[]) => Promise<readonly Row[]>;

export async function migrate(
  dialect: Dialect,
  run: Run,
  migrations: readonly Migration[] = MIGRATIONS,
): Promise<Result<undefined, OpenRefusal>> {
  await run(inDialect(dialect, MIGRATIONS_TABLE), []);
  const [last] = await run(MIGRATION_LAST, []);
  const version = Number(last?.["version"]);
  const steps = pending(version, migrations);
  if (steps === "newer") {
    const known = migrations.at(-1)?.version ?? 0;
    return openRefusal(
      "schema_newer",
      `the database has schema ${version}; this Pawl knows ${known}`,
      "run the Pawl that wrote it, or a later one",
    );
  }
  for (const { version: number, name, statements } of steps) {
    for (const statement of statements) await run(inDialect(dialect, statement), []);
    await run(MIGRATION_DONE, [number, name]);
  }
  return ok(undefined);
}

/** The head, which a new database gets now. */
async function headOrFirst(run: Run, first: Head): Promise<Head> {
  if ((await run(HEAD, [])).length === 0) {
    await run(insertInto("head").one, cellsOf("head", { id: 1, ...first }));
    const { size, root, checkpoint: note, batch } = first;
    await run(insertInto("checkpoints").one, cellsOf("checkpoints", { size, root, note, batch }));
  }
  return headOf(await run(HEAD, []));
}

/** Migrates, says whether the database is this log's, and gives the node that opens it a number that no other has or had. */
export async function prepare(dialect: Dialect, run: Run, identity: Identity): Promise<Result<Head, OpenRefusal>> {
  const migrated = await migrate(dialect, run);
  if (!migrated.ok) return migrated;
  const head = await headOrFirst(run, firstHead(identity));
  const fault = headFault(head, identity);
  if (fault) return fault;
  await run(NEXT_NODE, []);
  return ok({ ...head, nodes: head.nodes + 1 });
}

const NEXT_NODE = "UPDATE head SET nodes = nodes + 1 WHERE id = 1";
