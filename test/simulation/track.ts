/** One change as the ledger and the outside tell it. */
import type { ChangeId, Digest } from "../../src/core/base/index.ts";
import type { ChangeEvent } from "../../src/core/change/index.ts";
import type { Parties, Vote } from "../../src/core/review/index.ts";
import type { Times } from "./actions.ts";
import type { Wish } from "./facts.ts";
import { Broken } from "./scheduler.ts";

export type EventOf<T extends ChangeEvent["type"]> = Extract<ChangeEvent, { readonly type: T }>;
export type Must = (invariant: number, holds: boolean, message: string) => void;

/** What somebody asked for, as the asker knows it. */
export type Asked =
  | { readonly kind: "sim"; readonly by: string; readonly wishes: readonly Wish[]; readonly times: Times }
  | { readonly kind: "pawl"; readonly by: string; readonly config: "policy" | "directory"; readonly text: string };

/** A write to the target that took effect. */
export interface Effect {
  readonly kind: "apply" | "undo";
  readonly step: string;
}

export interface Run {
  readonly id: string;
  readonly grant: Granted;
  readonly runner: string;
  /** When it started, in looks. */
  readonly since: number;
  readonly begun: Set<string>;
  readonly undoing: Set<string>;
  readonly sent: Set<string>;
  readonly effects: Effect[];
  done: number;
  appliedAt?: number;
  /** The latest look, as the ledger has it. */
  look?: EventOf<"checked">;
  stopped: boolean;
  ended?: ChangeEvent["type"];
}

export interface Granted {
  readonly event: EventOf<"authorised">;
  readonly plan: EventOf<"planned">;
  readonly route: EventOf<"routed">;
  readonly votes: readonly Vote[];
  revoked: boolean;
}

/** A broken glass, and whether somebody has looked at it. */
export type Broke = EventOf<"glass_broken">["glass"] & { reviewed: boolean };

export interface Track {
  readonly id: ChangeId;
  /** Of the proposal or revision that stands now. */
  tag: number;
  asked: Asked;
  parties: Parties;
  expiresAt: number;
  version: number;
  start: string;
  status: string;
  plan?: EventOf<"planned">;
  route?: EventOf<"routed">;
  votes: Vote[];
  grant?: Granted;
  run?: Run;
  /** Each time that the glass was broken for it. */
  readonly glass: Broke[];
  /** Whoever is breaking it, until that has authorised. */
  breaking?: Broke;
  ended: boolean;
  /** Review digests in their order, for those who look at an old page. */
  readonly reviews: Digest[];
}

/** Nothing follows these. */
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
/** A grant that stood before these is worth nothing after them. */
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

/** The status that an event leads to, by its name; undefined where it stays. */
function statusAfter(event: ChangeEvent, now: string): string {
  switch (event.type) {
    case "proposed":
    case "revised":
      return "proposed";
    case "routed":
      return event.outcome === "revise" || event.outcome === "block" ? now : "awaiting";
    case "vote_withdrawn":
    case "votes_voided":
      return "awaiting";
    case "run_started":
      return "running";
    case "staled":
      return "stale";
    case "reconciled":
      return event.as;
    case "voted":
    case "effect_started":
    case "effect_done":
    case "undo_started":
    case "checked":
    case "stop_requested":
    case "glass_broken":
    case "glass_reviewed":
      return now;
    default:
      return event.type;
  }
}

/** What holds for every entry, whatever it says. */
export function book(track: Track, event: ChangeEvent, n: number, must: Must): void {
  must(13, n === track.version, `event ${n} follows ${track.version} events`);
  // A review is owed whatever has become of the change.
  const owed = event.type === "glass_reviewed";
  must(10, !track.ended || owed, "something happens after the end");
  if (track.status === "indeterminate" && !owed) must(9, event.type === "reconciled", "an unknown outcome is not left alone");
  const started = track.run !== undefined && track.run.ended !== "staled";
  if (!started && event.type !== "expired" && !owed) must(7, event.at < track.expiresAt, "something happens to a change that has expired");
  track.version += 1;
  track.status = statusAfter(event, track.status);
  if (REVOKES.includes(event.type) && track.grant !== undefined) track.grant.revoked = true;
  if (ENDS.includes(event.type)) track.ended = true;
}

/** Who decided, where it was a person. */
export function decider(event: ChangeEvent): string | undefined {
  switch (event.type) {
    case "voted":
      return event.vote.person;
    case "vote_withdrawn":
      return event.person;
    case "rejected":
    case "stop_requested":
    case "reconciled":
    case "glass_reviewed":
      return event.by;
    case "glass_broken":
      return event.glass.by;
    case "sent_back":
      return event.by === "policy" || event.by === "plan" ? undefined : event.by;
    default:
      return undefined;
  }
}

/** How a run ended is what really happened. */
export function ended(run: Run, event: ChangeEvent, must: Must): void {
  run.ended = event.type;
  const applied = run.effects.filter(({ kind }) => kind === "apply").map(({ step }) => step);
  const undone = run.effects.filter(({ kind }) => kind === "undo").map(({ step }) => step);
  if (event.type === "failed" || event.type === "staled")
    must(10, applied.length === 0, `${event.type} although ${applied.join(", ")} happened`);
  if (event.type === "verified")
    must(10, applied.length === run.grant.plan.stepDigests.length && undone.length === 0, "verified although not all of it happened");
  if (event.type === "verified") heldLongEnough(run, event.at, must);
  if (event.type === "undone")
    must(
      10,
      applied.every((step) => undone.includes(step)),
      "undone although some of it stands",
    );
}

/** What is watched was found to hold at the end of its window, and never found wrong; what was stopped is not called good. */
function heldLongEnough({ stopped, look, appliedAt = 0, grant }: Run, at: number, must: Must): void {
  const { watch } = grant.plan;
  must(7, !stopped, "a run that somebody stopped is verified");
  must(10, look?.result !== "failed", "verified although a look found it wrong");
  if (watch === undefined) return;
  const until = appliedAt + watch.seconds * 1000;
  must(10, look?.result === "held" && look.at >= until && at >= until, "verified before the end of its watch");
}

/** What a person who looks at the target finds. */
export function truthOf(run: Run): "verified" | "failed" | "undone" {
  const applied = run.effects.filter(({ kind }) => kind === "apply");
  if (applied.length === 0) return "failed";
  return applied.length === run.grant.plan.stepDigests.length && run.undoing.size === 0 ? "verified" : "undone";
}

export const mustOf =
  (change: string, where: () => string): Must =>
  (invariant, holds, message) => {
    if (!holds) throw new Broken(invariant, `${message} (${where()})`, change);
  };
