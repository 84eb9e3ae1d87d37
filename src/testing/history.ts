/**
 * What clients of several processes did to changes and were told, and whether one change at a time, done step by step,
 * could have answered them so. Pure: a recorder is filled by whoever drives the clients, and `check` reads.
 *
 * Why versions settle it, and no search over orders is needed. The object is one change: a register that each decision moves to
 * a higher version, and the ledger says what stands at each version. An accepted write that left version v can only take place
 * at (v, write); a reading of v only at (v, read), after that write and before the next one. So the order is given but among
 * readings of one version, which commute, and a history is linearizable exactly if no operation that returned before another
 * began has a later place than that one: sorting by place, then by invocation, is the linearization. A refusal moves nothing
 * and saw some version at which its code was true; giving each, in the order of invocation, the least such place that is not
 * before anything that had returned is the least solution, so if that breaks an order, every choice does. A write nobody heard
 * the end of may stand anywhere after what had returned when it began, or nowhere: it explains an entry that no answer explains,
 * and who explains which is a matching.
 */
import { evolve, isFinal, type ChangeEvent, type ChangeState, type Status } from "../core/change/index.ts";

/** `read` and `touch` are placed by what they saw; a `touch` (replan, run) may have moved the change or may not. */
export type Kind =
  | "read"
  | "touch"
  | "propose"
  | "approve"
  | "reject"
  | "withdraw_vote"
  | "send_back"
  | "withdraw"
  | "revise"
  | "supersede"
  | "start"
  | "reconcile";

export type Outcome =
  /** Of a write: the version that its decision left. Of the others: the version that was shown. */
  | { readonly kind: "accepted"; readonly version: number; readonly status: Status }
  /** `code` is the lifecycle's own; one that says nothing of the state is allowed in any. */
  | { readonly kind: "refused"; readonly code: string }
  /** No answer, or one that does not tell: it may take effect later, or never. */
  | { readonly kind: "unknown" };

export interface Asked {
  readonly client: string;
  /** The process that was asked. */
  readonly node?: string;
  /** Empty until it is known, as for a proposal. */
  readonly change: string;
  readonly kind: Kind;
  /** Principal id of who asks (`human:bo`), or the runner's of a start. Left out, anybody's entry will do. */
  readonly by?: string;
}

export interface Operation extends Asked {
  readonly id: number;
  readonly invoked: number;
  /** Absent while nobody has heard of an end. */
  readonly returned?: number;
  readonly outcome: Outcome;
}

export interface Seen {
  readonly version: number;
  readonly status: Status;
  readonly change?: string;
}

/** One operation under way. The first of these calls ends it; without any it stays unknown. */
export interface Invocation {
  accepted(seen: Seen): void;
  refused(code: string): void;
}

/** Orders what the clients of one test process did by one counter: no clock is trusted, and none is needed. */
export class Recorder {
  #now = 0;
  readonly #all: Operation[] = [];

  invoke(asked: Asked): Invocation {
    const id = this.#all.length;
    this.#all.push({ ...asked, id, invoked: (this.#now += 1), outcome: { kind: "unknown" } });
    const end = (outcome: Outcome, change: string): void => {
      const open = this.#all[id];
      if (open === undefined || open.returned !== undefined) return;
      this.#all[id] = { ...open, change, outcome, returned: (this.#now += 1) };
    };
    return {
      accepted: ({ version, status, change = asked.change }) => end({ kind: "accepted", version, status }, change),
      refused: (code) => end({ kind: "refused", code }, asked.change),
    };
  }

