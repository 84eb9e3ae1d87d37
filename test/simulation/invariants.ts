/** What must hold whatever happens, said again from the log and the target's own record, without the code under test. */
import { digestJson, digestOf, type ChangeId, type Digest, type GrantId, type RunId } from "../../src/core/base/index.ts";
import { evolve, type ChangeEvent, type ChangeState } from "../../src/core/change/index.ts";
import type { Parties, Vote } from "../../src/core/review/index.ts";
import { trust } from "../../src/testing/grants.ts";
import { bundleDigest, payloadBytes } from "./facts.ts";
import { counts, decider, makersOf, payloadDigest } from "./oracle.ts";
import type { Entry } from "./system.ts";
import type { Effect, World } from "./world.ts";

/** Invariant `number` of the design does not hold. */
export class Broken extends Error {
  readonly invariant: number;
  readonly change: ChangeId | undefined;
  constructor(invariant: number, message: string, change?: ChangeId) {
    super(`invariant ${invariant}: ${message}`);
    this.invariant = invariant;
    this.change = change;
  }
}

type EventOf<T extends ChangeEvent["type"]> = Extract<ChangeEvent, { readonly type: T }>;

type Must = (invariant: number, holds: boolean, message: string) => void;

interface Run {
  readonly grant: Granted;
  readonly runner: string;
  readonly begun: Set<string>;
  done: number;
  readonly undoing: Set<string>;
  ended?: ChangeEvent["type"];
}

interface Granted {
  readonly event: EventOf<"authorised">;
  readonly plan: EventOf<"planned">;
  readonly route: EventOf<"routed">;
  readonly votes: readonly Vote[];
  revoked: boolean;
}

/** One change as its log tells it. */
interface Track {
  state: ChangeState | undefined;
  parties: Parties;
  proposal: Digest;
  expiresAt: number;
  plan?: EventOf<"planned">;
  route?: EventOf<"routed">;
  votes: Vote[];
  grant?: Granted;
  run?: Run;
  ended: boolean;
}

const ENDS: readonly ChangeEvent["type"][] = [
  "blocked",
  "rejected",
  "verified",
  "failed",
  "undone",
  "expired",
  "withdrawn",
  "superseded",
  "reconciled",
];
const REVOKES: readonly ChangeEvent["type"][] = [
  "planned",
  "routed",
  "voted",
  "vote_withdrawn",
  "votes_voided",
  "rejected",
  "sent_back",
  "revised",
  "staled",
  "withdrawn",
  "superseded",
  "expired",
];

/** Events that a run's own runner brings about; of these, two can also come from control when the runner is gone. */
const OF_RUNNER: readonly ChangeEvent["type"][] = [
  "effect_started",
  "effect_done",
  "undo_started",
  "applied",
  "verified",
  "failed",
  "undone",
  "indeterminate",
];
const ABANDONS: readonly ChangeEvent["type"][] = ["failed", "indeterminate"];

export class Invariants {
  readonly #world: World;
  readonly #tracks = new Map<ChangeId, Track>();
  readonly #consumed = new Set<GrantId>();
  readonly #runs = new Map<RunId, Run>();

  constructor(world: World) {
    this.#world = world;
  }

  /** Called for every new entry of the log, in order. */
  entry(entry: Entry): void {
    const { change, event } = entry;
    const must = (invariant: number, holds: boolean, message: string): void => {
      if (!holds) throw new Broken(invariant, `${message} (${event.type} at ${entry.index})`, change);
    };
    const track = this.#trackOf(change, event);
    this.#time(track, event, must);
    this.#bookkeeping(track, entry, must);
    this.#credential(track, entry, must);
    if (REVOKES.includes(event.type) && track.grant !== undefined) track.grant.revoked = true;
    this.#votes(track, event, must);
    this.#running(track, event, must);
    if (ENDS.includes(event.type)) track.ended = true;
  }

