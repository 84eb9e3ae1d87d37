import type { ChangeId, Digest, GrantId, KeyedDigest, Millis, PersonId, PrincipalId, RunId, RunnerId } from "../base/index.ts";
import type { Watch } from "../plan/index.ts";
import type { Outcome, Seat, Selector } from "../policy/index.ts";
import type { Glass, GlassVerdict } from "./glass-types.ts";
import type { Decision, Directory, Parties, ReviewObject, Vote } from "../review/index.ts";

/** What every change carries in every state. */
export interface Common {
  readonly id: ChangeId;
  /** Events so far; the store's optimistic version. */
  readonly version: number;
  readonly revision: number;
  /** Rises whenever votes are taken back, voided, or asked for afresh: a person has one vote per ballot. */
  readonly ballot: number;
  readonly proposal: Digest;
  readonly parties: Parties;
  readonly steps: readonly { readonly id: string; readonly connector: string }[];
  readonly start: "when-authorised" | "on-request";
  readonly createdAt: Millis;
  /** Past this the change may not start, whatever was signed. */
  readonly expiresAt: Millis;
  /** Before this it does not start either. */
  readonly notBefore?: Millis;
  /** Each time that the glass was broken for it, whatever became of it since. */
  readonly glass?: readonly Glass[];
}

/** The plan of the current revision, by digest. */
export interface Planned {
  readonly object: Omit<ReviewObject, "route" | "bundle" | "presentation">;
  /** Digest over the payload digests of all steps, in order: dropping or adding a step changes it. */
  readonly payload: Digest;
  readonly stepDigests: readonly StepDigests[];
  /** Payload-store digest of the unsealed context (volatile facts). */
  readonly context: Digest;
  /** The observation is fresh until then. */
  readonly freshUntil: Millis;
  /** How long what was applied must hold before it counts as verified. */
  readonly watch?: Watch;
}

/** What one look in the watch window found; `unknown` where it could not be carried out. */
export type CheckResult = "held" | "failed" | "unknown";

export interface StepDigests {
  readonly id: string;
  readonly connector: string;
  readonly operation: string;
  readonly state: Digest;
  readonly payload: Digest;
  /** Digest of the connector's code and declarations that derived the step: no other may execute it. */
  readonly code: Digest;
}

/** What the current votes are about. */
export interface Reviewed extends Planned {
  readonly review: ReviewObject;
  readonly reviewDigest: Digest;
  readonly outcome: Outcome;
  readonly seats: readonly Seat[];
  readonly holds: readonly string[];
  /** Names of the freezes that it is under whenever they are in force. */
  readonly freezes?: readonly string[];
  readonly votes: readonly Vote[];
}

/** Votes and the review digest that they were given for. */
export interface Signed {
  readonly reviewDigest: Digest;
  readonly votes: readonly Vote[];
}

export interface Authorised extends Reviewed {
  readonly grant: GrantId;
  readonly authorisedAt: Millis;
  /** The grant may be consumed until then. */
  readonly grantExpiresAt: Millis;
  /** Version (event number) of the `authorised` event: its ledger entry is what the grant's inclusion proof proves. */
  readonly authorisedVersion: number;
}

export interface Running extends Authorised {
  readonly run: RunId;
  readonly runner: RunnerId;
  readonly startedAt: Millis;
  /** The target systems in which this run holds what it touches. Absent where it holds nothing. */
  readonly targets?: readonly KeyedDigest[];
  /** Steps whose effect may have begun: a durable entry precedes each. */
  readonly begun: readonly string[];
  readonly done: readonly string[];
  /** Steps whose undo may have begun, latest first. */
  readonly undoing: readonly string[];
  /** When the last step was done. */
  readonly appliedAt?: Millis;
  /** The latest look at what was applied. */
  readonly checked?: { readonly n: number; readonly result: CheckResult; readonly at: Millis };
  /** Who asked for it to go no further. */
  readonly stopped?: PersonId;
}

/** Why something ended the way it did: a closed code, and the digest of the evidence in the payload store. */
export interface Because {
  readonly code: string;
  readonly evidence?: Digest;
}

