import { sortedSet } from "../../core/base/index.ts";
import type { Json } from "../../core/base/index.ts";
import type { Detail, Effect, EffectKind, FieldChange, Reversibility } from "../../core/plan/index.ts";
import { samplesOf } from "./mask.ts";
import type { Showing } from "./mask.ts";
import type { Planned } from "./plan.ts";
import { lockName, strongest } from "./postgres-kinds.ts";
import { countsOf } from "./rows.ts";
import type { DdlAction, Derived, Exported, Param, StatementKind, TableChange } from "./types.ts";

export const systemOf = (database: string): string => `sql:${database}`;
export const resourceOf = (database: string, object: string): string => `sql:${database}#${object}`;

/** What is gathered for one object and kind of effect, from however many statements. */
interface Part {
  readonly kind: EffectKind;
  readonly object: string;
  readonly resourceKind: string;
  readonly says: string;
  readonly fields: readonly FieldChange[];
  readonly statements: readonly Derived[];
  readonly privilege?: Effect["privilege"];
  readonly exposure?: Effect["exposure"];
  readonly surfaces?: readonly string[];
  readonly provenance?: Effect["provenance"];
  readonly destroys?: boolean;
  readonly left?: boolean;
}

const VERBS: Readonly<Record<DdlAction["verb"], EffectKind>> = {
  create: "create",
  alter: "update",
  drop: "delete",
  grant: "grant",
  revoke: "revoke",
  execute: "execute",
};

const field = (path: string, after: Json): FieldChange => ({ path, after: { kind: "json", value: after } });

/** One effect per object and kind, with the statements that bring it about: whole at the first of their effects, and named at the others. */
export async function effectsOf(showing: Showing, planned: Planned): Promise<readonly Effect[]> {
  const parts = [
    ...(await rowParts(showing, planned)),
    ...planned.statements.flatMap((statement) => statement.ddl.map((action) => ddlPart(planned, statement, action))),
    ...exportParts(showing, planned),
    ...unknownParts(planned),
  ];
  const groups = new Map<string, Part[]>();
  for (const part of parts) {
    const id = `${part.kind} ${part.object}`;
    groups.set(id, [...(groups.get(id) ?? []), part]);
  }
  const shown = new Map<Derived, string>();
  return [...groups.values()].map((group) => effectOf(showing, planned, group, shown));
}

/** They run with the statements, so they are shown with them. */
function parametersOf(parameters: readonly Param[], statements: readonly Derived[]): readonly FieldChange[] {
  const used = Math.max(0, ...statements.map((statement) => statement.parameters));
  return parameters.slice(0, used).map((value, i) => field(`parameter.${i + 1}`, value));
}

function effectOf({ database, parameters }: Showing, planned: Planned, group: readonly Part[], shown: Map<Derived, string>): Effect {
  const [first] = group as [Part];
  const resource = resourceOf(database.name, first.object);
  const statements = planned.statements.filter((statement) => group.some((part) => part.statements.includes(statement)));
  const rows = group.flatMap(({ fields }) => fields.filter(({ path }) => path === "rows"));
  const total = rows.reduce((sum, { after }) => sum + (after?.kind === "json" ? Number(after.value) : 0), 0);
  const others = group.flatMap(({ fields }) => fields.filter(({ path }) => path !== "rows"));
  const distinct = others.filter(({ path }, i) => others.findIndex((one) => one.path === path) === i);
  const elsewhere = statements.flatMap((statement) => {
    const at = shown.get(statement);
    return at === undefined ? [] : [field(`statement.${planned.statements.indexOf(statement) + 1}`, `shown with ${at}`)];
  });
  const fresh = statements.filter((statement) => !shown.has(statement));
  for (const statement of fresh) shown.set(statement, `${first.kind} ${resource}`);
  const privilege = group.flatMap((part) => part.privilege ?? [])[0] ?? "none";
  return {
    kind: first.kind,
    resource,
    resourceKind: group.some(({ resourceKind }) => resourceKind === "rows") ? "rows" : first.resourceKind,
    system: systemOf(database.name),
    environment: database.environment,
    summary: sortedSet(group.map(({ says }) => says))
      .join("; ")
      .slice(0, 2_000),
    fields: [...(rows.length > 0 ? [field("rows", total)] : []), ...distinct, ...elsewhere, ...parametersOf(parameters, fresh)],
    detail: detailOf(fresh),
    reversibility: reversibilityOf(planned, group),
    exposure: group.flatMap((part) => part.exposure ?? [])[0] ?? "none",
    privilege,
    surfaces: sortedSet(group.flatMap((part) => part.surfaces ?? [])),
    owners: [],
    provenance: group.some((part) => part.provenance === "unknown") ? "unknown" : "derived",
  };
}

