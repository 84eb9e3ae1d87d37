import type { ChangeId, Digest, GrantId, Millis, RunnerId } from "../base/index.ts";
import type { StepDigests } from "../change/index.ts";
import type { Seat } from "../policy/index.ts";
import type { Parties, ReviewObject, Vote } from "../review/index.ts";

export const GRANT_PREDICATE = "pawl/grant/v1";
export const GRANT_PAYLOAD_TYPE = "application/vnd.in-toto+json";

/** What a grant permits: the predicate of an in-toto statement whose subject is the payload. */
export interface GrantBody {
  readonly schema: typeof GRANT_PREDICATE;
  /** The log's origin: a grant of another deployment is refused. */
  readonly deployment: string;
  readonly grant: GrantId;
  readonly change: ChangeId;
  readonly revision: number;
  readonly runner: RunnerId;
  readonly steps: readonly StepDigests[];
  readonly payload: Digest;
  readonly review: ReviewObject;
  readonly reviewDigest: Digest;
  readonly parties: Parties;
  readonly seats: readonly Seat[];
  readonly votes: readonly Vote[];
  readonly issuedAt: Millis;
  readonly expiresAt: Millis;
  /** Proof that the authorisation stands in the public ledger. */
  readonly ledger: GrantEvidence;
}

export interface GrantEvidence {
  readonly index: number;
  /** The entry's exact bytes as text. */
  readonly entry: string;
  /** Hex node hashes. */
  readonly proof: readonly string[];
  /** The signed checkpoint, as a note. */
  readonly checkpoint: string;
}

/** DSSE envelope (https://github.com/secure-systems-lab/dsse). */
export interface Envelope {
  readonly payloadType: string;
  readonly payload: string;
  readonly signatures: readonly { readonly keyid: string; readonly sig: string }[];
}

/** What a runner must already trust, from its own configuration. */
export interface GrantTrust {
  readonly deployment: string;
  readonly runner: RunnerId;
  /** Raw Ed25519 public keys by key id. */
  readonly grantKeys: ReadonlyMap<string, Uint8Array>;
  /** The log's verifier keys, as vkey lines. */
  readonly logKeys: readonly string[];
  /** Tolerated difference between the issuer's clock and this runner's. */
  readonly skewMillis: number;
}
