import { assert, never, ok } from "../base/index.ts";
import type { Millis } from "../base/index.ts";
import { countSeats, eligible, isParty, resolvePerson, reviewDigest, seatsFault } from "../review/index.ts";
import { andAuthorised } from "./authorise.ts";
import { no } from "./refusals.ts";
import type { Refused } from "./refusals.ts";
import { inStatus, payloadOf, signedOf } from "./shape.ts";
import type { CommandOf, Decided, InStatus } from "./shape.ts";
import type { ChangeEvent, ChangeState, Common } from "./types.ts";

const PLANNABLE = ["proposed", "planned", "awaiting", "authorised", "stale"] as const;
const ROUTABLE = ["planned", "awaiting", "authorised"] as const;
const REVISABLE = ["proposed", "planned", "sent_back", "awaiting", "authorised", "stale"] as const;

export function propose(command: CommandOf<"propose">, at: Millis): Decided {
  const bad = stepsFault(command.steps);
  if (bad !== undefined) return bad;
  if (at >= command.expiresAt) return no("expired", "this change would have expired before it was proposed", "choose a later expiry");
  const late = neverStarts(command);
  if (late !== undefined) return late;
  const { change, proposal, parties, steps, start, expiresAt, notBefore, supersedes } = command;
  const timed = { expiresAt, ...(notBefore === undefined ? {} : { notBefore }) };
  return ok([
    { type: "proposed", at, change, proposal, parties, steps, start, ...timed, ...(supersedes === undefined ? {} : { supersedes }) },
  ]);
}

function neverStarts({ notBefore, expiresAt }: CommandOf<"propose" | "revise">): Refused | undefined {
  if (notBefore === undefined || notBefore < expiresAt) return undefined;
  return no("expired", "this change would expire before it may start", "choose a later expiry, or an earlier start");
}

function stepsFault(steps: Common["steps"]): Refused | undefined {
  if (steps.length === 0) return no("steps_invalid", "a change has at least one step", "say what it should do");
  const twice = steps.find((step, at) => steps.findIndex((other) => other.id === step.id) < at);
  return twice && no("steps_invalid", `two steps are called ${twice.id}`, "give each step its own id", twice.id);
}

export function plan(state: ChangeState, command: CommandOf<"plan">, at: Millis): Decided {
  const open = inStatus(state, at, PLANNABLE);
  if (!open.ok) return open;
  if (command.revision !== state.revision) return revisionMoved(state, command.revision);
  const { object, payload, stepDigests, context, freshUntil, watch } = command;
  const same =
    stepDigests.length === state.steps.length &&
    state.steps.every((step, n) => stepDigests[n]?.id === step.id && stepDigests[n]?.connector === step.connector);
  if (!same || payload !== payloadOf(stepDigests)) {
    return no(
      "plan_inconsistent",
      "the plan's steps are not the proposed ones, or its payload digest is not theirs",
      "plan the proposed steps",
      state.id,
    );
  }
  const watched = watch === undefined ? {} : { watch };
  return ok([{ type: "planned", at, object, payload, stepDigests, context, freshUntil, ...watched }]);
}

/** What cannot be planned goes back to its proposer before any human's time is spent. */
export function refusePlan(state: ChangeState, command: CommandOf<"refuse_plan">, at: Millis): Decided {
  const open = inStatus(state, at, PLANNABLE);
  if (!open.ok) return open;
  if (command.revision !== state.revision) return revisionMoved(state, command.revision);
  return ok([{ type: "sent_back", at, by: "plan", because: command.because }]);
}

function revisionMoved(state: ChangeState, revision: number): Refused {
  return no("revision_moved", `revision ${revision} was planned, but ${state.revision} is current`, "plan the current revision", state.id);
}

export function route(state: ChangeState, command: CommandOf<"route">, at: Millis): Decided {
  const open = inStatus(state, at, ROUTABLE);
  if (!open.ok) return open;
  const { object, freshUntil } = open.value;
  if (command.review.plan !== object.plan || command.review.state !== object.state) {
    return no("review_inconsistent", "this route was computed for another plan or state", "evaluate policy on the current plan", state.id);
  }
  if (at > freshUntil) return no("observation_stale", "what was observed is too old to route on", "plan the change again", state.id);
  const { outcome, review, seats, holds, freezes } = command;
  assert(outcome !== "auto" || seats.length === 0, "an automatic change asks nobody");
  if ((outcome === "review" || outcome === "escalate") && seats.length === 0)
    return no("seats_invalid", `${outcome} asks for a human decision but names no seat`, "add a seat to the rule");
  const fault = seatsFault(seats);
  if (fault !== undefined) return no("seats_invalid", fault, "mend the rule that names the seats");
  if (open.value.status === "authorised" && open.value.grant === command.grant)
    return no("grant_reused", "a new authorisation needs a new grant", "use a new grant id", command.grant);
  const digest = reviewDigest(review);
  // Votes on another review object are void, so counting them is all it takes to keep the right ones.
  const votes = signedOf(open.value)?.votes ?? [];
  const tally = countSeats({ seats, votes, directory: command.directory, parties: state.parties, reviewDigest: digest });
  const counted = tally.seats.flatMap((seat) => seat.votes);
  const routed = (kept: typeof counted): ChangeEvent => ({
    type: "routed",
    at,
    review,
    reviewDigest: digest,
    outcome,
    seats,
    holds,
    ...(freezes === undefined ? {} : { freezes }),
    kept: kept.map((vote) => vote.person),
  });
  const because = command.because ?? { code: outcome };
  switch (outcome) {
    case "auto":
      return andAuthorised([routed([])], open.value, digest, command, at);
    case "review":
    case "escalate":
      return tally.complete ? andAuthorised([routed(counted)], open.value, digest, command, at) : ok([routed(counted)]);
    case "revise":
      return ok([routed([]), { type: "sent_back", at, by: "policy", because }]);
    case "block":
      return ok([routed([]), { type: "blocked", at, because }]);
    default:
      return never(outcome, "outcome");
  }
}

/** A new revision by one of the change's makers, or by a reviewer, who is an editor from then on and cannot sign it. */
export function revise(state: ChangeState, command: CommandOf<"revise">, at: Millis): Decided {
  const open = inStatus(state, at, REVISABLE);
  if (!open.ok) return open;
  if (!mayRevise(open.value, command)) {
    return no(
      "not_a_party",
      `${command.by} neither made this change nor may review it`,
      "ask its proposer, or propose another change",
      command.by,
    );
  }
  const bad = stepsFault(command.steps);
  if (bad !== undefined) return bad;
  if (at >= command.expiresAt) return no("expired", "this revision would have expired before it was made", "choose a later expiry");
  const late = neverStarts(command);
  if (late !== undefined) return late;
  const { by, issuer, proposal, steps, expiresAt, notBefore } = command;
  const timed = { expiresAt, ...(notBefore === undefined ? {} : { notBefore }) };
  return ok([{ type: "revised", at, proposal, by, ...(issuer === undefined ? {} : { issuer }), steps, ...timed }]);
}

function mayRevise(state: InStatus<(typeof REVISABLE)[number]>, command: CommandOf<"revise">): boolean {
  if (isParty(state.parties, command.by) || state.parties.editors.includes(command.by)) return true;
  if (!("seats" in state) || !command.by.startsWith("human:")) return false;
  const person = resolvePerson(command.directory, command.by);
  return person !== undefined && state.seats.some((seat) => eligible(seat, person, command.directory));
}