  operations(): readonly Operation[] {
    return [...this.#all];
  }
}

/** The entries of one change, as the ledger has them at the end. */
export interface Entries {
  readonly events: readonly ChangeEvent[];
  /** Versions at which a decision ended: no other may ever be seen. If unknown, only those count out before what never stands alone. */
  readonly decisions?: ReadonlySet<number>;
}

export interface History {
  readonly operations: readonly Operation[];
  readonly ledger: ReadonlyMap<string, Entries>;
  /** Everybody who could write by these kinds was recorded: then every such entry must be somebody's. */
  readonly everybody: boolean;
}

export interface Fault {
  readonly code:
    | "unknown_change"
    | "impossible_ledger"
    | "double_vote"
    | "double_start"
    | "phantom_version"
    | "torn_version"
    | "wrong_status"
    | "doubled_version"
    | "lost_update"
    | "out_of_order"
    | "refused_wrongly"
    | "unexplained_entry";
  readonly change: string;
  readonly message: string;
  readonly operations: readonly Operation[];
}

/** Every way in which the history is not one that changes, moved one decision at a time, could have given. */
export function check({ operations, ledger, everybody }: History): readonly Fault[] {
  const faults: Fault[] = [];
  const byChange = Map.groupBy(operations, ({ change }) => change);
  for (const [change, entries] of ledger) {
    const mine = (byChange.get(change) ?? []).toSorted((a, b) => a.invoked - b.invoked);
    faults.push(...new OneChange(change, entries, mine).check(everybody));
  }
  for (const [change, mine] of byChange) {
    const answered = mine.filter(({ outcome }) => outcome.kind === "accepted");
    if (ledger.has(change) || answered.length === 0) continue;
    faults.push({ code: "unknown_change", change, message: "was shown, and the ledger has no entry of it", operations: answered });
  }
  return faults;
}

type Write = Exclude<Kind, "read" | "touch">;
const isWrite = (kind: Kind): kind is Write => kind !== "read" && kind !== "touch";

/** What an event of the ledger was asked for as, and by whom. Undefined: no client asks for it by name. */
function askedFor(event: ChangeEvent): { readonly kind: Write; readonly by: string } | undefined {
  switch (event.type) {
    case "proposed":
      return { kind: "propose", by: event.parties.proposer };
    case "voted":
      return { kind: event.vote.decision, by: `human:${event.vote.person}` };
    case "vote_withdrawn":
      return { kind: "withdraw_vote", by: `human:${event.person}` };
    case "sent_back":
      return event.by === "policy" || event.by === "plan" ? undefined : { kind: "send_back", by: `human:${event.by}` };
    case "withdrawn":
      return { kind: "withdraw", by: event.by };
    case "revised":
      return { kind: "revise", by: event.by };
    case "superseded":
      return { kind: "supersede", by: event.by };
    case "run_started":
      return { kind: "start", by: event.runner };
    case "reconciled":
      return { kind: "reconcile", by: `human:${event.by}` };
    default:
      return undefined;
  }
}

/** Always behind another event of the same decision. */
function neverAlone(event: ChangeEvent): boolean {
  return NEVER_ALONE.includes(event.type) || (event.type === "sent_back" && event.by === "policy");
}
const NEVER_ALONE: readonly ChangeEvent["type"][] = ["authorised", "rejected", "routed", "blocked", "applied"];

/** What may stand behind what was asked for in one decision. */
function follows(event: ChangeEvent): boolean {
  return (
    neverAlone(event) || event.type === "votes_voided" || event.type === "planned" || (event.type === "sent_back" && event.by === "plan")
  );
}

/** When a refusal with this code is true. `undefined` is a change that does not exist yet. */
const REFUSED_IN: Readonly<Record<string, (state: ChangeState | undefined, by: string | undefined) => boolean>> = {
  unknown_change: (state) => state === undefined,
  ended: (state) => state !== undefined && isFinal(state.status),
  wrong_status: (state) => state !== undefined && !isFinal(state.status),
  not_authorised: (state) => state !== undefined && state.status !== "authorised",
  grant_consumed: (state) => state !== undefined && "run" in state,
  already_voted: (state, by) => by === undefined || votedIn(state, by),
  no_vote: (state, by) => state !== undefined && (by === undefined || !votedIn(state, by)),
};
const votedIn = (state: ChangeState | undefined, by: string): boolean =>
  state !== undefined && "votes" in state && state.votes.some(({ person }) => `human:${person}` === by);

/** Places in the one order: the write that leaves version v stands at 2v, whoever sees v at 2v + 1. */
const writtenAt = (version: number): number => 2 * version;
const seenAt = (version: number): number => 2 * version + 1;

class OneChange {
  readonly #change: string;
  readonly #events: readonly ChangeEvent[];
  readonly #decisions: ReadonlySet<number> | undefined;
  readonly #operations: readonly Operation[];
  readonly #faults: Fault[] = [];
  /** The state at each version; at 0 the change does not exist. */
  readonly #states: (ChangeState | undefined)[] = [undefined];
  /** The version whose entry each accepted write left. */
  readonly #left = new Map<number, Operation>();

