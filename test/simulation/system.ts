/**
 * What the simulated world talks to. Here the pure core over an event log in memory, with optimistic versions and unique
 * claims; production control behind a store fits the same interface.
 */
import { canonical, toHex, utf8, type ChangeId, type Json, type Millis, type RunnerId } from "../../src/core/base/index.ts";
import { decide as realDecide, evolve, type ChangeCommand, type ChangeEvent, type ChangeState } from "../../src/core/change/index.ts";
import { sealGrant, type Envelope } from "../../src/core/grant/index.ts";
import { inclusionProof, signCheckpoint } from "../../src/core/ledger/index.ts";
import { grantSigner, logSigner, ORIGIN } from "../../src/testing/grants.ts";
import { MemoryLog } from "../../src/testing/ledger.ts";

export type Decide = typeof realDecide;

/** One durable event: its place in the log and in its change, and whose credential brought it about. */
export interface Entry {
  readonly index: number;
  readonly change: ChangeId;
  readonly n: number;
  readonly event: ChangeEvent;
  readonly by: string;
}

export interface Write {
  readonly change: ChangeId;
  /** The state that the writer read; it writes only if nobody wrote in between. */
  readonly seen: ChangeState | undefined;
  readonly commands: readonly ChangeCommand[];
  readonly by: string;
  readonly at: Millis;
}

export type Answer = { readonly ok: true; readonly entries: readonly Entry[] } | { readonly ok: false; readonly code: string };

export interface System {
  readonly entries: readonly Entry[];
  read(change: ChangeId): ChangeState | undefined;
  changes(): readonly ChangeState[];
  write(write: Write): Answer;
  /** The signed grant of an authorised change, for a runner. */
  issue(change: ChangeId, runner: RunnerId): Envelope | undefined;
}

/** A decision that only a unique row stopped: the rows are the second lock, and must never be the one that holds. */
export class ClaimTaken extends Error {}

export class CoreSystem implements System {
  readonly entries: Entry[] = [];
  readonly ledger = new MemoryLog();
  readonly #decide: Decide;
  readonly #states = new Map<ChangeId, ChangeState>();
  readonly #claims = new Set<string>();
  readonly #authorisations = new Map<string, number>();

  constructor(decide: Decide = realDecide) {
    this.#decide = decide;
  }

  read(change: ChangeId): ChangeState | undefined {
    return this.#states.get(change);
  }

  changes(): readonly ChangeState[] {
    return [...this.#states.values()];
  }

  write({ change, seen, commands, by, at }: Write): Answer {
    const events: ChangeEvent[] = [];
    let state = seen;
    for (const command of commands) {
      const decided = this.#decide(state, command, at);
      if (!decided.ok) return { ok: false, code: decided.error.code };
      for (const event of decided.value) state = evolve(state, event);
      events.push(...decided.value);
    }
    if ((seen?.version ?? 0) !== (this.read(change)?.version ?? 0)) return { ok: false, code: "version_conflict" };
    if (state === undefined || events.length === 0) return { ok: true, entries: [] };
    if (this.#isTaken(events)) return { ok: false, code: "claim_taken" };
    this.#claim(state, events);
    this.#states.set(change, state);
    return { ok: true, entries: this.#append(change, seen?.version ?? 0, events, by) };
  }

  #append(change: ChangeId, version: number, events: readonly ChangeEvent[], by: string): readonly Entry[] {
    const added = events.map((event, at) => ({ index: this.entries.length + at, change, n: version + at + 1, event, by }));
    this.entries.push(...added);
    this.ledger.append(
      added.map(({ event, n }) => utf8(canonical({ event: event as unknown as Json, n, stream: `change/${change}`, v: 1 }))),
    );
    for (const { index, event } of added) if (event.type === "authorised") this.#authorisations.set(event.grant, index);
    return added;
  }

  /** Ids of grants are unique among all changes, which no single change can know: the rows say so first. */
  #isTaken(events: readonly ChangeEvent[]): boolean {
    return events.some((event) => event.type === "authorised" && this.#claims.has(`grant ${event.grant}`));
  }

  #claim(state: ChangeState, events: readonly ChangeEvent[]): void {
    for (const event of events) {
      const claims: string[] = [];
      if (event.type === "run_started") claims.push(`consume ${event.grant}`);
      if (event.type === "authorised") claims.push(`grant ${event.grant}`);
      if (event.type === "voted") claims.push(`vote ${state.id} ${event.vote.reviewDigest} ${state.ballot} ${event.vote.person}`);
      for (const claim of claims) {
        if (this.#claims.has(claim)) throw new ClaimTaken(`"${claim}" stands already`);
        this.#claims.add(claim);
      }
    }
  }

  issue(change: ChangeId, runner: RunnerId): Envelope | undefined {
    const state = this.read(change);
    const index = state?.status === "authorised" ? this.#authorisations.get(state.grant) : undefined;
    if (state?.status !== "authorised" || index === undefined) return undefined;
    const { grant, revision, stepDigests: steps, payload, review, reviewDigest, parties, seats, votes } = state;
    const { size, root } = this.ledger;
    const checkpoint = signCheckpoint({ origin: ORIGIN, size, root }, [logSigner]);
    const proof = inclusionProof(index, size, this.ledger.readTile).map(toHex);
    const entry = new TextDecoder().decode(this.ledger.entries[index]);
    const about = {
      schema: "pawl/grant/v1",
      deployment: ORIGIN,
      grant,
      change,
      revision,
      runner,
      steps,
      payload,
      review,
      reviewDigest,
    } as const;
    const times = { issuedAt: state.authorisedAt, expiresAt: state.grantExpiresAt };
    return sealGrant({ ...about, parties, seats, votes, ...times, ledger: { index, entry, proof, checkpoint } }, grantSigner);
  }
}
