import { fail, isDigest, isObject, isPrincipalId, ok, type Json, type JsonObject, type Refusal, type Result } from "../core/base/index.ts";
import { invalid } from "./refusals.ts";
import type { ControlRefusal } from "./types.ts";

export type Fields = Readonly<Record<string, string | undefined>>;
/** One of the words, a digest, a short code, or text; `?` makes it optional. */
export type FieldKind = readonly string[] | "digest" | "text" | "text?" | "code?" | "principal";

const MAX_TEXT = 4000;
const CODE = /^[a-z][a-z0-9_.-]{0,63}$/;

/** A small flat body from outside: unknown members, wrong kinds and missing ones are all told at once. */
export function fields(raw: Json, shape: Readonly<Record<string, FieldKind>>): Result<Fields, ControlRefusal> {
  if (!isObject(raw)) return fail(invalid("the body must be a JSON object"));
  const body: JsonObject = raw;
  const faults: Refusal[] = Object.keys(body)
    .filter((name) => !Object.hasOwn(shape, name))
    .map((name) => ({
      code: "unknown_member",
      message: "this member is not known here",
      where: `/${name}`,
      remedy: `known: ${Object.keys(shape).join(", ")}`,
    }));
  const read: Record<string, string | undefined> = {};
  for (const [name, kind] of Object.entries(shape)) {
    const value = body[name];
    const wrong = fault(value, kind);
    if (wrong === undefined) read[name] = value as string | undefined;
    else faults.push({ code: "invalid_member", message: wrong, where: `/${name}` });
  }
  return faults.length === 0 ? ok(read) : fail(invalid("the body is not valid", faults));
}

function fault(value: Json | undefined, kind: FieldKind): string | undefined {
  if (value === undefined) return typeof kind === "string" && kind.endsWith("?") ? undefined : "is required";
  if (typeof value !== "string") return "must be a string";
  if (typeof kind !== "string") return kind.includes(value) ? undefined : `must be one of: ${kind.join(", ")}`;
  switch (kind) {
    case "digest":
      return isDigest(value) ? undefined : "must be sha256: and 64 hex digits";
    case "code?":
      return CODE.test(value) ? undefined : "must be a short code in lower case";
    case "principal":
      return isPrincipalId(value) ? undefined : "must be human:…, agent:… or workload:…";
    default:
      return value.length > 0 && value.length <= MAX_TEXT ? undefined : `must have 1 to ${MAX_TEXT} characters`;
  }
}
