import assert from "node:assert/strict";
import { test } from "node:test";
import { command as c, EXPIRY, grant, GRANT_EXPIRY, NOON, review, run } from "../../testing/lifecycle.ts";
import { digest, principal, seat, withPerson } from "../../testing/people.ts";
import type { Millis, RunId } from "../base/index.ts";
import type { Directory } from "../review/index.ts";
import { decide, evolve, isFinal } from "./index.ts";
import type { ChangeCommand, ChangeEvent, ChangeState } from "./index.ts";

/** A change, what its grants have become, and what was decided on the way here. */
interface Node {
  readonly state: ChangeState | undefined;
  readonly spent: readonly string[];
  readonly depth: number;
}
interface Move {
  readonly from: Node;
  readonly command: ChangeCommand;
  readonly at: Millis;
  readonly events: readonly ChangeEvent[];
  readonly to: Node & { readonly state: ChangeState };
}

const two = [seat("security"), seat("identity")];
const watch = { seconds: 600, everySeconds: 60 };
const moved = { ...review, plan: digest("another plan") };
const without = (who: string): Directory => withPerson(who, { active: false });
const grantOf = (state: ChangeState | undefined): string => (state !== undefined && "grant" in state ? state.grant : grant(9));

/** Every command that could matter, sensible or not; a fresh grant id comes from the version, as ids do. */
function alphabet(state: ChangeState | undefined): ChangeCommand[] {
  const revision = state?.revision ?? 1;
  const offer = { grant: grant(100 + (state?.version ?? 0)) };
  return [
    c.propose(),
    c.plan({ revision }),
    c.plan({ revision, watch }),
    c.plan({ revision, object: { plan: moved.plan, state: moved.state } }),
    c.route({ seats: two, ...offer }),
    c.route({ seats: two, review: moved, ...offer }),
    c.auto({ review: { ...review, route: digest("auto") }, ...offer }),
    c.route({ outcome: "block", seats: [] }),
    c.approve("bo", offer),
    c.approve("ed", offer),
    c.approve("di", offer),
    c.approve("ada", offer),
    c.approve("bo", { voter: principal("agent:bot"), ...offer }),
    c.approve("cy", { directory: without("bo"), ...offer }),
    c.reject("cy"),
    c.withdrawVote("bo"),
    c.recheck({ directory: without("ed") }),
    c.revise({ by: principal("human:bo") }),
    c.withdraw(),
    c.expire(),
    c.start({ grant: grantOf(state) as ReturnType<typeof grant> }),
    c.start({ grant: grantOf(state) as ReturnType<typeof grant>, directory: without("ed") }),
    c.stale(),
    c.stale({ run }),
    c.begin("one"),
    c.begin("two"),
    c.begin("one", { observed: digest("moved") }),
    c.finish("one"),
    c.finish("two"),
    c.check(1),
    c.check(1, "failed"),
    c.stop(),
    c.undo("one"),
    c.undo("two"),
    c.report("verified"),
    c.report("failed"),
    c.report("undone"),
    c.report("indeterminate"),
    c.abandon(),
    c.abandon({ run: "run_000002" as RunId }),
    c.reconcile("hal", { as: "undone" }),
    c.reconcile("ada"),
  ];
}

/** What two states must share to have the same future: everything but counters and times. */
function key({ state, spent }: Node): string {
  const grantId = state !== undefined && "grant" in state ? state.grant : "";
  return JSON.stringify({
    ...state,
    version: 0,
    ballot: 0,
    revision: Math.min(state?.revision ?? 0, 2),
    authorisedVersion: 0,
    grant: spent.includes(grantId) ? "spent" : "new",
  });
}

function explore(
  depth: number,
  check: (move: Move) => void,
): { readonly states: number; readonly moves: number; readonly statuses: Set<string> } {
  let layer: Node[] = [{ state: undefined, spent: [], depth: 0 }];
  const seen = new Set<string>();
  const statuses = new Set<string>();
  let moves = 0;
  while (layer.length > 0) {
    const next: Node[] = [];
    for (const from of layer) {
      for (const command of alphabet(from.state)) {
        for (const at of [NOON, GRANT_EXPIRY, EXPIRY]) {
          const offered = "grantExpiresAt" in command && at > NOON ? { ...command, grantExpiresAt: EXPIRY } : command;
          if ("grantExpiresAt" in offered && offered.grantExpiresAt <= at) continue;
          const decided = decide(from.state, offered, at);
          if (!decided.ok || decided.value.length === 0) continue;
          const to = apply(from, decided.value);
          moves++;
          check({ from, command: offered, at, events: decided.value, to });
          if (to.depth > depth || seen.has(key(to))) continue;
          seen.add(key(to));
          statuses.add(to.state.status);
          next.push(to);
        }
      }
    }
    layer = next;
  }
  return { states: seen.size, moves, statuses };
}

