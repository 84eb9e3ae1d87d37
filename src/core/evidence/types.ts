import type { ChangeId, Digest } from "../base/index.ts";
import type { Envelope } from "../grant/index.ts";
import type { LogKey, Vkey } from "../ledger/index.ts";

export const BUNDLE_SCHEMA = "pawl/evidence/v1";
export const REPORT_SCHEMA = "pawl/change-report/v1";

/** An entry of the ledger, exactly as it stands there, with the nodes that lead from it to the bundle's checkpoint. */
export interface ProvenEntry {
  readonly index: number;
  readonly entry: string;
  /** Hex node hashes, lowest first. */
  readonly proof: readonly string[];
}

/** A document that an entry names by its digest: with its bytes, or with why they are not here. */
export type EvidencePayload =
  | { readonly digest: Digest; readonly as: "text"; readonly media_type: string; readonly text: string }
  | { readonly digest: Digest; readonly as: "base64"; readonly media_type: string; readonly base64: string }
  /** Erased from the payload store: the ledger proves that it existed. */
  | { readonly digest: Digest; readonly as: "erased" }
  | { readonly digest: Digest; readonly as: "left_out"; readonly why: "too_large" };

export interface Seal {
  readonly keyid: string;
  readonly sig: string;
}

/** Everything that shows how one change travelled, as one canonical JSON document. */
export interface EvidenceBundle {
  readonly schema: typeof BUNDLE_SCHEMA;
  readonly origin: string;
  readonly change: ChangeId;
  /** The log's signed checkpoint, with whatever cosignatures there were. */
  readonly checkpoint: string;
  /** The change's own, oldest first. */
  readonly entries: readonly ProvenEntry[];
  /** Of other streams: the policy and the directory that were in force, and the tokens that voted. By index. */
  readonly context: readonly ProvenEntry[];
  /** By digest, each once. */
  readonly payloads: readonly EvidencePayload[];
  readonly grant: Envelope | null;
  /** The place of passkey assertions. Votes of this version have none. */
  readonly assertions: readonly never[];
  /** By what names the keys go; worth nothing to whoever has no keys from elsewhere. */
  readonly keys: { readonly log: readonly string[]; readonly grants: Readonly<Record<string, string>> };
  /** The exporter's signature over all the rest. */
  readonly seal: Seal;
}

/** What a verification believes, because it came by another way than what it checks. */
export interface EvidenceTrust {
  readonly origin: string;
  readonly logKeys: readonly LogKey[];
  /** The same as lines, as a grant's verification takes them. */
  readonly logLines: readonly string[];
  readonly grantKeys: ReadonlyMap<string, Uint8Array>;
  readonly runnerKeys: ReadonlyMap<string, Uint8Array>;
  readonly witnesses: readonly Vkey[];
  /** How many of the witnesses must have cosigned. */
  readonly quorum: number;
}

export interface Check {
  readonly name: string;
  /** Undefined: it could not be checked, or says nothing of truth; `text` says which. */
  readonly holds: boolean | undefined;
  readonly text: string;
}

export const yes = (name: string, text: string): Check => ({ name, holds: true, text });
export const no = (name: string, text: string): Check => ({ name, holds: false, text });
export const open = (name: string, text: string): Check => ({ name, holds: undefined, text });
export const plural = (n: number, one: string, many = `${one}s`): string => `${n} ${n === 1 ? one : many}`;
