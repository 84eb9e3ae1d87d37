import { assert, fail, never, ok, parseJson, type Json, type Result } from "../core/base/index.ts";
import { isFinal, stepOutcomes, type Because, type ChangeState, type Reviewed } from "../core/change/index.ts";
import type { Plan, Proposal } from "../core/plan/index.ts";
import { selectorText, type Seat } from "../core/policy/index.ts";
import type { Presentation } from "../core/presentation/index.ts";
import { countSeats, type Directory, type SeatCount } from "../core/review/index.ts";
import { nameOf } from "./people.ts";
import { changeStream, findChange, knownFrom, type Known } from "./commit.ts";
import { currentDirectory, policyOf } from "./config.ts";
import type { Deps } from "./deps.ts";
import { governedView, nextWith } from "./glass-view.ts";
import { documentAmong, erased, readJson, readWords } from "./payloads.ts";
import { conflictsOf } from "./overlapping.ts";
import { evaluatePlan, type PlanContext } from "./planning.ts";
import { StoreUnreadable, type ListQuery, type Payload, type StoredStream } from "./ports.ts";
import { invalid } from "./refusals.ts";
import { holderOf } from "./targets.ts";
import type { Answer, Caller, ChangeView, Control, ControlRefusal, EventView, ListView, PlanView, SeatView } from "./types.ts";

export async function read(deps: Deps, change: string): Answer<ChangeView> {
  return viewed(deps, await findChange(deps, change));
}

/** The answer to whoever asked, once the use case is done. */
export async function viewed(deps: Deps, found: Result<Known, ControlRefusal>): Answer<ChangeView> {
  if (!found.ok) return found;
  return ok(await viewChange(deps, found.value, found.value.written?.directory ?? (await currentDirectory(deps))));
}

export async function list(deps: Deps, caller: Caller, query: Parameters<Control["list"]>[1]): Answer<ListView> {
  const { mine, ...rest } = query;
  const wanted: ListQuery = { ...rest, prefix: "change/", ...(mine === true ? { proposer: caller.principal } : {}) };
  const page = await deps.store.list(wanted);
  if (page.badCursor) return fail(invalid("the cursor is none that this list gave", [], "bad_cursor"));
  const directory = await currentDirectory(deps);
  const views = await Promise.all(page.rows.map((row) => viewRow(deps, row, directory)));
  const changes = views.filter((view) => view !== undefined);
  return ok({ changes, ...(page.cursor === undefined ? {} : { cursor: page.cursor }) });
}

/** One row that cannot be shown is reported and left out: it does not take the others with it. That nothing can be read is another matter. */
async function viewRow(deps: Deps, row: StoredStream, directory: Directory): Promise<ChangeView | undefined> {
  const known = knownFrom(row);
  try {
    if (known.ok) return await viewChange(deps, known.value, directory);
    deps.report({ what: `listing ${row.stream}`, error: known.error });
  } catch (error) {
    if (error instanceof StoreUnreadable) throw error;
    deps.report({ what: `listing ${row.stream}`, error });
  }
  return undefined;
}

export async function events(deps: Deps, change: string, from: number, limit: number): Answer<readonly EventView[]> {
  const found = await findChange(deps, change);
  // What happened stays readable when the state made of it does not.
  if (!found.ok && found.error.reason !== "quarantined") return found;
  const entries = await deps.store.history(changeStream(change), from, limit);
  return ok(
    entries.map(({ index, bytes }) => {
      const entry = parseJson(bytes);
      assert(entry.ok, `ledger entry ${index} is not JSON`);
      const { n, event } = entry.value as unknown as { readonly n: number; readonly event: Json & { type: string; at: number } };
      return { index, n, type: event.type, at: event.at, event };
    }),
  );
}

const hasReview = (state: ChangeState): state is Extract<ChangeState, Reviewed> => "review" in state;

