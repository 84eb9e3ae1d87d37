/** The HTTP API as the command line speaks it. It knows paths and wire shapes, and nothing of how the server is built. */
import type { Refusal } from "../core/base/index.ts";
import { CliError, EXIT, usage, type ExitCode } from "./errors.ts";
import { isProblem, misfit } from "./shapes.ts";

export interface ClientOptions {
  readonly url: string;
  /** Where the address came from, for the message when nobody answers there. */
  readonly from: string;
  readonly token?: string;
  readonly signal: AbortSignal;
  /** Told of each answer before it is read. */
  readonly heard?: (asked: string) => void;
}

export type Query = Readonly<Record<string, string | number | boolean | undefined>>;

interface Problem extends Refusal {
  readonly title: string;
  readonly status: number;
  readonly reason: string;
  readonly detail: string;
  readonly faults?: readonly Refusal[];
  readonly instance?: string;
}

const TIMEOUT_MILLIS = 30_000;
const MAX_EVENT = 256 * 1024;
const MAX_ANSWER = 64 * 1024 * 1024;

export class Client {
  readonly #options: ClientOptions;
  readonly #base: URL;

  constructor(options: ClientOptions) {
    this.#options = options;
    const base = URL.canParse(options.url) ? new URL(options.url) : undefined;
    if (base === undefined || !/^https?:$/.test(base.protocol) || base.username !== "") {
      throw usage("the server's address is not an http:// or https:// URL", {
        where: options.from,
        remedy: "give it as --url http://127.0.0.1:7295",
      });
    }
    this.#base = base;
  }

  get url(): string {
    return this.#base.origin;
  }

  get<T>(path: string, query: Query = {}): Promise<T> {
    return this.#json<T>("GET", path, { query });
  }

  post<T>(path: string, body?: unknown, headers: Readonly<Record<string, string>> = {}): Promise<T> {
    return this.#json<T>("POST", path, { body, headers });
  }

  delete<T>(path: string): Promise<T> {
    return this.#json<T>("DELETE", path, {});
  }

  /** Answered when the change has passed `since`, or after some seconds with the change as it is. */
  wait<T>(path: string, since: number): Promise<T> {
    return this.#json<T>("GET", path, { query: { since, timeout: 25 }, patience: 25_000 });
  }

  /** Server-sent events, until it is stopped or the connection ends; what cannot be read is passed over. */
  listen(path: string, onEvent: (event: string, data: unknown) => void): () => void {
    const over = new AbortController();
    const read = async (): Promise<void> => {
      const { token, signal } = this.#options;
      const headers = {
        accept: "text/event-stream",
        "user-agent": "pawl-cli",
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      };
      const response = await fetch(new URL(path, this.#base), {
        headers,
        redirect: "error",
        signal: AbortSignal.any([signal, over.signal]),
      });
      if (!response.ok) return;
      let waiting = "";
      for await (const chunk of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
        const blocks = `${waiting}${chunk}`.split("\n\n");
        waiting = (blocks.pop() ?? "").slice(0, MAX_EVENT);
        for (const block of blocks) {
          const [, event = ""] = /^event: (.*)$/m.exec(block) ?? [];
          const [, data = ""] = /^data: (.*)$/m.exec(block) ?? [];
          if (event !== "") onEvent(event, parsed(data));
        }
      }
    };
    // Whoever only listens has nothing to lose by a connection that ends.
    read().catch(() => undefined);
    return () => over.abort();
  }

  async text(path: string): Promise<string> {
    const response = await this.#fetch("GET", path, {});
    const text = await this.#body(response);
    if (!response.ok) throw this.#problem(response, text);
    return text;
  }

  /** The server's own time, as far as it tells. */
  async date(path: string): Promise<number | undefined> {
    const response = await this.#fetch("GET", path, {});
    await this.#body(response);
    const date = Date.parse(response.headers.get("date") ?? "");
    return Number.isNaN(date) ? undefined : date;
  }

