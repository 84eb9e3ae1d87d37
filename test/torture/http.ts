/** One client's connection to a server that may be gone at any moment. */
import { Agent, request } from "node:http";

export interface Ask {
  readonly method: "GET" | "POST" | "DELETE";
  readonly path: string;
  readonly token?: string;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface Reply {
  readonly status: number;
  readonly text: string;
}

const TIMEOUT_MILLIS = 30_000;

export class Connection {
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 1 });

  /** Undefined when no whole answer came: nobody knows what became of the request. */
  ask(url: string, { method, path, token, body, headers = {} }: Ask): Promise<Reply | undefined> {
    const { promise, resolve } = Promise.withResolvers<Reply | undefined>();
    const payload = body === undefined ? undefined : JSON.stringify(body);
    const sent = request(`${url}${path}`, {
      method,
      agent: this.#agent,
      timeout: TIMEOUT_MILLIS,
      headers: {
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        ...(payload === undefined ? {} : { "content-type": "application/json", "content-length": String(Buffer.byteLength(payload)) }),
        ...headers,
      },
    });
    sent.on("response", (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
      response.on("end", () => resolve(response.complete ? { status: response.statusCode ?? 0, text } : undefined));
      response.on("error", () => resolve(undefined));
    });
    sent.on("timeout", () => sent.destroy(new Error("no answer in time")));
    sent.on("error", () => resolve(undefined));
    sent.end(payload);
    return promise;
  }

  close(): void {
    this.#agent.destroy();
  }
}

/** For what must be answered: a server that was just started and is left alone. */
export async function answered<T>(connection: Connection, url: string, ask: Ask): Promise<T> {
  const reply = await connection.ask(url, ask);
  if (reply === undefined) throw new Error(`${ask.method} ${ask.path} was not answered`);
  if (reply.status >= 300) throw new Error(`${ask.method} ${ask.path} was answered with ${reply.status}: ${reply.text}`);
  return JSON.parse(reply.text) as T;
}
