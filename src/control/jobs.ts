import { ok, type ChangeId, type GrantId, type Millis, type Result, type RunnerId } from "../core/base/index.ts";
import { isEmergency, isFinal, type ChangeState } from "../core/change/index.ts";
import type { Plan } from "../core/plan/index.ts";
import { commitChange, findChange } from "./commit.ts";
import { rulesInForce } from "./config.ts";
import { DECLARED } from "./declared.ts";
import type { Deps } from "./deps.ts";
import { freeAt } from "./holding.ts";
import { readJson } from "./payloads.ts";
import { looksAfter, observeAgain } from "./overlapping.ts";
import { evaluatePlan, isBeingPlanned, planChange, planFirst } from "./planning.ts";
import type { LeasedItem, OutboxItem, RunReport } from "./ports.ts";
import { abandon } from "./running.ts";
import { rulesFor } from "./standing.ts";
import { holderOf } from "./targets.ts";
import type { ControlRefusal } from "./types.ts";

/** Done, or to be tried again: later, at a time, or once a stream has moved on from a version. */
export type JobEnd = "settled" | "later" | { readonly at: Millis } | { readonly until: string; readonly version: number };

export interface JobSettings {
  /** How long a job is left to whoever took it last. */
  readonly leaseMillis: number;
  /** The runner of this process. */
  readonly runner: RunnerId;
  /** Runs an authorised change with it; `rest` is called once the run only watches, and needs no place of its own any more. */
  readonly run: (change: ChangeId, rest?: () => void) => Promise<RunReport>;
  /** Whether a runner elsewhere has just said that it is at the run of this change. */
  readonly isHeld?: (runner: RunnerId, change: ChangeId) => boolean;
}

/**
 * What the outbox asks for. Each job looks at the change as it is now and does nothing when there is nothing left to do, so
 * that doing it twice is doing it once.
 */
export async function perform(deps: Deps, settings: JobSettings, item: LeasedItem): Promise<JobEnd> {
  const change = item.body["change"] as ChangeId;
  switch (item.kind) {
    case "plan":
      return planProposed(deps, change);
    case "replan":
      return replan(deps, change);
    case "recheck":
      return recheck(deps, change);
    case "hold":
      return lookAtHolds(deps, change);
    case "run":
      return run(deps, settings, item);
    case "expire":
      return expire(deps, item);
    case "executed":
      return executed(deps, item);
    case "observe":
      return observe(deps, item);
    case "policy_moved":
      return forOpenChanges(deps, item, "replan");
    case "connectors_moved":
      return forOpenChanges(deps, item, "redeclare");
    case "redeclare":
      return redeclare(deps, change);
    case "directory_moved":
      return forOpenChanges(deps, item, "recheck");
    default:
      deps.report({ what: `job of unknown kind ${item.kind}`, error: item.key });
      return "later";
  }
}

/** The change has moved on by itself: there is nothing left to do. */
const MOVED_ON = ["expired", "ended", "wrong_status"];

/** A refusal ends a job, except where the same may be answered otherwise later. */
function endOf(deps: Deps, what: string, done: Result<unknown, ControlRefusal>): JobEnd {
  if (done.ok || MOVED_ON.includes(done.error.reason)) return "settled";
  if (done.error.code === "unavailable" || done.error.reason === "observation_stale") return "later";
  deps.report({ what, error: done.error });
  return "settled";
}

async function planProposed(deps: Deps, change: ChangeId): Promise<JobEnd> {
  const found = await findChange(deps, change);
  if (!found.ok || found.value.state.status !== "proposed") return endOf(deps, `planning ${change}`, found);
  // Whoever is at it within a request holds a place there, and needs none here.
  if (isBeingPlanned(deps, change)) return "later";
  const planned = await planFirst(deps, change);
  const end = endOf(deps, `planning ${change}`, planned);
  // What was under way may have been of an earlier revision, or of one that was refused.
  const left = await findChange(deps, change);
  return left.ok && left.value.state.status === "proposed" ? "later" : end;
}

