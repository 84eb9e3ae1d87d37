import type { Digest, PersonId, PrincipalId } from "../base/index.ts";
import type { Strength } from "../policy/index.ts";

/** A human. Many identities (`token:…`, `@login`, `ada@example.com`, `slack:U123`) resolve to ONE person. */
export interface Person {
  readonly id: PersonId;
  readonly name: string;
  readonly active: boolean;
  readonly identities: readonly string[];
  readonly roles: readonly string[];
}

/** An agent or workload. An agent always has an owner; a vote by that owner on its changes never counts. */
export interface Machine {
  readonly id: PrincipalId;
  readonly owner: PrincipalId;
  /** For whom it acts unless a proposal names somebody else it may act for. */
  readonly actsFor: readonly PrincipalId[];
  readonly active: boolean;
}

export interface Group {
  readonly name: string;
  readonly members: readonly PersonId[];
  /** Names by which outside files know this group: `@acme/security`. */
  readonly handles: readonly string[];
}

/** People, machines and groups as one document; changed only by changes. `human:<person id>` is a person's principal id. */
export interface Directory {
  readonly persons: readonly Person[];
  readonly machines: readonly Machine[];
  readonly groups: readonly Group[];
  /** Identities that prove nobody any more, as known when a decision is made: a revoked token. No part of the document. */
  readonly revoked?: readonly string[];
}

export type Decision = "approve" | "reject";

export interface Vote {
  readonly person: PersonId;
  /** The identity that was used, for the record. */
  readonly identity: string;
  readonly seat: string;
  readonly decision: Decision;
  readonly reviewDigest: Digest;
  readonly channel: string;
  readonly strength: Strength;
  readonly at: number;
  /** Digest of the salted comment in the payload store. */
  readonly comment?: Digest;
}

/** Everybody whose vote on a change cannot count, as principals before resolution. */
export interface Parties {
  readonly proposer: PrincipalId;
  readonly onBehalfOf: PrincipalId;
  readonly owner: PrincipalId;
  /** Who made any revision of the plan. */
  readonly editors: readonly PrincipalId[];
}

/** The five digests whose hash is the review digest: a vote counts for exactly these. */
export interface ReviewObject {
  readonly plan: Digest;
  readonly state: Digest;
  readonly route: Digest;
  readonly bundle: Digest;
  readonly presentation: Digest;
}
