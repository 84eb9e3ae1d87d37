import canonicalize from "canonicalize";
import { assert } from "./assert.ts";
import { digestOf } from "./hash.ts";
import type { Digest } from "./ids.ts";

/** The RFC 8785 text of a value: the same bytes are hashed, stored, shown and executed. */
export function canonical(value: unknown): string {
  const text = canonicalize(value);
  assert(text !== undefined, "only JSON values have canonical bytes");
  return text;
}

export const digestJson = (value: unknown): Digest => digestOf(canonical(value));