/** Planned and routed under another policy than the one in force, or for an emergency that nobody stands for any more: once more, and votes for the old route are void. */
async function replan(deps: Deps, change: ChangeId): Promise<JobEnd> {
  const found = await findChange(deps, change);
  if (!found.ok) return endOf(deps, `planning ${change} again`, found);
  const { state } = found.value;
  const { bundle } = await rulesInForce(deps);
  if (!underReview(state)) return "settled";
  const unsigned = state.status === "awaiting" && isEmergency(state);
  if (state.review.bundle === bundle.digest && !unsigned) return "settled";
  return endOf(deps, `planning ${change} again`, await planChange(deps, change));
}

/** What was derived from declarations is derived from those in force now; where that comes to the same, votes stand. */
async function redeclare(deps: Deps, change: ChangeId): Promise<JobEnd> {
  const found = await findChange(deps, change);
  if (!found.ok) return endOf(deps, `planning ${change} again`, found);
  const { state } = found.value;
  const plan = underReview(state) ? await readJson<Plan>(deps, state.review.plan) : undefined;
  if (plan?.steps.some(({ connector }) => DECLARED.includes(connector)) !== true) return "settled";
  return endOf(deps, `planning ${change} again`, await planChange(deps, change));
}

type UnderReview = Extract<ChangeState, { readonly status: "awaiting" | "authorised" }>;
const underReview = (state: ChangeState): state is UnderReview => state.status === "awaiting" || state.status === "authorised";

/** Somebody left or lost a seat: votes that no longer count are void before anything can start on them. */
async function recheck(deps: Deps, change: ChangeId): Promise<JobEnd> {
  const done = await commitChange(deps, change, async (state) => {
    const { directory, guards } = await rulesFor(deps, state);
    return ok({ commands: underReview(state) ? [{ type: "recheck_votes", directory }] : [], guards });
  });
  return endOf(deps, `counting the votes of ${change} again`, done);
}

/** A hold ends by itself, such as a freeze: once policy would not hold the change any more, it is routed again. */
async function lookAtHolds(deps: Deps, change: ChangeId): Promise<JobEnd> {
  const found = await findChange(deps, change);
  if (!found.ok) return endOf(deps, `the holds of ${change}`, found);
  const { state } = found.value;
  if (state.status !== "authorised" || state.holds.length === 0 || deps.clock.now() >= state.expiresAt) return "settled";
  const plan = await readJson<Plan>(deps, state.review.plan);
  if (plan === undefined) return "settled";
  const { bundle } = await rulesInForce(deps);
  if (evaluatePlan(bundle, plan, state, deps.clock.now()).route.holds.length > 0) return "later";
  return endOf(deps, `routing ${change} after its hold`, await planChange(deps, change));
}

/**
 * A run job lives as long as its grant: until the grant is used, replaced or expired. A run that nobody holds any more is given
 * up, never started again.
 */
async function run(deps: Deps, settings: JobSettings, item: LeasedItem): Promise<JobEnd> {
  const change = item.body["change"] as ChangeId;
  const found = await findChange(deps, change);
  if (!found.ok) return endOf(deps, `running ${change}`, found);
  const { state } = found.value;
  if (!("grant" in state) || state.grant !== (item.body["grant"] as GrantId)) return "settled";
  switch (state.status) {
    case "authorised":
      return deps.clock.now() < state.grantExpiresAt ? start(deps, settings, state) : renew(deps, state);
    case "running":
    case "applied":
      if (!isLost(deps, settings, state)) return "later";
      return endOf(deps, `giving up the run of ${change}`, await abandon(deps, change, state.run, "runner_lost"));
    default:
      return "settled";
  }
}

type Authorised = Extract<ChangeState, { readonly status: "authorised" }>;

/** What it touches may be another's until that run has ended: then it waits, which is nobody's fault. */
async function start(deps: Deps, { run: work }: JobSettings, state: Authorised): Promise<JobEnd> {
  const { id: change } = state;
  // What a clock holds starts when that lets it go, and not by being asked for.
  const free = await freeAt(deps, state);
  if (free !== undefined) return free === "unknown" ? "later" : { at: free };
  const holder = await holderOf(deps, state);
  if (holder !== undefined) return { until: holder.stream, version: holder.version };
  const report = await work(change);
  // What a runner says of its run is not what became of it: while the change stands open, its job does.
  if (report.kind === "ended" || report.kind === "stale") return (await isOpenStill(deps, state)) ? "later" : "settled";
  if (report.kind === "not_started" && ["resource_busy", "held"].includes(report.error.code)) return "later";
  deps.report({ what: `run of ${change}: ${report.kind}`, error: report.error });
  return "later";
}

