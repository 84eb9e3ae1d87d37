import { assert, fail, ok, type ChangeId, type Json, type Millis, type Refusal, type Result } from "../core/base/index.ts";
import { decide, evolve, type ChangeCommand, type ChangeEvent, type ChangeState } from "../core/change/index.ts";
import type { Deps } from "./deps.ts";
import type { AppendRequest, Claim, OutboxItem, Payload, Receipt, StreamState, StreamWrite } from "./ports.ts";
import { refused } from "./refusals.ts";
import type { ControlRefusal } from "./types.ts";

const ATTEMPTS = 8;
export const changeStream = (id: string): string => `change/${id}`;

/** What one use case wants written together with the events of its commands. */
export interface Intended {
  readonly commands: readonly ChangeCommand[];
  readonly claims?: readonly Claim[];
  readonly payloads?: readonly Payload[];
  /** Writes to other streams in the same transaction. */
  readonly also?: readonly StreamWrite[];
}

export interface Committed {
  readonly state: ChangeState;
  readonly events: readonly ChangeEvent[];
  readonly receipt?: Receipt;
}

export async function loadChange(deps: Deps, id: string): Promise<ChangeState | undefined> {
  const row = await deps.store.load(changeStream(id));
  return row === undefined || row.status === "quarantined" ? undefined : (row.body as unknown as ChangeState);
}

/**
 * The one way a change moves: load, let the use case say what it intends, decide, append. When somebody else wrote in
 * between, everything is decided again on the new state: a decision is never carried over.
 */
export async function commitChange(
  deps: Deps,
  id: ChangeId,
  intend: (state: ChangeState | undefined) => Promise<Result<Intended, ControlRefusal>>,
): Promise<Result<Committed, ControlRefusal>> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    const state = await loadChange(deps, id);
    const intended = await intend(state);
    if (!intended.ok) return intended;
    const decided = decideAll(state, intended.value.commands, deps.clock.now());
    if (!decided.ok) return fail(refused(decided.error));
    if (decided.value.events.length === 0) return ok({ state: assertState(decided.value.state), events: [] });
    const written = await deps.store.append(requestFor(deps, id, state, decided.value, intended.value));
    if (written.ok) return ok({ state: assertState(decided.value.state), events: decided.value.events, receipt: written.value });
    if (written.error.code !== "version_conflict") return fail(refused(written.error));
  }
  return fail({ code: "unavailable", reason: "contended", message: `change ${id} is being written by many at once`, remedy: "try again" });
}

function assertState(state: ChangeState | undefined): ChangeState {
  assert(state !== undefined, "a decided change has a state");
  return state;
}

export interface Decided {
  readonly events: readonly ChangeEvent[];
  readonly state: ChangeState | undefined;
}

/** Several commands as one decision: each sees the state that the ones before it made; one refusal refuses all. */
export function decideAll(state: ChangeState | undefined, commands: readonly ChangeCommand[], now: Millis): Result<Decided, Refusal> {
  const events: ChangeEvent[] = [];
  let current = state;
  for (const command of commands) {
    const made = decide(current, command, now);
    if (!made.ok) return made;
    for (const event of made.value) current = evolve(current, event);
    events.push(...made.value);
  }
  return ok({ events, state: current });
}

/** The stream write for a decided change; exported so that two changes can move in one transaction. */
export function changeWrite(id: ChangeId, before: ChangeState | undefined, decided: Decided): StreamWrite {
  const state = assertState(decided.state);
  return {
    stream: changeStream(id),
    expected: before?.version ?? 0,
    events: decided.events as unknown as readonly Json[],
    state: streamState(state, decided.events),
  };
}

function requestFor(deps: Deps, id: ChangeId, before: ChangeState | undefined, decided: Decided, intended: Intended): AppendRequest {
  const state = assertState(decided.state);
  return {
    writes: [changeWrite(id, before, decided), ...(intended.also ?? [])],
    claims: [...(intended.claims ?? []), ...claimsOf(id, state, decided.events)],
    outbox: outboxOf(deps, state, decided.events),
    payloads: intended.payloads ?? [],
  };
}

function streamState(state: ChangeState, events: readonly ChangeEvent[]): StreamState {
  const last = events.at(-1);
  assert(last !== undefined, "a write has at least one event");
  return { body: state as unknown as Json, status: state.status, proposer: state.parties.proposer, createdAt: state.createdAt, updatedAt: last.at };
}

/** Unique rows carry the invariants even where a decision was wrong: one consume per grant, one standing vote per person. */
function claimsOf(id: ChangeId, state: ChangeState, events: readonly ChangeEvent[]): Claim[] {
  return events.flatMap((event): Claim[] => {
    if (event.type === "run_started") return [{ kind: "consume", key: event.grant, value: event.run }];
    if (event.type === "authorised") return [{ kind: "grant", key: event.grant, value: id }];
    if (event.type === "voted") {
      // The ballot number rises when votes are taken back or voided, so that the person may sign again, once.
      return [{ kind: "vote", key: `${id}/${event.vote.reviewDigest}/${state.ballot}/${event.vote.person}`, value: event.vote.seat }];
    }
    return [];
  });
}

/** What must happen outside because of these events; keyed, so that doing it twice is doing it once. */
function outboxOf(deps: Deps, state: ChangeState, events: readonly ChangeEvent[]): OutboxItem[] {
  const now = deps.clock.now();
  const body = { change: state.id };
  return events.flatMap((event): OutboxItem[] => {
    switch (event.type) {
      case "proposed":
      case "revised":
        return [
          { key: `plan/${state.id}/${state.version}`, kind: "plan", body, dueAt: now },
          { key: `expire/${state.id}/${state.revision}`, kind: "expire", body, dueAt: event.expiresAt },
        ];
      case "authorised":
        return state.start === "when-authorised" && "holds" in state && state.holds.length === 0
          ? [{ key: `run/${event.grant}`, kind: "run", body: { change: state.id, grant: event.grant }, dueAt: now }]
          : [];
      default:
        return [];
    }
  });
}
