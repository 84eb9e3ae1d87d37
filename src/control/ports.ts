/** What the edge must provide. The core decides, control orders, and everything behind these ports touches the world. */
import type { ChangeId, Digest, GrantId, Json, JsonObject, Millis, Refusal, Result, RunId, RunnerId } from "../core/base/index.ts";
import type { CheckResult } from "../core/change/index.ts";
import type { Envelope } from "../core/grant/index.ts";
import type { StepAnalysis } from "../core/plan/index.ts";

export interface Clock {
  now(): Millis;
}

export interface Ids {
  /** `prefix_` and a time-ordered unique suffix. */
  next(prefix: string): string;
  /** Unpredictable bytes, for salts and tokens. */
  random(bytes: number): Uint8Array;
}

export interface Timers {
  /** Calls `fn` once after the delay; the returned function cancels it. */
  after(millis: number, fn: () => void): () => void;
}

/** An Ed25519 signer; the private key stays behind it. */
export interface Signer {
  readonly name: string;
  readonly publicKey: Uint8Array;
  sign(message: Uint8Array): Uint8Array;
}

/** Thrown by a store that cannot be read now: no bug of whoever asked, and worth asking again. */
export class StoreUnreadable extends Error {}

/** One consistent write: every part commits or none does. */
export interface AppendRequest {
  readonly writes: readonly StreamWrite[];
  /** Streams that the decision rests on without writing to them: one that has moved refuses the whole request as `version_conflict`. */
  readonly guards?: readonly Guard[];
  /** Rows under a unique constraint. One that exists already refuses the whole request. */
  readonly claims?: readonly Claim[];
  readonly outbox?: readonly OutboxItem[];
  readonly payloads?: readonly Payload[];
}

export interface Guard {
  readonly stream: string;
  /** 0 for a stream that must not exist yet. */
  readonly version: number;
}

export interface StreamWrite {
  /** `change/chg_…`, `config/policy`, `token/tok_…`, `audit`. */
  readonly stream: string;
  /** The version the writer decided on, or `any` for streams that only gather entries. */
  readonly expected: number | "any";
  /** At least one. Each becomes one ledger entry, as `{"event":…,"n":<number in stream>,"stream":…,"v":1}` in canonical bytes (`n` is 0 for `any` streams). */
  readonly events: readonly Json[];
  /** The new state; absent for streams without one. Its version is expected + events.length. */
  readonly state?: StreamState;
}

export interface StreamState {
  readonly body: Json;
  /** Columns to list and filter by. */
  readonly status: string;
  readonly proposer: string;
  readonly createdAt: Millis;
  readonly updatedAt: Millis;
}

export interface Claim {
  /** `consume`, `vote`, `idempotency`, `token`. */
  readonly kind: string;
  readonly key: string;
  readonly value: string;
}

/** Something to do outside after the commit; `key` makes it idempotent. */
export interface OutboxItem {
  readonly key: string;
  readonly kind: string;
  readonly body: JsonObject;
  readonly dueAt: Millis;
}

export interface Payload {
  readonly digest: Digest;
  readonly mediaType: string;
  readonly bytes: Uint8Array;
}

export interface Receipt {
  /** Ledger index of each event, in the order of writes and events. */
  readonly indexes: readonly number[];
  readonly size: number;
  /** The signed checkpoint that covers them. */
  readonly checkpoint: string;
}

export type StoreCode =
  | "version_conflict"
  | "claim_taken"
  | "payload_mismatch"
  | "payload_too_large"
  | "entry_too_large"
  | "store_unavailable"
  | "store_corrupt";
/** With `store_unavailable`, `details.outcome` is `none` (nothing was written) or `unknown` (read before trying again). */
export interface StoreRefusal extends Refusal<StoreCode> {
  /** With `claim_taken`: the claim and the value that stands. */
  readonly claim?: Claim;
}

