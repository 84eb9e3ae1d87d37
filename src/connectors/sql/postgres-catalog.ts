import type { Connection } from "./postgres-client.ts";
import { nameOf, partsOf } from "./names.ts";
import type { Column } from "./types.ts";

export interface Relation {
  readonly oid: string;
  readonly name: string;
  readonly filenode: string | null;
}

export interface Written {
  readonly inserted: number;
  readonly updated: number;
  readonly deleted: number;
}

/** Every table of the database, by its id: a name may change under way. */
export async function relations(link: Connection): Promise<ReadonlyMap<string, Relation>> {
  const { rows } = await link.ask(
    `SELECT c.oid::text, n.nspname, c.relname, pg_relation_filenode(c.oid)::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE c.relkind IN ('r', 'm', 'p') AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'`,
  );
  return new Map(
    rows.map(([oid, schema, name, filenode]) => [
      oid ?? "",
      { oid: oid ?? "", name: nameOf(schema ?? "", name ?? ""), filenode: filenode ?? null },
    ]),
  );
}

/** What this transaction has done so far to each table, rows that triggers and cascades write included. */
export async function written(link: Connection): Promise<ReadonlyMap<string, Written>> {
  const { rows } = await link.ask(
    "SELECT relid::text, n_tup_ins::text, n_tup_upd::text, n_tup_del::text FROM pg_stat_xact_user_tables WHERE n_tup_ins + n_tup_upd + n_tup_del > 0",
  );
  return new Map(rows.map(([oid, i, u, d]) => [oid ?? "", { inserted: Number(i), updated: Number(u), deleted: Number(d) }]));
}

export function writtenSince(before: ReadonlyMap<string, Written>, after: ReadonlyMap<string, Written>): ReadonlyMap<string, Written> {
  const found = new Map<string, Written>();
  for (const [oid, now] of after) {
    const then = before.get(oid) ?? { inserted: 0, updated: 0, deleted: 0 };
    const delta = { inserted: now.inserted - then.inserted, updated: now.updated - then.updated, deleted: now.deleted - then.deleted };
    if (delta.inserted + delta.updated + delta.deleted > 0) found.set(oid, delta);
  }
  return found;
}

export interface Shape {
  readonly columns: readonly Column[];
  readonly key: readonly string[];
}

export async function shapeOf(link: Connection, oid: string): Promise<Shape> {
  const { rows } = await link.ask(
    `SELECT a.attname, format_type(a.atttypid, a.atttypmod), (a.attgenerated <> '')::text, array_position(i.indkey::int2[], a.attnum)::text
     FROM pg_attribute a LEFT JOIN pg_index i ON i.indrelid = a.attrelid AND i.indisprimary
     WHERE a.attrelid = $1::text::oid AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum`,
    [oid],
  );
  const columns = rows.map(([name, type, generated]) => ({ name: name ?? "", type: type ?? "", generated: generated === "true" }));
  const key = rows.filter((row) => row[3] !== null).toSorted((a, b) => Number(a[3]) - Number(b[3]));
  return { columns, key: key.map(([name]) => name ?? "") };
}

