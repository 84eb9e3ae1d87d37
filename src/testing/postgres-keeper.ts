/** Keeps one PostgreSQL server running for as long as the test run lives that wanted it: `postgres-keeper.ts FOLDER PID`. */
import { renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { startPostgres } from "./postgres-server.ts";

const [folder = "", run = ""] = process.argv.slice(2);
const CHECK_MILLIS = 300;

function tell(name: string, text: string): void {
  writeFileSync(join(folder, `${name}.new`), text);
  renameSync(join(folder, `${name}.new`), join(folder, name));
}

function alive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

try {
  const server = await startPostgres(folder, false);
  tell("url", server.url);
  const end = async (): Promise<void> => {
    clearInterval(timer);
    await server.stop();
    rmSync(folder, { recursive: true, force: true });
  };
  const timer = setInterval(() => {
    if (!alive(Number(run))) void end();
  }, CHECK_MILLIS);
} catch (error) {
  tell("failed", String(error));
}