export interface StoredStream extends StreamState {
  readonly stream: string;
  readonly version: number;
  /** Why the stored row cannot be trusted. Its status is then `quarantined` and its body null: show it, decide nothing on it. */
  readonly quarantined?: string;
}

export interface ListQuery {
  /** Streams whose name starts so: `change/`. */
  readonly prefix: string;
  readonly statuses?: readonly string[];
  readonly proposer?: string;
  readonly limit: number;
  /** Opaque, from the previous page. */
  readonly cursor?: string;
}

export interface LedgerEntry {
  readonly index: number;
  readonly stream: string;
  readonly bytes: Uint8Array;
}

export interface LeasedItem extends OutboxItem {
  readonly id: number;
  readonly attempts: number;
}

/**
 * The one durable thing. Every implementation passes the same contract suite. A promise from `append` settles only after
 * the commit is durable; concurrent appends share one commit.
 */
export interface Store {
  append(request: AppendRequest): Promise<Result<Receipt, StoreRefusal>>;
  load(stream: string): Promise<StoredStream | undefined>;
  /** Newest first by creation. `badCursor` when the cursor is none of ours: no rows then. */
  list(query: ListQuery): Promise<{ readonly rows: readonly StoredStream[]; readonly cursor?: string; readonly badCursor?: true }>;
  /** The entries of one stream from event number `from` (0 = first), oldest first. */
  history(stream: string, from: number, limit: number): Promise<readonly LedgerEntry[]>;
  claim(kind: string, key: string): Promise<Claim | undefined>;
  payload(digest: Digest): Promise<Payload | "erased" | undefined>;
  /** Removes the bytes and keeps the digest: proofs still hold. */
  erase(digest: Digest): Promise<boolean>;
  /** Signed checkpoint of the head; of the empty tree before the first entry. */
  head(): Promise<{ readonly size: number; readonly root: Uint8Array; readonly checkpoint: string }>;
  /** Every published checkpoint's note by tree size, newest first. */
  checkpoints(limit: number): Promise<readonly { readonly size: number; readonly note: string }[]>;
  entries(from: number, limit: number): Promise<readonly LedgerEntry[]>;
  /** The tile's current bytes (up to 256 hashes); empty when there are none. */
  tile(level: number, index: number): Promise<Uint8Array>;
  /** Takes due items and hides them from others until the lease ends. */
  takeDue(now: Millis, leaseMillis: number, limit: number): Promise<readonly LeasedItem[]>;
  settle(id: number): Promise<void>;
  retryAt(id: number, dueAt: Millis): Promise<void>;
  /** Called with stream names after each commit, here or on another node. Returns a function that stops it. */
  watch(listener: (streams: readonly string[]) => void): () => void;
  close(): Promise<void>;
}

/** Raw input that a connector has parsed and bounded. `input` is what is stored; secrets in it are refused or already replaced. */
export interface Admitted {
  readonly input: Json;
  /** For the derived scope: what the request itself names. */
  readonly names: { readonly system: string; readonly environment: string; readonly resources: readonly string[] };
}

export interface Analysed {
  readonly analysis: StepAnalysis;
  /** Exactly what will be executed: `analysis.step.payloadDigest` is the digest of these bytes. */
  readonly payload: Uint8Array;
  readonly freshForMillis: number;
  /** Digest of the code and declarations that derived it, where that is not this process's: a runner elsewhere did. */
  readonly code?: Digest;
}

export interface Observed {
  readonly stateDigest: Digest;
  /** For people: what the fingerprint stands for, such as branch and tree. */
  readonly context: Readonly<Record<string, string>>;
}

export interface Performed {
  /** JSON facts about what was done: what verify and undo need, and what goes into evidence. */
  readonly facts: JsonObject;
}

/** `effect: none` is a promise that nothing outside was touched; anything less certain is `possible`. */
export interface PerformFault extends Refusal {
  readonly effect: "none" | "possible";
}

