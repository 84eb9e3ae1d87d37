import { PATTERNS, compileGlob } from "../../core/base/index.ts";
import type { Refusal } from "../../core/base/index.ts";
import type { SqlDatabase } from "./types.ts";

const NAME = new RegExp(PATTERNS.name);
const VARIABLE = /^[A-Z_][A-Z0-9_]{0,127}$/;

/** What is wrong with the operator's declarations: all of it. */
export function checkDatabases(databases: readonly SqlDatabase[]): readonly Refusal<"sql_declaration_invalid">[] {
  const faults: Refusal<"sql_declaration_invalid">[] = [];
  const names = new Set<string>();
  for (const [index, database] of databases.entries()) {
    const add = (member: string, message: string, remedy: string): void =>
      void faults.push({ code: "sql_declaration_invalid", message, where: `databases[${index}].${member}`, remedy });
    if (!NAME.test(database.name))
      add("name", "a name has up to 64 lower-case letters, digits and . _ -", "choose a short name such as `orders`");
    if (names.has(database.name)) add("name", `the name ${database.name} is declared twice`, "give each database a name of its own");
    names.add(database.name);
    if (database.environment === "") add("environment", "the environment is empty", "say what it is for, such as `production`");
    addressFaults(database, add);
    patternFaults(database, add);
  }
  return faults;
}

type Add = (member: string, message: string, remedy: string) => void;

function addressFaults(database: SqlDatabase, add: Add): void {
  const variables = { url_env: database.urlEnv, read_url_env: database.readUrlEnv, copy_url_env: database.copyUrlEnv };
  for (const [member, name] of Object.entries(variables)) {
    if (name !== undefined && !VARIABLE.test(name))
      add(member, "is not the name of an environment variable", "put the connection URL into a variable and name that, such as ORDERS_URL");
    if (name !== undefined && database.kind === "sqlite") add(member, "SQLite has no connection URL", "give `path`");
  }
  if (database.kind === "sqlite" && (database.path === undefined || !database.path.startsWith("/")))
    add("path", "an SQLite database is a file, named by its absolute path", "give `path`");
  if (database.kind === "postgres" && database.urlEnv === undefined)
    add("url_env", "nothing says where the database is", "name the variable that holds its connection URL");
  if (database.kind === "postgres" && database.path !== undefined) add("path", "PostgreSQL has no file", "give `url_env`");
  if (database.kind === "postgres" && database.rehearse === "copy" && database.copyUrlEnv === undefined)
    add(
      "copy_url_env",
      "nothing says where the copy is",
      "name the variable that holds its connection URL, or rehearse `here` or not at all",
    );
}

function patternFaults(database: SqlDatabase, add: Add): void {
  for (const pattern of database.sensitive ?? [])
    if (!compileGlob(columnPattern(pattern)).ok)
      add("sensitive", `${JSON.stringify(pattern)} is not a pattern`, "write schema.table.column; `*` stands for a part");
  for (const line of database.classes ?? [])
    if (!/^[^=]+=[a-z][a-z0-9-]{0,39}$/.test(line) || !compileGlob(columnPattern(line.split("=")[0] ?? "")).ok)
      add("classes", `${JSON.stringify(line)} does not say which class a column has`, "write `public.users.email=personal`");
}

/** Whether the operator lets a statement run outside of a transaction, told by its beginning. */
export const allowsAlone = ({ outsideTransaction }: SqlDatabase, text: string): boolean =>
  (outsideTransaction ?? []).some((beginning) => text.toUpperCase().replaceAll(/\s+/g, " ").startsWith(beginning.toUpperCase()));

/** Dots part a column's name as slashes part a path: `*` stays within one part. */
export const columnPattern = (pattern: string): string => pattern.replaceAll(".", "/");
