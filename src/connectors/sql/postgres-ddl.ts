import { nameOf, sqlName } from "./names.ts";
import { ALTER_LOCKS } from "./postgres-kinds.ts";
import { nodesOf, tableName, texts, word } from "./postgres-tree.ts";
import type { Tree } from "./postgres-tree.ts";
import type { DdlAction } from "./types.ts";

const EXCLUSIVE = "AccessExclusiveLock";
const member = (tree: Tree, name: string): Tree => (tree[name] ?? {}) as Tree;
const list = (value: unknown): readonly Tree[] => (Array.isArray(value) ? (value as readonly Tree[]) : []);

/** A name of one to three parts as `schema.name`. */
function listed(parts: readonly string[], schema: string): string {
  const [own, name] = parts.length > 1 ? parts.slice(-2) : [schema, parts[0] ?? ""];
  return nameOf(own ?? schema, name ?? "");
}

type Maker = (body: Tree, schema: string) => readonly DdlAction[];

/** What each statement that changes the schema or rights does, as far as its text says. */
const MAKERS: Readonly<Record<string, Maker>> = {
  CreateStmt: (body, schema) => {
    const object = tableName(member(body, "relation"), schema);
    const references = [...nodesOf(body)].filter(([name]) => name === "pktable").map(([, node]) => tableName(node, schema));
    return [
      {
        verb: "create",
        what: "a table",
        object,
        ...(body["if_not_exists"] !== true && { inverse: `DROP TABLE ${sqlName(object)}`, guard: isEmpty(object) }),
      },
      ...references.filter((name) => name !== object).map((name) => alter(name, "is referred to by a new table", "ShareRowExclusiveLock")),
    ];
  },
  CreateTableAsStmt: (body, schema) => {
    const object = tableName(member(member(body, "into"), "rel"), schema);
    const what = body["objtype"] === "OBJECT_MATVIEW" ? "MATERIALIZED VIEW" : "TABLE";
    const inverse =
      body["if_not_exists"] === true
        ? {}
        : { inverse: `DROP ${what} ${sqlName(object)}`, ...(what === "TABLE" && { guard: isEmpty(object) }) };
    return [{ verb: "create", what: `a ${what.toLowerCase()} from a query`, object, ...inverse }];
  },
  AlterTableStmt: (body, schema) => {
    const object = tableName(member(body, "relation"), schema);
    return list(body["cmds"]).map((cmd) => alterAction(member(cmd, "AlterTableCmd"), object, schema));
  },
  IndexStmt: (body, schema) => {
    const table = tableName(member(body, "relation"), schema);
    const name =
      typeof body["idxname"] === "string" ? nameOf(word(member(body, "relation")["schemaname"]) || schema, body["idxname"]) : undefined;
    const concurrent = body["concurrent"] === true;
    const inverse = name === undefined || body["if_not_exists"] === true || concurrent ? {} : { inverse: `DROP INDEX ${sqlName(name)}` };
    const what = `gets an index${name === undefined ? "" : ` ${name}`}${concurrent ? ", built while others write" : ""}`;
    return [{ ...alter(table, what, concurrent ? "ShareUpdateExclusiveLock" : "ShareLock"), ...inverse }];
  },
  DropStmt: (body, schema) => {
    const kind = /^OBJECT_(.*)$/.exec(word(body["removeType"]))?.[1] ?? "OBJECT";
    const loses = ["TABLE", "SCHEMA", "MATVIEW", "SEQUENCE", "FOREIGN_TABLE"].includes(kind);
    return list(body["objects"]).map((object): DdlAction => ({
      verb: "drop",
      what: `${kind.toLowerCase().replaceAll("_", " ")} goes${body["behavior"] === "DROP_CASCADE" ? ", with everything that depends on it" : ""}`,
      object: kind === "SCHEMA" ? nameOf(...texts([object])) : listed(texts(member(object, "List")["items"]), schema),
      lock: EXCLUSIVE,
      destroys: loses,
    }));
  },
  TruncateStmt: (body, schema) =>
    list(body["relations"]).map((relation): DdlAction => ({
      verb: "drop",
      what: "all rows go",
      object: tableName(member(relation, "RangeVar"), schema),
      lock: EXCLUSIVE,
    })),
  RenameStmt: (body, schema) => renameAction(body, schema),
  ViewStmt: (body, schema) => {
    const object = tableName(member(body, "view"), schema);
    const inverse = body["replace"] === true ? {} : { inverse: `DROP VIEW ${sqlName(object)}` };
    return [{ verb: body["replace"] === true ? "alter" : "create", what: "a view", object, ...inverse }];
  },
  CreateSeqStmt: (body, schema) => created(tableName(member(body, "sequence"), schema), "SEQUENCE", body),
  CreateSchemaStmt: (body) => created(nameOf(word(body["schemaname"])), "SCHEMA", body),
  CreateEnumStmt: (body, schema) => created(listed(texts(body["typeName"]), schema), "TYPE", body),
  CreateDomainStmt: (body, schema) => created(listed(texts(body["domainname"]), schema), "DOMAIN", body),
  CompositeTypeStmt: (body, schema) => created(tableName(member(body, "typevar"), schema), "TYPE", body),
  GrantStmt: (body, schema) => granted(body["is_grant"] === true, grantObjects(body, schema), rolesOf(body)),
  GrantRoleStmt: (body) =>
    granted(
      body["is_grant"] === true,
      list(body["granted_roles"]).map((role) => nameOf(`role ${word(member(role, "AccessPriv")["priv_name"])}`)),
      rolesOf(body),
    ),
  CreateTrigStmt: (body, schema) => [
    alter(tableName(member(body, "relation"), schema), `gets a trigger ${nameOf(word(body["trigname"]))}`, "ShareRowExclusiveLock"),
  ],
  RuleStmt: (body, schema) => [alter(tableName(member(body, "relation"), schema), "gets a rule", EXCLUSIVE)],
  CreatePolicyStmt: (body, schema) => [
    { ...alter(tableName(member(body, "table"), schema), "gets a row policy", EXCLUSIVE), privilege: "unknown" },
  ],
  AlterPolicyStmt: (body, schema) => [
    { ...alter(tableName(member(body, "table"), schema), "has a row policy changed", EXCLUSIVE), privilege: "unknown" },
  ],
  RefreshMatViewStmt: (body, schema) => [
    {
      ...alter(tableName(member(body, "relation"), schema), "is filled anew", body["concurrent"] === true ? "ExclusiveLock" : EXCLUSIVE),
      rewrites: true,
    },
  ],
  ReindexStmt: (body, schema) => [alter(tableName(member(body, "relation"), schema), "has its indexes built anew", "ShareLock")],
  ClusterStmt: (body, schema) => [{ ...alter(tableName(member(body, "relation"), schema), "is written anew", EXCLUSIVE), rewrites: true }],
  AlterObjectSchemaStmt: (body, schema) => [
    alter(tableName(member(body, "relation"), schema), `moves to the schema ${word(body["newschema"])}`, EXCLUSIVE),
  ],
};

