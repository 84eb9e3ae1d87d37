import type { Performed, PerformFault, VerifyFault } from "../../control/ports.ts";
import { canonical, fail, keyedDigestOf, ok } from "../../core/base/index.ts";
import type { Digest, Json, JsonObject, Refusal, Result } from "../../core/base/index.ts";
import { differences, valueAt, type HttpRequest } from "../../core/operation/index.ts";
import type { ExecutionOf } from "../operated.ts";
import { isStrong } from "./analyse.ts";
import { bearerFor } from "./credentials.ts";
import { BASE, holdsCredential, lookAt, type Seen } from "./look.ts";
import { stateDigest, type HttpPayload } from "./payload.ts";
import { send, type Answer } from "./transport.ts";
import type { HttpOptions } from "./types.ts";

export type Execution = ExecutionOf<HttpOptions, HttpPayload>;

const none = (error: Refusal): Result<never, PerformFault> => fail({ ...error, effect: "none" });

/** The state now; of what nothing is declared to look at, always the same. */
export async function current({ options, payload, signal }: Execution): Promise<Result<{ readonly digest: Digest; readonly seen?: Seen }>> {
  const { look, origin } = payload;
  if (look === undefined) return ok({ digest: stateDigest(options.secretKey, origin, undefined, { present: false, fields: {} }) });
  const seen = await lookAt(options, payload, look, signal);
  return seen.ok ? ok({ digest: stateDigest(options.secretKey, origin, look, seen.value.state), seen: seen.value }) : seen;
}

export async function applyPayload(execution: Execution, expected: Digest): Promise<Result<Performed, PerformFault>> {
  const now = await current(execution);
  if (!now.ok) return none(now.error);
  if (now.value.digest !== expected) return none(stale(expected, now.value.digest));
  return write(execution, execution.payload.request, now.value.seen, expected);
}

const stale = (expected: Digest, observed: Digest): Refusal => ({
  code: "stale_state",
  message: "what is there is not what this was approved on",
  remedy: "plan the change again on what is there now",
  details: { expected, observed },
});

/** Puts back what was there, if nobody wrote since. */
export async function undoPayload(execution: Execution, { facts }: Performed): Promise<Result<Performed, PerformFault>> {
  const { undo, look, before } = execution.payload;
  if (undo === undefined)
    return none({ code: "http_no_undo", message: "nothing is declared that takes this back", remedy: "mend it by hand, or by a change" });
  const now = await current(execution);
  if (!now.ok) return none(now.error);
  if (look !== undefined && facts["after"] !== now.value.digest) {
    const message = typeof facts["after"] === "string" ? "somebody wrote since" : "what was there right after the write was not seen";
    return none({
      code: "undo_moved",
      message: `it is not taken back: ${message}`,
      remedy: "look at it, and mend it by a change",
      details: { expected: facts["after"] ?? null, observed: now.value.digest },
    });
  }
  return write(execution, undo.request, now.value.seen, before);
}

/** One request, with what keeps it from being written over somebody else's. */
async function write(
  execution: Execution,
  request: HttpRequest,
  seen: Seen | undefined,
  expected: Digest,
): Promise<Result<Performed, PerformFault>> {
  const { options, payload, signal } = execution;
  const bearer = bearerFor(options, payload.credential, payload.origin);
  if (!bearer.ok) return none(bearer.error);
  const guard = guardOf(request, seen);
  if (!guard.ok) return none(guard.error);
  const { idempotency } = request;
  const key = idempotency === undefined ? undefined : Buffer.from(options.random(16)).toString("hex");
  const content = guard.value.body === undefined ? undefined : canonical(guard.value.body);
  const headers = {
    ...BASE,
    ...request.headers,
    ...guard.value.headers,
    ...(idempotency && key !== undefined ? { [idempotency.header]: key } : {}),
    ...(content === undefined
      ? { "content-length": "0" }
      : { "content-type": "application/json", "content-length": String(Buffer.byteLength(content)) }),
    ...(bearer.value && { [bearer.value.header]: bearer.value.value }),
  };
  const { method, target } = request;
  const sent = await send(options, {
    origin: payload.origin,
    method,
    target,
    headers,
    ...(content === undefined ? {} : { body: content }),
    signal,
  });
  const facts: JsonObject = { method, target, ...(key === undefined ? {} : { idempotency_key: key }) };
  if (sent.kind !== "answer") return sent.kind === "unsent" ? none(sent.error) : provenOr(execution, request, key, facts, sent.error);
  return judged(execution, request, sent, facts, expected);
}

