/** Invariants 1 to 7 and 11 at the moment in which somebody decides: plans, routes, votes, authorisations, starts. */
import { digestJson, digestOf, type Digest } from "../../src/core/base/index.ts";
import type { ChangeEvent, StepDigests } from "../../src/core/change/index.ts";
import type { Plan } from "../../src/core/plan/index.ts";
import { emergency, broken, reviewed } from "./emergency.ts";
import { isFrozen, type Bundle } from "./facts.ts";
import { payloadOf } from "./outside.ts";
import { expected } from "./policy.ts";
import { faultOf, makersOf, mayAlone, quorumFault, type People } from "./tally.ts";
import type { EventOf, Must, Track } from "./track.ts";

/** How far two clocks of one deployment may differ. */
export const SKEW = 60_000;

/** Everything that a decision is judged by. */
export interface Judge {
  readonly people: People;
  readonly bundle: Bundle;
  readonly bundleDigest: Digest;
  /** Stored bytes by digest. */
  readonly payload: (digest: Digest) => Uint8Array | undefined;
  /** What was on the page of everybody who asked for this review digest. */
  readonly shown: ReadonlyMap<Digest, Digest>;
  readonly consumed: Set<string>;
  readonly looks: number;
  /** All changes, for what one person owes elsewhere. */
  readonly tracks: ReadonlyMap<string, Track>;
}

const payloadDigest = (steps: readonly StepDigests[]): Digest =>
  digestJson(steps.map(({ id, connector, operation, state, payload }) => ({ id, connector, operation, state, payload })));

export function decideOn(track: Track, event: ChangeEvent, judge: Judge, must: Must): void {
  switch (event.type) {
    case "planned":
      return planned(track, event, judge, must);
    case "routed":
      return routed(track, event, judge, must);
    case "voted":
      return voted(track, event, judge, must);
    case "vote_withdrawn":
      track.votes = track.votes.filter((vote) => vote.person !== event.person);
      return;
    case "votes_voided":
      track.votes = track.votes.filter((vote) => !event.persons.includes(vote.person));
      return;
    case "revised":
    case "sent_back":
      track.votes = [];
      return;
    case "glass_broken":
      return broken(track, event, judge, must);
    case "glass_reviewed":
      return reviewed(track, event, judge, must);
    case "authorised":
      return authorised(track, event, judge, must);
    case "run_started":
      return started(track, event, judge, must);
    default:
      return;
  }
}

function planned(track: Track, event: EventOf<"planned">, judge: Judge, must: Must): void {
  const { asked, tag } = track;
  for (const [n, step] of event.stepDigests.entries()) {
    const bytes = judge.payload(step.payload);
    must(1, bytes !== undefined && digestOf(bytes) === step.payload, "the bytes of a planned step are not stored");
    if (bytes === undefined) return;
    if (asked.kind === "pawl") {
      const { kind, text } = JSON.parse(new TextDecoder().decode(bytes)) as { kind: string; text: string };
      must(3, kind === asked.config && text === asked.text, "the plan is not for what was asked");
      continue;
    }
    const payload = payloadOf(bytes);
    const wish = asked.wishes[n];
    const same = payload.tag === tag && payload.resource === wish?.resource && payload.value === wish.value;
    must(3, same, "the plan is not for what the current revision asks");
  }
  must(3, event.stepDigests.length === (asked.kind === "pawl" ? 1 : asked.wishes.length), "the plan has other steps than were asked for");
  must(1, event.payload === payloadDigest(event.stepDigests), "the payload digest is not that of the steps");
  track.plan = event;
}

function routed(track: Track, event: EventOf<"routed">, judge: Judge, must: Must): void {
  const { plan } = track;
  must(
    6,
    plan !== undefined && event.review.plan === plan.object.plan && event.review.state === plan.object.state,
    "a route for another plan",
  );
  must(6, event.reviewDigest === digestJson(event.review), "the review digest is not that of the five");
  must(11, event.review.bundle === judge.bundleDigest, "routed under a policy that is not in force");
  const document = judge.payload(event.review.plan);
  const steps = document && (JSON.parse(new TextDecoder().decode(document)) as Plan).steps;
  const same =
    steps?.map((step) => `${step.payloadDigest} ${step.stateDigest}`).join() ===
    plan?.stepDigests.map((step) => `${step.payload} ${step.state}`).join();
  must(1, same, "the plan that is reviewed does not show the payloads that would run");
  must(1, judge.payload(event.review.presentation) !== undefined, "nobody can see what is reviewed");
  const wanted = expected(track.asked, judge.bundle, event.at);
  if (event.seats.some(({ glass }) => glass !== undefined)) emergency(track, event, wanted.outcome, must);
  else ordinary(event, wanted, must);
  track.votes = track.votes.filter((vote) => event.kept.includes(vote.person));
  must(
    6,
    track.votes.every((vote) => vote.reviewDigest === event.reviewDigest),
    "a vote outlives what it was about",
  );
  track.route = event;
  track.reviews.push(event.reviewDigest);
}

