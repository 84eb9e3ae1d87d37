/** One request to a server that may be gone, paused or cut off at any moment. */
import { Agent, request } from "node:http";

export interface Ask {
  readonly method: "GET" | "POST" | "DELETE";
  readonly path: string;
  readonly token?: string | undefined;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface Reply {
  readonly status: number;
  readonly body: unknown;
}

const agent = new Agent({ keepAlive: true, maxSockets: 64 });
const TIMEOUT_MILLIS = 2_500;

/** Undefined when no whole answer came in time: nobody knows what became of it. */
export function ask(url: string, { method, path, token, body, headers }: Ask, timeoutMillis = TIMEOUT_MILLIS): Promise<Reply | undefined> {
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
    response.on("end", () => resolve(response.complete ? { status: response.statusCode ?? 0, body: parsed(text) } : undefined));
    response.on("error", () => resolve(undefined));
  });
  sent.on("error", () => resolve(undefined));
  sent.end(payload);
  return promise;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}
