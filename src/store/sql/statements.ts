/** Every statement, once, for both dialects. SQLite takes rows one by one; PostgreSQL takes a column of each as an array. */
import { assert } from "../../core/base/index.ts";
import { isKept, type Cell, type ListFrom, type Row, type StreamChange, type TableName, type WriteSet } from "../model.ts";
import { TABLES, columnsOf, type ColumnType } from "./tables.ts";

export interface Statement {
  /** With `?` for each cell of one row. */
  readonly one: string;
  /** With `$n` for each column of all rows. */
  readonly many: string;
}

/** One statement for a number of rows; `expect` is how many rows it must change, or else the commit is a conflict. */
export interface Step {
  readonly statement: Statement;
  readonly rows: readonly (readonly Cell[])[];
  readonly expect?: number;
  /** Large cells: PostgreSQL gets each row as it is rather than as text in an array. */
  readonly apiece?: boolean;
}

const POSTGRES_ARRAY: Readonly<Record<ColumnType, string>> = { int: "bigint[]", text: "text[]", bytes: "bytea[]" };

export const selectFrom = (table: TableName): string => `SELECT ${columnsOf(table).join(", ")} FROM ${table}`;

/** A table of the given columns that PostgreSQL makes from arrays. */
function unnested(types: readonly ColumnType[]): string {
  return `unnest(${types.map((type, i) => `$${i + 1}::${POSTGRES_ARRAY[type]}`).join(", ")})`;
}

export function insertInto(table: TableName, onConflict = ""): Statement {
  const columns = columnsOf(table);
  const into = `INSERT INTO ${table} (${columns.join(", ")})`;
  const one = `${into} VALUES (${columns.map(() => "?").join(", ")}) ${onConflict}`;
  return { one, many: `${into} SELECT * FROM ${unnested(Object.values(TABLES[table].columns))} ${onConflict}` };
}

const INSERT = {
  entries: insertInto("entries"),
  streams: insertInto("streams"),
  claims: insertInto("claims"),
  outbox: insertInto("outbox"),
  checkpoints: insertInto("checkpoints"),
  tiles: insertInto("tiles", "ON CONFLICT (level, idx) DO UPDATE SET hashes = excluded.hashes"),
  payloads: insertInto(
    "payloads",
    "ON CONFLICT (digest) DO UPDATE SET media_type = excluded.media_type, bytes = excluded.bytes WHERE payloads.bytes IS NULL",
  ),
};

/** Only over the version that the batch was decided on. */
const MOVE_STREAM = updateStreams();

function updateStreams(): Statement {
  const { stream: _, ...rest } = TABLES.streams.columns;
  const names = Object.keys(rest);
  const types = [...Object.values(rest), "text", "int"] as const;
  return {
    one: `UPDATE streams SET ${names.map((name) => `${name} = ?`).join(", ")} WHERE stream = ? AND version = ?`,
    many: `UPDATE streams SET ${names.map((name) => `${name} = x.${name}`).join(", ")} FROM ${unnested(types)}
      AS x(${names.join(", ")}, stream, prior) WHERE streams.stream = x.stream AND streams.version = x.prior`,
  };
}

/** Only over the head that the batch was decided on. */
const MOVE_HEAD: Statement = {
  one: "UPDATE head SET size = ?, root = ?, checkpoint = ?, batch = ?, outbox = ? WHERE id = 1 AND batch = ?",
  many: `UPDATE head SET size = x.size, root = x.root, checkpoint = x.checkpoint, batch = x.batch, outbox = x.outbox
    FROM ${unnested(["int", "bytes", "text", "text", "int", "text"])} AS x(size, root, checkpoint, batch, outbox, prior)
    WHERE head.id = 1 AND head.batch = x.prior`,
};

/** Where the head's step stands: when another writer moved it, this is the one that is refused. */
export const HEAD_STEP = 0;

export function stepsOf(set: WriteSet): Step[] {
  const { head, prior } = set;
  const born = set.streams.filter((row) => row.prior === undefined);
  const moved = set.streams.filter((row) => row.prior !== undefined);
  const steps: Step[] = [
    { statement: MOVE_HEAD, rows: [[head.size, head.root, head.checkpoint, head.batch, head.outbox, prior.batch]], expect: 1 },
    insert("entries", set.entries),
    insert("streams", born),
    { statement: MOVE_STREAM, rows: moved.map(moveCells), expect: moved.length },
    insert("claims", set.claims),
    insert("outbox", set.outbox),
    { ...insert("payloads", set.payloads), apiece: true },
    insert("tiles", set.tiles.filter(isKept)),
    insert("checkpoints", set.checkpoint ? [set.checkpoint] : []),
  ];
  return steps.filter(({ rows }) => rows.length > 0);
}

function insert(table: keyof typeof INSERT, rows: readonly object[]): Step {
  const columns = columnsOf(table);
  return { statement: INSERT[table], rows: rows.map((row) => columns.map((column) => (row as Row)[column] ?? null)) };
}

function moveCells(row: StreamChange): Cell[] {
  assert(row.prior !== undefined, "a stream moves from a version");
  const { stream, prior, ...rest } = row;
  return [
    ...columnsOf("streams")
      .slice(1)
      .map((column) => (rest as Row)[column] ?? null),
    stream,
    prior,
  ];
}

/** Rows of a table in key order after a key. */
export function scanStatement(table: TableName, after: boolean): string {
  const keys = TABLES[table].key;
  const where = after ? `WHERE (${keys.join(", ")}) > (${keys.map(() => "?").join(", ")})` : "";
  return `${selectFrom(table)} ${where} ORDER BY ${keys.join(", ")} LIMIT ?`;
}

export interface Query {
  readonly sql: string;
  readonly params: readonly Cell[];
}

/** The prefix is printable ASCII, so that its last character has a successor. */
export function listQuery({ prefix, statuses, proposer, after, limit }: ListFrom): Query {
  const conditions = ["body IS NOT NULL"];
  const params: Cell[] = [];
  const where = (condition: string, ...cells: Cell[]): void => {
    conditions.push(condition);
    params.push(...cells);
  };
  const kind = prefix.includes("/") ? prefix.split("/", 1)[0] : undefined;
  if (kind !== undefined) where("kind = ?", kind);
  if (prefix !== "" && prefix !== `${kind}/`) where("stream >= ? AND stream < ?", prefix, successor(prefix));
  if (statuses) where(statuses.length === 0 ? "1 = 0" : `status IN (${statuses.map(() => "?").join(", ")})`, ...statuses);
  if (proposer !== undefined) where("proposer = ?", proposer);
  if (after) where("(created_at, stream) < (?, ?)", after.createdAt, after.stream);
  const sql = `${selectFrom("streams")} WHERE ${conditions.join(" AND ")} ORDER BY created_at DESC, stream DESC LIMIT ?`;
  return { sql, params: [...params, limit + 1] };
}

const successor = (prefix: string): string => prefix.slice(0, -1) + String.fromCharCode(prefix.charCodeAt(prefix.length - 1) + 1);

/** `?` becomes `$1`, `$2`, … */
export function numbered(sql: string): string {
  let n = 0;
  return sql.replaceAll("?", () => `$${++n}`);
}
