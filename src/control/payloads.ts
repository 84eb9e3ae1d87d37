import { assert, canonical, digestOf, type Digest, type Json, fail, toHex, type Result } from "../core/base/index.ts";
import type { Deps } from "./deps.ts";
import type { Payload } from "./ports.ts";
import type { ControlRefusal } from "./types.ts";

const JSON_TYPE = "application/json";

/** A payload whose bytes are the canonical ones of a document. */
export interface JsonPayload extends Payload {
  readonly document: unknown;
}

const encoder = new TextEncoder();

/** A JSON document as a payload: its canonical bytes under their digest, which whoever has it hands in. */
export function jsonPayload(document: unknown, digest?: Digest): JsonPayload {
  const bytes = encoder.encode(canonical(document));
  return { digest: digest ?? digestOf(bytes), mediaType: JSON_TYPE, bytes, document };
}

/** The document of this digest among payloads that were written just now. */
export function documentAmong(payloads: readonly (Payload | JsonPayload)[], digest: Digest): unknown {
  const payload = payloads.find((each) => each.digest === digest);
  return payload !== undefined && "document" in payload ? payload.document : undefined;
}

export function bytesPayload(bytes: Uint8Array, mediaType: string): Payload {
  return { digest: digestOf(bytes), mediaType, bytes };
}

/** Words somebody wrote are salted, so that the public digest tells nothing of a short text. */
export function salted<T extends object>(deps: Deps, document: T): T & { readonly salt: string } {
  return { ...document, salt: toHex(deps.ids.random(16)) };
}

export function wordsPayload(deps: Deps, words: Json): Payload {
  return jsonPayload(salted(deps, { words }));
}

/** A JSON document this deployment stored itself; `undefined` when it was erased. */
export async function readJson<T>(deps: Deps, digest: Digest): Promise<T | undefined> {
  const payload = await deps.store.payload(digest);
  if (payload === "erased") return undefined;
  assert(payload !== undefined, `a stored state names payload ${digest}, which is absent`);
  // The store has checked the bytes against their digest, and only canonical bytes of our own are stored as JSON.
  return JSON.parse(new TextDecoder().decode(payload.bytes)) as T;
}

export async function readWords(deps: Deps, digest: Digest | undefined): Promise<Json | undefined> {
  if (digest === undefined) return undefined;
  return (await readJson<{ words: Json }>(deps, digest))?.words;
}

export function erased(what: string): Result<never, ControlRefusal> {
  return fail({
    code: "not_found",
    reason: "erased",
    message: `${what} was erased from the payload store`,
    remedy: "its digest in the ledger still proves that it existed",
  });
}
