import { mkdir, mkdtemp, readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";

/** Names a process for as long as the machine runs: a number alone comes again, in a container at once. */
const SELF = `${process.pid}.${Math.round(performance.timeOrigin)}`;

/** A folder of this process, to be thrown away soon. */
export async function scratch(home: string): Promise<string> {
  await mkdir(home, { recursive: true, mode: 0o700 });
  return mkdtemp(join(home, `${SELF}-`));
}

/** Removes the folders of processes that ended before they could do so themselves. */
export async function sweep(home: string): Promise<void> {
  const names = await readdir(home).catch(() => []);
  for (const name of names.filter((one) => !isAlive(one))) await rm(join(home, name), { recursive: true, force: true });
}

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

function isAlive(name: string): boolean {
  const owner = name.slice(0, Math.max(0, name.lastIndexOf("-")));
  const pid = Number(owner.split(".")[0]);
  if (owner === SELF) return true;
  if (!Number.isInteger(pid) || pid <= 0 || pid === process.pid) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // Not permitted to signal it: somebody else's, and alive.
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
