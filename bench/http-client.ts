/** Asks as fast as it is answered, from a process of its own: the least HTTP client that there can be, over node:net. */
import { connect, type Socket } from "node:net";

export interface Load {
  readonly port: number;
  /** A request up to its body, without content-length and connection. */
  readonly head: string;
  /** Stands in every answer, or it is none. */
  readonly expect: string;
  /** Where `########` stands, each request has a number of its own. */
  readonly body: string;
  readonly clients: number;
  readonly keepAlive: boolean;
  readonly millis: number;
}

const MARK = "########";
let count = 0;

/** Requests answered per second. */
export async function load({ port, head, body, expect, clients, keepAlive, millis }: Load): Promise<number> {
  const text = `${head}connection: ${keepAlive ? "keep-alive" : "close"}\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
  const next = (): string => text.replaceAll(MARK, String((count += 1)).padStart(MARK.length, "0"));
  const start = performance.now();
  const until = start + millis;
  const done = await Promise.all(Array.from({ length: clients }, () => client(port, next, expect, keepAlive, until)));
  return (done.reduce((sum, n) => sum + n, 0) * 1000) / (performance.now() - start);
}

async function client(port: number, next: () => string, expect: string, keepAlive: boolean, until: number): Promise<number> {
  let done = 0;
  let socket: Socket | undefined;
  while (performance.now() < until) {
    socket ??= connect({ port, host: "127.0.0.1", noDelay: true });
    await exchange(socket, next(), expect);
    done += 1;
    if (keepAlive) continue;
    socket.destroy();
    socket = undefined;
  }
  socket?.destroy();
  return done;
}

function exchange(socket: Socket, request: string, expect: string): Promise<void> {
  return new Promise((resolve, reject) => {
    let got = "";
    const end = (error?: Error): void => {
      socket.off("data", read).off("error", end).off("close", closed);
      if (error === undefined) resolve();
      else reject(error);
    };
    const closed = (): void => end(new Error(`the server hung up after: ${got.slice(0, 500)}`));
    const read = (chunk: Buffer): void => {
      got += chunk.toString("latin1");
      const body = got.indexOf("\r\n\r\n") + 4;
      if (body < 4) return;
      const length = Number(/\r\ncontent-length: (\d+)/i.exec(got)?.[1]);
      if (got.length - body < length) return;
      end(got.startsWith("HTTP/1.1 201") && got.includes(expect, body) ? undefined : new Error(got));
    };
    socket.on("data", read).on("error", end).on("close", closed);
    socket.write(request, "latin1");
  });
}

process.on("message", (asked: Load) => {
  load(asked).then(
    (rate) => process.send?.({ rate }),
    (error: unknown) => process.send?.({ error: String(error) }),
  );
});
