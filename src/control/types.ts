/** What control offers to whoever speaks for people and machines: API, CLI, channels, gateway. Views are the wire shapes. */
import type { ChangeId, Digest, GrantId, Json, JsonObject, PersonId, PrincipalId, Refusal, Result, RunId } from "../core/base/index.ts";
import type { GlassVerdict, CheckResult, Status, StepOutcome } from "../core/change/index.ts";
import type { ExportFormat } from "../core/evidence/index.ts";
import type { Envelope } from "../core/grant/index.ts";
import type { Plan } from "../core/plan/index.ts";
import type { BundleFault, CaseResult, Outcome, RuleTrace } from "../core/policy/index.ts";
import type { Presentation } from "../core/presentation/index.ts";
import type { LedgerEntry } from "./ports.ts";
import type { Runners } from "./runners-types.ts";

export type PrincipalKind = "human" | "agent" | "workload" | "runner";

/** Somebody who proved who they are. */
export interface Caller {
  readonly principal: PrincipalId;
  readonly kind: PrincipalKind;
  /** The credential used: `token:tok_…`. */
  readonly identity: string;
  readonly person?: PersonId;
  /** Who had this credential made, where that was somebody else: they could act through it. */
  readonly issuer?: PrincipalId;
  readonly roles: readonly string[];
  readonly channel: "api" | "cli" | "console";
}

/** Every code a caller can be refused with; the API maps each to one HTTP status. */
export type ControlCode =
  | "unauthenticated"
  | "forbidden"
  | "not_found"
  | "invalid"
  | "conflict"
  | "idempotency_mismatch"
  | "review_moved"
  | "not_now"
  | "too_large"
  | "unavailable";

/** `reason` is the core's own closed code, such as `self_approval` or `grant_consumed`. */
export interface ControlRefusal extends Refusal<ControlCode> {
  readonly reason: string;
  readonly faults?: readonly Refusal[];
}

export type Answer<T> = Promise<Result<T, ControlRefusal>>;

export interface SeatView {
  readonly id: string;
  /** Selectors in words: `group security`, `owner @acme/identity`. */
  readonly who: readonly string[];
  readonly count: number;
  readonly strength: "session" | "passkey";
  readonly signed_by: readonly { readonly person: string; readonly name: string; readonly at: number; readonly channel: string }[];
  readonly missing: number;
  readonly unfillable: boolean;
  /** The step it is for, where it is not for the change as a whole. */
  readonly step?: string;
  /** The name of the emergency route, in its one seat. */
  readonly glass?: string;
}

export type { StepOutcome } from "../core/change/index.ts";

/** An emergency decision, and the review that is owed for it. */
export interface GlassView {
  readonly grant: GrantId;
  readonly name: string;
  readonly by: PersonId;
  readonly at: number;
  readonly channel: string;
  readonly reason?: string;
  readonly due_at: number;
  readonly overdue: boolean;
  readonly reviewed?: { readonly by: PersonId; readonly at: number; readonly verdict: GlassVerdict; readonly evidence?: string };
}

export interface GlassListView {
  readonly glass: readonly (GlassView & { readonly change: ChangeId; readonly title: string })[];
}

export interface GlassDesk {
  /** Decides alone what policy would have wait; never for a machine. */
  readonly break: (caller: Caller, change: string, raw: Json) => Answer<ChangeView>;
  readonly review: (caller: Caller, change: string, raw: Json) => Answer<ChangeView>;
  readonly list: (caller: Caller) => Answer<GlassListView>;
}

/** What became of one step in a run. */
export interface StepView {
  readonly id: string;
  readonly connector: string;
  readonly outcome: StepOutcome;
}

