/** The tables: their columns, their keys and the statements made from them, for both dialects. */
import type { Cell, Row, TableName } from "../model.ts";

export type ColumnType = "int" | "text" | "bytes";

interface Table {
  readonly columns: Readonly<Record<string, ColumnType>>;
  readonly key: readonly string[];
}

export const TABLES: Readonly<Record<TableName, Table>> = {
  head: {
    columns: { id: "int", origin: "text", size: "int", root: "bytes", checkpoint: "text", batch: "text", nodes: "int", outbox: "int" },
    key: ["id"],
  },
  entries: { columns: { idx: "int", stream: "text", ordinal: "int", bytes: "bytes", leaf: "bytes" }, key: ["idx"] },
  streams: {
    columns: {
      stream: "text",
      kind: "text",
      mode: "text",
      version: "int",
      body: "text",
      status: "text",
      proposer: "text",
      created_at: "int",
      updated_at: "int",
      seal: "text",
    },
    key: ["stream"],
  },
  claims: { columns: { kind: "text", key: "text", value: "text", idx: "int" }, key: ["kind", "key"] },
  outbox: {
    columns: { id: "int", key: "text", kind: "text", body: "text", due_at: "int", lease_until: "int", attempts: "int", settled: "int" },
    key: ["id"],
  },
  payloads: { columns: { digest: "text", media_type: "text", size: "int", bytes: "bytes" }, key: ["digest"] },
  tiles: { columns: { level: "int", idx: "int", hashes: "bytes" }, key: ["level", "idx"] },
  checkpoints: { columns: { size: "int", root: "bytes", note: "text", batch: "text" }, key: ["size"] },
};

/** In the order in which a move copies them. */
export const TABLE_NAMES = Object.keys(TABLES) as readonly TableName[];

export const columnsOf = (table: TableName): readonly string[] => Object.keys(TABLES[table].columns);
export const keyOf = (table: TableName, row: Row): readonly Cell[] => TABLES[table].key.map((column) => row[column] ?? null);
export const cellsOf = (table: TableName, row: Row): readonly Cell[] => columnsOf(table).map((column) => row[column] ?? null);
