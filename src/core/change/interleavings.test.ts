import assert from "node:assert/strict";
import { test } from "node:test";
import { command as c, grant, stateIn, NOON } from "../../testing/lifecycle.ts";
import { seat } from "../../testing/people.ts";
import { decide, evolve } from "./index.ts";
import type { ChangeCommand, ChangeEvent, ChangeState } from "./index.ts";

/** Park and Miller's generator: the same seed gives the same orders everywhere. */
function dice(seed: number): (sides: number) => number {
  let state = seed;
  return (sides) => {
    state = (state * 48_271) % 2_147_483_647;
    return state % sides;
  };
}

/** One store, many writers: each reads, decides on what it read, and writes only if nobody wrote in between. */
class Race {
  state: ChangeState;
  readonly events: ChangeEvent[] = [];
  constructor(state: ChangeState) {
    this.state = state;
  }

  /** A writer's two turns; the second decides again on a fresh read if it lost. */
  *writer(make: (state: ChangeState) => ChangeCommand): Generator<void, void> {
    for (;;) {
      const seen = this.state;
      const decided = decide(seen, make(seen), NOON);
      yield;
      if (!decided.ok) return;
      if (seen.version !== this.state.version) continue;
      for (const event of decided.value) {
        this.state = evolve(this.state, event);
        this.events.push(event);
      }
      return;
    }
  }
}

const REVOKES: readonly ChangeEvent["type"][] = ["vote_withdrawn", "rejected", "votes_voided", "withdrawn", "sent_back"];
/** Index of the last authorisation of this grant before `at`, and whether anything was revoked since. */
function revokedBetween(events: readonly ChangeEvent[], at: number, id: string): boolean {
  const authorised = events.findLastIndex((event, n) => n < at && event.type === "authorised" && event.grant === id);
  return events.slice(authorised + 1, at).some((event) => REVOKES.includes(event.type));
}

test("[B16] [LC-18] [LC-20] 10,000 orders of approve, revoke and consume: a revoke ordered first means no execution", () => {
  const outcomes = new Map<string, number>();
  const start = { ...stateIn("awaiting"), seats: [seat("security", { count: 2 })] };
  for (let seed = 1; seed <= 10_000; seed++) {
    const roll = dice(seed);
    const race = new Race(start);
    const consume = (state: ChangeState): ChangeCommand => c.start({ grant: "grant" in state ? state.grant : grant(9) });
    let grants = 2;
    const next = (): { grant: ReturnType<typeof grant> } => ({ grant: grant(++grants) });
    const writers = [
      race.writer(() => c.approve("bo", next())),
      race.writer(() => c.approve("cy", next())),
      race.writer(() => c.approve("di", next())),
      race.writer(() => (roll(2) === 0 ? c.reject("cy") : c.withdrawVote("bo"))),
      race.writer(() => c.withdrawVote("cy")),
      race.writer(consume),
      race.writer(consume),
    ];
    while (writers.length > 0) {
      const at = roll(writers.length);
      if (writers[at]?.next().done) writers.splice(at, 1);
    }
    const starts = race.events.flatMap((event, at) => (event.type === "run_started" ? [{ at, id: event.grant }] : []));
    assert.ok(starts.length <= 1, `seed ${seed}: started twice`);
    for (const { at, id } of starts) assert.ok(!revokedBetween(race.events, at, id), `seed ${seed}: started after a revoke`);
    outcomes.set(race.state.status, (outcomes.get(race.state.status) ?? 0) + 1);
  }
  // The orders are worth nothing if they always end alike.
  for (const status of ["awaiting", "authorised", "running", "rejected"])
    assert.ok((outcomes.get(status) ?? 0) > 100, `${status}: ${outcomes.get(status)}`);
});
