import { sortedSet } from "../../core/base/index.ts";
import { ddlOf } from "./postgres-ddl.ts";
import { KINDS } from "./postgres-kinds.ts";
import { momentsIn } from "./postgres-moment.ts";
import { nodesOf, tableName, texts, word } from "./postgres-tree.ts";
import type { Tree } from "./postgres-tree.ts";
import { SQL_LIMITS, sqlFault } from "./types.ts";
import type { Derived, StatementKind, TableUse } from "./types.ts";

/** Parsed by PostgreSQL's own grammar, which is loaded when the first text comes. */
export async function parsePostgres(text: string, schema: string): Promise<readonly Derived[]> {
  const { parse } = await import("libpg-query");
  let stmts: readonly { readonly stmt?: unknown; readonly stmt_location?: number; readonly stmt_len?: number }[];
  try {
    stmts = (await parse(text)).stmts ?? [];
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    const why = error instanceof RangeError ? "it is nested too deeply" : error.message;
    throw sqlFault("sql_syntax", `PostgreSQL cannot read the statements: ${why.slice(0, 300)}`, "mend the statements, and propose again");
  }
  if (stmts.length === 0) throw sqlFault("sql_empty", "there is no statement in the text", "give at least one statement");
  if (stmts.length > SQL_LIMITS.statements)
    throw sqlFault("sql_too_large", `there are ${stmts.length} statements; ${SQL_LIMITS.statements} is the bound`, "split the change");
  // The grammar counts bytes.
  const bytes = Buffer.from(text);
  return stmts.map(({ stmt, stmt_location: at = 0, stmt_len: length }) => {
    const own = bytes.subarray(at, length === undefined || length === 0 ? undefined : at + length).toString("utf8");
    return derive(own.trim(), (stmt ?? {}) as Tree, schema);
  });
}

const DML = ["InsertStmt", "UpdateStmt", "DeleteStmt", "MergeStmt"];
const STRONGER: readonly StatementKind[] = ["insert", "update", "delete"];

function derive(text: string, stmt: Tree, schema: string): Derived {
  const [node = "", body = {}] = (Object.entries(stmt)[0] ?? []) as [string?, Tree?];
  const [declared, called] = KINDS[node] ?? ["unknown", node.replace(/Stmt$/, "")];
  const found = look(stmt, schema);
  const ddl = ddlOf(node, body, schema);
  const kind = kindOf(declared, node, body, found.dml);
  const refusal = kind === "refused" ? `${called} is not executed through Pawl` : undefined;
  const returning = [...nodesOf(stmt)].some(
    ([, { returningList, returningClause }]) => returningList !== undefined || returningClause !== undefined,
  );
  return {
    text,
    kind,
    label: labelOf(called, body),
    reads: found.reads,
    writes: found.writes,
    noWhere: found.noWhere,
    functions: found.functions,
    dynamic: node === "DoStmt" || node === "CallStmt" ? [node === "DoStmt" ? "a DO block" : "a procedure"] : [],
    ddl: found.into && ddl.length === 0 ? [{ verb: "create", what: "a table from a query", object: found.into }] : ddl,
    moments: kind === "ddl" && node !== "CreateTableAsStmt" && node !== "SelectStmt" ? [] : momentsIn(stmt),
    volatile: [],
    alone: isAlone(node, body),
    exports: (node === "SelectStmt" && found.into === undefined) || (returning && DML.includes(node)),
    parameters: found.parameters,
    ...(refusal !== undefined && { refusal }),
  };
}

function kindOf(declared: StatementKind, node: string, body: Tree, dml: readonly StatementKind[]): StatementKind {
  if (node === "SelectStmt" && body["intoClause"] !== undefined) return "ddl";
  if (node !== "SelectStmt" && node !== "CreateTableAsStmt") return declared;
  return STRONGER.findLast((kind) => dml.includes(kind)) ?? declared;
}

function labelOf(called: string, body: Tree): string {
  if (called === "GRANT" && body["is_grant"] !== true) return "REVOKE";
  const object = /^OBJECT_(.*)$/.exec(word(body["removeType"]))?.[1];
  return object === undefined ? called : `${called} ${object.replaceAll("_", " ").replace("MATVIEW", "MATERIALIZED VIEW")}`;
}