const DESCRIBE = `
  SELECT jsonb_build_object(
    'kind', c.relkind, 'row_security', c.relrowsecurity, 'forced', c.relforcerowsecurity, 'persistence', c.relpersistence,
    'owner', pg_get_userbyid(c.relowner), 'rights', c.relacl::text,
    'view', CASE WHEN c.relkind IN ('v', 'm') THEN pg_get_viewdef(c.oid) END,
    'columns', (SELECT jsonb_agg(jsonb_build_array(a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attgenerated, a.attidentity,
        pg_get_expr(d.adbin, d.adrelid)) ORDER BY a.attnum)
      FROM pg_attribute a LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped),
    'constraints', (SELECT jsonb_agg(jsonb_build_array(conname, pg_get_constraintdef(oid), convalidated) ORDER BY conname) FROM pg_constraint WHERE conrelid = c.oid),
    'referred', (SELECT jsonb_agg(jsonb_build_array(conname, conrelid::regclass::text, pg_get_constraintdef(oid)) ORDER BY conrelid::regclass::text, conname)
      FROM pg_constraint WHERE confrelid = c.oid AND contype = 'f'),
    'indexes', (SELECT jsonb_agg(jsonb_build_array(pg_get_indexdef(indexrelid), indisvalid) ORDER BY pg_get_indexdef(indexrelid)) FROM pg_index WHERE indrelid = c.oid),
    'triggers', (SELECT jsonb_agg(jsonb_build_array(pg_get_triggerdef(t.oid), t.tgenabled, md5(pg_get_functiondef(t.tgfoid))) ORDER BY t.tgname)
      FROM pg_trigger t WHERE t.tgrelid = c.oid AND NOT t.tgisinternal),
    'policies', (SELECT jsonb_agg(jsonb_build_array(polname, polcmd, polpermissive, pg_get_expr(polqual, polrelid), pg_get_expr(polwithcheck, polrelid)) ORDER BY polname)
      FROM pg_policy WHERE polrelid = c.oid),
    'rules', (SELECT jsonb_agg(pg_get_ruledef(oid) ORDER BY rulename) FROM pg_rewrite WHERE ev_class = c.oid),
    'parents', (SELECT jsonb_agg(inhparent::regclass::text ORDER BY inhseqno) FROM pg_inherits WHERE inhrelid = c.oid),
    'children', (SELECT jsonb_agg(inhrelid::regclass::text ORDER BY inhrelid::regclass::text) FROM pg_inherits WHERE inhparent = c.oid)
  )::text
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = $1 AND c.relname = $2`;

/** All that makes a table, view or function what it is, with names and never ids: made again in the same way, it reads the same. */
export async function describe(link: Connection, name: string): Promise<unknown> {
  const [schema = "", object = ""] = partsOf(name);
  const { rows } = await link.ask(DESCRIBE, [schema, object]);
  const [found] = rows;
  const functions = await link.ask(
    "SELECT md5(string_agg(pg_get_functiondef(p.oid), '' ORDER BY p.oid::regprocedure::text)) FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace WHERE n.nspname = $1 AND p.proname = $2 AND p.prokind IN ('f', 'p')",
    [schema, object],
  );
  const body = functions.rows[0]?.[0] ?? null;
  return { relation: found?.[0] === undefined || found[0] === null ? null : (JSON.parse(found[0]) as unknown), function: body };
}

/** Locks that this transaction holds on tables, by table. */
export async function locksHeld(link: Connection, tables: ReadonlyMap<string, Relation>): Promise<Record<string, string[]>> {
  const { rows } = await link.ask(
    "SELECT relation::text, mode FROM pg_locks WHERE pid = pg_backend_pid() AND locktype = 'relation' AND granted ORDER BY 1, 2",
  );
  const held: Record<string, string[]> = {};
  for (const [oid, mode] of rows) {
    const name = tables.get(oid ?? "")?.name;
    if (name !== undefined && mode !== null && mode !== undefined) (held[name] ??= []).push(mode);
  }
  return held;
}

/** Functions that are called and not PostgreSQL's own harmless ones, with why that matters. */
export async function strangers(link: Connection, names: readonly string[], schema: string): Promise<readonly string[]> {
  const found: string[] = [];
  for (const name of names) {
    const parts = name.split(".");
    const [own, bare] = parts.length > 1 ? [parts.at(-2) ?? "", parts.at(-1) ?? ""] : [undefined, name];
    const { rows } = await link.ask(
      "SELECT n.nspname, p.provolatile FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace WHERE p.proname = $1 AND n.nspname = ANY($2::text[])",
      [bare, own === undefined ? ["pg_catalog", schema] : [own]],
    );
    const strange =
      rows.length === 0 ||
      rows.some(([space, volatility]) => space !== "pg_catalog" || (volatility === "v" && !HARMLESS.has(bare)) || DYNAMIC.test(bare));
    if (strange) found.push(name);
  }
  return found;
}

/** Volatile, but they only answer another value each time. */
const HARMLESS = new Set([
  "random",
  "random_normal",
  "gen_random_uuid",
  "uuidv4",
  "uuidv7",
  "clock_timestamp",
  "timeofday",
  "statement_timestamp",
  "nextval",
  "currval",
  "lastval",
]);
/** They run text as SQL, whatever their volatility says. */
const DYNAMIC = /^(query|cursor|table|schema|database)_to_xml|^pg_notify$|^set_config$|^pg_(read|ls|stat)_/;
