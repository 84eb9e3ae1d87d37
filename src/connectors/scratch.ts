import { writeFileSync } from "node:fs";
import { mkdir, mkdtemp, readFile, readdir, rm } from "node:fs/promises";
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
  for (const name of names.filter((one) => !isAlive(one)))
    if (!(await isWorkedIn(join(home, name)))) await rm(join(home, name), { recursive: true, force: true });
}

const WORKER = "worker";

/** A program that works in this folder may outlive whoever started it: an apply goes on when Pawl is killed. */
export const workedInBy = (folder: string, pid: number | undefined): void => {
  if (pid !== undefined) writeFileSync(join(folder, WORKER), String(pid), { mode: 0o600 });
};

async function isWorkedIn(folder: string): Promise<boolean> {
  const pid = Number(await readFile(join(folder, WORKER), "latin1").catch(() => ""));
  return Number.isInteger(pid) && pid > 0 && runs(pid);
}

let written = 0;
/** A name beside `path` that nobody else takes: written there, and renamed, nobody meets half of it. */
export const asideOf = (path: string): string => `${path}.${SELF}.${++written}`;

function isAlive(name: string): boolean {
  const owner = name.slice(0, Math.max(0, name.lastIndexOf("-")));
  const pid = Number(owner.split(".")[0]);
  if (owner === SELF) return true;
  return Number.isInteger(pid) && pid > 0 && pid !== process.pid && runs(pid);
}

function runs(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // Not permitted to signal it: somebody else's, and alive.
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