const isEmpty = (table: string): string => `SELECT NOT EXISTS (SELECT 1 FROM ${sqlName(table)})`;
const alter = (object: string, what: string, lock: string): DdlAction => ({ verb: "alter", what, object, lock });

const created = (object: string, thing: string, body: Tree): readonly DdlAction[] => [
  {
    verb: "create",
    what: `a ${thing.toLowerCase()}`,
    object,
    ...(body["if_not_exists"] !== true && { inverse: `DROP ${thing} ${sqlName(object)}` }),
  },
];

function granted(gives: boolean, objects: readonly string[], roles: string): readonly DdlAction[] {
  const [verb, privilege] = gives ? (["grant", "gained"] as const) : (["revoke", "lost"] as const);
  return objects.map((object) => ({ verb, privilege, object, what: `rights ${gives ? "go to" : "are taken from"} ${roles}` }));
}

const rolesOf = (body: Tree): string =>
  list(body["grantees"] ?? body["grantee_roles"])
    .map((role) => member(role, "RoleSpec"))
    .map((role) => (role["roletype"] === "ROLESPEC_PUBLIC" ? "everybody" : word(role["rolename"]) || "a role of the session"))
    .join(", ");

function grantObjects(body: Tree, schema: string): readonly string[] {
  const named = list(body["objects"]).map((object) => {
    if (object["RangeVar"] !== undefined) return tableName(member(object, "RangeVar"), schema);
    return nameOf(...(object["String"] === undefined ? texts(member(object, "ObjectWithArgs")["objname"]) : texts([object])));
  });
  return named.length === 0 ? ["everything in the database"] : named;
}

export function ddlOf(node: string, body: Tree, schema: string): readonly DdlAction[] {
  const made = MAKERS[node]?.(body, schema);
  if (made !== undefined) return made;
  if (/Role|Owned|Owner|Privileges/.test(node))
    return [{ verb: "grant", privilege: "unknown", what: "rights or owners change", object: "roles" }];
  return [];
}