function isAlone(node: string, body: Tree): boolean {
  if (node === "VacuumStmt") return body["is_vacuumcmd"] === true;
  if (node === "ReindexStmt")
    return (
      [...nodesOf(body)].some(([, { defname }]) => defname === "concurrently") ||
      !["REINDEX_OBJECT_INDEX", "REINDEX_OBJECT_TABLE"].includes(word(body["kind"]))
    );
  if (node === "AlterTableStmt") return [...nodesOf(body)].some(([name, inner]) => name === "PartitionCmd" && inner["concurrent"] === true);
  return body["concurrent"] === true && node !== "RefreshMatViewStmt";
}

interface Found {
  readonly reads: readonly TableUse[];
  readonly writes: readonly TableUse[];
  readonly dml: readonly StatementKind[];
  readonly functions: readonly string[];
  readonly noWhere: boolean;
  readonly parameters: number;
  readonly into?: string;
}

/** Names that a statement mentions. Wherever the tree leaves a doubt, more is told than may be meant. */
function look(stmt: Tree, schema: string): Found {
  const tables = new Set<string>();
  const written = new Map<string, Set<string>>();
  const columns = new Set<string>();
  const functions = new Set<string>();
  const dml = new Set<StatementKind>();
  let noWhere = false;
  let parameters = 0;
  let into: string | undefined;
  for (const [name, node] of nodesOf(stmt)) {
    if (name === "RangeVar" || (typeof node["relname"] === "string" && name === "relation")) tables.add(tableName(node, schema));
    if (name === "ColumnRef") for (const part of columnParts(node)) columns.add(part);
    for (const called of callsOf(name, node)) functions.add(called);
    if (name === "ParamRef") parameters = Math.max(parameters, Number(node["number"] ?? 0));
    if (name === "intoClause" || name === "into") into = intoName(node, schema) ?? into;
    if (!DML.includes(name)) continue;
    dml.add(KINDS[name]?.[0] ?? "update");
    const target = tableName((node["relation"] ?? {}) as Tree, schema);
    const set = written.get(target) ?? new Set<string>();
    written.set(target, set);
    for (const column of setColumns(name, node)) set.add(column);
    if ((name === "UpdateStmt" || name === "DeleteStmt") && isUnbounded(node["whereClause"])) noWhere = true;
  }
  const all = sortedSet([...columns]);
  return {
    reads: sortedSet([...tables])
      .filter((table) => table !== into)
      .map((table) => ({ table, columns: all })),
    writes: [...written].map(([table, set]) => ({ table, columns: sortedSet([...set]) })),
    dml: [...dml],
    functions: sortedSet([...functions]),
    noWhere,
    parameters,
    ...(into !== undefined && { into }),
  };
}

/** Functions by name: called, put behind a trigger, or standing behind an operator that a schema is named for. */
function callsOf(name: string, node: Tree): readonly string[] {
  if (name === "FuncCall" || name === "CreateTrigStmt") return [texts(node["funcname"]).join(".")];
  return name === "A_Expr" && texts(node["name"]).length > 1 ? [texts(node["name"]).join(".")] : [];
}

function intoName(node: Tree, schema: string): string | undefined {
  const rel = node["rel"] as Tree | undefined;
  return rel === undefined ? undefined : tableName(rel, schema);
}

function columnParts(node: Tree): readonly string[] {
  const fields = Array.isArray(node["fields"]) ? (node["fields"] as readonly Tree[]) : [];
  return fields.some((field) => field["A_Star"] !== undefined) ? ["*"] : texts(fields).slice(-1);
}

function setColumns(name: string, node: Tree): readonly string[] {
  if (name === "DeleteStmt") return ["*"];
  const lists = name === "InsertStmt" ? [node["cols"]] : [node["targetList"]];
  const clauses = [...nodesOf(node)]
    .filter(([key]) => key === "onConflictClause" || key === "MergeWhenClause")
    .map(([, inner]) => inner["targetList"]);
  const names = [...lists, ...clauses].flatMap((list) =>
    Array.isArray(list) ? list.flatMap((item: unknown) => ((item as Tree)["ResTarget"] as Tree | undefined)?.["name"] ?? []) : [],
  );
  return names.length === 0 ? ["*"] : names.map(String);
}

/** No condition, or one that looks at no column: it holds for every row or for none. */
const isUnbounded = (where: unknown): boolean =>
  where === undefined || ![...nodesOf(where)].some(([name]) => name === "ColumnRef" || name === "CurrentOfExpr");
