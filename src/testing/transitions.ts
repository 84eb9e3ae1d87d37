/** The table of docs/spec/lifecycle.md as data: what each command does in each status. */
import type { Millis } from "../core/base/index.ts";
import type { ChangeCommand, ChangeState, Status } from "../core/change/index.ts";
import { command as c, EXPIRY, grant } from "./lifecycle.ts";

export interface Transition {
  /** As the first column of the table has it. */
  readonly label: string;
  readonly accepted: Partial<Readonly<Record<Status, Status>>>;
  readonly command: (state: ChangeState) => ChangeCommand;
  /** Where a refusal has a closer code than `ended` and `wrong_status`. */
  readonly closer?: Partial<Readonly<Record<Status, string>>>;
  readonly at?: Millis;
}

const OPEN = ["proposed", "planned", "sent_back", "awaiting", "authorised", "stale"] as const;
const PLANNABLE = ["proposed", "planned", "awaiting", "authorised", "stale"] as const;
const ROUTABLE = ["planned", "awaiting", "authorised"] as const;
const VOTABLE = ["awaiting", "authorised"] as const;

const all = (from: readonly Status[], to: Status): Partial<Record<Status, Status>> =>
  Object.fromEntries(from.map((status) => [status, to]));
const consumed = Object.fromEntries(
  ["running", "applied", "verified", "failed", "undone", "indeterminate"].map((status) => [status, "grant_consumed"]),
);

export const TRANSITIONS: readonly Transition[] = [
  { label: "`plan`", accepted: all(PLANNABLE, "planned"), command: (state) => c.plan({ revision: state.revision }) },
  { label: "`refuse_plan`", accepted: all(PLANNABLE, "sent_back"), command: (state) => c.refusePlan({ revision: state.revision }) },
  { label: "`route` to `auto`", accepted: all(ROUTABLE, "authorised"), command: () => c.auto({ grant: grant(3) }) },
  {
    label: "`route` to `review` or `escalate`",
    // Bo's vote is about the same review object, so it stays.
    accepted: { planned: "awaiting", awaiting: "awaiting", authorised: "authorised" },
    command: () => c.route({ grant: grant(3) }),
  },
  { label: "`route` to `revise`", accepted: all(ROUTABLE, "sent_back"), command: () => c.route({ outcome: "revise", seats: [] }) },
  { label: "`route` to `block`", accepted: all(ROUTABLE, "blocked"), command: () => c.route({ outcome: "block", seats: [] }) },
  { label: "`vote` to approve", accepted: all(["awaiting"], "authorised"), command: () => c.approve("cy", { grant: grant(3) }) },
  { label: "`vote` to reject", accepted: all(VOTABLE, "rejected"), command: () => c.reject("cy") },
  { label: "`break_glass`", accepted: all(VOTABLE, "authorised"), command: () => c.breakGlass("ed", { frozen: ["freeze quiet"] }) },
  {
    label: "`withdraw_vote`",
    accepted: { authorised: "awaiting" },
    command: () => c.withdrawVote("bo"),
    closer: { awaiting: "no_vote" },
  },
  { label: "`recheck_votes`", accepted: { awaiting: "awaiting", authorised: "authorised" }, command: () => c.recheck() },
  { label: "`send_back`", accepted: all(VOTABLE, "sent_back"), command: () => c.sendBack("cy") },
  { label: "`revise`", accepted: all(OPEN, "proposed"), command: () => c.revise() },
  { label: "`withdraw`", accepted: all(OPEN, "withdrawn"), command: () => c.withdraw() },
  { label: "`supersede`", accepted: all(OPEN, "superseded"), command: () => c.supersede() },
  { label: "`expire`", accepted: all(OPEN, "expired"), command: () => c.expire(), at: EXPIRY },
  { label: "`start`", accepted: { authorised: "running" }, command: () => c.start(), closer: consumed },
  { label: "`stale`", accepted: all(VOTABLE, "stale"), command: () => c.stale() },
  {
    label: "`stale` of a run",
    accepted: { running: "stale" },
    command: (state) => c.stale("run" in state ? { run: state.run } : { run: c.start().run }),
  },
  { label: "`begin_effect`", accepted: { running: "running" }, command: () => c.begin("one") },
  { label: "`finish_effect`", accepted: {}, command: () => c.finish("one"), closer: { running: "step_out_of_order" } },
  { label: "`check`", accepted: { applied: "applied" }, command: () => c.check() },
  { label: "`stop`", accepted: { running: "running", applied: "applied" }, command: () => c.stop() },
  {
    label: "`begin_undo`",
    accepted: { applied: "applied" },
    command: () => c.undo("two"),
    closer: { running: "step_out_of_order" },
  },
  {
    label: "`report` as verified",
    accepted: { applied: "verified" },
    command: () => c.report("verified"),
    closer: { running: "effects_unfinished" },
  },
  { label: "`report` as failed", accepted: { running: "failed" }, command: () => c.report("failed"), closer: { applied: "effect_done" } },
  {
    label: "`report` as undone",
    accepted: {},
    command: () => c.report("undone"),
    closer: { running: "no_effect_begun", applied: "no_effect_begun" },
  },
  {
    label: "`report` as indeterminate",
    accepted: { running: "indeterminate", applied: "indeterminate" },
    command: () => c.report("indeterminate"),
  },
  { label: "`abandon`", accepted: { running: "failed", applied: "indeterminate" }, command: () => c.abandon() },
  { label: "`reconcile`", accepted: { indeterminate: "verified" }, command: () => c.reconcile("hal") },
];
