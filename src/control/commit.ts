import {
  assert,
  canonical,
  fail,
  isId,
  ok,
  parseJson,
  type ChangeId,
  type Json,
  type Millis,
  type Result,
  type RunId,
} from "../core/base/index.ts";
import { decide, evolve, isEmergency, type ChangeCommand, type ChangeEvent, type ChangeState, type Status } from "../core/change/index.ts";
import type { Directory } from "../core/review/index.ts";
import type { Deps } from "./deps.ts";
import type { AppendRequest, Claim, Guard, OutboxItem, Payload, StoredStream, StoreRefusal, StreamState, StreamWrite } from "./ports.ts";
import { noSuchChange, quarantined, refused } from "./refusals.ts";
import { givenBack } from "./targets.ts";
import type { ControlRefusal } from "./types.ts";

/** Writers of one change that are ahead of each other, before one of them is told to come back. */
const ATTEMPTS = 16;
export const changeStream = (id: string): string => `change/${id}`;

/** A change as it stands. */
export interface Known {
  readonly state: ChangeState;
  readonly updatedAt: Millis;
  /** What was written with it, by whoever has just done so, and on which directory. */
  readonly written?: Pick<Intended, "payloads" | "directory">;
}

/** What one use case wants written together with the events of its commands. */
export interface Intended {
  readonly commands: readonly ChangeCommand[];
  readonly claims?: readonly Claim[];
  readonly payloads?: readonly Payload[];
  /** Writes to other streams in the same transaction. */
  readonly also?: readonly StreamWrite[];
  /** The rules and people that the intention rests on. */
  readonly guards?: readonly Guard[];
  /** The people as the guards have them, to show what was written without reading them again. */
  readonly directory?: Directory;
}

export async function findChange(deps: Deps, id: string): Promise<Result<Known, ControlRefusal>> {
  const row = isId(id) ? await deps.store.load(changeStream(id)) : undefined;
  return row === undefined ? fail(noSuchChange(id)) : knownFrom(row);
}

/** A row that cannot be trusted is set aside with a reason: nothing is decided on it, and everything else goes on. */
export function knownFrom(row: StoredStream): Result<Known, ControlRefusal> {
  const fault = row.quarantined ?? misfit(row);
  if (fault !== undefined) return fail(quarantined(row.stream, fault));
  return ok({ state: row.body as unknown as ChangeState, updatedAt: row.updatedAt });
}

const STATUSES: Readonly<Record<Status, true>> = {
  proposed: true,
  planned: true,
  sent_back: true,
  blocked: true,
  rejected: true,
  awaiting: true,
  authorised: true,
  running: true,
  applied: true,
  verified: true,
  failed: true,
  undone: true,
  indeterminate: true,
  stale: true,
  expired: true,
  withdrawn: true,
  superseded: true,
};

function misfit({ stream, version, status, body }: StoredStream): string | undefined {
  const state = body as Partial<ChangeState> | null;
  const fits = state !== null && changeStream(String(state.id)) === stream && state.version === version && state.status === status;
  if (!fits) return "the stored state is not the state of this change at this version";
  return Object.hasOwn(STATUSES, status) ? undefined : `this version of Pawl does not know the status ${status}`;
}

/**
 * The one way a change moves: load, let the use case say what it intends, decide, append. When somebody else wrote in
 * between, everything is decided again on the new state: a decision is never carried over.
 */
export function commitChange(
  deps: Deps,
  id: string,
  intend: (state: ChangeState, tried: number) => Promise<Result<Intended, ControlRefusal>>,
): Promise<Result<Known, ControlRefusal>> {
  return commit(deps, id, async (tried) => {
    const found = await findChange(deps, id);
    if (!found.ok) return found;
    const intended = await intend(found.value.state, tried);
    return intended.ok ? ok({ before: found.value, intended: intended.value }) : intended;
  });
}

/** The first entry of a change that does not exist yet. */
export function beginChange(
  deps: Deps,
  id: ChangeId,
  /** Told how often it was tried before. */
  intend: (tried: number) => Promise<Result<Intended, ControlRefusal>>,
): Promise<Result<Known, ControlRefusal>> {
  return commit(deps, id, async (tried) => {
    const intended = await intend(tried);
    return intended.ok ? ok({ intended: intended.value }) : intended;
  });
}