function detailOf(statements: readonly Derived[]): Detail {
  if (statements.length === 0) return { kind: "none" };
  const lines = statements.flatMap(({ text }) => `${text};`.split("\n")).map((line) => `+${line}`);
  return { kind: "diff", text: `${lines.join("\n")}\n`, added: lines.length, removed: 0 };
}

function reversibilityOf(planned: Planned, group: readonly Part[]): Reversibility {
  if (group.some(({ left, kind }) => left === true && kind === "send")) return "irreversible";
  if (planned.change !== undefined && planned.obstacles.length === 0) return "reversible";
  if (group.some(({ destroys }) => destroys === true)) return "irreversible";
  if (planned.change === undefined) return "unknown";
  return group.some(({ kind }) => kind === "delete") ? "irreversible" : "compensable";
}

/** Kinds of statements that say of themselves that they do this to rows; any may hold others, or set them off. */
type Brought = "create" | "update" | "delete";
const BRINGS: Readonly<Record<Brought, readonly StatementKind[]>> = {
  create: ["insert"],
  update: ["update"],
  delete: ["delete", "truncate"],
};

/** Those that say so of themselves; one that says what nothing came of stands with all, and where none says so, it may be any. */
function bringers(statements: readonly Derived[], seen: readonly Brought[]): (kind: Brought) => readonly Derived[] {
  const says = (kind: Brought, statement: Derived): boolean => BRINGS[kind].includes(statement.kind);
  return (kind) => {
    const own = statements.filter((statement) => says(kind, statement) || !seen.some((other) => says(other, statement)));
    return own.length > 0 ? own : statements;
  };
}

async function rowParts(showing: Showing, planned: Planned): Promise<readonly Part[]> {
  const parts: Part[] = [];
  const touching = (table: string): readonly Derived[] =>
    planned.statements.filter(({ writes, ddl }) => writes.some((use) => use.table === table) || ddl.some(({ object }) => object === table));
  for (const table of planned.change?.tables ?? []) {
    const { inserted, updated, deleted } = countsOf(table);
    const counted = [
      ["create", inserted],
      ["update", updated],
      ["delete", deleted],
    ] as const;
    const seen = counted.filter(([, rows]) => rows > 0);
    const bringing = bringers(
      touching(table.table),
      seen.map(([kind]) => kind),
    );
    for (const [kind, rows] of seen) parts.push(await rowPart(showing, table, kind, rows, bringing(kind)));
  }
  for (const statement of planned.statements)
    for (const { table, columns } of statement.writes) {
      const kind = statement.kind === "insert" ? "create" : statement.kind === "delete" ? "delete" : "update";
      if (planned.change?.tables.some((one) => one.table === table) === true) continue;
      const tried = planned.change !== undefined;
      const says = tried ? "No row changes" : `Rows may change; nobody knows how many`;
      const fields = [...(tried ? [field("rows", 0)] : []), field("columns", [...columns])];
      parts.push({
        kind,
        object: table,
        resourceKind: "rows",
        says,
        fields,
        statements: [statement],
        destroys: kind === "delete" && !tried,
        ...classes(showing, table, columns),
      });
    }
  return parts;
}

async function rowPart(
  showing: Showing,
  table: TableChange,
  kind: "create" | "update" | "delete",
  rows: number,
  statements: readonly Derived[],
): Promise<Part> {
  const changed = table.changes.flatMap(({ before, after }) =>
    kind === "update" && before && after ? Object.keys(after).filter((name) => before[name] !== after[name]) : [],
  );
  const columns = kind === "update" ? sortedSet(changed) : table.columns.map(({ name }) => name);
  const verb = { create: "added", update: "changed", delete: "deleted" }[kind];
  const way = statements.length === 0 ? ", by a trigger or a foreign key" : "";
  return {
    kind,
    object: table.table,
    resourceKind: "rows",
    says: `${rows} row${rows === 1 ? "" : "s"} ${verb} of ${table.rowsBefore}${way}`,
    fields: [field("rows", rows), field("columns", [...columns]), ...(await samplesOf(showing, table, kind, mayCopy(showing, statements)))],
    statements,
    destroys: kind === "delete",
    ...classes(showing, table.table, columns),
  };
}

