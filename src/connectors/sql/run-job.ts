import { getCompileCacheDir } from "node:module";
import { dirname, extname } from "node:path";
import { execa } from "execa";
import { doJob } from "./job.ts";
import type { Job } from "./job.ts";
import { outOfTime } from "./postgres-client.ts";
import { openSession } from "./session.ts";
import type { SessionOptions } from "./session.ts";
import { SqlFault, sqlFault } from "./types.ts";
import { PerformError } from "./perform.ts";
import type { PerformFault } from "../../control/ports.ts";

/** PostgreSQL is worked on from here, SQLite in a process of its own. Faults are thrown as `SqlFault`. */
export async function runJob(options: SessionOptions, job: Job): Promise<unknown> {
  if (options.signal.aborted) throw outOfTime();
  return options.database.kind === "postgres" ? doJob(openSession(options), job, async () => {}) : inChild(options, job);
}

type Said =
  | { readonly kind: "committing" }
  | { readonly kind: "done"; readonly value: unknown }
  | { readonly kind: "fault"; readonly refusal: PerformFault; readonly effect?: PerformFault["effect"] };

const CHILD = new URL(`./sqlite-child${extname(import.meta.filename)}`, import.meta.url);

/** What this process has compiled, the child need not compile again: it is ended before it could keep anything itself. */
function compiled(): Record<string, string> {
  const folder = getCompileCacheDir();
  return folder === undefined ? {} : { NODE_COMPILE_CACHE: dirname(folder) };
}

async function inChild({ database, secretKey, vaultDir, now, signal }: SessionOptions, job: Job): Promise<unknown> {
  const child = execa(process.execPath, ["--disable-warning=ExperimentalWarning", CHILD.pathname], {
    ipc: true,
    buffer: false,
    reject: false,
    env: compiled(),
    extendEnv: false,
    stdin: "ignore",
    stdout: "ignore",
    stderr: "ignore",
    cancelSignal: signal,
    killSignal: "SIGKILL",
  });
  // What was not allowed to commit did not, whenever the process ends.
  let committing = false;
  try {
    await child.sendMessage({ job, options: { database, secretKey: Buffer.from(secretKey).toString("hex"), vaultDir, now } });
    for await (const message of child.getEachMessage()) {
      const said = message as unknown as Said;
      if (said.kind === "done") return said.value;
      if (said.kind === "fault")
        throw said.effect === undefined ? new SqlFault(said.refusal) : new PerformError({ ...said.refusal, effect: said.effect });
      committing = true;
      await child.sendMessage("commit");
    }
  } catch (error) {
    if (error instanceof SqlFault) throw error;
  } finally {
    child.kill("SIGKILL");
    await child;
  }
  if (committing)
    throw new PerformError({
      code: "sql_commit_unknown",
      message: "the process ended while it committed",
      remedy: "look whether the rows are as they were meant to be, then reconcile",
      effect: "possible",
    });
  throw signal.aborted ? outOfTime() : sqlFault("sql_failed", "the process that works on the database ended", "try again");
}
