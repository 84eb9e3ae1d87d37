/** Migrates a database by steps that the test made up, and may die between two statements: `child-migrate.ts KIND PLACE MODE`. */
import { ok } from "../../src/core/base/index.ts";
import type { Result } from "../../src/core/base/index.ts";
import { migrate } from "../../src/store/sql/migrate.ts";
import type { Run } from "../../src/store/sql/migrate.ts";
import { inDatabase } from "../../src/store/postgres/postgres.ts";
import { inFile } from "../../src/store/sqlite/sqlite.ts";

const [kind, place = "", mode] = process.argv.slice(2);
const FIRST = { version: 1, name: "one", statements: ["CREATE TABLE one (a $int)"] };
const SECOND = { version: 2, name: "two", statements: ["CREATE TABLE two (a $int)", "CREATE TABLE three (a $int)"] };
const TABLES =
  kind === "sqlite"
    ? "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name"
    : "SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public' ORDER BY tablename";

const dying =
  (run: Run): Run =>
  async (sql, params) => {
    if (sql.includes("three")) process.kill(process.pid, "SIGKILL");
    return run(sql, params);
  };

const work = async (run: Run): Promise<Result<object, never>> => {
  const tables = async () => (await run(TABLES, [])).map(({ name }) => name);
  if (mode === "look")
    return ok({ version: (await run("SELECT max(version) AS version FROM pawl_migrations", []))[0]?.["version"], tables: await tables() });
  const steps = mode === "first" ? [FIRST] : [FIRST, SECOND];
  const done = await migrate(kind === "sqlite" ? "sqlite" : "postgres", mode === "killed" ? dying(run) : run, steps);
  return ok({ migrated: done.ok, tables: await tables() });
};
const done = kind === "sqlite" ? await inFile(place, work) : await inDatabase(place, work);
console.log(JSON.stringify(done.ok ? done.value : done.error));
