import { concatBytes, fromBase64, ok, toBase64, utf8, verifyEd25519 } from "../base/index.ts";
import type { Json, Result } from "../base/index.ts";
import { no } from "./refusals.ts";
import type { GrantRefusal } from "./refusals.ts";
import { GRANT_PAYLOAD_TYPE } from "./types.ts";
import type { Envelope } from "./types.ts";

export const MAX_STATEMENT_BYTES = 1024 * 1024;
const MAX_SIGNATURES = 8;

/** Signs with a key that stays behind it; `name` is the key id. */
export interface GrantSigner {
  readonly name: string;
  sign(message: Uint8Array): Uint8Array;
}

/** DSSE's pre-authentication encoding: the type is signed with the payload, so that neither can be told of the other's signature. */
export function pae(payloadType: string, payload: Uint8Array): Uint8Array {
  const type = utf8(payloadType);
  return concatBytes(utf8(`DSSEv1 ${type.length} `), type, utf8(` ${payload.length} `), payload);
}

export function seal(payload: Uint8Array, signer: GrantSigner): Envelope {
  const sig = toBase64(signer.sign(pae(GRANT_PAYLOAD_TYPE, payload)));
  return { payloadType: GRANT_PAYLOAD_TYPE, payload: toBase64(payload), signatures: [{ keyid: signer.name, sig }] };
}

/** The signed bytes: of our type, and signed by a trusted key over exactly that type and those bytes. */
export function openEnvelope(raw: unknown, keys: ReadonlyMap<string, Uint8Array>): Result<Uint8Array, GrantRefusal> {
  const envelope = readEnvelope(raw);
  if (envelope === undefined) return no("grant_malformed", "this is not an envelope of the expected form and size");
  if (envelope.payloadType !== GRANT_PAYLOAD_TYPE)
    return no("grant_malformed", `the envelope holds ${envelope.payloadType.slice(0, 80)}`, "payloadType");
  const payload = fromBase64(envelope.payload);
  if (payload === undefined) return no("grant_malformed", "the payload is not base64", "payload");
  const message = pae(envelope.payloadType, payload);
  const signed = envelope.signatures.some(({ keyid, sig }) => {
    const key = keys.get(keyid);
    const signature = fromBase64(sig);
    return key !== undefined && signature !== undefined && verifyEd25519(key, message, signature);
  });
  return signed ? ok(payload) : no("grant_untrusted", "no trusted key has signed this", "signatures");
}

function readEnvelope(raw: unknown): Envelope | undefined {
  if (!hasExactly(raw, ["payloadType", "payload", "signatures"])) return undefined;
  const { payloadType, payload, signatures } = raw;
  if (typeof payloadType !== "string" || typeof payload !== "string" || !Array.isArray(signatures)) return undefined;
  if (payload.length > (MAX_STATEMENT_BYTES * 4) / 3 + 4 || signatures.length > MAX_SIGNATURES) return undefined;
  const read = signatures.filter((each): each is { keyid: string; sig: string } => {
    if (!hasExactly(each, ["keyid", "sig"])) return false;
    return isShort(each["keyid"]) && isShort(each["sig"]);
  });
  return read.length === signatures.length ? { payloadType, payload, signatures: read } : undefined;
}

const isShort = (value: unknown): boolean => typeof value === "string" && value.length <= 256;

function hasExactly(value: unknown, keys: readonly string[]): value is Record<string, Json> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  return Object.keys(value).length === keys.length && keys.every((key) => Object.hasOwn(value, key));
}
