/** The ceiling's writer: the same pragmas as the store's, one row for each request, one transaction for each batch. */
import { DatabaseSync } from "node:sqlite";
import { parentPort, workerData } from "node:worker_threads";

const db = new DatabaseSync((workerData as { readonly path: string }).path);
db.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; CREATE TABLE rows (id INTEGER PRIMARY KEY, bytes BLOB NOT NULL)");
const insert = db.prepare("INSERT INTO rows (bytes) VALUES (?)");

parentPort?.on("message", (rows: readonly Uint8Array[]) => {
  db.exec("BEGIN IMMEDIATE");
  for (const bytes of rows) insert.run(bytes);
  db.exec("COMMIT");
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread is not a window
  parentPort?.postMessage("done");
});
