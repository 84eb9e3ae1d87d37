import { connect, type Socket } from "node:net";
import type { FastifyInstance } from "fastify";

export async function listening(app: FastifyInstance): Promise<number> {
  await app.listen({ host: "127.0.0.1", port: 0 });
  const address = app.server.address();
  if (typeof address !== "object" || address === null) throw new Error("the server has no port");
  return address.port;
}

export interface Conversation {
  readonly socket: Socket;
  /** Everything that came until the server closed the connection. */
  readonly ended: Promise<string>;
  /** Settles when what has come matches. */
  until(pattern: RegExp): Promise<string>;
}

/** Bytes as they are, to a server that may not like them. A reset after an answer is an end like any other. */
export function converse(port: number, first: string | Uint8Array = ""): Conversation {
  const socket = connect(port, "127.0.0.1");
  const ended = Promise.withResolvers<string>();
  const watchers = new Set<() => void>();
  let said = "";
  socket.setEncoding("latin1");
  socket.on("data", (text: string) => {
    said += text;
    for (const watcher of watchers) watcher();
  });
  socket.on("error", () => undefined);
  socket.on("close", () => {
    ended.resolve(said);
    for (const watcher of watchers) watcher();
  });
  if (first.length > 0) socket.write(first);
  return {
    socket,
    ended: ended.promise,
    until(pattern) {
      const found = Promise.withResolvers<string>();
      const watcher = (): void => {
        if (pattern.test(said)) found.resolve(said);
        else if (socket.destroyed) found.reject(new Error(`the connection ended without ${String(pattern)}:\n${said}`));
        else return;
        watchers.delete(watcher);
      };
      watchers.add(watcher);
      watcher();
      return found.promise;
    },
  };
}

/** A whole request in one go; answers all that came back. */
export async function exchange(port: number, head: readonly string[], body = ""): Promise<string> {
  return converse(port, `${head.join("\r\n")}\r\nConnection: close\r\n\r\n${body}`).ended;
}

export const statusOf = (reply: string): number => Number(/^HTTP\/1\.1 (\d{3})/.exec(reply)?.[1] ?? 0);
export const bodyOf = (reply: string): string => reply.slice(reply.indexOf("\r\n\r\n") + 4);
export const headerOf = (reply: string, name: string): string | undefined =>
  new RegExp(`^${name}: (.*)\r$`, "im").exec(reply.split("\r\n\r\n", 1)[0] + "\r")?.[1];