interface Guarded {
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Json;
}

/** What is read right before the write goes along with it: the only part of a request that the payload does not hold. */
function guardOf({ compare, body }: HttpRequest, seen: Seen | undefined): Result<Guarded> {
  const plain: Guarded = { headers: {}, ...(body === undefined ? {} : { body }) };
  if (compare === undefined) return ok(plain);
  if (compare.kind === "etag") {
    if (seen?.state.present !== true) return ok({ ...plain, headers: { "if-none-match": "*" } });
    if (isStrong(seen.etag)) return ok({ ...plain, headers: { "if-match": seen.etag } });
    return fail({
      code: "http_no_etag",
      message: "the API gives no strong ETag that the write could be compared by",
      remedy: "declare another compare, or none",
    });
  }
  const version = valueAt(seen?.document ?? null, compare.at);
  if (typeof version !== "string" && typeof version !== "number")
    return fail({
      code: "http_no_version",
      message: `the API shows no version at ${compare.at}`,
      remedy: "declare another compare, or none",
    });
  return ok({ headers: {}, body: { ...(body as JsonObject), [compare.member]: version } });
}

/** By its status; of the body only a keyed digest is kept, for it may hold anything. */
async function judged(
  execution: Execution,
  request: HttpRequest,
  { status, body, etag }: Answer,
  facts: JsonObject,
  expected: Digest,
): Promise<Result<Performed, PerformFault>> {
  const { options, payload } = execution;
  const evidence: JsonObject = {
    ...facts,
    status,
    answer: keyedDigestOf(options.secretKey, body),
    answer_bytes: body.length,
    ...(etag === undefined || etag.length > 200 || holdsCredential(options, payload, etag) ? {} : { etag }),
  };
  if (request.success.includes(status)) {
    const after = payload.look === undefined ? undefined : await current(execution);
    return ok({ facts: { ...evidence, ...(after?.ok === true ? { after: after.value.digest } : {}) } });
  }
  const details = { ...evidence, expected };
  if (request.compare !== undefined && (status === 412 || (status === 409 && request.compare.kind === "version")))
    return none({
      ...stale(expected, expected),
      message: `somebody wrote between the last look and this: ${payload.origin} answered with ${status}`,
      details,
    });
  const effect = request.refused.includes(status) ? "none" : "possible";
  const remedy = effect === "none" ? "look at the API's own log for why" : "look at what is there, and reconcile";
  return fail({ code: "http_status", message: `${payload.origin} answered with ${status}`, remedy, details, effect });
}

/** An answer that was lost is replaced by nothing but the system's own word that it wrote for this very key. */
async function provenOr(
  execution: Execution,
  { idempotency }: HttpRequest,
  key: string | undefined,
  facts: JsonObject,
  error: Refusal,
): Promise<Result<Performed, PerformFault>> {
  const unknown = fail<PerformFault>({ ...error, details: facts, effect: "possible" });
  if (key === undefined || idempotency?.proof === undefined) return unknown;
  const now = await current(execution);
  if (!now.ok || valueAt(now.value.seen?.document ?? null, idempotency.proof) !== key) return unknown;
  return ok({ facts: { ...facts, proven_by: idempotency.proof, after: now.value.digest } });
}

export async function verifyPayload(execution: Execution): Promise<Result<Performed, VerifyFault>> {
  const { verify } = execution.payload;
  if (verify === undefined) return ok({ facts: { verified: "nothing is declared that verifies it" } });
  const now = await current(execution);
  // An API that cannot be asked has not said that it is otherwise: what holds must not be taken back for that.
  if (!now.ok) return fail({ ...now.error, inconclusive: true });
  const wrong = now.value.seen === undefined ? ["not looked at"] : differences(now.value.seen.state, verify);
  if (wrong.length === 0) return ok({ facts: { state: now.value.digest, fields: Object.keys(verify.fields) } });
  return fail({
    code: "http_not_as_planned",
    message: `afterwards it is not as it should be: ${wrong.join(", ")}`,
    remedy: "look at what the API made of it",
    details: { state: now.value.digest },
  });
}