export type ChangeState =
  | (Common & { readonly status: "proposed" })
  /** `previous`: what was signed before a re-plan; its votes stay if the new review object is identical. */
  | (Common & Planned & { readonly status: "planned"; readonly previous?: Signed })
  | (Common & { readonly status: "sent_back"; readonly because: Because; readonly by: "policy" | "plan" | PersonId })
  | (Common & { readonly status: "blocked"; readonly because: Because })
  | (Common & { readonly status: "rejected"; readonly by: PersonId; readonly comment?: Digest })
  | (Common & Reviewed & { readonly status: "awaiting" })
  | (Common & Authorised & { readonly status: "authorised" })
  | (Common & Running & { readonly status: "running" })
  | (Common & Running & { readonly status: "applied" })
  | (Common & Running & { readonly status: "verified"; readonly evidence: Digest })
  | (Common & Running & { readonly status: "failed"; readonly because: Because })
  | (Common & Running & { readonly status: "undone"; readonly because: Because })
  | (Common & Running & { readonly status: "indeterminate"; readonly because: Because })
  /** The observed state moved; `reviewed` keeps the votes in case a re-plan is canonically identical. */
  | (Common & Reviewed & { readonly status: "stale"; readonly expected: Digest; readonly observed: Digest })
  | (Common & { readonly status: "expired" })
  | (Common & { readonly status: "withdrawn"; readonly by: PrincipalId })
  | (Common & { readonly status: "superseded"; readonly by: ChangeId });

export type Status = ChangeState["status"];

/**
 * One thing that happened. Events carry ids, digests, enumerations and times only: no words anybody wrote. An event's
 * canonical bytes, with change id and number, are its ledger entry; the state is the fold of a change's events.
 */
