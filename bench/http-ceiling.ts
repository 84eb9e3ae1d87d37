/** What HTTP and one durable commit cost when nothing is decided: bare Fastify, a body read, one row of as many bytes, FULL sync. */
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import fastify from "fastify";

interface Waiting {
  readonly bytes: Buffer;
  readonly done: () => void;
}

/** Writes rows in a thread of its own; what arrives during a commit shares the next one, as in the store. */
function committer(path: string): { readonly commit: (bytes: Buffer) => Promise<void>; readonly close: () => Promise<number> } {
  const worker = new Worker(new URL("./http-ceiling-writer.ts", import.meta.url), { workerData: { path } });
  let queue: Waiting[] = [];
  let busy: Waiting[] = [];
  const send = (): void => {
    if (busy.length > 0 || queue.length === 0) return;
    [busy, queue] = [queue, []];
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread is not a window
    worker.postMessage(busy.map(({ bytes }) => bytes));
  };
  worker.on("message", () => {
    for (const { done } of busy) done();
    busy = [];
    send();
  });
  return {
    commit: (bytes) =>
      new Promise((resolve) => {
        queue.push({ bytes, done: resolve });
        send();
      }),
    close: () => worker.terminate(),
  };
}

/** `row` bytes are committed for each request, and `answer` bytes said. */
export async function serveCeiling(folder: string, row: number, answer: string): Promise<{ port: number; close: () => Promise<void> }> {
  const { commit, close } = committer(join(folder, "ceiling.db"));
  const app = fastify({ logger: false });
  app.removeAllContentTypeParsers();
  app.addContentTypeParser("application/json", { parseAs: "buffer" }, (_request, bytes, done) => done(null, bytes));
  app.post("/ceiling", async (request, reply) => {
    const bytes = Buffer.alloc(row, 0x61);
    (request.body as Buffer).copy(bytes);
    await commit(bytes);
    return reply.code(201).type("application/json; charset=utf-8").send(answer);
  });
  await app.listen({ host: "127.0.0.1", port: 0 });
  return {
    port: (app.server.address() as AddressInfo).port,
    close: async () => {
      await app.close();
      await close();
    },
  };
}