interface Attempt {
  readonly before?: Known;
  readonly intended: Intended;
}

async function commit(
  deps: Deps,
  id: string,
  attempt: (tried: number) => Promise<Result<Attempt, ControlRefusal>>,
): Promise<Result<Known, ControlRefusal>> {
  let refusal: StoreRefusal | undefined;
  const unsure: Decided[] = [];
  for (let tried = 0; tried < ATTEMPTS; tried += 1) {
    for (const earlier of unsure) if (await tookPlace(deps, id, earlier)) return ok(knownAfter(earlier));
    const made = await attempt(tried);
    if (!made.ok) return made;
    const { before, intended } = made.value;
    const decided = decideAll(before?.state, intended.commands, deps.clock.now());
    if (!decided.ok) return fail(refused(decided.error));
    if (decided.value.events.length === 0) return ok(assertKnown(before));
    const back = await givenBack(deps, before?.state, knownAfter(decided.value));
    const written = await deps.store.append(requestFor(decided.value, { ...intended, also: [...(intended.also ?? []), ...back] }));
    if (written.ok) return ok({ ...knownAfter(decided.value), written: intended });
    if (!worthDecidingAgain(written.error, refusal)) return fail(refused(lessSure(written.error, refusal)));
    refusal = written.error;
    if (refusal.code === "store_unavailable") unsure.push(decided.value);
  }
  // Nobody was faster: the store itself could not say, each time.
  if (refusal?.code === "store_unavailable") return fail(refused(refusal));
  return fail({
    code: "unavailable",
    reason: "contended",
    message: `change ${id} is being written by many at once`,
    remedy: "read it, then try again",
  });
}

/**
 * A rival may have taken the claim in the very decision that this one must be decided after; met twice, it stands against a
 * state that does not explain it. An unknown outcome is looked up rather than assumed.
 */
function worthDecidingAgain(error: StoreRefusal, earlier: StoreRefusal | undefined): boolean {
  if (error.code === "claim_taken") return !(earlier?.code === "claim_taken" && earlier.where === error.where);
  return error.code === "version_conflict" || (error.code === "store_unavailable" && error.details?.["outcome"] === "unknown");
}

/** That nothing was written is true of the last try only, when an earlier one may still turn up. */
const lessSure = (error: StoreRefusal, earlier: StoreRefusal | undefined): StoreRefusal =>
  error.code === "store_unavailable" && earlier?.code === "store_unavailable" ? earlier : error;

/** Was this decision written after all, although the answer was lost? */
async function tookPlace(deps: Deps, id: string, { from, events }: Decided): Promise<boolean> {
  const entries = await deps.store.history(changeStream(id), from, events.length);
  const written = entries.map(({ bytes }) => {
    const entry = parseJson(bytes);
    return entry.ok ? canonical((entry.value as { readonly event: Json }).event) : "";
  });
  return written.join("\n") === events.map(canonical).join("\n");
}

function assertKnown(known: Known | undefined): Known {
  assert(known !== undefined, "a change begins with an event");
  return known;
}

export interface Decided {
  /** Version of the state that was decided on. */
  readonly from: number;
  readonly events: readonly ChangeEvent[];
  readonly state: ChangeState | undefined;
}

/** Several commands as one decision: each sees the state that the ones before it made; one refusal refuses all. */
export function decideAll(state: ChangeState | undefined, commands: readonly ChangeCommand[], now: Millis): Result<Decided> {
  const events: ChangeEvent[] = [];
  let current = state;
  for (const command of commands) {
    const made = decide(current, command, now);
    if (!made.ok) return made;
    for (const event of made.value) current = evolve(current, event);
    events.push(...made.value);
  }
  return ok({ from: state?.version ?? 0, events, state: current });
}

function knownAfter({ state, events }: Decided): Known {
  const last = events.at(-1);
  assert(state !== undefined && last !== undefined, "a decided change has a state and at least one event");
  return { state, updatedAt: last.at };
}

