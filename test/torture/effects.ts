/** What really happened outside: the commits on the branches. */
import { execFile } from "node:child_process";
import { globSync, rmSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { repositoryOf } from "./deployment.ts";

const run = promisify(execFile);

/** How often a message stands on the branch. */
export async function subjects(folder: string, repository: string): Promise<ReadonlyMap<string, number>> {
  const { stdout } = await run("git", ["-C", repositoryOf(folder, repository), "log", "--format=%s", "main"], { maxBuffer: 1 << 26 });
  const counts = new Map<string, number>();
  for (const subject of stdout.split("\n")) counts.set(subject, (counts.get(subject) ?? 0) + 1);
  return counts;
}

/** What a git that was killed in the middle of a push leaves in the repository: for the repository's own keeper to remove. */
export function sweepLocks(folder: string, repository: string): void {
  const root = repositoryOf(folder, repository);
  for (const lock of globSync("{*.lock,refs/**/*.lock}", { cwd: root })) rmSync(join(root, lock), { force: true });
}