async function isOpenStill(deps: Deps, { id, grant }: Authorised): Promise<boolean> {
  const found = await findChange(deps, id);
  if (!found.ok) return true;
  const { state } = found.value;
  return (state.status === "authorised" || state.status === "running" || state.status === "applied") && state.grant === grant;
}

/**
 * Whoever asked for an earlier start asked for that grant; what starts by itself gets another. By a clock that is behind it may be
 * started meanwhile: then its run needs this job, or nobody gives it up when its runner dies.
 */
async function renew(deps: Deps, state: Authorised): Promise<JobEnd> {
  const now = deps.clock.now();
  const renewable = state.start === "when-authorised" && now < state.expiresAt;
  if (!renewable) return now < state.grantExpiresAt + 2 * deps.limits.clockSkewMillis ? "later" : "settled";
  const end = endOf(deps, `renewing the grant of ${state.id}`, await planChange(deps, state.id));
  const left = await findChange(deps, state.id);
  return left.ok && "run" in left.value.state && !isFinal(left.value.state.status) ? "later" : end;
}

/** A process has a job once, so that its own run is not under way beside this; another's is left alone for as long as it could hold the job. */
function isLost(
  { clock }: Deps,
  { runner, leaseMillis, isHeld }: JobSettings,
  state: Extract<ChangeState, { status: "running" | "applied" }>,
): boolean {
  if (isHeld?.(state.runner, state.id) === true) return false;
  return state.runner === runner || clock.now() >= state.startedAt + leaseMillis;
}

/** Recorded when it is due, by whatever clock. A run is not ended by time, but it may hand the change back. */
async function expire(deps: Deps, item: LeasedItem): Promise<JobEnd> {
  const change = item.body["change"] as ChangeId;
  const found = await findChange(deps, change);
  if (!found.ok) return endOf(deps, `expiry of ${change}`, found);
  const { revision, status } = found.value.state;
  if (status === "running") return "later";
  if (revision !== item.body["revision"] || isFinal(status) || status === "applied" || status === "indeterminate") return "settled";
  const done = await commitChange(deps, change, async () => ok({ commands: [{ type: "expire" }] }));
  if (!done.ok && (done.error.reason === "not_expired" || done.error.reason === "wrong_status")) return "later";
  return endOf(deps, `expiry of ${change}`, done);
}

const PAGE = 200;

/** Something outside is as a run left it: whoever else planned on it is looked at. */
async function executed(deps: Deps, item: LeasedItem): Promise<JobEnd> {
  const change = item.body["change"] as ChangeId;
  const looks = await looksAfter(deps, item, change);
  if (!looks.ok) return endOf(deps, `who else touches what ${change} did`, looks);
  for (let from = 0; from < looks.value.length; from += PAGE) {
    const written = await deps.store.append({ writes: [], outbox: looks.value.slice(from, from + PAGE) });
    if (!written.ok) return "later";
  }
  return "settled";
}

/** What cannot be read for a while is read at its start, if it comes to that. */
async function observe(deps: Deps, item: LeasedItem): Promise<JobEnd> {
  const change = item.body["change"] as ChangeId;
  const seen = await observeAgain(deps, change);
  if (seen.ok && seen.value === "unread") return item.attempts < MOST_LOOKS ? "later" : "settled";
  return endOf(deps, `what ${change} rests on`, seen);
}
const MOST_LOOKS = 5;

/** One job for each change that is under review, so that one that cannot be moved holds up no other. */
async function forOpenChanges(deps: Deps, item: LeasedItem, kind: "replan" | "recheck" | "redeclare"): Promise<JobEnd> {
  let cursor: string | undefined;
  do {
    const page = await deps.store.list({
      prefix: "change/",
      statuses: ["awaiting", "authorised"],
      limit: PAGE,
      ...(cursor === undefined ? {} : { cursor }),
    });
    const outbox = page.rows.map(({ stream, proposer }): OutboxItem => {
      const change = stream.slice("change/".length);
      return { key: `${item.key}/${change}`, kind, body: { change, proposer }, dueAt: deps.clock.now() };
    });
    const written = outbox.length === 0 ? undefined : await deps.store.append({ writes: [], outbox });
    if (written?.ok === false) return "later";
    cursor = page.cursor;
  } while (cursor !== undefined);
  return "settled";
}