function apply(from: Node, events: readonly ChangeEvent[]): Node & { readonly state: ChangeState } {
  let state = from.state;
  const spent = [...from.spent];
  for (const event of events) {
    state = evolve(state, event);
    if (event.type === "run_started") spent.push(event.grant);
  }
  assert.ok(state !== undefined);
  return { state, spent: spent.slice(-3), depth: from.depth + 1 };
}

/** Said again here from the people's table, so that the counting is not checked against itself. */
const SITS: Readonly<Record<string, readonly string[]>> = { security: ["bo", "cy", "di"], identity: ["di", "ed"] };

function checkMove({ from, command, at, events, to }: Move): void {
  const { state } = to;
  const before = from.state;
  const said = `${before?.status} --${command.type}--> ${state.status}`;
  assert.equal(state.version, (before?.version ?? 0) + events.length, said);
  assert.ok(before === undefined || !isFinal(before.status), `${said}: an end was left`);
  if (before?.status === "indeterminate") assert.equal(command.type, "reconcile", said);
  if ("votes" in state) {
    const persons = state.votes.map((vote) => vote.person);
    assert.equal(new Set(persons).size, persons.length, `${said}: a person counts twice`);
    assert.ok(
      state.votes.every((vote) => vote.reviewDigest === state.reviewDigest),
      `${said}: a vote on something else is kept`,
    );
    assert.ok(
      persons.every((id) => id !== "ada" && !state.parties.editors.includes(principal(`human:${id}`))),
      `${said}: a maker votes`,
    );
  }
  if (state.status === "authorised") {
    const asked = state.outcome === "auto" ? [] : Object.keys(SITS);
    for (const id of asked)
      assert.ok(
        state.votes.some((vote) => vote.seat === id && SITS[id]?.includes(vote.person)),
        `${said}: ${id} is not filled`,
      );
    assert.ok(state.grantExpiresAt <= state.expiresAt, said);
    assert.ok(!from.spent.includes(state.grant), `${said}: a spent grant is back`);
  }
  for (const event of events) checkEvent(event, from, at, said);
}

function checkEvent(event: ChangeEvent, from: Node, at: Millis, said: string): void {
  const before = from.state;
  if (event.type === "run_started") {
    assert.ok(before?.status === "authorised" && before.grant === event.grant && !from.spent.includes(event.grant), said);
    assert.ok(at < before.grantExpiresAt && at < before.expiresAt, `${said}: too late`);
  }
  if (event.type === "effect_started") {
    assert.ok(before?.status === "running" && at < before.grantExpiresAt, said);
    assert.equal(before.stopped, undefined, `${said}: a stopped run begins another step`);
    assert.equal(event.observed, before.stepDigests.find((step) => step.id === event.step)?.state, `${said}: on another state`);
    assert.deepEqual(before.begun, before.done, `${said}: two at a time`);
  }
  if (event.type === "effect_done") assert.ok(before?.status === "running" && before.begun.includes(event.step), said);
  if (event.type === "failed") assert.ok(before && "done" in before && before.done.length === 0, `${said}: failed after an effect`);
  if (event.type === "verified") {
    assert.ok(before?.status === "applied" && before.undoing.length === 0 && before.stopped === undefined, said);
    assert.notEqual(before.checked?.result, "failed", `${said}: a failed check is ignored`);
    const until = (before.appliedAt ?? 0) + (before.watch?.seconds ?? 0) * 1000;
    assert.ok(before.watch === undefined || (at >= until && (before.checked?.at ?? 0) >= until), `${said}: before its window ended`);
  }
}

test("[LC-1] [LC-3] [LC-14] [LC-26] [LC-27] [LC-29] [LC-33] [LC-34] the invariants hold on every way through the lifecycle", () => {
  const { states, moves, statuses } = explore(10, checkMove);
  assert.deepEqual(
    [statuses.size, states > 500, moves > 10_000],
    [15, true, true],
    `${states} states, ${moves} moves, ${[...statuses].join(" ")}`,
  );
});