  #trackOf(change: ChangeId, event: ChangeEvent): Track {
    const known = this.#tracks.get(change);
    if (known !== undefined) return known;
    if (event.type !== "proposed") throw new Broken(10, `${event.type} before anything was proposed`, change);
    const { parties, proposal, expiresAt } = event;
    const track: Track = { state: undefined, parties, proposal, expiresAt, votes: [], ended: false };
    this.#tracks.set(change, track);
    return track;
  }

  /** The log is contiguous, and the state is what it folds to. */
  #bookkeeping(track: Track, { n, event, change }: Entry, must: Must): void {
    must(13, n === (track.state?.version ?? 0) + 1, `event ${n} follows ${track.state?.version ?? 0}`);
    must(10, !track.ended, "something happens after the end");
    if (track.state?.status === "indeterminate") must(9, event.type === "reconciled", "an unknown outcome is not left alone");
    track.state = evolve(track.state, event);
    const stored = this.#world.system.read(change);
    if (stored?.version === n) must(13, digestJson(stored) === digestJson(track.state), "the stored state is not the fold of its log");
  }

  /** Only people decide, and only in their own name; only the runner that started speaks of its run. */
  #credential(track: Track, { by, event }: Entry, must: Must): void {
    const person = decider(event);
    if (person !== undefined) must(15, by === `human:${person}`, `${by} decided as ${person}`);
    const told = OF_RUNNER.includes(event.type) && !(ABANDONS.includes(event.type) && by === "control");
    if (told) must(3, by === track.run?.runner, `${by} speaks for the run of ${track.run?.runner}`);
    if (event.type === "revised") {
      const { by: editor, proposal, expiresAt } = event;
      Object.assign(track, { proposal, expiresAt, parties: { ...track.parties, editors: [...track.parties.editors, editor] } });
    }
  }

  /** Nothing but its expiry becomes of a change whose time is over before it has started. */
  #time(track: Track, event: ChangeEvent, must: Must): void {
    const started = track.state !== undefined && "run" in track.state;
    if (!started && event.type !== "expired") must(7, event.at < track.expiresAt, "something happens to a change that has expired");
  }

  #votes(track: Track, event: ChangeEvent, must: Must): void {
    switch (event.type) {
      case "planned": {
        const asked = this.#world.specs.get(track.proposal)?.wishes.map((wish) => digestOf(payloadBytes(wish)));
        must(
          3,
          digestJson(asked ?? []) === digestJson(event.stepDigests.map((step) => step.payload)),
          "the plan is not for what the current revision asks",
        );
        track.plan = event;
        return;
      }
      case "routed":
        must(
          6,
          event.review.plan === track.plan?.object.plan && event.review.state === track.plan.object.state,
          "a route for another plan",
        );
        track.votes = track.votes.filter((vote) => event.kept.includes(vote.person));
        must(
          6,
          track.votes.every((vote) => vote.reviewDigest === event.reviewDigest),
          "a vote outlives what it was about",
        );
        track.route = event;
        return;
      case "voted":
        must(6, event.vote.reviewDigest === track.route?.reviewDigest, "a vote on what is not under review");
        track.votes.push(event.vote);
        return;
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
      case "authorised":
        return this.#authorised(track, event, must);
      default:
        return;
    }
  }

  #authorised(track: Track, event: EventOf<"authorised">, must: Must): void {
    const { plan, route, votes } = track;
    must(6, plan !== undefined && route !== undefined && event.reviewDigest === route.reviewDigest, "authorised without a route");
    if (plan === undefined || route === undefined) return;
    must(
      1,
      event.payload === plan.payload && plan.payload === payloadDigest(plan.stepDigests),
      "the payload authorised is not the one planned",
    );
    must(
      6,
      votes.every((vote) => vote.reviewDigest === event.reviewDigest && vote.decision === "approve"),
      "a vote about something else is counted",
    );
    must(11, ["auto", "review", "escalate"].includes(route.outcome), `authorised although policy says ${route.outcome}`);
    if (route.outcome !== "auto") {
      must(4, route.seats.length > 0, "nobody was asked");
      for (const seat of route.seats)
        must(4, votes.filter((vote) => vote.seat === seat.id).length >= seat.count, `seat ${seat.id} has not its votes`);
    }
    const makers = makersOf(track.parties, this.#world.people);
    for (const vote of votes) must(5, !makers.has(vote.person), `${vote.person} signs what they made`);
    track.grant = { event, plan, route, votes: [...votes], revoked: false };
  }

  #running(track: Track, event: ChangeEvent, must: Must): void {
    const { run } = track;
    switch (event.type) {
      case "run_started":
        return this.#started(track, event, must);
      case "effect_started":
        must(9, run !== undefined && run.ended === undefined, "an effect of a run that is not under way");
        must(
          2,
          event.observed === run?.grant.plan.stepDigests.find((step) => step.id === event.step)?.state,
          "an effect begins on another state",
        );
        must(
          10,
          run?.grant.plan.stepDigests[run.begun.size]?.id === event.step && run.done === run.begun.size,
          "an effect out of its order",
        );
        run?.begun.add(event.step);
        return;
      case "effect_done":
        if (run !== undefined) run.done++;
        return;
      case "undo_started":
        must(10, run?.begun.has(event.step) === true, "undoing what was not begun");
        run?.undoing.add(event.step);
        return;
      case "staled":
      case "verified":
      case "failed":
      case "undone":
      case "indeterminate":
        if (run !== undefined && run.ended === undefined) this.#ended(run, event, must);
        return;
      default:
        return;
    }
  }

  #started(track: Track, event: EventOf<"run_started">, must: Must): void {
    const { grant } = track;
    must(7, grant?.event.grant === event.grant && !grant.revoked, "started on a grant that was revoked, or never given");
    must(8, !this.#consumed.has(event.grant), "a grant is consumed twice");
    if (grant === undefined) return;
    this.#consumed.add(event.grant);
    must(14, event.at < grant.event.grantExpiresAt, "started after its grant expired");
    must(11, grant.route.review.bundle === bundleDigest(this.#world.bundle), "started under a policy that is not the current one");
    must(7, grant.route.holds.length === 0, "started although it is held");
    this.#quorum(track.parties, grant, must);
    const run: Run = { grant, runner: event.runner, begun: new Set(), done: 0, undoing: new Set() };
    track.run = run;
    this.#runs.set(event.run, run);
  }

  /** The same people again, from the directory's own tables: present, in the seat's group, themselves, and not the makers. */
  #quorum(parties: Parties, { route, votes }: Granted, must: Must): void {
    if (route.outcome === "auto") return;
    const { people } = this.#world;
    const makers = makersOf(parties, people);
    const valid = votes.filter((vote) => counts(vote, route.seats, people));
    for (const vote of valid) must(5, !makers.has(vote.person), `${vote.person} signs what they made`);
    for (const seat of route.seats) {
      const sitters = new Set(valid.filter((vote) => vote.seat === seat.id).map((vote) => vote.person));
      must(4, sitters.size >= seat.count, `seat ${seat.id} is not filled as people stand now`);
    }
    must(4, new Set(valid.map((vote) => vote.person)).size === valid.length, "one person is counted twice");
  }

  /** How a run ended is what really happened. */
  #ended(run: Run, event: ChangeEvent, must: Must): void {
    run.ended = event.type;
    const effects = this.#world.effects.filter((effect) => this.#runs.get(effect.run) === run);
    const applied = effects.filter((effect) => effect.kind === "apply").map((effect) => effect.step);
    const undone = effects.filter((effect) => effect.kind === "undo").map((effect) => effect.step);
    if (event.type === "failed" || event.type === "staled")
      must(10, applied.length === 0, `${event.type} although ${applied.join(", ")} happened`);
    if (event.type === "verified")
      must(10, applied.length === run.grant.plan.stepDigests.length && undone.length === 0, "verified although not all of it happened");
    if (event.type === "undone")
      must(
        10,
        applied.every((step) => undone.includes(step)),
        "undone although some of it stands",
      );
  }

  /** Called when something really happened to the target. */
  effect(effect: Effect): void {
    const run = this.#runs.get(effect.run);
    const must = (invariant: number, holds: boolean, message: string): void => {
      if (!holds) throw new Broken(invariant, `${message} (${effect.kind} of ${effect.step} by ${effect.runner})`, effect.change);
    };
    must(9, run !== undefined, "an effect without a start");
    if (run === undefined) return;
    const step = run.grant.plan.stepDigests.find((each) => each.id === effect.step);
    must(3, run.runner === effect.runner && step !== undefined, "an effect outside the grant");
    must(9, run.ended === undefined || run.ended === "indeterminate", `an effect after the run ended as ${run.ended}`);
    if (effect.kind === "undo") return must(10, run.undoing.has(effect.step), "an undo without its intent in the log");
    must(1, effect.payload === step?.payload, "other bytes ran than were approved");
    must(10, run.begun.has(effect.step), "an effect without its intent in the log");
    const { at, grantExpiresAt } = run.grant.event;
    must(14, effect.at < grantExpiresAt && effect.at >= at - 2 * trust.skewMillis, "an effect outside the time of its grant");
    const again = this.#world.effects.filter((other) => other.run === effect.run && other.step === effect.step && other.kind === "apply");
    must(9, again.length === 1, "an effect happens twice");
  }
}
