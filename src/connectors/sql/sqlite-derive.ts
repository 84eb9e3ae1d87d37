import { DatabaseSync, constants } from "node:sqlite";
import { sortedSet } from "../../core/base/index.ts";
import { nameOf, quoted, sqlName } from "./names.ts";
import { mayTell, momentsWith } from "./sqlite-moment.ts";
import type { Schema } from "./sqlite-moment.ts";
import { SQL_LIMITS, sqlFault } from "./types.ts";
import type { DdlAction, Derived, StatementKind, TableUse } from "./types.ts";

/** A copy of the schema alone: what SQLite says while it prepares a statement there is what it would do with the real file. */
export function schemaCopy(schema: readonly { readonly type: string; readonly sql: string }[]): DatabaseSync {
  const copy = new DatabaseSync(":memory:");
  copy.enableDefensive(true);
  copy.exec("PRAGMA foreign_keys = ON; PRAGMA trusted_schema = OFF");
  const order = ["table", "view", "index", "trigger"];
  try {
    for (const { sql } of schema.toSorted((a, b) => order.indexOf(a.type) - order.indexOf(b.type))) copy.exec(sql);
    return copy;
  } catch {
    copy.close();
    throw sqlFault(
      "sql_schema_unknown",
      "the schema cannot be made anew, so that nobody knows what a statement would write: a virtual table, such as FTS5's, keeps tables of its own",
      "keep such tables in a file of their own",
    );
  }
}

interface Event {
  readonly code: number;
  readonly one: string;
  readonly two: string;
  /** The trigger or view that asks for it. */
  readonly within: string | null;
}

const REFUSED = new Map([
  [constants.SQLITE_TRANSACTION, "transaction control"],
  [constants.SQLITE_SAVEPOINT, "SAVEPOINT"],
  [constants.SQLITE_ATTACH, "ATTACH"],
  [constants.SQLITE_DETACH, "DETACH"],
  [constants.SQLITE_PRAGMA, "PRAGMA"],
]);

const WRITES = new Map<number, StatementKind>([
  [constants.SQLITE_INSERT, "insert"],
  [constants.SQLITE_UPDATE, "update"],
  [constants.SQLITE_DELETE, "delete"],
]);

const word = (code: number): string =>
  Object.entries(constants)
    .find(([name, value]) => value === code && /^SQLITE_(CREATE|DROP|ALTER|REINDEX|ANALYZE)/.test(name))?.[0]
    .slice(7)
    .replaceAll("_", " ") ?? "";

/** Statement by statement, each prepared on the schema that those before it leave. */
export function deriveSqlite(text: string, copy: DatabaseSync): readonly Derived[] {
  const found: Derived[] = [];
  let rest = text;
  while (!isBlank(rest)) {
    if (found.length >= SQL_LIMITS.statements)
      throw sqlFault("sql_too_large", `${SQL_LIMITS.statements} statements are the bound`, "split the change");
    const { derived, length } = deriveOne(rest, copy);
    found.push(derived);
    rest = rest.slice(length);
  }
  if (found.length === 0) throw sqlFault("sql_empty", "there is no statement in the text", "give at least one statement");
  return found;
}

const isBlank = (text: string): boolean => /^(?:\s|;|--[^\n]*(?:\n|$)|\/\*[\s\S]*?(?:\*\/|$))*$/.test(text);

function deriveOne(text: string, copy: DatabaseSync): { readonly derived: Derived; readonly length: number } {
  const events: Event[] = [];
  copy.setAuthorizer((code, one, two, _, within) => {
    events.push({ code, one: one ?? "", two: two ?? "", within });
    return REFUSED.has(code) ? constants.SQLITE_DENY : constants.SQLITE_OK;
  });
  let length = text.length;
  let exports = false;
  try {
    const statement = copy.prepare(text);
    length = statement.sourceSQL.length;
    exports = statement.columns().length > 0;
  } catch (error) {
    const refused = events.map(({ code }) => REFUSED.get(code)).find((name) => name !== undefined);
    if (refused === undefined) throw syntax(error);
    return {
      derived: { ...describe(text, [], false), kind: "refused", label: refused, refusal: `${refused} is not executed through Pawl` },
      length,
    };
  } finally {
    copy.setAuthorizer(null);
  }
  const described = describe(text.slice(0, length), events, exports);
  const derived = { ...described, ...momentsOf(described, events, copy) };
  if (derived.kind === "ddl" && !derived.alone) execute(copy, derived.text);
  return { derived, length };
}