export type ChangeEvent = { readonly at: Millis } & (
  | {
      readonly type: "proposed";
      readonly change: ChangeId;
      readonly proposal: Digest;
      readonly parties: Parties;
      readonly steps: Common["steps"];
      readonly start: Common["start"];
      readonly expiresAt: Millis;
      readonly notBefore?: Millis;
      readonly supersedes?: ChangeId;
    }
  | ({ readonly type: "planned" } & Planned)
  | {
      readonly type: "routed";
      readonly review: ReviewObject;
      readonly reviewDigest: Digest;
      readonly outcome: Outcome;
      readonly seats: readonly Seat[];
      readonly holds: readonly string[];
      readonly freezes?: readonly string[];
      /** Votes of the earlier review object that stay, because the new one is identical; else none. */
      readonly kept: readonly PersonId[];
    }
  /** Somebody decided alone, in an emergency; the route, the vote and the authorisation follow. */
  | { readonly type: "glass_broken"; readonly glass: Glass }
  | {
      readonly type: "glass_reviewed";
      readonly by: PersonId;
      readonly verdict: GlassVerdict;
      readonly comment: Digest;
      /** Those that the broken glass gave. */
      readonly grants: readonly GrantId[];
    }
  | { readonly type: "blocked"; readonly because: Because }
  | { readonly type: "sent_back"; readonly by: "policy" | "plan" | PersonId; readonly because: Because }
  | { readonly type: "voted"; readonly vote: Vote }
  | { readonly type: "vote_withdrawn"; readonly person: PersonId; readonly seat: string }
  /** Votes that no longer count (somebody was deprovisioned or lost the seat), with why. */
  | { readonly type: "votes_voided"; readonly persons: readonly PersonId[]; readonly code: string }
  | { readonly type: "rejected"; readonly by: PersonId; readonly comment?: Digest }
  | {
      readonly type: "authorised";
      readonly grant: GrantId;
      readonly grantExpiresAt: Millis;
      readonly reviewDigest: Digest;
      readonly payload: Digest;
      /** H(revision, parties, seats, votes, codes of the steps, watch): a grant cannot tell otherwise who approved, for whom, and whose code. */
      readonly approval: Digest;
    }
  | {
      readonly type: "revised";
      readonly proposal: Digest;
      readonly by: PrincipalId;
      /** Who had the credential made that was used, where that was somebody else. */
      readonly issuer?: PrincipalId;
      readonly steps: Common["steps"];
      readonly expiresAt: Millis;
      readonly notBefore?: Millis;
    }
  | { readonly type: "staled"; readonly expected: Digest; readonly observed: Digest }
  | { readonly type: "expired" }
  | { readonly type: "withdrawn"; readonly by: PrincipalId }
  | { readonly type: "superseded"; readonly by: ChangeId }
  /** Consumes the grant and records the intent to run: durable before anything outside is touched. */
  | {
      readonly type: "run_started";
      readonly grant: GrantId;
      readonly run: RunId;
      readonly runner: RunnerId;
      readonly targets?: readonly KeyedDigest[];
    }
  | {
      readonly type: "effect_started";
      readonly run: RunId;
      readonly step: string;
      readonly observed: Digest;
      readonly evidence?: Digest;
    }
  | { readonly type: "effect_done"; readonly run: RunId; readonly step: string; readonly evidence: Digest }
  /** The planned undo of a done step is about to touch the outside: durable before it does. */
  | { readonly type: "undo_started"; readonly run: RunId; readonly step: string; readonly because: Because }
  | { readonly type: "applied"; readonly run: RunId }
  /** A look at what was applied, within its watch window. */
  | { readonly type: "checked"; readonly run: RunId; readonly n: number; readonly result: CheckResult; readonly evidence: Digest }
  /** A person wants the run to begin nothing more, and to undo what it did. */
  | { readonly type: "stop_requested"; readonly run: RunId; readonly by: PersonId }
  | { readonly type: "verified"; readonly run: RunId; readonly evidence: Digest }
  | { readonly type: "failed"; readonly run: RunId; readonly because: Because }
  | { readonly type: "undone"; readonly run: RunId; readonly because: Because }
  | { readonly type: "indeterminate"; readonly run: RunId; readonly because: Because }
  | {
      readonly type: "reconciled";
      readonly run: RunId;
      readonly as: "verified" | "failed" | "undone";
      readonly by: PersonId;
      readonly evidence: Digest;
      /** A file that it rests on, by its own digest: whoever has it can tell that it is the one. */
      readonly file?: Digest;
    }
);