function renameAction(body: Tree, schema: string): readonly DdlAction[] {
  const range = member(body, "relation");
  const object = tableName(range, schema);
  const [from, to] = [word(body["subname"]) || word(range["relname"]), word(body["newname"])];
  const own = typeof range["schemaname"] === "string" ? range["schemaname"] : schema;
  const inverse =
    body["renameType"] === "OBJECT_COLUMN"
      ? `ALTER TABLE ${sqlName(object)} RENAME COLUMN ${sqlName(nameOf(to))} TO ${sqlName(nameOf(from))}`
      : body["renameType"] === "OBJECT_TABLE"
        ? `ALTER TABLE ${sqlName(nameOf(own, to))} RENAME TO ${sqlName(nameOf(from))}`
        : undefined;
  return [{ ...alter(object, `${from} is renamed to ${to}`, EXCLUSIVE), ...(inverse !== undefined && { inverse }) }];
}

/** Forms of ALTER TABLE that may write every row again. */
const REWRITES = new Set([
  "AT_AlterColumnType",
  "AT_SetLogged",
  "AT_SetUnLogged",
  "AT_SetAccessMethod",
  "AT_SetTableSpace",
  "AT_SetExpression",
]);

function alterAction(cmd: Tree, table: string, schema: string): DdlAction {
  const subtype = word(cmd["subtype"]);
  const column = nameOf(word(cmd["name"]) || word(member(member(cmd, "def"), "ColumnDef")["colname"]));
  const said = subtype
    .replace(/^AT_/, "")
    .replaceAll(/(?<=[a-z])(?=[A-Z])/g, " ")
    .toLowerCase();
  const constraint = member(member(cmd, "def"), "Constraint");
  const foreign = subtype === "AT_AddConstraint" && constraint["contype"] === "CONSTR_FOREIGN";
  const lock = foreign ? "ShareRowExclusiveLock" : (ALTER_LOCKS[subtype] ?? EXCLUSIVE);
  const inverse = alterInverse(subtype, cmd, table, column);
  const guard =
    subtype === "AT_AddColumn" ? { guard: `SELECT NOT EXISTS (SELECT 1 FROM ${sqlName(table)} WHERE ${sqlName(column)} IS NOT NULL)` } : {};
  const rights = [
    "AT_ChangeOwner",
    "AT_DisableRowSecurity",
    "AT_EnableRowSecurity",
    "AT_NoForceRowSecurity",
    "AT_ForceRowSecurity",
  ].includes(subtype);
  const name = column === '""' ? "" : ` ${column}`;
  const to = foreign ? ` to ${tableName(member(constraint, "pktable"), schema)}` : "";
  return {
    verb: "alter",
    what: `${said}${name}${to}`,
    object: table,
    lock,
    rewrites: REWRITES.has(subtype) || (subtype === "AT_AddColumn" && addsByRewriting(cmd)),
    ...(subtype === "AT_DropColumn" && { destroys: true }),
    ...(rights && { privilege: "unknown" as const }),
    ...(inverse !== undefined && { inverse, ...guard }),
  };
}

/** A default that differs from row to row, a serial or a stored computed column has to be written into each row. */
function addsByRewriting(cmd: Tree): boolean {
  const def = member(member(cmd, "def"), "ColumnDef");
  const type = texts(member(def, "typeName")["names"]).at(-1) ?? "";
  const constraints = list(def["constraints"]).map((item) => member(item, "Constraint"));
  const stored = constraints.some(
    ({ contype, generated_kind }) => (contype === "CONSTR_GENERATED" && generated_kind !== "v") || contype === "CONSTR_IDENTITY",
  );
  const called = constraints.some(
    (item) =>
      item["contype"] === "CONSTR_DEFAULT" &&
      [...nodesOf(item)].some(
        ([name, node]) =>
          name === "FuncCall" && !/^(now|transaction_timestamp|statement_timestamp)$/.test(texts(node["funcname"]).at(-1) ?? ""),
      ),
  );
  return stored || called || /serial/.test(type);
}

function alterInverse(subtype: string, cmd: Tree, table: string, column: string): string | undefined {
  const to = `ALTER TABLE ${sqlName(table)}`;
  if (subtype === "AT_AddColumn" && cmd["missing_ok"] !== true) return `${to} DROP COLUMN ${sqlName(column)}`;
  const constraint = member(member(cmd, "def"), "Constraint")["conname"];
  if (subtype === "AT_AddConstraint" && typeof constraint === "string") return `${to} DROP CONSTRAINT ${sqlName(nameOf(constraint))}`;
  return undefined;
}
