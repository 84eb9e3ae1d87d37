import { assert, canonical, digestOf, parseJson, type Digest, type Json, type Result, fail } from "../core/base/index.ts";
import type { Deps } from "./deps.ts";
import type { Payload } from "./ports.ts";
import type { ControlRefusal } from "./types.ts";

const JSON_TYPE = "application/json";

/** A JSON document as a payload: its canonical bytes under their digest. */
export function jsonPayload(value: unknown): Payload {
  const bytes = new TextEncoder().encode(canonical(value));
  return { digest: digestOf(bytes), mediaType: JSON_TYPE, bytes };
}

export function bytesPayload(bytes: Uint8Array, mediaType: string): Payload {
  return { digest: digestOf(bytes), mediaType, bytes };
}

/** Words somebody wrote: salted, so that the public digest tells nothing of a short text. */
export function wordsPayload(deps: Deps, words: Json): Payload {
  return jsonPayload({ salt: Buffer.from(deps.ids.random(16)).toString("hex"), words });
}

/** A JSON document this deployment stored itself; `undefined` when it was erased. */
export async function readJson<T>(deps: Deps, digest: Digest): Promise<T | undefined> {
  const payload = await deps.store.payload(digest);
  if (payload === "erased") return undefined;
  assert(payload !== undefined, `a stored state names payload ${digest}, which is absent`);
  const parsed = parseJson(payload.bytes, STORED_BOUNDS);
  assert(parsed.ok, `payload ${digest} is not JSON`);
  return parsed.value as T;
}

/** What we wrote ourselves may be larger than what a stranger may send. */
const STORED_BOUNDS = { maxBytes: 64 * 1024 * 1024, maxDepth: 64, maxStringLength: 16 * 1024 * 1024, maxMembers: 1_000_000 };

export async function readWords(deps: Deps, digest: Digest | undefined): Promise<Json | undefined> {
  if (digest === undefined) return undefined;
  return (await readJson<{ words: Json }>(deps, digest))?.words;
}

export function erased(what: string): Result<never, ControlRefusal> {
  return fail({ code: "not_found", reason: "erased", message: `${what} was erased from the payload store`, remedy: "its digest in the ledger still proves that it existed" });
}
