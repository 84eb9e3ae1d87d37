/** One change of a report: request, risk, evidence, independent approval, deployment, outcome; all of it from the entries alone. */
import type { Digest, PersonId, PrincipalId, RunId, RunnerId } from "../base/index.ts";
import { evolve, isFinal, type ChangeEvent, type ChangeState, type Status } from "../change/index.ts";
import type { Outcome } from "../policy/index.ts";
import { principalOf } from "../review/index.ts";
import { documentsOf } from "./digests.ts";
import { messageOf } from "./story.ts";
import type { ReadEntry } from "./ledger-checks.ts";

const EXCEPTIONS = [
  "unreadable",
  "break_glass",
  "indeterminate",
  "reconciled",
  "undone",
  "failed",
  "not_independent",
  "auto",
  "stale",
  "stopped",
] as const;
export type Exception = (typeof EXCEPTIONS)[number];

export interface ReportRow {
  readonly change: string;
  /** The most serious first; none for an ordinary change. */
  readonly exceptions: readonly Exception[];
  readonly request: {
    readonly proposal: Digest;
    readonly proposer: PrincipalId;
    readonly on_behalf_of: PrincipalId;
    readonly owner: PrincipalId;
    readonly at: string;
  } | null;
  readonly revisions: number;
  readonly connectors: readonly string[];
  /** What policy said last; null where it never came to that. */
  readonly risk: {
    readonly outcome: Outcome;
    readonly seats: number;
    readonly holds: readonly string[];
    readonly policy: Digest;
    readonly plan: Digest;
  } | null;
  readonly approvals: readonly {
    readonly person: PersonId;
    readonly seat: string;
    readonly channel: string;
    readonly strength: string;
    readonly at: string;
  }[];
  readonly authorised_at: string | null;
  readonly deployment: {
    readonly run: RunId;
    readonly runner: RunnerId;
    readonly started_at: string;
    readonly steps: readonly string[];
  } | null;
  /** Digests of what the run reported; the evidence bundle has the documents. */
  readonly evidence: readonly Digest[];
  /** As it stood at the end of the range. */
  readonly outcome: Status | "unreadable";
  readonly entries: { readonly first: number; readonly last: number; readonly count: number };
}

const iso = (at: number): string => new Date(at).toISOString();

type Decided = Extract<ChangeState, { readonly review: unknown }>;

function requestOf({ parties, proposal, createdAt }: ChangeState): ReportRow["request"] {
  return { proposal, proposer: parties.proposer, on_behalf_of: parties.onBehalfOf, owner: parties.owner, at: iso(createdAt) };
}

/** What one change's entries come to, entry by entry. */
export class RowBuilder {
  #state: ChangeState | undefined;
  #routed: Extract<ChangeEvent, { readonly type: "routed" }> | undefined;
  #authorised: { readonly at: number; readonly state: Decided } | undefined;
  #deployment: ReportRow["deployment"] = null;
  #first = 0;
  #last = 0;
  #count = 0;
  readonly #evidence = new Set<Digest>();
  readonly #exceptions = new Set<Exception>();
  readonly change: string;

  constructor(change: string) {
    this.change = change;
  }

  /** Nothing more can come, so that whoever is not interested in what was need not keep it. */
  get over(): boolean {
    const state = this.#state;
    return state !== undefined && isFinal(state.status) && (state.glass ?? []).every(({ review }) => review !== undefined);
  }

  take({ index, event: raw }: ReadEntry): void {
    const event = raw as unknown as ChangeEvent;
    if (this.#count === 0) this.#first = index;
    this.#count++;
    this.#last = index;
    try {
      this.#note(event);
      const before = this.#state;
      this.#state = evolve(before, event);
      if (event.type === "authorised" && "review" in this.#state) this.#authorised = { at: event.at, state: this.#state };
    } catch (error) {
      if (messageOf(error) !== "") this.#exceptions.add("unreadable");
    }
  }

  #note(event: ChangeEvent): void {
    if (event.type === "glass_broken") this.#exceptions.add("break_glass");
    switch (event.type) {
      case "routed":
        this.#routed = event;
        break;
      case "run_started":
        this.#deployment = { run: event.run, runner: event.runner, started_at: iso(event.at), steps: [] };
        break;
      case "effect_started":
        if (this.#deployment !== null) this.#deployment = { ...this.#deployment, steps: [...this.#deployment.steps, event.step] };
        break;
      case "staled":
        this.#exceptions.add("stale");
        break;
      case "stop_requested":
        this.#exceptions.add("stopped");
        break;
      case "indeterminate":
      case "reconciled":
      case "undone":
      case "failed":
        this.#exceptions.add(event.type);
        break;
      default:
    }
    if ("run" in event) for (const digest of documentsOf(event as never)) this.#evidence.add(digest);
  }

  row(): ReportRow {
    const state = this.#state;
    const votes = this.#votes();
    return {
      change: this.change,
      exceptions: this.#judged(),
      request: state === undefined ? null : requestOf(state),
      revisions: state?.revision ?? 0,
      connectors: [...new Set(state?.steps.map(({ connector }) => connector))],
      risk: this.#risk(),
      approvals: votes.map(({ person, seat, channel, strength, at }) => ({ person, seat, channel, strength, at: iso(at) })),
      authorised_at: this.#authorised === undefined ? null : iso(this.#authorised.at),
      deployment: this.#deployment,
      evidence: [...this.#evidence],
      outcome: state === undefined || this.#exceptions.has("unreadable") ? "unreadable" : state.status,
      entries: { first: this.#first, last: this.#last, count: this.#count },
    };
  }

  #risk(): ReportRow["risk"] {
    if (this.#routed === undefined) return null;
    const { outcome, seats, holds, review } = this.#routed;
    return { outcome, seats: seats.reduce((sum, { count }) => sum + count, 0), holds, policy: review.bundle, plan: review.plan };
  }

  /** Those on which it was authorised, or that stand so far. */
  #votes() {
    const of = this.#authorised?.state ?? this.#state;
    return of !== undefined && "votes" in of ? of.votes.filter(({ decision }) => decision === "approve") : [];
  }

  #judged(): readonly Exception[] {
    const found = new Set(this.#exceptions);
    if (this.#authorised !== undefined) {
      const { outcome, parties } = this.#authorised.state;
      if (outcome === "auto") found.add("auto");
      const makers = [parties.proposer, parties.onBehalfOf, parties.owner, ...parties.editors];
      const votes = this.#votes();
      if (outcome !== "auto" && (votes.length === 0 || votes.some(({ person }) => makers.includes(principalOf(person)))))
        found.add("not_independent");
    }
    return EXCEPTIONS.filter((each) => found.has(each));
  }
}