export interface ChangeView {
  readonly id: ChangeId;
  readonly status: Status;
  readonly version: number;
  readonly revision: number;
  readonly title: string;
  readonly summary: string;
  readonly proposer: PrincipalId;
  readonly on_behalf_of: PrincipalId;
  readonly owner: PrincipalId;
  readonly connectors: readonly string[];
  readonly created_at: number;
  readonly updated_at: number;
  readonly expires_at: number;
  /** One sentence: what happens next, and who must do it. */
  readonly next: string;
  readonly outcome?: Outcome;
  readonly review_digest?: Digest;
  readonly plan_digest?: Digest;
  readonly state_digest?: Digest;
  readonly payload_digest?: Digest;
  readonly seats?: readonly SeatView[];
  /** What keeps it from starting, in words: holds of rules, its schedule, freezes that are in force. */
  readonly holds?: readonly string[];
  /** When all of them let it go, where that is known. */
  readonly held_until?: number;
  readonly not_before?: number;
  /** Each time that the glass was broken for it. */
  readonly glass?: readonly GlassView[];
  readonly because?: { readonly code: string; readonly text?: string; readonly details?: Json };
  /** To the proposer, machine-readable: what to mend before proposing again. */
  readonly instructions?: readonly { readonly rule: string; readonly code: string; readonly message: string; readonly resource?: string }[];
  /** With `stale`: both fingerprints. */
  readonly drift?: { readonly expected: Digest; readonly observed: Digest };
  readonly run?: {
    readonly id: RunId;
    readonly runner: string;
    readonly started_at: number;
    readonly steps_begun: readonly string[];
    readonly steps_done: readonly string[];
    readonly steps: readonly StepView[];
    /** Who had it go no further. */
    readonly stopped_by?: PersonId;
    /** Until then what was applied must hold. */
    readonly watched_until?: number;
    /** The latest look at what was applied. */
    readonly checked?: { readonly n: number; readonly result: CheckResult; readonly at: number };
  };
  /** Of an authorised change: the one whose run has not ended on something that this one touches. */
  readonly waits_for?: { readonly change: ChangeId; readonly status: Status };
  readonly grant?: string;
  readonly superseded_by?: ChangeId;
}

/** What is on record of a run of unknown end, and what its connectors see now. */
export interface OutcomeView {
  readonly change: ChangeId;
  readonly run: RunId;
  /** Why nobody knows. */
  readonly because: string;
  readonly steps: readonly {
    readonly id: string;
    readonly connector: string;
    readonly outcome: StepOutcome;
    readonly approved: Digest;
    readonly seen?: { readonly state: Digest; readonly as_approved: boolean; readonly context: Readonly<Record<string, string>> };
    readonly fault?: { readonly code: string; readonly message: string };
  }[];
  readonly checked?: { readonly n: number; readonly result: CheckResult; readonly at: number };
}

/** Another open change that touches some of the same. */
export interface ConflictView {
  readonly change: ChangeId;
  readonly status: Status;
  readonly proposer: PrincipalId;
  /** What both touch; the first few, where they are many. */
  readonly resources: readonly string[];
  readonly more?: number;
}

export interface PlanView {
  readonly change: ChangeView;
  readonly plan: Plan;
  readonly presentation: Presentation;
  readonly trace: readonly RuleTrace[];
  /** Volatile facts per step, outside the digests: base commit, when it was observed. */
  readonly context: Readonly<Record<string, Readonly<Record<string, string>>>>;
  /** As of now, and outside the digests: what else is open on the same resources; absent when nothing is. */
  readonly conflicts?: readonly ConflictView[];
  readonly digests: {
    readonly plan: Digest;
    readonly state: Digest;
    readonly route: Digest;
    readonly bundle: Digest;
    readonly presentation: Digest;
    readonly review: Digest;
    readonly payload: Digest;
  };
}

export interface EventView {
  readonly index: number;
  readonly n: number;
  readonly type: string;
  readonly at: number;
  readonly event: Json;
}

export interface ListView {
  readonly changes: readonly ChangeView[];
  readonly cursor?: string;
}

export interface TokenView {
  readonly id: string;
  readonly principal: PrincipalId;
  readonly label: string;
  readonly created_at: number;
  readonly expires_at?: number;
  readonly revoked: boolean;
}

export interface WhoView {
  readonly principal: PrincipalId;
  readonly kind: PrincipalKind;
  readonly name: string;
  readonly roles: readonly string[];
  readonly groups: readonly string[];
  readonly owner?: PrincipalId;
}

export interface ProofView {
  readonly index: number;
  readonly size: number;
  readonly leaf_hash: string;
  readonly proof: readonly string[];
  readonly checkpoint: string;
}

export interface ExportPage {
  readonly format: ExportFormat;
  readonly events: readonly JsonObject[];
  /** Where the next page begins; good for ever. */
  readonly cursor: string;
  readonly more: boolean;
}

export interface LedgerReader {
  checkpoint(): Promise<string>;
  /** Verifier keys of the log (`name+hash+key`), newest first. */
  vkeys(): readonly string[];
  tile(level: number, index: number): Promise<Uint8Array>;
  size(): Promise<number>;
  entries(from: number, limit: number): Promise<readonly LedgerEntry[]>;
  inclusion(index: number, size?: number): Answer<ProofView>;
  consistency(from: number, to: number): Answer<{ readonly from: number; readonly to: number; readonly proof: readonly string[] }>;
}