/** A schema that a statement makes does nothing by that; the rows of a table made from a query are what they were then. */
function momentsOf({ text, kind }: Derived, events: readonly Event[], copy: DatabaseSync): Pick<Derived, "moments" | "volatile"> {
  if (kind === "ddl" && !/^create\s+(?:temp\w*\s+)?table\b[\s\S]*\bas\s+(?:select|with|values)\b/i.test(text))
    return { moments: [], volatile: [] };
  const schema: Schema = {
    columns: (table) =>
      copy.prepare('SELECT name, dflt_value AS "default" FROM pragma_table_info(?)').all(table) as unknown as ReturnType<Schema["columns"]>,
    trigger: (name) =>
      (copy.prepare("SELECT sql FROM sqlite_schema WHERE type = 'trigger' AND name = ?").get(name) as { readonly sql: string } | undefined)
        ?.sql,
  };
  const asks = events.filter(({ code, two }) => code === constants.SQLITE_FUNCTION && mayTell(two.toLowerCase()));
  const filled = events.filter(({ code, one }) => code === constants.SQLITE_INSERT && !isOwn(one)).map(({ one }) => one);
  const { decides, columns } = momentsWith(text, schema, sortedSet(asks.flatMap(({ within }) => within ?? [])), sortedSet(filled));
  return {
    moments: sortedSet(decides),
    volatile: sortedSet(columns.map((name) => (name.startsWith(".") ? name.slice(1) : `main.${name}`))),
  };
}

function execute(copy: DatabaseSync, text: string): void {
  try {
    copy.exec(text);
  } catch (error) {
    throw syntax(error);
  }
}

const syntax = (error: unknown): Error =>
  error instanceof Error
    ? sqlFault("sql_syntax", `SQLite cannot prepare a statement: ${error.message.slice(0, 300)}`, "mend the statements, and propose again")
    : new Error(String(error));

function describe(text: string, events: readonly Event[], exports: boolean): Derived {
  const own = text.trim().replace(/\s*;$/, "");
  const first = /^(?:\s|--[^\n]*\n|\/\*[\s\S]*?\*\/)*([a-z]+)/i.exec(own)?.[1]?.toUpperCase() ?? "";
  const ddl = ddlOf(events, own);
  const writes = uses(
    events.filter(({ code, one }) => WRITES.has(code) && !isOwn(one)),
    constants.SQLITE_UPDATE,
  );
  const reads = uses(
    events.filter(({ code, one }) => code === constants.SQLITE_READ && !isOwn(one)),
    constants.SQLITE_READ,
  );
  const kinds = events.filter(({ code, one }) => WRITES.has(code) && !isOwn(one)).map(({ code }) => WRITES.get(code) ?? "update");
  const alone = first === "VACUUM";
  const kind: StatementKind = alone || ddl.length > 0 ? "ddl" : (kinds[0] ?? (events.length === 0 ? "unknown" : "read"));
  return {
    text: own,
    kind,
    label: ddl.length > 0 && !alone ? (ddl[0]?.label ?? first) : first === "WITH" || first === "" ? kind.toUpperCase() : first,
    reads,
    writes,
    noWhere: false,
    functions: sortedSet(events.filter(({ code }) => code === constants.SQLITE_FUNCTION).map(({ two }) => two.toLowerCase())),
    dynamic: [],
    moments: [],
    volatile: [],
    ddl: ddl.map(({ action }) => action),
    alone,
    exports: exports && kind !== "ddl",
    parameters: parametersIn(own),
  };
}