  constructor(change: string, { events, decisions }: Entries, operations: readonly Operation[]) {
    this.#change = change;
    this.#events = events;
    this.#decisions = decisions;
    this.#operations = operations;
  }

  check(everybody: boolean): readonly Fault[] {
    if (!this.#fold()) return this.#faults;
    for (const operation of this.#operations) this.#answer(operation);
    // Places mean nothing while an answer names a version that never was.
    if (this.#faults.length > 0) return this.#faults;
    const floors = this.#inOrder();
    if (everybody) this.#explain(floors);
    return this.#faults;
  }

  #fault(code: Fault["code"], message: string, ...operations: readonly Operation[]): void {
    this.#faults.push({ code, change: this.#change, message, operations });
  }

  /** The ledger alone: what the lifecycle allows, one vote for each person and ballot, one start for each grant. */
  #fold(): boolean {
    const grants = new Set<string>();
    for (const [at, event] of this.#events.entries()) {
      const state = this.#states[at];
      if (event.type === "run_started" && grants.has(event.grant)) this.#fault("double_start", `grant ${event.grant} started twice`);
      if (event.type === "run_started") grants.add(event.grant);
      if (event.type === "voted" && votedIn(state, `human:${event.vote.person}`))
        this.#fault("double_vote", `entry ${at + 1}: ${event.vote.person} has voted on this ballot already`);
      if (this.#faults.length > 0) return false;
      try {
        this.#states.push(evolve(state, event));
      } catch (error) {
        this.#fault("impossible_ledger", `entry ${at + 1}: ${error instanceof Error ? error.message : String(error)}`);
        return false;
      }
    }
    return true;
  }

  /** One answer beside the ledger: that version existed, had that status, and holds what was asked for. */
  #answer(operation: Operation): void {
    const { outcome, kind } = operation;
    if (outcome.kind !== "accepted") return;
    const { version, status } = outcome;
    const state = this.#states[version];
    if (state === undefined) return this.#fault("phantom_version", `version ${version} never was`, operation);
    if (state.status !== status)
      return this.#fault("wrong_status", `version ${version} is ${state.status}, and was shown as ${status}`, operation);
    if (this.#isWithin(version)) return this.#fault("torn_version", `version ${version} lies within one decision`, operation);
    if (!isWrite(kind)) return;
    const left = this.#entryOf(operation, version);
    if (left === undefined) return this.#fault("lost_update", `version ${version} holds no entry of this ${kind}`, operation);
    const other = this.#left.get(left);
    if (other !== undefined) return this.#fault("doubled_version", `two writes left version ${version}`, other, operation);
    this.#left.set(left, operation);
  }

  #isWithin(version: number): boolean {
    if (this.#decisions !== undefined) return version > 0 && !this.#decisions.has(version);
    const next = this.#events[version];
    return version > 0 && next !== undefined && neverAlone(next);
  }

  #entryOf(operation: Operation, version: number): number | undefined {
    for (let at = version; at > 0; at -= 1) {
      const event = this.#events[at - 1];
      if (event === undefined) return undefined;
      if (fits(operation, event)) return at;
      if (!follows(event)) return undefined;
    }
    return undefined;
  }

  /** Gives each answered operation its place; what had returned before each began, as a place, comes back by operation. */
  #inOrder(): ReadonlyMap<Operation, number> {
    const floors = new Map<Operation, number>();
    const returning: { readonly at: number; readonly place: number; readonly operation: Operation }[] = [];
    let last: { readonly place: number; readonly operation?: Operation } = { place: 0 };
    for (const operation of this.#operations) {
      const before = returning.filter(({ at }) => at < operation.invoked);
      for (const each of before) if (each.place > last.place) last = each;
      returning.splice(0, returning.length, ...returning.filter(({ at }) => at > operation.invoked));
      floors.set(operation, last.place);
      const place = this.#place(operation, last);
      if (place !== undefined && operation.returned !== undefined) returning.push({ at: operation.returned, place, operation });
    }
    return floors;
  }