/** Commands carry everything a decision needs; ids and the directory are looked up by the caller beforehand. */
export type ChangeCommand =
  | {
      readonly type: "propose";
      readonly change: ChangeId;
      readonly proposal: Digest;
      readonly parties: Parties;
      readonly steps: Common["steps"];
      readonly start: Common["start"];
      readonly expiresAt: Millis;
      readonly notBefore?: Millis;
      readonly supersedes?: ChangeId;
    }
  /** `revision`: the one that was planned; a plan of an earlier revision is refused. */
  | ({ readonly type: "plan"; readonly revision: number } & Planned)
  | { readonly type: "refuse_plan"; readonly revision: number; readonly because: Because }
  | {
      readonly type: "route";
      readonly review: ReviewObject;
      readonly outcome: Outcome;
      readonly seats: readonly Seat[];
      readonly holds: readonly string[];
      readonly freezes?: readonly string[];
      /** Payload digest of the instructions or reasons, when the outcome is `revise` or `block`. */
      readonly because?: Because;
      readonly directory: Directory;
      readonly grant: GrantId;
      readonly grantExpiresAt: Millis;
    }
  | {
      readonly type: "vote";
      readonly voter: PrincipalId;
      readonly identity: string;
      readonly seat?: string;
      readonly decision: Decision;
      readonly reviewDigest: Digest;
      readonly channel: string;
      readonly strength: Vote["strength"];
      readonly comment?: Digest;
      readonly directory: Directory;
      readonly grant: GrantId;
      readonly grantExpiresAt: Millis;
    }
  /** `review` is that of the emergency route, `reviewDigest` of what its person has read. */
  | {
      readonly type: "break_glass";
      readonly voter: PrincipalId;
      readonly identity: string;
      readonly reviewDigest: Digest;
      readonly review: ReviewObject;
      readonly name: string;
      readonly seat: Seat;
      readonly second: readonly Selector[];
      readonly dueAt: Millis;
      readonly reason: Digest;
      readonly channel: string;
      readonly strength: Vote["strength"];
      /** Freezes that are in force. */
      readonly frozen: readonly string[];
      /** Those who owe an overdue review. */
      readonly overdue: readonly PersonId[];
      readonly directory: Directory;
      readonly grant: GrantId;
      readonly grantExpiresAt: Millis;
    }
  | {
      readonly type: "review_glass";
      readonly by: PrincipalId;
      readonly identity: string;
      readonly verdict: GlassVerdict;
      readonly comment: Digest;
      readonly directory: Directory;
    }
  | { readonly type: "withdraw_vote"; readonly voter: PrincipalId; readonly identity: string; readonly directory: Directory }
  | {
      readonly type: "send_back";
      readonly voter: PrincipalId;
      readonly identity: string;
      readonly because: Because;
      readonly directory: Directory;
    }
  | {
      readonly type: "revise";
      readonly by: PrincipalId;
      readonly issuer?: PrincipalId;
      readonly proposal: Digest;
      readonly steps: Common["steps"];
      readonly expiresAt: Millis;
      readonly notBefore?: Millis;
      readonly directory: Directory;
    }
  | { readonly type: "withdraw"; readonly by: PrincipalId }
  | { readonly type: "supersede"; readonly by: ChangeId; readonly proposer: PrincipalId }
  | { readonly type: "expire" }
  | {
      readonly type: "start";
      readonly grant: GrantId;
      readonly run: RunId;
      readonly runner: RunnerId;
      /** Taken in the same append. */
      readonly targets?: readonly KeyedDigest[];
      readonly directory: Directory;
      readonly bundle: Digest;
      /** Freezes of this change that are in force, or about to be. */
      readonly frozen: readonly string[];
    }
  /** Also after begin_effect when a compare-and-swap lost: the connector vouches that nothing was touched. */
  | { readonly type: "stale"; readonly expected: Digest; readonly observed: Digest; readonly run?: RunId }
  | {
      readonly type: "begin_effect";
      readonly run: RunId;
      readonly runner: RunnerId;
      readonly step: string;
      readonly observed: Digest;
      readonly evidence?: Digest;
    }
  | { readonly type: "finish_effect"; readonly run: RunId; readonly runner: RunnerId; readonly step: string; readonly evidence: Digest }
  | {
      readonly type: "check";
      readonly run: RunId;
      readonly runner: RunnerId;
      readonly n: number;
      readonly result: CheckResult;
      readonly evidence: Digest;
    }
  | { readonly type: "stop"; readonly by: PrincipalId; readonly identity: string; readonly directory: Directory }
  /** Allowed for a begun step of a running change, latest first; an expired grant does not forbid undoing what it did. */
  | { readonly type: "begin_undo"; readonly run: RunId; readonly runner: RunnerId; readonly step: string; readonly because: Because }
  /**
   * `failed` promises that nothing outside was touched: allowed while no step is done (the connector vouches that the begun one
   * had no effect, as when a compare-and-swap lost). `undone` needs an undo_started for every done step.
   */
  | {
      readonly type: "report";
      readonly run: RunId;
      readonly runner: RunnerId;
      readonly outcome: "verified" | "failed" | "undone" | "indeterminate";
      readonly because: Because;
      readonly evidence: Digest;
    }
  /** The run's runner is gone: a crash or a lost lease. */
  | { readonly type: "abandon"; readonly run: RunId; readonly because: Because }
  | {
      readonly type: "reconcile";
      readonly run: RunId;
      readonly as: "verified" | "failed" | "undone";
      readonly by: PrincipalId;
      readonly identity: string;
      readonly evidence: Digest;
      readonly file?: Digest;
      readonly directory: Directory;
    }
  /** Somebody left or lost a seat: drop votes that no longer count. */
  | { readonly type: "recheck_votes"; readonly directory: Directory };
