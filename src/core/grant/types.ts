import type { ChangeId, Digest, GrantId, Millis, RunId, RunnerId } from "../base/index.ts";
import type { Because, StepDigests } from "../change/index.ts";
import type { Watch } from "../plan/index.ts";
import type { Seat } from "../policy/index.ts";
import type { Parties, ReviewObject, Vote } from "../review/index.ts";

export const GRANT_PREDICATE = "pawl/grant/v1";
export const UNDO_PREDICATE = "pawl/undo-grant/v1";
export const EVIDENCE_PREDICATE = "pawl/run-evidence/v1";
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
  /** How long the runner watches what it has applied. */
  readonly watch?: Watch;
  readonly review: ReviewObject;
  readonly reviewDigest: Digest;
  readonly parties: Parties;
  readonly seats: readonly Seat[];
  readonly votes: readonly Vote[];
  readonly issuedAt: Millis;
  readonly expiresAt: Millis;
  /** From when on it may be used. */
  readonly notBefore?: Millis;
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

/** Permission to undo one step that this run has done: the predicate of an in-toto statement about the step's bytes. */
export interface UndoGrantBody {
  readonly schema: typeof UNDO_PREDICATE;
  readonly deployment: string;
  /** The one that the run consumed. */
  readonly grant: GrantId;
  readonly change: ChangeId;
  readonly run: RunId;
  readonly runner: RunnerId;
  readonly step: StepDigests;
  readonly because: Because;
  readonly issuedAt: Millis;
  /** Proof that the beginning of this undo stands in the public ledger. */
  readonly ledger: GrantEvidence;
}

/** What a runner says of a run: the predicate of an in-toto statement about the bytes that it was about. */
export interface RunEvidence {
  readonly schema: typeof EVIDENCE_PREDICATE;
  readonly deployment: string;
  readonly change: ChangeId;
  readonly run: RunId;
  readonly runner: RunnerId;
  /** Absent where it is about the whole run. */
  readonly step?: string;
  readonly kind: (typeof EVIDENCE_KINDS)[number];
  /** Of the step, or of all steps. */
  readonly payload: Digest;
  /** Digest of the facts, which are kept beside the statement. */
  readonly facts: Digest;
  readonly at: Millis;
}

export const EVIDENCE_KINDS = ["observed", "applied", "checked", "verified", "undone", "failed", "indeterminate"] as const;

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