  #place(operation: Operation, last: { readonly place: number; readonly operation?: Operation }): number | undefined {
    const { outcome, kind } = operation;
    if (outcome.kind === "unknown") return undefined;
    if (outcome.kind === "refused") return this.#placeOfRefusal(operation, outcome.code, last.place);
    const place = isWrite(kind) ? writtenAt(outcome.version) : seenAt(outcome.version);
    if (place >= last.place) return place;
    const earlier = last.operation === undefined ? [] : [last.operation];
    const refused = earlier[0]?.outcome.kind === "refused";
    const message = `${kind} at version ${outcome.version} began after something at version ${Math.floor(last.place / 2)} had returned`;
    this.#fault(refused ? "refused_wrongly" : "out_of_order", message, ...earlier, operation);
    return undefined;
  }

  #placeOfRefusal(operation: Operation, code: string, floor: number): number | undefined {
    const holds = REFUSED_IN[code] ?? ((): boolean => true);
    for (let version = Math.floor(floor / 2); version < this.#states.length; version += 1) {
      if (!this.#isWithin(version) && holds(this.#states[version], operation.by)) return Math.max(floor, seenAt(version));
    }
    this.#fault("refused_wrongly", `refused as ${code}, which it was not from version ${Math.floor(floor / 2)} on`, operation);
    return undefined;
  }

  /** Each entry that somebody must have asked for and no answer explains goes to a write nobody heard the end of. */
  #explain(floors: ReadonlyMap<Operation, number>): void {
    const unknown = this.#operations.filter(({ outcome, kind }) => outcome.kind === "unknown" && isWrite(kind));
    const owner = new Map<Operation, number>();
    const give = (version: number, tried: Set<Operation>): boolean => {
      for (const operation of unknown) {
        const event = this.#events[version - 1];
        const may = event !== undefined && fits(operation, event) && writtenAt(version) >= (floors.get(operation) ?? 0);
        if (!may || tried.has(operation)) continue;
        tried.add(operation);
        const standing = owner.get(operation);
        if (standing !== undefined && !give(standing, tried)) continue;
        owner.set(operation, version);
        return true;
      }
      return false;
    };
    for (const [at, event] of this.#events.entries()) {
      if (this.#left.has(at + 1) || !this.#isAsked(event, at + 1)) continue;
      if (!give(at + 1, new Set())) this.#fault("unexplained_entry", `entry ${at + 1}, ${event.type}, is nobody's`);
    }
  }

  /** Not what runners do by themselves, not a proposal whose id nobody heard, and not the vote that a new one of the same decision replaces. */
  #isAsked(event: ChangeEvent, version: number): boolean {
    if (event.type === "proposed" || event.type === "run_started") return false;
    const next = this.#events[version];
    const replaced = event.type === "vote_withdrawn" && next?.type === "voted" && next.vote.person === event.person;
    return askedFor(event) !== undefined && !(replaced && this.#decisions?.has(version) !== true);
  }
}

function fits({ kind, by }: Operation, event: ChangeEvent): boolean {
  const asked = askedFor(event);
  return asked !== undefined && asked.kind === kind && (by === undefined || by === asked.by);
}
