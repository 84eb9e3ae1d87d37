/** Where the moment or chance decides something in a PostgreSQL statement, beyond being the whole value of a column. */
import { sortedSet } from "../../core/base/index.ts";
import { nodesOf, texts, word } from "./postgres-tree.ts";
import type { Tree } from "./postgres-tree.ts";

/** PostgreSQL's own functions that answer otherwise at another time, on another connection or by chance; others' are not looked into at all. */
const TELLS =
  /^(?:now|(?:clock|statement|transaction)_timestamp|timeofday|random|random_normal|gen_random_uuid|uuid_?v[47]|uuid_generate_\w+|gen_random_bytes|nextval|currval|lastval|current_setting|version|pg_(?:backend_pid|sleep\w*|stat_\w+|last_\w+|postmaster_\w+|conf_load_time|current_\w+|is_in_\w+|snapshot\w*|xact_\w+|export_\w+|blocking_\w+|my_\w+)|txid_\w+|inet_\w+)$/;
/** Texts that PostgreSQL reads as a moment, wherever a time is meant. */
const WORDS = /^\s*(?:now|today|tomorrow|yesterday)\s*$/i;
/** What may stand around a moment that is still a column's value. */
const WRAPS = /^(?:floor|ceil|ceiling|abs|round|trunc|md5|lower|upper|date_trunc|to_char|timezone)$/;
const PLAIN = /^(?:\+|-|\*)$/;

type Wrapped = readonly [string, Tree];

const inside = (item: unknown): Wrapped => (Object.entries((item ?? {}) as Tree)[0] ?? ["", {}]) as Wrapped;
const list = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);

/** By name, with the node: what asks for the moment or chance. */
function asks(name: string, node: Tree): string | undefined {
  if (name === "SQLValueFunction") return /_USER|_ROLE|_CATALOG|_SCHEMA/.test(word(node["op"])) ? undefined : "the current time";
  if (name === "A_Const") {
    const text = word((node["sval"] as Tree | undefined)?.["sval"]);
    return WORDS.test(text) ? `'${text.trim().toLowerCase()}'` : undefined;
  }
  if (name !== "FuncCall") return undefined;
  const called = texts(node["funcname"]).at(-1) ?? "";
  return TELLS.test(called) || (called === "age" && list(node["args"]).length === 1) ? called : undefined;
}

export function momentsIn(stmt: Tree): readonly string[] {
  const excused = new Set<Tree>();
  for (const [name, node] of nodesOf(stmt))
    for (const value of valuesOf(name, node, stmt)) for (const one of plainly(value) ?? []) excused.add(one);
  const found: string[] = [];
  for (const [name, node] of nodesOf(stmt)) {
    const asked = asks(name, node);
    if (asked !== undefined && !excused.has(node)) found.push(asked);
  }
  return sortedSet(found);
}

/** Expressions that are the value of a column which is written, or which leaves. */
function valuesOf(name: string, node: Tree, stmt: Tree): readonly unknown[] {
  const targets = (from: Tree): readonly unknown[] => list(from["targetList"]).map((item) => inside(item)[1]["val"]);
  const answered = [node["returningList"], (node["returningClause"] as Tree | undefined)?.["exprs"]].flatMap((items) =>
    list(items).map((item) => inside(item)[1]["val"]),
  );
  if (name === "UpdateStmt" || name === "onConflictClause") return [...targets(node), ...answered];
  if (name === "MergeWhenClause") return [...targets(node), ...list(node["values"])];
  if (name === "DeleteStmt" || name === "MergeStmt") return answered;
  if (name === "InsertStmt") return [...queried(inside(node["selectStmt"])[1]), ...answered];
  return name === "SelectStmt" && node === stmt["SelectStmt"] ? queried(node) : [];
}

/** Where rows are sorted, grouped or counted off, what one value is may say which rows there are. */
function queried(select: Tree): readonly unknown[] {
  const tuples = list(select["valuesLists"]).flatMap((tuple) => list(inside(tuple)[1]["items"]));
  const picks = ["sortClause", "groupClause", "distinctClause", "limitCount", "limitOffset", "larg"].some(
    (clause) => select[clause] !== undefined,
  );
  return picks ? [] : [...tuples, ...list(select["targetList"]).map((item) => inside(item)[1]["val"])];
}

/** What asks for the moment in an expression that only computes a value of it; undefined where it may choose between values. */
function plainly(expression: unknown): readonly Tree[] | undefined {
  const [name, node] = inside(expression);
  if (name === "SQLValueFunction" || name === "A_Const" || name === "ParamRef") return [node];
  if (name === "TypeCast") return plainly(node["arg"]);
  if (name === "A_Expr") {
    if (node["kind"] !== "AEXPR_OP" || !PLAIN.test(texts(node["name"]).join("."))) return undefined;
    return together([node["lexpr"], node["rexpr"]]);
  }
  if (name !== "FuncCall") return undefined;
  const args = together(list(node["args"]));
  const called = texts(node["funcname"]).at(-1) ?? "";
  if (args === undefined) return undefined;
  return asks(name, node) === undefined ? (WRAPS.test(called) ? args : undefined) : [node, ...args];
}

function together(expressions: readonly unknown[]): readonly Tree[] | undefined {
  const each = expressions.filter((one) => one !== undefined).map(plainly);
  return each.includes(undefined) ? undefined : each.flatMap((one) => one ?? []);
}