function ordinary(event: EventOf<"routed">, wanted: ReturnType<typeof expected>, must: Must): void {
  must(11, event.outcome === wanted.outcome, `routed as ${event.outcome}, where the policy says ${wanted.outcome}`);
  must(7, event.holds.join() === wanted.holds.join(), `held by ${event.holds.join()}, where the policy says ${wanted.holds.join()}`);
  must(7, (event.freezes ?? []).join() === wanted.freezes.join(), "the route names other freezes than the policy has for it");
  for (const seat of wanted.seats) {
    const named = event.seats.some(
      ({ who, count }) =>
        count >= seat.count && who.some((each) => each.kind === seat.kind && (each.kind !== "group" || each.group === seat.group)),
    );
    must(4, named, `nobody is asked to sit for ${seat.kind} ${seat.group}`);
  }
}

/** Counted or not, a vote is recorded only for somebody who could give it then. */
function voted(track: Track, event: EventOf<"voted">, { people }: Judge, must: Must): void {
  const { vote } = event;
  const seats = track.route?.seats ?? [];
  must(6, vote.reviewDigest === track.route?.reviewDigest, "a vote on what is not under review");
  must(4, !track.votes.some((each) => each.person === vote.person), `${vote.person} votes twice`);
  const fault = faultOf(vote, seats, people);
  must(4, fault === undefined, `a vote is recorded although ${fault}`);
  const emergent = seats.some(({ glass }) => glass !== undefined);
  const may = vote.decision === "reject" || !emergent || track.breaking?.by === vote.person;
  must(4, may, `${vote.person} takes the seat of an emergency without breaking the glass`);
  const free = mayAlone(seats, track.parties) || !makersOf(track.parties, people.directory).has(vote.person);
  must(5, free, `${vote.person} votes on what they had a part in`);
  track.votes.push(vote);
}

function authorised(track: Track, event: EventOf<"authorised">, judge: Judge, must: Must): void {
  const { plan, route, votes } = track;
  must(6, plan !== undefined && route !== undefined && event.reviewDigest === route.reviewDigest, "authorised without a route");
  if (plan === undefined || route === undefined) return;
  must(1, event.payload === plan.payload, "the payload authorised is not the one planned");
  must(
    6,
    votes.every((vote) => vote.reviewDigest === event.reviewDigest && vote.decision === "approve"),
    "a vote about something else is counted",
  );
  must(
    11,
    route.outcome === "auto" || route.outcome === "review" || route.outcome === "escalate",
    `authorised although policy says ${route.outcome}`,
  );
  must(14, event.grantExpiresAt <= track.expiresAt, "a grant outlives its change");
  // Whoever breaks the glass has read the page of the route that it takes the place of.
  if (track.breaking === undefined)
    for (const vote of votes) must(1, judge.shown.get(vote.reviewDigest) === event.payload, `${vote.person} was not shown what would run`);
  if (route.outcome !== "auto") {
    const fault = quorumFault(votes, route.seats, track.parties, judge.people);
    if (fault !== undefined) must(fault.invariant, false, fault.message);
  }
  delete track.breaking;
  track.grant = { event, plan, route, votes: [...votes], revoked: false };
}

function started(track: Track, event: EventOf<"run_started">, judge: Judge, must: Must): void {
  const { grant } = track;
  must(7, grant?.event.grant === event.grant && !grant.revoked, "started on a grant that was revoked, or never given");
  must(8, !judge.consumed.has(event.grant), "a grant is consumed twice");
  if (grant === undefined) return;
  judge.consumed.add(event.grant);
  must(14, event.at < grant.event.grantExpiresAt, "started after its grant expired");
  must(14, event.at >= grant.event.at - SKEW, "started by a clock that is behind");
  must(11, grant.route.review.bundle === judge.bundleDigest, "started under a policy that is not the one in force");
  must(7, grant.route.holds.length === 0, "started although it is held");
  const { from = 0, until = Number.POSITIVE_INFINITY } = track.asked.kind === "sim" ? track.asked.times : {};
  must(14, event.at >= from && event.at < until, "started outside the time that its proposer asked for");
  const free = grant.route.seats.some(({ glass }) => glass !== undefined) || track.asked.kind === "pawl";
  must(14, free || !(isFrozen(judge.bundle, event.at) || isFrozen(judge.bundle, event.at + SKEW)), "started in a freeze");
  if (grant.route.outcome !== "auto") {
    const fault = quorumFault(grant.votes, grant.route.seats, track.parties, judge.people);
    if (fault !== undefined) must(fault.invariant, false, fault.message);
  }
  track.run = {
    id: event.run,
    grant,
    runner: event.runner,
    since: judge.looks,
    begun: new Set(),
    undoing: new Set(),
    sent: new Set(),
    effects: [],
    done: 0,
    stopped: false,
  };
}
