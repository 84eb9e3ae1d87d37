export type { Identity, OpenCode, OpenRefusal } from "./head.ts";
export { openMemory } from "./memory.ts";
export { openPostgres, snapshotPostgres } from "./postgres.ts";
export type { PostgresOptions } from "./postgres.ts";
export { openSqlite, snapshotSqlite } from "./sqlite.ts";
export type { SqliteOptions } from "./sqlite.ts";
export type { OpenStore } from "./store.ts";
