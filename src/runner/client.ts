/** How a runner speaks to a control plane: every request signed, every answer bounded and read strictly. */
import { digestOf, fail, ok, parseJson, type Digest, type Json, type Refusal, type Result, type RunnerId } from "../core/base/index.ts";
import { objectOf, requestMessage, runnerCredential } from "../core/runner/index.ts";
import type { Clock } from "../control/ports.ts";

const MAX_ANSWER = 128 * 1024 * 1024;
const TIMEOUT_MILLIS = 30_000;

export interface ClientOptions {
  readonly url: string;
  /** Of the deployment that is asked, by which the signature is bound to it. */
  readonly deployment: string;
  readonly runner: RunnerId;
  readonly sign: (message: Uint8Array) => Uint8Array;
  readonly epoch: () => number;
  readonly clock: Clock;
  readonly nonce: () => string;
  readonly signal: AbortSignal;
}

export interface Client {
  readonly url: string;
  get(path: string, patienceMillis?: number): Promise<Result<Json>>;
  post(path: string, body: Json): Promise<Result<Json>>;
}

export function signedClient(options: ClientOptions): Client {
  const base = options.url.replace(/\/+$/, "");
  const send = (method: "GET" | "POST", path: string, body: string | undefined, timeout: number) => {
    const bodyDigest: Digest = digestOf(body ?? "");
    const claim = { runner: options.runner, epoch: options.epoch(), time: options.clock.now(), nonce: options.nonce(), body: bodyDigest };
    const signature = options.sign(requestMessage(claim, { deployment: options.deployment, method, path }));
    const headers = { authorization: runnerCredential(claim, signature) };
    return exchange(`${base}${path}`, { method, headers, ...(body === undefined ? {} : { body }) }, timeout, options.signal);
  };
  return {
    url: base,
    get: (path, patience = 0) => send("GET", path, undefined, TIMEOUT_MILLIS + patience),
    post: (path, body) => send("POST", path, JSON.stringify(body), TIMEOUT_MILLIS),
  };
}

interface Sent {
  readonly method: "GET" | "POST";
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** One request and its answer. Whatever is no clear answer reads as `unavailable`: asking again may help. */
export async function exchange(url: string, { method, headers, body }: Sent, timeout: number, signal: AbortSignal): Promise<Result<Json>> {
  try {
    const response = await fetch(url, {
      method,
      headers: {
        accept: "application/json",
        "user-agent": "pawl-runner",
        ...(body === undefined ? {} : { "content-type": "application/json" }),
        ...headers,
      },
      // What is signed is for this address alone.
      redirect: "error",
      signal: AbortSignal.any([signal, AbortSignal.timeout(timeout)]),
      ...(body === undefined ? {} : { body }),
    });
    const bytes = await bounded(response);
    if (bytes === undefined) return away(`${url} answered with more than ${MAX_ANSWER} bytes`);
    const answer = parseJson(bytes, { bytes: MAX_ANSWER, stringLength: MAX_ANSWER });
    if (!answer.ok) return away(`${new URL(url).origin} does not speak as Pawl does (status ${response.status})`);
    return response.ok ? ok(answer.value) : fail(refusalIn(answer.value, response.status));
  } catch (error) {
    const { cause } = error as { readonly cause?: { readonly code?: string; readonly message?: string } };
    return away(`${new URL(url).origin} cannot be reached: ${cause?.message ?? cause?.code ?? String(error)}`);
  }
}

const away = (message: string): Result<never> =>
  fail({ code: "unavailable", message: message.slice(0, 500).toWellFormed(), remedy: "it is asked again by itself" });

async function bounded(response: Response): Promise<Uint8Array | undefined> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body ?? []) {
    size += (chunk as Uint8Array).length;
    if (size > MAX_ANSWER) return undefined;
    chunks.push(chunk as Uint8Array);
  }
  return Buffer.concat(chunks);
}

/** A problem document as a refusal: its own finer reason is the code, but what may pass is `unavailable`. */
function refusalIn(value: Json, status: number): Refusal {
  const raw = objectOf(value) ?? {};
  const text = (name: string): string | undefined => {
    const told = raw[name];
    return typeof told === "string" ? told.slice(0, 2_000).toWellFormed() : undefined;
  };
  const passing = status >= 500 || status === 408 || status === 429;
  const [reason, message, remedy] = [text("reason"), text("detail"), text("remedy")];
  const code = passing || reason === undefined || !/^[a-z][a-z0-9_.]{0,63}$/.test(reason) ? "unavailable" : reason;
  return { code, message: message ?? `status ${status}`, ...(remedy === undefined ? {} : { remedy }) };
}
