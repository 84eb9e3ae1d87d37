import { digestJson } from "../base/index.ts";
import type { Digest } from "../base/index.ts";
import type { ReviewObject } from "./types.ts";

/** What a vote signs: exactly these five digests, so that none of them can change under it. */
export function reviewDigest({ plan, state, route, bundle, presentation }: ReviewObject): Digest {
  return digestJson({ plan, state, route, bundle, presentation });
}