  async #json<T>(method: string, path: string, request: Sent): Promise<T> {
    return this.#read<T>(await this.#fetch(method, path, request), `${method} ${path}`);
  }

  async #read<T>(response: Response, asked: string): Promise<T> {
    const text = await this.#body(response);
    if (!response.ok) throw this.#problem(response, text);
    if (!isJson(response)) throw this.#stranger(`it answered ${asked} with ${response.headers.get("content-type") ?? "no type"}`);
    const answer = parsed(text);
    if (answer === undefined) throw this.#stranger(`its answer to ${asked} is not JSON`);
    const wrong = misfit(asked, answer);
    if (wrong !== undefined) throw strangeAnswer(this.url, `${asked}: ${wrong}`);
    this.#options.heard?.(asked);
    return answer as T;
  }

  async #fetch(method: string, path: string, { query = {}, body, headers = {}, patience = 0 }: Sent): Promise<Response> {
    const url = new URL(path, this.#base);
    for (const [name, value] of Object.entries(query)) if (value !== undefined) url.searchParams.set(name, String(value));
    const { token, signal } = this.#options;
    const sent = {
      accept: "application/json",
      "user-agent": "pawl-cli",
      "pawl-channel": "cli",
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...(body === undefined ? {} : { "content-type": "application/json" }),
      ...headers,
    };
    const timeout = AbortSignal.timeout(TIMEOUT_MILLIS + patience);
    try {
      // A redirect is refused: the token is for this server alone.
      return await fetch(url, {
        method,
        headers: sent,
        redirect: "error",
        signal: AbortSignal.any([signal, timeout]),
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
    } catch (error) {
      throw this.#unreachable(error, timeout.aborted);
    }
  }

  async #body(response: Response): Promise<string> {
    const chunks: Uint8Array[] = [];
    let size = 0;
    try {
      for await (const chunk of response.body ?? []) {
        size += (chunk as Uint8Array).length;
        if (size > MAX_ANSWER) throw this.#stranger(`its answer is larger than ${MAX_ANSWER} bytes`);
        chunks.push(chunk as Uint8Array);
      }
    } catch (error) {
      throw error instanceof CliError ? error : this.#unreachable(error, false);
    }
    return Buffer.concat(chunks).toString("utf8");
  }

  #unreachable(error: unknown, late: boolean): CliError {
    const { signal, from } = this.#options;
    if (signal.aborted) return new CliError(EXIT.interrupted, "interrupted", "interrupted");
    const why = late ? `no answer within ${TIMEOUT_MILLIS / 1000} s` : reasonOf(error);
    return new CliError(EXIT.unreachable, "unreachable", `cannot reach Pawl at ${this.url}: ${why}`, {
      where: `the address is ${from}`,
      remedy: "start it with `pawl up`, or say where it runs with --url or PAWL_URL; `pawl doctor` looks for the cause",
    });
  }

  #stranger(what: string): CliError {
    return new CliError(EXIT.unreachable, "not_pawl", `what answers at ${this.url} does not speak as Pawl does: ${what}`, {
      where: `the address is ${this.#options.from}`,
      remedy: "check the address, and that nothing stands between",
    });
  }

  /** A refusal as the server told it. */
  #problem(response: Response, text: string): CliError {
    const problem = isJson(response) ? problemOf(text) : undefined;
    if (problem === undefined) return this.#stranger(`status ${response.status} without a problem document`);
    const { code, reason, detail, where, remedy, faults, details, instance } = problem;
    const place = where ?? (instance === undefined ? undefined : `incident ${instance} in the server's log`);
    return new CliError(exitOf(code), reason, detail, {
      ...(place === undefined ? {} : { where: place }),
      ...(remedy === undefined ? remedyFor(code, this.#options.token, response) : { remedy }),
      ...(faults === undefined ? {} : { faults }),
      ...(details === undefined ? {} : { details }),
    });
  }
}

interface Sent {
  readonly query?: Query;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly patience?: number;
}

const isJson = (response: Response): boolean => /^application\/(problem\+)?json\b/.test(response.headers.get("content-type") ?? "");

/** Undefined where it is not JSON. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function problemOf(text: string): Problem | undefined {
  const value = parsed(text);
  return isProblem(value) ? (value as Problem) : undefined;
}

/** It speaks JSON, but means something else by it. */
export const strangeAnswer = (url: string, what: string): CliError =>
  new CliError(EXIT.unreachable, "strange_answer", "the server's answer is not what Pawl's API gives", {
    where: url,
    remedy: "check --url and the versions",
    faults: [{ code: "answer", message: what }],
  });

/** Anything but a clear "no" from the server counts as not reached: asking again later may well help. */
function exitOf(code: string): ExitCode {
  if (code === "unauthenticated") return EXIT.usage;
  return ["unavailable", "internal", "timeout", "rate_limited"].includes(code) ? EXIT.unreachable : EXIT.refused;
}

function remedyFor(code: string, token: string | undefined, response: Response): { readonly remedy?: string } {
  if (code === "unauthenticated" && token === undefined) return { remedy: "say who you are with --as NAME, --token or PAWL_TOKEN" };
  if (code === "rate_limited") return { remedy: `try again in ${response.headers.get("retry-after") ?? "a few"} s` };
  if (code === "internal" || code === "unavailable")
    return { remedy: "try again; if it stays so, look into the server's log or run `pawl doctor`" };
  return {};
}

function reasonOf(error: unknown): string {
  const { cause } = error as { readonly cause?: NodeJS.ErrnoException & { readonly errors?: readonly NodeJS.ErrnoException[] } };
  const code = cause?.code ?? cause?.errors?.[0]?.code;
  switch (code) {
    case "ECONNREFUSED":
      return "nothing listens there";
    case "ENOTFOUND":
    case "EAI_AGAIN":
      return "the host name is not known";
    case "ETIMEDOUT":
    case "UND_ERR_CONNECT_TIMEOUT":
      return "nothing answers there";
    case "ECONNRESET":
    case "UND_ERR_SOCKET":
      return "the connection was closed";
    default:
      return code ?? cause?.message ?? (error instanceof Error ? error.message : "it failed");
  }
}
