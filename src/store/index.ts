export type { Identity, OpenCode, OpenRefusal } from "./head.ts";
export { openMemory } from "./memory.ts";
export { openSqlite, snapshotSqlite } from "./sqlite.ts";
export type { SqliteOptions } from "./sqlite.ts";
export type { OpenStore } from "./store.ts";
