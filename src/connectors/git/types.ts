import type { Clock } from "../../control/ports.ts";
import type { Digest } from "../../core/base/index.ts";

export interface Identity {
  readonly name: string;
  readonly email: string;
}

/** A repository as the operator declares it. Proposers name it and never give an address. */
export interface GitRepository {
  readonly name: string;
  /** Absolute path, `file://`, `https://`, `ssh://` or `user@host:path`. */
  readonly url: string;
  readonly environment: string;
  /** Branches that may be changed, as patterns; every branch when absent. */
  readonly branches?: readonly string[];
  /** Run in a fresh checkout of the result. A program that fails makes the verification fail. */
  readonly verify?: { readonly argv: readonly string[]; readonly timeoutSeconds: number };
  /** Author of the commits made here; the submitter when absent. */
  readonly author?: Identity;
  readonly objectFormat?: "sha1" | "sha256";
}

export interface GitOptions {
  readonly repositories: readonly GitRepository[];
  /** Mirrors live here. It belongs to Pawl alone. */
  readonly workDir: string;
  /** Key for the digests of secrets met in content. */
  readonly secretKey: Uint8Array;
  readonly clock: Clock;
  /** Committer of every commit. */
  readonly submitterIdentity: Identity;
  readonly gitBinary?: string;
  /** Where PATH and, for remote repositories, credentials come from. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly limits?: Partial<GitLimits>;
}

export interface GitLimits {
  readonly patchBytes: number;
  readonly files: number;
  readonly messageBytes: number;
  /** Files larger than this are not read by a person or a scanner: they are named uninspectable. */
  readonly inspectBytes: number;
  /** All inspected content of one plan together. */
  readonly inspectPlanBytes: number;
  readonly detailFileBytes: number;
  readonly detailPlanBytes: number;
  /** New content that a payload carries, so that any node can run it; a change with more runs where it was planned. */
  readonly carriedBytes: number;
}

export const GIT_LIMITS: GitLimits = {
  patchBytes: 8 * 1024 * 1024,
  files: 5_000,
  messageBytes: 8 * 1024,
  inspectBytes: 4 * 1024 * 1024,
  inspectPlanBytes: 64 * 1024 * 1024,
  detailFileBytes: 200_000,
  detailPlanBytes: 2 * 1024 * 1024,
  carriedBytes: 12 * 1024 * 1024,
};

/** What a step asks, once admitted. */
export type GitInput = { readonly repository: string; readonly branch: string; readonly message: string } & (
  | { readonly from: "patch"; readonly patch: string }
  | { readonly from: "ref"; readonly ref: string }
  | { readonly from: "commit"; readonly commit: string }
);

/** One side of a changed path. `bytes` is absent when the content is larger than may be inspected. */
export interface Side {
  readonly mode: FileMode;
  readonly oid: string;
  readonly size: number;
  /** SHA-256 of the content (for a submodule: of the commit's id). */
  readonly digest: Digest;
  readonly bytes?: Uint8Array;
}

export type FileMode = "100644" | "100755" | "120000" | "160000";

/** One changed path. A rename is two: what leaves the old path and what comes to the new one, each naming the other. */
export interface TreeChange {
  readonly path: string;
  readonly before?: Side;
  readonly after?: Side;
  readonly movedTo?: string;
  readonly movedFrom?: string;
  /** Unified diff of the file, when there is one to show. */
  readonly diff?: string;
}

/** A branch as it was fetched. */
export interface Head {
  readonly commit: string;
  readonly tree: string;
}