/**
 * Whether what is written may come from a sensitive column: then no new value is shown. SQLite says which columns a statement reads,
 * through views and triggers too; PostgreSQL's grammar knows names, so that other tables may be anything.
 */
function mayCopy({ database, columns }: Showing, statements: readonly Derived[]): boolean {
  if ((database.sensitive ?? []).length === 0) return false;
  const reaches = ({ reads, writes }: Derived): boolean =>
    reads.some(
      (use) =>
        use.columns.some((column) => columns.isSensitive(use.table, column)) ||
        (database.kind === "postgres" && (use.columns.includes("*") || !writes.some(({ table }) => table === use.table))),
    );
  return statements.length === 0 || statements.some(reaches);
}

const classes = ({ columns }: Showing, table: string, names: readonly string[]): { readonly surfaces: readonly string[] } => ({
  surfaces: columns.classesOf(table, names).map((name) => `data:${name}`),
});

function ddlPart(planned: Planned, statement: Derived, action: DdlAction): Part {
  const held = planned.change?.locks[action.object] ?? [];
  const lock = strongest(held.length > 0 ? held : action.lock === undefined ? [] : [action.lock]);
  const rewrites =
    planned.change === undefined ? action.rewrites === true : planned.change.rewritten.includes(action.object) && action.verb !== "drop";
  const fields = [
    ...(action.verb === "drop" && planned.change === undefined ? [] : [field("rows", 0)]),
    ...(lock === undefined ? [] : [field("lock", lockName(lock))]),
    ...(rewrites ? [field("rewrite", true)] : []),
    field("schema", action.what),
  ];
  return {
    kind: VERBS[action.verb],
    object: action.object,
    resourceKind: action.verb === "grant" || action.verb === "revoke" ? "rights" : "table",
    says: `Schema: ${action.what}`,
    fields,
    statements: [statement],
    ...(action.privilege !== undefined && { privilege: action.privilege }),
    ...(action.destroys === true && { destroys: true }),
    ...(/everybody/.test(action.what) && { exposure: "internal" as const }),
  };
}

/** Rows that leave, with the columns that they are made of; what a computed column holds counts to every table that is read. */
function exportParts(showing: Showing, planned: Planned): readonly Part[] {
  return planned.statements.flatMap((statement, i) => {
    if (!statement.exports) return [];
    const out = planned.change?.results[i]?.exported;
    const tables = statement.reads.length > 0 ? statement.reads : [{ table: "query", columns: ["*"] }];
    return tables.map(({ table, columns }): Part => {
      const leaving = columnsLeaving(out, table, columns);
      return {
        kind: "send",
        object: table,
        resourceKind: "rows",
        says:
          out === undefined
            ? "Rows leave the database; nobody knows how many"
            : `${out.rows} row${out.rows === 1 ? "" : "s"} leave the database`,
        fields: [...(out === undefined ? [] : [field("rows", out.rows)]), field("columns", [...leaving]), field("recipients", 1)],
        statements: [statement],
        exposure: "external",
        left: true,
        ...classes(showing, table, leaving),
      };
    });
  });
}

function columnsLeaving(out: Exported | undefined, table: string, mentioned: readonly string[]): readonly string[] {
  if (out === undefined) return mentioned;
  const plain = table.replaceAll('"', "");
  const direct = out.columns.flatMap(({ source }) => (source?.startsWith(`${plain}.`) === true ? [source.slice(plain.length + 1)] : []));
  const computed = out.columns.some(({ source }) => source === undefined);
  return sortedSet([...direct, ...(computed ? mentioned.filter((name) => name !== "*") : [])]);
}

function unknownParts(planned: Planned): readonly Part[] {
  return planned.statements.flatMap((statement, i): readonly Part[] => {
    const calls = planned.strangers.filter((name) => statement.functions.includes(name));
    const blind = statement.kind === "unknown" || statement.kind === "refused" || statement.dynamic.length > 0;
    const silent = statement.ddl.length === 0 && statement.writes.length === 0 && !statement.exports;
    if (!blind && calls.length === 0 && !silent) return [];
    const says = calls.length > 0 ? `Calls ${calls.join(", ")}, which may do anything` : `${statement.label}: what it does is not known`;
    return [
      {
        kind: "execute",
        object: `statement/${i + 1}`,
        resourceKind: "statement",
        says,
        fields: [],
        statements: [statement],
        provenance: "unknown",
        privilege: "unknown",
        exposure: "unknown",
        destroys: false,
      },
    ];
  });
}
