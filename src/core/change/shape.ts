import { digestJson } from "../base/index.ts";
import type { Digest, Millis, Result } from "../base/index.ts";
import type { Plan } from "../plan/index.ts";
import { no } from "./refusals.ts";
import type { ChangeRefusal, Refused } from "./refusals.ts";
import type {
  Authorised,
  ChangeCommand,
  ChangeEvent,
  ChangeState,
  Common,
  Planned,
  Reviewed,
  Running,
  Signed,
  Status,
  StepDigests,
} from "./types.ts";

export type Decided = Result<readonly ChangeEvent[], ChangeRefusal>;
export type CommandOf<T extends ChangeCommand["type"]> = Extract<ChangeCommand, { readonly type: T }>;
export type InStatus<S extends Status> = Extract<ChangeState, { readonly status: S }>;

const FINAL: readonly Status[] = ["blocked", "rejected", "verified", "failed", "undone", "expired", "withdrawn", "superseded"];
/** Nothing outside has been touched yet: the change can still be stopped, and time can run out for it. */
export const STOPPABLE = ["proposed", "planned", "sent_back", "awaiting", "authorised", "stale"] as const;

/** No command moves a change out of these. */
export const isFinal = (status: Status): boolean => FINAL.includes(status);
const isStoppable = (status: Status): boolean => (STOPPABLE as readonly Status[]).includes(status);

/** What a plan says of its steps, with whose code said it, as events and grants carry it. */
export const stepDigests = (plan: Plan, code: (step: string) => Digest): readonly StepDigests[] =>
  plan.steps.map(({ id, connector, operation, stateDigest, payloadDigest }) => ({
    id,
    connector,
    operation,
    state: stateDigest,
    payload: payloadDigest,
    code: code(id),
  }));

/** Digest over the steps' digests in order: the exact approved set, no step more or less. */
export function payloadOf(steps: readonly Omit<StepDigests, "code">[]): Digest {
  return digestJson(steps.map(({ id, connector, operation, state, payload }) => ({ id, connector, operation, state, payload })));
}

/** Who approved, who could not have, whose code derived it, how long it is watched, and from when on it may start: what the ledger's authorisation binds beside the payload. */
export function approvalOf(
  {
    revision,
    parties,
    seats,
    votes,
    watch,
    notBefore,
  }: Pick<Common & Reviewed, "revision" | "parties" | "seats" | "votes" | "watch" | "notBefore">,
  steps: readonly StepDigests[],
): Digest {
  const watched = watch === undefined ? {} : { watch };
  return digestJson({
    revision,
    parties,
    seats,
    votes,
    codes: steps.map(({ code }) => code),
    ...watched,
    ...(notBefore === undefined ? {} : { notBefore }),
  });
}

/** The state, if it is in one of these and its time has not run out. */
export function inStatus<S extends Status>(state: ChangeState, now: Millis, allowed: readonly S[]): Result<InStatus<S>, ChangeRefusal> {
  if (!(allowed as readonly Status[]).includes(state.status)) return wrongStatus(state, allowed);
  if (isStoppable(state.status) && now >= state.expiresAt)
    return no("expired", `change ${state.id} has expired`, "propose it again", state.id);
  return { ok: true, value: state as InStatus<S> };
}

export function wrongStatus(state: ChangeState, allowed: readonly Status[]): Refused {
  return isFinal(state.status)
    ? no("ended", `change ${state.id} has ended: ${state.status}`, "propose a new change", state.id)
    : no("wrong_status", `change ${state.id} is ${state.status}`, `this can be done while it is ${allowed.join(" or ")}`, state.id);
}

/** The parts of a state, and nothing else of it: what a status does not carry must not linger in the stored document. */
export function commonOf(state: Common): Common {
  const { id, version, revision, ballot, proposal, parties, steps, start, createdAt, expiresAt, notBefore, glass } = state;
  const common = { id, version, revision, ballot, proposal, parties, steps, start, createdAt, expiresAt };
  return { ...common, ...(notBefore === undefined ? {} : { notBefore }), ...(glass === undefined ? {} : { glass }) };
}

export function plannedOf({ object, payload, stepDigests: steps, context, freshUntil, watch }: Planned): Planned {
  return { object, payload, stepDigests: steps, context, freshUntil, ...(watch === undefined ? {} : { watch }) };
}

export function reviewedOf(state: Reviewed): Reviewed {
  const { review, reviewDigest, outcome, seats, holds, freezes, votes } = state;
  return { ...plannedOf(state), review, reviewDigest, outcome, seats, holds, ...(freezes === undefined ? {} : { freezes }), votes };
}

export function runningOf(state: Running): Running {
  const { grant, authorisedAt, grantExpiresAt, authorisedVersion, run, runner, startedAt, targets, begun, done, undoing } = state;
  const granted: Authorised = { ...reviewedOf(state), grant, authorisedAt, grantExpiresAt, authorisedVersion };
  const { appliedAt, checked, stopped } = state;
  return {
    ...granted,
    run,
    runner,
    startedAt,
    begun,
    done,
    undoing,
    ...(targets === undefined ? {} : { targets }),
    ...(appliedAt === undefined ? {} : { appliedAt }),
    ...(checked === undefined ? {} : { checked }),
    ...(stopped === undefined ? {} : { stopped }),
  };
}

/** Under review on the emergency route. */
export const isEmergency = ({ seats }: Pick<Reviewed, "seats">): boolean => seats.some(({ glass }) => glass !== undefined);

/** What was signed so far, in case the next review object is the same. */
export function signedOf(state: ChangeState): Signed | undefined {
  switch (state.status) {
    case "awaiting":
    case "authorised":
    case "stale":
      return { reviewDigest: state.reviewDigest, votes: state.votes };
    case "planned":
      return state.previous;
    default:
      return undefined;
  }
}
