/** The one file of a bundle: how it is written, and the only spelling in which it is read. */
import {
  canonical,
  equalBytes,
  fail,
  form,
  fromBase64,
  fromHex,
  fromUtf8,
  isId,
  ok,
  parseJson,
  toBase64,
  utf8,
  verifyEd25519,
} from "../base/index.ts";
import type { Refusal, Result } from "../base/index.ts";
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

const { digest, exactly, list, longText, nullOr, object, oneOf, record, where, whole } = form;
const text = longText(MAX_BUNDLE_BYTES);
const hash = where((value) => typeof value === "string" && fromHex(value)?.length === 32);
const base64 = where((value) => typeof value === "string" && fromBase64(value) !== undefined);

const ENTRY = object({ index: whole, entry: text, proof: list(MOST.nodes, hash) });
const ENVELOPE = object({ payloadType: text, payload: text, signatures: list(8, object({ keyid: text, sig: text })) });
const PAYLOAD = oneOf(
  {
    text: object({ digest, as: text, media_type: text, text }),
    base64: object({ digest, as: text, media_type: text, base64 }),
    erased: object({ digest, as: text }),
    left_out: object({ digest, as: text, why: exactly("too_large") }),
  },
  "as",
);
const BUNDLE = object({
  schema: exactly(BUNDLE_SCHEMA),
  origin: text,
  change: where((value) => typeof value === "string" && isId(value)),
  checkpoint: text,
  entries: list(MOST.entries, ENTRY),
  context: list(MOST.entries, ENTRY),
  payloads: list(MOST.payloads, PAYLOAD),
  grant: nullOr(ENVELOPE),
  assertions: list(0, text),
  keys: object({ log: list(100, text), grants: record(text) }),
  seal: object({ keyid: text, sig: base64 }),
});

const malformed = (message: string): Result<never, Refusal<BundleCode>> =>
  fail({ code: "bundle_malformed", message, remedy: "have it exported again: pawl bundle CHANGE -o FILE" });

/** A bundle of exactly this form, in exactly its canonical bytes. */
export function readBundle(bytes: Uint8Array): Result<EvidenceBundle, Refusal<BundleCode>> {
  const parsed = parseJson(bytes, { bytes: MAX_BUNDLE_BYTES, stringLength: MAX_BUNDLE_BYTES });
  if (!parsed.ok) return malformed(`it cannot be read: ${parsed.error.message}`);
  const { value } = parsed;
  const wrong = BUNDLE(value, "");
  if (wrong !== undefined) return malformed(wrong === "" ? "it is not a JSON object" : `it has not the form of a bundle at ${wrong}`);
  // One value has one spelling, so that two files of one content are one file.
  if (!equalBytes(bytes, utf8(canonical(value)))) return malformed("its bytes are not the canonical ones of what it says");
  return ok(value as unknown as EvidenceBundle);
}

/** The schema that a document names, for whoever was handed a file and does not know what it is. */
export function schemaOf(bytes: Uint8Array): string | undefined {
  const found = /"schema":\s?"(pawl\/[a-z-]+\/v\d+)"/.exec(fromUtf8(bytes) ?? "")?.[1];
  return found;
}
