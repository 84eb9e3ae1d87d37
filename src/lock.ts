import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { ok, refuse, type Result } from "./core/base/index.ts";

/**
 * One process serves a data folder at a time: a second would take the first's runs for lost. The lock is SQLite's own on a file
 * beside the data, so that it ends with the process, however that ends.
 */
export function lockFolder(dataDir: string): Result<() => void> {
  const lock = new DatabaseSync(join(dataDir, "lock.db"));
  try {
    lock.exec("PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE");
    return ok(() => lock.close());
  } catch {
    lock.close();
    const remedy = "stop the `pawl up` that runs on it, or set data_dir to another folder";
    return refuse("folder_in_use", `another Pawl serves ${dataDir}`, { where: "data_dir", remedy });
  }
}