export async function plan(deps: Deps, change: string): Answer<PlanView> {
  const found = await findChange(deps, change);
  if (!found.ok) return found;
  const { state } = found.value;
  if (!hasReview(state)) return fail(noPlan(state));
  const { review } = state;
  const document = await readJson<Plan>(deps, review.plan);
  const presentation = await readJson<Presentation>(deps, review.presentation);
  const context = await readJson<PlanContext>(deps, state.context);
  if (document === undefined || presentation === undefined || context === undefined) return erased(`the plan of change ${change}`);
  const conflicts = isFinal(state.status) ? [] : await conflictsOf(deps, state.id, document);
  return ok({
    change: await viewChange(deps, found.value, await currentDirectory(deps)),
    plan: document,
    presentation,
    trace: await traceOf(deps, context, document, state),
    context: { ...context.steps, observed: { at: new Date(context.observedAt).toISOString() } },
    ...(conflicts.length === 0 ? {} : { conflicts }),
    digests: { ...review, review: state.reviewDigest, payload: state.payload },
  });
}

/** Made again from what the route was made from: only what comes to the same route explains it. */
async function traceOf(
  deps: Deps,
  { judged, trace = [] }: PlanContext,
  document: Plan,
  state: ChangeState & Reviewed,
): Promise<PlanView["trace"]> {
  const bundle = judged && (await policyOf(deps, judged.policy));
  if (judged === undefined || bundle === undefined) return trace;
  const evaluation = evaluatePlan(bundle, document, state, judged.at);
  return evaluation.routeDigest === state.review.route ? evaluation.trace : trace;
}

function noPlan({ id, status }: ChangeState): ControlRefusal {
  return {
    code: "not_now",
    reason: "no_plan",
    message: `change ${id} is ${status} and has no plan under review`,
    remedy: "`pawl show` tells why, and what happens next",
  };
}

/** The wire shape of a change; what was erased reads as such rather than failing the whole view. */
async function viewChange(deps: Deps, { state, updatedAt, written }: Known, directory: Directory): Promise<ChangeView> {
  // Whoever has just written waits for nobody yet, as far as anybody has tried.
  const busy = state.status === "authorised" && written === undefined ? await busyView(deps, state) : undefined;
  const made = written?.payloads ?? [];
  const proposal = (documentAmong(made, state.proposal) as Proposal | undefined) ?? (await readJson<Proposal>(deps, state.proposal));
  const governed = await governedView(deps, state);
  return {
    id: state.id,
    status: state.status,
    version: state.version,
    revision: state.revision,
    title: proposal?.title ?? "(erased)",
    summary: proposal?.summary ?? "",
    proposer: state.parties.proposer,
    on_behalf_of: state.parties.onBehalfOf,
    owner: state.parties.owner,
    connectors: [...new Set(state.steps.map((s) => s.connector))],
    created_at: state.createdAt,
    updated_at: updatedAt,
    expires_at: state.expiresAt,
    next: nextWith(busy === undefined ? nextSentence(state, directory, deps.clock.now()) : busySentence(busy), state, governed),
    ...(busy === undefined ? {} : { waits_for: busy }),
    ...reviewView(state, directory),
    ...governed,
    ...(await becauseView(deps, state, made)),
    ...runView(state),
    ...(state.status === "stale" ? { drift: { expected: state.expected, observed: state.observed } } : {}),
    ...(state.status === "superseded" ? { superseded_by: state.by } : {}),
  };
}

function reviewView(state: ChangeState, directory: Directory): Partial<ChangeView> {
  if (!hasReview(state)) return {};
  return {
    outcome: state.outcome,
    review_digest: state.reviewDigest,
    plan_digest: state.review.plan,
    state_digest: state.review.state,
    payload_digest: state.payload,
    seats: seatCounts(state, directory).map((count) => seatView(state, count, directory)),
    holds: state.holds,
  };
}

function seatCounts(state: ChangeState & Reviewed, directory: Directory): readonly SeatCount[] {
  const { seats, votes, parties, reviewDigest } = state;
  return countSeats({ seats, votes, parties, directory, reviewDigest }).seats;
}

const seatOf = (state: Reviewed, count: SeatCount): Seat => {
  const seat = state.seats.find((s) => s.id === count.id);
  assert(seat !== undefined, `seat ${count.id} was counted but is not one of the route's`);
  return seat;
};

