import canonicalize from "canonicalize";
import { assert } from "./assert.ts";
import { digestOf } from "./hash.ts";
import type { Digest } from "./ids.ts";
import { FOREIGN, inOrder } from "./member-order.ts";

/**
 * The RFC 8785 text of a value: the same bytes are hashed, stored, shown and executed. Numbers and strings are written as
 * ECMAScript writes them, so with its members in order JSON.stringify writes the canonical text of what is plain JSON. All else
 * is left to the reference implementation, which refuses it or not.
 */
export function canonical(value: unknown): string {
  const ordered = inOrder(value);
  const text = ordered === FOREIGN ? undefined : JSON.stringify(ordered);
  // JSON.stringify writes half of a surrogate pair as an escape, where there is no canonical text.
  if (text !== undefined && !text.includes(String.raw`\ud`)) return text;
  const slow = canonicalize(value);
  assert(slow !== undefined, "only JSON values have canonical bytes");
  return slow;
}

export const digestJson = (value: unknown): Digest => digestOf(canonical(value));
