import { digestJson } from "../base/index.ts";
import type { JsonObject, Result } from "../base/index.ts";
import { readEvidence } from "./body.ts";
import { openEnvelope } from "./dsse.ts";
import { no } from "./refusals.ts";
import type { GrantRefusal } from "./refusals.ts";
import type { Envelope, RunEvidence } from "./types.ts";

/** What was told, apart from who vouches for it and from what the desk added against guessing. */
export function factsOf(evidence: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(evidence).filter(([key]) => key !== "attestation" && key !== "salt"));
}

/** What a runner says of its run, if one of these keys signed it, about exactly these facts. */
export function verifyEvidence(
  envelope: unknown,
  keys: ReadonlyMap<string, Uint8Array>,
  facts: JsonObject,
): Result<RunEvidence, GrantRefusal> {
  const bytes = openEnvelope(envelope, keys);
  if (!bytes.ok) return bytes;
  const read = readEvidence(bytes.value);
  if (!read.ok) return read;
  return read.value.facts === digestJson(facts) ? read : no("evidence_mismatch", "the statement is about other facts", "facts");
}

/** The facts as they are sent and stored, with the runner's statement about them. */
export function attested(
  facts: JsonObject,
  about: Omit<RunEvidence, "facts" | "schema">,
  attest: (body: RunEvidence) => Envelope,
): JsonObject {
  const plain = factsOf(facts);
  const attestation = attest({ schema: "pawl/run-evidence/v1", ...about, facts: digestJson(plain) });
  return { ...plain, attestation: attestation as unknown as JsonObject };
}
