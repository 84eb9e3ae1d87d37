import { readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";

/** A living git holds a lock for moments. */
const LOCK_MILLIS = 500;

/** Removes the locks of gits that were killed together with the Pawl that had started them: git itself would wait for them for ever. */
export async function sweepLocks(dir: string): Promise<void> {
  const found = await locksIn(dir);
  if (found.size === 0) return;
  await wait(LOCK_MILLIS);
  const still = await locksIn(dir);
  for (const [path, mark] of found) if (still.get(path) === mark) await rm(path, { force: true });
}

/** What stands for one lock and no later one of the same name. */
async function locksIn(dir: string): Promise<ReadonlyMap<string, string>> {
  const names = [
    ...(await readdir(dir).catch(() => [])),
    ...(await readdir(join(dir, "refs"), { recursive: true }).catch(() => [])).map((name) => join("refs", name)),
  ];
  const locks = new Map<string, string>();
  for (const name of names.filter((one) => one.endsWith(".lock"))) {
    const path = join(dir, name);
    const seen = await stat(path).catch(() => undefined);
    if (seen !== undefined) locks.set(path, `${seen.ino} ${seen.mtimeMs}`);
  }
  return locks;
}