export interface Control {
  /** `bearer` is what followed `Bearer `. */
  authenticate(bearer: string, channel: Caller["channel"]): Answer<Caller>;
  whoami(caller: Caller): Answer<WhoView>;

  /** Decided in the same append when its connectors answer within `patienceMillis`; otherwise, and without, planned afterwards. */
  propose(caller: Caller, raw: Json, idempotencyKey?: string, patienceMillis?: number, closing?: AbortSignal): Answer<ChangeView>;
  revise(caller: Caller, change: string, raw: Json, patienceMillis?: number, closing?: AbortSignal): Answer<ChangeView>;
  read(caller: Caller, change: string): Answer<ChangeView>;
  plan(caller: Caller, change: string): Answer<PlanView>;
  events(caller: Caller, change: string, from: number, limit: number): Answer<readonly EventView[]>;
  list(
    caller: Caller,
    query: {
      readonly statuses?: readonly string[];
      readonly proposer?: string;
      readonly mine?: boolean;
      readonly limit: number;
      readonly cursor?: string;
    },
  ): Answer<ListView>;
  /** Settles when the change's version passes `since`, or at the time limit with the change as it is. */
  wait(caller: Caller, change: string, since: number, timeoutMillis: number, signal?: AbortSignal): Answer<ChangeView>;

  vote(caller: Caller, change: string, raw: Json): Answer<ChangeView>;
  withdrawVote(caller: Caller, change: string): Answer<ChangeView>;
  sendBack(caller: Caller, change: string, raw: Json): Answer<ChangeView>;
  withdraw(caller: Caller, change: string): Answer<ChangeView>;
  /** Observe and plan again: after drift, a policy change, or by wish. */
  replan(caller: Caller, change: string): Answer<ChangeView>;
  /** Starts an authorised change that waits for `run`. */
  run(caller: Caller, change: string): Answer<ChangeView>;
  /** Has a run begin nothing more and undo what it did; asked for again, it is answered with what stands. */
  stop(caller: Caller, change: string): Answer<ChangeView>;
  /** What there is to look at before saying how a run of unknown end did end. */
  outcome(caller: Caller, change: string): Answer<OutcomeView>;
  reconcile(caller: Caller, change: string, raw: Json): Answer<ChangeView>;
  readonly glass: GlassDesk;
  /** The signed grant of an authorised or started change, with its proof. */
  grant(caller: Caller, change: string): Answer<Envelope>;
  /** The ledger's entries after a cursor, in a form that other systems take. */
  exportPage(caller: Caller, query: { readonly format: ExportFormat; readonly since: number; readonly limit: number }): Answer<ExportPage>;
  /** Everything that shows how a change travelled, as the canonical text of one signed document. */
  bundle(caller: Caller, change: string): Answer<string>;

  policy(caller: Caller): Answer<{ readonly text: string; readonly digest: Digest; readonly name: string }>;
  policyCheck(caller: Caller, text: string): Answer<{ readonly faults: readonly BundleFault[]; readonly digest?: Digest }>;
  policyTest(caller: Caller, text: string): Answer<{ readonly faults: readonly BundleFault[]; readonly results: readonly CaseResult[] }>;
  /** Evaluates a change's facts under the current policy, or under `text`. */
  policyExplain(
    caller: Caller,
    change: string,
    text?: string,
  ): Answer<{ readonly outcome: Outcome; readonly lines: readonly string[]; readonly trace: readonly RuleTrace[] }>;
  directory(caller: Caller): Answer<Json>;
  /** The declared operations in force. */
  connectors(caller: Caller): Answer<{ readonly text: string; readonly digest: Digest }>;

  createToken(caller: Caller, raw: Json): Answer<{ readonly token: string; readonly view: TokenView }>;
  listTokens(caller: Caller): Answer<readonly TokenView[]>;
  revokeToken(caller: Caller, id: string): Answer<TokenView>;

  /** Puts an attempt that was refused for who made it into the ledger. */
  recordRefusal(caller: Caller, what: string, code: string): Promise<void>;
  /** Called with change ids and versions after each commit. */
  subscribe(listener: (changed: { readonly change: ChangeId; readonly version: number; readonly status: Status }) => void): () => void;

  readonly ledger: LedgerReader;
  readonly runners: Runners;
  health(): Promise<{
    readonly ok: boolean;
    readonly checks: readonly { readonly name: string; readonly ok: boolean; readonly text: string }[];
  }>;
}
