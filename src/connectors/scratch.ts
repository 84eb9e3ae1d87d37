import { mkdir, mkdtemp, readdir, rm } from "node:fs/promises";
import { join } from "node:path";

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

let written = 0;
/** A name beside `path` that nobody else takes: written there, and renamed, nobody meets half of it. */
export const asideOf = (path: string): string => `${path}.${SELF}.${++written}`;

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
