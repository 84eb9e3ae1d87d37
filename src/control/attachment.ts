import { digestOf, fail, fromBase64, fromUtf8, isObject, ok, type Digest, type Json, type Result } from "../core/base/index.ts";
import { exactly, textOf } from "../core/runner/index.ts";
import { bytesPayload } from "./payloads.ts";
import type { Payload } from "./ports.ts";
import { invalid } from "./refusals.ts";
import type { ControlRefusal } from "./types.ts";

/** A file that somebody rests their word on: a log, a screenshot, a report. */
const MOST_FILE_BYTES = 1024 * 1024;
const MOST_NAME = 200;

interface Attachment {
  readonly name: string;
  readonly digest: Digest;
  readonly bytes: number;
  readonly payload: Payload;
  /** Where it is text: what a search for secrets reads. */
  readonly text?: string;
}

interface Attached {
  readonly rest: Json;
  readonly file?: Attachment;
}

/** Takes the member `file` out of a body: `{"name", "base64"}`. */
export function withAttachment(raw: Json): Result<Attached, ControlRefusal> {
  if (!isObject(raw) || !Object.hasOwn(raw, "file")) return ok({ rest: raw });
  const { file, ...rest } = raw;
  const body = exactly(file, ["name", "base64"]);
  const name = textOf(body?.["name"], MOST_NAME);
  const base64 = body?.["base64"];
  // Judged before it is decoded.
  const long = typeof base64 === "string" && base64.length > (MOST_FILE_BYTES * 4) / 3 + 4;
  const bytes = typeof base64 === "string" && !long ? fromBase64(base64) : undefined;
  if (name === undefined || bytes === undefined || bytes.length === 0 || bytes.length > MOST_FILE_BYTES) {
    const fault = { code: "invalid_member", message: `must be {"name", "base64"}, of 1 to ${MOST_FILE_BYTES} bytes`, where: "/file" };
    return fail(invalid("the body is not valid", [{ ...fault, remedy: "attach the part that matters" }]));
  }
  const text = fromUtf8(bytes);
  return ok({
    rest,
    file: {
      name,
      digest: digestOf(bytes),
      bytes: bytes.length,
      payload: bytesPayload(bytes, text === undefined ? "application/octet-stream" : "text/plain"),
      ...(text === undefined ? {} : { text }),
    },
  });
}
