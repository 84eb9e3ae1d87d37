import { Type, type Static } from "typebox";
import type { ControlCode } from "../../control/types.ts";

/** Every code a reply can carry: control's own, and those that only a transport can have. */
export type ApiCode = ControlCode | "method_not_allowed" | "unsupported_media_type" | "rate_limited" | "timeout" | "internal";

/** The one table from code to status. `invalid` is 400 instead where the bytes could not be read at all. */
export const STATUS: Readonly<Record<ApiCode, number>> = {
  unauthenticated: 401,
  forbidden: 403,
  not_found: 404,
  method_not_allowed: 405,
  timeout: 408,
  conflict: 409,
  idempotency_mismatch: 409,
  review_moved: 409,
  not_now: 409,
  too_large: 413,
  unsupported_media_type: 415,
  invalid: 422,
  rate_limited: 429,
  internal: 500,
  unavailable: 503,
};

export const TITLES: Readonly<Record<ApiCode, string>> = {
  unauthenticated: "The caller did not prove who they are",
  forbidden: "The caller may not do this",
  not_found: "There is no such thing, or it is not visible to the caller",
  method_not_allowed: "The path does not know this method",
  timeout: "The request did not arrive in time",
  conflict: "Somebody else was faster",
  idempotency_mismatch: "The Idempotency-Key stands for another request",
  review_moved: "What was to be signed has changed",
  not_now: "The change is not in a state in which this can be done",
  too_large: "The request is too large",
  unsupported_media_type: "The request body is not JSON",
  invalid: "The request is not valid",
  rate_limited: "Too many requests",
  internal: "Something broke here",
  unavailable: "This cannot be answered at the moment",
};

export const PROBLEM_TYPE = "application/problem+json";
export const problemType = (code: ApiCode): string => `urn:pawl:problem:${code}`;

const fault = Type.Object(
  {
    code: Type.String(),
    message: Type.String(),
    where: Type.Optional(Type.String()),
    remedy: Type.Optional(Type.String()),
    details: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
  },
  { additionalProperties: false },
);

export const problem = Type.Object(
  {
    type: Type.String(),
    title: Type.String(),
    status: Type.Integer(),
    code: Type.Enum(Object.keys(STATUS) as ApiCode[], { type: "string", description: "Closed: a client may switch on it." }),
    reason: Type.String({ description: "What exactly was in the way, such as self_approval or grant_consumed." }),
    detail: Type.String({ description: "What was wrong, for a person." }),
    where: Type.Optional(Type.String({ description: "A JSON pointer, a parameter, a header, or a line and column." })),
    remedy: Type.Optional(Type.String({ description: "What to do next." })),
    details: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
    faults: Type.Optional(Type.Array(fault, { description: "All faults of the request, not only the first." })),
    instance: Type.Optional(Type.String({ description: "With internal: the incident's id in the server's log." })),
  },
  { $id: "Problem", additionalProperties: false, description: "RFC 9457 problem details" },
);
export type Problem = Static<typeof problem>;
