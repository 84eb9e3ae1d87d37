import { assert, fail, never, ok, parseJson, type Digest, type Json } from "../core/base/index.ts";
import type { Because, ChangeState, Reviewed } from "../core/change/index.ts";
import type { Plan, Presentation, Proposal } from "../core/plan/index.ts";
import type { Seat } from "../core/policy/index.ts";
import { countSeats, type Directory, type SeatCount } from "../core/review/index.ts";
import { nameOf, selectorText } from "./people.ts";
import { changeStream, loadChange } from "./commit.ts";
import { currentDirectory } from "./config.ts";
import type { Deps } from "./deps.ts";
import { erased, readJson, readWords } from "./payloads.ts";
import type { PlanContext } from "./planning.ts";
import { noSuchChange } from "./refusals.ts";
import type { Answer, Caller, ChangeView, EventView, ListView, PlanView, SeatView } from "./types.ts";

export async function read(deps: Deps, _caller: Caller, change: string): Answer<ChangeView> {
  const state = await loadChange(deps, change);
  return state === undefined ? fail(noSuchChange(change)) : ok(await viewChange(deps, state, await currentDirectory(deps)));
}

export async function list(
  deps: Deps,
  caller: Caller,
  query: { readonly statuses?: readonly string[]; readonly proposer?: string; readonly mine?: boolean; readonly limit: number; readonly cursor?: string },
): Answer<ListView> {
  const proposer = query.mine === true ? caller.principal : query.proposer;
  const page = await deps.store.list({
    prefix: "change/",
    limit: query.limit,
    ...(query.statuses === undefined ? {} : { statuses: query.statuses }),
    ...(proposer === undefined ? {} : { proposer }),
    ...(query.cursor === undefined ? {} : { cursor: query.cursor }),
  });
  const directory = await currentDirectory(deps);
  const sound = page.rows.filter((row) => row.status !== "quarantined");
  const changes = await Promise.all(sound.map((row) => viewChange(deps, row.body as unknown as ChangeState, directory)));
  return ok({ changes, ...(page.cursor === undefined ? {} : { cursor: page.cursor }) });
}

export async function events(deps: Deps, _caller: Caller, change: string, from: number, limit: number): Answer<readonly EventView[]> {
  if ((await loadChange(deps, change)) === undefined) return fail(noSuchChange(change));
  const entries = await deps.store.history(changeStream(change), from, limit);
  return ok(
    entries.map(({ index, bytes }) => {
      const entry = parseJson(bytes);
      assert(entry.ok, `ledger entry ${index} is not JSON`);
      const { n, event } = entry.value as { n: number; event: { type: string; at: number } };
      return { index, n, type: event.type, at: event.at, event: event as unknown as Json };
    }),
  );
}

const hasReview = (state: ChangeState): state is Extract<ChangeState, Reviewed> => "review" in state;

export async function plan(deps: Deps, _caller: Caller, change: string): Answer<PlanView> {
  const state = await loadChange(deps, change);
  if (state === undefined) return fail(noSuchChange(change));
  if (!hasReview(state)) return fail({ code: "not_now", reason: "no_plan", message: `change ${change} is ${state.status} and has no plan under review`, remedy: "`pawl show` tells why, and what happens next" });
  const { review } = state;
  const document = await readJson<Plan>(deps, review.plan);
  const presentation = await readJson<Presentation>(deps, review.presentation);
  const context = await readJson<PlanContext>(deps, state.context);
  if (document === undefined || presentation === undefined || context === undefined) return erased(`the plan of change ${change}`);
  return ok({
    change: await viewChange(deps, state, await currentDirectory(deps)),
    plan: document,
    presentation,
    trace: context.trace,
    context: { ...context.steps, observed: { at: new Date(context.observedAt).toISOString() } },
    digests: { ...review, review: state.reviewDigest, payload: state.payload },
  });
}

/** The wire shape of a change; what was erased reads as such rather than failing the whole view. */
export async function viewChange(deps: Deps, state: ChangeState, directory: Directory): Promise<ChangeView> {
  const proposal = await readJson<Proposal>(deps, state.proposal);
  const row = await deps.store.load(changeStream(state.id));
  const because = await becauseView(deps, state);
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
    updated_at: row?.updatedAt ?? state.createdAt,
    expires_at: state.expiresAt,
    next: nextSentence(state, directory),
    ...reviewView(state, directory),
    ...because,
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
  return countSeats({ seats: state.seats, votes: state.votes, parties: state.parties, directory, reviewDigest: state.reviewDigest }).seats;
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
  };
}

function runView(state: ChangeState): Partial<ChangeView> {
  if (!("grant" in state)) return {};
  if (!("run" in state)) return { grant: state.grant };
  return { grant: state.grant, run: { id: state.run, runner: state.runner, started_at: state.startedAt, steps_begun: state.begun, steps_done: state.done } };
}

interface Evidence {
  readonly instructions?: ChangeView["instructions"];
  readonly message?: string;
  readonly reasons?: readonly { readonly text: string }[];
}

async function becauseView(deps: Deps, state: ChangeState): Promise<Partial<ChangeView>> {
  if (state.status === "rejected") {
    const words = await readWords(deps, state.comment);
    return { because: { code: "rejected", ...(typeof words === "string" ? { text: words } : {}) } };
  }
  if (!("because" in state)) return {};
  const because: Because = state.because;
  const evidence = await evidenceOf(deps, because.evidence);
  const text = evidence?.message ?? evidence?.reasons?.map((r) => r.text).join("; ") ?? evidence?.instructions?.map((i) => i.message).join("; ");
  return {
    because: { code: because.code, ...(text === undefined || text === "" ? {} : { text }), ...(evidence === undefined ? {} : { details: evidence as unknown as Json }) },
    ...(evidence?.instructions === undefined ? {} : { instructions: evidence.instructions }),
  };
}

async function evidenceOf(deps: Deps, digest: Digest | undefined): Promise<Evidence | undefined> {
  return digest === undefined ? undefined : readJson<Evidence>(deps, digest);
}

/** What happens next, and who must do it: the sentence a waiting agent or a tired reviewer reads first. */
function nextSentence(state: ChangeState, directory: Directory): string {
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
      return `Waiting for ${openSeats(state, directory)}: pawl approve ${id}`;
    case "authorised":
      if (state.holds.length > 0) return `Authorised, and held by ${state.holds.join(", ")}.`;
      return state.start === "on-request" ? `Authorised; it starts when somebody says so: pawl run ${id}` : "Authorised; a runner takes it up.";
    case "running":
      return "A runner is at work.";
    case "applied":
      return "Applied; being verified.";
    case "verified":
      return "Done: applied exactly as approved, and verified.";
    case "failed":
      return "Ended before any effect; propose again once the cause is mended.";
    case "undone":
      return "Applied, found wrong, and undone.";
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

function openSeats(state: ChangeState & Reviewed, directory: Directory): string {
  const open = seatCounts(state, directory).filter((count) => count.missing > 0);
  const words = open.map((count) => {
    const who = seatOf(state, count).who.map(selectorText).join(" or ");
    return `${count.missing > 1 ? `${count.missing} of ` : ""}${who}${count.status === "unfillable" ? " (nobody there may sign it)" : ""}`;
  });
  return words.join(", and ");
}
