import { lookup as systemLookup } from "node:dns/promises";
import { Agent as PlainAgent, request as plainRequest, type ClientRequest, type IncomingMessage } from "node:http";
import { Agent as TlsAgent, request as tlsRequest } from "node:https";
import { isIP, type LookupFunction, type Socket } from "node:net";
import { fail, ok } from "../../core/base/index.ts";
import type { Refusal, Result } from "../../core/base/index.ts";
import { reachOf } from "./addresses.ts";
import { HTTP_LIMITS } from "./types.ts";
import type { Address, HttpOptions } from "./types.ts";

export interface Call {
  readonly origin: string;
  readonly method: string;
  /** Path and query, byte for byte as they are sent. */
  readonly target: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly signal: AbortSignal;
}

export interface Answer {
  readonly kind: "answer";
  readonly status: number;
  readonly etag?: string;
  readonly body: Buffer;
}

/** `unsent`: no byte of the request left this machine. `lost`: it may have been heard, and nobody knows what came of it. */
export type Outcome = Answer | { readonly kind: "unsent" | "lost"; readonly error: Refusal };

/**
 * Sends one request, once. The name is resolved once and the connection is made to the address that was judged; no redirect is followed,
 * no proxy asked, no connection kept, and an answer that is too large or too slow is none.
 */
export async function send(options: HttpOptions, call: Call): Promise<Outcome> {
  const signal = AbortSignal.any([call.signal, AbortSignal.timeout(HTTP_LIMITS.requestMillis)]);
  if (signal.aborted) return { kind: "unsent", error: late };
  const url = new URL(call.origin);
  // What a reader of URLs would tidy up is not what was approved.
  if (url.origin !== call.origin || new URL(call.origin + call.target).href !== call.origin + call.target)
    return {
      kind: "unsent",
      error: { code: "http_target", message: "the address is not in the form in which it is sent", remedy: "mend the declaration" },
    };
  const address = await addressOf(options, url, signal);
  return address.ok ? await exchange(options, call, url, address.value, signal) : { kind: "unsent", error: address.error };
}

const late: Refusal = { code: "http_timeout", message: "the time for this had run out", remedy: "try again" };

/** The one address that is connected to. A name that also leads where it may not is not used at all. */
async function addressOf(options: HttpOptions, url: URL, signal: AbortSignal): Promise<Result<Address>> {
  const host = url.hostname.replace(/^\[|\]$/g, "");
  const family = isIP(host);
  const found = family === 4 || family === 6 ? [{ address: host, family } as const] : await resolved(options, host, signal);
  const [first] = found;
  if (first === undefined)
    return fail({ code: "http_unresolved", message: `${host} has no address`, remedy: "mend the name, or try again" });
  const mayBePrivate = options.allowPrivate.includes(url.origin);
  const blocked = found.find((address) => {
    const reach = reachOf(address);
    if (url.protocol === "http:") return !(mayBePrivate && reach === "loopback");
    return reach === "never" || (reach !== "public" && !mayBePrivate);
  });
  if (blocked === undefined) return ok(first);
  return fail({
    code: "http_address_blocked",
    message: `${host} leads to ${blocked.address}, where ${url.origin} may not be`,
    remedy: "if it is meant, name the origin in http.allow_private; what is link-local or carries another address is never connected to",
  });
}

async function resolved({ resolve = lookupAll }: HttpOptions, host: string, signal: AbortSignal): Promise<readonly Address[]> {
  const { promise, resolve: giveUp } = Promise.withResolvers<readonly Address[]>();
  const stop = (): void => giveUp([]);
  signal.addEventListener("abort", stop, { once: true });
  try {
    return await Promise.race([resolve(host).catch(() => []), promise]);
  } finally {
    signal.removeEventListener("abort", stop);
  }
}

const lookupAll = async (host: string): Promise<readonly Address[]> => (await systemLookup(host, { all: true })) as readonly Address[];

function exchange(options: HttpOptions, call: Call, url: URL, { address, family }: Address, signal: AbortSignal): Promise<Outcome> {
  const { promise, resolve } = Promise.withResolvers<Outcome>();
  const secure = url.protocol === "https:";
  const lookup: LookupFunction = (_host, asked, done) =>
    asked.all === true ? done(null, [{ address, family }]) : done(null, address, family);
  const host = url.hostname.replace(/^\[|\]$/g, "");
  const request = (secure ? tlsRequest : plainRequest)({
    host,
    port: url.port === "" ? (secure ? 443 : 80) : Number(url.port),
    method: call.method,
    path: call.target,
    headers: { ...call.headers, connection: "close" },
    lookup,
    family,
    agent: secure ? new TlsAgent({ keepAlive: false }) : new PlainAgent({ keepAlive: false }),
    ...(secure
      ? {
          rejectUnauthorized: true,
          ...(isIP(host) === 0 ? { servername: host } : {}),
          ...(options.ca === undefined ? {} : { ca: options.ca }),
        }
      : {}),
  });
  follow(request, secure ? "secureConnect" : "connect", signal, resolve);
  request.end(call.body);
  return promise;
}

/** Tells how it ended, once; a connection that stands may have carried the request. */
function follow(
  request: ClientRequest,
  standing: "connect" | "secureConnect",
  signal: AbortSignal,
  done: (outcome: Outcome) => void,
): void {
  let kind: "unsent" | "lost" = "unsent";
  request.on("socket", (socket: Socket) => void socket.once(standing, () => void (kind = "lost")));
  const ended = (code: string, why: string): void => {
    request.destroy();
    const message = kind === "lost" ? `the answer did not come: ${why}` : `nothing was sent: ${why}`;
    done({ kind, error: { code, message, remedy: kind === "lost" ? "look at the system" : "look at its address, and try again" } });
  };
  const stop = (): void => ended("http_timeout", "the time ran out");
  signal.addEventListener("abort", stop, { once: true });
  request.on("error", (error: NodeJS.ErrnoException) => ended("http_connection", error.code ?? "the connection broke"));
  request.on("close", () => {
    signal.removeEventListener("abort", stop);
    ended("http_connection", "the connection ended");
  });
  request.on("response", (response) => collect(response, ended, done));
}

function collect(response: IncomingMessage, ended: (code: string, why: string) => void, done: (outcome: Outcome) => void): void {
  const chunks: Buffer[] = [];
  let bytes = 0;
  response.on("data", (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes > HTTP_LIMITS.bytes) ended("http_answer_too_large", `it has more than ${HTTP_LIMITS.bytes} bytes`);
    else chunks.push(chunk);
  });
  response.on("error", (error: NodeJS.ErrnoException) => ended("http_connection", error.code ?? "the answer broke off"));
  response.on("end", () => {
    if (!response.complete) return ended("http_connection", "the answer broke off");
    const { etag } = response.headers;
    done({ kind: "answer", status: response.statusCode ?? 0, ...(etag === undefined ? {} : { etag }), body: Buffer.concat(chunks) });
  });
}