/** What stands in quotes or comments is no parameter. A name for one would be bound to nothing, unsaid. */
function parametersIn(text: string): number {
  const plain = text.replaceAll(/'(?:[^']|'')*'|"(?:[^"]|"")*"|`[^`]*`|\[[^\]]*\]|--[^\n]*|\/\*[\s\S]*?\*\//g, " ");
  if (/[:@$#][A-Za-z_]/.test(plain)) throw sqlFault("sql_parameters", "a parameter has a name", "number parameters: ?1, ?2");
  return Math.max(0, ...[...plain.matchAll(/\?(\d+)/g)].map(([, n]) => Number(n))) || [...plain.matchAll(/\?/g)].length;
}

const isOwn = (table: string): boolean => /^sqlite_/i.test(table);

function uses(events: readonly Event[], named: number): readonly TableUse[] {
  const found = new Map<string, Set<string>>();
  for (const { code, one, two } of events) {
    const set = found.get(one) ?? new Set<string>();
    found.set(one, set.add(code === named && two !== "" ? two : "*"));
  }
  return [...found].map(([table, columns]) => ({ table: nameOf("main", table), columns: sortedSet([...columns]) }));
}

/** With each action the words by which its statement is known. */
function ddlOf(events: readonly Event[], text: string): readonly { readonly label: string; readonly action: DdlAction }[] {
  const found: { label: string; action: DdlAction }[] = [];
  for (const { code, one, two } of events) {
    const label = word(code);
    if (label === "" || isOwn(one) || (code === constants.SQLITE_REINDEX && found.length > 0)) continue;
    const object = nameOf("main", code === constants.SQLITE_ALTER_TABLE ? two : one);
    const guarded = /\bif\s+not\s+exists\b/i.test(text);
    if (label.startsWith("CREATE")) {
      const kind = label.split(" ").at(-1) ?? "";
      const inverse =
        guarded || kind === "VTABLE"
          ? {}
          : {
              inverse: `DROP ${kind} ${sqlName(object)}`,
              ...(kind === "TABLE" && { guard: `SELECT NOT EXISTS (SELECT 1 FROM ${sqlName(object)})` }),
            };
      const named = kind === "INDEX" || kind === "TRIGGER" ? nameOf("main", two) : object;
      const verb = kind === "INDEX" || kind === "TRIGGER" ? "alter" : "create";
      found.push({
        label,
        action: {
          verb,
          what: verb === "alter" ? `gets the ${kind.toLowerCase()} ${one}` : `a ${kind.toLowerCase()}`,
          object: named,
          ...inverse,
        },
      });
    } else if (label.startsWith("DROP"))
      found.push({
        label,
        action: { verb: "drop", what: `${label.slice(5).toLowerCase()} goes`, object, destroys: label === "DROP TABLE" },
      });
    else found.push({ label, action: { verb: "alter", what: label.toLowerCase(), object, ...alteration(text, object) } });
  }
  return found;
}

/** Which form of ALTER TABLE it is, SQLite's own prepared statement does not say; its first words do. */
function alteration(text: string, object: string): Partial<DdlAction> {
  const id = String.raw`("(?:[^"]|"")*"|\[[^\]]*\]|` + "`[^`]*`" + String.raw`|[\w$]+)`;
  const bare = (name: string): string => name.replaceAll(/^["[`]|["\]`]$/g, "").replaceAll('""', '"');
  const form = new RegExp(
    String.raw`^alter\s+table\s+(?:${id}\s*\.\s*)?${id}\s+(add|drop|rename)\s+(?:(to)\s+${id}|(?:column\s+)?${id}(?:\s+to\s+${id})?)`,
    "i",
  ).exec(text);
  const [, , table = "", verb = "", to, renamed = "", column = "", target] = form ?? [];
  const on = `ALTER TABLE ${sqlName(object)}`;
  if (/drop/i.test(verb)) return { what: `loses the column ${column}`, destroys: true };
  if (/add/i.test(verb))
    return {
      what: `gets the column ${column}`,
      inverse: `${on} DROP COLUMN ${quoted(bare(column))}`,
      guard: `SELECT NOT EXISTS (SELECT 1 FROM ${sqlName(object)} WHERE ${quoted(bare(column))} IS NOT NULL)`,
    };
  if (to !== undefined)
    return { what: `is renamed to ${renamed}`, inverse: `ALTER TABLE ${quoted(bare(renamed))} RENAME TO ${quoted(bare(table))}` };
  if (target !== undefined)
    return { what: `${column} is renamed to ${target}`, inverse: `${on} RENAME COLUMN ${quoted(bare(target))} TO ${quoted(bare(column))}` };
  return {};
}
