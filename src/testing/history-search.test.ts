/** The argument at the head of history.ts, put to the test: places give the verdict that a search over every order gives. */
import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { evolve, isFinal, type ChangeState } from "../core/change/index.ts";
import { Dice } from "./dice.ts";
import { check, type Entries, type Operation } from "./history.ts";
import { command as c, folded, eventsOf, grant } from "./lifecycle.ts";

const CHANGE = "chg_000001";
const WRITES = ["propose", "plan", "route", "approve", "withdraw_vote", "approve", "withdraw"] as const;

/** Seven decisions, of which the votes and the withdrawal are clients'. */
function ledger(): Required<Entries> & { readonly states: ReadonlyMap<number, ChangeState> } {
  const commands = [
    c.propose(),
    c.plan(),
    c.route(),
    c.approve("bo"),
    c.withdrawVote("bo"),
    c.approve("cy", { grant: grant(5) }),
    c.withdraw(),
  ];
  assert.equal(commands.length, WRITES.length);
  const states = new Map<number, ChangeState>();
  const events = commands.flatMap((each, at) => {
    const before = at === 0 ? undefined : folded(undefined, commands.slice(0, at));
    const made = eventsOf(before, each);
    const after = made.reduce<ChangeState | undefined>(evolve, before);
    assert.ok(after !== undefined);
    states.set(after.version, after);
    return made;
  });
  return { events, decisions: new Set(states.keys()), states };
}
const { states, ...entries } = ledger();

/** Answers as they might be or might not: versions, refusals and times by chance. */
function random(dice: Dice): readonly Operation[] {
  const versions = [...states.keys()];
  const times = Array.from({ length: 12 }, (_, at) => ({ at, key: dice.next() })).toSorted((a, b) => a.key - b.key);
  const asked = [
    { kind: "approve", by: "human:bo", version: versions[3] },
    { kind: "withdraw_vote", by: "human:bo", version: versions[4] },
    { kind: "approve", by: "human:cy", version: versions[5] },
    { kind: "read", by: "human:di", version: dice.pick(versions) },
    { kind: "read", by: "human:di", version: dice.pick(versions) },
  ] as const;
  const accepted = asked.map(({ kind, by, version = 1 }) => ({
    kind,
    by,
    outcome: { kind: "accepted", version, status: states.get(version)?.status ?? "proposed" } as const,
  }));
  const code = dice.pick(["ended", "wrong_status", "already_voted"]);
  const all = [...accepted, { kind: "approve", by: "human:bo", outcome: { kind: "refused", code } } as const];
  const kept = all.filter(() => dice.chance(0.8));
  return kept.map((each, id) => {
    const span = [times[2 * id]?.at ?? 0, times[2 * id + 1]?.at ?? 0];
    return { ...each, id, client: `c${id}`, change: CHANGE, invoked: Math.min(...span), returned: Math.max(...span) };
  });
}

const refusedIn = (code: string, state: ChangeState): boolean => {
  if (code === "ended") return isFinal(state.status);
  if (code === "wrong_status") return !isFinal(state.status);
  return "votes" in state && state.votes.some(({ person }) => person === "bo");
};

/** Wing and Gong's search: at each turn, any operation that nothing open must precede, or the next decision. */
function searched(operations: readonly Operation[], version = 1): boolean {
  if (operations.length === 0) return true;
  const state = states.get(version);
  if (state === undefined) return false;
  const first = operations.filter((each) => !operations.some(({ returned = Infinity }) => returned < each.invoked));
  const next = [...states.keys()].find((each) => each > version);
  const without = (gone: Operation): readonly Operation[] => operations.filter((each) => each !== gone);
  const writer = operations.find(({ kind, outcome }) => kind !== "read" && outcome.kind === "accepted" && outcome.version === next);
  const past = operations.some(({ kind, outcome }) => kind !== "read" && outcome.kind === "accepted" && outcome.version <= version);
  if (past) return false;
  const seesThis = first.find(({ kind, outcome }) =>
    outcome.kind === "accepted"
      ? kind === "read" && outcome.version === version
      : outcome.kind === "refused" && refusedIn(outcome.code, state),
  );
  // What sees this version and moves nothing may as well go now, or the refusal later.
  if (seesThis !== undefined && searched(without(seesThis), version)) return true;
  if (next === undefined) return false;
  if (writer === undefined) return searched(operations, next);
  return first.includes(writer) && searched(without(writer), next);
}

test("[I70] places and a search over every order give one verdict", () => {
  const verdicts = { linearizable: 0, not: 0 };
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 0xffff_ffff }), (seed) => {
      const operations = random(new Dice(seed));
      const expected = searched(operations);
      const found = check({ operations, ledger: new Map([[CHANGE, entries]]), everybody: false });
      assert.equal(found.length === 0, expected, `seed ${seed}: ${JSON.stringify(operations)}\n${JSON.stringify(found)}`);
      verdicts[expected ? "linearizable" : "not"] += 1;
    }),
    { seed: 20_261_120, numRuns: 3_000 },
  );
  assert.ok(verdicts.linearizable > 100 && verdicts.not > 100, JSON.stringify(verdicts));
});
