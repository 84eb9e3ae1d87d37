/** One client's connection to a server that may be gone at any moment. */
import { Agent } from "node:http";
import { ask, type Ask, type Reply } from "../../src/testing/ask.ts";

/** Longer than the longest wait that anybody asks for. */
const TIMEOUT_MILLIS = 40_000;

export class Connection {
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 1 });

  ask(url: string, asked: Ask): Promise<Reply | undefined> {
    return ask(url, asked, { agent: this.#agent, timeoutMillis: TIMEOUT_MILLIS });
  }

  close(): void {
    this.#agent.destroy();
  }
}

/** For what must be answered: a server that was just started and is left alone. */
export async function answered<T>(connection: Connection, url: string, asked: Ask): Promise<T> {
  const reply = await connection.ask(url, asked);
  if (reply === undefined) throw new Error(`${asked.method} ${asked.path} was not answered`);
  if (reply.status >= 300) throw new Error(`${asked.method} ${asked.path} was answered with ${reply.status}: ${reply.text}`);
  return JSON.parse(reply.text) as T;
}
