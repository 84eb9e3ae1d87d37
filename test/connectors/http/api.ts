/** An API as others write them: tickets with ETags, flags with versions, and ways to misbehave. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { TestContext } from "node:test";

export interface Heard {
  readonly method: string;
  readonly url: string;
  readonly rawHeaders: readonly string[];
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
}

interface Ticket {
  status: string;
  title: string;
  version: number;
}

export class Api {
  readonly heard: Heard[] = [];
  readonly tickets = new Map<string, Ticket>([["OPS-1", { status: "doing", title: "Rotate the keys", version: 7 }]]);
  readonly flags = new Map([["new-cart", { version: 3, percent: 5, last: "" }]]);
  /** What answers in place of the API, for requests that change something. */
  misbehave:
    | "never"
    | "loses"
    | "loses-before"
    | "redirects"
    | "is-slow"
    | "streams"
    | "ignores"
    | "echoes"
    | "tags"
    | "is-down"
    | "fails" = "never";
  /** Runs when a request to change something has come, before it is judged. */
  meanwhile: () => void = () => undefined;
  readonly #server: Server;

  private constructor() {
    this.#server = createServer((request, response) => void this.#hear(request, response));
  }

  static async open(t: Pick<TestContext, "after">): Promise<Api> {
    const api = new Api();
    await new Promise<void>((resolve) => api.#server.listen(0, "127.0.0.1", resolve));
    t.after(() => {
      api.#server.closeAllConnections();
      api.#server.close();
    });
    return api;
  }

  get origin(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  get writes(): readonly Heard[] {
    return this.heard.filter(({ method }) => method !== "GET");
  }

  /** Somebody works past Pawl. */
  move(ticket: string, status: string): void {
    const found = this.tickets.get(ticket);
    if (found !== undefined) this.tickets.set(ticket, { ...found, status, version: found.version + 1 });
  }

  async #hear(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let body = "";
    for await (const chunk of request) body += String(chunk);
    const { method = "", url = "", rawHeaders, headers } = request;
    this.heard.push({ method, url, rawHeaders, headers, body });
    if (method !== "GET") {
      this.meanwhile();
      if (this.#misbehaves(request, response)) return;
    } else if (this.misbehave === "echoes")
      return answer(response, 200, { status: `doing ${String(headers["authorization"])}`, title: "x" });
    else if (this.misbehave === "is-down") return answer(response, 503, {});
    else if (this.misbehave === "tags") return answer(response, 200, { status: "doing", title: "x" }, credentialTag(headers));
    if (method !== "GET" && this.misbehave === "loses") request.socket.destroy();
    this.#serve({ method, url, rawHeaders, headers, body }, response);
  }

  #misbehaves(request: IncomingMessage, response: ServerResponse): boolean {
    switch (this.misbehave) {
      case "loses-before":
        request.socket.destroy();
        return true;
      case "redirects":
        response.writeHead(307, { location: "http://127.0.0.1:1/elsewhere" }).end();
        return true;
      case "tags":
        answer(response, 200, {}, credentialTag(request.headers));
        return true;
      case "is-slow":
        return true;
      case "streams":
        response.writeHead(200, { "content-type": "application/json" });
        stream(response);
        return true;
      case "ignores":
        answer(response, 200, {});
        return true;
      case "fails":
        answer(response, 500, { error: `your ${String(request.headers["authorization"])} broke it` });
        return true;
      default:
        return false;
    }
  }

  #serve({ method, url: asked, headers, body }: Heard, response: ServerResponse): void {
    const [url = ""] = asked.split("?", 1);
    const ticket = /^\/api\/tickets\/([^/]+)(\/status|\/comments)?$/.exec(url);
    const flag = /^\/v2\/flags\/([^/]+)$/.exec(url);
    if (ticket !== null) this.#ticket(method, decodeURIComponent(ticket[1] ?? ""), headers, body, response);
    else if (flag !== null) this.#flag(method, decodeURIComponent(flag[1] ?? ""), headers, body, response);
    else answer(response, 404, { error: "no such path" });
  }

  #ticket(method: string, id: string, headers: Heard["headers"], body: string, response: ServerResponse): void {
    const found = this.tickets.get(id);
    if (method === "GET") return found === undefined ? answer(response, 404, {}) : answer(response, 200, shown(found), etag(found));
    if (method === "POST") return answer(response, 201, {});
    if (headers["if-none-match"] === "*" && found !== undefined) return answer(response, 412, {});
    if (found === undefined && method === "DELETE") return answer(response, 404, {});
    if (headers["if-match"] !== undefined && (found === undefined || headers["if-match"] !== etag(found))) return answer(response, 412, {});
    if (method === "DELETE") {
      this.tickets.delete(id);
      return void response.writeHead(204).end();
    }
    const asked = JSON.parse(body) as { status: string; title?: string };
    const next = { title: asked.title ?? found?.title ?? "", status: asked.status, version: (found?.version ?? 0) + 1 };
    this.tickets.set(id, next);
    answer(response, 200, shown(next), etag(next));
  }

  #flag(method: string, name: string, headers: Heard["headers"], body: string, response: ServerResponse): void {
    const found = this.flags.get(name);
    if (found === undefined) return answer(response, 404, {});
    if (method === "GET")
      return answer(response, 200, { version: found.version, rollout: { percent: found.percent }, last_request: found.last });
    const asked = JSON.parse(body) as { version?: number; rollout: { percent: number } };
    if (asked.version !== undefined && asked.version !== found.version) return answer(response, 409, {});
    this.flags.set(name, { version: found.version + 1, percent: asked.rollout.percent, last: String(headers["x-request-key"] ?? "") });
    answer(response, 200, {});
  }
}

const etag = ({ version }: Ticket): string => `"v${version}"`;
const credentialTag = (headers: Heard["headers"]): string => `"${String(headers["authorization"]).split(" ", 2)[1]}"`;
const shown = ({ status, title, version }: Ticket) => ({ status, title, watchers: version });

function answer(response: ServerResponse, status: number, body: unknown, tag?: string): void {
  response.writeHead(status, { "content-type": "application/json", ...(tag === undefined ? {} : { etag: tag }) }).end(JSON.stringify(body));
}

/** Bytes without end, until whoever asked has had enough. */
function stream(response: ServerResponse): void {
  const more = (): void => {
    while (!response.destroyed && response.write("x".repeat(64 * 1024)));
    if (!response.destroyed) response.once("drain", more);
  };
  more();
}
