/** The process in which an SQLite database is worked on; it is told one job, and ended when that takes too long. */
import { doJob } from "./job.ts";
import type { Job } from "./job.ts";
import { openSession } from "./session.ts";
import type { SessionOptions } from "./session.ts";
import { PerformError } from "./perform.ts";
import { SqlFault } from "./types.ts";

interface Order {
  readonly job: Job;
  readonly options: Omit<SessionOptions, "signal" | "env" | "secretKey"> & { readonly secretKey: string };
}

const say = (message: unknown): Promise<void> => new Promise((done) => void process.send?.(message, () => done()));
const told = (): Promise<unknown> => new Promise((done) => void process.once("message", done));

const { job, options } = (await told()) as Order;
const session = openSession({
  ...options,
  secretKey: Buffer.from(options.secretKey, "hex"),
  signal: new AbortController().signal,
  env: {},
});
try {
  const value = await doJob(session, job, async () => {
    await say({ kind: "committing" });
    await told();
  });
  await say({ kind: "done", value });
} catch (error) {
  if (!(error instanceof SqlFault)) throw error;
  await say({ kind: "fault", refusal: error.refusal, effect: error instanceof PerformError ? error.effect : undefined });
}
process.disconnect?.();
