/** The one file of a bundle: how it is written, and the only spelling in which it is read. */
import {
  canonical,
  equalBytes,
  fail,
  fromBase64,
  fromHex,
  fromUtf8,
  isDigest,
  isId,
  isObject,
  ok,
  parseJson,
  toBase64,
  utf8,
  verifyEd25519,
} from "../base/index.ts";
import type { Json, Refusal, Result } from "../base/index.ts";
import { pae, type GrantSigner } from "../grant/index.ts";
import { BUNDLE_SCHEMA, type EvidenceBundle, type EvidenceTrust, type Seal } from "./types.ts";

const BUNDLE_TYPE = "application/vnd.pawl.evidence+json";
/** Of a file that is read at all. */
export const MAX_BUNDLE_BYTES = 64 * 1024 * 1024;
const MOST = { entries: 10_000, payloads: 50_000, nodes: 64 };

export type BundleCode = "bundle_malformed";

const sealed = (body: Omit<EvidenceBundle, "seal">): Uint8Array => pae(BUNDLE_TYPE, utf8(canonical(body)));

/** Signed whole by its exporter, so that no byte of it can be altered without the key, not even one that proves nothing. */
export function sealBundle(body: Omit<EvidenceBundle, "seal">, signer: GrantSigner): string {
  const seal: Seal = { keyid: signer.name, sig: toBase64(signer.sign(sealed(body))) };
  return canonical({ ...body, seal });
}

/** Undefined where no key at all is trusted for it: a name that is not known would otherwise take the seal off. */
export function sealHolds(bundle: EvidenceBundle, { grantKeys }: Pick<EvidenceTrust, "grantKeys">): boolean | undefined {
  const { seal, ...body } = bundle;
  const key = grantKeys.get(seal.keyid);
  const signature = fromBase64(seal.sig);
  if (grantKeys.size === 0) return undefined;
  return key !== undefined && signature !== undefined && verifyEd25519(key, sealed(body), signature);
}

type Shape = (value: Json) => boolean;
const text: Shape = (value) => typeof value === "string";
const digest: Shape = (value) => typeof value === "string" && isDigest(value);
const index: Shape = (value) => typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
const hash: Shape = (value) => typeof value === "string" && fromHex(value)?.length === 32;
const base64: Shape = (value) => typeof value === "string" && fromBase64(value) !== undefined;
const just =
  (...wanted: readonly string[]): Shape =>
  (value) =>
    typeof value === "string" && wanted.includes(value);
const list =
  (most: number, each: Shape): Shape =>
  (value) =>
    Array.isArray(value) && value.length <= most && value.every(each);
const record =
  (each: Shape): Shape =>
  (value) =>
    isObject(value) && Object.values(value).every(each);
const object =
  (members: Readonly<Record<string, Shape>>): Shape =>
  (value) =>
    isObject(value) &&
    Object.keys(value).length === Object.keys(members).length &&
    Object.entries(members).every(([key, shape]) => Object.hasOwn(value, key) && shape(value[key] ?? null));
const either =
  (...shapes: readonly Shape[]): Shape =>
  (value) =>
    shapes.some((shape) => shape(value));

const ENTRY = object({ index, entry: text, proof: list(MOST.nodes, hash) });
const ENVELOPE = object({ payloadType: text, payload: text, signatures: list(8, object({ keyid: text, sig: text })) });
const PAYLOAD = either(
  object({ digest, as: just("text"), media_type: text, text }),
  object({ digest, as: just("base64"), media_type: text, base64 }),
  object({ digest, as: just("erased") }),
  object({ digest, as: just("left_out"), why: just("too_large") }),
);
const MEMBERS: Readonly<Record<string, Shape>> = {
  schema: just(BUNDLE_SCHEMA),
  origin: text,
  change: (value) => typeof value === "string" && isId(value),
  checkpoint: text,
  entries: list(MOST.entries, ENTRY),
  context: list(MOST.entries, ENTRY),
  payloads: list(MOST.payloads, PAYLOAD),
  grant: either((value) => value === null, ENVELOPE),
  assertions: list(0, text),
  keys: object({ log: list(100, text), grants: record(text) }),
  seal: object({ keyid: text, sig: base64 }),
};

const malformed = (message: string): Result<never, Refusal<BundleCode>> =>
  fail({ code: "bundle_malformed", message, remedy: "have it exported again: pawl bundle CHANGE -o FILE" });

/** A bundle of exactly this form, in exactly its canonical bytes. */
export function readBundle(bytes: Uint8Array): Result<EvidenceBundle, Refusal<BundleCode>> {
  const parsed = parseJson(bytes, { bytes: MAX_BUNDLE_BYTES, stringLength: MAX_BUNDLE_BYTES });
  if (!parsed.ok) return malformed(`it cannot be read: ${parsed.error.message}`);
  const { value } = parsed;
  if (!isObject(value)) return malformed("it is not a JSON object");
  const strange = Object.keys(value).find((key) => !Object.hasOwn(MEMBERS, key));
  if (strange !== undefined) return malformed(`it has a member that no bundle has: ${strange.slice(0, 64)}`);
  const wrong = Object.entries(MEMBERS).find(([key, shape]) => !Object.hasOwn(value, key) || !shape(value[key] ?? null));
  if (wrong !== undefined) return malformed(`its member ${wrong[0]} has not the form of a bundle's`);
  // One value has one spelling, so that two files of one content are one file.
  if (!equalBytes(bytes, utf8(canonical(value)))) return malformed("its bytes are not the canonical ones of what it says");
  return ok(value as unknown as EvidenceBundle);
}

/** The schema that a document names, for whoever was handed a file and does not know what it is. */
export function schemaOf(bytes: Uint8Array): string | undefined {
  const found = /"schema":\s?"(pawl\/[a-z-]+\/v\d+)"/.exec(fromUtf8(bytes) ?? "")?.[1];
  return found;
}
