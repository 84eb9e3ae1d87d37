import { canonical, digestJson, isDigest, isObject, ok, parseJson, refuse } from "../../core/base/index.ts";
import type { Digest, Json, Refusal, Result } from "../../core/base/index.ts";
import type { Param } from "./types.ts";

const SQL_PAYLOAD = "pawl/sql-payload/v1";

/** Exactly what is approved and executed, and what must come of it. */
export interface SqlPayload {
  readonly schema: typeof SQL_PAYLOAD;
  readonly database: string;
  readonly statements: string;
  readonly parameters: readonly Param[];
  readonly verify: readonly string[];
  /** `table` or `table.column` whose new values differ each time: what they become is not part of the fingerprint. */
  readonly volatile: readonly string[];
  /** Whether the statements were tried out: then what they do when they run must be what they did then. */
  readonly rehearsed: boolean;
  /** Holds what nobody can look into: nothing of it may run a second time. */
  readonly once: boolean;
  /** Tables and other objects whose schema is part of the fingerprint. */
  readonly objects: readonly string[];
  readonly undo: "planned" | "manual" | "impossible";
}

export const encodePayload = (payload: Omit<SqlPayload, "schema">): Uint8Array =>
  Buffer.from(canonical({ schema: SQL_PAYLOAD, ...payload }));

const invalid = (why: string): { readonly ok: false; readonly error: Refusal<"sql_payload_invalid"> } =>
  refuse("sql_payload_invalid", `the payload is not an sql payload: ${why}`, { remedy: "plan the change again" });

/** Payload bytes as they come back from the store: digest-checked by the caller, and read strictly all the same. */
export function decodePayload(bytes: Uint8Array): Result<SqlPayload, Refusal<"sql_payload_invalid">> {
  const read = parseJson(bytes);
  if (!read.ok) return invalid(read.error.message);
  const value = read.value;
  if (!isObject(value)) return invalid("not an object");
  const { database, statements, rehearsed, once, undo } = value;
  const { parameters, verify, volatile, objects } = value;
  if (typeof database !== "string" || typeof statements !== "string" || typeof rehearsed !== "boolean" || typeof once !== "boolean")
    return invalid("a member is missing");
  if (undo !== "planned" && undo !== "manual" && undo !== "impossible") return invalid("its undo is none that is known");
  if (!isTexts(verify) || !isTexts(volatile) || !isTexts(objects) || !isParams(parameters)) return invalid("a list is malformed");
  const payload: SqlPayload = { schema: SQL_PAYLOAD, database, statements, parameters, verify, volatile, rehearsed, once, objects, undo };
  if (canonical(payload) !== new TextDecoder().decode(bytes)) return invalid("these are not the canonical bytes of one");
  return ok(payload);
}

const isTexts = (value: Json | undefined): value is string[] => Array.isArray(value) && value.every((item) => typeof item === "string");
const isParams = (value: Json | undefined): value is Param[] =>
  Array.isArray(value) && value.every((item) => item === null || typeof item !== "object");

/** What must still be true when it runs: the schema, and the rows that change with what becomes of them. */
export interface Fingerprint {
  readonly database: string;
  readonly schema: Digest;
  /** Under the deployment's key; `error:` and the database's code where the statements fail; `none` where nobody ran them. */
  readonly rows: string;
}

export const stateDigest = (fingerprint: Fingerprint): Digest => digestJson({ schema_version: "pawl/sql-state/v1", ...fingerprint });

export const asDigest = (value: Json | undefined): Digest | undefined => (typeof value === "string" && isDigest(value) ? value : undefined);
