/** Where a SQLite transaction runs: in a thread of its own, or here. */
import { Worker } from "node:worker_threads";
import { TIDY_PAGES, connect, messageOf, pagesOf, runProgram, tidy, type Connection, type ProgramStep, type Reply } from "./program.ts";
import { pack, type Packed } from "./packed.ts";

export interface Writer {
  run(steps: readonly ProgramStep[]): Promise<Reply>;
  /** Puts what is in the log into the file. */
  tidy(): Promise<Reply>;
  close(): Promise<void>;
}

/** Blocks the event loop while the disk works: for programs that do nothing else meanwhile. */
export function writerHere(path: string): Writer {
  const connection = connect(path);
  const answered = tidying(connection);
  return {
    run: async (steps) => {
      const reply = runProgram(connection, steps);
      answered(steps);
      return reply;
    },
    tidy: async () => tidied(connection),
    close: async () => connection.db.close(),
  };
}

/** Called after each program, when it was answered: tidies once enough was written. */
export function tidying(connection: Connection): (steps: readonly ProgramStep[]) => void {
  let pages = 0;
  return (steps) => {
    pages += pagesOf(steps);
    if (pages < TIDY_PAGES) return;
    pages = 0;
    tidied(connection);
  };
}

/** What could not be tidied now will be the next time. */
export function tidied(connection: Connection): Reply {
  try {
    tidy(connection);
    return { kind: "done", rows: [], changes: 0 };
  } catch (error) {
    return { kind: "failed", message: messageOf(error) };
  }
}

/** What the thread is told. */
export type Message = Packed | "tidy" | "close";

/** A path in a string is not rewritten when TypeScript is compiled. */
const THREAD = import.meta.url.endsWith(".ts") ? new URL("./worker.ts", import.meta.url) : new URL("./worker.js", import.meta.url);

export function writerThread(path: string): Writer {
  const worker = new Worker(THREAD, { workerData: { path } });
  const waiting: ((reply: Reply) => void)[] = [];
  let stopped: string | undefined;
  const stop = (message: string): void => {
    stopped ??= message;
    // What it was doing may have been done: whoever asked has to look.
    for (const answer of waiting.splice(0)) answer({ kind: "unknown", message });
  };
  const ended = new Promise<void>((resolve) => worker.once("exit", () => (stop("the writer's thread ended"), resolve())));
  worker.on("message", (reply: Reply) => waiting.shift()?.(reply));
  worker.on("error", (error: unknown) => stop(`the writer's thread failed: ${String(error)}`));
  // Alive only while something waits, so that a program that is done can end.
  worker.unref();
  const ask = async (message: Message, handed: readonly ArrayBuffer[] = []): Promise<Reply> => {
    if (stopped !== undefined) return { kind: "failed", message: stopped };
    const { promise, resolve } = Promise.withResolvers<Reply>();
    worker.ref();
    waiting.push((reply) => {
      if (waiting.length === 0) worker.unref();
      resolve(reply);
    });
    worker.postMessage(message, handed);
    return promise;
  };
  return {
    run: (steps) => {
      const message = pack(steps);
      return ask(message, [message.bytes.buffer]);
    },
    tidy: () => ask("tidy"),
    close: async () => {
      if (stopped !== undefined) return;
      worker.ref();
      // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread is not a window
      worker.postMessage("close");
      await ended;
    },
  };
}
