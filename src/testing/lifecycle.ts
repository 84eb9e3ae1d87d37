/** Changes in every status, made by deciding and never by hand: a state that no commands lead to is none. */
import assert from "node:assert/strict";
import { millis, type ChangeId, type GrantId, type Millis, type RunId, type RunnerId } from "../core/base/index.ts";
import {
  decide,
  evolve,
  payloadOf,
  type ChangeCommand,
  type ChangeEvent,
  type ChangeState,
  type Status,
  type StepDigests,
} from "../core/change/index.ts";
import { type ReviewObject, reviewDigest } from "../core/review/index.ts";
import { digest, parties, people, principal, seat } from "./people.ts";

export type CommandOf<T extends ChangeCommand["type"]> = Extract<ChangeCommand, { readonly type: T }>;
type More<T extends ChangeCommand["type"]> = Partial<Omit<CommandOf<T>, "type">>;

export const NOON = millis(1_800_000_000_000);
const HOUR = 3_600_000;
export const after = (ms: number, from: Millis = NOON): Millis => millis(from + ms);
export const EXPIRY = after(24 * HOUR);
export const GRANT_EXPIRY = after(HOUR);

const change = "chg_000001" as ChangeId;
export const grant = (n: number): GrantId => `grt_00000${n}` as GrantId;
export const run = "run_000001" as RunId;
export const runner = "rnr_000001" as RunnerId;

export const stepDigest = (id: string, more: Partial<StepDigests> = {}): StepDigests => ({
  id,
  connector: "git",
  operation: "merge",
  state: digest(`state of ${id}`),
  payload: digest(`payload of ${id}`),
  code: digest("code of git"),
  ...more,
});
export const steps = [stepDigest("one"), stepDigest("two")];
export const object = { plan: digest("plan"), state: digest("state") };
export const review: ReviewObject = { ...object, route: digest("route"), bundle: digest("bundle"), presentation: digest("presentation") };
const because = { code: "reason", evidence: digest("evidence") };
const named = steps.map(({ id, connector }) => ({ id, connector }));
const offer = (n: number) => ({ grant: grant(n), grantExpiresAt: GRANT_EXPIRY });

/** A command that succeeds where its type can, unless told otherwise. */
export const command = {
  propose: (more: More<"propose"> = {}): CommandOf<"propose"> => ({
    type: "propose",
    change,
    proposal: digest("proposal"),
    parties,
    steps: named,
    start: "on-request",
    expiresAt: EXPIRY,
    ...more,
  }),
  plan: (more: More<"plan"> = {}): CommandOf<"plan"> => ({
    type: "plan",
    revision: 1,
    object,
    payload: payloadOf(steps),
    stepDigests: steps,
    context: digest("context"),
    freshUntil: EXPIRY,
    ...more,
  }),
  refusePlan: (more: More<"refuse_plan"> = {}): CommandOf<"refuse_plan"> => ({ type: "refuse_plan", revision: 1, because, ...more }),
  route: (more: More<"route"> = {}): CommandOf<"route"> => ({
    type: "route",
    review,
    outcome: "review",
    seats: [seat("security")],
    holds: [],
    directory: people,
    ...offer(1),
    ...more,
  }),
  auto: (more: More<"route"> = {}): CommandOf<"route"> => command.route({ outcome: "auto", seats: [], ...more }),
  approve: (who: string, more: More<"vote"> = {}): CommandOf<"vote"> => ({
    type: "vote",
    voter: principal(`human:${who}`),
    identity: `@${who}`,
    decision: "approve",
    reviewDigest: reviewDigest(review),
    channel: "cli",
    strength: "session",
    directory: people,
    ...offer(2),
    ...more,
  }),
  reject: (who: string, more: More<"vote"> = {}): CommandOf<"vote"> => command.approve(who, { decision: "reject", ...more }),
  /** Ed may, and security reviews it. */
  breakGlass: (who: string, more: More<"break_glass"> = {}): CommandOf<"break_glass"> => ({
    type: "break_glass",
    voter: principal(`human:${who}`),
    identity: `@${who}`,
    reviewDigest: reviewDigest(review),
    review: { ...review, route: digest("emergency"), presentation: digest("emergency as shown") },
    name: "incident",
    seat: seat("glass", { who: [{ kind: "group", group: "identity" }], glass: { name: "incident", alone: false } }),
    second: [{ kind: "group", group: "security" }],
    dueAt: after(24 * HOUR),
    reason: digest("reason"),
    channel: "cli",
    strength: "session",
    frozen: [],
    overdue: [],
    directory: people,
    ...offer(4),
    ...more,
  }),
  reviewGlass: (who: string, more: More<"review_glass"> = {}): CommandOf<"review_glass"> => ({
    type: "review_glass",
    by: principal(`human:${who}`),
    identity: `@${who}`,
    verdict: "object",
    comment: digest("comment"),
    directory: people,
    ...more,
  }),
  withdrawVote: (who: string, more: More<"withdraw_vote"> = {}): CommandOf<"withdraw_vote"> => ({
    type: "withdraw_vote",
    voter: principal(`human:${who}`),
    identity: `@${who}`,
    directory: people,
    ...more,
  }),
  sendBack: (who: string, more: More<"send_back"> = {}): CommandOf<"send_back"> => ({
    type: "send_back",
    voter: principal(`human:${who}`),
    identity: `@${who}`,
    because,
    directory: people,
    ...more,
  }),
  revise: (more: More<"revise"> = {}): CommandOf<"revise"> => ({
    type: "revise",
    by: principal("agent:bot"),
    proposal: digest("proposal 2"),
    steps: named,
    expiresAt: EXPIRY,
    directory: people,
    ...more,
  }),
  withdraw: (by = "agent:bot"): CommandOf<"withdraw"> => ({ type: "withdraw", by: principal(by) }),
  supersede: (more: More<"supersede"> = {}): CommandOf<"supersede"> => ({
    type: "supersede",
    by: "chg_000002" as ChangeId,
    proposer: principal("agent:bot"),
    ...more,
  }),
  expire: (): CommandOf<"expire"> => ({ type: "expire" }),
  start: (more: More<"start"> = {}): CommandOf<"start"> => ({
    type: "start",
    grant: grant(2),
    run,
    runner,
    directory: people,
    bundle: review.bundle,
    frozen: [],
    ...more,
  }),
  stale: (more: More<"stale"> = {}): CommandOf<"stale"> => ({ type: "stale", expected: object.state, observed: digest("moved"), ...more }),
  begin: (step = "one", more: More<"begin_effect"> = {}): CommandOf<"begin_effect"> => ({
    type: "begin_effect",
    run,
    runner,
    step,
    observed: digest(`state of ${step}`),
    ...more,
  }),
  finish: (step = "one", more: More<"finish_effect"> = {}): CommandOf<"finish_effect"> => ({
    type: "finish_effect",
    run,
    runner,
    step,
    evidence: digest("evidence"),
    ...more,
  }),
  check: (n = 1, result: CommandOf<"check">["result"] = "held", more: More<"check"> = {}): CommandOf<"check"> => ({
    type: "check",
    run,
    runner,
    n,
    result,
    evidence: digest("evidence"),
    ...more,
  }),
  stop: (who = "bo", more: More<"stop"> = {}): CommandOf<"stop"> => ({
    type: "stop",
    by: principal(`human:${who}`),
    identity: `@${who}`,
    directory: people,
    ...more,
  }),
  undo: (step = "one", more: More<"begin_undo"> = {}): CommandOf<"begin_undo"> => ({
    type: "begin_undo",
    run,
    runner,
    step,
    because,
    ...more,
  }),
  report: (outcome: CommandOf<"report">["outcome"], more: More<"report"> = {}): CommandOf<"report"> => ({
    type: "report",
    run,
    runner,
    outcome,
    because,
    evidence: digest("evidence"),
    ...more,
  }),
  abandon: (more: More<"abandon"> = {}): CommandOf<"abandon"> => ({ type: "abandon", run, because: { code: "lease_lost" }, ...more }),
  reconcile: (who: string, more: More<"reconcile"> = {}): CommandOf<"reconcile"> => ({
    type: "reconcile",
    run,
    as: "verified",
    by: principal(`human:${who}`),
    identity: `@${who}`,
    evidence: digest("evidence"),
    directory: people,
    ...more,
  }),
  recheck: (more: More<"recheck_votes"> = {}): CommandOf<"recheck_votes"> => ({ type: "recheck_votes", directory: people, ...more }),
};