function seatView(state: Reviewed, count: SeatCount, directory: Directory): SeatView {
  const seat = seatOf(state, count);
  return {
    id: seat.id,
    who: seat.who.map(selectorText),
    count: seat.count,
    strength: seat.strength,
    signed_by: count.votes.map((v) => ({ person: v.person, name: nameOf(directory, `human:${v.person}`), at: v.at, channel: v.channel })),
    missing: count.missing,
    unfillable: count.status === "unfillable",
    ...(seat.step === undefined ? {} : { step: seat.step }),
    ...(seat.glass === undefined ? {} : { glass: seat.glass.name }),
  };
}

function runView(state: ChangeState): Partial<ChangeView> {
  if (!("grant" in state)) return {};
  if (!("run" in state)) return { grant: state.grant };
  const { grant, run: id, runner, startedAt: started_at, begun: steps_begun, done: steps_done, stopped, checked } = state;
  const outcomes = stepOutcomes(state);
  const steps = state.steps.map((step, n) => ({ ...step, outcome: outcomes[n] ?? "not_begun" }));
  const until = watchedUntil(state);
  const further = {
    ...(stopped === undefined ? {} : { stopped_by: stopped }),
    ...(until === undefined ? {} : { watched_until: until }),
    ...(checked === undefined ? {} : { checked }),
  };
  return { grant, run: { id, runner, started_at, steps_begun, steps_done, steps, ...further } };
}

/** When what was applied has held for long enough, if nothing is wrong until then. */
const watchedUntil = ({ watch, appliedAt }: Extract<ChangeState, { readonly run: unknown }>): number | undefined =>
  watch === undefined || appliedAt === undefined ? undefined : appliedAt + watch.seconds * 1000;

type Busy = NonNullable<ChangeView["waits_for"]>;

async function busyView(deps: Deps, state: Extract<ChangeState, { status: "authorised" }>): Promise<Busy | undefined> {
  // Told is what stands in the way first.
  if (state.holds.length > 0 || deps.clock.now() >= state.grantExpiresAt) return undefined;
  const holder = await holderOf(deps, state);
  const found = holder && (await findChange(deps, holder.change));
  return found?.ok === true ? { change: found.value.state.id, status: found.value.state.status } : undefined;
}

function busySentence({ change, status }: Busy): string {
  if (status !== "indeterminate") return `Authorised; it waits for ${change}, which is at work on the same resources.`;
  return `Authorised, but nobody knows what ${change} did to the same resources. A person must look and say: pawl reconcile ${change}`;
}

interface Evidence {
  readonly instructions?: ChangeView["instructions"];
  readonly message?: string;
  readonly reasons?: readonly { readonly text: string }[];
  /** Of a run: why it went no further, and what went wrong with its undo. */
  readonly cause?: { readonly message?: string };
  readonly undo?: { readonly message?: string };
}

const runText = ({ cause, undo }: Evidence): string | undefined =>
  undo?.message === undefined ? cause?.message : `${cause?.message ?? "it went no further"}; and when undoing it: ${undo.message}`;

/** Of runs that nobody was left to tell of. */
const GIVEN_UP: Readonly<Record<string, string>> = {
  runner_restarted: "the runner's process ended while it was at work",
  runner_lost: "the runner was not heard of any more",
  runner_revoked: "the runner was revoked while it was at work",
  runner_lost_before_effect: "the runner was not heard of any more, and had begun nothing",
};

async function becauseView(deps: Deps, state: ChangeState, made: readonly Payload[]): Promise<Partial<ChangeView>> {
  if (state.status === "rejected") {
    const words = await readWords(deps, state.comment);
    return { because: { code: "rejected", ...(typeof words === "string" ? { text: words } : {}) } };
  }
  if (!("because" in state)) return {};
  const because: Because = state.because;
  const { evidence: digest } = because;
  const evidence = digest && ((documentAmong(made, digest) as Evidence | undefined) ?? (await readJson<Evidence>(deps, digest)));
  const parts = evidence?.reasons?.map((r) => r.text) ?? evidence?.instructions?.map((i) => i.message) ?? [];
  const text = evidence?.message ?? (evidence && runText(evidence)) ?? (parts.join("; ") || (GIVEN_UP[because.code] ?? ""));
  const details = evidence === undefined ? {} : { details: evidence as unknown as Json };
  return {
    because: { code: because.code, ...(text === "" ? {} : { text }), ...details },
    ...(evidence?.instructions === undefined ? {} : { instructions: evidence.instructions }),
  };
}

