import { assert, never } from "../base/index.ts";
import { evolveRun } from "./evolve-run.ts";
import { approvalOf, commonOf, plannedOf, reviewedOf, signedOf } from "./shape.ts";
import type { Glass } from "./glass-types.ts";
import type { ChangeEvent, ChangeState, Common } from "./types.ts";

type EventOf<T extends ChangeEvent["type"]> = Extract<ChangeEvent, { readonly type: T }>;

/** The state of a change is the fold of its events, and of nothing else. */
export function fold(events: readonly ChangeEvent[]): ChangeState | undefined {
  return events.reduce<ChangeState | undefined>((state, event) => evolve(state, event), undefined);
}

/** The state after one more event. Never refuses: an event that does not fit was not decided here, and is a broken invariant. */
export function evolve(state: ChangeState | undefined, event: ChangeEvent): ChangeState {
  if (event.type === "proposed") {
    assert(state === undefined, "a change is proposed once");
    return proposed(event);
  }
  assert(state !== undefined, `${event.type} before proposed`);
  const common = { ...commonOf(state), version: state.version + 1 };
  switch (event.type) {
    case "planned":
      return planned(state, common, event);
    case "routed":
      return routed(state, common, event);
    case "blocked":
      return { ...common, status: "blocked", because: event.because };
    case "glass_broken":
    case "glass_reviewed":
      return { ...state, ...common, glass: glassOf(common.glass ?? [], event) };
    case "sent_back":
      return { ...common, status: "sent_back", because: event.because, by: event.by };
    case "rejected":
      return { ...common, status: "rejected", by: event.by, ...(event.comment === undefined ? {} : { comment: event.comment }) };
    case "revised":
      return revised(common, event);
    case "expired":
      return { ...common, status: "expired" };
    case "withdrawn":
      return { ...common, status: "withdrawn", by: event.by };
    case "superseded":
      return { ...common, status: "superseded", by: event.by };
    case "voted":
    case "vote_withdrawn":
    case "votes_voided":
      return revoted(state, common, event);
    case "authorised":
      return authorised(state, common, event);
    case "run_started":
      return started(state, common, event);
    case "staled":
      return staled(state, common, event);
    case "effect_started":
    case "effect_done":
    case "undo_started":
    case "applied":
    case "checked":
    case "stop_requested":
    case "verified":
    case "failed":
    case "undone":
    case "indeterminate":
    case "reconciled":
      return evolveRun(state, common, event);
    default:
      return never(event, "event");
  }
}

function staled(state: ChangeState, common: Common, { expected, observed }: EventOf<"staled">): ChangeState {
  const open = state.status === "awaiting" || state.status === "authorised" || state.status === "running";
  assert(open, `${state.status} cannot become stale`);
  return { ...common, ...reviewedOf(state), status: "stale", expected, observed };
}

function proposed(event: EventOf<"proposed">): ChangeState {
  const { change: id, proposal, parties, steps, start, at: createdAt, expiresAt, notBefore } = event;
  const timed = { createdAt, expiresAt, ...(notBefore === undefined ? {} : { notBefore }) };
  return { status: "proposed", id, version: 1, revision: 1, ballot: 0, proposal, parties, steps, start, ...timed };
}

function started(state: ChangeState, common: Common, event: EventOf<"run_started">): ChangeState {
  assert(state.status === "authorised" && state.grant === event.grant, "only the standing grant starts a run");
  const { run, runner, at, targets } = event;
  const held = targets === undefined ? {} : { targets };
  return { ...state, ...common, status: "running", run, runner, startedAt: at, ...held, begun: [], done: [], undoing: [] };
}

function planned(state: ChangeState, common: Common, event: EventOf<"planned">): ChangeState {
  const previous = signedOf(state);
  return { ...common, ...plannedOf(event), status: "planned", ...(previous === undefined ? {} : { previous }) };
}

function routed(state: ChangeState, common: Common, event: EventOf<"routed">): ChangeState {
  assert(state.status === "planned" || state.status === "awaiting" || state.status === "authorised", `${state.status} cannot be routed`);
  // What follows at once is `blocked` or `sent_back`: until then the change is planned, and nobody can sign it.
  if (event.outcome === "block" || event.outcome === "revise") return { ...common, ...plannedOf(state), status: "planned" };
  const { review, reviewDigest, outcome, seats, holds, freezes } = event;
  const votes = (signedOf(state)?.votes ?? []).filter((vote) => event.kept.includes(vote.person));
  return {
    ...common,
    ...plannedOf(state),
    status: "awaiting",
    ballot: common.ballot + 1,
    review,
    reviewDigest,
    outcome,
    seats,
    holds,
    ...(freezes === undefined ? {} : { freezes }),
    votes,
  };
}

function revised(common: Common, event: EventOf<"revised">): ChangeState {
  const { parties } = common;
  const editors = [...new Set([...parties.editors, event.by, ...(event.issuer === undefined ? [] : [event.issuer])])];
  const { proposal, steps, expiresAt, notBefore } = event;
  const { notBefore: _earlier, ...kept } = common;
  const timed = { expiresAt, ...(notBefore === undefined ? {} : { notBefore }) };
  return { ...kept, status: "proposed", revision: common.revision + 1, parties: { ...parties, editors }, proposal, steps, ...timed };
}

function glassOf(known: readonly Glass[], event: EventOf<"glass_broken" | "glass_reviewed">): readonly Glass[] {
  if (event.type === "glass_broken") return [...known, event.glass];
  const { by, at, verdict, comment, grants } = event;
  return known.map((glass) => (grants.includes(glass.grant) ? { ...glass, review: { by, at, verdict, comment } } : glass));
}

/** Whatever happens to the votes takes a standing grant away: it carried them. */
function revoted(state: ChangeState, common: Common, event: EventOf<"voted" | "vote_withdrawn" | "votes_voided">): ChangeState {
  assert(state.status === "awaiting" || state.status === "authorised", `${state.status} takes no votes`);
  const awaiting = { ...common, ...reviewedOf(state), status: "awaiting" } as const;
  if (event.type === "voted") return { ...awaiting, votes: [...state.votes, event.vote] };
  const gone = event.type === "vote_withdrawn" ? [event.person] : event.persons;
  return { ...awaiting, ballot: common.ballot + 1, votes: state.votes.filter((vote) => !gone.includes(vote.person)) };
}

function authorised(state: ChangeState, common: Common, event: EventOf<"authorised">): ChangeState {
  assert(state.status === "awaiting", `${state.status} cannot be authorised`);
  assert(event.reviewDigest === state.reviewDigest && event.payload === state.payload, "a grant is for what was reviewed");
  assert(event.approval === approvalOf(state, state.stepDigests), "a grant is for those who approved");
  const { grant, grantExpiresAt } = event;
  return {
    ...common,
    ...reviewedOf(state),
    status: "authorised",
    grant,
    grantExpiresAt,
    authorisedAt: event.at,
    authorisedVersion: common.version,
  };
}