/** The state after some commands, each of which must be accepted. */
export function folded(state: ChangeState | undefined, commands: readonly ChangeCommand[], now: Millis = NOON): ChangeState {
  let current = state;
  for (const each of commands) for (const event of eventsOf(current, each, now)) current = evolve(current, event);
  assert.ok(current !== undefined);
  return current;
}

export function eventsOf(state: ChangeState | undefined, given: ChangeCommand, now: Millis = NOON): readonly ChangeEvent[] {
  const decided = decide(state, given, now);
  if (!decided.ok) assert.fail(`${given.type} in ${state?.status}: ${decided.error.code}: ${decided.error.message}`);
  return decided.value;
}

/** The closed code with which a command is refused, or "" when it is not. */
export function codeOf(state: ChangeState | undefined, given: ChangeCommand, now: Millis = NOON): string {
  const decided = decide(state, given, now);
  if (decided.ok) return "";
  assert.ok(decided.error.message && decided.error.remedy, "a refusal says what was wrong and what to do");
  return decided.error.code;
}

const c = command;
const routed = [c.propose(), c.plan(), c.route()];
const running = [...routed, c.approve("bo"), c.start()];
const applied = [...running, c.begin("one"), c.finish("one"), c.begin("two"), c.finish("two")];
const TO: Readonly<Record<Status, readonly ChangeCommand[]>> = {
  proposed: [c.propose()],
  planned: [c.propose(), c.plan()],
  sent_back: [...routed, c.sendBack("bo")],
  blocked: [c.propose(), c.plan(), c.route({ outcome: "block", seats: [] })],
  rejected: [...routed, c.reject("bo")],
  awaiting: routed,
  authorised: [...routed, c.approve("bo")],
  running,
  applied,
  verified: [...applied, c.report("verified")],
  failed: [...running, c.report("failed")],
  undone: [...applied, c.undo("two"), c.undo("one"), c.report("undone")],
  indeterminate: [...applied, c.report("indeterminate")],
  stale: [...routed, c.stale()],
  expired: [...routed, c.expire()],
  withdrawn: [...routed, c.withdraw()],
  superseded: [...routed, c.supersede()],
};
export const STATUSES = Object.keys(TO) as readonly Status[];

/** Authorised by Bo's vote with grant 2; running as `run` on `runner`; applied in two steps. */
export function stateIn<S extends Status>(status: S): Extract<ChangeState, { readonly status: S }> {
  let state: ChangeState | undefined;
  for (const each of TO[status]) state = folded(state, [each], each.type === "expire" ? EXPIRY : NOON);
  assert.equal(state?.status, status);
  return state as Extract<ChangeState, { readonly status: S }>;
}
