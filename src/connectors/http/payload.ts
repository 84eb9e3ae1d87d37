import { canonical, digestJson, fail, isObject, keyedDigestOf, ok, parseJson } from "../../core/base/index.ts";
import type { Digest, Json, JsonObject, Refusal, Result } from "../../core/base/index.ts";
import { METHODS } from "../../core/operation/index.ts";
import type { Expectation, HttpLook, HttpRequest, Select, State } from "../../core/operation/index.ts";

const SCHEMA = "pawl/http-payload/v1";

/** Exactly what is approved and executed: every request, and what must be so before and after. No declaration is read again. */
export interface HttpPayload {
  readonly schema: typeof SCHEMA;
  /** `http/tickets/transition`. */
  readonly operation: string;
  readonly origin: string;
  readonly credential?: string;
  readonly read_credential?: string;
  readonly look?: HttpLook;
  readonly request: HttpRequest;
  readonly verify?: Expectation;
  readonly undo?: { readonly operation: string; readonly request: HttpRequest };
  /** What was there when it was planned. */
  readonly before: Digest;
}

export function encodePayload(payload: Omit<HttpPayload, "schema">): Uint8Array {
  return Buffer.from(canonical(JSON.parse(JSON.stringify({ ...payload, schema: SCHEMA })) as Json));
}

/** What must still be so when it runs. A masked field counts by its keyed digest. */
export function stateDigest(key: Uint8Array, origin: string, look: HttpLook | undefined, { present, fields }: State): Digest {
  const shown = Object.entries(fields).map(([name, value]) => [
    name,
    look?.select[name]?.masked === true ? keyedDigestOf(key, canonical(value)) : value,
  ]);
  return digestJson({
    schema: "pawl/http-state/v1",
    origin,
    target: look?.target ?? null,
    present,
    fields: Object.fromEntries(shown) as JsonObject,
  });
}

const invalid = (why: string): Result<never, Refusal<"http_payload_invalid">> =>
  fail({ code: "http_payload_invalid", message: `the payload is not one of an HTTP operation: ${why}`, remedy: "plan the change again" });

/** Payload bytes as they come back: their digest was compared by the caller, and they are read strictly all the same. */
export function decodePayload(bytes: Uint8Array): Result<HttpPayload, Refusal<"http_payload_invalid">> {
  const read = parseJson(bytes);
  if (!read.ok) return invalid(read.error.message);
  const { value } = read;
  if (!isObject(value) || value["schema"] !== SCHEMA) return invalid("it has another schema");
  if (canonical(value) !== new TextDecoder().decode(bytes)) return invalid("these are not the canonical bytes of one");
  const texts = ["operation", "origin", "before"].every((name) => typeof value[name] === "string");
  const shaped =
    texts &&
    isRequest(value["request"]) &&
    (value["look"] === undefined || isLook(value["look"])) &&
    (value["undo"] === undefined || (isObject(value["undo"]) && isRequest(value["undo"]["request"]))) &&
    (value["verify"] === undefined || (isObject(value["verify"]) && isObject(value["verify"]["fields"])));
  return shaped ? ok(value as unknown as HttpPayload) : invalid("a member is missing or of another kind");
}

const isTexts = (value: Json | undefined): boolean => isObject(value) && Object.values(value).every((each) => typeof each === "string");
const isNumbers = (value: Json | undefined): boolean => Array.isArray(value) && value.every((each) => typeof each === "number");
const isTarget = (value: Json | undefined): boolean => typeof value === "string" && /^\/[\x21-\x7e]*$/.test(value);

const isRequest = (value: Json | undefined): boolean =>
  isObject(value) &&
  METHODS.some((method) => method === value["method"]) &&
  isTarget(value["target"]) &&
  isTexts(value["headers"]) &&
  isNumbers(value["success"]) &&
  isNumbers(value["refused"]);

const isLook = (value: Json | undefined): boolean =>
  isObject(value) &&
  isTarget(value["target"]) &&
  isTexts(value["headers"]) &&
  isNumbers(value["absent"]) &&
  isObject(value["select"]) &&
  Object.values(value["select"]).every((each) => typeof (each as unknown as Select | null)?.at === "string");
