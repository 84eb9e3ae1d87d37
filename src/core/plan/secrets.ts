import { PATTERNS, assert, keyedDigestOf } from "../base/index.ts";
import type { Json, KeyedDigest } from "../base/index.ts";
import { isRawObject, pointer } from "./shape.ts";
import type { Faults } from "./shape.ts";
import type { PlanValue } from "./types.ts";

/** `{"$secret": "…"}` marks a secret at the edge; `{"$secret": {"digest": "hmac-sha256:…"}}` is what stays of it. */
const MARK = "$secret";
const SEALED = new RegExp(PATTERNS.keyedDigest);

export type Marker = { readonly kind: "raw"; readonly text: string } | { readonly kind: "sealed" } | { readonly kind: "malformed" };

/** What a value with a `$secret` member is; undefined for every other value. */
export function markerOf(value: unknown): Marker | undefined {
  if (!isRawObject(value) || !Object.hasOwn(value, MARK)) return undefined;
  const inner = value[MARK];
  if (Object.keys(value).length !== 1) return { kind: "malformed" };
  if (typeof inner === "string") return { kind: "raw", text: inner };
  const sealed = isRawObject(inner) && Object.keys(inner).length === 1 && typeof inner.digest === "string" && SEALED.test(inner.digest);
  return { kind: sealed ? "sealed" : "malformed" };
}

/** A secret's digest under the deployment's key: equal secrets are seen to be equal, and nobody without the key can guess. */
export const secretDigest = (key: Uint8Array, text: string): KeyedDigest => keyedDigestOf(key, `pawl/secret/v1\n${text}`);

export const secretValue = (key: Uint8Array, text: string): PlanValue => ({ kind: "secret", digest: secretDigest(key, text) });

export interface Sealed {
  readonly value: Json;
  /** How many secrets were replaced. */
  readonly secrets: number;
}

/** Replaces every marked secret by its keyed digest. A value that is sealed already stays as it is. */
export function sealSecrets(value: Json, key: Uint8Array, path = ""): Sealed {
  const marker = markerOf(value);
  assert(marker?.kind !== "malformed", `a malformed secret marker at ${path || "/"}`);
  if (marker?.kind === "raw") return { value: { [MARK]: { digest: secretDigest(key, marker.text) } }, secrets: 1 };
  if (value === null || typeof value !== "object" || marker) return { value, secrets: 0 };
  let secrets = 0;
  const inside = (member: Json, name: string | number): Json => {
    const sealed = sealSecrets(member, key, pointer(path, name));
    secrets += sealed.secrets;
    return sealed.value;
  };
  if (Array.isArray(value)) return { value: value.map(inside), secrets };
  const entries = Object.entries(value).map(([name, member]) => [name, inside(member, name)] as const);
  return { value: Object.fromEntries(entries), secrets };
}

/** Faults of the markers in a caller's input: a digest cannot be handed in, and a marker has exactly one shape. */
export function rawSecretFaults(value: Json, at: string, faults: Faults): void {
  const marker = markerOf(value);
  if (marker?.kind === "raw") return;
  if (marker) {
    return faults.add(
      "shape.bad_format",
      at,
      "a secret is marked by exactly one member",
      `write {"${MARK}": "the secret"} and nothing else in it`,
    );
  }
  if (value === null || typeof value !== "object") return;
  for (const [name, member] of Object.entries(value)) rawSecretFaults(member, pointer(at, name), faults);
}