/** The stream write for a decided change; exported so that two changes can move in one transaction. */
export function changeWrite(decided: Decided): StreamWrite {
  const known = knownAfter(decided);
  return {
    stream: changeStream(known.state.id),
    expected: decided.from,
    events: decided.events as unknown as readonly Json[],
    state: streamState(known),
  };
}

function streamState({ state, updatedAt }: Known): StreamState {
  return { body: state as unknown as Json, status: state.status, proposer: state.parties.proposer, createdAt: state.createdAt, updatedAt };
}

function requestFor(decided: Decided, { claims = [], payloads = [], also = [], guards = [] }: Intended): AppendRequest {
  const { state } = knownAfter(decided);
  return {
    writes: [changeWrite(decided), ...also],
    guards,
    claims: [...claims, ...claimsOf(state, decided.events)],
    outbox: outboxOf(state, decided.events),
    payloads,
  };
}

/** Unique rows carry the invariants even where a decision was wrong: one consume per grant, one standing vote per person. */
function claimsOf(state: ChangeState, events: readonly ChangeEvent[]): Claim[] {
  return events.flatMap((event): Claim[] => {
    if (event.type === "run_started") return [{ kind: "consume", key: event.grant, value: event.run }];
    if (event.type === "authorised") return [{ kind: "grant", key: event.grant, value: state.id }];
    if (event.type === "voted") {
      // The ballot number rises when votes are taken back or voided, so that the person may sign again, once.
      return [{ kind: "vote", key: `${state.id}/${event.vote.reviewDigest}/${state.ballot}/${event.vote.person}`, value: event.vote.seat }];
    }
    return [];
  });
}

/** How long a held change rests before its holds are looked at again. */
const HOLD_MILLIS = 60_000;

/** What must happen outside because of these events; keyed, so that doing it twice is doing it once. */
function outboxOf(state: ChangeState, events: readonly ChangeEvent[]): OutboxItem[] {
  const body = { change: state.id, proposer: state.parties.proposer };
  return events.flatMap((event): OutboxItem[] => {
    switch (event.type) {
      case "proposed":
      case "revised":
        return [
          // What was planned in the same decision needs no job for it.
          ...(state.status === "proposed" ? [{ key: `plan/${state.id}/${state.version}`, kind: "plan", body, dueAt: event.at }] : []),
          {
            key: `expire/${state.id}/${state.revision}`,
            kind: "expire",
            body: { ...body, revision: state.revision },
            dueAt: event.expiresAt,
          },
        ];
      case "authorised": {
        assert(state.status === "authorised", "nothing follows an authorisation in one decision");
        if (state.holds.length > 0) return [{ key: `hold/${event.grant}`, kind: "hold", body, dueAt: (event.at + HOLD_MILLIS) as Millis }];
        const dueAt = Math.max(event.at, state.notBefore ?? 0) as Millis;
        return state.start === "when-authorised" ? [runItem(state, dueAt)] : [];
      }
      case "vote_withdrawn":
      case "votes_voided":
        // Nobody stands for the emergency any more: those whom policy asks are asked.
        return state.status === "awaiting" && isEmergency(state)
          ? [{ key: `replan/${state.id}/${state.version}`, kind: "replan", body, dueAt: event.at }]
          : [];
      case "applied":
      case "undone":
      case "indeterminate":
        return [executedItem(state, event)];
      case "reconciled":
        return event.as === "failed" ? [] : [executedItem(state, event)];
      default:
        return [];
    }
  });
}

/** Other plans may rest on what is no longer so. */
const executedItem = ({ id }: ChangeState, { run, type, at }: Extract<ChangeEvent, { readonly run: RunId }>): OutboxItem => ({
  key: `executed/${run}/${type}`,
  kind: "executed",
  body: { change: id },
  dueAt: at,
});

/** One job for one grant, whoever asked for the start and however often. */
export function runItem(state: Extract<ChangeState, { readonly status: "authorised" }>, dueAt: Millis): OutboxItem {
  return {
    key: `run/${state.grant}`,
    kind: "run",
    body: { change: state.id, grant: state.grant, proposer: state.parties.proposer },
    dueAt,
  };
}
