import type { FastifyReply, FastifyRequest } from "fastify";
import { PROBLEM_TYPE, problemType, STATUS, TITLES, type ApiCode, type Problem } from "./contract/index.ts";
import type { Refusal } from "../core/base/index.ts";
import { StoreUnreadable } from "../control/ports.ts";
import type { ControlRefusal } from "../control/types.ts";
import { SAFE_HEADERS } from "./headers.ts";

/** A refusal on its way out: control's, or one that only the transport knows. */
export interface ApiRefusal extends Refusal<ApiCode> {
  readonly reason: string;
  readonly faults?: readonly Refusal[];
  /** Where the table's status does not say it: 400 for bytes that could not be read. */
  readonly status?: number;
  readonly retryAfterSeconds?: number;
  readonly allow?: readonly string[];
  readonly instance?: string;
}

export function refused(
  code: ApiCode,
  reason: string,
  message: string,
  more: Omit<ApiRefusal, "code" | "reason" | "message"> = {},
): ApiRefusal {
  return { code, reason, message, ...more };
}

/** Thrown inside a hook or a parser, where Fastify has no other way to stop a request. */
export class RefusedRequest extends Error {
  readonly refusal: ApiRefusal;

  constructor(refusal: ApiRefusal) {
    super(refusal.message);
    this.refusal = refusal;
  }
}

export function problemOf(refusal: ApiRefusal | ControlRefusal): Problem {
  const { code, reason, message, where, remedy, details, faults } = refusal;
  const instance = "instance" in refusal ? refusal.instance : undefined;
  return {
    type: problemType(code),
    title: TITLES[code],
    status: statusOf(refusal),
    code,
    reason,
    detail: message,
    ...(where === undefined ? {} : { where }),
    ...(remedy === undefined ? {} : { remedy }),
    ...(details === undefined ? {} : { details: { ...details } }),
    ...(faults === undefined || faults.length === 0 ? {} : { faults: faults.map(faultOf) }),
    ...(instance === undefined ? {} : { instance }),
  };
}

const statusOf = (refusal: ApiRefusal | ControlRefusal): number =>
  ("status" in refusal ? refusal.status : undefined) ?? STATUS[refusal.code];

/** Only what the contract names: a fault may carry more than it should say here. */
function faultOf({ code, message, where, remedy, details }: Refusal): NonNullable<Problem["faults"]>[number] {
  return {
    code,
    message,
    ...(where === undefined ? {} : { where }),
    ...(remedy === undefined ? {} : { remedy }),
    ...(details === undefined ? {} : { details: { ...details } }),
  };
}

const RETRY_UNAVAILABLE_SECONDS = 2;

export function sendProblem(request: FastifyRequest, reply: FastifyReply, refusal: ApiRefusal | ControlRefusal): FastifyReply {
  const problem = problemOf(refusal);
  // Whoever still has a body to send is not waited for, and what it sends is not read.
  if (mayHaveBody(request) && request.body === undefined) void reply.header("connection", "close");
  if (problem.status === 401) void reply.header("www-authenticate", 'Bearer realm="pawl"');
  const retry = "retryAfterSeconds" in refusal ? refusal.retryAfterSeconds : undefined;
  if (retry !== undefined || problem.status === 503) void reply.header("retry-after", String(retry ?? RETRY_UNAVAILABLE_SECONDS));
  if ("allow" in refusal && refusal.allow !== undefined) void reply.header("allow", refusal.allow.join(", "));
  return reply.code(problem.status).headers(SAFE_HEADERS).type(PROBLEM_TYPE).send(JSON.stringify(problem));
}

export function mayHaveBody(request: FastifyRequest): boolean {
  const length = request.headers["content-length"];
  return request.headers["transfer-encoding"] !== undefined || (length !== undefined && length !== "0");
}

/** Fastify's own refusals in our words; what it does not know as a refusal is undefined, and so an incident. */
export function refusalOf(error: unknown): ApiRefusal | undefined {
  if (error instanceof RefusedRequest) return error.refusal;
  if (error instanceof StoreUnreadable) {
    const remedy = "try again; the server's log says why";
    return refused("unavailable", "store_unavailable", "the database does not answer now", { remedy });
  }
  if (!(error instanceof Error)) return undefined;
  const { code, statusCode } = error as Error & { code?: string; statusCode?: number };
  switch (code) {
    case "FST_ERR_CTP_BODY_TOO_LARGE":
      return refused("too_large", "body_too_large", "the request body is larger than this server reads", { remedy: "send less" });
    case "FST_ERR_CTP_INVALID_MEDIA_TYPE":
      return refused("unsupported_media_type", "not_json", "a request body must be application/json", { where: "Content-Type" });
    case "FST_ERR_CTP_INVALID_CONTENT_LENGTH":
      return refused("invalid", "content_length", "the body is not as long as Content-Length says", {
        where: "Content-Length",
        status: 400,
      });
    case "FST_ERR_BAD_URL":
      return refused("invalid", "bad_url", "the path is not a valid URL path", { status: 400 });
    case "FST_ERR_MAX_PARAM_LENGTH":
      return refused("not_found", "unknown_path", "there is nothing at this path");
    default:
      return statusCode !== undefined && statusCode >= 400 && statusCode < 500
        ? refused("invalid", "bad_request", "the request could not be read", { status: 400 })
        : undefined;
  }
}
