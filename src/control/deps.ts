import type { Refusal } from "../core/base/index.ts";
import type { Exchange } from "./runners-exchange.ts";
import type { Connector, Clock, Ids, Signer, Store, Timers } from "./ports.ts";

/** Bounds that an operator may set; every one is documented in docs/settings.md. */
export interface Limits {
  /** How long a change may wait for its end when its proposer names nothing. */
  readonly changeLifetimeMillis: number;
  /** How long an authorised change may wait for its start. */
  readonly grantLifetimeMillis: number;
  readonly clockSkewMillis: number;
  readonly planTimeoutMillis: number;
  readonly runTimeoutMillis: number;
  /** Changes of one proposer that may be open at once. */
  readonly openChangesPerProposer: number;
}

/** Everything control works with, wired in main.ts. */
export interface Deps {
  readonly store: Store;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly timers: Timers;
  readonly connectors: ReadonlyMap<string, Connector>;
  /** Signs grants; the log's key is behind the store. */
  readonly grantSigner: Signer;
  /** Where words that somebody wrote hold what looks like a secret; never what it is. */
  readonly findSecrets: (text: string) => Promise<readonly { readonly rule: string; readonly line: number }[]>;
  /** Keys the digests that stand in for secrets, so that nobody without it can guess at them. */
  readonly secretKey: Uint8Array;
  readonly logKeys: readonly string[];
  /** The log's origin, and so the deployment's name. */
  readonly origin: string;
  readonly limits: Limits;
  /** What is wrong with the log as others remember it, witnesses among them; empty when all is well. */
  readonly alarms?: () => readonly Refusal[];
  /** Heads with the cosignature of a witness each, as they are kept for auditors. */
  readonly cosigned?: () => readonly string[];
  /** Why nothing can be written now; undefined while writing goes well. */
  readonly trouble?: () => string | undefined;
  /** The runners elsewhere that this process can reach; absent where there are none. */
  readonly runners?: Exchange;
  /** Told of what nobody waits for: a job that failed, a quarantined stream. */
  readonly report: (problem: { readonly what: string; readonly error: unknown }) => void;
}