/** What happens next, and who must do it: the sentence a waiting agent or a tired reviewer reads first. */
function nextSentence(state: ChangeState, directory: Directory, now: number): string {
  const id = state.id;
  switch (state.status) {
    case "proposed":
    case "planned":
      return "Pawl is observing the state and deriving the plan.";
    case "sent_back":
      return "The proposer mends what the instructions name and sends a new revision.";
    case "blocked":
      return "Nothing: a rule forbids this change.";
    case "rejected":
      return "Nothing: a reviewer rejected it.";
    case "awaiting":
      return awaitingSentence(state, directory);
    case "authorised":
      return authorisedSentence(state, now);
    case "running":
      return state.stopped === undefined ? "A runner is at work." : `Stopped by ${state.stopped}: what is done is being undone.`;
    case "applied":
      return appliedSentence(state);
    case "verified":
      return "Done: applied exactly as approved, and verified.";
    case "failed":
      if (state.stopped !== undefined) return `Stopped by ${state.stopped} before any effect.`;
      return "Ended before any effect; propose again once the cause is mended.";
    case "undone":
      if (state.stopped !== undefined) return `Stopped by ${state.stopped}, and what had been done is undone.`;
      return state.done.length < state.stepDigests.length
        ? "It went no further, and what had been done is undone."
        : "Applied, found wrong, and undone.";
    case "indeterminate":
      return `Nobody knows whether it took effect. A person must look and say: pawl reconcile ${id}`;
    case "stale":
      return `The state moved since it was planned. Plan it again: pawl replan ${id}`;
    case "expired":
      return "Nothing: it was not started in time.";
    case "withdrawn":
      return "Nothing: it was taken back.";
    case "superseded":
      return `Nothing: ${state.by} takes its place.`;
    default:
      return never(state, "change state");
  }
}

function appliedSentence(state: Extract<ChangeState, { status: "applied" }>): string {
  const until = watchedUntil(state);
  if (state.undoing.length > 0) return "Applied, and being undone.";
  if (state.stopped !== undefined) return `Applied, and stopped by ${state.stopped}: it is being undone.`;
  if (until === undefined) return "Applied; being verified.";
  return `Applied; watched until ${new Date(until).toISOString().slice(0, 19)}Z, and undone if it does not hold: pawl stop ${state.id} has it undone now.`;
}

function authorisedSentence({ id, holds, start, grantExpiresAt }: Extract<ChangeState, { status: "authorised" }>, now: number): string {
  if (holds.length > 0) return `Authorised, and held by ${holds.join(", ")}.`;
  if (start === "when-authorised") return "Authorised; a runner takes it up.";
  if (now >= grantExpiresAt) return `Authorised, but its grant ran out before it was started: pawl replan ${id}`;
  return `Authorised; it starts when somebody says so: pawl run ${id}`;
}

function awaitingSentence(state: ChangeState & Reviewed, directory: Directory): string {
  const open = seatCounts(state, directory).filter((count) => count.missing > 0);
  const who = (count: SeatCount): string => {
    const sitters = seatOf(state, count).who.map(selectorText).join(" or ");
    return `${count.missing > 1 ? `${count.missing} of ` : ""}${sitters}`;
  };
  const stuck = open.filter(({ status }) => status === "unfillable");
  if (stuck.length > 0) {
    return `Stuck: nobody who may still sign it sits as ${stuck.map(who).join(", and ")}. Bring somebody in (pawl people propose), or withdraw it.`;
  }
  return `Waiting for ${open.map(who).join(", and ")}: pawl approve ${state.id}`;
}