/** What was applied is not as it should be; or, where `inconclusive`, that could not be found out and is worth asking again. */
export interface VerifyFault extends Refusal {
  readonly inconclusive?: true;
}

/** One connector: `admit` touches nothing, `analyse` and `observe` only read, `apply` and `undo` write. */
export interface Connector {
  readonly name: string;
  /** Digest of its code and declarations. */
  readonly digest: Digest;
  /** The environment variables that it needs, where its work has a process of its own: the first to look, all of them to write. */
  readonly needs?: { readonly read: readonly string[]; readonly write: readonly string[] };
  /** A promise only because secret scanners are: nothing outside is read, and what it refuses is stored nowhere. */
  admit(input: Json): Promise<Result<Admitted, readonly Refusal[]>>;
  analyse(input: Json, limits: RunLimits): Promise<Result<Analysed>>;
  observe(payload: Uint8Array, limits: RunLimits): Promise<Result<Observed>>;
  apply(payload: Uint8Array, expected: Digest, limits: RunLimits): Promise<Result<Performed, PerformFault>>;
  verify(payload: Uint8Array, performed: Performed, limits: RunLimits): Promise<Result<Performed, VerifyFault>>;
  undo(payload: Uint8Array, performed: Performed, limits: RunLimits): Promise<Result<Performed, PerformFault>>;
}

export interface RunLimits {
  readonly signal?: AbortSignal;
  readonly timeoutMillis: number;
  /** A line for whoever watches, said while the work goes on; free of secrets, and no evidence of anything. */
  readonly progress?: (line: string) => void;
}

/** What a runner is offered: the signed grant with its proof, and the exact bytes of each step. */
export interface Offer {
  readonly envelope: Envelope;
  readonly payloads: readonly Uint8Array[];
}

export interface RunRef {
  readonly change: ChangeId;
  readonly run: RunId;
  readonly runner: RunnerId;
}

export type RunEnd = "verified" | "failed" | "undone" | "indeterminate";

/** How an attempt to run ended, for whoever sent the runner. */
export type RunReport =
  | { readonly kind: "not_started"; readonly error: Refusal }
  /** The desk took no more reports: the change is where the desk has it, and nothing more is done. */
  | { readonly kind: "stopped"; readonly error: Refusal }
  | { readonly kind: "stale"; readonly expected: Digest; readonly observed: Digest }
  | { readonly kind: "ended"; readonly end: RunEnd; readonly code: string };

/**
 * Where a runner reports. Every answer is durable before it is given; a refusal means: stop, somebody revoked, expired or
 * took over. A runner decides nothing here; it tells what it saw and did.
 */
export interface RunDesk {
  offer(change: ChangeId, runner: RunnerId): Promise<Result<Offer>>;
  /** Consumes the grant, once, and records the intent to run. */
  start(change: ChangeId, grant: GrantId, runner: RunnerId): Promise<Result<RunRef>>;
  /** `evidence`: what was seen, where the runner vouches for it. */
  begin(ref: RunRef, step: string, observed: Digest, evidence?: JsonObject): Promise<Result<void>>;
  finish(ref: RunRef, step: string, evidence: JsonObject): Promise<Result<void>>;
  /** The `n`-th look in the watch window, counted from 1. */
  check(ref: RunRef, n: number, result: CheckResult, evidence: JsonObject): Promise<Result<void>>;
  /** Whether the run may go on: asked between two looks, and nothing is written. */
  standing(ref: RunRef): Promise<Result<void>>;
  /** Answers with the signed permission to undo this step, which the runner verifies as it did the grant. */
  beginUndo(ref: RunRef, step: string, code: string, evidence: JsonObject): Promise<Result<Envelope>>;
  stale(ref: RunRef, expected: Digest, observed: Digest): Promise<Result<void>>;
  report(ref: RunRef, end: RunEnd, code: string, evidence: JsonObject): Promise<Result<void>>;
}
