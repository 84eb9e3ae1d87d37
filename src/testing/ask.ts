/** One request to a server that may be gone, paused or cut off at any moment. */
import { request, type Agent } from "node:http";

export interface Ask {
  readonly method: "GET" | "POST" | "DELETE";
  readonly path: string;
  readonly token?: string | undefined;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface Reply {
  readonly status: number;
  readonly text: string;
}

interface Asking {
  readonly agent: Agent;
  readonly timeoutMillis: number;
}

/** Undefined when no whole answer came in time: nobody knows what became of the request. */
export function ask(
  url: string,
  { method, path, token, body, headers }: Ask,
  { agent, timeoutMillis }: Asking,
): Promise<Reply | undefined> {
  const { promise, resolve } = Promise.withResolvers<Reply | undefined>();
  const payload = body === undefined ? undefined : JSON.stringify(body);
  const sent = request(`${url}${path}`, {
    method,
    agent,
    signal: AbortSignal.timeout(timeoutMillis),
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
  sent.on("error", () => resolve(undefined));
  sent.end(payload);
  return promise;
}
